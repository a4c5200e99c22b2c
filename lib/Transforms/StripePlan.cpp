//===- StripePlan.cpp - Which layers are computed in stripes --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StripePlan.h"

#include "QDialect/Shapes.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static int64_t getHeight(Value value) { return getShape(value)[1]; }

RowRange q::getInputRows(Operation *layer, RowRange rows) {
  auto lookAt = [&](auto op, int64_t windowRows) -> RowRange {
    int64_t stride = op.getStrides()[0], top = op.getPads()[0];
    int64_t reach = op.getDilations()[0] * (windowRows - 1);
    return {rows.begin * stride - top,
            (rows.end - 1) * stride - top + reach + 1};
  };
  if (auto pool = dyn_cast<MaxPool2DOp>(layer))
    return lookAt(pool, pool.getKernel()[0]);
  auto conv = cast<Conv2DOp>(layer);
  return lookAt(conv, getShape(conv.getWeights())[1]);
}

/// The rows of a range that exist.
static RowRange clampRows(RowRange rows, int64_t height) {
  return {std::max<int64_t>(rows.begin, 0), std::min(rows.end, height)};
}

/// The output rows of every layer that are computed for `rows` of the last.
static SmallVector<RowRange> getRowsOfLayers(ArrayRef<Operation *> layers,
                                             RowRange rows) {
  SmallVector<RowRange> result(layers.size(), rows);
  for (size_t i = layers.size() - 1; i > 0; --i)
    result[i - 1] = clampRows(getInputRows(layers[i], result[i]),
                              getHeight(layers[i - 1]->getResult(0)));
  return result;
}

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

/// Bytes of a value in memory; quantized ones of 8 bits or fewer take a byte.
static int64_t getNumBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return 0;
  Type element = type.getElementType();
  unsigned bits =
      isa<quant::QuantizedType>(element)
          ? cast<quant::QuantizedType>(element).getStorageTypeIntegralWidth()
          : element.getIntOrFloatBitWidth();
  return type.getNumElements() *
         static_cast<int64_t>(llvm::divideCeil(bits, 8));
}

namespace {

/// A buffer: values that share memory.
struct Buffer {
  int64_t bytes = 0;
  int64_t begin = INT64_MAX, end = -1; ///< positions of ops
};

/// One way to compute some ops in stripes.
struct Option {
  Stripes stripes;
  int64_t first, last; ///< positions
  int64_t bytes;       ///< that live at once meanwhile
  int64_t extraMacs;
};

class Planner {
public:
  explicit Planner(func::FuncOp function) : block(function.front()) {
    collectBuffers();
    collectOptions();
  }
  StripePlan plan();

private:
  void collectBuffers();
  void collectOptions();
  void addOptions(ArrayRef<Operation *> layers);
  int64_t getBytesOf(ArrayRef<Operation *> layers, int64_t rows) const;
  bool isInterior(Value value) const;

  Block &block;
  llvm::DenseMap<Operation *, int64_t> positions;
  llvm::DenseMap<Value, size_t> bufferOf;
  SmallVector<Buffer> buffers;
  SmallVector<int64_t> live; ///< bytes at each position
  SmallVector<Option> options;
};

} // namespace

