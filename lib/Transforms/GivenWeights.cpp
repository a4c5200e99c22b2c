//===- GivenWeights.cpp - Weights that a model brought quantized ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The integers and scales stay as they came, with two exceptions: storage takes
// the signed form where it has one (rule N2: the same numbers), and a channel
// whose bias does not fit int32 gets a larger scale (rule N7).
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/Bias.h"
#include "QDialect/Transforms/Constants.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace q;

ConstOp q::getGivenConstant(Value value) {
  auto dequantize =
      value ? value.getDefiningOp<DequantizeOp>() : DequantizeOp();
  return dequantize ? dequantize.getInput().getDefiningOp<ConstOp>()
                    : ConstOp();
}

namespace {

/// Stored weights with the parameters of each output channel.
struct StoredWeights {
  std::vector<int32_t> values;
  SmallVector<numerics::QuantParams> channels;
  unsigned bits;
  bool isSigned;

  size_t perChannel() const { return values.size() / channels.size(); }
};

} // namespace

static FailureOr<StoredWeights> readWeights(WeightedOpInterface layer) {
  ConstOp constant = getGivenConstant(layer.getWeights());
  quant::QuantizedType type = getQuantizedType(constant);
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if (perAxis && perAxis.getQuantizedDimension() != 0)
    return layer->emitOpError("has weights quantized along dimension ")
           << perAxis.getQuantizedDimension()
           << ", but only output channels may have scales of their own; "
              "quantize them per tensor or per output channel";
  if (type.getStorageTypeIntegralWidth() > 16)
    return layer->emitOpError("has weights of ")
           << type.getStorageTypeIntegralWidth()
           << " bits; at most 16 can be multiplied";
  auto values = getConstantInts(constant);
  if (failed(values))
    return failure();
  int64_t channels =
      cast<RankedTensorType>(layer.getWeights().getType()).getDimSize(0);
  return StoredWeights{std::move(*values), getPerChannelParams(type, channels),
                       type.getStorageTypeIntegralWidth(), type.isSigned()};
}

/// (q, Z) and (q - 2^(b-1), Z - 2^(b-1)) are the same numbers (rule N2).
static void makeSigned(StoredWeights &weights) {
  if (!weights.isSigned) {
    int32_t half = 1 << (weights.bits - 1);
    for (int32_t &value : weights.values)
      value -= half;
    for (numerics::QuantParams &channel : weights.channels) {
      channel.zeroPoint -= half;
      channel.qmin -= half;
      channel.qmax -= half;
    }
    weights.isSigned = true;
  }
  // Kernels gain where the lowest value is known not to occur.
  int32_t lowest = weights.channels.front().qmin;
  bool usesLowest =
      llvm::is_contained(weights.values, lowest) ||
      llvm::any_of(weights.channels, [&](const numerics::QuantParams &channel) {
        return channel.zeroPoint == lowest;
      });
  if (!usesLowest)
    for (numerics::QuantParams &channel : weights.channels)
      channel.qmin = lowest + 1;
}

/// The bias of each channel as a real number, in double: the integers of a
/// given bias times their scale, or the floats of another.
static FailureOr<std::vector<double>> readBias(WeightedOpInterface layer) {
  std::vector<double> reals;
  if (ConstOp constant = getGivenConstant(layer.getBias())) {
    auto integers = getConstantInts(constant);
    if (failed(integers))
      return failure();
    auto params =
        getPerChannelParams(getQuantizedType(constant), integers->size());
    for (auto [integer, channel] : llvm::zip_equal(*integers, params))
      reals.push_back((double(integer) - double(channel.zeroPoint)) *
                      channel.scale);
    return reals;
  }
  if (!layer.getBias().getDefiningOp<ConstOp>())
    return layer->emitOpError("has a bias that the network computes; only "
                              "constant biases can be quantized");
  auto floats = getConstantFloats(layer.getBias());
  if (failed(floats))
    return failure();
  reals.assign(floats->begin(), floats->end());
  return reals;
}

/// The integers of a given bias whose scale is Sx * Sw, which need no rounding.
static FailureOr<std::optional<std::vector<int32_t>>>
readFittingBias(WeightedOpInterface layer, double inputScale,
                const StoredWeights &weights) {
  std::optional<std::vector<int32_t>> none;
  ConstOp constant = getGivenConstant(layer.getBias());
  if (!constant)
    return none;
  auto params =
      getPerChannelParams(getQuantizedType(constant), weights.channels.size());
  for (auto [bias, weight] : llvm::zip_equal(params, weights.channels)) {
    double product = inputScale * weight.scale;
    if (bias.zeroPoint != 0 || std::abs(bias.scale - product) > 1e-6 * product)
      return none;
  }
  auto integers = getConstantInts(constant);
  if (failed(integers))
    return failure();
  return std::optional(std::move(*integers));
}

