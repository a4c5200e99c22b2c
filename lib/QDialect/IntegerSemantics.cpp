//===- IntegerSemantics.cpp - What a quantized op computes ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Derives the integer constants of an op from its types and attributes. The
// arithmetic itself is that of lib/Numerics; here is only what goes into it.
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"

#include "QDialect/Numerics/AveragePool.h"
#include "QDialect/Numerics/Functions.h"

#include "mlir/IR/TypeUtilities.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace q;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

quant::QuantizedType q::getQuantizedType(Type type) {
  return dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(type));
}

quant::QuantizedType q::getQuantizedType(Value value) {
  return getQuantizedType(value.getType());
}

quant::UniformQuantizedType q::getPerTensorType(Type type) {
  return dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(type));
}

quant::UniformQuantizedType q::getPerTensorType(Value value) {
  return getPerTensorType(value.getType());
}

QuantParams q::getQuantParams(quant::UniformQuantizedType type) {
  return {type.getScale(), type.getZeroPoint(), type.getStorageTypeMin(),
          type.getStorageTypeMax()};
}

SmallVector<QuantParams> q::getPerChannelParams(quant::QuantizedType type,
                                                int64_t channels) {
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(type))
    return SmallVector<QuantParams>(channels, getQuantParams(uniform));
  SmallVector<QuantParams> result;
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    for (auto [scale, zeroPoint] :
         llvm::zip_equal(perAxis.getScales(), perAxis.getZeroPoints()))
      result.push_back({scale, zeroPoint, perAxis.getStorageTypeMin(),
                        perAxis.getStorageTypeMax()});
  return result;
}

FailureOr<QuantParams> q::getTensorParams(Operation *op, Value value) {
  if (auto type = getPerTensorType(value))
    return getQuantParams(type);
  return op->emitOpError("has no integer form with a value of type ")
         << value.getType()
         << "; operands and results must be quantized per tensor (run "
            "q-quantize, or keep this op out of the quantized part)";
}

int64_t q::getMaxDistance(const QuantParams &params) {
  return std::max(params.qmax - params.zeroPoint,
                  params.zeroPoint - params.qmin);
}

//===----------------------------------------------------------------------===//
// Bounds and multipliers
//===----------------------------------------------------------------------===//

FailureOr<numerics::Rounding> q::getRounding(Operation *op) {
  StringRef name = getRoundingName(op);
  if (name == "single")
    return numerics::Rounding::Single;
  if (name == "gemmlowp")
    return numerics::Rounding::Gemmlowp;
  if (name == "pow2")
    return numerics::Rounding::Pow2;
  return op->emitOpError("is in a module whose attribute '")
         << kRoundingAttrName << "' is \"" << name
         << "\"; use \"single\", \"gemmlowp\" or \"pow2\"";
}

IntegerBounds q::getIntegerBounds(const QuantParams &params) {
  return {static_cast<int32_t>(params.qmin), static_cast<int32_t>(params.qmax)};
}

IntegerBounds q::getIntegerBounds(FloatAttr clampMin, FloatAttr clampMax,
                                  const QuantParams &params) {
  IntegerBounds bounds = getIntegerBounds(params);
  auto quantize = [&](FloatAttr bound) {
    return static_cast<int32_t>(
        numerics::quantize(bound.getValue().convertToFloat(), params));
  };
  if (clampMin)
    bounds.lo = quantize(clampMin);
  if (clampMax)
    bounds.hi = quantize(clampMax);
  return bounds;
}

FailureOr<IntegerBounds> q::getIntegerBounds(FusedClampOpInterface op) {
  FailureOr<QuantParams> params = getTensorParams(op, op->getResult(0));
  if (failed(params))
    return failure();
  return getIntegerBounds(op.getClampMinAttr(), op.getClampMaxAttr(), *params);
}

