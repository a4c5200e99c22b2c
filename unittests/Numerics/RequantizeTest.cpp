//===- RequantizeTest.cpp - Rounding to the bit ---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Requantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#ifdef Q_HAVE_GEMMLOWP
#include "fixedpoint/fixedpoint.h"
#endif

using namespace q::numerics;

namespace {

using Int128 = __int128;

/// acc * m0 / 2^(31+shift) by quotient and remainder, ties away from zero: the
/// text of rule N10 without any shifting or adding of halves.
int64_t exactSingle(int64_t acc, Multiplier m) {
  Int128 product = Int128(acc) * m.m0;
  Int128 divisor = Int128(1) << m.totalShift();
  Int128 magnitude = product < 0 ? -product : product;
  Int128 quotient = magnitude / divisor, remainder = magnitude % divisor;
  if (2 * remainder >= divisor)
    ++quotient;
  return int64_t(product < 0 ? -quotient : quotient);
}

const std::vector<int64_t> extremeAccumulators = {
    INT32_MIN, INT32_MIN + 1, -(1 << 24),    -3,       -2, -1, 0, 1, 2,
    3,         1 << 24,       INT32_MAX - 1, INT32_MAX};

Multiplier randomMultiplier(std::mt19937_64 &random) {
  int32_t m0 = int32_t((1u << 30) + random() % (1u << 30));
  // Few significant bits now and then, where ties are.
  if (random() % 2)
    m0 &= int32_t(~0u << (random() % 30));
  int32_t shift =
      Multiplier::minShift +
      int32_t(random() % (Multiplier::maxShift - Multiplier::minShift + 1));
  return {m0, shift};
}

TEST(Requantize, ByHand) {
  Multiplier half = *makeMultiplier(0.5);
  EXPECT_EQ(applyMultiplier(1, half, Rounding::Single), 1);
  EXPECT_EQ(applyMultiplier(-1, half, Rounding::Single), -1);
  EXPECT_EQ(applyMultiplier(3, half, Rounding::Single), 2);
  EXPECT_EQ(applyMultiplier(-3, half, Rounding::Single), -2);
  Multiplier three = *makeMultiplier(3.0);
  EXPECT_EQ(applyMultiplier(INT32_MAX, three, Rounding::Single),
            3LL * INT32_MAX);
  EXPECT_EQ(applyMultiplier(INT32_MIN, three, Rounding::Single),
            3LL * INT32_MIN);
  EXPECT_EQ(requantize(100, half, 7, 0, 255, Rounding::Single), 57);
  EXPECT_EQ(requantize(-100, half, 7, 0, 255, Rounding::Single), 0);
  EXPECT_EQ(requantize(10000, half, 7, 0, 200, Rounding::Single), 200);
  EXPECT_EQ(requantize(INT32_MIN, *makeMultiplier(2e9), INT32_MIN, -128, 127,
                       Rounding::Single),
            -128);
}

TEST(Requantize, SingleIsExact) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100000; ++i) {
    Multiplier m = randomMultiplier(random);
    for (int j = 0; j < 8; ++j) {
      // All magnitudes alike.
      int64_t acc = int32_t(random()) >> (random() % 32);
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Single), exactSingle(acc, m))
          << acc << " * " << m.m0 << " >> " << m.totalShift();
    }
    for (int64_t acc : extremeAccumulators)
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Single), exactSingle(acc, m));
  }
}

TEST(Requantize, SingleIsExactForWideAccumulators) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 100000; ++i) {
    Multiplier m = randomMultiplier(random);
    int64_t acc = int64_t(random()) >> (random() % 60 + 2);
    Int128 magnitude = Int128(acc < 0 ? -acc : acc) * m.m0 >> m.totalShift();
    if (magnitude < std::numeric_limits<int64_t>::max())
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Single), exactSingle(acc, m));
  }
  // What no int64 holds saturates.
  EXPECT_EQ(
      applyMultiplier(int64_t(1) << 60, *makeMultiplier(1e9), Rounding::Single),
      std::numeric_limits<int64_t>::max());
}