/// Gives channel `c` a scale with which its bias fits, and its weights the
/// nearest integers under it.
static LogicalResult raiseScale(WeightedOpInterface layer,
                                StoredWeights &weights, size_t c, double bias,
                                double inputScale) {
  numerics::QuantParams &channel = weights.channels[c];
  auto scale = numerics::weightScaleForBias(bias, inputScale, channel.scale);
  if (!scale)
    return layer->emitOpError("has a bias in channel ")
           << c << " that cannot be quantized: " << scale.reason();
  if (*scale == channel.scale)
    return success();
  for (size_t i = c * weights.perChannel(); i < (c + 1) * weights.perChannel();
       ++i)
    weights.values[i] = static_cast<int32_t>(
        channel.zeroPoint +
        std::llround((weights.values[i] - channel.zeroPoint) * channel.scale /
                     *scale));
  channel.scale = *scale;
  return success();
}

static FailureOr<std::vector<int32_t>> quantizeBias(WeightedOpInterface layer,
                                                    double inputScale,
                                                    StoredWeights &weights) {
  auto fitting = readFittingBias(layer, inputScale, weights);
  if (failed(fitting))
    return failure();
  if (*fitting)
    return std::move(**fitting);
  auto reals = readBias(layer);
  if (failed(reals))
    return failure();
  std::vector<int32_t> integers;
  size_t raised = 0;
  for (auto [c, real] : llvm::enumerate(*reals)) {
    double before = weights.channels[c].scale;
    if (failed(raiseScale(layer, weights, c, real, inputScale)))
      return failure();
    raised += weights.channels[c].scale != before;
    auto integer =
        numerics::quantizeBias(real, inputScale, weights.channels[c].scale);
    if (!integer)
      return layer->emitOpError("has a bias in channel ")
             << c << " that cannot be quantized: " << integer.reason();
    integers.push_back(*integer);
  }
  if (raised)
    layer->emitRemark("raises the weight scale that the model gives ")
        << raised << " of " << reals->size()
        << " output channels, so that the bias fits 31 bits (rule N7)";
  return integers;
}

/// One type for all channels that are alike, else one scale for each.
static quant::QuantizedType getType(MLIRContext *context, unsigned bits,
                                    ArrayRef<numerics::QuantParams> channels) {
  unsigned flags = quant::QuantizationFlags::Signed;
  Type storage = IntegerType::get(context, bits);
  Type expressed = Float32Type::get(context);
  const numerics::QuantParams &first = channels.front();
  if (llvm::all_equal(channels))
    return quant::UniformQuantizedType::get(flags, storage, expressed,
                                            first.scale, first.zeroPoint,
                                            first.qmin, first.qmax);
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (const numerics::QuantParams &channel : channels) {
    scales.push_back(channel.scale);
    zeroPoints.push_back(channel.zeroPoint);
  }
  return quant::UniformQuantizedPerAxisType::get(flags, storage, expressed,
                                                 scales, zeroPoints, /*axis=*/0,
                                                 first.qmin, first.qmax);
}

LogicalResult q::takeGivenWeights(WeightedOpInterface layer) {
  auto input = getTensorParams(layer, layer.getInput());
  auto weights = readWeights(layer);
  if (failed(input) || failed(weights))
    return failure();
  makeSigned(*weights);
  std::vector<int32_t> bias;
  if (layer.getBias()) {
    auto integers = quantizeBias(layer, input->scale, *weights);
    if (failed(integers))
      return failure();
    bias = std::move(*integers);
  }
  OpBuilder builder(layer);
  MLIRContext *context = layer.getContext();
  auto shape = cast<RankedTensorType>(layer.getWeights().getType()).getShape();
  layer.getWeightsMutable().set(createQuantizedConstant(
      builder, getGivenConstant(layer.getWeights()).getLoc(),
      RankedTensorType::get(shape,
                            getType(context, weights->bits, weights->channels)),
      weights->values));
  if (layer.getBias()) {
    SmallVector<double> scales;
    for (const numerics::QuantParams &channel : weights->channels)
      scales.push_back(channel.scale);
    layer.getBiasMutable().assign(createQuantizedConstant(
        builder, layer.getBias().getLoc(),
        RankedTensorType::get(shape.take_front(),
                              getBiasType(context, input->scale, scales)),
        bias));
  }
  return success();
}
