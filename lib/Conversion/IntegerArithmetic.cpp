//===- IntegerArithmetic.cpp - Exact integer code for one element ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"

#include "QDialect/Numerics/FloatDivide.h"
#include "QDialect/Numerics/FloatRequantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace q;
using numerics::Multiplier;
using numerics::QuantParams;
using numerics::Rounding;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

IntRange IntRange::operator*(const IntRange &other) const {
  auto [least, most] =
      std::minmax({lo * other.lo, lo * other.hi, hi * other.lo, hi * other.hi});
  return {least, most};
}

IntRange q::getStorageRange(const QuantParams &params) {
  return {params.qmin, params.qmax};
}

IntRange q::getDistanceRange(const QuantParams &params) {
  return getStorageRange(params) - params.zeroPoint;
}

//===----------------------------------------------------------------------===//
// 32-bit forms of a requantization
//===----------------------------------------------------------------------===//

/// What the emitted code computes.
static int32_t evaluate(int64_t acc, const NarrowMultiplier &narrow,
                        const Requantization &how) {
  int64_t value = acc * narrow.factor;
  if (narrow.ties == Ties::ToEven) {
    value = numerics::evenShiftRight(value, narrow.shift);
  } else if (narrow.shift > 0) {
    value += int64_t(1) << (narrow.shift - 1);
    if (narrow.ties == Ties::AwayFromZero && acc < 0)
      --value;
    value >>= narrow.shift;
  }
  return static_cast<int32_t>(
      std::clamp<int64_t>(value + how.zeroPoint, how.bounds.lo, how.bounds.hi));
}

static bool isEqual(const NarrowMultiplier &narrow, const Requantization &how) {
  for (int64_t acc = how.range.lo; acc <= how.range.hi; ++acc)
    if (evaluate(acc, narrow, how) !=
        numerics::requantize(acc, how.multiplier, how.zeroPoint, how.bounds.lo,
                             how.bounds.hi, how.rounding))
      return false;
  return true;
}

