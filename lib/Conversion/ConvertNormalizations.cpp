//===- ConvertNormalizations.cpp - Softmax, layer norm, LRN ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rule N15 for ops that scale elements by a function of their neighbours, step
// by step as the headers of lib/Numerics define them.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace q;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

namespace {

/// Numerics/Softmax.h: the maximum, the sum and its reciprocal of each row.
struct ConvertSoftmax : OpConversionPattern<SoftmaxOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(SoftmaxOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};

} // namespace

/// exp of the distance of `q` from the row's maximum, as an i64.
static Value emitExponential(OpBuilder &b, Location loc, Value q, Value max,
                             Value table, quant::QuantizedType type) {
  IntegerEmitter emit(b, loc);
  Value distance = arith::SubIOp::create(b, loc, emit.extend(max, type),
                                         emit.extend(q, type));
  Value index =
      arith::IndexCastUIOp::create(b, loc, b.getIndexType(), distance);
  Value entry = tensor::ExtractOp::create(b, loc, table, index);
  return arith::ExtUIOp::create(b, loc, b.getI64Type(), entry);
}

LogicalResult
ConvertSoftmax::matchAndRewrite(SoftmaxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const {
  FailureOr<numerics::SoftmaxParams> params = getSoftmaxParams(op);
  if (failed(params))
    return failure();
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  RankedTensorType from = getTensorType(input);
  quant::QuantizedType type = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  SmallVector<int64_t> axes{static_cast<int64_t>(op.getAxis())};
  SmallVector<int64_t> rows = getKeptShape(from.getShape(), axes);
  AffineMap identity = rewriter.getMultiDimIdentityMap(from.getRank());
  AffineMap row = getKeptMap(getContext(), from.getRank(), axes);
  SmallVector<int64_t> entries(params->table.begin(), params->table.end());
  Value table = makeConstant(
      rewriter, loc, {static_cast<int64_t>(entries.size())}, entries, 32);

  Value max = makeAxisReduction(
      rewriter, loc, {input}, {identity},
      makeFilled(rewriter, loc, rows, getStorageInteger(type).getWidth(),
                 type.getStorageTypeMin()),
      axes, [&](OpBuilder &b, Location at, ValueRange in) {
        return IntegerEmitter(b, at).extremum(in[0], in[1], /*isMax=*/true,
                                              type);
      });
  Value sum = makeAxisReduction(
      rewriter, loc, {input, max}, {identity, row},
      makeFilled(rewriter, loc, rows, 64, 0), axes,
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        return arith::AddIOp::create(
            b, at, emitExponential(b, at, in[0], in[1], table, type), in[2]);
      });
  Value reciprocal = makeElementwise(
      rewriter, loc, {sum}, rewriter.getI64Type(),
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        IntegerEmitter emit(b, at);
        Value half = arith::ShRUIOp::create(b, at, in[0], emit.constant(1, 64));
        return arith::DivUIOp::create(b, at, emit.add(half, int64_t(1) << 62),
                                      in[0]);
      });
  Value result = makeElementwise(
      rewriter, loc, from.getShape(), getStorageInteger(to),
      {input, max, reciprocal}, {identity, row, row},
      [&](OpBuilder &b, Location at, ValueRange in) {
        IntegerEmitter emit(b, at);
        Value e = emitExponential(b, at, in[0], in[1], table, type);
        Value product = emit.add(arith::MulIOp::create(b, at, e, in[2]),
                                 int64_t(1) << (params->shift() - 1));
        Value y = arith::ShRUIOp::create(b, at, product,
                                         emit.constant(params->shift(), 64));
        y = arith::MinUIOp::create(b, at, y,
                                   emit.constant(params->maxOutput(), 64));
        return emit.truncate(emit.add(y, params->outZeroPoint), to);
      });
  rewriter.replaceOp(op, result);
  return success();
}

//===----------------------------------------------------------------------===//
// Layer normalization
//===----------------------------------------------------------------------===//

