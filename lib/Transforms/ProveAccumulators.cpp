//===- ProveAccumulators.cpp - Ranges of int32 accumulators ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerIntegers.h"
#include "ValueRanges.h"

#include "QDialect/Numerics/AccumulatorProof.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

namespace q {
#define GEN_PASS_DEF_PROVEACCUMULATORS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

/// Proves one layer after the other.
class Prover {
public:
  explicit Prover(bool perChannel) : perChannel(perChannel) {}
  LogicalResult visit(Operation *op);

private:
  LogicalResult proveLayer(WeightedOpInterface layer);
  LogicalResult proveMatMul(MatMulOp op);
  LogicalResult proveSum(Operation *op, int64_t count);
  LogicalResult record(Operation *op,
                       ArrayRef<numerics::AccumulatorBounds> all);

  ValueRanges ranges;
  bool perChannel;
};

} // namespace

LogicalResult Prover::record(Operation *op,
                             ArrayRef<numerics::AccumulatorBounds> all) {
  numerics::AccumulatorBounds worst = all.front();
  SmallVector<int64_t> minima, maxima;
  auto rounding = getRounding(op);
  if (failed(rounding))
    return failure();
  bool isWide = false;
  for (auto [c, bounds] : llvm::enumerate(all)) {
    if (!bounds.fitsInt32() && *rounding == numerics::Rounding::Gemmlowp)
      return op->emitOpError("needs an accumulator beyond int32, which "
                             "gemmlowp does not have: output channel ")
             << c << " reaches [" << bounds.min << ", " << bounds.max
             << "] (rule N8); use the rounding mode single, or give its input "
                "or its weights fewer bits in a recipe";
    isWide |= !bounds.fitsInt32();
    worst.min = std::min(worst.min, bounds.min);
    worst.max = std::max(worst.max, bounds.max);
    worst.partialMin = std::min(worst.partialMin, bounds.partialMin);
    worst.partialMax = std::max(worst.partialMax, bounds.partialMax);
    minima.push_back(bounds.min);
    maxima.push_back(bounds.max);
  }
  if (isWide)
    op->emitRemark("accumulates in int64, as [")
        << worst.min << ", " << worst.max
        << "] is beyond int32 (rule N8); that is slow: fewer bits for its "
           "input "
           "or its weights bring int32 back";
  Builder builder(op->getContext());
  op->setAttr("acc_range",
              builder.getDenseI64ArrayAttr({worst.min, worst.max}));
  op->setAttr("acc_partial_range", builder.getDenseI64ArrayAttr(
                                       {worst.partialMin, worst.partialMax}));
  if (perChannel) {
    op->setAttr("acc_min", builder.getDenseI64ArrayAttr(minima));
    op->setAttr("acc_max", builder.getDenseI64ArrayAttr(maxima));
  }
  return success();
}

LogicalResult Prover::proveLayer(WeightedOpInterface layer) {
  auto input = getTensorParams(layer, layer.getInput());
  auto range = ranges.getInput(layer);
  int64_t channels =
      cast<RankedTensorType>(layer.getWeights().getType()).getDimSize(0);
  auto integers = getLayerIntegers(layer, channels);
  if (failed(input) || failed(range) || failed(integers))
    return failure();
  int32_t zeroPoint = static_cast<int32_t>(input->zeroPoint);
  int32_t offset = layer.getZeroPointFolded() ? 0 : zeroPoint;
  numerics::FactorRange factor{range->lo - offset, range->hi - offset};

  SmallVector<numerics::AccumulatorBounds> all;
  for (int64_t c = 0; c < channels; ++c)
    all.push_back(numerics::accumulatorBounds(integers->getChannel(c),
                                              integers->perChannel, factor,
                                              integers->bias[c]));
  return all.empty() ? success() : record(layer, all);
}

LogicalResult Prover::proveMatMul(MatMulOp op) {
  auto lhs = getTensorParams(op, op.getLhs());
  auto rhs = getTensorParams(op, op.getRhs());
  auto left = ranges.get(op.getLhs()), right = ranges.get(op.getRhs());
  if (failed(lhs) || failed(rhs) || failed(left) || failed(right))
    return failure();
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t a : {left->lo - lhs->zeroPoint, left->hi - lhs->zeroPoint})
    for (int64_t b : {right->lo - rhs->zeroPoint, right->hi - rhs->zeroPoint}) {
      low = std::min(low, a * b);
      high = std::max(high, a * b);
    }
  int64_t depth =
      cast<RankedTensorType>(op.getLhs().getType()).getShape().back();
  numerics::AccumulatorBounds bounds;
  bounds.min = low * depth;
  bounds.max = high * depth;
  bounds.partialMin = std::min<int64_t>(bounds.min, 0);
  bounds.partialMax = std::max<int64_t>(bounds.max, 0);
  return record(op, bounds);
}

/// A sum of `count` elements q - Z.
LogicalResult Prover::proveSum(Operation *op, int64_t count) {
  Value input = op->getOperand(0);
  auto params = getTensorParams(op, input);
  auto range = ranges.get(input);
  if (failed(params) || failed(range))
    return failure();
  // Windows at borders hold fewer elements, so 0 counts for partial sums.
  numerics::AccumulatorBounds bounds;
  bounds.partialMin =
      std::min<int64_t>((range->lo - params->zeroPoint) * count, 0);
  bounds.partialMax =
      std::max<int64_t>((range->hi - params->zeroPoint) * count, 0);
  bounds.min = bounds.partialMin;
  bounds.max = bounds.partialMax;
  return record(op, bounds);
}

LogicalResult Prover::visit(Operation *op) {
  if (op->getNumResults() != 1 || !getQuantizedType(op->getResult(0)))
    return success();
  if (auto layer = dyn_cast<WeightedOpInterface>(op))
    return proveLayer(layer);
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return proveMatMul(matmul);
  if (auto pool = dyn_cast<AvgPool2DOp>(op))
    return proveSum(op, pool.getKernel()[0] * pool.getKernel()[1]);
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce || movesBits(op))
    return success();
  auto type = cast<RankedTensorType>(reduce.getInput().getType());
  int64_t count = 1;
  for (int64_t axis : reduce.getAxes())
    count *= type.getDimSize(axis);
  return proveSum(op, count);
}

namespace {

struct ProveAccumulatorsPass
    : q::impl::ProveAccumulatorsBase<ProveAccumulatorsPass> {
  using ProveAccumulatorsBase::ProveAccumulatorsBase;

  void runOnOperation() override {
    // All failures at once, as a model may have several such layers.
    Prover prover(perChannel);
    bool bad = false;
    getOperation().walk(
        [&](Operation *op) { bad |= failed(prover.visit(op)); });
    if (bad)
      signalPassFailure();
  }
};

} // namespace
