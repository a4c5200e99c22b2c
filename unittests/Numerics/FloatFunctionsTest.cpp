//===- FloatFunctionsTest.cpp - Real functions in float32 -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatFunctions.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

using Functions = FloatFunctions<HostFloat>;

float evaluate(UnaryKind kind, float x, float alpha = 0, float beta = 0) {
  HostFloat emit;
  return Functions(emit).evaluate(kind, x, alpha, beta);
}

/// Numbers of all sizes: every 4099th pattern of bits.
std::vector<float> allSizes() {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 4099) {
    uint32_t pattern = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &pattern, sizeof(value));
    values.push_back(value);
  }
  return values;
}

/// The distance of `actual` from the real number in units of the last place of
/// a float32 near it.
double unitsInLastPlace(float actual, double expected) {
  float near = static_cast<float>(std::fabs(expected));
  double unit = std::nextafter(near, infinity) - double(near);
  return std::fabs(actual - expected) / unit;
}

TEST(FloatFunctions, ExpIsWithinTwoUnits) {
  double worst = 0;
  for (float x : allSizes()) {
    float y = evaluate(UnaryKind::Exp, x);
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(y));
    } else if (x > 88.72284f) {
      EXPECT_EQ(y, infinity) << x;
    } else if (x < -87.3f) {
      EXPECT_EQ(y, 0.0f) << x;
    } else {
      worst = std::max(worst, unitsInLastPlace(y, std::exp(double(x))));
    }
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_GT(worst, 0.5); // The loop has met numbers.
}

TEST(FloatFunctions, LogIsWithinFourUnits) {
  double worst = 0;
  for (float x : allSizes()) {
    float y = evaluate(UnaryKind::Log, x);
    if (std::isnan(x) || x < 0) {
      EXPECT_TRUE(std::isnan(y)) << x;
      continue;
    }
    if (x == 0 || std::isinf(x)) {
      EXPECT_EQ(y, x == 0 ? -infinity : infinity);
      continue;
    }
    double expected = std::log(double(x));
    if (std::fabs(y - expected) > 0x1p-24)
      worst = std::max(worst, unitsInLastPlace(y, expected));
  }
  EXPECT_LT(worst, 4.0);
}

TEST(FloatFunctions, OthersAreCloseToTheDefinition) {
  struct Case {
    UnaryKind kind;
    float alpha, beta;
    double tolerance;
  };
  const Case cases[] = {
      {UnaryKind::Sigmoid, 0, 0, 1e-6},
      {UnaryKind::Tanh, 0, 0, 1e-6},
      {UnaryKind::Erf, 0, 0, 1e-6},
      {UnaryKind::Gelu, 0, 0, 1e-5},
      {UnaryKind::GeluTanh, 0, 0, 1e-5},
      {UnaryKind::Elu, 0.5f, 0, 1e-6},
      {UnaryKind::Selu, 1.6f, 1.05f, 1e-5},
      {UnaryKind::Celu, 2, 0, 1e-5},
      {UnaryKind::LeakyRelu, 0.1f, 0, 1e-6},
      {UnaryKind::HardSigmoid, 0.2f, 0.5f, 1e-6},
      {UnaryKind::HardSwish, 0, 0, 1e-5},
      {UnaryKind::Silu, 0, 0, 1e-5},
      {UnaryKind::Mish, 0, 0, 1e-5},
      {UnaryKind::Softplus, 0, 0, 1e-5},
      {UnaryKind::Softsign, 0, 0, 1e-6},
      {UnaryKind::ThresholdedRelu, 1, 0, 0},
      {UnaryKind::Relu, 0, 0, 0},
      {UnaryKind::Floor, 0, 0, 0},
      {UnaryKind::Ceil, 0, 0, 0},
      {UnaryKind::Round, 0, 0, 0},
      {UnaryKind::Sign, 0, 0, 0},
      {UnaryKind::Abs, 0, 0, 0},
      {UnaryKind::Neg, 0, 0, 0},
      {UnaryKind::Square, 0, 0, 1e-4},
  };
  for (const Case &test : cases)
    for (float x = -20.0f; x <= 20.0f; x += 0.0078125f)
      EXPECT_NEAR(evaluate(test.kind, x, test.alpha, test.beta),
                  q::numerics::evaluate(test.kind, x, test.alpha, test.beta),
                  test.tolerance)
          << "kind " << int(test.kind) << " at " << x;
  for (float x = 0.0078125f; x <= 20.0f; x += 0.0078125f)
    for (UnaryKind kind :
         {UnaryKind::Sqrt, UnaryKind::Rsqrt, UnaryKind::Reciprocal}) {
      double expected = q::numerics::evaluate(kind, x, 0, 0);
      EXPECT_NEAR(evaluate(kind, x), expected, 2e-7 * expected);
    }
}

TEST(FloatFunctions, SineIsNotKnown) {
  EXPECT_FALSE(Functions::isKnown(UnaryKind::Sin));
  EXPECT_FALSE(Functions::isKnown(UnaryKind::Cos));
  EXPECT_TRUE(Functions::isKnown(UnaryKind::Exp));
}

TEST(FloatFunctions, MinMaxAndClampKeepTheFirstBesideNaN) {
  HostFloat emit;
  Functions functions(emit);
  EXPECT_EQ(functions.min(1.0f, nan), 1.0f);
  EXPECT_EQ(functions.max(1.0f, nan), 1.0f);
  EXPECT_TRUE(std::isnan(functions.clamp(nan, 0.0f, 6.0f)));
  EXPECT_EQ(functions.clamp(7.0f, 0.0f, 6.0f), 6.0f);
}

} // namespace