/// floor(sqrt(value)) of an i64, bit by bit from 2^31 down.
static Value emitIntegerSqrt(OpBuilder &b, Location loc, Value value) {
  IntegerEmitter emit(b, loc);
  auto index = [&](int64_t i) -> Value {
    return arith::ConstantIndexOp::create(b, loc, i);
  };
  Value first = emit.constant(int64_t(1) << 31, 64);
  auto loop = scf::ForOp::create(
      b, loc, index(0), index(32), index(1),
      ValueRange{emit.constant(0, 64), first},
      [&](OpBuilder &nested, Location at, Value, ValueRange carried) {
        Value root = carried[0], bit = carried[1];
        Value larger = arith::OrIOp::create(nested, at, root, bit);
        Value square = arith::MulIOp::create(nested, at, larger, larger);
        Value fits = arith::CmpIOp::create(
            nested, at, arith::CmpIPredicate::ule, square, value);
        Value next = arith::SelectOp::create(nested, at, fits, larger, root);
        Value one = IntegerEmitter(nested, at).constant(1, 64);
        Value half = arith::ShRUIOp::create(nested, at, bit, one);
        scf::YieldOp::create(nested, at, ValueRange{next, half});
      });
  return loop.getResult(0);
}

/// The even left shift that brings an i64 in [1, 2^62) into [2^60, 2^62).
static Value emitEvenShift(OpBuilder &b, Location loc, Value value) {
  IntegerEmitter emit(b, loc);
  Value zeros = math::CountLeadingZerosOp::create(b, loc, value);
  return arith::AndIOp::create(b, loc, emit.add(zeros, -2),
                               emit.constant(~int64_t(1), 64));
}

namespace {

/// Numerics/LayerNorm.h: two sums a row, then a square root and a division a
/// row, then one element at a time.
struct ConvertLayerNorm : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(LayerNormOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};

} // namespace

/// Whether t_i and the rounded results fit 31 bits: |t_i| is at most sqrt(n)
/// with 20 binary places, and then some for rounding.
static bool hasNarrowResults(const numerics::LayerNormParams &params) {
  double root = std::sqrt(static_cast<double>(params.n)) + 1;
  double largestGain = 0, largestOffset = 0;
  for (int32_t gain : params.gain)
    largestGain = std::max(largestGain, std::abs(static_cast<double>(gain)));
  for (int64_t offset : params.offset)
    largestOffset =
        std::max(largestOffset, std::abs(static_cast<double>(offset)));
  double scaled = root * 0x1p20 * largestGain + largestOffset;
  return root < 0x1p10 && scaled < 0x1p62 &&
         std::ldexp(scaled, -static_cast<int>(params.shift)) < 0x1p29;
}

/// The rounded result of layer normalization for c_i, by magnitudes and signs:
/// multiplications of 32 bits and shifts that AVX2 has. `in` are the inputs of
/// the elementwise op below.
static Value emitNarrowLayerNorm(OpBuilder &b, Location loc, Value centred,
                                 ValueRange in,
                                 const numerics::LayerNormParams &params) {
  IntegerEmitter emit(b, loc);
  Type wide = b.getI64Type();
  // The value of |x| rounded by `round`, and the sign of x.
  auto bySign = [&](Value x, function_ref<Value(Value)> round) -> Value {
    Value isNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                             x, emit.constant(0, x));
    Value rounded = emit.resize(round(math::AbsIOp::create(b, loc, x)), 32);
    Value negated =
        arith::SubIOp::create(b, loc, emit.constant(0, 32), rounded);
    return arith::SelectOp::create(b, loc, isNegative, negated, rounded);
  };
  Value normalized = bySign(centred, [&](Value magnitude) -> Value {
    Value product = arith::MulIOp::create(
        b, loc, arith::ExtUIOp::create(b, loc, wide, magnitude),
        arith::ExtUIOp::create(b, loc, wide, in[2]));
    Value half = arith::ShLIOp::create(b, loc, emit.constant(1, 64),
                                       emit.add(in[3], -1));
    return arith::ShRUIOp::create(
        b, loc, arith::AddIOp::create(b, loc, product, half), in[3]);
  });
  Value scaled = arith::AddIOp::create(
      b, loc,
      arith::MulIOp::create(b, loc, emit.resize(normalized, 64),
                            emit.resize(in[4], 64)),
      in[5]);
  return bySign(scaled, [&](Value magnitude) -> Value {
    Value sum = emit.add(magnitude, int64_t(1) << (params.shift - 1));
    return arith::ShRUIOp::create(b, loc, sum, emit.constant(params.shift, 64));
  });
}