TEST(Requantize, DocumentedShortFormIsTheSame) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100000; ++i) {
    unsigned shift = 1 + unsigned(random() % 63);
    int64_t value = int64_t(random()) >> (2 + random() % 60);
    int64_t half = int64_t(1) << (shift - 1);
    ASSERT_EQ(roundingShiftRight(value, shift),
              (value + half - (value < 0)) >> shift);
  }
  EXPECT_EQ(roundingShiftRight(-5, 0), -5);
  EXPECT_EQ(roundingShiftRight(-6, 2), -2);
  EXPECT_EQ(roundingShiftRight(6, 2), 2);
}

TEST(Requantize, Pow2IsARoundingShift) {
  std::mt19937_64 random(8);
  for (int n = 0; n <= 33; ++n) {
    Multiplier m = *makeMultiplier(std::ldexp(1.0, -n));
    for (int i = 0; i < 2000; ++i) {
      int64_t acc = int32_t(random()) >> (random() % 32);
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Pow2),
                roundingShiftRight(acc, unsigned(n)));
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Pow2),
                int64_t(std::round(std::ldexp(double(acc), -n))));
    }
  }
  EXPECT_EQ(applyMultiplier(-7, *makeMultiplier(16), Rounding::Pow2), -112);
}

TEST(Requantize, EvenTakesTiesToEven) {
  // M = 1/2: every odd accumulator is a tie.
  Multiplier half = *makeMultiplier(0.5);
  const int64_t expected[] = {-4, -4, -3, -2, -2, -2, -1, 0, 0,
                              0,  1,  2,  2,  2,  3,  4,  4};
  for (int64_t acc = -8; acc <= 8; ++acc) {
    EXPECT_EQ(applyMultiplier(acc, half, Rounding::Even), expected[acc + 8])
        << acc;
    EXPECT_EQ(evenShiftRight(acc, 1), expected[acc + 8]) << acc;
  }
  EXPECT_EQ(evenShiftRight(-7, 0), -7);
  // Wide accumulators, and a mode that agrees wherever there is no tie.
  EXPECT_EQ(applyMultiplier((int64_t(1) << 40) + 1, half, Rounding::Even),
            int64_t(1) << 39);
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    Multiplier multiplier = *makeMultiplier(0.0001 * (1 + random() % 30000));
    auto acc = static_cast<int32_t>(random());
    if (!tieReachable(multiplier, acc, acc)) {
      EXPECT_EQ(applyMultiplier(acc, multiplier, Rounding::Even),
                applyMultiplier(acc, multiplier, Rounding::Single));
    }
  }
}

TEST(Requantize, AddHalfIsEvenOnlyWithoutTies) {
  Multiplier half = *makeMultiplier(0.5);
  EXPECT_TRUE(addHalfIsExact(half, 0, 100));
  EXPECT_FALSE(addHalfIsExact(half, 0, 100, Rounding::Even));
  Multiplier odd = *makeMultiplier(0.123456789);
  EXPECT_TRUE(addHalfIsExact(odd, -1000, 1000, Rounding::Even));
}

TEST(Requantize, TinyMultipliersRoundToZero) {
  for (int64_t acc : extremeAccumulators)
    for (Rounding mode : {Rounding::Single, Rounding::Gemmlowp, Rounding::Pow2})
      EXPECT_EQ(applyMultiplier(acc, *makeMultiplier(1e-30), mode), 0);
}

TEST(Requantize, GemmlowpRoundsTwice) {
  // acc * M = 1.49...: the high multiply makes 1.5 of it, the shift 2.
  Multiplier m{(1 << 30) + 1, 1};
  int64_t differences = 0;
  for (int acc = -100000; acc <= 100000; ++acc)
    differences += applyMultiplier(acc, m, Rounding::Gemmlowp) !=
                   applyMultiplier(acc, m, Rounding::Single);
  EXPECT_GT(differences, 0);
}

TEST(Requantize, GemmlowpSaturatesWhereItsLeftShiftWouldOverflow) {
  Multiplier m = *makeMultiplier(4.0);
  // The result lies beyond every clamp, on the right side.
  EXPECT_GE(applyMultiplier(INT32_MAX, m, Rounding::Gemmlowp), 1 << 29);
  EXPECT_LE(applyMultiplier(INT32_MIN, m, Rounding::Gemmlowp), -(1 << 29));
  EXPECT_EQ(applyMultiplier(1000, m, Rounding::Gemmlowp), 4000);
  EXPECT_EQ(applyMultiplier(-1000, m, Rounding::Gemmlowp), -4000);
}

