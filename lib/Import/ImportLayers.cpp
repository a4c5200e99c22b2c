//===- ImportLayers.cpp - Convolutions, products, normalization, pools
//------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

namespace {

/// The sliding window that Conv, ConvTranspose and the pools have in common.
struct Window {
  Shape kernel, strides, dilations;
  /// [top, left, bottom, right].
  Shape pads;
};

} // namespace

static FailureOr<Window> readWindow(const Node &node, ArrayRef<int64_t> input,
                                    ArrayRef<int64_t> kernel,
                                    bool ceilMode = false) {
  if (input.size() != 4)
    return node.emitError() << "only 2-D windows over [N, C, H, W] are "
                               "supported, but the input has rank "
                            << input.size();
  Window window;
  window.kernel = node.getInts("kernel_shape", kernel);
  window.strides = node.getInts("strides", {1, 1});
  window.dilations = node.getInts("dilations", {1, 1});
  window.pads = node.getInts("pads", {0, 0, 0, 0});
  if (window.kernel.size() != 2 || window.strides.size() != 2 ||
      window.dilations.size() != 2 || window.pads.size() != 4)
    return node.emitError() << "kernel_shape, strides and dilations must have "
                               "2 entries and pads 4";
  for (int d = 0; d < 2; ++d)
    if (window.kernel[d] < 1 || window.strides[d] < 1 ||
        window.dilations[d] < 1 || window.pads[d] < 0 || window.pads[d + 2] < 0)
      return node.emitError()
             << "kernel_shape, strides and dilations must be positive and pads "
                "not negative";
  std::string automatic = node.getString("auto_pad", "NOTSET");
  for (int d = 0; d < 2; ++d) {
    int64_t extent = input[d + 2], stride = window.strides[d];
    int64_t reach = window.dilations[d] * (window.kernel[d] - 1) + 1;
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      int64_t outputs = (extent + stride - 1) / stride;
      int64_t total =
          std::max<int64_t>(0, (outputs - 1) * stride + reach - extent);
      int64_t smaller = total / 2, larger = total - smaller;
      bool upper = automatic == "SAME_UPPER";
      window.pads[d] = upper ? smaller : larger;
      window.pads[d + 2] = upper ? larger : smaller;
    } else if (automatic == "VALID") {
      window.pads[d] = window.pads[d + 2] = 0;
    } else if (automatic != "NOTSET") {
      return node.emitError() << "unknown auto_pad '" << automatic << "'";
    }
    if (!ceilMode)
      continue;
    // One more output where a window starts inside of the padded input, as
    // extra padding at the end.
    int64_t padded = extent + window.pads[d] + window.pads[d + 2];
    int64_t outputs = (padded - reach + stride - 1) / stride + 1;
    if ((outputs - 1) * stride >= extent + window.pads[d])
      --outputs;
    int64_t needed = (outputs - 1) * stride + reach - padded;
    window.pads[d + 2] += std::max<int64_t>(0, needed);
  }
  return window;
}

static NamedAttribute array(OpBuilder &builder, StringRef name,
                            ArrayRef<int64_t> values) {
  return builder.getNamedAttr(name, builder.getDenseI64ArrayAttr(values));
}