FailureOr<numerics::Multiplier> q::getMultiplier(Operation *op, double real,
                                                 bool isAverage) {
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  if (failed(rounding))
    return failure();
  numerics::Result<numerics::Multiplier> multiplier =
      numerics::makeMultiplier(real);
  if (!multiplier)
    return op->emitOpError("cannot be requantized (rule N9): ")
           << multiplier.reason()
           << "; check the scales of its operands and its result";
  if (*rounding == numerics::Rounding::Pow2 && !isAverage &&
      !multiplier->isPowerOfTwo())
    return op->emitOpError("has the multiplier ")
           << real << ", which the rounding mode \"pow2\" cannot use (rule "
           << "N10): every scale must be a power of two; run "
              "q-pin-power-of-two, or set '"
           << kRoundingAttrName << "' to \"single\"";
  return *multiplier;
}

/// What the accumulator of a layer is requantized to.
static FailureOr<QuantParams> getTargetParams(WeightedOpInterface op) {
  auto conv = dyn_cast<Conv2DOp>(op.getOperation());
  if (conv && conv.getResidual() && conv.getIntermediate())
    if (auto type =
            dyn_cast<quant::UniformQuantizedType>(*conv.getIntermediate()))
      return getQuantParams(type);
  return getTensorParams(op, op->getResult(0));
}

static int64_t getNumOutputChannels(WeightedOpInterface op) {
  return cast<RankedTensorType>(op.getWeights().getType()).getDimSize(0);
}

FailureOr<SmallVector<numerics::Multiplier>>
q::getMultipliers(WeightedOpInterface op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> target = getTargetParams(op);
  if (failed(input) || failed(target))
    return failure();
  quant::QuantizedType weights = getQuantizedType(op.getWeights());
  if (!weights)
    return op->emitOpError("has no integer form: its weights are ")
           << op.getWeights().getType() << "; run q-quantize";
  SmallVector<numerics::Multiplier> result;
  for (const QuantParams &channel :
       getPerChannelParams(weights, getNumOutputChannels(op))) {
    FailureOr<numerics::Multiplier> multiplier =
        getMultiplier(op, input->scale * channel.scale / target->scale);
    if (failed(multiplier))
      return failure();
    result.push_back(*multiplier);
  }
  return result;
}

SmallVector<int32_t> q::getWeightZeroPoints(WeightedOpInterface op) {
  SmallVector<int32_t> result;
  if (quant::QuantizedType weights = getQuantizedType(op.getWeights()))
    for (const QuantParams &channel :
         getPerChannelParams(weights, getNumOutputChannels(op)))
      result.push_back(static_cast<int32_t>(channel.zeroPoint));
  return result;
}

/// S / (Sy * divisor) for operand 0 and the result.
static FailureOr<numerics::Multiplier>
getUnaryMultiplier(Operation *op, double divisor, bool isAverage) {
  FailureOr<QuantParams> input = getTensorParams(op, op->getOperand(0));
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(input) || failed(output))
    return failure();
  return getMultiplier(op, input->scale / (output->scale * divisor), isAverage);
}

/// S1 S2 / Sy for an op with two operands.
static FailureOr<numerics::Multiplier> getProductMultiplier(Operation *op) {
  FailureOr<QuantParams> lhs = getTensorParams(op, op->getOperand(0));
  FailureOr<QuantParams> rhs = getTensorParams(op, op->getOperand(1));
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(lhs) || failed(rhs) || failed(output))
    return failure();
  return getMultiplier(op, lhs->scale * rhs->scale / output->scale);
}

FailureOr<numerics::Multiplier> q::getMultiplier(RequantizeOp op) {
  return getUnaryMultiplier(op, 1, /*isAverage=*/false);
}
FailureOr<numerics::Multiplier> q::getMultiplier(ClampOp op) {
  return getUnaryMultiplier(op, 1, /*isAverage=*/false);
}
FailureOr<numerics::Multiplier> q::getMultiplier(MatMulOp op) {
  return getProductMultiplier(op);
}
FailureOr<numerics::Multiplier> q::getMultiplier(MulOp op) {
  return getProductMultiplier(op);
}
FailureOr<numerics::Multiplier> q::getMultiplier(ResizeOp op) {
  return getUnaryMultiplier(
      op, static_cast<double>(1 << (2 * numerics::linearWeightBits)),
      /*isAverage=*/false);
}

