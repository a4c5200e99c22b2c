//===- QVerify.cpp - Verifiers of q ops -----------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What shapes alone do not say: bounds, ranges, and how the quantized types of
// an op's operands and result fit together.
//
//===----------------------------------------------------------------------===//

#include "QAssembly.h"

#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace q;

static quant::QuantizedType quantizedOf(Value value) {
  return value ? dyn_cast<quant::QuantizedType>(
                     getElementTypeOrSelf(value.getType()))
               : quant::QuantizedType();
}

#define GET_OP_CLASSES
#include "QDialect/QOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Layers with weights
//===----------------------------------------------------------------------===//

/// Rule N7: a quantized bias is int32 with zero point 0 and scale Sx * Sw of
/// its channel, so that it can start the accumulator.
static LogicalResult verifyBias(WeightedOpInterface op,
                                quant::UniformQuantizedType input,
                                quant::QuantizedType weights) {
  auto bias = quantizedOf(op.getBias());
  if (!bias || bias.getStorageTypeIntegralWidth() != 32 || !bias.isSigned())
    return op->emitOpError(
        "is quantized, so its bias must be quantized to int32 (rule N7)");
  // Scales of all channels are looked at only where they differ.
  bool isPerTensor = isa<quant::UniformQuantizedType>(bias) &&
                     isa<quant::UniformQuantizedType>(weights);
  int64_t channels =
      isPerTensor
          ? 1
          : cast<RankedTensorType>(op.getWeights().getType()).getDimSize(0);
  for (auto [b, w] : llvm::zip_equal(getPerChannelParams(bias, channels),
                                     getPerChannelParams(weights, channels))) {
    if (b.zeroPoint != 0)
      return op->emitOpError("has a bias with zero point ")
             << b.zeroPoint << ", but it must be 0 (rule N7)";
    // The product may have been rounded to float32 on its way.
    double product = input.getScale() * w.scale;
    if (std::abs(b.scale - product) > 1e-6 * product)
      return op->emitOpError("has a bias of scale ")
             << b.scale << " where input and weights have scales of product "
             << product << " (rule N7)";
  }
  return success();
}

/// Input, weights, bias and result are all float or all quantized; of the
/// latter only the weights, and with them the bias, may be per channel.
static LogicalResult verifyWeighted(WeightedOpInterface op) {
  auto input = quantizedOf(op.getInput()),
       weights = quantizedOf(op.getWeights());
  auto output = quantizedOf(op->getResult(0));
  bool quantized = input && weights && output;
  bool anyQuantized = input || weights || output;
  if (anyQuantized && !quantized)
    return op->emitOpError("must have input, weights and result all float or "
                           "all quantized");
  if (!quantized) {
    if (op.getZeroPointFolded())
      return op->emitOpError("folds a zero point, but is not quantized");
    if (op.getBias() && quantizedOf(op.getBias()))
      return op->emitOpError("has a quantized bias but is float");
    return success();
  }
  auto uniform = dyn_cast<quant::UniformQuantizedType>(input);
  if (!uniform || !isa<quant::UniformQuantizedType>(output))
    return op->emitOpError("must have an input and a result that are quantized "
                           "per tensor; only weights and bias may be per axis");
  for (quant::QuantizedType type : {input, weights, output})
    if (type.getStorageTypeIntegralWidth() > 16)
      return op->emitOpError("computes with at most 16 bits beside its bias, "
                             "but one type is ")
             << type;
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(weights);
  if (perAxis && perAxis.getQuantizedDimension() != 0)
    return op->emitOpError("has weights quantized along dimension ")
           << perAxis.getQuantizedDimension()
           << ", but output channels are dimension 0";
  return op.getBias() ? verifyBias(op, uniform, weights) : success();
}

static LogicalResult verifyClampBounds(FusedClampOpInterface op) {
  FloatAttr low = op.getClampMinAttr(), high = op.getClampMaxAttr();
  auto isNan = [](FloatAttr bound) {
    return bound && std::isnan(bound.getValueAsDouble());
  };
  if (isNan(low) || isNan(high))
    return op->emitOpError("has a clamp bound that is not a number");
  if (low && high && low.getValueAsDouble() > high.getValueAsDouble())
    return op->emitOpError("clamps to an empty range [")
           << low.getValueAsDouble() << ", " << high.getValueAsDouble() << "]";
  DenseF32ArrayAttr maxima = op.getChannelMaxAttr();
  if (!maxima)
    return success();
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  if (shape.empty() || maxima.size() != shape.back())
    return op->emitOpError("has ")
           << maxima.size() << " values of 'channel_max' for "
           << (shape.empty() ? 0 : shape.back()) << " channels";
  for (auto [channel, bound] : llvm::enumerate(maxima.asArrayRef())) {
    if (!std::isfinite(bound))
      return op->emitOpError("bounds channel ")
             << channel << " by a number that is not finite; the largest one "
             << "that its type can hold bounds nothing";
    if (low && bound < low.getValueAsDouble())
      return op->emitOpError("clamps channel ")
             << channel << " to an empty range [" << low.getValueAsDouble()
             << ", " << bound << "]";
  }
  return success();
}