std::optional<NarrowMultiplier>
q::findNarrowMultiplier(const Requantization &how) {
  constexpr int64_t mostTried = int64_t(1) << 18;
  if (how.range.hi - how.range.lo >= mostTried)
    return std::nullopt;
  double real = how.multiplier.toReal();
  int64_t largest = std::max<int64_t>(
      {std::abs(how.range.lo), std::abs(how.range.hi), int64_t(1)});
  constexpr int64_t limit = (int64_t(1) << 31) - 1;
  // A shift for which the products still fit: the largest such one is the most
  // precise. A power of two needs no more than its own shift.
  int longest = 30;
  if (how.multiplier.isPowerOfTwo())
    longest =
        std::clamp(static_cast<int>(how.multiplier.totalShift()) - 30, 0, 30);
  for (int shift = longest; shift >= 0; --shift) {
    double factor = std::round(std::ldexp(real, shift));
    int64_t half = shift == 0 ? 0 : int64_t(1) << (shift - 1);
    if (!(factor * static_cast<double>(largest) + static_cast<double>(half) <
          static_cast<double>(limit)) ||
        factor < 1)
      continue;
    for (int64_t nudge : {0, 1, -1}) {
      int64_t nudged = static_cast<int64_t>(factor) + nudge;
      if (nudged < 1 || nudged * largest + half > limit)
        continue;
      for (Ties ties : {Ties::Up, Ties::AwayFromZero, Ties::ToEven}) {
        NarrowMultiplier narrow{static_cast<int32_t>(nudged),
                                static_cast<unsigned>(shift), ties};
        if (isEqual(narrow, how))
          return narrow;
      }
    }
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<float> q::findFusedFactor(const Requantization &how) {
  if (!how.range.fits(32))
    return std::nullopt;
  return numerics::findFusedMultiplier(
      how.multiplier, static_cast<int32_t>(how.range.lo),
      static_cast<int32_t>(how.range.hi), /*offset=*/0, how.zeroPoint,
      how.bounds.lo, how.bounds.hi, how.rounding);
}

bool q::hasNegativeTie(const numerics::AddParams &params, IntRange d1,
                       IntRange d2) {
  constexpr int64_t mostTried = 1024;
  if (params.shift == 0)
    return false;
  if (d1.hi - d1.lo > mostTried || d2.hi - d2.lo > mostTried)
    return true;
  int64_t half = int64_t(1) << (params.shift - 1);
  for (int64_t x = d1.lo; x <= d1.hi; ++x)
    for (int64_t y = d2.lo; y <= d2.hi; ++y) {
      int64_t sum = x * params.k1 + y * params.k2;
      if (sum < 0 && (sum & (2 * half - 1)) == half)
        return true;
    }
  return false;
}

LogicalResult q::checkAccumulators(Operation *op, IntRange range) {
  FailureOr<Rounding> rounding = getRounding(op);
  if (failed(rounding))
    return failure();
  if (range.fits(32) || *rounding != Rounding::Gemmlowp)
    return success();
  return op->emitOpError("may accumulate ")
         << range.lo << " to " << range.hi
         << ", which gemmlowp's int32 does not hold (rule N8); use the "
            "rounding "
            "mode single, or quantize its input to fewer bits";
}

//===----------------------------------------------------------------------===//
// Basic operations
//===----------------------------------------------------------------------===//

static unsigned getWidth(Value value) {
  return value.getType().getIntOrFloatBitWidth();
}

Value IntegerEmitter::constant(int64_t value, unsigned width) {
  return arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(b.getIntegerType(width), value));
}

Value IntegerEmitter::constant(int64_t value, Value like) {
  return constant(value, getWidth(like));
}

Value IntegerEmitter::extend(Value storage, quant::QuantizedType type,
                             unsigned width) {
  if (getWidth(storage) >= width)
    return storage;
  Type wide = b.getIntegerType(width);
  if (type.isSigned())
    return arith::ExtSIOp::create(b, loc, wide, storage);
  return arith::ExtUIOp::create(b, loc, wide, storage);
}

Value IntegerEmitter::distance(Value storage, const QuantParams &params,
                               quant::QuantizedType type, unsigned width) {
  return add(extend(storage, type, width), -params.zeroPoint);
}

Value IntegerEmitter::truncate(Value value, quant::QuantizedType type) {
  unsigned held = type.getStorageTypeIntegralWidth() <= 8    ? 8
                  : type.getStorageTypeIntegralWidth() <= 16 ? 16
                                                             : 32;
  return resize(value, held);
}

Value IntegerEmitter::resize(Value value, unsigned width) {
  unsigned from = getWidth(value);
  if (from < width)
    return arith::ExtSIOp::create(b, loc, b.getIntegerType(width), value);
  if (from > width)
    return arith::TruncIOp::create(b, loc, b.getIntegerType(width), value);
  return value;
}

Value IntegerEmitter::add(Value value, int64_t summand) {
  if (summand == 0)
    return value;
  return arith::AddIOp::create(b, loc, value, constant(summand, value));
}

Value IntegerEmitter::multiply(Value value, int64_t factor) {
  if (factor == 1)
    return value;
  return arith::MulIOp::create(b, loc, value, constant(factor, value));
}

Value IntegerEmitter::clamp(Value value, int64_t lo, int64_t hi) {
  value = arith::MaxSIOp::create(b, loc, value, constant(lo, value));
  return arith::MinSIOp::create(b, loc, value, constant(hi, value));
}

Value IntegerEmitter::roundingShift(Value value, unsigned shift, Ties ties) {
  if (shift == 0)
    return value;
  int64_t half = int64_t(1) << (shift - 1);
  Value sum = add(value, ties == Ties::ToEven ? half - 1 : half);
  if (ties == Ties::ToEven) {
    Value floor = arith::ShRSIOp::create(b, loc, value, constant(shift, value));
    Value isOdd = arith::AndIOp::create(b, loc, floor, constant(1, value));
    sum = arith::AddIOp::create(b, loc, sum, isOdd);
  }
  if (ties == Ties::AwayFromZero) {
    // Minus one where the value is negative.
    Value sign = arith::ShRSIOp::create(b, loc, value,
                                        constant(getWidth(value) - 1, value));
    sum = arith::AddIOp::create(b, loc, sum, sign);
  }
  return arith::ShRSIOp::create(b, loc, sum, constant(shift, sum));
}

Value IntegerEmitter::roundingShift(Value value, Value shift, Ties ties) {
  Value one = constant(1, value);
  // 2^(shift - 1), and 0 for a shift of 0.
  Value half = arith::ShRUIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, one, shift), one);
  Value sum = arith::AddIOp::create(b, loc, value, half);
  if (ties != Ties::Up) {
    // What half is too much by: 1 for even quotients, or for negative values.
    Value excess;
    if (ties == Ties::ToEven) {
      Value floor = arith::ShRSIOp::create(b, loc, value, shift);
      Value isOdd = arith::AndIOp::create(b, loc, floor, one);
      excess = arith::SubIOp::create(b, loc, isOdd, one);
    } else {
      excess = arith::ShRSIOp::create(b, loc, value,
                                      constant(getWidth(value) - 1, value));
    }
    // A shift of 0 rounds nothing.
    Value rounds = arith::MinSIOp::create(b, loc, shift, one);
    sum = arith::AddIOp::create(b, loc, sum,
                                arith::MulIOp::create(b, loc, excess, rounds));
  }
  return arith::ShRSIOp::create(b, loc, sum, shift);
}