LogicalResult
ConvertLayerNorm::matchAndRewrite(LayerNormOp op, OpAdaptor adaptor,
                                  ConversionPatternRewriter &rewriter) const {
  FailureOr<numerics::LayerNormParams> params = getLayerNormParams(op);
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(params) || failed(bounds))
    return failure();
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  ArrayRef<int64_t> shape = getTensorType(input).getShape();
  int64_t rank = shape.size(), axis = op.getAxis();
  QuantParams from = *getTensorParams(op, op.getInput());
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  quant::QuantizedType type = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq(axis, rank));
  SmallVector<int64_t> rows = getKeptShape(shape, axes);
  AffineMap identity = rewriter.getMultiDimIdentityMap(rank);
  AffineMap row = getKeptMap(getContext(), rank, axes);
  SmallVector<int64_t> outer = llvm::to_vector(llvm::seq<int64_t>(0, axis));
  AffineMap place = getKeptMap(getContext(), rank, outer);

  // 32 bits where sums fit; wider ones take twice the time.
  IntRange distances = getDistanceRange(from);
  IntRange all{0, params->n};
  unsigned sumWidth = (distances * all).fits(31) ? 32 : 64;
  unsigned squareWidth = (distances * distances * all).fits(32) ? 32 : 64;
  auto accumulate = [&](unsigned width, ElementBody term) {
    return makeAxisReduction(
        rewriter, loc, {input}, {identity},
        makeFilled(rewriter, loc, rows, width, 0), axes,
        [&](OpBuilder &b, Location at, ValueRange in) -> Value {
          Value d = IntegerEmitter(b, at).distance(in[0], from, type, width);
          return arith::AddIOp::create(b, at, term(b, at, {d}), in[1]);
        });
  };
  Value sum = accumulate(
      sumWidth, [](OpBuilder &, Location, ValueRange in) { return in[0]; });
  Value squares = accumulate(
      squareWidth, [](OpBuilder &b, Location at, ValueRange in) -> Value {
        return arith::MulIOp::create(b, at, in[0], in[0]);
      });
  // n^2 times the variance, and the reciprocal of its root.
  Value spread = makeElementwise(
      rewriter, loc, {sum, squares}, rewriter.getI64Type(),
      [&](OpBuilder &b, Location at, ValueRange in) {
        IntegerEmitter emit(b, at);
        Value wide = emit.resize(in[0], 64);
        Value square = arith::MulIOp::create(b, at, wide, wide);
        Value scaled = emit.multiply(emit.resize(in[1], 64), params->n);
        return emit.add(arith::SubIOp::create(b, at, scaled, square),
                        static_cast<int64_t>(params->epsilon));
      });
  // At most 2^31: an unsigned i32.
  Value reciprocal = makeElementwise(
      rewriter, loc, {spread}, rewriter.getI32Type(),
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        IntegerEmitter emit(b, at);
        Value zero = emit.constant(0, 64);
        Value isZero =
            arith::CmpIOp::create(b, at, arith::CmpIPredicate::eq, in[0], zero);
        Value v = arith::MaxUIOp::create(b, at, in[0], emit.constant(1, 64));
        Value root = emitIntegerSqrt(
            b, at, arith::ShLIOp::create(b, at, v, emitEvenShift(b, at, v)));
        Value quotient = arith::DivUIOp::create(
            b, at, emit.constant(int64_t(1) << 61, 64), root);
        return emit.resize(
            arith::SelectOp::create(b, at, isZero, zero, quotient), 32);
      });
  Value shift = makeElementwise(
      rewriter, loc, {spread}, rewriter.getI64Type(),
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        IntegerEmitter emit(b, at);
        Value v = arith::MaxUIOp::create(b, at, in[0], emit.constant(1, 64));
        Value half = arith::ShRUIOp::create(b, at, emitEvenShift(b, at, v),
                                            emit.constant(1, 64));
        return arith::SubIOp::create(b, at, emit.constant(41, 64), half);
      });
  SmallVector<int64_t> gains(params->gain.begin(), params->gain.end());
  ArrayRef<int64_t> rowShape = shape.drop_front(axis);
  Value gain = makeConstant(rewriter, loc, rowShape, gains, 32);
  Value offset = makeConstant(rewriter, loc, rowShape, params->offset, 64);
  bool isNarrow = sumWidth == 32 && hasNarrowResults(*params);
  rewriter.replaceOp(
      op,
      makeElementwise(
          rewriter, loc, shape, getStorageInteger(to),
          {input, sum, reciprocal, shift, gain, offset},
          {identity, row, row, row, place, place},
          [&](OpBuilder &b, Location at, ValueRange in) {
            IntegerEmitter emit(b, at);
            Value d = emit.distance(in[0], from, type, sumWidth);
            Value centred = arith::SubIOp::create(
                b, at, emit.multiply(d, params->n), in[1]);
            auto finish = [&](Value rounded) {
              return emit.truncate(
                  emit.finish(rounded, zeroPoint, *bounds, isNarrow), to);
            };
            if (isNarrow)
              return finish(emitNarrowLayerNorm(b, at, centred, in, *params));
            Value factor = arith::ExtUIOp::create(b, at, b.getI64Type(), in[2]);
            Value normalized = emit.roundingShift(
                arith::MulIOp::create(b, at, emit.resize(centred, 64), factor),
                in[3], Ties::AwayFromZero);
            Value scaled = arith::AddIOp::create(
                b, at,
                arith::MulIOp::create(b, at, normalized,
                                      emit.resize(in[4], 64)),
                in[5]);
            return finish(
                emit.roundingShift(scaled, params->shift, Ties::AwayFromZero));
          }));
  return success();
}