LogicalResult Conv2DOp::verify() {
  if (failed(verifyWeighted(*this)) || failed(verifyClampBounds(*this)))
    return failure();
  bool quantized = static_cast<bool>(quantizedOf(getOutput()));
  bool wantsIntermediate = quantized && getResidual();
  if (wantsIntermediate != getIntermediate().has_value())
    return emitOpError(wantsIntermediate
                           ? "adds a residual, so it must state the "
                             "'intermediate' type of its sum before it"
                           : "has an 'intermediate' type without a quantized "
                             "residual");
  if (!wantsIntermediate)
    return getResidual() && quantizedOf(getResidual())
               ? emitOpError("adds a quantized residual but is float")
               : success();
  if (!isa<quant::UniformQuantizedType>(*getIntermediate()))
    return emitOpError("must have a uniform quantized 'intermediate' type");
  if (!isa_and_nonnull<quant::UniformQuantizedType>(quantizedOf(getResidual())))
    return emitOpError("is quantized, so its residual must be quantized per "
                       "tensor");
  return verifyQuantizedType(*this, *getIntermediate());
}

LogicalResult ConvTranspose2DOp::verify() {
  if (failed(verifyWeighted(*this)))
    return failure();
  return verifyClampBounds(*this);
}

LogicalResult GemmOp::verify() {
  if (failed(verifyWeighted(*this)))
    return failure();
  return verifyClampBounds(*this);
}

LogicalResult BatchNormOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  if (input.getRank() < 1)
    return emitOpError("needs a channel dimension");
  int64_t channels = input.getShape().back();
  for (Value parameter : {getScale(), getShift(), getMean(), getVariance()})
    if (cast<RankedTensorType>(parameter.getType()).getShape() !=
        ArrayRef<int64_t>{channels})
      return emitOpError("needs parameters of shape [")
             << channels << "], but one has type " << parameter.getType();
  if (quantizedOf(getInput()) || quantizedOf(getOutput()))
    return emitOpError("is defined in float only; run q-fold-batch-norm before "
                       "quantizing");
  return success();
}

LogicalResult ClampOp::verify() { return verifyClampBounds(*this); }
LogicalResult MatMulOp::verify() { return verifyClampBounds(*this); }
LogicalResult AddOp::verify() { return verifyClampBounds(*this); }
LogicalResult SubOp::verify() { return verifyClampBounds(*this); }
LogicalResult MulOp::verify() { return verifyClampBounds(*this); }
LogicalResult DivOp::verify() { return verifyClampBounds(*this); }

//===----------------------------------------------------------------------===//
// Borders between float and integer
//===----------------------------------------------------------------------===//

static LogicalResult verifySameShape(Operation *op) {
  auto shape = [](Type type) { return cast<ShapedType>(type).getShape(); };
  if (shape(op->getOperand(0).getType()) != shape(op->getResult(0).getType()))
    return op->emitOpError("must not change the shape");
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (!getElementTypeOrSelf(getInput().getType()).isF32() ||
      !quantizedOf(getOutput()))
    return emitOpError("must turn f32 into a quantized type");
  return verifySameShape(*this);
}

LogicalResult DequantizeOp::verify() {
  if (!quantizedOf(getInput()) ||
      !getElementTypeOrSelf(getOutput().getType()).isF32())
    return emitOpError("must turn a quantized type into f32");
  return verifySameShape(*this);
}

LogicalResult RequantizeOp::verify() {
  if (!isa_and_nonnull<quant::UniformQuantizedType>(quantizedOf(getInput())) ||
      !isa_and_nonnull<quant::UniformQuantizedType>(quantizedOf(getOutput())))
    return emitOpError("must turn one per-tensor quantized type into another");
  return verifySameShape(*this);
}

LogicalResult QuantizerOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getScheme().getAxis();
  if (axis >= input.getRank())
    return emitOpError("has scheme axis ")
           << axis << " for a tensor of rank " << input.getRank();
  if (getMin().has_value() != getMax().has_value())
    return emitOpError("must have both a minimum and a maximum, or neither");
  if (!getMin())
    return success();
  size_t expected = axis < 0 ? 1 : input.getDimSize(axis);
  if (getMin()->size() != expected || getMax()->size() != expected)
    return emitOpError("must have ")
           << expected << " minima and maxima, but has " << getMin()->size()
           << " and " << getMax()->size();
  for (auto [low, high] : llvm::zip_equal(*getMin(), *getMax()))
    if (!std::isfinite(low) || !std::isfinite(high) || low > high)
      return emitOpError("has an invalid range [")
             << low << ", " << high << "]";
  return success();
}

//===----------------------------------------------------------------------===//
// Pools, reductions, data movement
//===----------------------------------------------------------------------===//

/// Whether a tensor of shape `from` repeats to shape `to`, as numpy has it.
static bool broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  for (auto [f, t] : llvm::zip_equal(from, to.take_back(from.size())))
    if (f != 1 && f != t)
      return false;
  return true;
}

