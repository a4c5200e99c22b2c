//===- FloatQuantizeTest.cpp - The reciprocal against the division --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatQuantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

float divide(float real, float scale, float lo, float hi) {
  return std::clamp(std::nearbyint(real / scale), lo, hi);
}

/// Every boundary between integers, and the floats around it.
void expectEqual(float scale, int64_t lo, int64_t hi,
                 const QuantizeReciprocal &r) {
  auto check = [&](float x) {
    float expected = divide(x, scale, float(lo), float(hi));
    float actual = std::clamp(quantizeByReciprocal(x, r), float(lo), float(hi));
    ASSERT_EQ(expected, actual) << x << " / " << scale;
  };
  for (int64_t value = lo - 3; value <= hi + 3; ++value)
    for (double half : {-0.5, 0.0, 0.5}) {
      float x = float((double(value) + half) * scale);
      for (int i = 0; i < 40; ++i)
        x = std::nextafter(x, -INFINITY);
      for (int i = 0; i < 80; ++i, x = std::nextafter(x, INFINITY))
        check(x);
    }
  for (float x : {0.0f, -0.0f, 1e-40f, 1e38f, -1e38f, INFINITY, -INFINITY,
                  std::numeric_limits<float>::max()})
    check(x);
}

TEST(FloatQuantize, ReciprocalsAreTheDivision) {
  std::mt19937 random(11);
  int found = 0;
  constexpr int tries = 60;
  for (int i = 0; i < tries; ++i) {
    float scale = std::ldexp(1.0f + float(random() % 1000003) / 1000003.0f,
                             int(random() % 24) - 16);
    int64_t zeroPoint = random() % 256;
    auto r = findQuantizeReciprocal(scale, -zeroPoint, 255 - zeroPoint);
    if (!r)
      continue;
    ++found;
    expectEqual(scale, -zeroPoint, 255 - zeroPoint, *r);
  }
  // It is the usual case, or nothing would be gained.
  EXPECT_GT(found, tries * 9 / 10);
}

TEST(FloatQuantize, PowersOfTwo) {
  auto r = findQuantizeReciprocal(0.25f, -128, 127);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->high, 4.0f);
  EXPECT_EQ(r->low, 0.0f);
  expectEqual(0.25f, -128, 127, *r);
}

TEST(FloatQuantize, SixteenBits) {
  auto r = findQuantizeReciprocal(0.00031f, -32768, 32767);
  ASSERT_TRUE(r);
  expectEqual(0.00031f, -32768, 32767, *r);
}

TEST(FloatQuantize, RefusesWhatIsNotProven) {
  EXPECT_FALSE(findQuantizeReciprocal(1e-30f, 0, 255));
  EXPECT_FALSE(findQuantizeReciprocal(1e30f, 0, 255));
  EXPECT_FALSE(findQuantizeReciprocal(NAN, 0, 255));
  EXPECT_FALSE(findQuantizeReciprocal(0.5f, 0, 1 << 20));
}

} // namespace
