//===- ImportResize.cpp - ONNX Resize and Upsample ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"
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
    bool isSmaller = policy == "not_larger";
    if (policy != "stretch" && !isSmaller && policy != "not_smaller")
      return node.error() << "keep_aspect_ratio_policy '" << policy
                          << "' is unknown";
    std::optional<float> common;
    for (auto [axis, size] : llvm::zip_equal(*axes, *sizes)) {
      if (size < 1 || size > (int64_t(1) << 24))
        return node.error()
               << "a size of " << size << " is not positive or too large";
      float scale = static_cast<float>(size) / input[axis];
      scaling.sizes[axis] = size;
      scaling.scales[axis] = scale;
      if (!common || (isSmaller ? scale < *common : scale > *common))
        common = scale;
    }
    if (policy != "stretch" && common)
      for (int64_t axis : *axes) {
        scaling.scales[axis] = *common;
        scaling.sizes[axis] =
            static_cast<int64_t>(std::floor(*common * input[axis] + 0.5f));
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
                        << "' is unknown; nearest, linear and cubic are known";
  bool isNearest = mode == "nearest";
  std::string coordinates =
      isOld ? "asymmetric"
            : node.getString("coordinate_transformation_mode", "half_pixel");
  std::optional<CoordinateMode> coordinateMode =
      symbolizeCoordinateMode(coordinates);
  if (!coordinateMode)
    return node.error()
           << "coordinate_transformation_mode '" << coordinates
           << "' is not supported; export the model with half_pixel";
  std::string rounding =
      isOld ? "floor" : node.getString("nearest_mode", "round_prefer_floor");
  std::optional<NearestMode> nearest = symbolizeNearestMode(rounding);
  if (!nearest)
    return node.error() << "nearest_mode '" << rounding << "' is unknown";
  Attributes attributes(node);
  attributes
      .set("mode", ResizeModeAttr::get(context, isNearest ? ResizeMode::Nearest
                                                          : ResizeMode::Linear))
      .set("coordinates", CoordinateModeAttr::get(context, *coordinateMode));
  if (isNearest)
    attributes.set("nearest", NearestModeAttr::get(context, *nearest));
  return attributes;
}

//===----------------------------------------------------------------------===//
// The general form
//===----------------------------------------------------------------------===//

/// Whether q.resize has what the node asks for.
static bool fitsResizeOp(Node &node, ArrayRef<int64_t> input,
                         const Scaling &scaling) {
  std::string mode = node.getString("mode", "nearest");
  bool isNearest = mode == "nearest";
  if (input.size() != 3 && input.size() != 4)
    return false;
  return mode != "cubic" && (isNearest || !node.getInt("antialias", 0)) &&
         (isNearest || !node.getInt("exclude_outside", 0)) &&
         node.getString("coordinate_transformation_mode", "") !=
             "tf_crop_and_resize" &&
         scaling.sizes[0] == input[0] && scaling.sizes[1] == input[1];
}

/// What holds for every dimension; the extents are filled in later.
static FailureOr<LineSampling> readSampling(Node &node) {
  bool isOld = node.getOpType() == "Upsample" || node.opset() < 11;
  std::string mode = node.getString("mode", "nearest");
  LineSampling line;
  line.cubic = mode == "cubic";
  line.coordinates =
      isOld ? "asymmetric"
            : node.getString("coordinate_transformation_mode", "half_pixel");
  line.nearest =
      isOld ? "floor" : node.getString("nearest_mode", "round_prefer_floor");
  line.antialias = node.getInt("antialias", 0);
  line.excludeOutside = node.getInt("exclude_outside", 0);
  line.cubicA = node.getFloat("cubic_coeff_a", -0.75f);
  line.extrapolation = node.getFloat("extrapolation_value", 0.0f);
  if (mode != "cubic" && mode != "nearest" && mode != "linear" &&
      mode != "bilinear")
    return node.error() << "mode '" << mode
                        << "' is unknown; nearest, linear and cubic are known";
  bool crops = line.coordinates == "tf_crop_and_resize";
  if (!crops && !symbolizeCoordinateMode(line.coordinates))
    return node.error()
           << "coordinate_transformation_mode '" << line.coordinates
           << "' is not supported; export the model with half_pixel";
  if (!symbolizeNearestMode(line.nearest))
    return node.error() << "nearest_mode '" << line.nearest << "' is unknown";
  if (crops && mode == "nearest")
    return node.error() << "crops with mode 'nearest', which is not supported; "
                           "crop with Slice first";
  return line;
}

