//===- WinogradTest.cpp - Transforms and bounds of Winograd tiles ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Winograd.h"

#include <cstdlib>
#include <limits>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

constexpr FactorRange kUnsigned{0, 255}, kSigned{-128, 127};

struct TileCase {
  const WinogradForm &rows, &columns;
  std::vector<int32_t> data;
  std::vector<int8_t> weights;
  size_t channels;
  int32_t bias = 0;

  /// By the definition of a convolution, in int64.
  std::vector<int64_t> direct() const {
    std::vector<int64_t> results;
    for (unsigned y = 0; y < rows.outputs; ++y)
      for (unsigned x = 0; x < columns.outputs; ++x) {
        int64_t sum = bias;
        for (unsigned r = 0; r < 3; ++r)
          for (unsigned c = 0; c < 3; ++c)
            for (size_t i = 0; i < channels; ++i)
              sum +=
                  int64_t(data[((y + r) * columns.inputs() + x + c) * channels +
                               i]) *
                  weights[(r * 3 + c) * channels + i];
        results.push_back(sum);
      }
    return results;
  }

  bool isExact() const {
    std::vector<int32_t> got =
        winogradTile(rows, columns, data, weights, channels, bias);
    std::vector<int64_t> expected = direct();
    return std::equal(got.begin(), got.end(), expected.begin(), expected.end());
  }
};

TileCase makeTile(unsigned rows, unsigned columns, size_t channels) {
  TileCase tile{
      getWinogradForm(rows), getWinogradForm(columns), {}, {}, channels};
  tile.data.resize(tile.rows.inputs() * tile.columns.inputs() * channels);
  tile.weights.resize(9 * channels);
  return tile;
}

/// All pairs of forms that may make a tile.
const unsigned kTiles[5][2] = {{4, 4}, {4, 3}, {3, 4}, {3, 3}, {2, 2}};

TEST(Winograd, EqualsTheConvolutionOnRandomData) {
  std::mt19937 random(31);
  for (auto [rows, columns] : kTiles)
    for (int repeat = 0; repeat < 200; ++repeat) {
      TileCase tile = makeTile(rows, columns, 1 + random() % 32);
      bool isSigned = random() % 2;
      for (int32_t &x : tile.data)
        x = int32_t(random() % 256) - (isSigned ? 128 : 0);
      for (int8_t &w : tile.weights)
        w = int8_t(int(random() % 255) - 127);
      tile.bias = int32_t(random() % 200001) - 100000;
      ASSERT_TRUE(tile.isExact()) << rows << "x" << columns;
    }
}

TEST(Winograd, EqualsTheConvolutionAtTheExtremes) {
  std::mt19937 random(32);
  for (auto [rows, columns] : kTiles)
    for (int repeat = 0; repeat < 200; ++repeat) {
      // 100 channels keep within 2^25 whatever the signs are.
      TileCase tile = makeTile(rows, columns, 100);
      unsigned odds = 1 + random() % 3;
      for (int32_t &x : tile.data)
        x = random() % odds ? 0 : 255;
      for (int8_t &w : tile.weights)
        w = random() % 2 ? 127 : -127;
      ASSERT_TRUE(tile.isExact()) << rows << "x" << columns;
    }
}

/// The input of a form's range that makes position (i, j) largest, or smallest.
int64_t worstData(const WinogradForm &rows, const WinogradForm &columns,
                  FactorRange range, unsigned i, unsigned j, bool largest) {
  int64_t sum = 0;
  for (unsigned r = 0; r < rows.inputs(); ++r)
    for (unsigned c = 0; c < columns.inputs(); ++c) {
      int factor = rows.data[i][r] * columns.data[j][c];
      sum += factor * ((factor > 0) == largest ? range.hi : range.lo);
    }
  return sum;
}

