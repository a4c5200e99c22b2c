//===- AddParamsTest.cpp - Sums of two quantized values -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/AddParams.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

/// Rule N12 by quotient and remainder.
int64_t exact(int64_t d1, int64_t d2, const AddParams &p) {
  int64_t sum = d1 * p.k1 + d2 * p.k2, divisor = int64_t(1) << p.shift;
  int64_t magnitude = std::llabs(sum);
  int64_t quotient = (2 * magnitude + divisor) / (2 * divisor);
  return sum < 0 ? -quotient : quotient;
}

/// The sum as an int32 machine computes it; false where any step overflows.
bool addInInt32(int32_t d1, int32_t d2, const AddParams &p, int32_t &result) {
  int32_t a, b, sum, biased;
  int32_t half = p.shift == 0 ? 0 : int32_t(1) << (p.shift - 1);
  if (__builtin_mul_overflow(d1, p.k1, &a) ||
      __builtin_mul_overflow(d2, p.k2, &b) ||
      __builtin_add_overflow(a, b, &sum) ||
      __builtin_add_overflow(sum, p.shift == 0 ? 0 : half - (sum < 0), &biased))
    return false;
  result = biased >> p.shift;
  return true;
}

TEST(AddParams, EveryPairFitsInt32AndIsExact) {
  std::mt19937_64 random(12);
  std::uniform_real_distribution<double> log(-8, 8);
  for (int i = 0; i < 60; ++i) {
    double s1 = std::exp2(log(random)), s2 = std::exp2(log(random)),
           s3 = std::max(s1, s2) * std::exp2(log(random) / 8);
    int32_t z1 = int32_t(random() % 256), z2 = int32_t(random() % 256);
    int32_t max1 = std::max(z1, 255 - z1), max2 = std::max(z2, 255 - z2);
    bool subtract = random() % 2;
    auto p = makeAddParams(s1, s2, s3, max1, max2, subtract);
    ASSERT_TRUE(p);
    ASSERT_FALSE(p->wide);
    for (int32_t q1 = 0; q1 < 256; ++q1)
      for (int32_t q2 = 0; q2 < 256; ++q2) {
        int32_t d1 = q1 - z1, d2 = q2 - z2, narrow;
        ASSERT_TRUE(addInInt32(d1, d2, *p, narrow));
        ASSERT_EQ(narrow, exact(d1, d2, *p));
        ASSERT_EQ(addRequantize(d1, d2, *p, 3, 0, 255),
                  std::clamp<int64_t>(exact(d1, d2, *p) + 3, 0, 255));
        // The factors are precise enough to hit the real sum within a
        // thousandth of a step beside the rounding.
        double real = (s1 * d1 + (subtract ? -s2 : s2) * d2) / s3;
        ASSERT_LE(std::fabs(real - narrow), 0.501);
      }
  }
}

TEST(AddParams, FactorsAreAsLargeAsPossible) {
  std::mt19937_64 random(13);
  std::uniform_real_distribution<double> log(-3, 3);
  for (int i = 0; i < 10000; ++i) {
    double s1 = std::exp2(log(random)), s2 = std::exp2(log(random)),
           s3 = std::exp2(log(random));
    auto p = makeAddParams(s1, s2, s3, 255, 128);
    ASSERT_TRUE(p);
    auto largest = [&](unsigned shift) {
      return 255 * std::llround(std::ldexp(s1 / s3, int(shift))) +
             128 * std::llround(std::ldexp(s2 / s3, int(shift))) +
             (int64_t(1) << shift) / 2;
    };
    ASSERT_LE(largest(p->shift), INT32_MAX);
    if (p->shift < 30)
      ASSERT_GT(largest(p->shift + 1), INT32_MAX);
  }
}

TEST(AddParams, TiesGoAwayFromZero) {
  // (d1 + d2) / 2.
  auto p = makeAddParams(0.5, 0.5, 1.0, 255, 255);
  ASSERT_TRUE(p);
  EXPECT_EQ(addRequantize(2, 1, *p, 0, -128, 127), 2);
  EXPECT_EQ(addRequantize(-2, -1, *p, 0, -128, 127), -2);
  EXPECT_EQ(addRequantize(1, -2, *p, 0, -128, 127), -1);
}

TEST(AddParams, TiesGoToEvenWhereThatIsAsked) {
  AddParams params = *makeAddParams(0.5, 0.5, 1.0, 255, 255);
  params.tiesEven = true;
  EXPECT_EQ(addRequantize(1, 0, params, 0, -128, 127), 0);
  EXPECT_EQ(addRequantize(2, 1, params, 0, -128, 127), 2);
  EXPECT_EQ(addRequantize(-1, 0, params, 0, -128, 127), 0);
  EXPECT_EQ(addRequantize(-2, -1, params, 0, -128, 127), -2);
  EXPECT_TRUE(addTieReachable(params, -255, 255, -255, 255));
  EXPECT_FALSE(addTieReachable(params, 2, 2, 4, 4));
  AddParams other = *makeAddParams(0.0361, 0.0217, 0.0471, 255, 255);
  EXPECT_FALSE(addTieReachable(other, -128, 127, -128, 127));
}

TEST(AddParams, PowersOfTwoStayExact) {
  for (int e1 = -6; e1 <= 2; ++e1)
    for (int e2 = -6; e2 <= 2; ++e2) {
      auto p = makeAddParams(std::ldexp(1.0, e1), std::ldexp(1.0, e2), 1.0, 255,
                             255);
      ASSERT_TRUE(p);
      EXPECT_EQ(double(p->k1), std::ldexp(1.0, e1 + int(p->shift)));
      EXPECT_EQ(double(p->k2), std::ldexp(1.0, e2 + int(p->shift)));
    }
}

TEST(AddParams, SixteenBitOperandsAreWide) {
  auto p = makeAddParams(0.7, 0.9, 1.1, 65535, 65535);
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->wide);
  std::mt19937_64 random(14);
  for (int i = 0; i < 100000; ++i) {
    int64_t d1 = int64_t(random() % 131071) - 65535;
    int64_t d2 = int64_t(random() % 131071) - 65535;
    int64_t q = addRequantize(d1, d2, *p, 0, INT32_MIN, INT32_MAX);
    ASSERT_EQ(q, exact(d1, d2, *p));
    ASSERT_LE(
        std::fabs((0.7 * double(d1) + 0.9 * double(d2)) / 1.1 - double(q)),
        0.501);
  }
}

TEST(AddParams, UnequalScales) {
  // An operand far below half a step vanishes; that is no error.
  auto small = makeAddParams(1.0, 1e-12, 1.0, 255, 255);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->k2, 0);
  EXPECT_FALSE(makeAddParams(1e12, 1.0, 1.0, 255, 255));
  EXPECT_FALSE(makeAddParams(0.0, 1.0, 1.0, 255, 255));
  EXPECT_FALSE(makeAddParams(1.0, 1.0, 0.0, 255, 255));
  EXPECT_FALSE(makeAddParams(std::nan(""), 1.0, 1.0, 255, 255));
  EXPECT_FALSE(makeAddParams(1e300, 1.0, 1e-300, 255, 255));
  // The largest ratio that fits at all: 255 * k <= 2^31 - 1.
  EXPECT_TRUE(makeAddParams(8e6, 1e-3, 1.0, 255, 255));
}

} // namespace
