//===- ImportMovement.cpp - Ops that move elements
//---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// Axes or the like: an attribute in older opsets, an input in newer ones.
static FailureOr<Shape> attrOrInput(const Node &node, StringRef name,
                                    size_t index, ArrayRef<int64_t> missing) {
  if (node.hasAttr(name))
    return node.getInts(name, {});
  if (node.hasInput(index))
    return node.getConstantInts(index);
  return Shape(missing);
}

static int64_t product(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

static LogicalResult reshapeTo(const Node &node, const GraphValue &input,
                               Shape shape) {
  if (product(shape) != product(input.shape))
    return node.emitError()
           << "cannot reshape [" << ArrayRef<int64_t>(input.shape) << "] to ["
           << ArrayRef<int64_t>(shape) << "]";
  return node.importer.view(node, input, {ViewStep::Reshape, shape});
}

static LogicalResult importIdentity(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  GraphValue copy = *input;
  node.importer.define(node, 0, std::move(copy));
  return success();
}

static LogicalResult importDropout(const Node &node) {
  if (node.hasOutput(1))
    return node.emitError() << "its mask output is not supported; export the "
                               "model for inference";
  return importIdentity(node);
}

static LogicalResult importCast(const Node &node) {
  // Constants were folded; between float types a value stays as it is.
  int64_t to = node.getInt("to", 1);
  if (to != 1 && to != 10 && to != 11 && to != 16)
    return node.emitError() << "casts data to element type " << to
                            << " of ONNX; only float types are supported";
  return importIdentity(node);
}

static LogicalResult importReshape(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  auto wanted = attrOrInput(node, "shape", 1, {});
  if (failed(wanted))
    return failure();
  Shape shape = *wanted;
  int64_t open = -1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && !node.getInt("allowzero", 0)) {
      if (d >= input->shape.size())
        return node.emitError()
               << "copies dimension " << d << ", which the input does not have";
      shape[d] = input->shape[d];
    } else if (shape[d] == -1 && open < 0) {
      open = d;
    } else if (shape[d] < 0) {
      return node.emitError()
             << "has the target shape [" << ArrayRef<int64_t>(*wanted) << "]";
    }
  }
  if (open >= 0) {
    shape[open] = 1;
    int64_t known = product(shape), total = product(input->shape);
    if (known == 0 || total % known)
      return node.emitError()
             << "cannot reshape [" << ArrayRef<int64_t>(input->shape)
             << "] to [" << ArrayRef<int64_t>(*wanted) << "]";
    shape[open] = total / known;
  }
  return reshapeTo(node, *input, shape);
}

static LogicalResult importFlatten(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = input->shape.size(), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.emitError() << "axis " << axis << " is out of range";
  if (axis < 0)
    axis += rank;
  ArrayRef<int64_t> shape = input->shape;
  return reshapeTo(
      node, *input,
      {product(shape.take_front(axis)), product(shape.drop_front(axis))});
}

static LogicalResult importSqueeze(const Node &node) {
  const GraphValue *input = node.getInput(0);
  auto axes = attrOrInput(node, "axes", 1, {});
  if (!input || failed(axes))
    return failure();
  Shape shape;
  llvm::SmallBitVector dropped(input->shape.size(), axes->empty());
  for (int64_t axis : *axes) {
    auto normal = normalizeAxis(node, axis, input->shape.size());
    if (failed(normal))
      return failure();
    if (input->shape[*normal] != 1)
      return node.emitError() << "squeezes dimension " << *normal << " of "
                              << input->shape[*normal] << " elements";
    dropped.set(*normal);
  }
  for (auto [d, extent] : llvm::enumerate(input->shape))
    if (!dropped.test(d) || extent != 1)
      shape.push_back(extent);
  return reshapeTo(node, *input, shape);
}

static LogicalResult importUnsqueeze(const Node &node) {
  const GraphValue *input = node.getInput(0);
  auto axes = attrOrInput(node, "axes", 1, {});
  if (!input || failed(axes))
    return failure();
  int64_t rank = input->shape.size() + axes->size();
  llvm::SmallBitVector added(rank);
  for (int64_t axis : *axes) {
    auto normal = normalizeAxis(node, axis, rank);
    if (failed(normal))
      return failure();
    if (added.test(*normal))
      return node.emitError() << "axis " << axis << " is given twice";
    added.set(*normal);
  }
  Shape shape;
  size_t next = 0;
  for (int64_t d = 0; d < rank; ++d)
    shape.push_back(added.test(d) ? 1 : input->shape[next++]);
  return reshapeTo(node, *input, shape);
}