/// A window that lies wholly in the padding has no element to choose or
/// average.
template <typename PoolOp> static LogicalResult verifyPool(PoolOp op) {
  ArrayRef<int64_t> kernel = op.getKernel(), pads = op.getPads();
  ArrayRef<int64_t> dilations = op.getDilations();
  for (int d = 0; d < 2; ++d) {
    int64_t reach = dilations[d] * (kernel[d] - 1) + 1;
    if (std::max(pads[d], pads[d + 2]) >= reach)
      return op.emitOpError("pads by ")
             << std::max(pads[d], pads[d + 2]) << " a window that spans "
             << reach << ": some windows would see padding only";
  }
  return success();
}

LogicalResult MaxPool2DOp::verify() { return verifyPool(*this); }

LogicalResult AvgPool2DOp::verify() {
  if (failed(verifyPool(*this)))
    return failure();
  return verifyClampBounds(*this);
}

LogicalResult ReduceOp::verify() {
  if (getAxes().empty())
    return emitOpError("needs at least one axis");
  for (size_t i = 1; i < getAxes().size(); ++i)
    if (getAxes()[i - 1] >= getAxes()[i])
      return emitOpError("needs axes in ascending order without repetition");
  bool movesBits = getKind() == ReduceKind::Max || getKind() == ReduceKind::Min;
  return movesBits ? verifySharedParameters(*this) : verifyOneArithmetic(*this);
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() != ReduceKind::Max && getKind() != ReduceKind::Min)
    return emitOpError("finds the index of a maximum or minimum, but its kind "
                       "is ")
           << stringifyReduceKind(getKind());
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= input.getRank())
    return emitOpError("has axis ")
           << axis << " for a tensor of rank " << input.getRank();
  int64_t extent = input.getDimSize(axis);
  if (extent > (int64_t(1) << 24))
    return emitOpError("has ") << extent
                               << " elements along its axis, but float32 holds "
                                  "indices below 2^24 exactly";
  return success();
}

LogicalResult SoftmaxOp::verify() {
  int64_t rank = cast<RankedTensorType>(getInput().getType()).getRank();
  int64_t axis = getAxis();
  if (axis < 0 || axis >= rank)
    return emitOpError("has axis ")
           << getAxis() << " for a tensor of rank " << rank;
  return success();
}

LogicalResult LrnOp::verify() {
  if (cast<RankedTensorType>(getInput().getType()).getRank() < 1)
    return emitOpError("needs a channel dimension");
  if (getSize() < 1)
    return emitOpError("normalizes over ") << getSize() << " channels";
  return success();
}

LogicalResult LayerNormOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= input.getRank())
    return emitOpError("has axis ")
           << axis << " for a tensor of rank " << input.getRank();
  bool isQuantized = static_cast<bool>(quantizedOf(getInput()));
  if (isQuantized != static_cast<bool>(quantizedOf(getOutput())))
    return emitOpError("must have input and result both float or both "
                       "quantized");
  ArrayRef<int64_t> row = input.getShape().drop_front(axis);
  for (Value parameter : {getScale(), getShift()}) {
    if (!parameter)
      continue;
    if (quantizedOf(parameter))
      return emitOpError("takes its scale and shift in float");
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(parameter.getType()).getShape();
    if (!broadcastsTo(shape, row))
      return emitOpError("has a parameter of shape [")
             << shape << "] for rows of shape [" << row << "]";
  }
  return success();
}

/// Ops that only move elements keep their type; where it is quantized, the
/// trait SharesParameters has checked it.
static LogicalResult verifySameElementType(Operation *op) {
  Type from = getElementTypeOrSelf(op->getOperand(0).getType());
  Type to = getElementTypeOrSelf(op->getResult(0).getType());
  if (from != to)
    return op->emitOpError("turns ") << from << " into " << to;
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto output = cast<RankedTensorType>(getOutput().getType());
  if (input.getNumElements() != output.getNumElements())
    return emitOpError("turns ") << input.getNumElements() << " elements into "
                                 << output.getNumElements();
  return verifySameElementType(*this);
}

LogicalResult ExpandOp::verify() {
  ArrayRef<int64_t> input =
      cast<RankedTensorType>(getInput().getType()).getShape();
  ArrayRef<int64_t> output =
      cast<RankedTensorType>(getOutput().getType()).getShape();
  if (!broadcastsTo(input, output))
    return emitOpError("cannot expand [") << input << "] to [" << output << "]";
  return verifySameElementType(*this);
}

LogicalResult ResizeOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto output = cast<RankedTensorType>(getOutput().getType());
  if (input.getRank() != 4 || output.getRank() != 4 ||
      input.getDimSize(0) != output.getDimSize(0) ||
      input.getDimSize(3) != output.getDimSize(3))
    return emitOpError("must resize the height and width of [N, H, W, C]");
  if (getScales().size() != 2 || !(getScales()[0] > 0) || !(getScales()[1] > 0))
    return emitOpError("needs a positive scale for height and width");
  if (getMode() == ResizeMode::Linear)
    return verifyOneArithmetic(*this);
  if (failed(verifySharedParameters(*this)))
    return failure();
  return verifySameElementType(*this);
}
