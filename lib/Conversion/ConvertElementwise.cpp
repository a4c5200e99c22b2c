//===- ConvertElementwise.cpp - One element at a time ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules N10 to N13 and N15 for ops that compute each element from the elements
// at the same place.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"
#include "QDialect/Numerics/FloatDivide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace q;
using numerics::QuantParams;

FailureOr<IntegerBounds> q::getResultBounds(Operation *op) {
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op))
    return getIntegerBounds(clamped);
  FailureOr<QuantParams> params = getTensorParams(op, op->getResult(0));
  if (failed(params))
    return failure();
  return getIntegerBounds(*params);
}

FailureOr<Requantization>
q::getRequantization(Operation *op, FailureOr<numerics::Multiplier> multiplier,
                     IntRange range) {
  if (failed(multiplier))
    return failure();
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(rounding) || failed(output))
    return failure();
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  return Requantization{*multiplier, *rounding,
                        static_cast<int32_t>(output->zeroPoint), *bounds,
                        range};
}

/// The integer width in which values of `range` are computed.
static unsigned getComputeWidth(IntRange range) {
  return range.fits(32) ? 32 : 64;
}

namespace {

/// q.requantize and q.clamp.
template <typename OpTy> struct ConvertRequantize : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
    if (failed(input))
      return failure();
    IntRange range = getDistanceRange(*input);
    FailureOr<Requantization> how =
        getRequantization(op, getMultiplier(op), range);
    if (failed(how))
      return failure();
    quant::QuantizedType from = getQuantizedType(op.getInput());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    rewriter.replaceOp(
        op, makeElementwise(rewriter, op.getLoc(), {adaptor.getInput()},
                            getStorageInteger(to),
                            [&](OpBuilder &b, Location loc, ValueRange in) {
                              IntegerEmitter emit(b, loc);
                              Value acc = emit.distance(in[0], *input, from,
                                                        getComputeWidth(range));
                              return emit.truncate(emit.requantize(acc, *how),
                                                   to);
                            }));
    return success();
  }
};

/// Rule N15: one load for each element. The table is indexed by the bits of the
/// storage value, so that signed values need no offset.
struct ConvertUnary : OpConversionPattern<UnaryOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(UnaryOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<std::vector<int32_t>> table = getTable(op);
    if (failed(table))
      return failure();
    quant::QuantizedType from = getQuantizedType(op.getInput());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    unsigned width = getStorageInteger(from).getWidth();
    int64_t entries = int64_t(1) << width;
    SmallVector<int64_t> byBits(entries, 0);
    for (auto [i, value] : llvm::enumerate(*table)) {
      int64_t q = from.getStorageTypeMin() + static_cast<int64_t>(i);
      byBits[q & (entries - 1)] = value;
    }
    Value constant = makeConstant(rewriter, op.getLoc(), {entries}, byBits,
                                  getStorageInteger(to).getWidth());
    rewriter.replaceOp(
        op,
        makeElementwise(
            rewriter, op.getLoc(), {adaptor.getInput()}, getStorageInteger(to),
            [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
              Value index =
                  arith::IndexCastUIOp::create(b, loc, b.getIndexType(), in[0]);
              return tensor::ExtractOp::create(b, loc, constant, index);
            }));
    return success();
  }
};

} // namespace

/// An elementwise op of two operands with numpy broadcasting.
static Value makeBroadcasting(OpBuilder &b, Operation *op, Value lhs, Value rhs,
                              Type element, ElementBody body) {
  auto shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  MLIRContext *context = b.getContext();
  return makeElementwise(
      b, op->getLoc(), shape, element, {lhs, rhs},
      {getBroadcastMap(context, getTensorType(lhs).getShape(), shape),
       getBroadcastMap(context, getTensorType(rhs).getShape(), shape)},
      body);
}

