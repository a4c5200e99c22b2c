//===- Statistics.cpp - Collects and merges calibration statistics --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Statistics.h"

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/IntegerSemantics.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::eval;

//===----------------------------------------------------------------------===//
// One tensor
//===----------------------------------------------------------------------===//

void Statistics::add(ArrayRef<float> values) {
  auto extremes = histogram.add(values);
  if (!extremes)
    return;
  auto [low, high] = *extremes;
  if (!pending)
    pending = {low, high};
  pending->min = std::min(pending->min, low);
  pending->max = std::max(pending->max, high);
}

void Statistics::endBatch() {
  if (!pending)
    return;
  ++batches;
  sumMin += pending->min;
  sumMax += pending->max;
  emaMin = decay * emaMin + (1.0 - decay) * pending->min;
  emaMax = decay * emaMax + (1.0 - decay) * pending->max;
  pending.reset();
}

void Statistics::addChannels(ArrayRef<float> values, ArrayRef<int64_t> shape,
                             int64_t axis) {
  int64_t extent = shape[axis];
  int64_t inner = Tensor::count(shape.drop_front(axis + 1));
  bool isFirst = channels.empty();
  if (isFirst)
    channels.assign(extent, {INFINITY, -INFINITY});
  for (auto [i, value] : llvm::enumerate(values)) {
    if (!std::isfinite(value))
      continue;
    RealRange &range = channels[int64_t(i) / inner % extent];
    range.min = std::min<double>(range.min, value);
    range.max = std::max<double>(range.max, value);
  }
  // A channel without a finite value is dead.
  for (RealRange &range : channels)
    if (range.min > range.max)
      range = {0.0, 0.0};
}

LogicalResult Statistics::merge(const Statistics &later) {
  bool bothSeen = batches > 0 && later.batches > 0;
  if (bothSeen && decay != later.decay)
    return failure();
  if (!channels.empty() && !later.channels.empty() &&
      channels.size() != later.channels.size())
    return failure();
  if (batches == 0)
    decay = later.decay;
  histogram.merge(later.histogram);
  sumMin += later.sumMin;
  sumMax += later.sumMax;
  // What came before has decayed while the later batches were seen.
  double fade = std::pow(decay, double(later.batches));
  emaMin = fade * emaMin + later.emaMin;
  emaMax = fade * emaMax + later.emaMax;
  batches += later.batches;
  if (channels.empty())
    channels = later.channels;
  for (auto [own, other] : llvm::zip(channels, later.channels)) {
    own.min = std::min(own.min, other.min);
    own.max = std::max(own.max, other.max);
  }
  return success();
}

LogicalResult q::eval::mergeStatistics(StatisticsMap &into,
                                       const StatisticsMap &from,
                                       Location loc) {
  for (const auto &[key, statistics] : from)
    if (failed(into[key].merge(statistics)))
      return emitError(loc) << "cannot merge the statistics of '" << key
                            << "': they were collected with another decay or "
                               "number of channels; collect both alike";
  return success();
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

static StringRef getName(Location loc) {
  auto name = loc->findInstanceOf<NameLoc>();
  return name ? name.getName().getValue() : StringRef();
}

static std::string getBaseName(QuantizerOp op) {
  StringRef own = getName(op.getLoc());
  if (!own.empty())
    return own.str();
  Value input = op.getInput();
  StringRef producer = getName(input.getLoc());
  if (!producer.empty())
    return producer.str();
  if (auto argument = dyn_cast<BlockArgument>(input))
    return "arg" + std::to_string(argument.getArgNumber());
  return input.getDefiningOp()->getName().getStringRef().str();
}

llvm::MapVector<Operation *, std::string>
q::eval::getQuantizerKeys(func::FuncOp function) {
  llvm::MapVector<Operation *, std::string> keys;
  llvm::StringMap<unsigned> uses;
  function.walk([&](QuantizerOp op) {
    std::string name = getBaseName(op);
    unsigned ordinal = uses[name]++;
    if (ordinal > 0)
      name += "#" + std::to_string(ordinal);
    keys[op] = std::move(name);
  });
  return keys;
}

std::string q::eval::getQuantizerKey(QuantizerOp quantizer) {
  auto function = quantizer->getParentOfType<func::FuncOp>();
  if (!function)
    return getBaseName(quantizer);
  return getQuantizerKeys(function).lookup(quantizer);
}

//===----------------------------------------------------------------------===//
// Collection
//===----------------------------------------------------------------------===//

FailureOr<Statistics> q::eval::getConstantStatistics(Value constant,
                                                     int64_t axis) {
  FailureOr<std::vector<float>> values = getConstantFloats(constant);
  if (failed(values))
    return failure();
  Statistics statistics;
  statistics.add(*values);
  statistics.endBatch();
  if (axis >= 0)
    statistics.addChannels(
        *values, cast<RankedTensorType>(constant.getType()).getShape(), axis);
  return statistics;
}

namespace {

/// A quantizer whose values come from data.
struct Watched {
  QuantizerOp op;
  Statistics *statistics;
};

} // namespace

static LogicalResult checkNans(QuantizerOp op, const Statistics &statistics,
                               StringRef where) {
  int64_t nans = statistics.histogram.getNans();
  if (nans == 0)
    return success();
  return op->emitError("sees ")
         << nans << " values that are not numbers (NaN)" << where
         << "; check the data and its preprocessing";
}

LogicalResult q::eval::collectStatistics(func::FuncOp function,
                                         DataSource &data,
                                         StatisticsMap &statistics,
                                         const CollectOptions &options,
                                         Progress progress) {
  auto evaluator = createFloatEvaluator(function);
  if (failed(evaluator))
    return failure();
  llvm::MapVector<Value, Watched> watched;
  for (const auto &[op, key] : getQuantizerKeys(function)) {
    auto quantizer = cast<QuantizerOp>(op);
    Value input = quantizer.getInput();
    if (input.getDefiningOp<ConstOp>()) {
      auto constant =
          getConstantStatistics(input, quantizer.getScheme().getAxis());
      if (failed(constant) || failed(checkNans(quantizer, *constant, "")))
        return failure();
      statistics[key] = std::move(*constant);
      continue;
    }
    Statistics &own = statistics[key];
    if (own.batches == 0)
      own.decay = options.decay;
    else if (own.decay != options.decay)
      return quantizer->emitError("has statistics collected with decay ")
             << own.decay << ", which cannot be continued with "
             << options.decay;
    watched.insert({quantizer.getOutput(), {quantizer, &own}});
  }

  auto observe = [&](Value value, const Tensor &tensor) {
    auto found = watched.find(value);
    if (found == watched.end())
      return;
    auto &[op, own] = found->second;
    own->add(tensor.f());
    if (op.getScheme().getAxis() >= 0)
      own->addChannels(tensor.f(), tensor.getShape(), op.getScheme().getAxis());
  };
  auto endBatch = [&] {
    for (auto &[value, entry] : watched)
      entry.statistics->endBatch();
  };
  int64_t numRuns = data.getNumBatches(), done = 0;
  for (int64_t run = 0; run < numRuns; ++run) {
    FailureOr<Batch> batch = data.read(run);
    if (failed(batch) || failed((*evaluator)->run(batch->inputs, observe)))
      return failure();
    done += batch->valid;
    std::string where = " in sample " + std::to_string(done - 1);
    for (auto &[value, entry] : watched)
      if (failed(checkNans(entry.op, *entry.statistics, where)))
        return failure();
    if ((run + 1) % std::max<int64_t>(options.runsPerBatch, 1) == 0)
      endBatch();
    progress(done, data.getNumSamples());
  }
  endBatch();
  return success();
}
