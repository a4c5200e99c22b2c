//===- SignedChainsTest.cpp - Bounds are reached, not crossed -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/SignedChains.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

/// What the lanes of SMULL and SMLAL end with for one channel: run by run,
/// chain by chain, eight lanes each. In int16 they wrap around, in int64 they
/// do not.
template <typename Lane>
std::vector<Lane> runLanes(const std::vector<int32_t> &w,
                           const std::vector<int32_t> &x, WeightRuns runs,
                           size_t length) {
  std::vector<Lane> lanes;
  for (size_t run = 0; run < runs.runs; ++run)
    for (size_t begin = 0; begin < runs.length; begin += 8 * length) {
      size_t first = lanes.size();
      lanes.resize(first + 8);
      for (size_t i = begin; i < std::min(begin + 8 * length, runs.length);
           ++i) {
        Lane &lane = lanes[first + (i - begin) % 8];
        size_t k = run * runs.length + i;
        lane = static_cast<Lane>(lane + int64_t(w[k]) * x[k]);
      }
    }
  return lanes;
}

bool isExact(const std::vector<int32_t> &w, const std::vector<int32_t> &x,
             WeightRuns runs, size_t length) {
  std::vector<int16_t> wrapped = runLanes<int16_t>(w, x, runs, length);
  std::vector<int64_t> exact = runLanes<int64_t>(w, x, runs, length);
  return std::equal(exact.begin(), exact.end(), wrapped.begin());
}

/// The inputs that make every lane as large, or as small, as it can be.
std::vector<int32_t> worstInput(const std::vector<int32_t> &w,
                                FactorRange range, bool isMax) {
  std::vector<int32_t> x;
  for (int32_t weight : w)
    x.push_back((weight > 0) == isMax ? range.hi : range.lo);
  return x;
}

TEST(SignedChains, WorstInputsReachTheBound) {
  std::mt19937_64 random(41);
  int proven[9] = {}, refuted = 0;
  for (int i = 0; i < 4000; ++i) {
    WeightRuns runs{1 + random() % 3, 1 + random() % 150};
    FactorRange range{-128, i % 3 ? 127 : int32_t(random() % 256) - 128};
    int limit = i % 2 ? 128 : 8 << (random() % 4);
    std::vector<int32_t> w;
    for (size_t k = 0; k < runs.runs * runs.length; ++k)
      // Now and then many weights of -128, two of which are too much.
      w.push_back(
          i % 8 == 1 && random() % 2
              ? -128
              : std::min<int32_t>(
                    int32_t(random() % uint64_t(2 * limit + 1)) - limit, 127));
    SignedChainProof proof = proveSignedChains(w.data(), 1, runs, range);
    ++proven[proof.length];
    int64_t min = 0, max = 0;
    for (bool isMax : {false, true}) {
      std::vector<int32_t> x = worstInput(w, range, isMax);
      for (size_t length = 1; length <= proof.length; length *= 2)
        ASSERT_TRUE(isExact(w, x, runs, length)) << length;
      for (int64_t lane : runLanes<int64_t>(w, x, runs, proof.length)) {
        min = std::min(min, lane);
        max = std::max(max, lane);
      }
    }
    EXPECT_EQ(min, proof.sumMin);
    EXPECT_EQ(max, proof.sumMax);
    // Random inputs do not cross a proven bound either.
    std::vector<int32_t> x;
    for (size_t k = 0; k < w.size(); ++k)
      x.push_back(range.lo +
                  int32_t(random() % uint64_t(range.hi - range.lo + 1)));
    ASSERT_TRUE(isExact(w, x, runs, proof.length));
    // At the next length the worst input is wrong.
    if (proof.length == 8 || 8 * proof.length >= runs.length)
      continue;
    bool isNextExact = true;
    for (bool isMax : {false, true})
      isNextExact &=
          isExact(w, worstInput(w, range, isMax), runs, 2 * proof.length);
    ASSERT_FALSE(isNextExact) << proof.length;
    ++refuted;
  }
  for (int length : {1, 2, 4, 8})
    EXPECT_GT(proven[length], 20) << length;
  EXPECT_GT(refuted, 1000);
}

TEST(SignedChains, TwoProductsOfAnyOtherWeights) {
  FactorRange all{-128, 127};
  std::vector<int8_t> w(64, -127);
  SignedChainProof proof = proveSignedChains(w.data(), 1, {1, 64}, all);
  EXPECT_EQ(proof.length, 2u);
  EXPECT_EQ(proof.sumMin, -2 * 127 * 127);
  EXPECT_EQ(proof.sumMax, 2 * 127 * 128);
  // 2 * 128 * 128 is one too many, but only where two such weights meet.
  w[0] = w[8] = -128;
  EXPECT_EQ(proveSignedChains(w.data(), 1, {1, 64}, all).length, 1u);
  w[8] = -127;
  EXPECT_EQ(proveSignedChains(w.data(), 1, {1, 64}, all).length, 2u);
  // Another run is another chain.
  std::vector<int8_t> two(16, -128);
  EXPECT_EQ(proveSignedChains(two.data(), 1, {1, 16}, all).length, 1u);
  EXPECT_EQ(proveSignedChains(two.data(), 1, {2, 8}, all).length, 1u);
  EXPECT_EQ(proveSignedChains(two.data(), 1, {2, 8}, all).sumMax, 128 * 128);
}

TEST(SignedChains, SumsOf255) {
  // Four products of which the magnitudes add up to 255, and to 256.
  FactorRange all{-128, 127};
  std::vector<int8_t> w(32, -64);
  w[0] = -63;
  for (size_t i = 1; i < 8; ++i)
    w[i] = 0;
  SignedChainProof proof = proveSignedChains(w.data(), 1, {1, 32}, all);
  EXPECT_EQ(proof.sumMax, 255 * 128);
  EXPECT_EQ(proof.length, 4u); // a whole run
  w[0] = -64;
  EXPECT_EQ(proveSignedChains(w.data(), 1, {1, 32}, all).length, 2u);
  // 7-bit activations make four products of any such weights exact.
  std::vector<int8_t> any(320, -127);
  EXPECT_EQ(proveSignedChains(any.data(), 1, {1, 320}, {-64, 63}).length, 4u);
  EXPECT_EQ(proveSignedChains(any.data(), 1, {1, 320}, {-64, 63}, 2).length,
            2u);
}

} // namespace
