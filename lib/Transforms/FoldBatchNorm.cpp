//===- FoldBatchNorm.cpp - Folds per-channel affine maps into layers ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules N16 and N17. Batch normalizations, and additions and products with a
// constant per channel, are the same thing here: an affine map of the last
// dimension. All arithmetic on constants is in double, rounded once.
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

/// result = clamp(scale[c] * input + shift[c]) for channel c, the last
/// dimension.
struct ChannelMap {
  Value input;
  std::vector<double> scale;
  std::vector<double> shift;
};

} // namespace

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static FailureOr<ChannelMap> getBatchNormMap(BatchNormOp op) {
  auto scale = getConstantFloats(op.getScale());
  auto shift = getConstantFloats(op.getShift());
  auto mean = getConstantFloats(op.getMean());
  auto variance = getConstantFloats(op.getVariance());
  if (failed(scale) || failed(shift) || failed(mean) || failed(variance))
    return failure();
  ChannelMap map{op.getInput(), {}, {}};
  double epsilon = op.getEpsilon().convertToDouble();
  for (size_t c = 0; c < scale->size(); ++c) {
    double factor = (*scale)[c] / std::sqrt((*variance)[c] + epsilon);
    double offset = (*shift)[c] - factor * (*mean)[c];
    if (!std::isfinite(factor) || !std::isfinite(offset))
      return op.emitOpError("has no finite factor in channel ")
             << c << ": scale " << (*scale)[c] << ", mean " << (*mean)[c]
             << ", variance " << (*variance)[c] << ", epsilon " << epsilon
             << "; retrain or repair the model's statistics";
    map.scale.push_back(factor);
    map.shift.push_back(offset);
  }
  return map;
}

/// The constant `value` as one number per channel of `shape`, if that is what
/// it is: all of its dimensions but the last have one element.
static std::optional<std::vector<double>>
getChannelValues(Value value, ArrayRef<int64_t> shape) {
  if (!isFloatConstant(value) || shape.empty())
    return std::nullopt;
  ArrayRef<int64_t> own = shapeOf(value);
  int64_t channels = shape.back();
  int64_t count = own.empty() ? 1 : own.back();
  if (own.size() > shape.size() || (count != 1 && count != channels) ||
      (!own.empty() &&
       llvm::any_of(own.drop_back(), [](int64_t d) { return d != 1; })))
    return std::nullopt;
  auto floats = getConstantFloats(value);
  if (failed(floats))
    return std::nullopt;
  std::vector<double> values(floats->begin(), floats->end());
  values.resize(channels, values.front());
  return values;
}

/// The map of an addition, subtraction, product or quotient with a constant.
static std::optional<ChannelMap> getArithmeticMap(Operation *op) {
  if (!isa<AddOp, SubOp, MulOp, DivOp>(op))
    return std::nullopt;
  bool constantFirst = isFloatConstant(op->getOperand(0));
  Value input = op->getOperand(constantFirst ? 1 : 0);
  Value constant = op->getOperand(constantFirst ? 0 : 1);
  if (isFloatConstant(input) || input.getType() != op->getResult(0).getType() ||
      (constantFirst && isa<DivOp>(op)))
    return std::nullopt;
  auto values = getChannelValues(constant, shapeOf(input));
  if (!values)
    return std::nullopt;
  size_t channels = values->size();
  ChannelMap map{input, std::vector<double>(channels, 1.0),
                 std::vector<double>(channels, 0.0)};
  for (size_t c = 0; c < channels; ++c) {
    double value = (*values)[c];
    if (isa<AddOp>(op)) {
      map.shift[c] = value;
    } else if (isa<SubOp>(op)) {
      map.scale[c] = constantFirst ? -1.0 : 1.0;
      map.shift[c] = constantFirst ? value : -value;
    } else {
      map.scale[c] = isa<MulOp>(op) ? value : 1.0 / value;
    }
    if (!std::isfinite(map.scale[c]) || !std::isfinite(map.shift[c]))
      return std::nullopt;
  }
  return map;
}

/// Whether the weights and the bias of `layer` are constants to work on.
static bool hasFloatConstants(WeightedOpInterface layer) {
  return isFloatConstant(layer.getWeights()) &&
         (!layer.getBias() || isFloatConstant(layer.getBias()));
}

