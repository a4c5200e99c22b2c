//===- BiasTest.cpp - Biases that fit the accumulator ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Bias.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

TEST(Bias, ByHand) {
  EXPECT_EQ(*quantizeBias(1.0, 0.5, 0.25), 8);
  EXPECT_EQ(*quantizeBias(0.3125, 0.5, 0.25), 2);   // 2.5, to even
  EXPECT_EQ(*quantizeBias(-0.4375, 0.5, 0.25), -4); // -3.5
  EXPECT_EQ(*quantizeBias(double(maxBias), 1.0, 1.0), maxBias);
  EXPECT_EQ(*quantizeBias(-double(maxBias), 1.0, 1.0), -maxBias);
  EXPECT_FALSE(quantizeBias(0x1p30, 1.0, 1.0));
  EXPECT_FALSE(quantizeBias(1.0, 1e-30, 1e-30));
  EXPECT_FALSE(quantizeBias(std::numeric_limits<double>::infinity(), 1, 1));
  EXPECT_EQ(quantizeBias(std::nan(""), 1, 1).reason(),
            "the bias nan is not finite");
}

TEST(Bias, ScaleIsRaisedJustEnough) {
  std::mt19937_64 random(22);
  std::uniform_real_distribution<double> log(-40, 10);
  int raised = 0;
  for (int i = 0; i < 20000; ++i) {
    double bias = std::exp2(log(random)) * (random() % 2 ? 1 : -1);
    double sx = double(float(std::exp2(log(random))));
    double sw = double(float(std::exp2(log(random))));
    auto scale = weightScaleForBias(bias, sx, sw);
    ASSERT_TRUE(scale);
    ASSERT_EQ(*scale, double(float(*scale)));
    ASSERT_GE(*scale, sw);
    ASSERT_TRUE(quantizeBias(bias, sx, *scale));
    if (*scale == sw)
      continue;
    ++raised;
    // Not a unit in the last place more than needed.
    ASSERT_FALSE(
        quantizeBias(bias, sx, double(std::nextafter(float(*scale), 0.0f))));
    ASSERT_GT(std::abs(*quantizeBias(bias, sx, *scale)), maxBias - (1 << 8));
  }
  EXPECT_GT(raised, 1000);
}

TEST(Bias, ScaleRefusals) {
  EXPECT_FALSE(weightScaleForBias(std::nan(""), 1, 1));
  EXPECT_FALSE(weightScaleForBias(1, 0, 1));
  EXPECT_FALSE(weightScaleForBias(1, 1, -1));
  EXPECT_FALSE(weightScaleForBias(1e30, 1e-30, 1));
  EXPECT_EQ(*weightScaleForBias(0, 1e-30, 1e-30), double(1e-30f));
}

} // namespace