TEST(WinogradBounds, DataReachesItsBoundAndDoesNotCrossIt) {
  std::mt19937 random(33);
  for (auto [r, c] : kTiles)
    for (FactorRange range : {kUnsigned, kSigned, FactorRange{3, 200}}) {
      const WinogradForm &rows = getWinogradForm(r);
      const WinogradForm &columns = getWinogradForm(c);
      int64_t bound = winogradDataBound(rows, columns, range), reached = 0;
      for (unsigned i = 0; i < rows.positions; ++i)
        for (unsigned j = 0; j < columns.positions; ++j) {
          for (bool largest : {false, true})
            reached = std::max(reached, std::abs(worstData(rows, columns, range,
                                                           i, j, largest)));
          // Random corners of the range.
          int64_t sum = 0;
          for (unsigned y = 0; y < rows.inputs(); ++y)
            for (unsigned x = 0; x < columns.inputs(); ++x)
              sum += rows.data[i][y] * columns.data[j][x] *
                     (random() % 2 ? range.hi : range.lo);
          ASSERT_LE(std::abs(sum), bound);
        }
      EXPECT_EQ(reached, bound) << r << "x" << c;
    }
}

TEST(WinogradBounds, KnownNumbers) {
  const WinogradForm &four = getWinogradForm(4), &three = getWinogradForm(3),
                     &two = getWinogradForm(2);
  EXPECT_EQ(winogradDataBound(four, four, kUnsigned), 17340);
  EXPECT_EQ(winogradDataBound(four, three, kUnsigned), 78 * 255);
  EXPECT_EQ(winogradDataBound(three, three, kUnsigned), 90 * 255);
  EXPECT_EQ(winogradDataBound(two, two, kUnsigned), 1020);
  EXPECT_EQ(winogradWeightBound(four, 127), 18288);
  EXPECT_EQ(winogradWeightBound(two, 127), 1143);
  EXPECT_EQ(getWinogradRecovery(four).factor, 0x38E38E39u);
  EXPECT_EQ(getWinogradRecovery(four).shift, 6u);
  EXPECT_EQ(getWinogradRecovery(two).factor, 1u);
  EXPECT_EQ(getWinogradRecovery(two).shift, 2u);
  EXPECT_EQ(winogradLimit(four).lo, -(1 << 25));
  EXPECT_EQ(winogradLimit(three).hi, (1 << 25) - 1);
  EXPECT_EQ(winogradLimit(two).hi, (1 << 29) - 1);
}

TEST(WinogradBounds, OperandsOfAllBytesFit) {
  for (unsigned outputs : {2, 3, 4})
    for (FactorRange range : {kUnsigned, kSigned})
      EXPECT_TRUE(winogradOperandsFit(getWinogradForm(outputs), range, 128));
  // Activations minus a zero point at the other end of their range do not.
  EXPECT_FALSE(winogradOperandsFit(getWinogradForm(4), {-255, 255}, 127));
  EXPECT_TRUE(winogradOperandsFit(getWinogradForm(2), {-255, 255}, 127));
  EXPECT_FALSE(winogradOperandsFit(getWinogradForm(4), kUnsigned, 228));
}

/// A tile whose first output is as large, or as small, as a channel's weights
/// allow; the others are arbitrary.
TileCase worstTile(unsigned rows, unsigned columns,
                   const std::vector<int8_t> &weights, bool largest,
                   int32_t bias) {
  size_t channels = weights.size() / 9;
  TileCase tile = makeTile(rows, columns, channels);
  tile.weights = weights;
  tile.bias = bias;
  for (unsigned r = 0; r < 3; ++r)
    for (unsigned c = 0; c < 3; ++c)
      for (size_t i = 0; i < channels; ++i)
        if ((weights[(r * 3 + c) * channels + i] > 0) == largest)
          tile.data[(r * tile.columns.inputs() + c) * channels + i] = 255;
  return tile;
}