//===----------------------------------------------------------------------===//
// Local response normalization
//===----------------------------------------------------------------------===//

/// The gain g of Numerics/Lrn.h for a sum of squares: a table of segments of
/// equal length within each octave, interpolated.
static Value emitLrnGain(OpBuilder &b, Location loc, Value sumOfSquares,
                         Value table, const numerics::LrnParams &params) {
  IntegerEmitter emit(b, loc);
  auto shiftRight = [&](Value value, int64_t shift) -> Value {
    return arith::ShRUIOp::create(b, loc, value, emit.constant(shift, 64));
  };
  auto mask = [&](Value value, int64_t bits) -> Value {
    return arith::AndIOp::create(b, loc, value,
                                 emit.constant((int64_t(1) << bits) - 1, 64));
  };
  Value atLeastOne =
      arith::MaxUIOp::create(b, loc, sumOfSquares, emit.constant(1, 64));
  Value u =
      emit.add(arith::ShLIOp::create(b, loc, atLeastOne,
                                     emit.constant(params.inputShift, 64)),
               static_cast<int64_t>(params.offset));
  Value zeros = math::CountLeadingZerosOp::create(b, loc, u);
  Value place = arith::ShLIOp::create(b, loc, u, zeros);
  // Octave 63 - zeros, 64 segments each.
  Value octave = arith::SubIOp::create(
      b, loc, emit.constant(63 - int64_t(params.minExponent), 64), zeros);
  Value segment = arith::AddIOp::create(b, loc, emit.multiply(octave, 64),
                                        mask(shiftRight(place, 57), 6));
  Value fraction = mask(shiftRight(place, 32), 25);
  auto entry = [&](int64_t next) -> Value {
    Value index = arith::IndexCastUIOp::create(b, loc, b.getIndexType(),
                                               emit.add(segment, next));
    Value found = tensor::ExtractOp::create(b, loc, table, index);
    return arith::ExtUIOp::create(b, loc, b.getI64Type(), found);
  };
  Value left = entry(0);
  Value slope = arith::SubIOp::create(b, loc, left, entry(1));
  Value drop = shiftRight(arith::MulIOp::create(b, loc, slope, fraction), 25);
  return arith::SubIOp::create(b, loc, left, drop);
}

