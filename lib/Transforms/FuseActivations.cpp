//===- FuseActivations.cpp - Fuses clamps and zero padding ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>
#include <limits>

namespace q {
#define GEN_PASS_DEF_FUSEACTIVATIONS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// Clamps
//===----------------------------------------------------------------------===//

namespace {

struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  static Bounds of(FusedClampOpInterface op) {
    Bounds bounds;
    if (FloatAttr low = op.getClampMinAttr())
      bounds.low = low.getValueAsDouble();
    if (FloatAttr high = op.getClampMaxAttr())
      bounds.high = high.getValueAsDouble();
    return bounds;
  }

  double clamp(double value) const {
    return std::min(std::max(value, low), high);
  }

  /// First these bounds, then `outer`.
  Bounds then(Bounds outer) const {
    return {outer.clamp(low), outer.clamp(high)};
  }
};

} // namespace

/// The operands through which a clamp of `op`'s result may move up: the op
/// chooses among their elements, so clamping before it or after is the same.
static SmallVector<OpOperand *> getMovedOperands(Operation *op) {
  if (auto pad = dyn_cast<PadOp>(op))
    // The border's value would need a clamp of its own.
    if (pad.getMode() == PadMode::Constant && !pad.getValue().isZero())
      return {};
  if (auto resize = dyn_cast<ResizeOp>(op))
    if (resize.getMode() != ResizeMode::Nearest)
      return {};
  if (!isa<ConcatOp, SliceOp, PadOp, TransposeOp, ReshapeOp, GatherOp, ExpandOp,
           ResizeOp, MaxPool2DOp>(op))
    return {};
  return llvm::map_to_vector(op->getOpOperands(),
                             [](OpOperand &operand) { return &operand; });
}

/// Whether `bounds` can go into the ops that compute `value`.
static bool canAbsorb(Value value, Bounds bounds) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse())
    return false;
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op))
    return !clamped.getChannelMaxAttr();
  // A zero border stays zero only if zero is within the bounds.
  if (isa<PadOp>(op) && bounds.clamp(0.0) != 0.0)
    return false;
  SmallVector<OpOperand *> operands = getMovedOperands(op);
  return !operands.empty() && llvm::all_of(operands, [&](OpOperand *operand) {
    return canAbsorb(operand->get(), bounds);
  });
}

static void absorb(RewriterBase &rewriter, Value value, Bounds bounds) {
  Operation *op = value.getDefiningOp();
  auto clamped = dyn_cast<FusedClampOpInterface>(op);
  if (!clamped) {
    for (OpOperand *operand : getMovedOperands(op))
      absorb(rewriter, operand->get(), bounds);
    return;
  }
  Bounds fused = Bounds::of(clamped).then(bounds);
  rewriter.modifyOpInPlace(op, [&] {
    if (std::isfinite(fused.low))
      clamped.setClampMinAttr(rewriter.getF32FloatAttr(fused.low));
    if (std::isfinite(fused.high))
      clamped.setClampMaxAttr(rewriter.getF32FloatAttr(fused.high));
  });
}

namespace {

struct FuseClamp : OpRewritePattern<ClampOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ClampOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getInput().getType() != op.getOutput().getType())
      return rewriter.notifyMatchFailure(op, "it also requantizes");
    Bounds bounds = Bounds::of(op);
    if (!canAbsorb(op.getInput(), bounds))
      return rewriter.notifyMatchFailure(op, "the op before it has another use "
                                             "or cannot clamp");
    absorb(rewriter, op.getInput(), bounds);
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Padding
//===----------------------------------------------------------------------===//

/// The top, left, bottom and right zeros of `pad`, if that is all it adds.
static std::optional<std::array<int64_t, 4>> getZeroBorder(PadOp pad) {
  ArrayRef<int64_t> low = pad.getLow(), high = pad.getHigh();
  if (pad.getMode() != PadMode::Constant || !pad.getValue().isZero() ||
      low.size() != 4 || low[0] || high[0] || low[3] || high[3])
    return std::nullopt;
  return std::array<int64_t, 4>{low[1], low[2], high[1], high[2]};
}

static SmallVector<int64_t> addBorder(ArrayRef<int64_t> pads,
                                      ArrayRef<int64_t> border) {
  SmallVector<int64_t> sums;
  for (auto [pad, extra] : llvm::zip_equal(pads, border))
    sums.push_back(pad + extra);
  return sums;
}

/// Whether no window of a pool lies in the padding alone.
template <typename PoolOp>
static bool windowsMeetImage(PoolOp op, ArrayRef<int64_t> pads) {
  for (int d = 0; d < 2; ++d) {
    int64_t reach = op.getDilations()[d] * (op.getKernel()[d] - 1) + 1;
    if (std::max(pads[d], pads[d + 2]) >= reach)
      return false;
  }
  return true;
}

namespace {

struct FusePadIntoAvgPool : OpRewritePattern<AvgPool2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AvgPool2DOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    auto border = pad ? getZeroBorder(pad) : std::nullopt;
    if (!border)
      return rewriter.notifyMatchFailure(op, "no zero border before it");
    bool padded = llvm::any_of(op.getPads(), [](int64_t p) { return p != 0; });
    if (padded)
      return rewriter.notifyMatchFailure(
          op, "its own padding may count differently");
    SmallVector<int64_t> pads = addBorder(op.getPads(), *border);
    if (!windowsMeetImage(op, pads))
      return rewriter.notifyMatchFailure(op, "a window would see padding only");
    rewriter.modifyOpInPlace(op, [&] {
      op.setPads(pads);
      op.setCountIncludePad(true);
      op.getInputMutable().set(pad.getInput());
    });
    return success();
  }
};

/// Padding of a max pool never wins, a border of zeros might: it is the same
/// only if no element is negative.
struct FusePadIntoMaxPool : OpRewritePattern<MaxPool2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaxPool2DOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    auto border = pad ? getZeroBorder(pad) : std::nullopt;
    if (!border)
      return rewriter.notifyMatchFailure(op, "no zero border before it");
    auto producer = pad.getInput().getDefiningOp<FusedClampOpInterface>();
    if (!producer || !(Bounds::of(producer).low >= 0.0))
      return rewriter.notifyMatchFailure(op, "its input may be negative");
    SmallVector<int64_t> pads = addBorder(op.getPads(), *border);
    if (!windowsMeetImage(op, pads))
      return rewriter.notifyMatchFailure(op, "a window would see padding only");
    rewriter.modifyOpInPlace(op, [&] {
      op.setPads(pads);
      op.getInputMutable().set(pad.getInput());
    });
    return success();
  }
};

struct FuseActivationsPass : q::impl::FuseActivationsBase<FuseActivationsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseClamp, FusePadIntoAvgPool, FusePadIntoMaxPool>(
        &getContext());
    // Padding into convolutions, and clamps in a row.
    Conv2DOp::getCanonicalizationPatterns(patterns, &getContext());
    ClampOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