void Planner::collectBuffers() {
  int64_t position = 0;
  // Views share the memory of what they look at, and what is only concatenated
  // is computed in its place.
  llvm::EquivalenceClasses<Value> shared;
  for (Operation &op : block) {
    positions[&op] = position++;
    for (Value result : op.getResults())
      shared.insert(result);
    if (isa<ReshapeOp>(op))
      shared.unionSets(op.getOperand(0), op.getResult(0));
    if (isa<ConcatOp>(op))
      for (Value input : op.getOperands())
        if (input.hasOneUse() && input.getDefiningOp())
          shared.unionSets(input, op.getResult(0));
  }
  llvm::DenseMap<Value, size_t> ofLeader;
  SmallVector<bool> isOutside;
  auto add = [&](Value value) {
    Value leader = shared.getOrInsertLeaderValue(value);
    auto [it, isNew] = ofLeader.try_emplace(leader, buffers.size());
    if (isNew) {
      buffers.emplace_back();
      isOutside.push_back(false);
    }
    size_t index = bufferOf[value] = it->second;
    Buffer &buffer = buffers[index];
    Operation *def = value.getDefiningOp();
    if (!def || isa<ConstOp>(def)) {
      isOutside[index] = true;
      return;
    }
    buffer.bytes = std::max(buffer.bytes, getNumBytes(value));
    int64_t at = positions[def];
    buffer.begin = std::min(buffer.begin, at);
    buffer.end = std::max(buffer.end, at);
    for (Operation *user : value.getUsers()) {
      buffer.end = std::max(buffer.end, positions[user]);
      // The caller gives the memory of results.
      if (user->hasTrait<OpTrait::IsTerminator>())
        isOutside[index] = true;
    }
  };
  for (Value argument : block.getArguments())
    add(argument);
  for (Operation &op : block)
    for (Value result : op.getResults())
      add(result);
  live.assign(position, 0);
  for (auto [buffer, outside] : llvm::zip_equal(buffers, isOutside)) {
    if (outside)
      buffer.bytes = 0;
    for (int64_t at = buffer.begin; at <= buffer.end; ++at)
      live[at] += buffer.bytes;
  }
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// A layer that can be computed row by row: one image, quantized.
static bool isRowLayer(Operation *layer) {
  if (!isa<Conv2DOp, MaxPool2DOp>(layer))
    return false;
  auto type = cast<RankedTensorType>(layer->getResult(0).getType());
  return type.hasStaticShape() && type.getDimSize(0) == 1 &&
         type.getDimSize(1) > 1 &&
         isa<quant::QuantizedType>(type.getElementType());
}

/// Nothing but the next layer looks at it.
bool Planner::isInterior(Value value) const {
  return value.hasOneUse() && isRowLayer(*value.user_begin()) &&
         value.use_begin()->getOperandNumber() == 0;
}

void Planner::collectOptions() {
  constexpr size_t most = 4;
  for (Operation &first : block) {
    SmallVector<Operation *> layers;
    for (Operation *layer = &first; isRowLayer(layer);) {
      layers.push_back(layer);
      if (layers.size() > 1)
        addOptions(layers);
      Value result = layer->getResult(0);
      if (layers.size() == most || !isInterior(result))
        break;
      layer = *result.user_begin();
      // Other ops in between would live with the stripes.
      Operation *next = layers.back()->getNextNode();
      while (next && isa<ConstOp>(next))
        next = next->getNextNode();
      if (next != layer)
        break;
    }
  }
}

/// The most that the results of `layers` take at once in stripes of `rows`.
int64_t Planner::getBytesOf(ArrayRef<Operation *> layers, int64_t rows) const {
  int64_t height = getHeight(layers.back()->getResult(0)), most = 0;
  for (int64_t begin = 0; begin < height; begin += rows) {
    SmallVector<RowRange> ranges =
        getRowsOfLayers(layers, {begin, std::min(begin + rows, height)});
    int64_t before = 0;
    for (size_t i = 0; i + 1 < layers.size(); ++i) {
      Value result = layers[i]->getResult(0);
      int64_t bytes = llvm::alignTo(
          getNumBytes(result) / getHeight(result) * ranges[i].size(), 64);
      most = std::max(most, before + bytes);
      before = bytes;
    }
  }
  return most;
}

/// Multiply-accumulates of a row of a layer's result; a max pool counts like
/// one for each element.
static int64_t getMacsOfRow(Operation *layer) {
  ArrayRef<int64_t> out = getShape(layer->getResult(0));
  auto conv = dyn_cast<Conv2DOp>(layer);
  if (!conv)
    return out[2] * out[3];
  auto weights = cast<RankedTensorType>(conv.getWeights().getType());
  return out[2] * weights.getNumElements();
}

void Planner::addOptions(ArrayRef<Operation *> layers) {
  int64_t first = positions[layers.front()], last = positions[layers.back()];
  int64_t around = 0;
  for (size_t index = 0; index < buffers.size(); ++index) {
    const Buffer &buffer = buffers[index];
    bool isOfStripe = llvm::any_of(layers.drop_back(), [&](Operation *layer) {
      return bufferOf.lookup(layer->getResult(0)) == index;
    });
    if (!isOfStripe && buffer.begin <= last && buffer.end >= first)
      around += buffer.bytes;
  }
  int64_t height = getHeight(layers.back()->getResult(0)), macs = 0;
  for (Operation *layer : layers)
    macs += getMacsOfRow(layer) * getHeight(layer->getResult(0));
  // Each stripe is a call of each kernel; and few rows are computed twice.
  constexpr int64_t mostStripes = 16, mostExtraPercent = 40;
  int64_t lastRows = height;
  for (int64_t count = 2; count <= mostStripes; ++count) {
    int64_t rows = static_cast<int64_t>(llvm::divideCeil(height, count));
    if (rows == lastRows)
      continue;
    lastRows = rows;
    int64_t computed = 0;
    for (int64_t begin = 0; begin < height; begin += rows)
      for (auto [layer, range] : llvm::zip_equal(
               layers, getRowsOfLayers(
                           layers, {begin, std::min(begin + rows, height)})))
        computed += getMacsOfRow(layer) * range.size();
    if ((computed - macs) * 100 > macs * mostExtraPercent)
      break;
    options.push_back({{SmallVector<Operation *>(layers), rows},
                       first,
                       last,
                       around + getBytesOf(layers, rows),
                       computed - macs});
  }
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

StripePlan Planner::plan() {
  StripePlan result;
  if (live.empty())
    return result;
  auto peakOf = [](ArrayRef<int64_t> bytes) {
    return std::max_element(bytes.begin(), bytes.end());
  };
  result.bytesBefore = *peakOf(live);
  // First how low it can get: at each peak the stripes that help most there.
  SmallVector<int64_t> bytes(live);
  SmallVector<const Option *> chosen;
  while (true) {
    const int64_t *peak = peakOf(bytes);
    int64_t at = peak - bytes.begin();
    const Option *best = nullptr;
    for (const Option &option : options) {
      bool isFree = llvm::none_of(chosen, [&](const Option *other) {
        return option.first <= other->last && other->first <= option.last;
      });
      if (isFree && option.first <= at && at <= option.last &&
          option.bytes < *peak &&
          (!best || std::make_pair(option.bytes, option.extraMacs) <
                        std::make_pair(best->bytes, best->extraMacs)))
        best = &option;
    }
    if (!best)
      break;
    std::fill(bytes.begin() + best->first, bytes.begin() + best->last + 1,
              best->bytes);
    chosen.push_back(best);
  }
  int64_t least = result.bytesAfter = *peakOf(bytes);
  // Then, for the same peak, what repeats the least.
  for (const Option *region : chosen) {
    auto staysBelow = [&](int64_t first, int64_t last) {
      return std::all_of(live.begin() + first, live.begin() + last,
                         [&](int64_t bytes) { return bytes <= least; });
    };
    if (staysBelow(region->first, region->last + 1))
      continue;
    const Option *best = region;
    for (const Option &option : options)
      if (option.first >= region->first && option.last <= region->last &&
          option.bytes <= least && staysBelow(region->first, option.first) &&
          staysBelow(option.last + 1, region->last + 1) &&
          std::make_pair(option.extraMacs, -option.stripes.rows) <
              std::make_pair(best->extraMacs, -best->stripes.rows))
        best = &option;
    result.stripes.push_back(best->stripes);
  }
  return result;
}

StripePlan q::planStripes(func::FuncOp function) {
  return Planner(function).plan();
}