/// Every line of dimension `axis` times the map, as a layer over it.
static Value applyAlong(Node &node, Value input, int64_t axis,
                        const LineSampling &line) {
  LineMap map = makeInterpolation(line);
  Shape perm, back, shape(shapeOf(input));
  int64_t rank = shape.size();
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      perm.push_back(d);
  perm.push_back(axis);
  for (int64_t d = 0; d < rank; ++d)
    back.push_back(llvm::find(perm, d) - perm.begin());
  int64_t rows = countElements(shape).value_or(0) / line.in;
  Value lines =
      makeReshape(node, makeTranspose(node, input, perm), {rows, line.in});
  std::string name = node.getName() + "/axis" + std::to_string(axis);
  Value product = make<GemmOp>(
      node, {lines, makeConstant(node, name, {line.out, line.in}, map.weights),
             makeConstant(node, name + "/outside", {line.out}, map.bias)});
  if (!product)
    return {};
  shape.erase(shape.begin() + axis);
  shape.push_back(line.out);
  return makeTranspose(node, makeReshape(node, product, shape), back);
}

static LogicalResult importGeneralResize(Node &node, Value data,
                                         const Scaling &scaling) {
  FailureOr<LineSampling> line = readSampling(node);
  if (failed(line))
    return failure();
  Shape input(shapeOf(data));
  int64_t rank = input.size();
  const HostTensor *roi = node.host(1);
  bool crops = line->coordinates == "tf_crop_and_resize";
  FailureOr<Shape> axes = readAxes(node, rank);
  if (failed(axes))
    return failure();
  int64_t count = axes->size();
  if (crops && (!roi || !roi->isFloat() || roi->size() != 2 * count))
    return node.error() << "needs a known roi with a start and an end for each "
                           "of the "
                        << count << " dimensions";
  Value result = data;
  for (auto [index, axis] : llvm::enumerate(*axes)) {
    line->in = input[axis];
    line->out = scaling.sizes[axis];
    line->scale = scaling.scales[axis];
    if (crops) {
      line->roiStart = roi->getFloats()[index];
      line->roiEnd = roi->getFloats()[count + index];
    }
    bool isWhole = line->roiStart == 0.0 && line->roiEnd == 1.0;
    if (line->in == line->out && line->scale == 1.0 && isWhole)
      continue;
    std::optional<int64_t> weights = countElements({line->in, line->out});
    if (line->out < 1 || !weights || *weights > kMaxComputedElements)
      return node.error() << "resizes dimension " << axis << " from "
                          << line->in << " to " << line->out
                          << ", which is empty or too large";
    if (node.getString("mode", "nearest") == "nearest")
      result = make<GatherOp>(node, result,
                              Attributes(node)
                                  .ints("indices", makeNearest(*line))
                                  .integer("axis", axis));
    else
      result = applyAlong(node, result, axis, *line);
    if (!result)
      return failure();
  }
  return node.define(0, result);
}

static LogicalResult importResize(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Shape input(shapeOf(*data));
  FailureOr<Scaling> scaling = readScaling(node, input);
  if (failed(scaling))
    return failure();
  if (!fitsResizeOp(node, input, *scaling))
    return importGeneralResize(node, *data, *scaling);
  FailureOr<Attributes> attributes = readModes(node);
  if (failed(attributes))
    return failure();
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