/// Whether the layer came with integers for weights, whose scales can take the
/// factors: each channel has its own and every integer its opposite where that
/// is asked for.
static bool canScaleGiven(WeightedOpInterface layer, ArrayRef<double> factors) {
  ConstOp constant = getGivenConstant(layer.getWeights());
  bool hasBias = static_cast<bool>(layer.getBias());
  if (!constant || (hasBias && !isFloatConstant(layer.getBias()) &&
                    !getGivenConstant(layer.getBias())))
    return false;
  quant::QuantizedType type = getQuantizedType(constant.getOutput());
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if (perAxis && perAxis.getQuantizedDimension() != 0)
    return false;
  FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
  if (failed(integers))
    return false;
  auto params = getPerChannelParams(type, factors.size());
  size_t perChannel = integers->size() / factors.size();
  for (size_t c = 0; c < factors.size(); ++c) {
    if (!std::isnormal(static_cast<float>(params[c].scale * factors[c])) &&
        factors[c] != 0.0)
      return false;
    if (factors[c] >= 0.0)
      continue;
    for (size_t i = 0; i < perChannel; ++i)
      if (-(*integers)[c * perChannel + i] > params[c].qmax)
        return false;
    if (-params[c].zeroPoint < params[c].qmin ||
        -params[c].zeroPoint > params[c].qmax)
      return false;
  }
  return true;
}

/// The integers stay, but for their sign; their scales take the factors.
static LogicalResult scaleGiven(OpBuilder &builder, WeightedOpInterface layer,
                                ArrayRef<double> factors) {
  ConstOp constant = getGivenConstant(layer.getWeights());
  FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
  if (failed(integers))
    return failure();
  quant::QuantizedType type = getQuantizedType(constant.getOutput());
  auto params = getPerChannelParams(type, factors.size());
  size_t perChannel = integers->size() / factors.size();
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (size_t c = 0; c < factors.size(); ++c) {
    bool isZero = factors[c] == 0.0, isNegative = factors[c] < 0.0;
    double scale = params[c].scale * (isZero ? 1.0 : std::abs(factors[c]));
    scales.push_back(static_cast<float>(scale));
    zeroPoints.push_back(isNegative ? -params[c].zeroPoint
                                    : params[c].zeroPoint);
    for (size_t i = c * perChannel; i < (c + 1) * perChannel; ++i) {
      int32_t &integer = (*integers)[i];
      integer = isZero       ? static_cast<int32_t>(params[c].zeroPoint)
                : isNegative ? -integer
                             : integer;
    }
  }
  auto scaled = quant::UniformQuantizedPerAxisType::get(
      type.getFlags(), type.getStorageType(), type.getExpressedType(), scales,
      zeroPoints, /*quantizedDimension=*/0, type.getStorageTypeMin(),
      type.getStorageTypeMax());
  auto tensor = cast<RankedTensorType>(constant.getOutput().getType());
  Value stored = createQuantizedConstant(builder, constant.getLoc(),
                                         tensor.clone(scaled), *integers);
  layer.getWeightsMutable().set(DequantizeOp::create(
      builder, constant.getLoc(), layer.getWeights().getType(), stored));
  return success();
}

/// The bias of `layer` in double, zeros where it has none.
static FailureOr<std::vector<double>> getBias(WeightedOpInterface layer) {
  std::vector<double> bias(shapeOf(layer.getWeights())[0], 0.0);
  if (!layer.getBias())
    return bias;
  if (ConstOp constant = getGivenConstant(layer.getBias())) {
    FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
    if (failed(integers))
      return failure();
    auto params = getPerChannelParams(getQuantizedType(constant.getOutput()),
                                      bias.size());
    for (size_t c = 0; c < bias.size(); ++c)
      bias[c] = params[c].scale * ((*integers)[c] - params[c].zeroPoint);
    return bias;
  }
  auto floats = getConstantFloats(layer.getBias());
  if (failed(floats))
    return failure();
  std::copy(floats->begin(), floats->end(), bias.begin());
  return bias;
}

static void setBias(OpBuilder &builder, WeightedOpInterface layer,
                    ArrayRef<double> bias) {
  std::vector<float> floats(bias.begin(), bias.end());
  Location loc = layer.getBias() ? layer.getBias().getLoc() : layer.getLoc();
  Value constant = createFloatConstant(
      builder, loc, {static_cast<int64_t>(floats.size())}, floats);
  layer.getBiasMutable().assign(constant);
}

//===----------------------------------------------------------------------===//
// The two directions
//===----------------------------------------------------------------------===//

