//===- FloatRequantizeTest.cpp - The proof against all accumulators -------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatRequantize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

bool agreesEverywhere(float f, Multiplier m, int32_t accLo, int32_t accHi,
                      int32_t zp, int32_t lo, int32_t hi, Rounding mode) {
  for (int64_t acc = accLo; acc <= accHi; ++acc)
    if (floatRequantize(int32_t(acc), f, zp, lo, hi) !=
        requantize(acc, m, zp, lo, hi, mode))
      return false;
  return true;
}

struct Case {
  Multiplier m;
  int32_t accLo, accHi, zp, lo, hi;
};

Case randomCase(std::mt19937_64 &random, int32_t maxRange) {
  Case c;
  c.m = {int32_t((1u << 30) + random() % (1u << 30)),
         int32_t(random() % 14) - 1};
  if (random() % 4 == 0) // Many ties.
    c.m.m0 &= int32_t(~0u << (20 + random() % 11));
  c.m.m0 |= 1 << 30;
  c.accLo = -int32_t(random() % uint32_t(maxRange));
  c.accHi = int32_t(random() % uint32_t(maxRange));
  bool isSigned = random() % 2;
  c.lo = isSigned ? -128 : 0;
  c.hi = c.lo + 255;
  c.zp = c.lo + int32_t(random() % 256);
  if (random() % 2)
    c.lo = c.zp; // ReLU
  return c;
}

TEST(FusedRequantize, FoundMultipliersAgreeWithBruteForceAndWithFma) {
  std::mt19937_64 random(23);
  constexpr float magic = 12582912.0f; // 1.5 * 2^23
  int found = 0;
  for (int i = 0; i < 800; ++i) {
    Case c = randomCase(random, 30000);
    int32_t offset = i % 2 ? c.zp : 0;
    for (Rounding mode : {Rounding::Single, Rounding::Gemmlowp}) {
      auto f = findFusedMultiplier(c.m, c.accLo, c.accHi, offset, c.zp, c.lo,
                                   c.hi, mode);
      if (!f)
        continue;
      ++found;
      for (int64_t acc = c.accLo; acc <= c.accHi; ++acc) {
        int32_t expected = requantize(acc, c.m, c.zp, c.lo, c.hi, mode);
        ASSERT_EQ(fusedRequantize(int32_t(acc), *f, offset, c.zp, c.lo, c.hi),
                  expected);
        // The instructions that are generated for it.
        float sum = std::fma(float(acc), *f, magic + float(offset));
        int64_t rounded = int64_t(sum - magic) - offset;
        ASSERT_EQ(std::clamp<int64_t>(rounded + c.zp, c.lo, c.hi), expected);
      }
    }
  }
  EXPECT_GT(found, 800);
  // The sum must stay in the binade of the magic number.
  Multiplier one{1 << 30, -1};
  EXPECT_FALSE(findFusedMultiplier(one, -(1 << 23), 1 << 23, 0, 0, 0, 255));
}

/// More channels can be proven than with a rounded product.
TEST(FusedRequantize, FindsMoreThanTheProductForm) {
  std::mt19937_64 random(5);
  int product = 0, fused = 0;
  for (int i = 0; i < 300; ++i) {
    Multiplier m{int32_t((1u << 30) + random() % (1u << 30)), 9};
    product += findFloatMultiplier(m, -600000, 600000, 0, 0, 255).has_value();
    fused += findFusedMultiplier(m, -600000, 600000, 0, 0, 0, 255).has_value();
  }
  EXPECT_GT(fused, product);
  EXPECT_GT(fused, 200);
}

TEST(FloatRequantize, FoundMultipliersAgreeWithBruteForce) {
  std::mt19937_64 random(17);
  int found = 0, refuted = 0;
  for (int i = 0; i < 1500; ++i) {
    Case c = randomCase(random, 30000);
    for (Rounding mode : {Rounding::Single, Rounding::Gemmlowp}) {
      auto f =
          findFloatMultiplier(c.m, c.accLo, c.accHi, c.zp, c.lo, c.hi, mode);
      if (f) {
        ++found;
        ASSERT_TRUE(agreesEverywhere(f->value, c.m, c.accLo, c.accHi, c.zp,
                                     c.lo, c.hi, mode));
        continue;
      }
      // "None" is as much a claim as "this one": all 33 candidates fail.
      ++refuted;
      float centre = float(c.m.toReal());
      float candidate = centre;
      for (int ulp = 0; ulp <= 16;
           ++ulp, candidate = std::nextafter(candidate, 1e30f))
        ASSERT_FALSE(agreesEverywhere(candidate, c.m, c.accLo, c.accHi, c.zp,
                                      c.lo, c.hi, mode));
      candidate = centre;
      for (int ulp = 0; ulp <= 16;
           ++ulp, candidate = std::nextafter(candidate, 0.0f))
        ASSERT_FALSE(agreesEverywhere(candidate, c.m, c.accLo, c.accHi, c.zp,
                                      c.lo, c.hi, mode));
    }
  }
  EXPECT_GT(found, 1000);
  EXPECT_GT(refuted, 10);
}

