//===- ImportMovement.cpp - ONNX ops that move elements -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Transpose, Concat, Split, Slice, Gather, Pad: on the host for known tensors,
// as ops of rule N13 for others.
//
//===----------------------------------------------------------------------===//

#include "Build.h"
#include "QuantizedConstants.h"

#include <algorithm>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

static LogicalResult importTranspose(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  if (failed(input))
    return failure();
  int64_t rank = input->size();
  Shape perm;
  if (std::optional<Shape> given = node.getInts("perm")) {
    perm = *given;
  } else {
    for (int64_t d = rank; d-- > 0;)
      perm.push_back(d);
  }
  FailureOr<Shape> sorted = normalizeAxes(node, perm, rank);
  if (failed(sorted))
    return failure();
  if (static_cast<int64_t>(perm.size()) != rank)
    return node.error() << "perm [" << ArrayRef<int64_t>(perm)
                        << "] is not an order of " << rank << " dimensions";
  for (int64_t &dim : perm)
    dim = dim < 0 ? dim + rank : dim;
  if (Value quantized = node.dequantizedConstant(0))
    return node.defineDequantized(
        permuteDequantized(node.builder(), quantized, *input, perm));
  if (const HostTensor *tensor = node.host(0))
    return node.define(0, tensor->transposed(perm));
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeTranspose(node, *data, perm));
}

//===----------------------------------------------------------------------===//
// Concat
//===----------------------------------------------------------------------===//

/// Known tensors side by side: row by row, where a row is what lies behind one
/// index of the dimensions before `axis`.
template <typename T, typename Get>
static std::vector<T> concatenate(ArrayRef<const HostTensor *> tensors,
                                  int64_t axis, Get get) {
  int64_t rows = 1;
  for (int64_t d = 0; d < axis; ++d)
    rows *= tensors.front()->getShape()[d];
  std::vector<T> result;
  for (int64_t row = 0; row < rows; ++row)
    for (const HostTensor *tensor : tensors) {
      ArrayRef<T> all = get(*tensor);
      ArrayRef<T> part =
          all.slice(row * (all.size() / rows), all.size() / rows);
      result.insert(result.end(), part.begin(), part.end());
    }
  return result;
}

static LogicalResult importConcat(Node &node) {
  if (failed(node.requireInputs(std::max(1, node.numInputs()))))
    return failure();
  SmallVector<const HostTensor *> tensors;
  for (int i = 0; i < node.numInputs(); ++i)
    if (const HostTensor *tensor = node.host(i))
      tensors.push_back(tensor);
  FailureOr<Shape> first = node.shape(0);
  if (failed(first))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 1), first->size());
  if (failed(axis))
    return failure();
  if (static_cast<int>(tensors.size()) < node.numInputs()) {
    SmallVector<Value> inputs;
    for (int i = 0; i < node.numInputs(); ++i) {
      // Parts without elements add nothing.
      if (const HostTensor *tensor = node.host(i);
          tensor && tensor->size() == 0 && tensor->isFloat())
        continue;
      FailureOr<Value> input = node.value(i);
      if (failed(input))
        return failure();
      inputs.push_back(*input);
    }
    if (inputs.size() == 1)
      return node.define(0, inputs.front());
    return node.defineIfBuilt(
        make<ConcatOp>(node, inputs, Attributes(node).integer("axis", *axis)));
  }
  Shape shape(*first);
  shape[*axis] = 0;
  for (const HostTensor *tensor : tensors) {
    Shape expected(shape), actual(tensor->getShape());
    if (actual.size() == expected.size())
      expected[*axis] = actual[*axis];
    if (actual != expected || tensor->isFloat() != tensors[0]->isFloat())
      return node.error() << "inputs do not fit together along axis " << *axis;
    shape[*axis] += actual[*axis];
  }
  int32_t dtype = tensors[0]->getType();
  if (tensors[0]->isFloat())
    return node.define(
        0, HostTensor(dtype, shape,
                      concatenate<float>(tensors, *axis, [](auto &tensor) {
                        return tensor.getFloats();
                      })));
  return node.define(
      0, HostTensor(dtype, shape,
                    concatenate<int64_t>(tensors, *axis, [](auto &tensor) {
                      return tensor.getInts();
                    })));
}

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

/// A strided box of a tensor.
struct Box {
  Shape starts, sizes, steps;
};

/// Defines output `index` as a box of the first input.
static LogicalResult defineBox(Node &node, int index, const Box &box) {
  if (const HostTensor *tensor = node.host(0)) {
    Shape strides = getStrides(tensor->getShape());
    int64_t offset = 0;
    for (size_t d = 0; d < strides.size(); ++d) {
      offset += box.starts[d] * strides[d];
      strides[d] *= box.steps[d];
    }
    return node.define(
        index,
        tensor->gathered(box.sizes, makeIndexMap(box.sizes, strides, offset)));
  }
  // What has no elements is known.
  if (llvm::is_contained(box.sizes, 0))
    return node.define(index, HostTensor(onnx::TensorProto::FLOAT, box.sizes,
                                         std::vector<float>()));
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Value slice = makeSlice(node, *data, box.starts, box.sizes, box.steps);
  return slice ? node.define(index, slice) : failure();
}

