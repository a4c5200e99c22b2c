//===- QCanonicalize.cpp - Canonicalizations of q ops ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rewrites that every later step profits from. None changes a bit of a result,
// float or quantized.
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// Padding in front of a convolution
//===----------------------------------------------------------------------===//

/// A border of real zeros in height and width is what a convolution pads with
/// itself. Quantized it is Zx, which its padding stands for as well (N6).
static LogicalResult foldPadIntoConv(Conv2DOp op, PatternRewriter &rewriter) {
  auto pad = op.getInput().getDefiningOp<PadOp>();
  if (!pad || pad.getMode() != PadMode::Constant || !pad.getValue().isZero())
    return rewriter.notifyMatchFailure(op, "no border of zeros in front");
  ArrayRef<int64_t> low = pad.getLow(), high = pad.getHigh();
  if (low[0] || high[0] || low[3] || high[3])
    return rewriter.notifyMatchFailure(op, "pads more than height and width");
  ArrayRef<int64_t> pads = op.getPads();
  SmallVector<int64_t> sums = {pads[0] + low[1], pads[1] + low[2],
                               pads[2] + high[1], pads[3] + high[2]};
  rewriter.modifyOpInPlace(op, [&] {
    op.getInputMutable().assign(pad.getInput());
    op.setPads(sums);
  });
  return success();
}

void Conv2DOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *) {
  patterns.add(foldPadIntoConv);
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

/// The bounds of a clamp, infinite where there is none.
static std::pair<float, float> getBounds(ClampOp op) {
  auto low = op.getClampMin(), high = op.getClampMax();
  return {low ? low->convertToFloat() : -INFINITY,
          high ? high->convertToFloat() : INFINITY};
}

static FloatAttr makeBound(PatternRewriter &rewriter, float bound) {
  return std::isinf(bound) ? FloatAttr() : rewriter.getF32FloatAttr(bound);
}

/// Bounds at infinity bound nothing.
static LogicalResult dropInfiniteBounds(ClampOp op, PatternRewriter &rewriter) {
  auto [low, high] = getBounds(op);
  bool dropsLow = op.getClampMin() && low == -INFINITY;
  bool dropsHigh = op.getClampMax() && high == INFINITY;
  if (!dropsLow && !dropsHigh)
    return rewriter.notifyMatchFailure(op, "no bound at infinity");
  rewriter.modifyOpInPlace(op, [&] {
    if (dropsLow)
      op.removeClampMinAttr();
    if (dropsHigh)
      op.removeClampMaxAttr();
  });
  return success();
}

/// Two clamps in a row are one, if nothing is rounded between them.
static LogicalResult mergeClamps(ClampOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<ClampOp>();
  if (!inner || inner.getInput().getType() != op.getInput().getType() ||
      op.getType() != op.getInput().getType())
    return rewriter.notifyMatchFailure(op, "no clamp of the same type before");
  auto [innerLow, innerHigh] = getBounds(inner);
  auto [low, high] = getBounds(op);
  FloatAttr newLow = makeBound(rewriter, std::clamp(innerLow, low, high));
  FloatAttr newHigh = makeBound(rewriter, std::clamp(innerHigh, low, high));
  rewriter.replaceOpWithNewOp<ClampOp>(op, op.getType(), inner.getInput(),
                                       newLow, newHigh);
  return success();
}

void ClampOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *) {
  patterns.add(dropInfiniteBounds);
  patterns.add(mergeClamps);
}

/// The number that a float constant holds in every element.
static FloatAttr getSplat(PatternRewriter &rewriter, Value value) {
  DenseElementsAttr dense;
  if (!matchPattern(value, m_Constant(&dense)) ||
      !dense.getElementType().isF32() || dense.empty() || !dense.isSplat())
    return {};
  float splat = dense.getSplatValue<float>();
  return std::isnan(splat) ? FloatAttr() : rewriter.getF32FloatAttr(splat);
}

/// A maximum or minimum with one number is a clamp, which later fuses into the
/// op before it.
template <typename OpTy>
static LogicalResult makeClamp(OpTy op, PatternRewriter &rewriter) {
  for (auto [value, other] : {std::pair(op.getLhs(), op.getRhs()),
                              std::pair(op.getRhs(), op.getLhs())}) {
    FloatAttr bound = getSplat(rewriter, other);
    if (!bound || value.getType() != op.getType())
      continue;
    bool isLow = std::is_same_v<OpTy, MaxOp>;
    rewriter.replaceOpWithNewOp<ClampOp>(op, op.getType(), value,
                                         isLow ? bound : FloatAttr(),
                                         isLow ? FloatAttr() : bound);
    return success();
  }
  return rewriter.notifyMatchFailure(op, "no operand is one number");
}

void MaxOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *) {
  patterns.add(makeClamp<MaxOp>);
}
void MinOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *) {
  patterns.add(makeClamp<MinOp>);
}

//===----------------------------------------------------------------------===//
// Ops that move bits
//===----------------------------------------------------------------------===//

/// A concatenation along the same dimension that nobody else reads becomes part
/// of this one.
static LogicalResult flattenConcat(ConcatOp op, PatternRewriter &rewriter) {
  SmallVector<Value> inputs;
  for (Value input : op.getInputs()) {
    auto inner = input.getDefiningOp<ConcatOp>();
    if (inner && inner.getAxis() == op.getAxis() && inner->hasOneUse())
      llvm::append_range(inputs, inner.getInputs());
    else
      inputs.push_back(input);
  }
  if (inputs.size() == op.getInputs().size())
    return rewriter.notifyMatchFailure(op, "no concatenation to take in");
  rewriter.replaceOpWithNewOp<ConcatOp>(op, op.getType(), inputs, op.getAxis());
  return success();
}

void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *) {
  patterns.add(flattenConcat);
}

/// A slice of a slice is one slice.
static LogicalResult composeSlices(SliceOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<SliceOp>();
  if (!inner)
    return rewriter.notifyMatchFailure(op, "no slice before");
  SmallVector<int64_t> starts, steps;
  for (size_t d = 0; d < op.getStarts().size(); ++d) {
    starts.push_back(inner.getStarts()[d] +
                     op.getStarts()[d] * inner.getSteps()[d]);
    steps.push_back(op.getSteps()[d] * inner.getSteps()[d]);
  }
  rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), inner.getInput(),
                                       starts, op.getSizes(), steps);
  return success();
}

void SliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *) {
  patterns.add(composeSlices);
}

/// A transposition that keeps the order of all dimensions longer than 1 leaves
/// memory as it is.
static LogicalResult reshapeInstead(TransposeOp op, PatternRewriter &rewriter) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op.getInput().getType()).getShape();
  int64_t last = -1;
  for (int64_t dim : op.getPerm()) {
    if (shape[dim] == 1)
      continue;
    if (dim < last)
      return rewriter.notifyMatchFailure(op, "moves elements");
    last = dim;
  }
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
  return success();
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *) {
  patterns.add(reshapeInstead);
}