Value IntegerEmitter::extremum(Value lhs, Value rhs, bool isMax,
                               quant::QuantizedType type) {
  if (isMax)
    return type.isSigned()
               ? arith::MaxSIOp::create(b, loc, lhs, rhs).getResult()
               : arith::MaxUIOp::create(b, loc, lhs, rhs).getResult();
  return type.isSigned() ? arith::MinSIOp::create(b, loc, lhs, rhs).getResult()
                         : arith::MinUIOp::create(b, loc, lhs, rhs).getResult();
}

//===----------------------------------------------------------------------===//
// Floats that hold integers
//===----------------------------------------------------------------------===//

/// 1.5 * 2^23: added to a small float, it leaves the rounded integer in the low
/// bits of the sum.
static constexpr float roundingSum = 12582912.0f;

static Value makeFloat(OpBuilder &b, Location loc, float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}

/// The integer in the low bits of a float near `roundingSum`.
static Value extractInteger(OpBuilder &b, Location loc, Value sum) {
  Value bits = arith::BitcastOp::create(b, loc, b.getI32Type(), sum);
  return IntegerEmitter(b, loc).add(
      bits, -int64_t(llvm::bit_cast<int32_t>(roundingSum)));
}

Value IntegerEmitter::roundToInteger(Value real) {
  return extractInteger(
      b, loc,
      arith::AddFOp::create(b, loc, real, makeFloat(b, loc, roundingSum)));
}

//===----------------------------------------------------------------------===//
// Requantization
//===----------------------------------------------------------------------===//

Value IntegerEmitter::finish(Value scaled, int32_t zeroPoint,
                             IntegerBounds bounds, bool isSmall) {
  // Of the sum, bounds that are those of the storage cost nothing: packing
  // saturates.
  if (isSmall)
    return clamp(add(resize(scaled, 32), zeroPoint), bounds.lo, bounds.hi);
  // Bounds first, then the zero point: the sum cannot overflow.
  Value clamped = clamp(scaled, int64_t(bounds.lo) - zeroPoint,
                        int64_t(bounds.hi) - zeroPoint);
  return add(resize(clamped, 32), zeroPoint);
}

/// The high half of 2 * acc * m0, rounded as gemmlowp does. Its division
/// truncates toward zero after a nudge that depends on the sign, which is the
/// same as one floor: ties go up.
Value IntegerEmitter::doublingHighMul(Value acc, Value m0) {
  Value product = arith::MulIOp::create(b, loc, acc, m0);
  return roundingShift(product, 31, Ties::Up);
}

