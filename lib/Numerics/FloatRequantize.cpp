//===- FloatRequantize.cpp - One float32 multiply, proven -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatRequantize.h"

#include "QDialect/Numerics/QuantParams.h"

#include <algorithm>
#include <cmath>

using namespace q::numerics;

namespace {

using Int128 = __int128;

constexpr int maxUlps = 16;
constexpr int candidates = 2 * maxUlps + 1;

/// The least acc with round(acc * M) >= value for Rounding::Single and Even,
/// before it is confined to a range. From value - 1/2 on values round up to
/// `value`; the tie itself goes away from zero, that is up only if value is
/// positive, or to even, that is up only if value is even.
Int128 singleThreshold(int64_t value, Multiplier multiplier,
                       Rounding rounding) {
  unsigned shift = multiplier.totalShift();
  Int128 m0 = multiplier.m0;
  auto ceilDivide = [&](Int128 a) {
    // Mostly both fit 64 bits, whose division is several times faster.
    if (int64_t(a) == a)
      return Int128(int64_t(a) / multiplier.m0 +
                    (int64_t(a) % multiplier.m0 > 0 ? 1 : 0));
    return a / m0 + (a % m0 > 0 ? 1 : 0);
  };
  if (shift == 0)
    return ceilDivide(value);
  Int128 tie = (2 * Int128(value) - 1) * (Int128(1) << (shift - 1));
  bool isTieUp = rounding == Rounding::Even ? value % 2 == 0 : value > 0;
  return ceilDivide(isTieUp ? tie : tie + 1);
}

/// The product before it is rounded. Its magnitude decides whether it may be.
float product(int32_t acc, float multiplier) { return float(acc) * multiplier; }

/// The multipliers that are still possible: an interval, as each requirement on
/// float(acc) * f to be at least (or below) a value is monotone in f.
class CandidateInterval {
public:
  CandidateInterval(float centre) {
    values[maxUlps] = centre;
    for (int i = 1; i <= maxUlps; ++i) {
      values[maxUlps + i] = std::nextafter(values[maxUlps + i - 1], INFINITY);
      values[maxUlps - i] = std::nextafter(values[maxUlps - i + 1], 0.0f);
    }
  }

  /// Drops the candidates that miss the requirement.
  template <typename Predicate> void require(Predicate holds) {
    while (first <= last && !holds(values[first]))
      ++first;
    while (first <= last && !holds(values[last]))
      --last;
  }

  bool isEmpty() const { return first > last; }

  float nearestToCentre() const {
    return values[std::clamp(maxUlps, first, last)];
  }

private:
  float values[candidates];
  int first = 0;
  int last = candidates - 1;
};

} // namespace

int32_t q::numerics::floatRequantize(int32_t acc, float multiplier,
                                     int32_t zeroPoint, int32_t lo,
                                     int32_t hi) {
  int64_t rounded = int64_t(roundHalfEven(product(acc, multiplier)));
  return int32_t(std::clamp<int64_t>(zeroPoint + rounded, lo, hi));
}

int64_t q::numerics::requantizeThreshold(int64_t value, Multiplier multiplier,
                                         int32_t accLo, int32_t accHi,
                                         Rounding rounding) {
  int64_t end = int64_t(accHi) + 1;
  if (rounding != Rounding::Gemmlowp)
    return int64_t(std::clamp<Int128>(
        singleThreshold(value, multiplier, rounding), accLo, end));
  // Two roundings have no closed form; they are monotone all the same.
  int64_t begin = accLo;
  while (begin < end) {
    int64_t middle = begin + (end - begin) / 2;
    if (applyMultiplier(middle, multiplier, rounding) >= value)
      end = middle;
    else
      begin = middle + 1;
  }
  return begin;
}

