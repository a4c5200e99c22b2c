//===- ImportLayers.cpp - ONNX layers with weights ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizedConstants.h"
#include "Window.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// Input `index` read under `shape`, permuted, and then under `finalShape`
/// (empty for the permuted one): on the host where it is known, which costs
/// nothing at run time.
static Value permutedInput(Node &node, int index, ArrayRef<int64_t> shape,
                           ArrayRef<int64_t> perm,
                           ArrayRef<int64_t> finalShape = {}) {
  if (Value quantized = node.dequantizedConstant(index)) {
    Value permuted =
        permuteDequantized(node.builder(), quantized, shape, perm, finalShape);
    if (!permuted)
      node.error() << "'" << node.getProto().input(index)
                   << "' is quantized along a dimension that is not that of "
                      "the output channels; quantize it per tensor or per "
                      "output channel";
    return permuted;
  }
  if (const HostTensor *tensor = node.host(index)) {
    if (!tensor->isFloat() || tensor->size() == 0) {
      node.error() << "'" << node.getProto().input(index)
                   << "' must be a float tensor that is not empty";
      return {};
    }
    HostTensor permuted = tensor->reshaped(shape).transposed(perm);
    if (!finalShape.empty())
      permuted = permuted.reshaped(finalShape);
    return makeConstant(node, node.getProto().input(index), permuted);
  }
  FailureOr<Value> value = node.value(index);
  if (failed(value))
    return {};
  Value permuted = makeTranspose(node, makeReshape(node, *value, shape), perm);
  if (!permuted || finalShape.empty())
    return permuted;
  return makeReshape(node, permuted, finalShape);
}

FailureOr<Value> onnx_import::readBias(Node &node, int index,
                                       int64_t channels) {
  if (!node.hasInput(index))
    return Value();
  FailureOr<Shape> shape = node.shape(index);
  if (failed(shape))
    return failure();
  if (*shape != Shape{channels})
    return node.error() << "the bias must have shape [" << channels
                        << "], but has [" << ArrayRef<int64_t>(*shape) << "]";
  return node.value(index);
}

/// Shapes of data and weights of a convolution, checked.
static LogicalResult readConvShapes(Node &node, Shape &input, Shape &weights) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> data = node.shape(0), kernel = node.shape(1);
  if (failed(data) || failed(kernel))
    return failure();
  bool isVolume = node.getOpType() == "Conv" && data->size() == 5;
  if (!isVolume && failed(checkSpatialRank(node, *data)))
    return failure();
  if (data->size() != kernel->size())
    return node.error() << "the input has shape [" << ArrayRef<int64_t>(*data)
                        << "], but the weights have shape ["
                        << ArrayRef<int64_t>(*kernel) << "]";
  input = *data;
  weights = *kernel;
  return success();
}

/// Where the data comes from a zero padding of spatial dimensions, the padding
/// becomes part of the window: same sums, no copy.
static Value absorbZeroPad(Value input, Window &window) {
  auto pad = input.getDefiningOp<PadOp>();
  if (!pad || pad.getMode() != PadMode::Constant || !pad.getValue().isZero() ||
      shapeOf(input).size() != 4)
    return input;
  ArrayRef<int64_t> low = pad.getLow(), high = pad.getHigh();
  if (low[0] || low[1] || high[0] || high[1])
    return input;
  for (int d = 0; d < 2; ++d) {
    window.pads[d] += low[2 + d];
    window.pads[d + 2] += high[2 + d];
  }
  return pad.getInput();
}

Value onnx_import::makeConv(Node &node, Value nhwc, Value ohwi, Value bias,
                            const Window &window) {
  SmallVector<Value> operands = {nhwc, ohwi};
  if (bias)
    operands.push_back(bias);
  return make<Conv2DOp>(
      node, operands,
      Attributes(node)
          .ints("strides", window.strides)
          .ints("pads", window.pads)
          .ints("dilations", window.dilations)
          .integer("groups", node.getInt("group", 1))
          .set("operandSegmentSizes",
               node.builder().getDenseI32ArrayAttr({1, 1, bias ? 1 : 0, 0})));
}

static LogicalResult importConv(Node &node) {
  Shape input, weights;
  if (failed(readConvShapes(node, input, weights)))
    return failure();
  if (input.size() == 5)
    return importVolumeConv(node, input, weights);
  FailureOr<Shape> kernel = readKernel(node, weights, input.size() - 2);
  if (failed(kernel))
    return failure();
  FailureOr<Window> window =
      readWindow(node, input, *kernel, /*ceilMode=*/false);
  FailureOr<Value> data = node.value(0);
  FailureOr<Value> bias = readBias(node, 2, weights[0]);
  if (failed(window) || failed(data) || failed(bias))
    return failure();
  Value source = absorbZeroPad(*data, *window);
  Value nhwc = toNhwc(node, withHeight(node, source));
  Value ohwi = permutedInput(node, 1, withHeight(weights), {0, 2, 3, 1});
  if (!nhwc || !ohwi)
    return failure();
  Value result = makeConv(node, nhwc, ohwi, *bias, *window);
  return node.defineIfBuilt(
      dropHeight(node, toNchw(node, result), input.size()));
}

