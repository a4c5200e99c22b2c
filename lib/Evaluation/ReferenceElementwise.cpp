//===- ReferenceElementwise.cpp - One element at a time -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ElementParams.h"
#include "ReferenceKernels.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// A kernel that applies `function` to every element of operand 0.
static Kernel forEachElement(std::function<int32_t(int64_t)> function) {
  return [function](Operands operands, Tensor &output) {
    const std::vector<int32_t> &input = operands[0]->i();
    for (size_t i = 0; i < input.size(); ++i)
      output.i()[i] = function(input[i]);
    return success();
  };
}

/// A kernel that applies `function` to the elements of two operands that meet
/// under numpy broadcasting.
static Kernel forEachPair(std::function<int32_t(int64_t, int64_t)> function) {
  return [function](Operands operands, Tensor &output) {
    const Tensor &lhs = *operands[0], &rhs = *operands[1];
    Index shape = output.getShape();
    SmallVector<int64_t> lhsStrides =
        getBroadcastStrides(lhs.getShape(), shape);
    SmallVector<int64_t> rhsStrides =
        getBroadcastStrides(rhs.getShape(), shape);
    int64_t next = 0;
    forEachIndex(shape, [&](Index index) {
      output.i()[next++] = function(lhs.i()[getOffset(index, lhsStrides)],
                                    rhs.i()[getOffset(index, rhsStrides)]);
    });
    return success();
  };
}

//===----------------------------------------------------------------------===//
// The borders (rules N1, N3), per tensor or per axis
//===----------------------------------------------------------------------===//

static FailureOr<Kernel> prepareQuantize(QuantizeOp op) {
  ElementParams params(cast<RankedTensorType>(op.getOutput().getType()));
  return Kernel([=](Operands operands, Tensor &output) {
    const std::vector<float> &input = operands[0]->f();
    for (size_t i = 0; i < input.size(); ++i)
      output.i()[i] =
          static_cast<int32_t>(numerics::quantize(input[i], params[i]));
    return success();
  });
}