static LogicalResult importTranspose(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  Shape reversed(input->shape.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  Shape perm = node.getInts("perm", reversed);
  Shape sorted = perm;
  llvm::sort(sorted);
  for (size_t d = 0; d < reversed.size(); ++d)
    if (sorted.size() != reversed.size() ||
        sorted[d] != static_cast<int64_t>(d))
      return node.emitError()
             << "perm [" << ArrayRef<int64_t>(perm) << "] is not an order of "
             << reversed.size() << " dimensions";
  return node.importer.view(node, *input, {ViewStep::Transpose, perm});
}

static LogicalResult importGather(const Node &node) {
  const GraphValue *input = node.getInput(0);
  const HostTensor *indices = input ? node.getConstant(1) : nullptr;
  if (!indices)
    return failure();
  auto axis = normalizeAxis(node, node.getInt("axis", 0), input->shape.size());
  if (failed(axis))
    return failure();
  int64_t extent = input->shape[*axis];
  Shape picked;
  for (int64_t index : indices->ints) {
    if (index < -extent || index >= extent)
      return node.emitError() << "index " << index << " is out of range for "
                              << extent << " elements";
    picked.push_back(index < 0 ? index + extent : index);
  }
  GraphImporter &importer = node.importer;
  if (failed(importer.view(node, *input,
                           {ViewStep::Gather, picked, {}, {}, *axis})))
    return failure();
  // The index tensor's own shape takes the place of the axis.
  Shape shape(ArrayRef<int64_t>(input->shape).take_front(*axis));
  shape.append(indices->shape.begin(), indices->shape.end());
  shape.append(input->shape.begin() + *axis + 1, input->shape.end());
  GraphValue gathered = importer.getResult(node);
  return reshapeTo(node, gathered, shape);
}

static LogicalResult sliceTo(const Node &node, const GraphValue &input,
                             Shape starts, Shape sizes, Shape steps,
                             size_t output = 0) {
  return node.importer.view(
      node, input, {ViewStep::Slice, std::move(sizes), starts, steps}, output);
}

static LogicalResult importSlice(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  auto starts = attrOrInput(node, "starts", 1, {});
  auto ends = attrOrInput(node, "ends", 2, {});
  if (failed(starts) || failed(ends))
    return failure();
  Shape all(starts->size()), ones(starts->size(), 1);
  std::iota(all.begin(), all.end(), 0);
  auto axes = attrOrInput(node, "axes", 3, all);
  auto strides = attrOrInput(node, "steps", 4, ones);
  if (failed(axes) || failed(strides))
    return failure();
  if (ends->size() != starts->size() || axes->size() != starts->size() ||
      strides->size() != starts->size())
    return node.emitError()
           << "starts, ends, axes and steps must have one entry each";
  Shape first(input->shape.size(), 0), sizes(input->shape),
      steps(input->shape.size(), 1);
  for (size_t i = 0; i < axes->size(); ++i) {
    auto axis = normalizeAxis(node, (*axes)[i], input->shape.size());
    if (failed(axis))
      return failure();
    int64_t extent = input->shape[*axis], step = (*strides)[i];
    if (step == 0)
      return node.emitError() << "has a step of 0";
    auto clampTo = [&](int64_t index, int64_t low, int64_t high) {
      if (index < 0)
        index = std::max(index, std::numeric_limits<int64_t>::min() + extent) +
                extent;
      return std::clamp(index, low, high);
    };
    int64_t begin = step > 0 ? clampTo((*starts)[i], 0, extent)
                             : clampTo((*starts)[i], 0, extent - 1);
    int64_t end = step > 0 ? clampTo((*ends)[i], 0, extent)
                           : clampTo((*ends)[i], -1, extent - 1);
    int64_t span = step > 0 ? end - begin : begin - end;
    int64_t stride = step > 0 ? step : -step;
    int64_t size = span <= 0 ? 0 : (span - 1) / stride + 1;
    if (size == 0 && !input->isConstant())
      return node.emitError() << "leaves no elements along axis " << *axis;
    first[*axis] = begin;
    sizes[*axis] = size;
    steps[*axis] = step;
  }
  return sliceTo(node, *input, first, sizes, steps);
}

static LogicalResult importSplit(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  auto axis = normalizeAxis(node, node.getInt("axis", 0), input->shape.size());
  auto given = attrOrInput(node, "split", 1, {});
  if (failed(axis) || failed(given))
    return failure();
  int64_t extent = input->shape[*axis], parts = node.getNumOutputs();
  Shape sizes = *given;
  if (sizes.empty()) {
    int64_t size = (extent + parts - 1) / parts;
    for (int64_t i = 0; i < parts; ++i)
      sizes.push_back(std::min(size, extent - i * size));
  }
  if (product({static_cast<int64_t>(sizes.size())}) != parts ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t(0)) != extent ||
      llvm::any_of(sizes, [](int64_t size) { return size < 1; }))
    return node.emitError() << "cannot split " << extent << " elements into ["
                            << ArrayRef<int64_t>(sizes) << "]";
  GraphValue source = *input;
  Shape first(source.shape.size(), 0), ones(source.shape.size(), 1);
  for (int64_t i = 0; i < parts; ++i) {
    Shape shape(source.shape);
    shape[*axis] = sizes[i];
    if (failed(sliceTo(node, source, first, shape, ones, i)))
      return failure();
    first[*axis] += sizes[i];
  }
  return success();
}