/// Adds a constant to the bias until a channel's accumulators end just at the
/// limit, on either side, and one further.
TEST(WinogradBounds, TheLimitIsReachedAndNotCrossed) {
  std::mt19937 random(34);
  for (auto [rows, columns] : kTiles)
    for (int repeat = 0; repeat < 50; ++repeat) {
      const WinogradForm &form = getWinogradForm(rows);
      FactorRange limit = winogradLimit(form);
      std::vector<int8_t> weights(9 * (1 + random() % 60));
      for (int8_t &w : weights)
        w = int8_t(int(random() % 255) - 127);
      AccumulatorBounds sums =
          accumulatorBounds(weights.data(), weights.size(), kUnsigned, 0);
      auto isProven = [&](int64_t bias) {
        return isWinogradExact(
            form,
            accumulatorBounds(weights.data(), weights.size(), kUnsigned, bias));
      };
      auto atTop = int32_t(limit.hi - sums.max);
      EXPECT_TRUE(isProven(atTop));
      EXPECT_FALSE(isProven(atTop + 1));
      EXPECT_TRUE(worstTile(rows, columns, weights, true, atTop).isExact());
      EXPECT_FALSE(
          worstTile(rows, columns, weights, true, atTop + 1).isExact());
      auto atBottom = int32_t(limit.lo - sums.min);
      EXPECT_TRUE(isProven(atBottom));
      EXPECT_FALSE(isProven(atBottom - 1));
      EXPECT_TRUE(worstTile(rows, columns, weights, false, atBottom).isExact());
      EXPECT_FALSE(
          worstTile(rows, columns, weights, false, atBottom - 1).isExact());
    }
}

/// 255 * max(P, N) + |bias| < 2^25 is what the bounds come to.
TEST(WinogradBounds, WidestLayers) {
  auto isProven = [](unsigned outputs, size_t channels) {
    std::vector<int8_t> w(9 * channels, 127);
    return isWinogradExact(getWinogradForm(outputs),
                           accumulatorBounds(w.data(), w.size(), kUnsigned, 0));
  };
  EXPECT_TRUE(isProven(4, 115));
  EXPECT_FALSE(isProven(4, 116));
  EXPECT_TRUE(isProven(2, 1841));
  EXPECT_FALSE(isProven(2, 1842));
}

TEST(WinogradCentre, MakesRoomForTwiceTheWidth) {
  const WinogradForm &form = getWinogradForm(4);
  std::vector<int8_t> weights(9 * 230, 127);
  auto boundsOf = [&]() {
    return accumulatorBounds(weights.data(), weights.size(), kUnsigned, 0);
  };
  std::optional<int64_t> centre = winogradCentre(form, boundsOf());
  ASSERT_TRUE(centre);
  EXPECT_FALSE(isWinogradExact(form, boundsOf()));
  for (bool largest : {false, true}) {
    TileCase tile =
        worstTile(4, 4, weights, largest, static_cast<int32_t>(*centre));
    EXPECT_TRUE(tile.isExact());
  }
  // One less, and the largest accumulator crosses the limit.
  EXPECT_EQ(boundsOf().max + *centre, winogradLimit(form).hi);
  weights.resize(9 * 231, 127);
  EXPECT_FALSE(winogradCentre(form, boundsOf()));
  // Nothing to do for a layer that is exact as it is.
  weights.resize(9);
  EXPECT_EQ(winogradCentre(form, boundsOf()), 0);
}

/// Every accumulator of the range comes back, whatever multiple of 2^32 is
/// missing in its sum.
TEST(WinogradRecovery, InvertsTheScale) {
  std::mt19937 random(35);
  for (unsigned outputs : {2, 3, 4}) {
    const WinogradForm &form = getWinogradForm(outputs);
    FactorRange limit = winogradLimit(form);
    for (int i = 0; i < 100000; ++i) {
      int64_t width = int64_t(limit.hi) - limit.lo + 1;
      auto y = int32_t(limit.lo + int64_t(random() % uint64_t(width)));
      int32_t bias = int32_t(random() % 2001) - 1000;
      auto sum = uint32_t(int64_t(form.scale) * form.scale * (y - bias));
      ASSERT_EQ(winogradRecover(form, sum, bias), y);
    }
  }
}

} // namespace
