//===- Requantize.cpp - Multiply an accumulator and round -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Requantize.h"

#include <algorithm>
#include <limits>

using namespace q::numerics;

namespace {

using Int128 = __int128;

constexpr int64_t int32Min = std::numeric_limits<int32_t>::min();
constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();

/// Nearest, ties away from zero: of the magnitude, so both signs are alike.
template <typename Int> Int shiftAwayFromZero(Int value, unsigned shift) {
  if (shift == 0)
    return value;
  Int half = Int(1) << (shift - 1);
  return (value + half - (value < 0 ? 1 : 0)) >> shift;
}

/// Nearest, ties to even.
template <typename Int> Int shiftToEven(Int value, unsigned shift) {
  if (shift == 0)
    return value;
  Int half = Int(1) << (shift - 1);
  return (value + half - 1 + ((value >> shift) & 1)) >> shift;
}

template <typename Int> Int shiftRight(Int value, unsigned shift, bool toEven) {
  return toEven ? shiftToEven(value, shift) : shiftAwayFromZero(value, shift);
}

int64_t applySingle(int64_t acc, Multiplier multiplier, bool toEven) {
  unsigned shift = multiplier.totalShift();
  if (acc >= int32Min && acc <= int32Max)
    return shiftRight<int64_t>(acc * multiplier.m0, shift, toEven);
  Int128 result =
      shiftRight<Int128>(Int128(acc) * multiplier.m0, shift, toEven);
  return int64_t(std::clamp<Int128>(result, std::numeric_limits<int64_t>::min(),
                                    std::numeric_limits<int64_t>::max()));
}

int64_t applyGemmlowp(int64_t acc, Multiplier multiplier) {
  unsigned left = multiplier.shift < 0 ? unsigned(-multiplier.shift) : 0;
  unsigned right = multiplier.shift > 0 ? unsigned(multiplier.shift) : 0;
  acc = std::clamp(acc, int32Min, int32Max);
  // At most 2^62 in magnitude.
  acc = std::clamp(acc * (int64_t(1) << left), int32Min, int32Max);
  int64_t high = saturatingRoundingDoublingHighMul(int32_t(acc), multiplier.m0);
  return shiftAwayFromZero<int64_t>(high, right);
}

} // namespace

int64_t q::numerics::roundingShiftRight(int64_t value, unsigned shift) {
  return shiftAwayFromZero<int64_t>(value, shift);
}

int64_t q::numerics::evenShiftRight(int64_t value, unsigned shift) {
  return shiftToEven<int64_t>(value, shift);
}

int32_t q::numerics::saturatingRoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == int32Min && b == int32Min)
    return int32_t(int32Max);
  int64_t product = int64_t(a) * b;
  // Division, not a shift: gemmlowp truncates toward zero, and with its nudge
  // a negative tie goes up.
  int64_t nudge = product >= 0 ? int64_t(1) << 30 : 1 - (int64_t(1) << 30);
  return int32_t((product + nudge) / (int64_t(1) << 31));
}

int64_t q::numerics::applyMultiplier(int64_t acc, Multiplier multiplier,
                                     Rounding rounding) {
  // Pow2 is Single with m0 = 2^30: acc * 2^30 >> (31 + shift) is the rounding
  // shift of acc itself.
  return rounding == Rounding::Gemmlowp
             ? applyGemmlowp(acc, multiplier)
             : applySingle(acc, multiplier, rounding == Rounding::Even);
}

int32_t q::numerics::requantize(int64_t acc, Multiplier multiplier,
                                int32_t zeroPoint, int32_t lo, int32_t hi,
                                Rounding rounding) {
  int64_t scaled = applyMultiplier(acc, multiplier, rounding);
  // Subtracting from the bounds instead of adding to the value, which may be
  // anything, cannot overflow.
  return int32_t(
      std::clamp(scaled, int64_t(lo) - zeroPoint, int64_t(hi) - zeroPoint) +
      zeroPoint);
}

bool q::numerics::tieReachable(Multiplier multiplier, int64_t accLo,
                               int64_t accHi) {
  unsigned shift = multiplier.totalShift();
  if (shift == 0 || accLo > accHi)
    return false;
  // acc * m0 is an odd multiple of 2^(shift-1) iff acc is an odd multiple of
  // 2^power, as m0's trailing zeros supply the rest.
  int power = int(shift) - 1 - __builtin_ctz(unsigned(multiplier.m0));
  if (power < 0)
    return false;
  Int128 step = Int128(1) << power, period = 2 * step;
  Int128 offset = Int128(accLo) - step;
  Int128 periods = offset / period; // Rounded up, for either sign.
  if (periods * period < offset)
    ++periods;
  return periods * period + step <= accHi;
}

bool q::numerics::addHalfIsExact(Multiplier multiplier, int64_t accLo,
                                 int64_t accHi, Rounding rounding) {
  if (rounding == Rounding::Even)
    return !tieReachable(multiplier, accLo, accHi);
  return !tieReachable(multiplier, accLo, std::min<int64_t>(accHi, -1));
}