/// How many of a window's elements count along one axis.
static int64_t countAlong(int64_t position, int64_t extent, int64_t kernel,
                          int64_t stride, int64_t dilation, int64_t padLow,
                          int64_t padHigh, bool includePad) {
  int64_t low = includePad ? -padLow : 0;
  int64_t high = includePad ? extent + padHigh : extent;
  int64_t count = 0;
  for (int64_t k = 0; k < kernel; ++k) {
    int64_t at = position * stride - padLow + k * dilation;
    count += at >= low && at < high;
  }
  return count;
}

int64_t q::getAverageCount(AvgPool2DOp op, int64_t y, int64_t x) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto along = [&](int axis, int64_t position) {
    return countAlong(position, input.getDimSize(axis + 1),
                      op.getKernel()[axis], op.getStrides()[axis],
                      op.getDilations()[axis], op.getPads()[axis],
                      op.getPads()[axis + 2], op.getCountIncludePad());
  };
  return along(0, y) * along(1, x);
}

static FailureOr<numerics::Multiplier> getAverage(Operation *op,
                                                  int64_t count) {
  FailureOr<QuantParams> input = getTensorParams(op, op->getOperand(0));
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(input) || failed(output))
    return failure();
  numerics::Result<numerics::Multiplier> multiplier =
      numerics::averageMultiplier(input->scale, output->scale, count);
  if (!multiplier)
    return op->emitOpError("cannot be averaged in integers (rule N14): ")
           << multiplier.reason();
  return *multiplier;
}

FailureOr<numerics::Multiplier> q::getMultiplier(AvgPool2DOp op,
                                                 int64_t count) {
  return getAverage(op, count);
}

FailureOr<numerics::Multiplier> q::getMultiplier(ReduceOp op) {
  if (op.getKind() != ReduceKind::Mean)
    return getUnaryMultiplier(op, 1, /*isAverage=*/false);
  auto input = cast<RankedTensorType>(op.getInput().getType());
  int64_t count = 1;
  for (int64_t axis : op.getAxes())
    count *= input.getDimSize(axis);
  return getAverage(op, count);
}

FailureOr<PReluMultipliers> q::getMultipliers(PReluOp op) {
  FailureOr<QuantParams> slope = getTensorParams(op, op.getSlope());
  FailureOr<numerics::Multiplier> positive =
      getUnaryMultiplier(op, 1, /*isAverage=*/false);
  if (failed(slope) || failed(positive))
    return failure();
  FailureOr<numerics::Multiplier> negative = getProductMultiplier(op);
  if (failed(negative))
    return failure();
  return PReluMultipliers{*positive, *negative};
}

//===----------------------------------------------------------------------===//
// Other constants
//===----------------------------------------------------------------------===//

static FailureOr<numerics::AddParams>
makeAddParams(Operation *op, const QuantParams &lhs, const QuantParams &rhs,
              const QuantParams &output, bool subtract) {
  numerics::Result<numerics::AddParams> params = numerics::makeAddParams(
      lhs.scale, rhs.scale, output.scale, getMaxDistance(lhs),
      getMaxDistance(rhs), subtract);
  if (!params)
    return op->emitOpError("cannot be added in integers (rule N12): ")
           << params.reason();
  return *params;
}

static FailureOr<numerics::AddParams> getBinaryAddParams(Operation *op,
                                                         bool subtract) {
  FailureOr<QuantParams> lhs = getTensorParams(op, op->getOperand(0));
  FailureOr<QuantParams> rhs = getTensorParams(op, op->getOperand(1));
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(lhs) || failed(rhs) || failed(output))
    return failure();
  return makeAddParams(op, *lhs, *rhs, *output, subtract);
}

FailureOr<numerics::AddParams> q::getAddParams(AddOp op) {
  return getBinaryAddParams(op, /*subtract=*/false);
}
FailureOr<numerics::AddParams> q::getAddParams(SubOp op) {
  return getBinaryAddParams(op, /*subtract=*/true);
}

