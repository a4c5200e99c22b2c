//===- ConvertReductions.cpp - Pools and reductions -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules N13 and N14 for ops that combine elements. Loops run in the order of
// the input's memory, so that the innermost one meets neighbours.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <map>

using namespace mlir;
using namespace q;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Shared pieces
//===----------------------------------------------------------------------===//

/// What sums of up to `count` distances can be (rule N8).
static FailureOr<IntRange> getSumRange(Operation *op, const QuantParams &input,
                                       int64_t count) {
  IntRange range = getDistanceRange(input) * IntRange{0, count};
  if (failed(checkAccumulators(op, range)))
    return failure();
  return range;
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// Combines the elements of every window of an already padded image. The loops
/// are n, y, x, ky, kx, c.
template <typename PoolOp>
static Value makeWindowReduction(OpBuilder &b, PoolOp op, Value image,
                                 Value init, ElementBody body) {
  MLIRContext *context = b.getContext();
  AffineExpr n, y, x, ky, kx, c;
  bindDims(context, n, y, x, ky, kx, c);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(6, 0, results, context);
  };
  // The window's extents come from a tensor that nobody reads.
  Value window = makeEmpty(b, op.getLoc(), op.getKernel(), b.getI8Type());
  return makeReduction(
      b, op.getLoc(), {image, window}, init,
      {map({n, y * op.getStrides()[0] + ky * op.getDilations()[0],
            x * op.getStrides()[1] + kx * op.getDilations()[1], c}),
       map({ky, kx}), map({n, y, x, c})},
      [&](OpBuilder &nested, Location loc, ValueRange in) {
        return body(nested, loc, {in[0], in[2]});
      });
}

/// The image with the pool's border around it.
template <typename PoolOp>
static Value makePooledImage(OpBuilder &b, PoolOp op, Value input,
                             int64_t fill) {
  ArrayRef<int64_t> pads = op.getPads();
  return makePadded(b, op.getLoc(), input, {0, pads[0], pads[1], 0},
                    {0, pads[2], pads[3], 0}, fill);
}

namespace {

struct ConvertMaxPool : OpConversionPattern<MaxPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(MaxPool2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
    if (failed(params))
      return failure();
    quant::QuantizedType type = getQuantizedType(op.getOutput());
    // The lowest value never wins against an element of the image.
    Value image =
        makePooledImage(rewriter, op, adaptor.getInput(), params->qmin);
    Value init =
        makeFilled(rewriter, op.getLoc(),
                   cast<RankedTensorType>(op.getOutput().getType()).getShape(),
                   getStorageInteger(type).getWidth(), params->qmin);
    rewriter.replaceOp(
        op, makeWindowReduction(rewriter, op, image, init,
                                [&](OpBuilder &b, Location loc, ValueRange in) {
                                  return IntegerEmitter(b, loc).extremum(
                                      in[0], in[1], /*isMax=*/true, type);
                                }));
    return success();
  }
};

/// Rule N14. Padding holds the zero point, whose distance is 0; positions near
/// the border may have fewer elements and so another multiplier.
struct ConvertAvgPool : OpConversionPattern<AvgPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(AvgPool2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;

private:
  Value requantizeByPosition(
      OpBuilder &b, AvgPool2DOp op, Value sums, const Requantization &how,
      const std::map<int64_t, numerics::Multiplier> &multipliers) const;
};

} // namespace

LogicalResult
ConvertAvgPool::matchAndRewrite(AvgPool2DOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  if (failed(input))
    return failure();
  FailureOr<IntRange> range =
      getSumRange(op, *input, op.getKernel()[0] * op.getKernel()[1]);
  if (failed(range))
    return failure();
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  std::map<int64_t, numerics::Multiplier> multipliers;
  for (int64_t y = 0; y < output.getDimSize(1); ++y)
    for (int64_t x = 0; x < output.getDimSize(2); ++x) {
      int64_t count = getAverageCount(op, y, x);
      if (multipliers.count(count))
        continue;
      FailureOr<numerics::Multiplier> multiplier = getMultiplier(op, count);
      if (failed(multiplier))
        return failure();
      multipliers.insert({count, *multiplier});
    }
  if (multipliers.empty())
    return op.emitOpError("has an empty result");
  FailureOr<Requantization> how =
      getRequantization(op, multipliers.begin()->second, *range);
  if (failed(how))
    return failure();

  Location loc = op.getLoc();
  quant::QuantizedType from = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  Value image =
      makePooledImage(rewriter, op, adaptor.getInput(), input->zeroPoint);
  unsigned width = range->fits(32) ? 32 : 64;
  Value sums = makeWindowReduction(
      rewriter, op, image,
      makeFilled(rewriter, loc, output.getShape(), width, 0),
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        IntegerEmitter emit(b, at);
        return arith::AddIOp::create(
            b, at, emit.distance(in[0], *input, from, width), in[1]);
      });
  if (multipliers.size() > 1) {
    rewriter.replaceOp(
        op, requantizeByPosition(rewriter, op, sums, *how, multipliers));
    return success();
  }
  rewriter.replaceOp(
      op, makeElementwise(rewriter, loc, {sums}, getStorageInteger(to),
                          [&](OpBuilder &b, Location at, ValueRange in) {
                            IntegerEmitter emit(b, at);
                            return emit.truncate(emit.requantize(in[0], *how),
                                                 to);
                          }));
  return success();
}