static LogicalResult importConcat(const Node &node) {
  GraphImporter &importer = node.importer;
  const GraphValue *first = node.getInput(0);
  if (!first)
    return failure();
  auto axis = normalizeAxis(node, node.getInt("axis", 1), first->shape.size());
  if (failed(axis))
    return failure();
  bool channelsLast = false;
  for (size_t i = 0; i < node.getNumInputs(); ++i) {
    const GraphValue *input = node.getInput(i);
    if (!input)
      return failure();
    channelsLast |= input->layout != GraphValue::Layout::Plain &&
                    !input->isConstant() && input->shape.size() == 4;
  }
  SmallVector<Value> operands;
  for (size_t i = 0; i < node.getNumInputs(); ++i) {
    const GraphValue &input = *node.getInput(i);
    operands.push_back(channelsLast
                           ? importer.asChannelsLast(node.getLoc(), input)
                           : importer.asPlain(node.getLoc(), input));
    if (!operands.back())
      return failure();
  }
  OpBuilder &builder = importer.getBuilder();
  auto concat = tryCreate<ConcatOp>(
      builder, node.getLoc(), operands,
      {builder.getNamedAttr(
          "axis", builder.getI64IntegerAttr(
                      channelsLast ? channelsLastAxis(*axis) : *axis))});
  if (!concat)
    return failure();
  if (channelsLast)
    importer.defineChannelsLast(node, concat.getOutput());
  else
    importer.definePlain(node, concat.getOutput());
  return success();
}

static LogicalResult importPad(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  auto pads = attrOrInput(node, "pads", 1, {});
  if (!input || failed(pads))
    return failure();
  int64_t rank = input->shape.size();
  Shape all(rank);
  std::iota(all.begin(), all.end(), 0);
  auto axes = attrOrInput(node, "axes", 3, all);
  if (failed(axes))
    return failure();
  if (pads->size() != 2 * axes->size())
    return node.emitError() << "pads must have two entries per axis";
  float value = node.getFloat("value", 0.0f);
  if (node.hasInput(2)) {
    auto given = node.getConstantScalar(2);
    if (failed(given))
      return failure();
    value = static_cast<float>(*given);
  }
  std::string name = node.getString("mode", "constant");
  auto mode = symbolizePadMode(name);
  if (!mode)
    return node.emitError() << "mode '" << name
                            << "' is not supported; constant, edge and reflect "
                               "are";
  bool channelsLast = input->layout != GraphValue::Layout::Plain && rank == 4;
  Shape low(rank, 0), high(rank, 0);
  for (size_t i = 0; i < axes->size(); ++i) {
    auto axis = normalizeAxis(node, (*axes)[i], rank);
    if (failed(axis))
      return failure();
    int64_t to = channelsLast ? channelsLastAxis(*axis) : *axis;
    low[to] = (*pads)[i];
    high[to] = (*pads)[i + axes->size()];
  }
  Value data = channelsLast ? importer.asChannelsLast(node.getLoc(), *input)
                            : importer.asPlain(node.getLoc(), *input);
  if (!data)
    return failure();
  auto pad = tryCreate<PadOp>(
      builder, node.getLoc(), data,
      {builder.getNamedAttr("low", builder.getDenseI64ArrayAttr(low)),
       builder.getNamedAttr("high", builder.getDenseI64ArrayAttr(high)),
       builder.getNamedAttr("mode",
                            PadModeAttr::get(builder.getContext(), *mode)),
       builder.getNamedAttr("value", builder.getF32FloatAttr(value))});
  if (!pad)
    return failure();
  if (channelsLast)
    importer.defineChannelsLast(node, pad.getOutput());
  else
    importer.definePlain(node, pad.getOutput());
  return success();
}

