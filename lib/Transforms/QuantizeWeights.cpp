//===- QuantizeWeights.cpp - Integer weights and biases of a layer --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/Bias.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Quantizers.h"

#include <cmath>

using namespace mlir;
using namespace q;

namespace {

/// Float weights, their quantizer, and the factors per channel that multiply
/// scales instead of weights (rule N17), empty where there are none.
struct FloatWeights {
  QuantizerOp quantizer;
  std::vector<float> values;
  std::vector<float> factors;
};

/// Parameters per output channel: `weights` quantize the float weights,
/// `scales` are those of the type, with the factor and the bias accounted for.
struct ChannelScales {
  SmallVector<numerics::QuantParams> weights;
  SmallVector<double> scales;
  SmallVector<bool> flipped;
};

} // namespace

static FailureOr<FloatWeights> getFloatWeights(WeightedOpInterface layer) {
  FloatWeights weights;
  Value value = layer.getWeights();
  if (isWeightFactor(value.getDefiningOp())) {
    auto product = value.getDefiningOp<MulOp>();
    auto factors = getConstantFloats(product.getRhs());
    if (failed(factors))
      return failure();
    weights.factors = std::move(*factors);
    value = product.getLhs();
    int64_t channels = cast<RankedTensorType>(value.getType()).getDimSize(0);
    if (static_cast<int64_t>(weights.factors.size()) != channels)
      return product.emitOpError("scales weights by ")
             << weights.factors.size() << " factors, but the layer has "
             << channels << " output channels";
  }
  weights.quantizer = value.getDefiningOp<QuantizerOp>();
  if (!weights.quantizer ||
      !weights.quantizer.getInput().getDefiningOp<ConstOp>())
    return layer->emitOpError("has weights without a quantizer; run "
                              "q-insert-quantizers and q-calibrate first");
  SchemeAttr scheme = weights.quantizer.getScheme();
  if (scheme.getAxis() > 0 || !scheme.getSymmetric() || !scheme.getIsSigned())
    return weights.quantizer.emitOpError(
        "quantizes weights, so its scheme must be signed and symmetric, per "
        "tensor or along axis 0 (rule N2)");
  auto values = getConstantFloats(weights.quantizer.getInput());
  if (failed(values))
    return failure();
  weights.values = std::move(*values);
  return weights;
}

static FailureOr<ChannelScales> getScales(FloatWeights &weights,
                                          int64_t channels) {
  auto params = chooseParams(weights.quantizer);
  if (failed(params))
    return failure();
  ChannelScales result;
  bool perTensor = params->size() == 1;
  bool powerOfTwo = weights.quantizer.getScheme().getPowerOfTwo();
  for (int64_t c = 0; c < channels; ++c) {
    numerics::QuantParams channel = (*params)[perTensor ? 0 : c];
    double factor = weights.factors.empty() ? 1.0 : weights.factors[c];
    result.weights.push_back(channel);
    result.flipped.push_back(factor < 0.0);
    // A channel whose factor is 0 is constant: its weights become 0.
    double scale =
        factor == 0.0 ? channel.scale : channel.scale * std::abs(factor);
    auto rounded = numerics::roundScale(scale);
    if (!rounded)
      return weights.quantizer.emitOpError("has no scale for channel ")
             << c << ": " << rounded.reason();
    if (powerOfTwo && !numerics::isPowerOfTwo(*rounded))
      return weights.quantizer.emitOpError(
          "asks for power-of-two scales, but the factors of absorbed batch "
          "normalizations are none; use q-fold-batch-norm with mode=fold");
    result.scales.push_back(*rounded);
  }
  return result;
}

/// Rule N7: raises the scales of channels whose bias would not fit, and returns
/// the integer biases.
static FailureOr<std::vector<int32_t>> quantizeBias(WeightedOpInterface layer,
                                                    double inputScale,
                                                    ChannelScales &channels,
                                                    bool powerOfTwo) {
  auto floats = getConstantFloats(layer.getBias());
  if (failed(floats))
    return failure();
  std::vector<int32_t> integers;
  SmallVector<size_t> raised;
  for (size_t c = 0; c < floats->size(); ++c) {
    double bias = (*floats)[c];
    auto scale =
        numerics::weightScaleForBias(bias, inputScale, channels.scales[c]);
    if (!scale)
      return layer->emitOpError("has a bias in channel ")
             << c << " that cannot be quantized: " << scale.reason();
    if (*scale != channels.scales[c]) {
      raised.push_back(c);
      double next = *scale;
      if (powerOfTwo)
        next = std::exp2(std::ceil(std::log2(next)));
      channels.weights[c].scale *= next / channels.scales[c];
      channels.scales[c] = next;
    }
    auto integer = numerics::quantizeBias(bias, inputScale, channels.scales[c]);
    if (!integer)
      return layer->emitOpError("has a bias in channel ")
             << c << " that cannot be quantized: " << integer.reason();
    integers.push_back(*integer);
  }
  if (!raised.empty())
    layer->emitRemark("raises the weight scale of ")
        << raised.size() << " of " << floats->size()
        << " output channels, first channel " << raised.front()
        << ", so that the bias fits 31 bits (rule N7)";
  return integers;
}

