//===- LayerNormTest.cpp - Integer layer normalization --------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/LayerNorm.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

TEST(LayerNorm, IntegerSqrt) {
  std::mt19937_64 random(24);
  auto check = [](uint64_t v) {
    uint64_t r = integerSqrt(v);
    ASSERT_LE(r * r, v);
    ASSERT_GT((unsigned __int128)(r + 1) * (r + 1), v);
  };
  for (uint64_t v = 0; v < 5000; ++v)
    check(v);
  for (int i = 0; i < 100000; ++i)
    check(random() >> (random() % 64));
  check(UINT64_MAX);
}

TEST(LayerNorm, ErrorBoundOnRowsOfAllKinds) {
  std::mt19937_64 random(25);
  std::normal_distribution<double> normal;
  for (size_t n : {1, 2, 3, 16, 197, 768, 4096})
    for (double inputScale : {1e-4, 0.02, 3.0})
      for (double epsilon : {0.0, 1e-12, 1e-5, 1.0}) {
        std::vector<double> gamma(n), beta(n);
        for (size_t i = 0; i < n; ++i) {
          gamma[i] = normal(random);
          beta[i] = normal(random);
        }
        double outputScale = 0.03;
        auto params =
            makeLayerNorm(gamma, beta, epsilon, inputScale, outputScale, 255);
        ASSERT_TRUE(params) << params.reason();
        double maxGamma = 0;
        for (double g : gamma)
          maxGamma = std::max(maxGamma, std::fabs(g) / outputScale);
        for (int kind = 0; kind < 6; ++kind) {
          // Random of two spreads, constant, one outlier, alternating, ramp.
          std::vector<int32_t> d(n), out(n);
          for (size_t i = 0; i < n; ++i)
            d[i] = kind == 0   ? int32_t(random() % 511) - 255
                   : kind == 1 ? int32_t(random() % 3)
                   : kind == 2 ? -255
                   : kind == 3 ? (i == n / 2 ? 255 : 254)
                   : kind == 4 ? (i % 2 ? 255 : -255)
                               : int32_t(i % 256);
          layerNormRow(d.data(), out.data(), *params, 0, INT32_MIN, INT32_MAX);
          // With the integer epsilon, whose rounding the bound leaves out.
          double eps = double(params->epsilon) / double(n * n);
          double mean = 0, variance = 0;
          for (int32_t x : d)
            mean += x;
          mean /= double(n);
          for (int32_t x : d)
            variance += (x - mean) * (x - mean);
          variance /= double(n);
          double largest = 0;
          std::vector<double> normalized(n);
          for (size_t i = 0; i < n; ++i) {
            normalized[i] = variance + eps == 0
                                ? 0
                                : (d[i] - mean) / std::sqrt(variance + eps);
            largest = std::max(largest, std::fabs(normalized[i]));
          }
          double bound = 0.5 + 0x1p-20 * (1 + (1 + largest) * maxGamma);
          for (size_t i = 0; i < n; ++i) {
            double y = (gamma[i] * normalized[i] + beta[i]) / outputScale;
            ASSERT_LE(std::fabs(out[i] - y), bound)
                << n << " kind " << kind << " at " << i;
          }
        }
      }
}

TEST(LayerNorm, ByHand) {
  // mean 2, variance 2/3 * ... of 1, 2, 3: +-sqrt(3/2) = +-1.2247.
  auto params = makeLayerNorm({1, 1, 1}, {0, 0, 1}, 0, 0.5, 0.25, 255);
  ASSERT_TRUE(params);
  std::vector<int32_t> d{1, 2, 3}, out(3);
  layerNormRow(d.data(), out.data(), *params, 10, 0, 255);
  EXPECT_EQ(out, (std::vector<int32_t>{5, 10, 19}));
  layerNormRow(d.data(), out.data(), *params, 10, 8, 12);
  EXPECT_EQ(out, (std::vector<int32_t>{8, 10, 12}));
  EXPECT_EQ(makeLayerNorm({1, 1}, {0, 0}, 0.5, 0.5, 0.25, 255)->epsilon, 8u);
}

TEST(LayerNorm, Refusals) {
  EXPECT_FALSE(makeLayerNorm({}, {}, 0, 1, 1, 255));
  EXPECT_FALSE(makeLayerNorm({1}, {}, 0, 1, 1, 255));
  EXPECT_FALSE(makeLayerNorm({std::nan("")}, {0}, 0, 1, 1, 255));
  EXPECT_FALSE(makeLayerNorm({1}, {0}, -1, 1, 1, 255));
  EXPECT_FALSE(makeLayerNorm({1}, {0}, 1e30, 1, 1, 255));
  EXPECT_FALSE(makeLayerNorm({1}, {0}, 0, 0, 1, 255));
  EXPECT_FALSE(makeLayerNorm({1}, {0}, 0, 1, 1e-15, 255));
  std::vector<double> many(1 << 22, 1.0);
  EXPECT_FALSE(makeLayerNorm(many, many, 0, 1, 1, 255));
}

} // namespace
