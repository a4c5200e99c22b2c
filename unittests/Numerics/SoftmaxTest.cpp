//===- SoftmaxTest.cpp - Integer softmax against the real one -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Softmax.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

/// The largest error of the row in steps, p = 1 saturating.
double rowError(const std::vector<int32_t> &row, double scale,
                const SoftmaxParams &params) {
  std::vector<int32_t> out(row.size());
  softmaxRow(row.data(), out.data(), row.size(), 1, params);
  int32_t max = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (int32_t q : row)
    sum += std::exp(scale * (q - max));
  double steps = std::ldexp(1.0, int(params.outBits)), error = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    double y = steps * std::exp(scale * (row[i] - max)) / sum;
    y = std::min(y, double(params.maxOutput()));
    error = std::max(error, std::fabs(y - (out[i] - params.outZeroPoint)));
  }
  return error;
}

double bound(size_t n, unsigned outBits) {
  // The last term is the double arithmetic of this test.
  return 0.5 + (double(n) + 1) * std::ldexp(1.0, int(outBits) - 32) + 1e-9;
}

TEST(Softmax, ErrorBoundOverWideDomains) {
  std::mt19937_64 random(21);
  for (double scale : {1e-6, 1e-3, 0.01, 0.05, 0.1, 0.3, 1.0, 5.0, 100.0})
    for (size_t n : {1, 2, 3, 10, 64, 197, 1000, 5000}) {
      auto params = makeSoftmax(scale, 8, int64_t(n), 8, random() % 2);
      ASSERT_TRUE(params);
      for (int i = 0; i < 20; ++i) {
        // Rows of all spreads: equal inputs, one winner, everything between.
        uint32_t spread = 1u << (random() % 9);
        std::vector<int32_t> row(n);
        for (int32_t &q : row)
          q = int32_t(random() % spread);
        if (random() % 2)
          row[random() % n] = 255;
        ASSERT_LE(rowError(row, scale, *params), bound(n, 8))
            << scale << " " << n;
      }
    }
}

TEST(Softmax, AllPairs) {
  // Two inputs: every difference at every scale of a grid.
  for (int s = 1; s <= 400; ++s) {
    double scale = s * 0.005;
    auto params = makeSoftmax(scale, 8, 2);
    ASSERT_TRUE(params);
    for (int32_t d = 0; d < 256; ++d)
      ASSERT_LE(rowError({0, d}, scale, *params), bound(2, 8));
  }
}

TEST(Softmax, WorstRowApproachesTheBoundAndKeepsIt) {
  // Entries just below half a unit vanish from the table but not from the real
  // sum: the largest loss that n elements can cause. exp(-d S) 2^31 < 1/2 for d
  // = 255 and this scale.
  double scale = std::log(0x1.02p32) / 255;
  size_t n = (1 << 20) - 1;
  auto params = makeSoftmax(scale, 8, int64_t(n), 16);
  EXPECT_FALSE(params); // 16 bits refuse such a row ...
  params = makeSoftmax(scale, 8, int64_t(n));
  ASSERT_TRUE(params); // ... 8 bits take it.
  EXPECT_EQ(params->table[255], 0u);
  std::vector<int32_t> row(n, 0);
  row[0] = row[1] = 255;
  double error = rowError(row, scale, *params);
  EXPECT_LE(error, bound(n, 8));
  // 2^20 * 2^-24 * 1/4, as half of the probability sits in each of two winners.
  EXPECT_GT(error, 0.01);

  n = (1 << 15) - 1;
  params = makeSoftmax(scale, 8, int64_t(n), 16);
  ASSERT_TRUE(params);
  row.assign(n, 0);
  row[0] = row[1] = 255;
  error = rowError(row, scale, *params);
  EXPECT_LE(error, 1.0);
  EXPECT_GT(error, 0.1);
}

TEST(Softmax, ByHand) {
  auto params = makeSoftmax(std::log(2.0), 8, 3);
  ASSERT_TRUE(params);
  EXPECT_EQ(params->table[0], 1u << 31);
  EXPECT_EQ(params->table[1], 1u << 30);
  EXPECT_EQ(params->table[31], 1u);
  std::vector<int32_t> row{10, 9, 9}, out(3);
  softmaxRow(row.data(), out.data(), 3, 1, *params);
  EXPECT_EQ(out, (std::vector<int32_t>{128, 64, 64}));
  // One winner saturates at 255 / 256.
  row = {255, 0, 0};
  softmaxRow(row.data(), out.data(), 3, 1, *params);
  EXPECT_EQ(out, (std::vector<int32_t>{255, 0, 0}));
}

TEST(Softmax, SignedOutputAndStride) {
  auto unsignedParams = makeSoftmax(0.1, 8, 4),
       signedParams = makeSoftmax(0.1, 8, 4, 8, true);
  ASSERT_TRUE(unsignedParams && signedParams);
  std::vector<int32_t> row{-128, 5, 17, 127}, a(4), b(12, 99);
  softmaxRow(row.data(), a.data(), 4, 1, *unsignedParams);
  for (int i = 0; i < 4; ++i)
    b[size_t(3 * i)] = row[size_t(i)];
  softmaxRow(b.data(), b.data(), 4, 3, *signedParams);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(b[size_t(3 * i)], a[size_t(i)] - 128);
    if (i < 3)
      EXPECT_EQ(b[size_t(3 * i + 1)], 99);
  }
}

TEST(Softmax, Monotone) {
  auto params = makeSoftmax(0.03, 8, 256);
  ASSERT_TRUE(params);
  std::vector<int32_t> row(256), out(256);
  for (int i = 0; i < 256; ++i)
    row[size_t(i)] = i;
  softmaxRow(row.data(), out.data(), 256, 1, *params);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
}

TEST(Softmax, Refusals) {
  EXPECT_FALSE(makeSoftmax(0, 8, 10));
  EXPECT_FALSE(makeSoftmax(std::nan(""), 8, 10));
  EXPECT_FALSE(makeSoftmax(0.1, 17, 10));
  EXPECT_FALSE(makeSoftmax(0.1, 8, 0));
  EXPECT_FALSE(makeSoftmax(0.1, 8, 1 << 23));
  EXPECT_TRUE(makeSoftmax(0.1, 8, (1 << 23) - 1));
  EXPECT_EQ(makeSoftmax(0.1, 8, 0).reason(),
            "a row of 0 elements is outside 1 to 8388607");
}

} // namespace