FailureOr<numerics::AddParams> q::getResidualAddParams(Conv2DOp op) {
  if (!op.getResidual())
    return op.emitOpError("has no residual to add");
  FailureOr<QuantParams> intermediate = getTargetParams(op);
  FailureOr<QuantParams> residual = getTensorParams(op, op.getResidual());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(intermediate) || failed(residual) || failed(output))
    return failure();
  return makeAddParams(op, *intermediate, *residual, *output,
                       /*subtract=*/false);
}

static numerics::UnaryKind toNumerics(UnaryKind kind) {
  using To = numerics::UnaryKind;
  switch (kind) {
  case UnaryKind::Abs:
    return To::Abs;
  case UnaryKind::Neg:
    return To::Neg;
  case UnaryKind::Exp:
    return To::Exp;
  case UnaryKind::Log:
    return To::Log;
  case UnaryKind::Sqrt:
    return To::Sqrt;
  case UnaryKind::Rsqrt:
    return To::Rsqrt;
  case UnaryKind::Reciprocal:
    return To::Reciprocal;
  case UnaryKind::Sigmoid:
    return To::Sigmoid;
  case UnaryKind::Tanh:
    return To::Tanh;
  case UnaryKind::Erf:
    return To::Erf;
  case UnaryKind::Gelu:
    return To::Gelu;
  case UnaryKind::GeluTanh:
    return To::GeluTanh;
  case UnaryKind::Elu:
    return To::Elu;
  case UnaryKind::Selu:
    return To::Selu;
  case UnaryKind::Celu:
    return To::Celu;
  case UnaryKind::LeakyRelu:
    return To::LeakyRelu;
  case UnaryKind::HardSigmoid:
    return To::HardSigmoid;
  case UnaryKind::HardSwish:
    return To::HardSwish;
  case UnaryKind::Silu:
    return To::Silu;
  case UnaryKind::Mish:
    return To::Mish;
  case UnaryKind::Softplus:
    return To::Softplus;
  case UnaryKind::Softsign:
    return To::Softsign;
  case UnaryKind::ThresholdedRelu:
    return To::ThresholdedRelu;
  case UnaryKind::Floor:
    return To::Floor;
  case UnaryKind::Ceil:
    return To::Ceil;
  case UnaryKind::Round:
    return To::Round;
  case UnaryKind::Sign:
    return To::Sign;
  case UnaryKind::Sin:
    return To::Sin;
  case UnaryKind::Cos:
    return To::Cos;
  case UnaryKind::Square:
    return To::Square;
  }
  return To::Abs;
}

FailureOr<std::vector<int32_t>> q::getTable(UnaryOp op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  if (input->qmax - input->qmin >= int64_t(1) << 16)
    return op.emitOpError("has no integer form for a table of ")
           << input->qmax - input->qmin + 1
           << " entries (rule N15); quantize its input to 16 bits or less";
  return numerics::makeTable(toNumerics(op.getKind()), *input, *output,
                             op.getAlpha().convertToFloat(),
                             op.getBeta().convertToFloat());
}

FailureOr<numerics::SoftmaxParams> q::getSoftmaxParams(SoftmaxOp op) {
  if (op.getLog())
    return op.emitOpError("has no integer form for the logarithm; keep it in "
                          "float behind the quantized part, or take the "
                          "softmax without 'log'");
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  quant::UniformQuantizedType inputType = getPerTensorType(op.getInput());
  quant::UniformQuantizedType outputType = getPerTensorType(op.getOutput());
  unsigned outBits = outputType.getStorageTypeIntegralWidth();
  int64_t row =
      cast<RankedTensorType>(op.getInput().getType()).getDimSize(op.getAxis());
  numerics::Result<numerics::SoftmaxParams> params = numerics::makeSoftmax(
      input->scale, inputType.getStorageTypeIntegralWidth(), row, outBits,
      outputType.isSigned());
  if (!params)
    return op.emitOpError("has no integer form: ") << params.reason();
  double scale = std::ldexp(1.0, -static_cast<int>(outBits));
  numerics::StorageRange range =
      numerics::storageRange(outBits, outputType.isSigned());
  QuantParams expected{scale, params->outZeroPoint, range.qmin, range.qmax};
  if (*output != expected)
    return op.emitOpError("must have a result of scale 2^-")
           << outBits << " and zero point " << params->outZeroPoint
           << " over the whole storage range (rule N15), but it has "
           << outputType
           << "; quantize its result so, and put a q.requantize behind it if "
              "need be";
  return *params;
}

