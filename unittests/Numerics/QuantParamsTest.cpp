//===- QuantParamsTest.cpp - Scales, zero points, quantize ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/QuantParams.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

void expectValid(const QuantParams &p) {
  EXPECT_EQ(p.scale, double(float(p.scale)));
  EXPECT_GE(p.scale, double(FLT_MIN));
  EXPECT_GE(p.zeroPoint, p.qmin);
  EXPECT_LE(p.zeroPoint, p.qmax);
  EXPECT_EQ(quantize(0.0f, p), p.zeroPoint);
  EXPECT_EQ(dequantize(p.zeroPoint, p), 0.0f);
}

TEST(QuantParams, StorageRange) {
  auto expectRange = [](StorageRange range, int64_t lo, int64_t hi) {
    EXPECT_EQ(range.qmin, lo);
    EXPECT_EQ(range.qmax, hi);
  };
  expectRange(storageRange(8, false), 0, 255);
  expectRange(storageRange(8, true), -128, 127);
  expectRange(storageRange(8, true, true), -127, 127);
  expectRange(storageRange(4, true), -8, 7);
  expectRange(storageRange(2, true, true), -1, 1);
  expectRange(storageRange(16, false), 0, 65535);
  expectRange(storageRange(32, true), INT32_MIN, INT32_MAX);
}

TEST(QuantParams, AsymmetricByHand) {
  // [-1, 1.55]: 255 steps of 0.01, zero at 100.
  auto p = chooseAsymmetric(-1.0, 1.55, 8, false);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->scale, double(0.01f));
  EXPECT_EQ(p->zeroPoint, 100);
  // The same numbers as signed storage (N2).
  auto s = chooseAsymmetric(-1.0, 1.55, 8, true);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->scale, p->scale);
  EXPECT_EQ(s->zeroPoint, p->zeroPoint - 128);
}

TEST(QuantParams, AsymmetricWidensToZero) {
  auto positive = chooseAsymmetric(3.0, 5.1, 8, false);
  ASSERT_TRUE(positive);
  EXPECT_EQ(positive->zeroPoint, 0);
  EXPECT_EQ(positive->scale, double(float(5.1 / 255)));
  auto negative = chooseAsymmetric(-5.1, -3.0, 8, false);
  ASSERT_TRUE(negative);
  EXPECT_EQ(negative->zeroPoint, 255);
}

TEST(QuantParams, DeadTensorHasScaleOne) {
  for (bool isSigned : {false, true}) {
    auto p = chooseAsymmetric(0.0, 0.0, 8, isSigned);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->scale, 1.0);
    EXPECT_EQ(p->zeroPoint, p->qmin);
    expectValid(*p);
    EXPECT_EQ(chooseSymmetric(0.0, 8, isSigned, true)->scale, 1.0);
    EXPECT_EQ(choosePowerOfTwo(0.0, 8, isSigned)->scale, 1.0);
  }
  EXPECT_EQ(chooseAsymmetric(-0.0, 0.0, 8, false)->scale, 1.0);
}

TEST(QuantParams, RandomRangesCoverAndKeepZeroExact) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-60, 60), sign(-1, 1);
  for (int i = 0; i < 200000; ++i) {
    double a = std::ldexp(sign(random), int(exponent(random)));
    double b = std::ldexp(sign(random), int(exponent(random)));
    if (a > b)
      std::swap(a, b);
    unsigned bits = 2 + unsigned(random() % 15);
    auto p = chooseAsymmetric(a, b, bits, random() % 2);
    ASSERT_TRUE(p);
    expectValid(*p);
    // The nudge moves the ends by at most half a step, the scale's rounding
    // by a few units in its last place.
    double slack = p->scale * (0.5 + 65536 * 0x1p-23);
    EXPECT_LE(double(p->qmin - p->zeroPoint) * p->scale,
              std::min(a, 0.0) + slack);
    EXPECT_GE(double(p->qmax - p->zeroPoint) * p->scale,
              std::max(b, 0.0) - slack);
  }
}