/// Replaces an op by what `body` makes, as an i32, of the distances of two
/// elements from their zero points, the result's zero point and its bounds.
template <typename OpTy>
static LogicalResult
replaceByDistances(OpTy op, typename OpTy::Adaptor adaptor, unsigned width,
                   ConversionPatternRewriter &rewriter,
                   llvm::function_ref<Value(IntegerEmitter &, Value, Value,
                                            int32_t, IntegerBounds)>
                       body) {
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  quant::QuantizedType lhsType = getQuantizedType(op.getLhs());
  quant::QuantizedType rhsType = getQuantizedType(op.getRhs());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  QuantParams lhs = *getTensorParams(op, op.getLhs());
  QuantParams rhs = *getTensorParams(op, op.getRhs());
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  rewriter.replaceOp(
      op,
      makeBroadcasting(rewriter, op, adaptor.getLhs(), adaptor.getRhs(),
                       getStorageInteger(to),
                       [&](OpBuilder &b, Location loc, ValueRange in) {
                         IntegerEmitter emit(b, loc);
                         Value d1 = emit.distance(in[0], lhs, lhsType, width);
                         Value d2 = emit.distance(in[1], rhs, rhsType, width);
                         return emit.truncate(
                             body(emit, d1, d2, zeroPoint, *bounds), to);
                       }));
  return success();
}

namespace {

/// Rule N12: q.add and q.sub.
template <typename OpTy> struct ConvertAdd : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<numerics::AddParams> params = getAddParams(op);
    if (failed(params))
      return failure();
    IntRange lhs = getDistanceRange(*getTensorParams(op, op.getLhs()));
    IntRange rhs = getDistanceRange(*getTensorParams(op, op.getRhs()));
    bool tiesAway = hasNegativeTie(*params, lhs, rhs);
    params->tiesEven =
        params->tiesEven &&
        numerics::addTieReachable(*params, lhs.lo, lhs.hi, rhs.lo, rhs.hi);
    return replaceByDistances(op, adaptor, params->wide ? 64 : 32, rewriter,
                              [&](IntegerEmitter &emit, Value d1, Value d2,
                                  int32_t zeroPoint, IntegerBounds bounds) {
                                return emit.addRequantize(d1, d2, *params,
                                                          tiesAway, zeroPoint,
                                                          bounds);
                              });
  }
};

/// The quotient of Numerics/Divide.h, one division an element: of floats where
/// that is proven, of 64-bit integers elsewhere.
struct ConvertDiv : OpConversionPattern<DivOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(DivOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<numerics::DivideParams> params = getDivideParams(op);
    FailureOr<IntegerBounds> bounds = getResultBounds(op);
    if (failed(params) || failed(bounds))
      return failure();
    IntRange d1 = getDistanceRange(*getTensorParams(op, op.getLhs()));
    IntRange d2 = getDistanceRange(*getTensorParams(op, op.getRhs()));
    std::optional<float> factor = numerics::findDivideFactor(
        *params, d1.lo, d1.hi, d2.lo, d2.hi,
        getTensorParams(op, op.getOutput())->zeroPoint, bounds->lo, bounds->hi);
    return replaceByDistances(
        op, adaptor, factor ? 32 : 64, rewriter,
        [&](IntegerEmitter &emit, Value lhs, Value rhs, int32_t zeroPoint,
            IntegerBounds limits) {
          if (factor)
            return emit.divideByFloats(lhs, rhs, *factor, zeroPoint, limits);
          return emit.divideRequantize(lhs, rhs, *params, zeroPoint, limits);
        });
  }
};

struct ConvertMul : OpConversionPattern<MulOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(MulOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<numerics::Multiplier> multiplier = getMultiplier(op);
    if (failed(multiplier))
      return failure();
    QuantParams lhs = *getTensorParams(op, op.getLhs());
    QuantParams rhs = *getTensorParams(op, op.getRhs());
    IntRange range = getDistanceRange(lhs) * getDistanceRange(rhs);
    FailureOr<Requantization> how = getRequantization(op, multiplier, range);
    if (failed(how))
      return failure();
    quant::QuantizedType lhsType = getQuantizedType(op.getLhs());
    quant::QuantizedType rhsType = getQuantizedType(op.getRhs());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    unsigned width = getComputeWidth(range);
    rewriter.replaceOp(
        op, makeBroadcasting(
                rewriter, op, adaptor.getLhs(), adaptor.getRhs(),
                getStorageInteger(to),
                [&](OpBuilder &b, Location loc, ValueRange in) {
                  IntegerEmitter emit(b, loc);
                  Value product = arith::MulIOp::create(
                      b, loc, emit.distance(in[0], lhs, lhsType, width),
                      emit.distance(in[1], rhs, rhsType, width));
                  return emit.truncate(emit.requantize(product, *how), to);
                }));
    return success();
  }
};