FailureOr<int32_t> q::getPadValue(PadOp op) {
  FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
  if (failed(params))
    return failure();
  return static_cast<int32_t>(
      numerics::quantize(op.getValue().convertToFloat(), *params));
}

//===----------------------------------------------------------------------===//
// Resizing
//===----------------------------------------------------------------------===//

namespace {

/// One axis of a resize in the terms of lib/Numerics.
struct ResizeAxis {
  int64_t in, out;
  /// 0 where it is the exact ratio of the extents: a float attribute could
  /// only hold that ratio rounded.
  double scale;
  numerics::CoordinateMode mode;
};

} // namespace

static FailureOr<ResizeAxis> getResizeAxis(ResizeOp op, unsigned axis) {
  ResizeAxis result;
  result.in =
      cast<RankedTensorType>(op.getInput().getType()).getDimSize(axis + 1);
  result.out =
      cast<RankedTensorType>(op.getOutput().getType()).getDimSize(axis + 1);
  float scale = op.getScales()[axis];
  double ratio = static_cast<double>(result.out) / result.in;
  bool isRatio = scale == static_cast<float>(ratio);
  result.scale = isRatio ? 0 : scale;
  switch (op.getCoordinates()) {
  case CoordinateMode::HalfPixel:
    result.mode = numerics::CoordinateMode::HalfPixel;
    return result;
  case CoordinateMode::Asymmetric:
    result.mode = numerics::CoordinateMode::Asymmetric;
    return result;
  case CoordinateMode::AlignCorners:
    result.mode = numerics::CoordinateMode::AlignCorners;
    return result;
  case CoordinateMode::PytorchHalfPixel:
    result.mode = numerics::CoordinateMode::PytorchHalfPixel;
    return result;
  case CoordinateMode::HalfPixelSymmetric:
    // Symmetric about the centre, which half_pixel is by itself where the
    // scale is the ratio of the extents.
    result.mode = numerics::CoordinateMode::HalfPixel;
    if (isRatio)
      return result;
    break;
  case CoordinateMode::TfHalfPixelForNn:
    break;
  }
  return op.emitOpError("has no integer form with coordinates '")
         << stringifyCoordinateMode(op.getCoordinates()) << "' and scale "
         << scale << "; export the model with 'half_pixel'";
}

static numerics::NearestMode toNumerics(NearestMode mode) {
  switch (mode) {
  case NearestMode::RoundPreferFloor:
    return numerics::NearestMode::RoundPreferFloor;
  case NearestMode::RoundPreferCeil:
    return numerics::NearestMode::RoundPreferCeil;
  case NearestMode::Floor:
    return numerics::NearestMode::Floor;
  case NearestMode::Ceil:
    return numerics::NearestMode::Ceil;
  }
  return numerics::NearestMode::RoundPreferFloor;
}

FailureOr<std::vector<int64_t>> q::getNearestIndices(ResizeOp op,
                                                     unsigned axis) {
  FailureOr<ResizeAxis> a = getResizeAxis(op, axis);
  if (failed(a))
    return failure();
  return numerics::nearestIndices(a->in, a->out, a->mode,
                                  toNumerics(op.getNearest()), a->scale);
}

FailureOr<std::vector<numerics::LinearWeights>>
q::getLinearWeights(ResizeOp op, unsigned axis) {
  FailureOr<ResizeAxis> a = getResizeAxis(op, axis);
  if (failed(a))
    return failure();
  return numerics::linearWeights(a->in, a->out, a->mode, a->scale);
}