static LogicalResult importSplit(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("split", 1);
  if (failed(input) || failed(given))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 0), input->size());
  if (failed(axis))
    return failure();
  int64_t extent = (*input)[*axis], parts = node.numOutputs();
  Shape sizes;
  if (*given && !(*given)->empty()) {
    sizes = **given;
  } else {
    // Equal parts; with num_outputs the last one may be smaller.
    int64_t size = (extent + parts - 1) / std::max<int64_t>(parts, 1);
    for (int64_t i = 0, left = extent; i < parts; ++i, left -= size)
      sizes.push_back(std::min(size, left));
  }
  int64_t total = 0;
  bool positive = true;
  for (int64_t size : sizes) {
    positive &= size >= 0 && size <= extent;
    total += positive ? size : 0;
  }
  if (!positive || total != extent ||
      static_cast<int64_t>(sizes.size()) != parts)
    return node.error() << "an extent of " << extent
                        << " cannot be split into [" << ArrayRef<int64_t>(sizes)
                        << "] for " << parts << " outputs";
  Box box{Shape(input->size(), 0), *input, Shape(input->size(), 1)};
  for (int64_t i = 0; i < parts; ++i) {
    box.sizes[*axis] = sizes[i];
    if (node.wantsOutput(i) && failed(defineBox(node, i, box)))
      return failure();
    box.starts[*axis] += sizes[i];
  }
  return success();
}