/// What to do with ties, where there may be some.
static Ties getTies(Rounding rounding, bool meetsTies) {
  if (!meetsTies)
    return Ties::Up;
  return rounding == Rounding::Even ? Ties::ToEven : Ties::AwayFromZero;
}

Value IntegerEmitter::requantize(Value acc, const Requantization &how) {
  if (std::optional<NarrowMultiplier> narrow = findNarrowMultiplier(how)) {
    Value scaled = multiply(resize(acc, 32), narrow->factor);
    return finish(roundingShift(scaled, narrow->shift, narrow->ties),
                  how.zeroPoint, how.bounds, /*isSmall=*/narrow->shift > 0);
  }
  constexpr int64_t int32Min = std::numeric_limits<int32_t>::min();
  constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();
  Multiplier multiplier = how.multiplier;
  if (std::optional<float> factor = findFusedFactor(how))
    return requantizeFused(acc, makeFloat(b, loc, *factor), how.zeroPoint,
                           how.bounds);
  if (how.rounding == Rounding::Gemmlowp) {
    Value wide = resize(acc, 64);
    if (!how.range.fits(32))
      wide = clamp(wide, int32Min, int32Max);
    if (multiplier.shift < 0)
      wide = clamp(multiply(wide, int64_t(1) << -multiplier.shift), int32Min,
                   int32Max);
    Value high = doublingHighMul(wide, constant(multiplier.m0, 64));
    unsigned right = multiplier.shift > 0 ? multiplier.shift : 0;
    return finish(roundingShift(high, right, Ties::AwayFromZero), how.zeroPoint,
                  how.bounds);
  }
  // Products of an accumulator beyond 32 bits may exceed 64.
  unsigned width = how.range.fits(32) ? 64 : 128;
  bool meetsTies = !numerics::addHalfIsExact(multiplier, how.range.lo,
                                             how.range.hi, how.rounding);
  Value product = multiply(resize(acc, width), multiplier.m0);
  Value scaled = roundingShift(product, multiplier.totalShift(),
                               getTies(how.rounding, meetsTies));
  // Clamping 64-bit vectors is slow on AVX2: narrow first where nothing is
  // lost.
  double largest = multiplier.toReal() *
                   static_cast<double>(std::max(std::abs(how.range.lo),
                                                std::abs(how.range.hi)));
  bool isSmall = largest < 0x1p30;
  if (isSmall)
    scaled = resize(scaled, 32);
  return finish(scaled, how.zeroPoint, how.bounds, isSmall);
}

Value IntegerEmitter::requantizeFused(Value acc, Value factor,
                                      int32_t zeroPoint, IntegerBounds bounds) {
  Value real = arith::SIToFPOp::create(b, loc, b.getF32Type(), resize(acc, 32));
  Value sum =
      math::FmaOp::create(b, loc, real, factor, makeFloat(b, loc, roundingSum));
  return finish(extractInteger(b, loc, sum), zeroPoint, bounds,
                /*isSmall=*/true);
}

Value IntegerEmitter::requantize(Value acc, Value m0, Value shift,
                                 Rounding rounding, bool meetsTies,
                                 int32_t zeroPoint, IntegerBounds bounds) {
  constexpr int64_t int32Min = std::numeric_limits<int32_t>::min();
  constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();
  // Products of an accumulator beyond 32 bits may exceed 64.
  unsigned width = getWidth(acc) > 32 ? 128 : 64;
  Value wide = resize(acc, width), factor = resize(m0, width);
  Value distance = resize(shift, width);
  Value zero = constant(0, width);
  Value product;
  if (rounding == Rounding::Gemmlowp) {
    Value negated = arith::SubIOp::create(b, loc, zero, distance);
    Value left = arith::MaxSIOp::create(b, loc, negated, zero);
    wide = clamp(arith::ShLIOp::create(b, loc, wide, left), int32Min, int32Max);
    product = doublingHighMul(wide, factor);
    distance = arith::MaxSIOp::create(b, loc, distance, zero);
    meetsTies = true;
  } else {
    product = arith::MulIOp::create(b, loc, wide, factor);
  }
  return finish(roundingShift(product, distance, getTies(rounding, meetsTies)),
                zeroPoint, bounds);
}

