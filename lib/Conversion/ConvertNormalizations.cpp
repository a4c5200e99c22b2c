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

namespace {

/// What is normalized, and what the result is stored as.
struct Normalization {
  QuantParams from;
  quant::QuantizedType type, to;
  int32_t zeroPoint;
  IntegerBounds bounds;

  static FailureOr<Normalization> get(Operation *op) {
    Value input = op->getOperand(0), output = op->getResult(0);
    FailureOr<QuantParams> from = getTensorParams(op, input);
    FailureOr<QuantParams> to = getTensorParams(op, output);
    FailureOr<IntegerBounds> bounds = getResultBounds(op);
    if (failed(from) || failed(to) || failed(bounds))
      return failure();
    return Normalization{*from, getQuantizedType(input),
                         getQuantizedType(output),
                         static_cast<int32_t>(to->zeroPoint), *bounds};
  }

  /// The distance of an element from the zero point.
  Value distance(IntegerEmitter &emit, Value element,
                 unsigned width = 32) const {
    return emit.distance(element, from, type, width);
  }
  /// The storage value of an element in units of the result's scale.
  Value store(IntegerEmitter &emit, Value rounded, bool isSmall) const {
    return emit.truncate(emit.finish(rounded, zeroPoint, bounds, isSmall), to);
  }
};

} // namespace

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

