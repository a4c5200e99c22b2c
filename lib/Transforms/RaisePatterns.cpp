//===- RaisePatterns.cpp - Functions that exporters spell out op by op ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_RAISEPATTERNS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// The one number that all elements of a float constant have.
static std::optional<double> getScalar(Value value) {
  if (!isFloatConstant(value))
    return std::nullopt;
  auto values = getConstantFloats(value);
  if (failed(values) || values->empty() || !llvm::all_equal(*values))
    return std::nullopt;
  return values->front();
}

static bool isNear(double a, double b) {
  return std::abs(a - b) <= 1e-5 * std::abs(b);
}

static bool isClamped(Operation *op) {
  auto clamped = dyn_cast<FusedClampOpInterface>(op);
  return clamped && clamped.isClamped();
}

/// The operand of the addition or product `OpTy` with a scalar near `scalar`
/// that makes `value`, null if that is not how it is made.
template <typename OpTy>
static Value matchWithScalar(Value value, double scalar) {
  auto op = value.getDefiningOp<OpTy>();
  if (!op || isClamped(op))
    return nullptr;
  for (auto [data, constant] :
       {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}})
    if (auto found = getScalar(constant))
      if (isNear(*found, scalar) && data.getType() == value.getType())
        return data;
  return nullptr;
}

/// The operand of a division by, or a product with the reciprocal of, a scalar
/// near `divisor`.
static Value matchQuotient(Value value, double divisor) {
  if (Value data = matchWithScalar<MulOp>(value, 1.0 / divisor))
    return data;
  auto div = value.getDefiningOp<DivOp>();
  if (!div || isClamped(div) || div.getLhs().getType() != value.getType())
    return nullptr;
  auto found = getScalar(div.getRhs());
  return found && isNear(*found, divisor) ? div.getLhs() : Value();
}

static UnaryOp createUnary(PatternRewriter &rewriter, Operation *op,
                           UnaryKind kind, Value input, double alpha = 0.0,
                           double beta = 0.0) {
  return rewriter.replaceOpWithNewOp<UnaryOp>(
      op, op->getResult(0).getType(),
      UnaryKindAttr::get(op->getContext(), kind), input,
      rewriter.getF32FloatAttr(alpha), rewriter.getF32FloatAttr(beta));
}

//===----------------------------------------------------------------------===//
// Products: SiLU, hard swish, GELU
//===----------------------------------------------------------------------===//

/// Whether `gate` is clamp(x + 3, 0, 6) with bounds in either op.
static bool isShiftedRelu6(Value gate, Value x) {
  Operation *op = gate.getDefiningOp();
  auto clamped = dyn_cast_or_null<FusedClampOpInterface>(op);
  if (!clamped || !clamped.getClampMinAttr() || !clamped.getClampMaxAttr() ||
      clamped.getClampMinAttr().getValueAsDouble() != 0.0 ||
      clamped.getClampMaxAttr().getValueAsDouble() != 6.0)
    return false;
  if (auto clamp = dyn_cast<ClampOp>(op))
    return matchWithScalar<AddOp>(clamp.getInput(), 3.0) == x;
  auto add = dyn_cast<AddOp>(op);
  if (!add)
    return false;
  for (auto [data, constant] :
       {std::pair(add.getLhs(), add.getRhs()), {add.getRhs(), add.getLhs()}})
    if (auto found = getScalar(constant))
      if (data == x && isNear(*found, 3.0))
        return true;
  return false;
}

/// Whether `gate` is a hard sigmoid of x with slope 1/6 and offset 1/2.
static bool isHardSigmoid(Value gate, Value x) {
  auto unary = gate.getDefiningOp<UnaryOp>();
  if (unary && unary.getKind() == UnaryKind::HardSigmoid)
    return unary.getInput() == x &&
           isNear(unary.getAlpha().convertToDouble(), 1.0 / 6) &&
           isNear(unary.getBeta().convertToDouble(), 0.5);
  Value numerator = matchQuotient(gate, 6.0);
  return numerator && isShiftedRelu6(numerator, x);
}

/// Whether `gate` is erf(x / sqrt(2)) + 1.
static bool isShiftedErf(Value gate, Value x) {
  Value inner = matchWithScalar<AddOp>(gate, 1.0);
  auto erf = inner ? inner.getDefiningOp<UnaryOp>() : UnaryOp();
  return erf && erf.getKind() == UnaryKind::Erf &&
         matchQuotient(erf.getInput(), std::sqrt(2.0)) == x;
}