/// The bias as `[channels]`, or null without error where there is none.
static FailureOr<Value> readBias(const Node &node, size_t index) {
  if (!node.hasInput(index))
    return Value();
  const GraphValue *bias = node.getInput(index);
  if (!bias)
    return failure();
  Value value = node.importer.asPlain(node.getLoc(), *bias);
  if (!value)
    return failure();
  return value;
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

static LogicalResult importConv(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  const HostTensor *weights = input ? node.getConstant(1) : nullptr;
  if (!weights)
    return failure();
  if (weights->shape.size() != 4)
    return node.emitError() << "only 2-D convolutions are supported, but the "
                               "weights have rank "
                            << weights->shape.size();
  auto window = readWindow(node, input->shape,
                           ArrayRef<int64_t>(weights->shape).drop_front(2));
  FailureOr<Value> bias = readBias(node, 2);
  Value data = importer.asChannelsLast(node.getLoc(), *input);
  if (failed(window) || failed(bias) || !data)
    return failure();
  Value filter =
      importer.materialize(node.getLoc(), weights->transposed({0, 2, 3, 1}));
  SmallVector<Value> operands = {data, filter};
  if (*bias)
    operands.push_back(*bias);
  auto conv = tryCreate<Conv2DOp>(
      builder, node.getLoc(), operands,
      {array(builder, "strides", window->strides),
       array(builder, "pads", window->pads),
       array(builder, "dilations", window->dilations),
       builder.getNamedAttr("groups",
                            builder.getI64IntegerAttr(node.getInt("group", 1))),
       builder.getNamedAttr(
           "operandSegmentSizes",
           builder.getDenseI32ArrayAttr({1, 1, *bias ? 1 : 0, 0}))});
  if (!conv)
    return failure();
  importer.defineChannelsLast(node, conv.getOutput());
  return success();
}

static LogicalResult importConvTranspose(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  const HostTensor *weights = input ? node.getConstant(1) : nullptr;
  if (!weights)
    return failure();
  if (weights->shape.size() != 4 || input->shape.size() != 4)
    return node.emitError() << "only 2-D transposed convolutions are supported";
  int64_t groups = node.getInt("group", 1);
  ArrayRef<int64_t> shape = weights->shape;
  if (groups < 1 || shape[0] % groups)
    return node.emitError() << groups << " groups do not divide " << shape[0]
                            << " input channels";
  Shape kernel = {shape[2], shape[3]};
  Shape strides = node.getInts("strides", {1, 1});
  Shape dilations = node.getInts("dilations", {1, 1});
  Shape pads = node.getInts("pads", {0, 0, 0, 0});
  Shape extra = node.getInts("output_padding", {0, 0});
  Shape wanted = node.getInts("output_shape", {});
  std::string automatic = node.getString("auto_pad", "NOTSET");
  if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4 ||
      extra.size() != 2 || (!wanted.empty() && wanted.size() < 2))
    return node.emitError()
           << "strides, dilations and output_padding must have "
              "2 entries and pads 4";
  for (int d = 0; d < 2; ++d) {
    bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    if (wanted.empty() && !same)
      continue;
    int64_t extent = input->shape[d + 2];
    int64_t target =
        wanted.empty() ? extent * strides[d] : wanted[wanted.size() - 2 + d];
    int64_t total = strides[d] * (extent - 1) + extra[d] +
                    dilations[d] * (kernel[d] - 1) + 1 - target;
    int64_t smaller = total / 2, larger = total - smaller;
    bool upper = automatic == "SAME_UPPER";
    pads[d] = upper ? smaller : larger;
    pads[d + 2] = upper ? larger : smaller;
  }
  // ONNX: [C, O / groups, KH, KW]; here: [O, KH, KW, C / groups].
  int64_t inputs = shape[0] / groups, outputs = shape[1];
  HostTensor filter =
      weights->reshaped({groups, inputs, outputs, kernel[0], kernel[1]})
          .transposed({0, 2, 3, 4, 1})
          .reshaped({groups * outputs, kernel[0], kernel[1], inputs});
  FailureOr<Value> bias = readBias(node, 2);
  Value data = importer.asChannelsLast(node.getLoc(), *input);
  if (failed(bias) || !data)
    return failure();
  SmallVector<Value> operands = {data,
                                 importer.materialize(node.getLoc(), filter)};
  if (*bias)
    operands.push_back(*bias);
  auto conv = tryCreate<ConvTranspose2DOp>(
      builder, node.getLoc(), operands,
      {array(builder, "strides", strides), array(builder, "pads", pads),
       array(builder, "dilations", dilations),
       array(builder, "output_padding", extra),
       builder.getNamedAttr("groups", builder.getI64IntegerAttr(groups))});
  if (!conv)
    return failure();
  importer.defineChannelsLast(node, conv.getOutput());
  return success();
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Where the input of a fully connected layer is a flattened [N, H, W, C], the
/// weights are permuted instead of the data. Null where it is not.
static Value flattenedInput(const Node &node, const GraphValue &input,
                            HostTensor &weights) {
  if (input.layout != GraphValue::Layout::Lazy || input.steps.size() != 1 ||
      input.steps[0].kind != ViewStep::Reshape || input.shape.size() != 2)
    return {};
  ArrayRef<int64_t> source = shapeOf(input.value);
  int64_t height = source[1], width = source[2], channels = source[3];
  if (input.shape[1] != height * width * channels)
    return {};
  int64_t outputs = weights.shape[0];
  weights = weights.reshaped({outputs, channels, height, width})
                .transposed({0, 2, 3, 1})
                .reshaped({outputs, input.shape[1]});
  OpBuilder &builder = node.importer.getBuilder();
  auto type = RankedTensorType::get(
      input.shape,
      cast<RankedTensorType>(input.value.getType()).getElementType());
  return ReshapeOp::create(builder, node.getLoc(), type, input.value);
}

/// `x w^T + bias` with constant `[N, K]` weights and a bias that is null or a
/// constant of up to N elements.
static LogicalResult makeGemm(const Node &node, const GraphValue &input,
                              HostTensor weights, const HostTensor *bias) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  int64_t outputs = weights.shape[0], depth = weights.shape[1];
  if (input.shape.empty() || input.shape.back() != depth)
    return node.emitError() << "the input's last dimension must be " << depth;
  Value data;
  if (input.shape.size() == 2)
    data = flattenedInput(node, input, weights);
  if (!data)
    data = importer.asPlain(node.getLoc(), input);
  if (!data)
    return failure();
  auto element = cast<RankedTensorType>(data.getType()).getElementType();
  int64_t rows = 1;
  for (int64_t extent : ArrayRef<int64_t>(input.shape).drop_back())
    rows *= extent;
  if (input.shape.size() != 2)
    data =
        ReshapeOp::create(builder, node.getLoc(),
                          RankedTensorType::get({rows, depth}, element), data);
  SmallVector<Value> operands = {data,
                                 importer.materialize(node.getLoc(), weights)};
  if (bias)
    operands.push_back(
        importer.materialize(node.getLoc(), bias->broadcastTo({outputs})));
  auto gemm = tryCreate<GemmOp>(builder, node.getLoc(), operands);
  if (!gemm)
    return failure();
  Value result = gemm.getOutput();
  if (input.shape.size() != 2) {
    Shape shape(input.shape);
    shape.back() = outputs;
    result = ReshapeOp::create(builder, node.getLoc(),
                               RankedTensorType::get(shape, element), result);
  }
  importer.definePlain(node, result);
  return success();
}