static FailureOr<Kernel> prepareDequantize(DequantizeOp op) {
  ElementParams params(cast<RankedTensorType>(op.getInput().getType()));
  return Kernel([=](Operands operands, Tensor &output) {
    const std::vector<int32_t> &input = operands[0]->i();
    for (size_t i = 0; i < input.size(); ++i)
      output.f()[i] = numerics::dequantize(input[i], params[i]);
    return success();
  });
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

/// q.requantize and q.clamp: clamp(Z' + round((q - Z) M), lo, hi). Between
/// equal parameters M is 1, and only the clamp is left.
template <typename OpTy> static FailureOr<Kernel> prepareRequantize(OpTy op) {
  FailureOr<Requantizer> requantize = makeRequantizer(op, getMultiplier(op));
  if (failed(requantize))
    return failure();
  int64_t zeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  return forEachElement([=, requantize = *requantize](int64_t q) {
    return requantize(q - zeroPoint);
  });
}

/// Rule N15.
static FailureOr<Kernel> prepareUnary(UnaryOp op) {
  FailureOr<std::vector<int32_t>> table = getTable(op);
  if (failed(table))
    return failure();
  int64_t first = getTensorParams(op, op.getInput())->qmin;
  return forEachElement(
      [=, table = std::move(*table)](int64_t q) { return table[q - first]; });
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// A kernel of the distances of two elements from their zero points, which gets
/// the result's zero point and its bounds as well.
template <typename OpTy>
static FailureOr<Kernel> forEachPairOfDistances(
    OpTy op,
    std::function<int32_t(int64_t, int64_t, int32_t, IntegerBounds)> function) {
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  int64_t lhsZeroPoint = getTensorParams(op, op.getLhs())->zeroPoint;
  int64_t rhsZeroPoint = getTensorParams(op, op.getRhs())->zeroPoint;
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  return forEachPair([=, bounds = *bounds](int64_t lhs, int64_t rhs) {
    return function(lhs - lhsZeroPoint, rhs - rhsZeroPoint, zeroPoint, bounds);
  });
}

/// Rule N12: q.add and q.sub, which differ in the sign of one multiplier.
template <typename OpTy> static FailureOr<Kernel> prepareAdd(OpTy op) {
  FailureOr<numerics::AddParams> params = getAddParams(op);
  if (failed(params))
    return failure();
  return forEachPairOfDistances(op, [params = *params](int64_t d1, int64_t d2,
                                                       int32_t zeroPoint,
                                                       IntegerBounds bounds) {
    return numerics::addRequantize(d1, d2, params, zeroPoint, bounds.lo,
                                   bounds.hi);
  });
}

/// Rule N12. The product of two 16-bit values exceeds int32; it is exact.
static FailureOr<Kernel> prepareMul(MulOp op) {
  FailureOr<Requantizer> requantize = makeRequantizer(op, getMultiplier(op));
  if (failed(requantize))
    return failure();
  int64_t lhsZeroPoint = getTensorParams(op, op.getLhs())->zeroPoint;
  int64_t rhsZeroPoint = getTensorParams(op, op.getRhs())->zeroPoint;
  return forEachPair([=, requantize = *requantize](int64_t lhs, int64_t rhs) {
    return requantize((lhs - lhsZeroPoint) * (rhs - rhsZeroPoint));
  });
}

static FailureOr<Kernel> prepareDiv(DivOp op) {
  FailureOr<numerics::DivideParams> params = getDivideParams(op);
  if (failed(params))
    return failure();
  return forEachPairOfDistances(op, [params = *params](int64_t d1, int64_t d2,
                                                       int32_t zeroPoint,
                                                       IntegerBounds bounds) {
    return numerics::divideRequantize(d1, d2, params, zeroPoint, bounds.lo,
                                      bounds.hi);
  });
}

/// Storage values of equal parameters are ordered as their reals are.
static FailureOr<Kernel> prepareMin(MinOp op) {
  if (failed(getTensorParams(op, op.getOutput())))
    return failure();
  return forEachPair([](int64_t lhs, int64_t rhs) {
    return static_cast<int32_t>(std::min(lhs, rhs));
  });
}
static FailureOr<Kernel> prepareMax(MaxOp op) {
  if (failed(getTensorParams(op, op.getOutput())))
    return failure();
  return forEachPair([](int64_t lhs, int64_t rhs) {
    return static_cast<int32_t>(std::max(lhs, rhs));
  });
}

static FailureOr<Kernel> preparePRelu(PReluOp op) {
  FailureOr<PReluMultipliers> multipliers = getMultipliers(op);
  if (failed(multipliers))
    return failure();
  FailureOr<Requantizer> positive = makeRequantizer(op, multipliers->positive);
  FailureOr<Requantizer> negative = makeRequantizer(op, multipliers->negative);
  if (failed(positive) || failed(negative))
    return failure();
  int64_t zeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  int64_t slopeZeroPoint = getTensorParams(op, op.getSlope())->zeroPoint;
  return forEachPair([=, positive = *positive,
                      negative = *negative](int64_t q, int64_t slope) {
    return q >= zeroPoint
               ? positive(q - zeroPoint)
               : negative((q - zeroPoint) * (slope - slopeZeroPoint));
  });
}

void reference::addElementwiseKernels(KernelTable &table) {
  addKernel(table, prepareQuantize);
  addKernel(table, prepareDequantize);
  addKernel(table, prepareRequantize<RequantizeOp>);
  addKernel(table, prepareRequantize<ClampOp>);
  addKernel(table, prepareUnary);
  addKernel(table, prepareAdd<AddOp>);
  addKernel(table, prepareAdd<SubOp>);
  addKernel(table, prepareMul);
  addKernel(table, prepareDiv);
  addKernel(table, prepareMin);
  addKernel(table, prepareMax);
  addKernel(table, preparePRelu);
}