namespace {

struct ConvertLrn : OpConversionPattern<LrnOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(LrnOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};

} // namespace

LogicalResult
ConvertLrn::matchAndRewrite(LrnOp op, OpAdaptor adaptor,
                            ConversionPatternRewriter &rewriter) const {
  FailureOr<numerics::LrnParams> params = getLrnParams(op);
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(params) || failed(bounds))
    return failure();
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  ArrayRef<int64_t> shape = getTensorType(input).getShape();
  int64_t rank = shape.size(), size = op.getSize();
  QuantParams from = *getTensorParams(op, op.getInput());
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  quant::QuantizedType type = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());

  // Channels outside hold the zero point, whose square of the distance is 0.
  SmallVector<int64_t> low(rank, 0), high(rank, 0);
  low.back() = (size - 1) / 2;
  high.back() = size - 1 - low.back();
  Value padded = makePadded(rewriter, loc, input, low, high, from.zeroPoint);
  // The loops are the result's dimensions and then the window, whose extent
  // comes from a tensor that nobody reads.
  Value window = makeEmpty(rewriter, loc, {size}, rewriter.getI8Type());
  SmallVector<AffineExpr> read;
  for (int64_t dim = 0; dim < rank; ++dim)
    read.push_back(rewriter.getAffineDimExpr(dim));
  SmallVector<AffineExpr> written = read;
  AffineExpr offset = rewriter.getAffineDimExpr(rank);
  read.back() = read.back() + offset;
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(rank + 1, 0, results, getContext());
  };
  Value sums = makeReduction(
      rewriter, loc, {padded, window}, makeFilled(rewriter, loc, shape, 64, 0),
      {map(read), map(offset), map(written)},
      [&](OpBuilder &b, Location at, ValueRange in) -> Value {
        Value d = IntegerEmitter(b, at).distance(in[0], from, type, 64);
        Value square = arith::MulIOp::create(b, at, d, d);
        return arith::AddIOp::create(b, at, square, in[2]);
      });
  SmallVector<int64_t> entries(params->table.begin(), params->table.end());
  Value table = makeConstant(
      rewriter, loc, {static_cast<int64_t>(entries.size())}, entries, 32);
  rewriter.replaceOp(
      op,
      makeElementwise(rewriter, loc, {input, sums}, getStorageInteger(to),
                      [&](OpBuilder &b, Location at, ValueRange in) {
                        IntegerEmitter emit(b, at);
                        Value gain = emitLrnGain(b, at, in[1], table, *params);
                        Value d = emit.distance(in[0], from, type, 64);
                        Value scaled = arith::MulIOp::create(b, at, d, gain);
                        Value rounded = emit.roundingShift(
                            scaled, params->outputShift, Ties::AwayFromZero);
                        return emit.truncate(
                            emit.finish(rounded, zeroPoint, *bounds), to);
                      }));
  return success();
}

void q::populateNormalizationPatterns(const TypeConverter &converter,
                                      RewritePatternSet &patterns) {
  patterns.add<ConvertSoftmax, ConvertLayerNorm, ConvertLrn>(
      converter, patterns.getContext());
}