TEST(QuantParams, ExtremeRanges) {
  auto tiny = chooseAsymmetric(0.0, 1e-300, 8, false);
  ASSERT_TRUE(tiny);
  EXPECT_EQ(tiny->scale, double(FLT_MIN));
  auto subnormal = chooseSymmetric(FLT_TRUE_MIN, 8, true, true);
  ASSERT_TRUE(subnormal);
  EXPECT_EQ(subnormal->scale, double(FLT_MIN));
  auto large = chooseAsymmetric(-FLT_MAX, FLT_MAX, 8, false);
  ASSERT_TRUE(large);
  expectValid(*large);
  EXPECT_FALSE(chooseAsymmetric(-DBL_MAX, DBL_MAX, 8, false));
  EXPECT_FALSE(chooseSymmetric(DBL_MAX, 8, true, false));
}

TEST(QuantParams, RefusesWhatIsNoRange) {
  EXPECT_FALSE(chooseAsymmetric(notANumber, 1, 8, false));
  EXPECT_FALSE(chooseAsymmetric(0, notANumber, 8, false));
  EXPECT_FALSE(chooseAsymmetric(-infinity, 1, 8, false));
  EXPECT_FALSE(chooseAsymmetric(0, infinity, 8, false));
  EXPECT_FALSE(chooseAsymmetric(2, 1, 8, false));
  EXPECT_FALSE(chooseAsymmetric(0, 1, 1, false));
  EXPECT_FALSE(chooseAsymmetric(0, 1, 17, false));
  EXPECT_FALSE(chooseSymmetric(-1, 8, true, true));
  EXPECT_FALSE(chooseSymmetric(notANumber, 8, true, true));
  EXPECT_FALSE(choosePowerOfTwo(infinity, 8, true));
  EXPECT_EQ(chooseAsymmetric(2, 1, 8, false).reason(),
            "the range [2, 1] is not an interval of finite numbers");
}

TEST(QuantParams, WeightRanges) {
  auto eight = chooseWeight(12.7, 8);
  ASSERT_TRUE(eight);
  EXPECT_EQ(eight->qmin, -127);
  EXPECT_EQ(eight->qmax, 127);
  EXPECT_EQ(eight->scale, double(float(12.7 / 127)));
  auto four = chooseWeight(7.0, 4);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->qmin, -8);
  EXPECT_EQ(four->qmax, 7);
  EXPECT_EQ(four->scale, 1.0);
  EXPECT_EQ(chooseWeight(7.0, 4, true)->qmin, -7);
  EXPECT_EQ(chooseWeight(7.0, 2)->scale, 7.0);
  // Neither end is clipped, whatever the width.
  for (unsigned bits = 2; bits <= 8; ++bits) {
    auto p = chooseWeight(0.3, bits);
    ASSERT_TRUE(p);
    EXPECT_EQ(quantize(0.3f, *p), p->qmax);
    EXPECT_EQ(quantize(-0.3f, *p), -p->qmax);
  }
}

TEST(QuantParams, PowerOfTwo) {
  EXPECT_EQ(choosePowerOfTwo(1.0, 8, true)->scale, 1.0 / 128);
  EXPECT_EQ(choosePowerOfTwo(1.0, 8, false)->scale, 1.0 / 256);
  EXPECT_EQ(choosePowerOfTwo(std::nextafter(1.0, 2.0), 8, true)->scale,
            1.0 / 64);
  EXPECT_EQ(choosePowerOfTwo(std::nextafter(1.0, 0.0), 8, true)->scale,
            1.0 / 128);
  EXPECT_EQ(choosePowerOfTwo(6.0, 8, false)->scale, 8.0 / 256);
  EXPECT_EQ(choosePowerOfTwo(0.0625, 4, true)->scale, 0.0625 / 8);
  EXPECT_EQ(choosePowerOfTwo(6.0, 8, false)->zeroPoint, 0);
  EXPECT_TRUE(isPowerOfTwo(0.25));
  EXPECT_TRUE(isPowerOfTwo(1.0));
  EXPECT_FALSE(isPowerOfTwo(0.75));
  EXPECT_FALSE(isPowerOfTwo(0.0));
  EXPECT_FALSE(isPowerOfTwo(-2.0));
  EXPECT_FALSE(isPowerOfTwo(infinity));
}