static std::vector<int32_t> quantizeValues(const FloatWeights &weights,
                                           const ChannelScales &channels) {
  std::vector<int32_t> integers(weights.values.size());
  size_t perChannel = integers.size() / channels.scales.size();
  for (size_t i = 0; i < integers.size(); ++i) {
    size_t c = i / perChannel;
    if (!weights.factors.empty() && weights.factors[c] == 0.0f)
      continue;
    int64_t integer =
        numerics::quantize(weights.values[i], channels.weights[c]);
    // L's range has no opposite for its lowest value.
    if (channels.flipped[c])
      integer = std::min(-integer, channels.weights[c].qmax);
    integers[i] = static_cast<int32_t>(integer);
  }
  return integers;
}

/// One scale for all channels if they agree and were not asked to be apart.
static quant::QuantizedType getWeightType(MLIRContext *context,
                                          SchemeAttr scheme,
                                          const ChannelScales &channels) {
  SmallVector<numerics::QuantParams> params = channels.weights;
  for (auto [param, scale] : llvm::zip_equal(params, channels.scales))
    param.scale = scale;
  if (scheme.getAxis() < 0 && llvm::all_equal(channels.scales))
    params.truncate(1);
  else if (params.size() == 1) {
    // makeQuantizedType takes a single element for a tensor's.
    auto tensor = cast<quant::UniformQuantizedType>(
        makeQuantizedType(context, scheme, params));
    return quant::UniformQuantizedPerAxisType::get(
        tensor.getFlags(), tensor.getStorageType(), tensor.getExpressedType(),
        {tensor.getScale()}, {tensor.getZeroPoint()}, 0,
        tensor.getStorageTypeMin(), tensor.getStorageTypeMax());
  }
  return makeQuantizedType(context, scheme, params);
}

quant::QuantizedType q::getBiasType(MLIRContext *context, double inputScale,
                                    ArrayRef<double> scales) {
  SmallVector<double> products;
  for (double scale : scales)
    products.push_back(inputScale * scale);
  SmallVector<int64_t> zeroPoints(scales.size(), 0);
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, IntegerType::get(context, 32),
      Float32Type::get(context), products, zeroPoints, 0,
      std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
}

LogicalResult q::quantizeWeights(WeightedOpInterface layer) {
  if (getGivenConstant(layer.getWeights()))
    return takeGivenWeights(layer);
  auto input = getTensorParams(layer, layer.getInput());
  auto weights = getFloatWeights(layer);
  if (failed(input) || failed(weights))
    return failure();
  auto type = cast<RankedTensorType>(layer.getWeights().getType());
  auto channels = getScales(*weights, type.getDimSize(0));
  if (failed(channels))
    return failure();

  SchemeAttr scheme = weights->quantizer.getScheme();
  std::vector<int32_t> bias;
  if (layer.getBias()) {
    auto integers =
        quantizeBias(layer, input->scale, *channels, scheme.getPowerOfTwo());
    if (failed(integers))
      return failure();
    bias = std::move(*integers);
  }

  OpBuilder builder(layer);
  MLIRContext *context = layer.getContext();
  layer.getWeightsMutable().set(createQuantizedConstant(
      builder, weights->quantizer.getInput().getLoc(),
      RankedTensorType::get(type.getShape(),
                            getWeightType(context, scheme, *channels)),
      quantizeValues(*weights, *channels)));
  if (layer.getBias())
    layer.getBiasMutable().assign(createQuantizedConstant(
        builder, layer.getBias().getLoc(),
        RankedTensorType::get(
            type.getShape().take_front(),
            getBiasType(context, input->scale, channels->scales)),
        bias));
  return success();
}