TEST(Requantize, EqualsTheGemmlowpLibrary) {
#ifndef Q_HAVE_GEMMLOWP
  GTEST_SKIP() << "the gemmlowp headers are not installed (libgemmlowp-dev)";
#else
  auto library = [](int32_t acc, Multiplier m) {
    int left = std::max(-m.shift, 0), right = std::max(m.shift, 0);
    return gemmlowp::RoundingDivideByPOT(
        gemmlowp::SaturatingRoundingDoublingHighMul(
            int32_t(acc * (int64_t(1) << left)), m.m0),
        right);
  };
  std::mt19937_64 random(9);
  int64_t compared = 0;
  for (int i = 0; i < 300000; ++i) {
    Multiplier m = randomMultiplier(random);
    if (m.shift > 31) // Not a shift of int32 in gemmlowp.
      continue;
    std::vector<int64_t> accumulators = extremeAccumulators;
    for (int j = 0; j < 8; ++j)
      accumulators.push_back(int32_t(random()) >> (random() % 32));
    for (int64_t acc : accumulators) {
      if (m.shift < 0 && std::llabs(acc * (int64_t(1) << -m.shift)) > INT32_MAX)
        continue; // Undefined there.
      ++compared;
      ASSERT_EQ(applyMultiplier(acc, m, Rounding::Gemmlowp),
                library(int32_t(acc), m))
          << acc << " * " << m.m0 << " shift " << m.shift;
    }
  }
  EXPECT_GT(compared, 1000000);
  for (int32_t a : {INT32_MIN, -1, 0, 1, 1 << 30, INT32_MAX})
    for (int32_t b : {INT32_MIN, -(1 << 30), -1, 1, 1 << 30, INT32_MAX})
      EXPECT_EQ(saturatingRoundingDoublingHighMul(a, b),
                gemmlowp::SaturatingRoundingDoublingHighMul(a, b));
#endif
}

TEST(Requantize, TieReachableIsExact) {
  std::mt19937_64 random(10);
  int64_t reachable = 0;
  for (int i = 0; i < 20000; ++i) {
    int32_t m0 = int32_t((1u << 30) + random() % (1u << 30));
    m0 &= int32_t(~0u << (random() % 31));
    m0 = std::max(m0, 1 << 30);
    Multiplier m{m0, int32_t(random() % 16) - 3};
    int64_t lo = int64_t(random() % 512) - 256;
    int64_t hi = lo + int64_t(random() % 128);
    bool tie = false, negativeTie = false;
    Int128 divisor = Int128(1) << m.totalShift();
    for (int64_t acc = lo; acc <= hi; ++acc) {
      Int128 remainder = Int128(acc) * m.m0 % divisor;
      bool isTie = divisor > 1 &&
                   (remainder < 0 ? -remainder : remainder) == divisor / 2;
      tie |= isTie;
      negativeTie |= isTie && acc < 0;
    }
    ASSERT_EQ(tieReachable(m, lo, hi), tie)
        << m.m0 << " shift " << m.shift << " [" << lo << ", " << hi << "]";
    ASSERT_EQ(addHalfIsExact(m, lo, hi), !negativeTie);
    reachable += tie;
  }
  EXPECT_GT(reachable, 1000);
  // Nearly every multiplier: an odd m0 with a large shift.
  EXPECT_FALSE(tieReachable({(1 << 30) + 1, 8}, INT32_MIN, INT32_MAX));
  EXPECT_TRUE(tieReachable({1 << 30, 32}, INT64_MIN, INT64_MAX));
}

TEST(Requantize, AddHalfGivesTheSameBitsWhereAllowed) {
  std::mt19937_64 random(11);
  int64_t allowed = 0;
  for (int i = 0; i < 3000; ++i) {
    Multiplier m = randomMultiplier(random);
    if (m.totalShift() == 0 || !addHalfIsExact(m, -300, 300))
      continue;
    ++allowed;
    int64_t half = int64_t(1) << (m.totalShift() - 1);
    for (int64_t acc = -300; acc <= 300; ++acc)
      ASSERT_EQ((acc * m.m0 + half) >> m.totalShift(),
                applyMultiplier(acc, m, Rounding::Single));
  }
  EXPECT_GT(allowed, 1000);
}

} // namespace