static HostTensor scaled(HostTensor tensor, float factor) {
  for (float &value : tensor.floats)
    value *= factor;
  return tensor;
}

static LogicalResult importGemm(const Node &node) {
  const GraphValue *input = node.getInput(0);
  const HostTensor *weights = input ? node.getConstant(1) : nullptr;
  if (!weights)
    return failure();
  if (weights->shape.size() != 2 || input->shape.size() != 2)
    return node.emitError() << "its operands must be matrices";
  float alpha = node.getFloat("alpha", 1.0f),
        beta = node.getFloat("beta", 1.0f);
  HostTensor matrix =
      node.getInt("transB", 0) ? *weights : weights->transposed({1, 0});
  std::optional<HostTensor> bias;
  if (node.hasInput(2)) {
    const HostTensor *given = node.getConstant(2);
    if (!given)
      return failure();
    bias = scaled(*given, beta);
    while (bias->shape.size() > 1 && bias->shape.front() == 1)
      bias->shape.erase(bias->shape.begin());
    if (bias->shape.size() > 1 ||
        (bias->size() != 1 && bias->size() != matrix.shape[0]))
      return node.emitError()
             << "C must be a constant with one element per column";
  }
  GraphValue data = *input;
  if (node.getInt("transA", 0)) {
    if (failed(node.importer.view(node, *input, {ViewStep::Transpose, {1, 0}})))
      return failure();
    data = node.importer.getResult(node);
  }
  return makeGemm(node, data, scaled(std::move(matrix), alpha),
                  bias ? &*bias : nullptr);
}

static LogicalResult importMatMul(const Node &node) {
  const GraphValue *lhs = node.getInput(0);
  const GraphValue *rhs = lhs ? node.getInput(1) : nullptr;
  if (!rhs)
    return failure();
  if (rhs->isConstant() && rhs->shape.size() == 2 && lhs->shape.size() >= 2)
    return makeGemm(node, *lhs, rhs->constant->transposed({1, 0}), nullptr);
  GraphImporter &importer = node.importer;
  Value a = importer.asPlain(node.getLoc(), *lhs);
  Value b = a ? importer.asPlain(node.getLoc(), *rhs) : Value();
  if (!b)
    return failure();
  auto product =
      tryCreate<MatMulOp>(importer.getBuilder(), node.getLoc(), {a, b});
  if (!product)
    return failure();
  importer.definePlain(node, product.getOutput());
  return success();
}