Value IntegerEmitter::addRequantize(Value d1, Value d2,
                                    const numerics::AddParams &params,
                                    bool tiesAway, int32_t zeroPoint,
                                    IntegerBounds bounds) {
  unsigned width = params.wide ? 64 : 32;
  Value first = multiply(resize(d1, width), params.k1);
  Value second = multiply(resize(d2, width), params.k2);
  Value sum = arith::AddIOp::create(b, loc, first, second);
  Ties ties = params.tiesEven ? Ties::ToEven
              : tiesAway      ? Ties::AwayFromZero
                              : Ties::Up;
  return finish(roundingShift(sum, params.shift, ties), zeroPoint, bounds,
                /*isSmall=*/!params.wide && params.shift > 0);
}

Value IntegerEmitter::divideRequantize(Value d1, Value d2,
                                       const numerics::DivideParams &params,
                                       int32_t zeroPoint,
                                       IntegerBounds bounds) {
  auto compare = [&](arith::CmpIPredicate predicate, Value value) {
    return arith::CmpIOp::create(b, loc, predicate, value, constant(0, value));
  };
  auto magnitude = [&](Value value) -> Value {
    return math::AbsIOp::create(b, loc, value);
  };
  Value isZero = compare(arith::CmpIPredicate::eq, d2);
  // What a division by zero saturates to is selected in the end.
  Value divisor = arith::SelectOp::create(b, loc, isZero, constant(1, d2), d2);
  Value numerator = multiply(magnitude(d1), params.m0);
  Value denominator = arith::ShLIOp::create(b, loc, magnitude(divisor),
                                            constant(params.shift, d2));
  Value half = arith::ShRUIOp::create(b, loc, denominator, constant(1, d2));
  Value quotient = arith::DivUIOp::create(
      b, loc, arith::AddIOp::create(b, loc, numerator, half), denominator);
  Value isNegative =
      compare(arith::CmpIPredicate::slt, arith::XOrIOp::create(b, loc, d1, d2));
  Value negated =
      arith::SubIOp::create(b, loc, constant(0, quotient), quotient);
  Value rounded =
      arith::SelectOp::create(b, loc, isNegative, negated, quotient);
  // Beyond every bound, with the sign of d1.
  Value saturated = arith::ShLIOp::create(b, loc, d1, constant(40, d1));
  return finish(arith::SelectOp::create(b, loc, isZero, saturated, rounded),
                zeroPoint, bounds);
}

Value IntegerEmitter::divideByFloats(Value d1, Value d2, float factor,
                                     int32_t zeroPoint, IntegerBounds bounds) {
  auto toFloat = [&](Value value) -> Value {
    return arith::SIToFPOp::create(b, loc, b.getF32Type(), value);
  };
  Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, d2,
                                       constant(0, d2));
  Value divisor = arith::SelectOp::create(
      b, loc, isZero, makeFloat(b, loc, numerics::divideByZero), toFloat(d2));
  Value product =
      arith::MulFOp::create(b, loc, toFloat(d1), makeFloat(b, loc, factor));
  Value quotient = arith::DivFOp::create(b, loc, product, divisor);
  auto clampTo = [&](arith::CmpFPredicate keep, float bound) {
    Value limit = makeFloat(b, loc, bound);
    Value kept = arith::CmpFOp::create(b, loc, keep, quotient, limit);
    quotient = arith::SelectOp::create(b, loc, kept, quotient, limit);
  };
  clampTo(arith::CmpFPredicate::OGT, -numerics::divideBound);
  clampTo(arith::CmpFPredicate::OLT, numerics::divideBound);
  return finish(roundToInteger(quotient), zeroPoint, bounds, /*isSmall=*/true);
}