/// Rule N17: the weights stay, their product with the factors is in the IR.
static void absorbScale(OpBuilder &builder, WeightedOpInterface layer,
                        ArrayRef<double> scale) {
  Value weights = layer.getWeights();
  SmallVector<int64_t> shape(shapeOf(weights).size(), 1);
  shape[0] = scale.size();
  std::vector<float> floats(scale.begin(), scale.end());
  Value factor = createFloatConstant(builder, weights.getLoc(), shape, floats);
  layer.getWeightsMutable().set(
      MulOp::create(builder, weights.getLoc(), weights.getType(), weights,
                    factor, FloatAttr(), FloatAttr()));
}

/// Rule N16: w'[o] = scale[o] w[o].
static LogicalResult foldScale(OpBuilder &builder, WeightedOpInterface layer,
                               ArrayRef<double> scale) {
  Value weights = layer.getWeights();
  auto floats = getConstantFloats(weights);
  if (failed(floats))
    return failure();
  size_t perChannel = floats->size() / scale.size();
  for (size_t i = 0; i < floats->size(); ++i)
    (*floats)[i] = static_cast<float>((*floats)[i] * scale[i / perChannel]);
  layer.getWeightsMutable().set(createFloatConstant(builder, weights.getLoc(),
                                                    shapeOf(weights), *floats));
  return success();
}

/// The layer whose result is `map`'s input, if the map can become part of it.
static WeightedOpInterface getLayerBefore(const ChannelMap &map) {
  auto layer = map.input.getDefiningOp<WeightedOpInterface>();
  if (!layer || !map.input.hasOneUse() ||
      !(hasFloatConstants(layer) || canScaleGiven(layer, map.scale)))
    return nullptr;
  if (cast<FusedClampOpInterface>(layer.getOperation()).isClamped())
    return nullptr;
  if (auto conv = dyn_cast<Conv2DOp>(layer.getOperation()))
    if (conv.getResidual())
      return nullptr;
  return layer;
}

static LogicalResult foldBackward(Operation *op, const ChannelMap &map,
                                  WeightedOpInterface layer, bool absorb) {
  OpBuilder builder(layer);
  auto bias = getBias(layer);
  if (failed(bias))
    return failure();
  for (size_t c = 0; c < bias->size(); ++c)
    (*bias)[c] = (*bias)[c] * map.scale[c] + map.shift[c];
  bool scales = llvm::any_of(map.scale, [](double s) { return s != 1.0; });
  bool isGiven = static_cast<bool>(getGivenConstant(layer.getWeights()));
  if (scales && isGiven && failed(scaleGiven(builder, layer, map.scale)))
    return failure();
  if (isGiven)
    scales = false;
  if (scales && absorb)
    absorbScale(builder, layer, map.scale);
  else if (scales && failed(foldScale(builder, layer, map.scale)))
    return failure();
  setBias(builder, layer, *bias);
  if (auto clamp = dyn_cast<FusedClampOpInterface>(op)) {
    auto target = cast<FusedClampOpInterface>(layer.getOperation());
    target.setClampMinAttr(clamp.getClampMinAttr());
    target.setClampMaxAttr(clamp.getClampMaxAttr());
  }
  op->getResult(0).replaceAllUsesWith(layer->getResult(0));
  op->erase();
  return success();
}

/// The layer that alone reads the result of `op` as its data, if the map can
/// become part of it: padding (zeros, which the map would have to leave alone)
/// and the transposed convolution's gaps see no shift.
static WeightedOpInterface getLayerAfter(Operation *op, const ChannelMap &map) {
  Value result = op->getResult(0);
  if (!result.hasOneUse())
    return nullptr;
  auto layer = dyn_cast<WeightedOpInterface>(*result.getUsers().begin());
  if (!layer || layer.getInput() != result || !hasFloatConstants(layer))
    return nullptr;
  if (auto clamp = dyn_cast<FusedClampOpInterface>(op))
    if (clamp.isClamped())
      return nullptr;
  bool shifts = llvm::any_of(map.shift, [](double s) { return s != 0.0; });
  if (!shifts || isa<GemmOp>(layer.getOperation()))
    return layer;
  if (auto conv = dyn_cast<Conv2DOp>(layer.getOperation()))
    if (llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; }))
      return layer;
  return nullptr;
}

static int64_t getGroups(WeightedOpInterface layer) {
  if (auto conv = dyn_cast<Conv2DOp>(layer.getOperation()))
    return conv.getGroups();
  if (auto conv = dyn_cast<ConvTranspose2DOp>(layer.getOperation()))
    return conv.getGroups();
  return 1;
}