TEST(FloatRequantize, AccumulatorsBeyond24Bits) {
  // float(acc) rounds here; the proof must know.
  std::mt19937_64 random(18);
  int found = 0;
  for (int i = 0; i < 20; ++i) {
    Multiplier m{int32_t((1u << 30) + random() % (1u << 30)), 17};
    int32_t accLo = (1 << 24) - 50000, accHi = (1 << 24) + 200000;
    auto f = findFloatMultiplier(m, accLo, accHi, -100, -128, 127);
    if (!f)
      continue;
    ++found;
    ASSERT_TRUE(agreesEverywhere(f->value, m, accLo, accHi, -100, -128, 127,
                                 Rounding::Single));
  }
  EXPECT_GT(found, 5);
}

TEST(FloatRequantize, FindsNearlyAllOfARealNet) {
  // Typical layers: M in 2^-8 .. 2^-4, accumulators of 20 bits.
  std::mt19937_64 random(19);
  int found = 0;
  auto start = std::chrono::steady_clock::now();
  constexpr int channels = 20000;
  for (int i = 0; i < channels; ++i) {
    Multiplier m{int32_t((1u << 30) + random() % (1u << 30)),
                 int32_t(4 + random() % 4)};
    auto f = findFloatMultiplier(m, -800000, 800000, 128, 0, 255);
    found += f.has_value();
    if (f)
      EXPECT_TRUE(f->isSmall);
  }
  double micros = std::chrono::duration<double, std::micro>(
                      std::chrono::steady_clock::now() - start)
                      .count() /
                  channels;
  EXPECT_GT(found, channels * 99 / 100);
  RecordProperty("microsecondsPerChannel", std::to_string(micros));
  // Far above the aim of 20, for slow machines and sanitizers.
  EXPECT_LT(micros, 1000);
}

TEST(FloatRequantize, RefusesWhatTheConversionCannotHold) {
  Multiplier big = *makeMultiplier(1024.0);
  EXPECT_FALSE(findFloatMultiplier(big, -(1 << 21), 1 << 21, 0, -128, 127));
  auto f = findFloatMultiplier(big, -(1 << 16), 1 << 16, 0, -128, 127);
  ASSERT_TRUE(f);
  EXPECT_FALSE(f->isSmall);
  EXPECT_FALSE(findFloatMultiplier(big, 1, 0, 0, -128, 127));
}

TEST(FloatRequantize, TiesAwayAreRefusedWhereHalfEvenDiffers) {
  // acc / 2: 1 gives 1 in the rule, 0 with half-even rounding; a multiplier
  // slightly above mends 1 and breaks nothing within reach.
  Multiplier half = *makeMultiplier(0.5);
  auto f = findFloatMultiplier(half, -300, 300, 0, -128, 127);
  ASSERT_TRUE(f);
  EXPECT_GT(f->value, 0.5f);
  EXPECT_TRUE(agreesEverywhere(f->value, half, -300, 300, 0, -128, 127,
                               Rounding::Single));
}

TEST(FloatRequantize, ThresholdsAreTheFirstAccumulators) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 200; ++i) {
    Case c = randomCase(random, 3000);
    for (Rounding mode : {Rounding::Single, Rounding::Gemmlowp, Rounding::Even})
      for (int value = -20; value <= 20; ++value) {
        int64_t acc = c.accLo;
        while (acc <= c.accHi && applyMultiplier(acc, c.m, mode) < value)
          ++acc;
        ASSERT_EQ(requantizeThreshold(value, c.m, c.accLo, c.accHi, mode), acc);
      }
  }
}

} // namespace