namespace {

struct RaiseProduct : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    if (isClamped(op))
      return rewriter.notifyMatchFailure(op, "it also clamps");
    for (auto [x, gate] :
         {std::pair(op.getLhs(), op.getRhs()), {op.getRhs(), op.getLhs()}}) {
      if (x.getType() != op.getType())
        continue;
      auto unary = gate.getDefiningOp<UnaryOp>();
      if (unary && unary.getKind() == UnaryKind::Sigmoid &&
          unary.getInput() == x) {
        createUnary(rewriter, op, UnaryKind::Silu, x);
        return success();
      }
      if (isHardSigmoid(gate, x)) {
        createUnary(rewriter, op, UnaryKind::HardSwish, x);
        return success();
      }
      // (x / 2) * (erf + 1)
      Value half = matchQuotient(x, 2.0);
      if (half && isShiftedErf(gate, half)) {
        createUnary(rewriter, op, UnaryKind::Gelu, half);
        return success();
      }
      // x * (0.5 * (erf + 1))
      Value sum = matchQuotient(gate, 2.0);
      if (sum && isShiftedErf(sum, x)) {
        createUnary(rewriter, op, UnaryKind::Gelu, x);
        return success();
      }
    }
    // (x * gate) * 1/6 and (x * (erf + 1)) * 1/2.
    return raiseScaled(op, op.getOutput(), rewriter);
  }

  static LogicalResult raiseScaled(Operation *op, Value scaled,
                                   PatternRewriter &rewriter) {
    for (auto [divisor, isGelu] : {std::pair(6.0, false), {2.0, true}}) {
      Value product = matchQuotient(scaled, divisor);
      auto mul = product ? product.getDefiningOp<MulOp>() : MulOp();
      if (!mul || isClamped(mul))
        continue;
      for (auto [x, gate] : {std::pair(mul.getLhs(), mul.getRhs()),
                             {mul.getRhs(), mul.getLhs()}}) {
        if (x.getType() != scaled.getType() ||
            !(isGelu ? isShiftedErf(gate, x) : isShiftedRelu6(gate, x)))
          continue;
        createUnary(rewriter, op,
                    isGelu ? UnaryKind::Gelu : UnaryKind::HardSwish, x);
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "no function is spelt out here");
  }
};

//===----------------------------------------------------------------------===//
// Quotients and powers
//===----------------------------------------------------------------------===//

/// Division by a constant is a product with its reciprocal.
struct RaiseDivision : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DivOp op,
                                PatternRewriter &rewriter) const override {
    if (!isClamped(op) &&
        succeeded(RaiseProduct::raiseScaled(op, op.getOutput(), rewriter)))
      return success();
    if (!isFloatConstant(op.getRhs())) {
      auto one = getScalar(op.getLhs());
      if (!one || *one != 1.0 || isClamped(op) ||
          op.getRhs().getType() != op.getType())
        return rewriter.notifyMatchFailure(op, "it divides by a variable");
      createUnary(rewriter, op, UnaryKind::Reciprocal, op.getRhs());
      return success();
    }
    auto values = getConstantFloats(op.getRhs());
    if (failed(values))
      return failure();
    for (float &value : *values) {
      value = static_cast<float>(1.0 / value);
      if (!std::isfinite(value) || value == 0.0f)
        return rewriter.notifyMatchFailure(op, "it has no reciprocal");
    }
    Value reciprocal = createFloatConstant(
        rewriter, op.getRhs().getLoc(),
        cast<RankedTensorType>(op.getRhs().getType()).getShape(), *values);
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getType(), op.getLhs(),
                                       reciprocal, op.getClampMinAttr(),
                                       op.getClampMaxAttr());
    return success();
  }
};

struct RaisePower : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const override {
    auto exponent = getScalar(op.getRhs());
    if (!exponent || op.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "its exponent varies");
    std::optional<UnaryKind> kind;
    if (*exponent == 2.0)
      kind = UnaryKind::Square;
    else if (*exponent == 0.5)
      kind = UnaryKind::Sqrt;
    else if (*exponent == -0.5)
      kind = UnaryKind::Rsqrt;
    else if (*exponent == -1.0)
      kind = UnaryKind::Reciprocal;
    if (!kind)
      return rewriter.notifyMatchFailure(op, "no function for its exponent");
    createUnary(rewriter, op, *kind, op.getLhs());
    return success();
  }
};

struct RaisePatternsPass : q::impl::RaisePatternsBase<RaisePatternsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseProduct, RaiseDivision, RaisePower>(&getContext());
    // Minimum and maximum with a number become clamps.
    MinOp::getCanonicalizationPatterns(patterns, &getContext());
    MaxOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