/// exp of the distance of `q` from the row's maximum, as an i64. The table is
/// read from its end, so that the place of an entry is `q` and something that
/// is the same in all of a row: no arithmetic for an address.
static Value emitExponential(OpBuilder &b, Location loc, Value q, Value max,
                             Value table, quant::QuantizedType type) {
  auto toIndex = [&](Value value) -> Value {
    if (type.isSigned())
      return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
    return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), value);
  };
  int64_t entries = cast<RankedTensorType>(table.getType()).getDimSize(0);
  Value last = arith::ConstantIndexOp::create(b, loc, entries - 1);
  Value zero = arith::SubIOp::create(b, loc, last, toIndex(max));
  Value index = arith::AddIOp::create(b, loc, zero, toIndex(q));
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
  SmallVector<int64_t> entries(params->table.rbegin(), params->table.rend());
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
  // At most 2^31: an unsigned i32, which takes one multiplication.
  Value reciprocal = makeElementwise(
      rewriter, loc, {sum}, rewriter.getI32Type(),
      [&](OpBuilder &b, Location at, ValueRange in) {
        IntegerEmitter emit(b, at);
        Value half = arith::ShRUIOp::create(b, at, in[0], emit.constant(1, 64));
        return emit.resize(arith::DivUIOp::create(
                               b, at, emit.add(half, int64_t(1) << 62), in[0]),
                           32);
      });
  Value result = makeElementwise(
      rewriter, loc, from.getShape(), getStorageInteger(to),
      {input, max, reciprocal}, {identity, row, row},
      [&](OpBuilder &b, Location at, ValueRange in) {
        IntegerEmitter emit(b, at);
        Value e = emitExponential(b, at, in[0], in[1], table, type);
        Value r = arith::ExtUIOp::create(b, at, b.getI64Type(), in[2]);
        Value product = emit.add(arith::MulIOp::create(b, at, e, r),
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

/// |x| rounded by `round` to less than 2^31, with the sign of x, as an i32.
static Value emitBySign(OpBuilder &b, Location loc, Value x,
                        function_ref<Value(Value)> round) {
  IntegerEmitter emit(b, loc);
  Value isNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x,
                                           emit.constant(0, x));
  Value rounded = emit.resize(round(math::AbsIOp::create(b, loc, x)), 32);
  Value negated = arith::SubIOp::create(b, loc, emit.constant(0, 32), rounded);
  return arith::SelectOp::create(b, loc, isNegative, negated, rounded);
}

/// The rounded result of layer normalization for c_i, by magnitudes and signs:
/// multiplications of 32 bits and shifts that AVX2 has. `in` are the inputs of
/// the elementwise op below.
static Value emitNarrowLayerNorm(OpBuilder &b, Location loc, Value centred,
                                 ValueRange in,
                                 const numerics::LayerNormParams &params) {
  IntegerEmitter emit(b, loc);
  Type wide = b.getI64Type();
  Value normalized = emitBySign(b, loc, centred, [&](Value magnitude) -> Value {
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
  return emitBySign(b, loc, scaled, [&](Value magnitude) -> Value {
    Value sum = emit.add(magnitude, int64_t(1) << (params.shift - 1));
    return arith::ShRUIOp::create(b, loc, sum, emit.constant(params.shift, 64));
  });
}

LogicalResult
ConvertLayerNorm::matchAndRewrite(LayerNormOp op, OpAdaptor adaptor,
                                  ConversionPatternRewriter &rewriter) const {
  FailureOr<numerics::LayerNormParams> params = getLayerNormParams(op);
  FailureOr<Normalization> how = Normalization::get(op);
  if (failed(params) || failed(how))
    return failure();
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  ArrayRef<int64_t> shape = getTensorType(input).getShape();
  int64_t rank = shape.size(), axis = op.getAxis();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq(axis, rank));
  SmallVector<int64_t> rows = getKeptShape(shape, axes);
  AffineMap identity = rewriter.getMultiDimIdentityMap(rank);
  AffineMap row = getKeptMap(getContext(), rank, axes);
  SmallVector<int64_t> outer = llvm::to_vector(llvm::seq<int64_t>(0, axis));
  AffineMap place = getKeptMap(getContext(), rank, outer);

  // 32 bits where sums fit; wider ones take twice the time.
  IntRange distances = getDistanceRange(how->from);
  IntRange all{0, params->n};
  unsigned sumWidth = (distances * all).fits(31) ? 32 : 64;
  unsigned squareWidth = (distances * distances * all).fits(32) ? 32 : 64;
  auto accumulate = [&](unsigned width, ElementBody term) {
    return makeAxisReduction(
        rewriter, loc, {input}, {identity},
        makeFilled(rewriter, loc, rows, width, 0), axes,
        [&](OpBuilder &b, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(b, at);
          Value d = how->distance(emit, in[0], width);
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
          rewriter, loc, shape, getStorageInteger(how->to),
          {input, sum, reciprocal, shift, gain, offset},
          {identity, row, row, row, place, place},
          [&](OpBuilder &b, Location at, ValueRange in) {
            IntegerEmitter emit(b, at);
            Value d = how->distance(emit, in[0], sumWidth);
            Value centred = arith::SubIOp::create(
                b, at, emit.multiply(d, params->n), in[1]);
            auto finish = [&](Value rounded) {
              return how->store(emit, rounded, isNarrow);
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

/// The table of Numerics/Lrn.h with an entry a segment: where it begins, and in
/// the low half how far it falls.
static Value makeLrnTable(OpBuilder &b, Location loc,
                          const numerics::LrnParams &params) {
  SmallVector<int64_t> entries;
  for (auto [left, right] :
       llvm::zip(params.table, llvm::drop_begin(params.table)))
    entries.push_back((int64_t(left) << 32) | (left - right));
  return makeConstant(b, loc, {static_cast<int64_t>(entries.size())}, entries,
                      64);
}

/// How many octaves u, an i64, lies above the first of the table.
static Value emitLrnOctave(OpBuilder &b, Location loc, Value u,
                           const numerics::LrnParams &params) {
  IntegerEmitter emit(b, loc);
  constexpr int64_t mostCompared = 6;
  int64_t octaves = params.table.size() / 64, least = params.minExponent;
  if (octaves > mostCompared) {
    Value zeros = math::CountLeadingZerosOp::create(b, loc, u);
    return arith::SubIOp::create(b, loc, emit.constant(63 - least, 64), zeros);
  }
  Value octave = emit.constant(0, 64);
  for (int64_t next = 1; next < octaves; ++next) {
    Value bound = emit.constant(int64_t(1) << (least + next), 64);
    Value isAbove =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, u, bound);
    octave = arith::AddIOp::create(
        b, loc, octave,
        arith::ExtUIOp::create(b, loc, b.getI64Type(), isAbove));
  }
  return octave;
}

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
  Value atLeastOne = arith::MaxSIOp::create(b, loc, sumOfSquares,
                                            emit.constant(1, sumOfSquares));
  Value u =
      emit.add(arith::ShLIOp::create(b, loc, emit.resize(atLeastOne, 64),
                                     emit.constant(params.inputShift, 64)),
               static_cast<int64_t>(params.offset));
  Value octave = emitLrnOctave(b, loc, u, params);
  Value up = arith::SubIOp::create(
      b, loc, emit.constant(63 - int64_t(params.minExponent), 64), octave);
  // The leading bit, six bits of the segment and 25 of the place in it.
  Value place = shiftRight(arith::ShLIOp::create(b, loc, u, up), 32);
  Value segment =
      emit.add(arith::AddIOp::create(b, loc, emit.multiply(octave, 64),
                                     shiftRight(place, 25)),
               -64);
  Value index = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), segment);
  Value entry = tensor::ExtractOp::create(b, loc, table, index);
  Value drop = shiftRight(
      arith::MulIOp::create(b, loc, mask(entry, 32), mask(place, 25)), 25);
  return arith::SubIOp::create(b, loc, shiftRight(entry, 32), drop);
}

/// For each place in the window, the elements that stand there, as views of the
/// input between channels that hold the zero point, whose square of the
/// distance is 0. Gives the number of the view of the elements themselves.
static int64_t makeLrnViews(OpBuilder &b, Location loc, Value input,
                            int64_t size, int64_t zeroPoint,
                            SmallVectorImpl<Value> &views) {
  ArrayRef<int64_t> shape = getTensorType(input).getShape();
  SmallVector<int64_t> low(shape.size(), 0), high(shape.size(), 0);
  // Beyond all channels there is nothing but such.
  low.back() = std::min((size - 1) / 2, shape.back() - 1);
  high.back() = std::min(size / 2, shape.back() - 1);
  Value padded = makePadded(b, loc, input, low, high, zeroPoint);
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
  for (int64_t at = 0; at <= low.back() + high.back(); ++at) {
    offsets.back() = b.getIndexAttr(at);
    views.push_back(tensor::ExtractSliceOp::create(
        b, loc, padded, offsets, getAsIndexOpFoldResult(b.getContext(), shape),
        strides));
  }
  return low.back();
}

namespace {

struct ConvertLrn : OpConversionPattern<LrnOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(LrnOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<numerics::LrnParams> params = getLrnParams(op);
    FailureOr<Normalization> how = Normalization::get(op);
    if (failed(params) || failed(how))
      return failure();
    Location loc = op.getLoc();
    SmallVector<Value> views;
    int64_t own = makeLrnViews(rewriter, loc, adaptor.getInput(), op.getSize(),
                               how->from.zeroPoint, views);
    Value table = makeLrnTable(rewriter, loc, *params);
    IntRange distances = getDistanceRange(how->from);
    IntRange count{0, static_cast<int64_t>(views.size())};
    unsigned width = (distances * distances * count).fits(32) ? 32 : 64;
    rewriter.replaceOp(
        op, makeElementwise(
                rewriter, loc, views, getStorageInteger(how->to),
                [&](OpBuilder &b, Location at, ValueRange in) {
                  IntegerEmitter emit(b, at);
                  Value sum;
                  for (Value next : in) {
                    Value d = how->distance(emit, next, width);
                    Value square = arith::MulIOp::create(b, at, d, d);
                    sum = sum ? arith::AddIOp::create(b, at, sum, square)
                              : square;
                  }
                  Value gain = emitLrnGain(b, at, sum, table, *params);
                  // makeLrn() leaves less than 2^25 of the product.
                  Value rounded = emitBySign(
                      b, at, how->distance(emit, in[own]),
                      [&](Value magnitude) -> Value {
                        Value scaled = arith::MulIOp::create(
                            b, at,
                            arith::ExtUIOp::create(b, at, b.getI64Type(),
                                                   magnitude),
                            gain);
                        return arith::ShRUIOp::create(
                            b, at,
                            emit.add(scaled, int64_t(1)
                                                 << (params->outputShift - 1)),
                            emit.constant(params->outputShift, 64));
                      });
                  return how->store(emit, rounded, /*isSmall=*/true);
                }));
    return success();
  }
};

} // namespace

void q::populateNormalizationPatterns(const TypeConverter &converter,
                                      RewritePatternSet &patterns) {
  patterns.add<ConvertSoftmax, ConvertLayerNorm, ConvertLrn>(
      converter, patterns.getContext());
}