static LogicalResult importSlice(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  FailureOr<std::optional<Shape>> starts = node.intsOf("starts", 1),
                                  ends = node.intsOf("ends", 2),
                                  axesGiven = node.intsOf("axes", 3),
                                  steps = node.intsOf("steps", 4);
  if (failed(input) || failed(starts) || failed(ends) || failed(axesGiven) ||
      failed(steps))
    return failure();
  if (!*starts || !*ends || (*starts)->size() != (*ends)->size() ||
      (*axesGiven && (*axesGiven)->size() != (*starts)->size()) ||
      (*steps && (*steps)->size() != (*starts)->size()))
    return node.error() << "needs as many starts as ends, axes and steps";
  int64_t rank = input->size();
  Box box{Shape(rank, 0), *input, Shape(rank, 1)};
  for (size_t i = 0; i < (*starts)->size(); ++i) {
    FailureOr<int64_t> axis =
        normalizeAxis(node, *axesGiven ? (**axesGiven)[i] : i, rank);
    if (failed(axis))
      return failure();
    int64_t extent = (*input)[*axis], step = *steps ? (**steps)[i] : 1;
    if (step == 0)
      return node.error() << "a step must not be 0";
    // Beyond the ends means at the ends; backwards, the end may be before the
    // first element.
    int64_t least = step > 0 ? 0 : -1, most = step > 0 ? extent : extent - 1;
    int64_t start = (**starts)[i], end = (**ends)[i];
    start = std::clamp(start < 0 ? start + extent : start,
                       std::max<int64_t>(least, 0), most);
    end = std::clamp(end < 0 ? end + extent : end, least, most);
    step = std::clamp(step, -extent - 1, extent + 1);
    int64_t span = step > 0 ? end - start : start - end;
    int64_t stride = std::abs(step);
    box.starts[*axis] = start;
    box.steps[*axis] = step;
    box.sizes[*axis] = span > 0 ? (span + stride - 1) / stride : 0;
  }
  return defineBox(node, 0, box);
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

/// The step of an arithmetic progression, nothing if `indices` is none.
static std::optional<int64_t> getStep(ArrayRef<int64_t> indices) {
  if (indices.size() < 2)
    return 1;
  int64_t step = indices[1] - indices[0];
  for (size_t i = 2; i < indices.size(); ++i)
    if (indices[i] - indices[i - 1] != step)
      return std::nullopt;
  return step == 0 ? std::nullopt : std::optional<int64_t>(step);
}

static LogicalResult importGather(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0), indexShape = node.shape(1);
  FailureOr<Shape> indices = node.ints(1, "the indices");
  if (failed(input) || failed(indices) || failed(indexShape))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 0), input->size());
  if (failed(axis))
    return failure();
  int64_t extent = (*input)[*axis];
  for (int64_t &index : *indices) {
    if (index < -extent || index >= extent)
      return node.error() << "index " << index << " is outside of dimension "
                          << *axis << ", which has " << extent << " elements";
    index += index < 0 ? extent : 0;
  }
  Shape flat(*input), result(*input);
  flat[*axis] = indices->size();
  result.erase(result.begin() + *axis);
  result.insert(result.begin() + *axis, indexShape->begin(), indexShape->end());

  if (const HostTensor *tensor = node.host(0)) {
    std::optional<int64_t> count = countElements(flat);
    if (!count || *count > kMaxComputedElements)
      return node.error() << "the constant that it makes is too large";
    Shape strides = getStrides(*input), rowStrides(strides);
    rowStrides[*axis] = 0;
    std::vector<int64_t> map = makeIndexMap(flat, rowStrides);
    Shape flatStrides = getStrides(flat);
    for (size_t i = 0; i < map.size(); ++i) {
      int64_t position = i / flatStrides[*axis] % flat[*axis];
      map[i] += (*indices)[position] * strides[*axis];
    }
    return node.define(0, tensor->gathered(result, map));
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  if (indices->empty())
    return node.error() << "the indices are empty";
  Value gathered;
  if (std::optional<int64_t> step = getStep(*indices)) {
    Shape starts(input->size(), 0), steps(input->size(), 1);
    starts[*axis] = indices->front();
    steps[*axis] = *step;
    gathered = makeSlice(node, *data, starts, flat, steps);
  } else {
    gathered = make<GatherOp>(
        node, *data,
        Attributes(node).ints("indices", *indices).integer("axis", *axis));
  }
  return node.defineIfBuilt(gathered ? makeReshape(node, gathered, result)
                                     : gathered);
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

/// Repeats the tensor around itself: every index modulo the extent.
static Value makeWrappedPad(Node &node, Value input, ArrayRef<int64_t> low,
                            ArrayRef<int64_t> high) {
  for (size_t d = 0; d < low.size() && input; ++d) {
    int64_t extent = shapeOf(input)[d], total = low[d] + extent + high[d];
    if (total == extent)
      continue;
    Shape indices;
    for (int64_t i = 0; i < total; ++i)
      indices.push_back(((i - low[d]) % extent + extent) % extent);
    input = make<GatherOp>(
        node, input,
        Attributes(node).ints("indices", indices).integer("axis", d));
  }
  return input;
}

static LogicalResult importPad(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("pads", 1);
  FailureOr<std::optional<Shape>> axesGiven = std::optional<Shape>();
  if (node.hasInput(3)) {
    FailureOr<Shape> list = node.ints(3, "axes");
    if (failed(list))
      return failure();
    axesGiven = std::optional<Shape>(*list);
  }
  if (failed(input) || failed(given))
    return failure();
  int64_t rank = input->size();
  Shape axes;
  for (int64_t d = 0; d < rank; ++d)
    axes.push_back(d);
  if (*axesGiven) {
    axes = **axesGiven;
    if (failed(normalizeAxes(node, axes, rank)))
      return failure();
  }
  if (!*given || (*given)->size() != 2 * axes.size())
    return node.error() << "pads must have a begin and an end for each of the "
                        << axes.size() << " dimensions";
  float value = node.getFloat("value", 0.0f);
  if (node.hasInput(2)) {
    FailureOr<double> constant = node.scalar(2, "the padding value");
    if (failed(constant))
      return failure();
    value = static_cast<float>(*constant);
  }
  std::string modeName = node.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(modeName);
  bool wraps = modeName == "wrap";
  if (!mode && !wraps)
    return node.error() << "mode '" << modeName
                        << "' is unknown; constant, edge, reflect and wrap are "
                           "supported";

  // Negative pads cut.
  Shape low(rank, 0), high(rank, 0), starts(rank, 0), sizes(*input);
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t d = axes[i] < 0 ? axes[i] + rank : axes[i];
    int64_t begin = (**given)[i], end = (**given)[axes.size() + i];
    constexpr int64_t limit = int64_t(1) << 32;
    bool isHuge = wraps && begin + end > kMaxComputedElements;
    if (isHuge || std::abs(begin) > limit || std::abs(end) > limit)
      return node.error() << "pads of " << begin << " and " << end
                          << " are too large";
    low[d] = std::max<int64_t>(begin, 0);
    high[d] = std::max<int64_t>(end, 0);
    starts[d] = std::max<int64_t>(-begin, 0);
    sizes[d] -= starts[d] + std::max<int64_t>(-end, 0);
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Value result = makeSlice(node, *data, starts, sizes, Shape(rank, 1));
  bool pads = llvm::any_of(low, [](int64_t e) { return e > 0; }) ||
              llvm::any_of(high, [](int64_t e) { return e > 0; });
  if (result && pads) {
    result = wraps ? makeWrappedPad(node, result, low, high)
                   : makePad(node, result, low, high, *mode, value);
  }
  return node.defineIfBuilt(result);
}

void onnx_import::addMovementHandlers(OpTable &table) {
  table["Transpose"] = importTranspose;
  table["Concat"] = importConcat;
  table["Split"] = importSplit;
  table["Slice"] = importSlice;
  table["Gather"] = importGather;
  table["Pad"] = importPad;
}
