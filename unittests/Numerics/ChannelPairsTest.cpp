//===- ChannelPairsTest.cpp - Which channels share an int16 lane ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/ChannelPairs.h"
#include "QDialect/Numerics/AccumulatorProof.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace q::numerics;

namespace {

std::vector<int8_t> makeWeights(size_t rows, size_t channels, double scale,
                                std::mt19937 &random) {
  std::exponential_distribution<double> magnitude(1 / scale);
  std::vector<int8_t> w(rows * channels);
  for (int8_t &weight : w) {
    double value = std::min(magnitude(random), 127.0);
    weight = static_cast<int8_t>(random() % 2 ? value : -value);
  }
  return w;
}

/// The pairs of an order that are not safe, by the definition.
size_t countUnsafe(const std::vector<int8_t> &w, size_t rows, size_t channels,
                   const std::vector<size_t> &order, int amax) {
  size_t count = 0;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i + 1 < channels; i += 2)
      count += !isPairSafe(w[row * channels + order[i]],
                           w[row * channels + order[i + 1]], amax);
  return count;
}

/// Every channel has its own largest activation.
TEST(ChannelPairs, CostIsZeroExactlyWhereProductsAreSafe) {
  std::mt19937 random(9);
  constexpr size_t rows = 3, channels = 12;
  size_t unsafe = 0, unsafeAt255 = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<int8_t> w = makeWeights(rows, channels, 60, random);
    std::vector<int> amax;
    for (size_t c = 0; c < channels; ++c)
      amax.push_back(int(random() % 256));
    amax[round % channels] = 0; // never active
    PairCosts costs(channels);
    costs.add(w.data(), rows, channels, 0, amax);
    for (size_t a = 0; a < channels; ++a)
      for (size_t b = 0; b < a; ++b) {
        bool isSafe = true;
        for (size_t row = 0; row < rows; ++row) {
          int first = w[row * channels + a], second = w[row * channels + b];
          int x = first * amax[a], y = second * amax[b];
          bool same = (x > 0) == (y > 0);
          isSafe &= !same || (x + y <= 32767 && x + y >= -32768);
          unsafeAt255 += !isPairSafe(first, second, 255);
        }
        ASSERT_EQ(costs.get(a, b) == 0, isSafe) << a << " " << b;
        unsafe += !isSafe;
      }
  }
  EXPECT_GT(unsafe, 20u);
  EXPECT_GT(unsafeAt255, 2 * unsafe);
}

TEST(ChannelPairs, CostIsZeroExactlyWhereAllPairsAreSafe) {
  std::mt19937 random(3);
  for (int amax : {255, 200, 127}) {
    constexpr size_t rows = 3, channels = 10;
    std::vector<int8_t> w = makeWeights(rows, channels, 60, random);
    PairCosts costs(channels);
    costs.add(w.data(), rows, channels, 0, {amax});
    for (size_t a = 0; a < channels; ++a)
      for (size_t b = 0; b < channels; ++b) {
        if (a == b)
          continue;
        bool isSafe = true;
        for (size_t row = 0; row < rows; ++row)
          isSafe &=
              isPairSafe(w[row * channels + a], w[row * channels + b], amax);
        ASSERT_EQ(costs.get(a, b) == 0, isSafe) << a << " " << b;
        ASSERT_EQ(costs.get(a, b), costs.get(b, a));
      }
  }
}

TEST(ChannelPairs, FindsAnOrderInWhichFewPairsAreUnsafe) {
  std::mt19937 random(5);
  constexpr size_t rows = 16, channels = 128;
  std::vector<int8_t> w = makeWeights(rows, channels, 22, random);
  PairCosts costs(channels);
  costs.add(w.data(), rows, channels, 0, {255});
  std::vector<size_t> order = pairChannels(costs), identity(channels);
  std::iota(identity.begin(), identity.end(), size_t(0));
  std::vector<size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, identity);
  size_t before = countUnsafe(w, rows, channels, identity, 255);
  size_t after = countUnsafe(w, rows, channels, order, 255);
  EXPECT_GT(before, 5u);
  EXPECT_EQ(after, 0u);
}

TEST(ChannelPairs, TheBestOfFourChannels) {
  // Only 0 with 3 and 1 with 2 are safe in both rows.
  const std::vector<int8_t> w = {100, 20, 100, 20, -20, -120, -5, -30};
  PairCosts costs(4);
  costs.add(w.data(), 2, 4, 0, {255});
  std::vector<size_t> order = pairChannels(costs);
  EXPECT_EQ(costs.total(order), 0);
  EXPECT_EQ(countUnsafe(w, 2, 4, order, 255), 0u);
}

TEST(ChannelPairs, NothingToGainChangesNothing) {
  const std::vector<int8_t> w = {60, 60, -60, 60, 1, 2, 3, 4};
  PairCosts costs(8);
  costs.add(w.data(), 1, 8, 0, {255});
  std::vector<size_t> identity(8);
  std::iota(identity.begin(), identity.end(), size_t(0));
  EXPECT_EQ(pairChannels(costs), identity);
}

TEST(ChannelPairs, SeesItsPartOfALayerWithMoreInputs) {
  // Behind a concatenation: channels 2 to 5 of a layer of 6.
  const std::vector<int8_t> w = {127, 127, 100, 100, 3, 3};
  PairCosts costs(4);
  costs.add(w.data(), 1, 6, 2, {255});
  EXPECT_EQ(costs.get(0, 1), 72 * 72);
  EXPECT_EQ(costs.get(0, 2), 0);
  EXPECT_EQ(costs.total(pairChannels(costs)), 0);
}

} // namespace