static LogicalResult foldForward(Operation *op, const ChannelMap &map,
                                 WeightedOpInterface layer) {
  OpBuilder builder(layer);
  Value weights = layer.getWeights();
  auto bias = getBias(layer);
  auto floats = getConstantFloats(weights);
  if (failed(bias) || failed(floats))
    return failure();
  int64_t outputs = bias->size(), inputs = shapeOf(weights).back();
  int64_t perOutput = floats->size() / outputs;
  int64_t perGroup = outputs / getGroups(layer);
  bool shifts = false;
  for (int64_t o = 0; o < outputs; ++o) {
    int64_t firstInput = o / perGroup * inputs;
    for (int64_t i = 0; i < perOutput; ++i) {
      float &weight = (*floats)[o * perOutput + i];
      int64_t channel = firstInput + i % inputs;
      (*bias)[o] += weight * map.shift[channel];
      shifts |= map.shift[channel] != 0.0;
      weight = static_cast<float>(weight * map.scale[channel]);
    }
  }
  layer.getWeightsMutable().set(createFloatConstant(builder, weights.getLoc(),
                                                    shapeOf(weights), *floats));
  if (layer.getBias() || shifts)
    setBias(builder, layer, *bias);
  op->getResult(0).replaceAllUsesWith(map.input);
  op->erase();
  return success();
}

/// A batch normalization that no layer takes in: a 1x1 depthwise convolution,
/// whose weights and bias quantize better than a constant factor and addend.
static void makeDepthwise(Operation *op, const ChannelMap &map) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t channels = type.getShape().back();
  int64_t rows = type.getRank() > 1 ? type.getDimSize(0) : 1;
  auto imageType = RankedTensorType::get(
      {rows, 1, rows * channels ? type.getNumElements() / (rows * channels) : 0,
       channels},
      type.getElementType());
  bool isImage = type.getRank() == 4;
  Value input = map.input;
  if (!isImage)
    input = ReshapeOp::create(builder, loc, imageType, input);
  Value weights = createFloatConstant(
      builder, loc, {channels, 1, 1, 1},
      std::vector<float>(map.scale.begin(), map.scale.end()));
  Value bias = createFloatConstant(
      builder, loc, {channels},
      std::vector<float>(map.shift.begin(), map.shift.end()));
  Value result = Conv2DOp::create(
      builder, loc, isImage ? type : imageType, input, weights, bias,
      /*residual=*/Value(), builder.getDenseI64ArrayAttr({1, 1}),
      builder.getDenseI64ArrayAttr({0, 0, 0, 0}),
      builder.getDenseI64ArrayAttr({1, 1}), builder.getI64IntegerAttr(channels),
      FloatAttr(), FloatAttr(), DenseF32ArrayAttr(), TypeAttr(), UnitAttr());
  if (!isImage)
    result = ReshapeOp::create(builder, loc, type, result);
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

namespace {

struct FoldBatchNormPass : q::impl::FoldBatchNormBase<FoldBatchNormPass> {
  using FoldBatchNormBase::FoldBatchNormBase;

  void runOnOperation() override {
    if (mode != "fold" && mode != "absorb") {
      emitError(getOperation().getLoc()) << "q-fold-batch-norm has no mode '"
                                         << mode << "'; use 'fold' or 'absorb'";
      return signalPassFailure();
    }
    // In program order, so that a chain of maps ends up in one layer.
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<BatchNormOp, AddOp, SubOp, MulOp, DivOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(fold(op)))
        return signalPassFailure();
    eraseDeadConstants(getOperation());
  }

  LogicalResult fold(Operation *op) {
    ChannelMap map;
    auto batchNorm = dyn_cast<BatchNormOp>(op);
    if (batchNorm) {
      auto found = getBatchNormMap(batchNorm);
      if (failed(found))
        return failure();
      map = std::move(*found);
    } else {
      auto found = getArithmeticMap(op);
      if (!found)
        return success();
      map = std::move(*found);
    }
    if (auto layer = getLayerBefore(map))
      return foldBackward(op, map, layer, mode == "absorb" && batchNorm);
    if (auto layer = getLayerAfter(op, map))
      return foldForward(op, map, layer);
    if (batchNorm)
      makeDepthwise(op, map);
    return success();
  }
};

} // namespace
