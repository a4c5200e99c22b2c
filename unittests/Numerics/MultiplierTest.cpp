//===- MultiplierTest.cpp - Fixed-point factors ---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Multiplier.h"
#include "QDialect/Numerics/AveragePool.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

void expectMultiplier(double real, int32_t m0, int32_t shift) {
  auto m = makeMultiplier(real);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->m0, m0) << real;
  EXPECT_EQ(m->shift, shift) << real;
}

TEST(Multiplier, ByHand) {
  expectMultiplier(0.5, 1 << 30, 0);
  expectMultiplier(1.0, 1 << 30, -1);
  expectMultiplier(0.75, 3 << 29, 0);
  expectMultiplier(0.75 / 256, 3 << 29, 8);
  expectMultiplier(3.0, 3 << 29, -2);
  expectMultiplier(0x1p-33, 1 << 30, 32);
  // Rounds up to the next power of two.
  expectMultiplier(1.0 - 0x1p-40, 1 << 30, -1);
  // The nearest below it.
  expectMultiplier(1.0 - 0x1p-31, INT32_MAX, 0);
  expectMultiplier(0x1p31 - 1, INT32_MAX, -31);
}

TEST(Multiplier, NearestOverTheWholeRange) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> log(-33, 31);
  for (int i = 0; i < 200000; ++i) {
    double real = std::exp2(log(random));
    auto m = makeMultiplier(real);
    ASSERT_TRUE(m);
    ASSERT_GE(m->m0, 1 << 30);
    ASSERT_GE(m->shift, Multiplier::minShift);
    ASSERT_LE(m->shift, Multiplier::maxShift);
    ASSERT_LE(m->totalShift(), 63u);
    // Half a unit of m0.
    double unit = std::ldexp(1.0, -31 - m->shift);
    ASSERT_LE(std::fabs(m->toReal() - real), unit / 2);
  }
}

TEST(Multiplier, TinyOnesStayHarmless) {
  for (double tiny : {0x1p-34, 1e-20, 1e-300, 4.9e-324})
    expectMultiplier(tiny, 1 << 30, 32);
}

TEST(Multiplier, SaysWhyItFails) {
  EXPECT_EQ(makeMultiplier(0.0).reason(), "the multiplier 0 is zero");
  EXPECT_EQ(makeMultiplier(-0.5).reason(), "the multiplier -0.5 is negative");
  EXPECT_EQ(makeMultiplier(std::numeric_limits<double>::infinity()).reason(),
            "the multiplier inf is not finite");
  EXPECT_FALSE(makeMultiplier(std::nan("")));
  EXPECT_EQ(makeMultiplier(0x1p31).reason(),
            "the multiplier 2.14748e+09 is not below 2^31");
  // Rounding up to 2^31 is out as well.
  EXPECT_FALSE(makeMultiplier(0x1p31 - 0.25));
}

TEST(Multiplier, NarrowWidth) {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> log(-30, 30);
  for (int i = 0; i < 20000; ++i) {
    double real = std::exp2(log(random));
    auto m = makeMultiplier(real, MultiplierWidth::Q15);
    ASSERT_TRUE(m);
    ASSERT_EQ(m->m0 & 0xffff, 0);
    ASSERT_GE(m->m0, 1 << 30);
    ASSERT_LE(std::fabs(m->toReal() / real - 1), 0x1p-15);
  }
  auto up = makeMultiplier(1.0 - 0x1p-20, MultiplierWidth::Q15);
  ASSERT_TRUE(up);
  EXPECT_EQ(up->m0, 1 << 30);
  EXPECT_EQ(up->shift, -1);
}

TEST(Multiplier, OfALayerAndOfAnAverage) {
  EXPECT_EQ(*makeMultiplier(0.5, 0.25, 0.125), *makeMultiplier(1.0));
  EXPECT_EQ(*averageMultiplier(0.5, 0.25, 49), *makeMultiplier(2.0 / 49));
  EXPECT_FALSE(averageMultiplier(0.5, 0.25, 0));
  EXPECT_FALSE(makeMultiplier(0.5, 0.0, 0.125));
  EXPECT_FALSE(makeMultiplier(0.5, 0.5, 0.0));
}

TEST(Multiplier, PowersOfTwo) {
  for (int e = -33; e < 31; ++e)
    EXPECT_TRUE(makeMultiplier(std::ldexp(1.0, e))->isPowerOfTwo());
  EXPECT_FALSE(makeMultiplier(0.7)->isPowerOfTwo());
}

} // namespace
