//===- ImportResize.cpp - ONNX Resize and Upsample ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// What a node asks for, one entry per dimension of the input.
struct Scaling {
  Shape sizes;
  SmallVector<float> scales;
};

/// Real numbers of a known input or a list attribute.
static FailureOr<SmallVector<float>> readScales(Node &node, int index) {
  SmallVector<float> scales;
  if (const onnx::AttributeProto *list = node.attribute("scales")) {
    scales.assign(list->floats().begin(), list->floats().end());
    return scales;
  }
  const HostTensor *tensor = node.host(index);
  if (!tensor || !tensor->isFloat())
    return node.error() << "scales must be known when the model is imported; "
                           "simplify the model with fixed shapes first";
  scales.assign(tensor->getFloats().begin(), tensor->getFloats().end());
  return scales;
}

/// The dimensions that scales or sizes are for.
static FailureOr<Shape> readAxes(Node &node, int64_t rank) {
  Shape axes;
  if (std::optional<Shape> given = node.getInts("axes")) {
    for (int64_t axis : *given) {
      FailureOr<int64_t> normal = normalizeAxis(node, axis, rank);
      if (failed(normal))
        return failure();
      axes.push_back(*normal);
    }
    return axes;
  }
  for (int64_t d = 0; d < rank; ++d)
    axes.push_back(d);
  return axes;
}

/// Whether input `index` is there and not the empty tensor that stands for an
/// absent one.
static bool hasElements(Node &node, int index) {
  const HostTensor *tensor = node.host(index);
  return node.hasInput(index) && (!tensor || tensor->size() > 0);
}

static FailureOr<Scaling> readScaling(Node &node, ArrayRef<int64_t> input) {
  int64_t rank = input.size();
  FailureOr<Shape> axes = readAxes(node, rank);
  if (failed(axes))
    return failure();
  Scaling scaling{Shape(input), SmallVector<float>(rank, 1.0f)};
  bool isOld = node.getOpType() == "Upsample" || node.opset() < 11;
  if (!isOld && hasElements(node, 3)) {
    FailureOr<Shape> sizes = node.ints(3, "sizes");
    if (failed(sizes))
      return failure();
    if (sizes->size() != axes->size())
      return node.error() << "has " << sizes->size() << " sizes for "
                          << axes->size() << " dimensions";
    std::string policy = node.getString("keep_aspect_ratio_policy", "stretch");
    if (policy != "stretch")
      return node.error() << "keep_aspect_ratio_policy '" << policy
                          << "' is not supported; give the final sizes with "
                             "'stretch'";
    for (auto [axis, size] : llvm::zip_equal(*axes, *sizes)) {
      scaling.sizes[axis] = size;
      scaling.scales[axis] = static_cast<float>(size) / input[axis];
    }
    return scaling;
  }
  FailureOr<SmallVector<float>> scales = readScales(node, isOld ? 1 : 2);
  if (failed(scales))
    return failure();
  if (scales->size() != axes->size())
    return node.error() << "has " << scales->size() << " scales for "
                        << axes->size() << " dimensions";
  for (auto [axis, scale] : llvm::zip_equal(*axes, *scales)) {
    if (!(scale > 0.0f) || scale > 65536.0f)
      return node.error() << "a scale of " << scale
                          << " is not positive or too large";
    scaling.scales[axis] = scale;
    scaling.sizes[axis] = static_cast<int64_t>(
        std::floor(static_cast<float>(input[axis]) * scale));
  }
  return scaling;
}

/// How coordinates map; older forms had one way only.
static FailureOr<Attributes> readModes(Node &node) {
  MLIRContext *context = node.builder().getContext();
  bool isOld = node.getOpType() == "Upsample" || node.opset() < 11;
  std::string mode = node.getString("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "bilinear")
    return node.error() << "mode '" << mode
                        << "' is not supported; nearest and linear are";
  bool isNearest = mode == "nearest";
  std::string coordinates =
      isOld ? "asymmetric"
            : node.getString("coordinate_transformation_mode", "half_pixel");
  std::optional<CoordinateMode> coordinateMode =
      symbolizeCoordinateMode(coordinates);
  if (!coordinateMode)
    return node.error() << "coordinate_transformation_mode '" << coordinates
                        << "' is not supported";
  std::string rounding =
      isOld ? "floor" : node.getString("nearest_mode", "round_prefer_floor");
  std::optional<NearestMode> nearest = symbolizeNearestMode(rounding);
  if (!nearest)
    return node.error() << "nearest_mode '" << rounding << "' is unknown";
  if (node.getInt("antialias", 0) && !isNearest)
    return node.error() << "antialias is not supported";
  Attributes attributes(node);
  attributes
      .set("mode", ResizeModeAttr::get(context, isNearest ? ResizeMode::Nearest
                                                          : ResizeMode::Linear))
      .set("coordinates", CoordinateModeAttr::get(context, *coordinateMode));
  if (isNearest)
    attributes.set("nearest", NearestModeAttr::get(context, *nearest));
  return attributes;
}

static LogicalResult importResize(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Shape input(shapeOf(*data));
  if (failed(checkSpatialRank(node, input)))
    return failure();
  FailureOr<Scaling> scaling = readScaling(node, input);
  FailureOr<Attributes> attributes = readModes(node);
  if (failed(scaling) || failed(attributes))
    return failure();
  if (scaling->sizes[0] != input[0] || scaling->sizes[1] != input[1])
    return node.error() << "resizes batch or channels; only spatial "
                           "dimensions can be resized";
  int64_t rank = input.size();
  Shape sizes = withHeight(scaling->sizes);
  float heightScale = rank == 4 ? scaling->scales[2] : 1.0f;
  attributes->set("scales", node.builder().getDenseF32ArrayAttr(
                                {heightScale, scaling->scales.back()}));
  Value nhwc = toNhwc(node, withHeight(node, *data));
  if (!nhwc)
    return failure();
  for (int64_t extent : sizes)
    if (extent < 1)
      return node.error() << "the result would be empty";
  OpBuilder &builder = node.builder();
  auto type = RankedTensorType::get({sizes[0], sizes[2], sizes[3], sizes[1]},
                                    builder.getF32Type());
  OperationState state(node.getLoc(), ResizeOp::getOperationName());
  state.addOperands(nhwc);
  state.addAttributes(attributes->get());
  state.addTypes(type);
  auto op = cast<ResizeOp>(builder.create(state));
  if (failed(verify(op, /*verifyRecursively=*/false)))
    return failure();
  return node.defineIfBuilt(
      dropHeight(node, toNchw(node, op.getOutput()), rank));
}

void onnx_import::addResizeHandlers(OpTable &table) {
  table["Resize"] = importResize;
  table["Upsample"] = importResize;
}