/// The multiplier nearest to `multiplier` with which `rounds(acc, f)`, which is
/// monotone in both, equals requantize() before the zero point and the clamp.
/// `largest` becomes a bound of the product's magnitude for every candidate.
template <typename Rounds>
static std::optional<float>
findMultiplier(Multiplier multiplier, int32_t accLo, int32_t accHi,
               int32_t zeroPoint, int32_t lo, int32_t hi, Rounding rounding,
               double maxProduct, double &largest, Rounds rounds) {
  if (accLo > accHi)
    return std::nullopt;
  float centre = float(multiplier.toReal());

  // The largest candidate is less than 1 + 2^-18 times the centre.
  double magnitude =
      std::max(std::fabs(double(accLo)), std::fabs(double(accHi)));
  largest = magnitude * double(centre) * (1 + 0x1p-18);
  if (largest >= maxProduct)
    return std::nullopt;

  CandidateInterval interval(centre);
  // The values that occur, and all that a clamp leaves of the others.
  int64_t first = requantize(accLo, multiplier, zeroPoint, lo, hi, rounding) -
                  int64_t(zeroPoint);
  int64_t last = requantize(accHi, multiplier, zeroPoint, lo, hi, rounding) -
                 int64_t(zeroPoint);
  if (first + zeroPoint > lo)
    interval.require([&](float f) { return rounds(accLo, f) >= first; });
  if (last + zeroPoint < hi)
    interval.require([&](float f) { return rounds(accHi, f) <= last; });
  // In between, each value is reached at its threshold and not before.
  for (int64_t value = first + 1; value <= last && !interval.isEmpty();
       ++value) {
    int32_t threshold =
        int32_t(requantizeThreshold(value, multiplier, accLo, accHi, rounding));
    interval.require([&](float f) { return rounds(threshold, f) >= value; });
    interval.require([&](float f) { return rounds(threshold - 1, f) < value; });
  }
  if (interval.isEmpty())
    return std::nullopt;
  return interval.nearestToCentre();
}

std::optional<FloatMultiplier>
q::numerics::findFloatMultiplier(Multiplier multiplier, int32_t accLo,
                                 int32_t accHi, int32_t zeroPoint, int32_t lo,
                                 int32_t hi, Rounding rounding) {
  double largest = 0;
  // cvtps2dq has no result from 2^31 on.
  auto found =
      findMultiplier(multiplier, accLo, accHi, zeroPoint, lo, hi, rounding,
                     0x1p31, largest, [](int32_t acc, float f) {
                       return int64_t(roundHalfEven(product(acc, f)));
                     });
  if (!found)
    return std::nullopt;
  return FloatMultiplier{*found, largest < 0x1p22};
}

/// round(float(acc) * multiplier + offset), ties to even, exactly: the factors
/// have 24 bits each, so their product is an integer times a power of two.
static int64_t fusedRound(int32_t acc, float multiplier, int32_t offset) {
  int exponent;
  int64_t mantissa = int64_t(std::frexp(multiplier, &exponent) * 0x1p24);
  int64_t exact = int64_t(float(acc)) * mantissa;
  int shift = 24 - exponent;
  if (shift <= 0)
    return exact * (int64_t(1) << -shift) + offset;
  if (shift > 62)
    return offset; // below one half
  int64_t floor = exact >> shift;
  int64_t rest = exact - floor * (int64_t(1) << shift);
  int64_t half = int64_t(1) << (shift - 1);
  int64_t sum = floor + offset;
  return rest > half || (rest == half && sum % 2 != 0) ? sum + 1 : sum;
}

int32_t q::numerics::fusedRequantize(int32_t acc, float multiplier,
                                     int32_t offset, int32_t zeroPoint,
                                     int32_t lo, int32_t hi) {
  int64_t rounded = fusedRound(acc, multiplier, offset) - offset;
  return int32_t(std::clamp<int64_t>(zeroPoint + rounded, lo, hi));
}

std::optional<float> q::numerics::findFusedMultiplier(
    Multiplier multiplier, int32_t accLo, int32_t accHi, int32_t offset,
    int32_t zeroPoint, int32_t lo, int32_t hi, Rounding rounding) {
  double largest = 0;
  // A sum of magnitude 2^22 or more would leave the binade of 1.5 * 2^23. The
  // offset is at most 2^8.
  return findMultiplier(multiplier, accLo, accHi, zeroPoint, lo, hi, rounding,
                        0x1p22 - 0x1p9, largest, [&](int32_t acc, float f) {
                          return fusedRound(acc, f, offset) - offset;
                        });
}
