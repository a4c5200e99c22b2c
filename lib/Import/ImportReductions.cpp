//===- ImportReductions.cpp - Reductions, softmax, resampling
//----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

static LogicalResult reduce(const Node &node, ReduceKind kind, Shape axes,
                            bool keepDims) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = input->shape.size();
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  bool channelsLast = input->layout != GraphValue::Layout::Plain && rank == 4;
  for (int64_t &axis : axes) {
    auto normal = normalizeAxis(node, axis, rank);
    if (failed(normal))
      return failure();
    axis = channelsLast ? channelsLastAxis(*normal) : *normal;
  }
  llvm::sort(axes);
  Value data = channelsLast ? importer.asChannelsLast(node.getLoc(), *input)
                            : importer.asPlain(node.getLoc(), *input);
  if (!data)
    return failure();
  auto op = tryCreate<ReduceOp>(
      builder, node.getLoc(), data,
      {builder.getNamedAttr("kind",
                            ReduceKindAttr::get(builder.getContext(), kind)),
       builder.getNamedAttr("axes", builder.getDenseI64ArrayAttr(axes)),
       builder.getNamedAttr("keep_dims", builder.getUnitAttr())});
  if (!op)
    return failure();
  if (channelsLast)
    importer.defineChannelsLast(node, op.getOutput());
  else
    importer.definePlain(node, op.getOutput());
  if (keepDims)
    return success();
  // In the layout of ONNX the reduced dimensions leave by a reshape.
  GraphValue kept = importer.getResult(node);
  Shape shape;
  for (int64_t d = 0; d < rank; ++d)
    if (!llvm::is_contained(axes, channelsLast ? channelsLastAxis(d) : d))
      shape.push_back(kept.shape[d]);
  return importer.view(node, kept, {ViewStep::Reshape, shape});
}

template <ReduceKind kind> static LogicalResult importReduce(const Node &node) {
  Shape axes = node.getInts("axes", {});
  if (node.hasInput(1)) {
    auto given = node.getConstantInts(1);
    if (failed(given))
      return failure();
    axes = *given;
  }
  if (axes.empty() && node.getInt("noop_with_empty_axes", 0)) {
    const GraphValue *input = node.getInput(0);
    if (!input)
      return failure();
    GraphValue copy = *input;
    node.importer.define(node, 0, std::move(copy));
    return success();
  }
  return reduce(node, kind, axes, node.getInt("keepdims", 1));
}