//===----------------------------------------------------------------------===//
// Normalization
//===----------------------------------------------------------------------===//

static LogicalResult importBatchNormalization(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  if (node.getInt("training_mode", 0))
    return node.emitError()
           << "is in training mode; export the model for inference";
  bool spatial = input->shape.size() == 4;
  if (!spatial && input->shape.size() != 2)
    return node.emitError() << "only inputs of rank 2 and 4 are supported";
  Value data = spatial ? importer.asChannelsLast(node.getLoc(), *input)
                       : importer.asPlain(node.getLoc(), *input);
  if (!data)
    return failure();
  SmallVector<Value> operands = {data};
  for (size_t i = 1; i <= 4; ++i) {
    const HostTensor *parameter = node.getConstant(i);
    if (!parameter)
      return failure();
    operands.push_back(importer.materialize(node.getLoc(), *parameter));
  }
  auto norm = tryCreate<BatchNormOp>(
      builder, node.getLoc(), operands,
      {builder.getNamedAttr("epsilon", builder.getF32FloatAttr(
                                           node.getFloat("epsilon", 1e-5f)))});
  if (!norm)
    return failure();
  if (spatial)
    importer.defineChannelsLast(node, norm.getOutput());
  else
    importer.definePlain(node, norm.getOutput());
  return success();
}

static LogicalResult importLrn(const Node &node) {
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  Value data = input ? importer.asChannelsLast(node.getLoc(), *input) : Value();
  if (!data)
    return failure();
  auto real = [&](StringRef name, float missing) {
    return builder.getNamedAttr(
        name, builder.getF32FloatAttr(node.getFloat(name, missing)));
  };
  auto norm = tryCreate<LrnOp>(
      builder, node.getLoc(), data,
      {builder.getNamedAttr("size",
                            builder.getI64IntegerAttr(node.getInt("size", 1))),
       real("alpha", 1e-4f), real("beta", 0.75f), real("bias", 1.0f)});
  if (!norm)
    return failure();
  importer.defineChannelsLast(node, norm.getOutput());
  return success();
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

template <typename PoolOp> static LogicalResult importPool(const Node &node) {
  constexpr bool isAverage = std::is_same_v<PoolOp, AvgPool2DOp>;
  GraphImporter &importer = node.importer;
  OpBuilder &builder = importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  if (!input)
    return failure();
  if (node.hasOutput(1))
    return node.emitError() << "its Indices output is not supported";
  if (node.getInt("storage_order", 0))
    return node.emitError() << "storage_order = 1 is not supported";
  auto plain = readWindow(node, input->shape, {});
  auto window = readWindow(node, input->shape, {}, node.getInt("ceil_mode", 0));
  Value data =
      failed(window) ? Value() : importer.asChannelsLast(node.getLoc(), *input);
  if (!data)
    return failure();
  SmallVector<NamedAttribute> attributes = {
      array(builder, "kernel", window->kernel),
      array(builder, "strides", window->strides),
      array(builder, "pads", window->pads),
      array(builder, "dilations", window->dilations)};
  if (isAverage && node.getInt("count_include_pad", 0)) {
    // The padding of ceil mode is counted by nobody: it is not in the file.
    if (ArrayRef<int64_t>(plain->pads) != ArrayRef<int64_t>(window->pads))
      return node.emitError() << "count_include_pad together with a ceil_mode "
                                 "that adds windows is not supported";
    attributes.push_back(
        builder.getNamedAttr("count_include_pad", builder.getUnitAttr()));
  }
  auto pool = tryCreate<PoolOp>(builder, node.getLoc(), data, attributes);
  if (!pool)
    return failure();
  importer.defineChannelsLast(node, pool.getOutput());
  return success();
}

void q::onnx_import::registerLayers(llvm::StringMap<Handler> &handlers) {
  handlers["Conv"] = importConv;
  handlers["ConvTranspose"] = importConvTranspose;
  handlers["Gemm"] = importGemm;
  handlers["MatMul"] = importMatMul;
  handlers["BatchNormalization"] = importBatchNormalization;
  handlers["LRN"] = importLrn;
  handlers["MaxPool"] = importPool<MaxPool2DOp>;
  handlers["AveragePool"] = importPool<AvgPool2DOp>;
}
