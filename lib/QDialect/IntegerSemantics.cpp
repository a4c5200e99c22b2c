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

#include "mlir/IR/TypeUtilities.h"

#include <algorithm>

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
  if (name == "even")
    return numerics::Rounding::Even;
  return op->emitOpError("is in a module whose attribute '")
         << kRoundingAttrName << "' is \"" << name
         << "\"; use \"single\", \"gemmlowp\", \"pow2\" or \"even\"";
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

FailureOr<SmallVector<int32_t>> q::getChannelMaxima(FusedClampOpInterface op) {
  SmallVector<int32_t> maxima;
  DenseF32ArrayAttr reals = op.getChannelMaxAttr();
  if (!reals)
    return maxima;
  FailureOr<QuantParams> params = getTensorParams(op, op->getResult(0));
  FailureOr<IntegerBounds> bounds = getIntegerBounds(op);
  if (failed(params) || failed(bounds))
    return failure();
  for (float real : reals.asArrayRef())
    maxima.push_back(std::min(
        static_cast<int32_t>(numerics::quantize(real, *params)), bounds->hi));
  return maxima;
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
// Sums and quotients
//===----------------------------------------------------------------------===//

static FailureOr<numerics::AddParams>
makeAddParams(Operation *op, const QuantParams &lhs, const QuantParams &rhs,
              const QuantParams &output, bool subtract) {
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  if (failed(rounding))
    return failure();
  numerics::Result<numerics::AddParams> params = numerics::makeAddParams(
      lhs.scale, rhs.scale, output.scale, getMaxDistance(lhs),
      getMaxDistance(rhs), subtract);
  if (!params)
    return op->emitOpError("cannot be added in integers (rule N12): ")
           << params.reason();
  numerics::AddParams result = *params;
  result.tiesEven = *rounding == numerics::Rounding::Even;
  return result;
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

FailureOr<numerics::DivideParams> q::getDivideParams(DivOp op) {
  FailureOr<QuantParams> lhs = getTensorParams(op, op.getLhs());
  FailureOr<QuantParams> rhs = getTensorParams(op, op.getRhs());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(lhs) || failed(rhs) || failed(output))
    return failure();
  numerics::Result<numerics::DivideParams> params =
      numerics::makeDivideParams(lhs->scale, rhs->scale, output->scale);
  if (!params)
    return op.emitOpError("cannot be divided in integers: ") << params.reason();
  return *params;
}