static LogicalResult importExpand(const Node &node) {
  GraphImporter &importer = node.importer;
  const GraphValue *input = node.getInput(0);
  auto wanted = input ? node.getConstantInts(1) : FailureOr<Shape>();
  if (failed(wanted))
    return failure();
  auto shape = broadcastShapes(input->shape, *wanted);
  if (!shape)
    return node.emitError()
           << "cannot expand [" << ArrayRef<int64_t>(input->shape) << "] to ["
           << ArrayRef<int64_t>(*wanted) << "]";
  Value data = importer.asPlain(node.getLoc(), *input);
  if (!data)
    return failure();
  auto type = RankedTensorType::get(
      *shape, cast<RankedTensorType>(data.getType()).getElementType());
  importer.definePlain(
      node, ExpandOp::create(importer.getBuilder(), node.getLoc(), type, data));
  return success();
}

/// Depth to space and back: a reshape, a transpose and a reshape.
static LogicalResult importBlocks(const Node &node, bool toSpace) {
  const GraphValue *input = node.getInput(0);
  int64_t block = node.getInt("blocksize", 0);
  if (!input)
    return failure();
  if (input->shape.size() != 4 || block < 1)
    return node.emitError() << "needs [N, C, H, W] and a positive blocksize";
  int64_t n = input->shape[0], c = input->shape[1], h = input->shape[2],
          w = input->shape[3];
  Shape split, perm, merged;
  if (toSpace) {
    if (c % (block * block))
      return node.emitError() << "blocksize " << block << " does not divide "
                              << c << " channels";
    int64_t depth = c / (block * block);
    bool crd = node.getString("mode", "DCR") == "CRD";
    split = crd ? Shape{n, depth, block, block, h, w}
                : Shape{n, block, block, depth, h, w};
    perm = crd ? Shape{0, 1, 4, 2, 5, 3} : Shape{0, 3, 4, 1, 5, 2};
    merged = {n, depth, h * block, w * block};
  } else {
    if (h % block || w % block)
      return node.emitError()
             << "blocksize " << block << " does not divide height and width";
    split = {n, c, h / block, block, w / block, block};
    perm = {0, 3, 5, 1, 2, 4};
    merged = {n, c * block * block, h / block, w / block};
  }
  GraphImporter &importer = node.importer;
  auto step = [&](ViewStep view) {
    GraphValue current = importer.getResult(node);
    return importer.view(node, current, std::move(view));
  };
  return success(
      succeeded(importer.view(node, *input, {ViewStep::Reshape, split})) &&
      succeeded(step({ViewStep::Transpose, perm})) &&
      succeeded(step({ViewStep::Reshape, merged})));
}
static LogicalResult importDepthToSpace(const Node &node) {
  return importBlocks(node, true);
}
static LogicalResult importSpaceToDepth(const Node &node) {
  return importBlocks(node, false);
}

void q::onnx_import::registerMovement(llvm::StringMap<Handler> &handlers) {
  handlers["Identity"] = importIdentity;
  handlers["Dropout"] = importDropout;
  handlers["Cast"] = importCast;
  handlers["Reshape"] = importReshape;
  handlers["Flatten"] = importFlatten;
  handlers["Squeeze"] = importSqueeze;
  handlers["Unsqueeze"] = importUnsqueeze;
  handlers["Transpose"] = importTranspose;
  handlers["Gather"] = importGather;
  handlers["Slice"] = importSlice;
  handlers["Split"] = importSplit;
  handlers["Concat"] = importConcat;
  handlers["Pad"] = importPad;
  handlers["Expand"] = importExpand;
  handlers["DepthToSpace"] = importDepthToSpace;
  handlers["SpaceToDepth"] = importSpaceToDepth;
}