/// Rule N13: storage values of equal parameters are ordered as their reals are.
template <typename OpTy, bool isMax>
struct ConvertExtremum : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (failed(getTensorParams(op, op.getOutput())))
      return failure();
    quant::QuantizedType type = getQuantizedType(op.getOutput());
    rewriter.replaceOp(
        op, makeBroadcasting(rewriter, op, adaptor.getLhs(), adaptor.getRhs(),
                             getStorageInteger(type),
                             [&](OpBuilder &b, Location loc, ValueRange in) {
                               return IntegerEmitter(b, loc).extremum(
                                   in[0], in[1], isMax, type);
                             }));
    return success();
  }
};

struct ConvertPRelu : OpConversionPattern<PReluOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(PReluOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<PReluMultipliers> multipliers = getMultipliers(op);
    if (failed(multipliers))
      return failure();
    QuantParams input = *getTensorParams(op, op.getInput());
    QuantParams slope = *getTensorParams(op, op.getSlope());
    IntRange distances = getDistanceRange(input);
    IntRange above{0, std::max<int64_t>(distances.hi, 0)};
    IntRange below = IntRange{std::min<int64_t>(distances.lo, 0), 0} *
                     getDistanceRange(slope);
    FailureOr<Requantization> positive =
        getRequantization(op, multipliers->positive, above);
    FailureOr<Requantization> negative =
        getRequantization(op, multipliers->negative, below);
    if (failed(positive) || failed(negative))
      return failure();
    quant::QuantizedType type = getQuantizedType(op.getInput());
    quant::QuantizedType slopeType = getQuantizedType(op.getSlope());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    unsigned width = std::max(getComputeWidth(above), getComputeWidth(below));
    std::optional<float> high = findFusedFactor(*positive);
    std::optional<float> low = findFusedFactor(*negative);
    rewriter.replaceOp(
        op,
        makeBroadcasting(
            rewriter, op, adaptor.getInput(), adaptor.getSlope(),
            getStorageInteger(to),
            [&](OpBuilder &b, Location loc, ValueRange in) {
              IntegerEmitter emit(b, loc);
              Value d = emit.distance(in[0], input, type, width);
              Value s = emit.distance(in[1], slope, slopeType, width);
              Value zero = emit.constant(0, width);
              Value isHigh = arith::CmpIOp::create(
                  b, loc, arith::CmpIPredicate::sge, d, zero);
              auto select = [&](Value yes, Value no) -> Value {
                return arith::SelectOp::create(b, loc, isHigh, yes, no);
              };
              // One rounding, by the factor of the branch.
              if (high && low) {
                auto constant = [&](float value) -> Value {
                  return arith::ConstantOp::create(b, loc,
                                                   b.getF32FloatAttr(value));
                };
                Value acc = arith::MulIOp::create(
                    b, loc, d, select(emit.constant(1, width), s));
                return emit.truncate(
                    emit.requantizeFused(
                        acc, select(constant(*high), constant(*low)),
                        positive->zeroPoint, positive->bounds),
                    to);
              }
              // Each branch sees only the accumulators that its constants are
              // proven for.
              Value kept = arith::MaxSIOp::create(b, loc, d, zero);
              Value sloped = arith::MulIOp::create(
                  b, loc, arith::MinSIOp::create(b, loc, d, zero), s);
              return emit.truncate(select(emit.requantize(kept, *positive),
                                          emit.requantize(sloped, *negative)),
                                   to);
            }));
    return success();
  }
};

} // namespace

void q::populateElementwisePatterns(const TypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<ConvertRequantize<RequantizeOp>, ConvertRequantize<ClampOp>,
               ConvertUnary, ConvertAdd<AddOp>, ConvertAdd<SubOp>, ConvertMul,
               ConvertDiv, ConvertPRelu, ConvertExtremum<MaxOp, /*isMax=*/true>,
               ConvertExtremum<MinOp, /*isMax=*/false>>(converter,
                                                        patterns.getContext());
}