Value ConvertAvgPool::requantizeByPosition(
    OpBuilder &b, AvgPool2DOp op, Value sums, const Requantization &how,
    const std::map<int64_t, numerics::Multiplier> &multipliers) const {
  Location loc = op.getLoc();
  ArrayRef<int64_t> shape = getTensorType(sums).getShape();
  SmallVector<int64_t> m0s, shifts;
  bool meetsTies = false;
  for (int64_t y = 0; y < shape[1]; ++y)
    for (int64_t x = 0; x < shape[2]; ++x) {
      numerics::Multiplier multiplier =
          multipliers.at(getAverageCount(op, y, x));
      m0s.push_back(multiplier.m0);
      shifts.push_back(how.rounding == numerics::Rounding::Gemmlowp
                           ? multiplier.shift
                           : multiplier.totalShift());
      meetsTies |= !numerics::addHalfIsExact(multiplier, how.range.lo,
                                             how.range.hi, how.rounding);
    }
  AffineExpr n, y, x, c;
  bindDims(b.getContext(), n, y, x, c);
  AffineMap position = AffineMap::get(4, 0, {y, x}, b.getContext());
  Value m0 = makeConstant(b, loc, {shape[1], shape[2]}, m0s, 32);
  Value shift = makeConstant(b, loc, {shape[1], shape[2]}, shifts, 32);
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  return makeElementwise(
      b, loc, shape, getStorageInteger(to), {sums, m0, shift},
      {b.getMultiDimIdentityMap(4), position, position},
      [&](OpBuilder &nested, Location at, ValueRange in) {
        IntegerEmitter emit(nested, at);
        return emit.truncate(emit.requantize(in[0], in[1], in[2], how.rounding,
                                             meetsTies, how.zeroPoint,
                                             how.bounds),
                             to);
      });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {

struct ConvertReduce : OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ReduceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Value> result =
        op.getKind() == ReduceKind::Max || op.getKind() == ReduceKind::Min
            ? makeExtremum(rewriter, op, adaptor.getInput())
            : makeSum(rewriter, op, adaptor.getInput());
    if (failed(result))
      return failure();
    rewriter.replaceOp(
        op, makeReshaped(
                rewriter, op.getLoc(), *result,
                cast<RankedTensorType>(op.getOutput().getType()).getShape()));
    return success();
  }

private:
  FailureOr<Value> makeExtremum(OpBuilder &b, ReduceOp op, Value input) const {
    FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
    if (failed(params))
      return failure();
    bool isMax = op.getKind() == ReduceKind::Max;
    quant::QuantizedType type = getQuantizedType(op.getOutput());
    RankedTensorType from = getTensorType(input);
    Value init =
        makeFilled(b, op.getLoc(), getKeptShape(from.getShape(), op.getAxes()),
                   getStorageInteger(type).getWidth(),
                   isMax ? params->qmin : params->qmax);
    return makeAxisReduction(
        b, op.getLoc(), {input}, {b.getMultiDimIdentityMap(from.getRank())},
        init, op.getAxes(), [&](OpBuilder &nested, Location at, ValueRange in) {
          return IntegerEmitter(nested, at).extremum(in[0], in[1], isMax, type);
        });
  }

  FailureOr<Value> makeSum(OpBuilder &b, ReduceOp op, Value input) const {
    FailureOr<QuantParams> params = getTensorParams(op, op.getInput());
    if (failed(params))
      return failure();
    RankedTensorType from = getTensorType(input);
    int64_t count = 1;
    for (int64_t axis : op.getAxes())
      count *= from.getDimSize(axis);
    FailureOr<IntRange> range = getSumRange(op, *params, count);
    if (failed(range))
      return failure();
    FailureOr<Requantization> how =
        getRequantization(op, getMultiplier(op), *range);
    if (failed(how))
      return failure();
    Location loc = op.getLoc();
    quant::QuantizedType type = getQuantizedType(op.getInput());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    unsigned width = range->fits(32) ? 32 : 64;
    Value init = makeFilled(b, loc, getKeptShape(from.getShape(), op.getAxes()),
                            width, 0);
    Value sums = makeAxisReduction(
        b, loc, {input}, {b.getMultiDimIdentityMap(from.getRank())}, init,
        op.getAxes(),
        [&](OpBuilder &nested, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(nested, at);
          return arith::AddIOp::create(
              nested, at, emit.distance(in[0], *params, type, width), in[1]);
        });
    return makeElementwise(b, loc, {sums}, getStorageInteger(to),
                           [&](OpBuilder &nested, Location at, ValueRange in) {
                             IntegerEmitter emit(nested, at);
                             return emit.truncate(emit.requantize(in[0], *how),
                                                  to);
                           });
  }
};

} // namespace

void q::populateReductionPatterns(const TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<ConvertMaxPool, ConvertAvgPool, ConvertReduce>(
      converter, patterns.getContext());
}