TEST(Quantize, TiesGoToEven) {
  QuantParams p{2.0, 10, 0, 255};
  EXPECT_EQ(quantize(1.0f, p), 10); // 0.5
  EXPECT_EQ(quantize(3.0f, p), 12); // 1.5
  EXPECT_EQ(quantize(5.0f, p), 12); // 2.5
  EXPECT_EQ(quantize(-1.0f, p), 10);
  EXPECT_EQ(quantize(-3.0f, p), 8);
}

TEST(Quantize, SpecialValues) {
  QuantParams p{0.1f, 7, 0, 255};
  EXPECT_EQ(quantize(std::numeric_limits<float>::quiet_NaN(), p), 7);
  EXPECT_EQ(quantize(std::numeric_limits<float>::infinity(), p), 255);
  EXPECT_EQ(quantize(-std::numeric_limits<float>::infinity(), p), 0);
  EXPECT_EQ(quantize(FLT_MAX, p), 255);
  EXPECT_EQ(quantize(-FLT_MAX, p), 0);
  EXPECT_EQ(quantize(-0.0f, p), 7);
  EXPECT_EQ(quantizeExact(notANumber, p), 7);
  EXPECT_EQ(quantizeExact(infinity, p), 255);
  // A quotient that overflows to infinity saturates too.
  EXPECT_EQ(quantize(FLT_MAX, {FLT_MIN, 7, 0, 255}), 255);
}

TEST(Quantize, DividesInFloat32) {
  // 0.7 / 0.1 is below 7 in exact arithmetic of these float32 numbers and 7
  // in float32; with half a step more it is the float32 tie that decides.
  QuantParams p{0.1f, 0, 0, 255};
  for (int q = 0; q < 256; ++q)
    for (float real : {(float(q) + 0.5f) * 0.1f, float(q) * 0.1f}) {
      float expected = std::nearbyint(real / 0.1f);
      EXPECT_EQ(quantize(real, p), int64_t(std::fmin(expected, 255.0f)));
    }
}

TEST(Quantize, RoundTripsEveryStorageValue) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> scale(-40, 40);
  for (int i = 0; i < 500; ++i) {
    double s = *roundScale(std::exp2(scale(random)));
    for (auto range : {storageRange(8, false), storageRange(8, true),
                       storageRange(3, true), storageRange(12, false)}) {
      int64_t width = range.qmax - range.qmin + 1;
      QuantParams p{s, range.qmin + int64_t(random() % uint64_t(width)),
                    range.qmin, range.qmax};
      for (int64_t q = p.qmin; q <= p.qmax; ++q)
        ASSERT_EQ(quantize(dequantize(q, p), p), q);
    }
  }
}

TEST(Quantize, SimulateIsThereAndBack) {
  float inf = std::numeric_limits<float>::infinity();
  std::mt19937 random(3);
  std::uniform_real_distribution<float> any(-1.2f, 1.2f);
  for (QuantParams p : {QuantParams{0.25, 7, 0, 255},
                        {0.01, 0, -127, 127},
                        {3e-3, -8, -8, 7},
                        {1e-5, 65535, 0, 65535},
                        {1e30, -100, -32768, 32767},
                        {FLT_MIN, 0, -2, 1}}) {
    double reach = p.scale * double(p.qmax - p.qmin);
    std::vector<float> x{inf, -inf, float(notANumber), 0.0f, -0.0f, FLT_MAX};
    // Ties, which go to the even integer, and all that lies between.
    for (int tie : {-3, -1, 1, 3, 5})
      x.push_back(float(p.scale * tie / 2));
    for (int i = 0; i < 1000; ++i)
      x.push_back(float(reach * any(random)));
    std::vector<float> y(x.size());
    simulate(p, x.data(), y.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(y[i], dequantize(quantize(x[i], p), p)) << x[i];
    simulate(p, x.data(), x.data(), x.size());
    EXPECT_EQ(x, y);
  }
}

} // namespace