static LogicalResult importConvTranspose(Node &node) {
  Shape input, weights;
  if (failed(readConvShapes(node, input, weights)))
    return failure();
  FailureOr<Shape> kernel = readKernel(node, weights, input.size() - 2);
  if (failed(kernel))
    return failure();
  // Pads mean something else here, so auto_pad is worked out below.
  FailureOr<Window> window =
      readWindow(node, input, *kernel, /*ceilMode=*/false);
  int64_t groups = node.getInt("group", 1), rank = input.size();
  if (failed(window))
    return failure();
  if (groups < 1 || weights[0] % groups)
    return node.error() << groups << " groups do not divide " << weights[0]
                        << " input channels";
  std::array<int64_t, 2> extra = {0, 0};
  size_t spatial = kernel->size(), lead = 2 - spatial;
  std::optional<Shape> outputPadding = node.getInts("output_padding");
  std::optional<Shape> outputShape = node.getInts("output_shape");
  if ((outputPadding && outputPadding->size() != spatial) ||
      (outputShape && outputShape->size() != spatial))
    return node.error() << "output_padding and output_shape must have one "
                           "entry for each spatial dimension";
  std::string autoPad = node.getString("auto_pad", "NOTSET");
  bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  for (size_t i = 0; i < spatial; ++i) {
    size_t d = lead + i;
    if (outputPadding)
      extra[d] = (*outputPadding)[i];
    if (!isSame && !outputShape)
      continue;
    int64_t stride = window->strides[d];
    int64_t wanted = outputShape ? (*outputShape)[i] : input[2 + i] * stride;
    int64_t total =
        stride * (input[2 + i] - 1) + extra[d] + window->reach(d) - wanted;
    if (total < 0) {
      extra[d] -= total;
      total = 0;
    }
    int64_t half = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
    window->pads[d] = half;
    window->pads[d + 2] = total - half;
  }

  // ONNX: [C, M / groups, KH, KW]; here: [M, KH, KW, C / groups].
  int64_t channels = weights[0], perGroup = weights[1];
  Shape tall = withHeight(weights);
  Shape grouped = {groups, channels / groups, perGroup, tall[2], tall[3]};
  Value mhwc =
      permutedInput(node, 1, grouped, {0, 2, 3, 4, 1},
                    {groups * perGroup, tall[2], tall[3], channels / groups});
  FailureOr<Value> data = node.value(0);
  FailureOr<Value> bias = readBias(node, 2, groups * perGroup);
  if (failed(data) || failed(bias))
    return failure();
  SmallVector<Value> operands = {toNhwc(node, withHeight(node, *data)), mhwc};
  if (*bias)
    operands.push_back(*bias);
  Value result =
      make<ConvTranspose2DOp>(node, operands,
                              Attributes(node)
                                  .ints("strides", window->strides)
                                  .ints("pads", window->pads)
                                  .ints("dilations", window->dilations)
                                  .ints("output_padding", extra)
                                  .integer("groups", groups));
  return node.defineIfBuilt(dropHeight(node, toNchw(node, result), rank));
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// `value * factor`, folded where the value is known.
static FailureOr<Value> scaledInput(Node &node, int index, float factor) {
  const HostTensor *tensor = node.host(index);
  if (tensor && tensor->isFloat() && factor != 1.0f && tensor->size() > 0) {
    std::vector<float> scaled(tensor->getFloats());
    for (float &element : scaled)
      element *= factor;
    return makeConstant(node, node.getProto().input(index), tensor->getShape(),
                        scaled);
  }
  FailureOr<Value> value = node.value(index);
  if (failed(value) || factor == 1.0f)
    return value;
  Value product = make<MulOp>(node, {*value, makeScalar(node, factor)});
  if (!product)
    return failure();
  return product;
}

/// Weights `[N, K]` from input 1, times `factor`.
static Value readGemmWeights(Node &node, bool isTransposed, float factor) {
  FailureOr<Shape> shape = node.shape(1);
  if (succeeded(shape) && factor == 1.0f && node.dequantizedConstant(1))
    return permutedInput(node, 1, *shape,
                         isTransposed ? Shape{0, 1} : Shape{1, 0});
  const HostTensor *tensor = node.host(1);
  if (!tensor || !tensor->isFloat()) {
    FailureOr<Value> scaled = scaledInput(node, 1, factor);
    if (failed(scaled))
      return {};
    return isTransposed ? *scaled : makeTranspose(node, *scaled, {1, 0});
  }
  HostTensor weights = isTransposed ? *tensor : tensor->transposed({1, 0});
  std::vector<float> values(weights.getFloats());
  if (factor != 1.0f)
    for (float &element : values)
      element *= factor;
  if (values.empty()) {
    node.error() << "the weights are empty";
    return {};
  }
  return makeConstant(node, node.getProto().input(1), weights.getShape(),
                      values);
}

/// C of a Gemm as a bias `[N]`, if it is one: known, and the same for every
/// row.
static std::optional<HostTensor> getBiasOfGemm(Node &node, int64_t columns) {
  const HostTensor *tensor = node.host(2);
  if (!tensor || !tensor->isFloat() || node.dequantizedConstant(2))
    return std::nullopt;
  ArrayRef<int64_t> shape = tensor->getShape();
  int64_t last = shape.empty() ? 1 : shape.back();
  if (tensor->size() != last || (last != 1 && last != columns))
    return std::nullopt;
  std::vector<float> values(columns);
  for (int64_t i = 0; i < columns; ++i)
    values[i] = tensor->getFloats()[last == 1 ? 0 : i];
  return HostTensor(tensor->getType(), {columns}, std::move(values));
}

static LogicalResult importGemm(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  float alpha = node.getFloat("alpha", 1.0f),
        beta = node.getFloat("beta", 1.0f);
  bool transA = node.getInt("transA", 0), transB = node.getInt("transB", 0);
  FailureOr<Shape> lhs = node.shape(0), rhs = node.shape(1);
  FailureOr<Value> data = node.value(0);
  if (failed(lhs) || failed(rhs) || failed(data))
    return failure();
  if (lhs->size() != 2 || rhs->size() != 2)
    return node.error() << "operands must be matrices, but have the shapes ["
                        << ArrayRef<int64_t>(*lhs) << "] and ["
                        << ArrayRef<int64_t>(*rhs) << "]";
  int64_t columns = (*rhs)[transB ? 0 : 1];
  SmallVector<Value> operands = {transA ? makeTranspose(node, *data, {1, 0})
                                        : *data,
                                 readGemmWeights(node, transB, alpha)};
  bool hasC = node.hasInput(2) && beta != 0.0f;
  std::optional<HostTensor> bias;
  if (hasC)
    bias = getBiasOfGemm(node, columns);
  if (bias) {
    std::vector<float> values(bias->getFloats());
    for (float &element : values)
      element *= beta;
    operands.push_back(
        makeConstant(node, node.getProto().input(2), {columns}, values));
  } else if (hasC && beta == 1.0f) {
    FailureOr<Shape> shape = node.shape(2);
    if (failed(shape))
      return failure();
    if (*shape == Shape{columns}) {
      FailureOr<Value> value = node.value(2);
      if (failed(value))
        return failure();
      operands.push_back(*value);
    }
  }
  Value result = make<GemmOp>(node, operands);
  if (hasC && operands.size() == 2) {
    FailureOr<Value> addend = scaledInput(node, 2, beta);
    if (failed(addend))
      return failure();
    result = make<AddOp>(node, {result, *addend});
  }
  return node.defineIfBuilt(result);
}

static LogicalResult importMatMul(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> lhs = node.shape(0), rhs = node.shape(1);
  FailureOr<Value> data = node.value(0);
  if (failed(lhs) || failed(rhs) || failed(data))
    return failure();
  if (lhs->empty() || rhs->empty())
    return node.error() << "operands must not be scalars";
  // A constant matrix on the right makes it a fully connected layer over the
  // last dimension.
  if (node.host(1) && rhs->size() == 2) {
    int64_t depth = lhs->back(), rows = 1;
    for (int64_t extent : ArrayRef(*lhs).drop_back())
      rows *= extent;
    Value flat = makeReshape(node, *data, {rows, depth});
    Value product =
        make<GemmOp>(node, {flat, readGemmWeights(node, false, 1.0f)});
    Shape shape(*lhs);
    shape.back() = (*rhs)[1];
    return node.defineIfBuilt(makeReshape(node, product, shape));
  }
  FailureOr<Value> other = node.value(1);
  if (failed(other))
    return failure();
  // Vectors are rows on the left and columns on the right.
  Value left = *data, right = *other;
  if (lhs->size() == 1)
    left = makeReshape(node, left, {1, (*lhs)[0]});
  if (rhs->size() == 1)
    right = makeReshape(node, right, {(*rhs)[0], 1});
  Value product = make<MatMulOp>(node, {left, right});
  if (!product)
    return failure();
  Shape shape(shapeOf(product));
  if (rhs->size() == 1)
    shape.pop_back();
  if (lhs->size() == 1)
    shape.erase(shape.end() - (rhs->size() == 1 ? 1 : 2));
  return node.defineIfBuilt(makeReshape(node, product, shape));
}

void onnx_import::addLayerHandlers(OpTable &table) {
  table["Conv"] = importConv;
  table["ConvTranspose"] = importConvTranspose;
  table["Gemm"] = importGemm;
  table["MatMul"] = importMatMul;
}