template <ReduceKind kind>
static LogicalResult importGlobalPool(const Node &node) {
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  if (input->shape.size() < 3)
    return node.emitError() << "needs spatial dimensions";
  Shape axes(input->shape.size() - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return reduce(node, kind, axes, /*keepDims=*/true);
}

template <bool logarithm> static LogicalResult importSoftmax(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *given = node.getInput(0);
  if (!given)
    return failure();
  bool coerced = importer.getOpset() < 13;
  auto axis = normalizeAxis(node, node.getInt("axis", coerced ? 1 : -1),
                            given->shape.size());
  if (failed(axis))
    return failure();
  GraphValue input = *given;
  Shape original = input.shape;
  // Before opset 13, everything from the axis on is one dimension.
  int64_t inner = std::accumulate(original.begin() + *axis, original.end(),
                                  int64_t(1), std::multiplies<int64_t>());
  bool flattens = coerced && inner != original[*axis];
  if (flattens) {
    int64_t outer = std::accumulate(original.begin(), original.begin() + *axis,
                                    int64_t(1), std::multiplies<int64_t>());
    if (failed(importer.view(node, input, {ViewStep::Reshape, {outer, inner}})))
      return failure();
    input = importer.getResult(node);
    axis = 1;
  }
  bool channelsLast =
      input.layout != GraphValue::Layout::Plain && input.shape.size() == 4;
  Value data = channelsLast ? importer.asChannelsLast(node.getLoc(), input)
                            : importer.asPlain(node.getLoc(), input);
  if (!data)
    return failure();
  SmallVector<NamedAttribute> attributes = {builder.getNamedAttr(
      "axis", builder.getI64IntegerAttr(channelsLast ? channelsLastAxis(*axis)
                                                     : *axis))};
  if (logarithm)
    attributes.push_back(builder.getNamedAttr("log", builder.getUnitAttr()));
  auto op = tryCreate<SoftmaxOp>(builder, node.getLoc(), data, attributes);
  if (!op)
    return failure();
  if (channelsLast)
    importer.defineChannelsLast(node, op.getOutput());
  else
    importer.definePlain(node, op.getOutput());
  if (!flattens)
    return success();
  GraphValue flat = importer.getResult(node);
  return importer.view(node, flat, {ViewStep::Reshape, original});
}

/// Resize of opset 10 and later, and Upsample before it.
static LogicalResult importResize(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  if (input->shape.size() != 4)
    return node.emitError() << "only [N, C, H, W] can be resized";
  bool isResize = node.getOpType() == "Resize";
  bool modern = isResize && importer.getOpset() >= 11;
  size_t scaleInput = modern ? 2 : 1;
  std::string mode = node.getString("mode", "nearest");
  if (mode != "nearest" && mode != "linear")
    return node.emitError()
           << "mode '" << mode << "' is not supported; nearest and linear are";
  if (node.hasAttr("axes") || node.getInt("antialias", 0) ||
      node.getString("keep_aspect_ratio_policy", "stretch") != "stretch")
    return node.emitError() << "axes, antialias and keep_aspect_ratio_policy "
                               "are not supported";
  // Before opset 11 the coordinates were output / scale, rounded down.
  std::string coordinates =
      modern ? node.getString("coordinate_transformation_mode", "half_pixel")
             : "asymmetric";
  std::string nearest =
      modern ? node.getString("nearest_mode", "round_prefer_floor") : "floor";
  auto coordinateMode = symbolizeCoordinateMode(coordinates);
  auto nearestMode = symbolizeNearestMode(nearest);
  if (!coordinateMode || !nearestMode)
    return node.emitError()
           << "coordinate_transformation_mode '" << coordinates
           << "' with nearest_mode '" << nearest << "' is not supported";
  std::vector<float> scales;
  if (node.hasAttr("scales")) {
    const onnx::AttributeProto *attribute = node.getAttr("scales");
    scales = readFloats(*attribute);
  }
  Shape target;
  if (scales.empty() && node.hasInput(scaleInput)) {
    const HostTensor *given = node.getConstant(scaleInput);
    if (!given)
      return failure();
    scales = given->floats;
  }
  if (scales.empty() && modern && node.hasInput(3)) {
    auto sizes = node.getConstantInts(3);
    if (failed(sizes))
      return failure();
    target = *sizes;
    if (target.size() == 4)
      for (int d = 0; d < 4; ++d)
        scales.push_back(static_cast<float>(target[d]) /
                         static_cast<float>(input->shape[d]));
  }
  if (scales.size() != 4 || scales[0] != 1.0f || scales[1] != 1.0f ||
      !(scales[2] > 0) || !(scales[3] > 0))
    return node.emitError() << "needs 4 scales or sizes that change only "
                               "height and width";
  if (target.empty())
    for (int d = 0; d < 4; ++d)
      target.push_back(static_cast<int64_t>(
          std::floor(static_cast<float>(input->shape[d]) * scales[d])));
  Value data = importer.asChannelsLast(node.getLoc(), *input);
  if (!data)
    return failure();
  if (target[2] < 1 || target[3] < 1)
    return node.emitError() << "leaves no pixels";
  auto type = RankedTensorType::get(
      {target[0], target[2], target[3], target[1]}, builder.getF32Type());
  auto resize = ResizeOp::create(
      builder, node.getLoc(), type, data,
      mode == "nearest" ? ResizeMode::Nearest : ResizeMode::Linear,
      *coordinateMode, *nearestMode,
      builder.getDenseF32ArrayAttr({scales[2], scales[3]}));
  if (failed(verify(resize)))
    return failure();
  importer.defineChannelsLast(node, resize.getOutput());
  return success();
}

void q::onnx_import::registerReductions(llvm::StringMap<Handler> &handlers) {
  handlers["ReduceMean"] = importReduce<ReduceKind::Mean>;
  handlers["ReduceSum"] = importReduce<ReduceKind::Sum>;
  handlers["ReduceMax"] = importReduce<ReduceKind::Max>;
  handlers["ReduceMin"] = importReduce<ReduceKind::Min>;
  handlers["GlobalAveragePool"] = importGlobalPool<ReduceKind::Mean>;
  handlers["GlobalMaxPool"] = importGlobalPool<ReduceKind::Max>;
  handlers["Softmax"] = importSoftmax<false>;
  handlers["LogSoftmax"] = importSoftmax<true>;
  handlers["Resize"] = importResize;
  handlers["Upsample"] = importResize;
}
