//===- DivideTest.cpp - Quotients of two quantized values -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatDivide.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

TEST(Divide, AllPairsAreTheRoundedQuotient) {
  std::mt19937_64 random(23);
  std::uniform_real_distribution<double> log(-30, 8);
  for (int i = 0; i < 40; ++i) {
    double m = std::exp2(log(random));
    auto p = makeDivideParams(m, 1.0, 1.0);
    ASSERT_TRUE(p);
    ASSERT_LE(p->shift, 45u);
    for (int64_t d1 = -255; d1 <= 255; ++d1)
      for (int64_t d2 = -255; d2 <= 255; ++d2) {
        if (d2 == 0)
          continue;
        int32_t q = divideRequantize(d1, d2, *p, 0, INT32_MIN, INT32_MAX);
        // The definition, by remainders in 128 bits.
        __int128 numerator = __int128(std::llabs(d1)) * p->m0;
        __int128 denominator = __int128(std::llabs(d2)) << p->shift;
        int64_t magnitude = int64_t(numerator / denominator);
        if (2 * (numerator % denominator) >= denominator)
          ++magnitude;
        ASSERT_EQ(q, (d1 < 0) != (d2 < 0) ? -magnitude : magnitude);
        ASSERT_LE(std::fabs(m * double(d1) / double(d2) - q), 0.5 + 1e-4);
      }
  }
}

TEST(Divide, FloatFactorsAreProven) {
  std::mt19937_64 random(29);
  std::uniform_real_distribution<double> log(-10, 8);
  int found = 0;
  constexpr int tries = 40;
  for (int i = 0; i < tries; ++i) {
    // Powers of two have many ties.
    double m = i % 4 ? std::exp2(log(random)) : std::exp2(i / 4 - 5);
    auto p = makeDivideParams(m, 1.0, 1.0);
    ASSERT_TRUE(p);
    int64_t z1 = random() % 256, z2 = random() % 256;
    auto z3 = int32_t(random() % 256);
    auto f = findDivideFactor(*p, -z1, 255 - z1, -z2, 255 - z2, z3, 0, 255);
    if (!f)
      continue;
    ++found;
    for (int64_t d1 = -z1; d1 <= 255 - z1; ++d1)
      for (int64_t d2 = -z2; d2 <= 255 - z2; ++d2)
        ASSERT_EQ(divideByFloats(d1, d2, *f, z3, 0, 255),
                  divideRequantize(d1, d2, *p, z3, 0, 255))
            << d1 << " / " << d2;
  }
  // It is the usual case, or nothing would be gained.
  EXPECT_GT(found, tries * 3 / 4);
  auto p = makeDivideParams(1.0, 1.0, 1.0);
  EXPECT_FALSE(findDivideFactor(*p, -1000, 1000, -1000, 1000, 0, 0, 255));
}

TEST(Divide, ByZero) {
  auto p = makeDivideParams(1.0, 1.0, 1.0);
  ASSERT_TRUE(p);
  EXPECT_EQ(divideRequantize(5, 0, *p, 10, 0, 255), 255);
  EXPECT_EQ(divideRequantize(-5, 0, *p, 10, 0, 255), 0);
  EXPECT_EQ(divideRequantize(0, 0, *p, 10, 0, 255), 10);
  EXPECT_EQ(divideRequantize(-5, 2, *p, 10, 0, 255), 7); // -2.5 away from zero
  EXPECT_EQ(divideRequantize(5, 2, *p, 10, 0, 255), 13);
}

TEST(Divide, ExtremesFitInt64) {
  auto small = makeDivideParams(0x1p-45, 1.0, 1.0);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->m0, 1);
  EXPECT_EQ(divideRequantize(131071, -131071, *small, 0, -9, 9), 0);
  auto large = makeDivideParams(0x1p31 - 1, 1.0, 1.0);
  ASSERT_TRUE(large);
  EXPECT_EQ(divideRequantize(131071, -1, *large, 0, -9, 9), -9);
  EXPECT_FALSE(makeDivideParams(1.0, 0.0, 1.0));
  EXPECT_FALSE(makeDivideParams(0.0, 1.0, 1.0));
  EXPECT_FALSE(makeDivideParams(1.0, 1e-20, 1e-20));
}

} // namespace
