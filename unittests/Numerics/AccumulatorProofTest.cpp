//===- AccumulatorProofTest.cpp - Bounds are reached, not crossed ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/AccumulatorProof.h"

#include <algorithm>
#include <limits>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

std::vector<int8_t> randomWeights(std::mt19937_64 &random, size_t count,
                                  int limit) {
  std::vector<int8_t> w(count);
  for (int8_t &x : w)
    x = int8_t(int(random() % unsigned(2 * limit + 1)) - limit);
  return w;
}

TEST(AccumulatorBounds, WorstInputsReachThem) {
  std::mt19937_64 random(15);
  for (int i = 0; i < 2000; ++i) {
    auto w = randomWeights(random, 1 + random() % 200, 127);
    int32_t lo = int32_t(random() % 512) - 256;
    FactorRange range{lo, lo + int32_t(random() % 256)};
    int64_t bias = int32_t(random()) >> 8;
    AccumulatorBounds bounds =
        accumulatorBounds(w.data(), w.size(), range, bias);
    int64_t largest = bias, smallest = bias;
    for (int8_t x : w) {
      largest += x * (x > 0 ? range.hi : range.lo);
      smallest += x * (x > 0 ? range.lo : range.hi);
    }
    ASSERT_EQ(bounds.max, largest);
    ASSERT_EQ(bounds.min, smallest);
    // No input and no order crosses them.
    std::vector<int64_t> terms{bias};
    for (int8_t x : w)
      terms.push_back(
          int64_t(x) *
          (range.lo + int64_t(random() % uint64_t(range.hi - range.lo + 1))));
    std::shuffle(terms.begin(), terms.end(), random);
    int64_t sum = 0;
    for (int64_t term : terms) {
      sum += term;
      ASSERT_LE(sum, bounds.partialMax);
      ASSERT_GE(sum, bounds.partialMin);
    }
    ASSERT_LE(sum, bounds.max);
    ASSERT_GE(sum, bounds.min);
    // The worst order, all terms above zero first, reaches the partial bound.
    int64_t worst = std::max<int64_t>(bias, 0);
    for (int8_t x : w)
      worst +=
          std::max({int64_t(x) * range.lo, int64_t(x) * range.hi, int64_t(0)});
    ASSERT_EQ(bounds.partialMax, worst);
  }
}

TEST(AccumulatorBounds, RangesPerChannel) {
  std::vector<int8_t> w{1, -2, 3, -4};
  AccumulatorBounds bounds = accumulatorBounds(
      w.data(), w.size(), std::vector<FactorRange>{{0, 10}, {0, 100}}, 5);
  EXPECT_EQ(bounds.max, 5 + 10 + 30);
  EXPECT_EQ(bounds.min, 5 - 200 - 400);
  AccumulatorBounds same =
      accumulatorBounds(w.data(), w.size(), FactorRange{0, 10}, 5);
  EXPECT_EQ(same.max, 5 + 40);
  EXPECT_EQ(same.min, 5 - 60);
}

TEST(AccumulatorBounds, Int32Decision) {
  // 66311 products of 255 * 127 fit, one more does not.
  std::vector<int8_t> w(66311, 127);
  auto bounds = accumulatorBounds(w.data(), w.size(), FactorRange{0, 255}, 0);
  EXPECT_TRUE(bounds.fitsInt32());
  EXPECT_TRUE(bounds.partialsFitInt32());
  w.push_back(127);
  EXPECT_FALSE(accumulatorBounds(w.data(), w.size(), FactorRange{0, 255}, 0)
                   .fitsInt32());
  // A bias may mend the sum, but not the partial sums.
  auto mended =
      accumulatorBounds(w.data(), w.size(), FactorRange{0, 255}, -100000);
  EXPECT_TRUE(mended.fitsInt32());
  EXPECT_FALSE(mended.partialsFitInt32());
  // The exact edge.
  std::vector<int32_t> one{1};
  EXPECT_TRUE(
      accumulatorBounds(one.data(), 1, FactorRange{-1, 1}, INT32_MAX - 1)
          .fitsInt32());
  EXPECT_FALSE(accumulatorBounds(one.data(), 1, FactorRange{-1, 1}, INT32_MAX)
                   .fitsInt32());
  EXPECT_FALSE(accumulatorBounds(one.data(), 1, FactorRange{-1, 1}, INT32_MIN)
                   .fitsInt32());
}

TEST(AccumulatorBounds, NoOverflowOfItsOwn) {
  std::vector<int32_t> w(1000, INT32_MIN);
  auto bounds =
      accumulatorBounds(w.data(), w.size(), FactorRange{-65536, 65535}, 0);
  EXPECT_EQ(bounds.max, 1000LL * 65536 * 2147483648LL);
}

/// vpmaddubsw of one pair.
int saturatedPair(int x0, int w0, int x1, int w1) {
  return std::clamp(x0 * w0 + x1 * w1, -32768, 32767);
}

/// vpmaddubsw, vpaddw and vpmaddwd as the kernels use them, on one output
/// channel.
int64_t runInt16Chains(const std::vector<int32_t> &w, const std::vector<int> &x,
                       WeightRuns runs, size_t length) {
  auto at = [&](size_t run, size_t i, auto &values) -> int64_t {
    return i < runs.length ? values[run * runs.length + i] : 0;
  };
  int64_t total = 0;
  for (size_t run = 0; run < runs.runs; ++run)
    for (size_t begin = 0; begin < runs.length; begin += 4 * length)
      for (size_t lane = 0; lane < 2; ++lane) {
        int16_t sum = 0;
        for (size_t i = begin + 2 * lane; i < begin + 4 * length; i += 4) {
          int64_t pair = at(run, i, x) * at(run, i, w) +
                         at(run, i + 1, x) * at(run, i + 1, w);
          pair = std::clamp<int64_t>(pair, -32768, 32767);
          sum = static_cast<int16_t>(sum + pair);
        }
        total += sum;
      }
  return total;
}

/// The worst inputs of every lane: all that meet weights of one sign are amax,
/// the others 0.
bool areWorstInputsExact(const std::vector<int32_t> &w, WeightRuns runs,
                         size_t length, int amax) {
  for (int sign : {1, -1}) {
    std::vector<int> x;
    int64_t exact = 0;
    for (int32_t weight : w) {
      x.push_back(sign * weight > 0 ? amax : 0);
      exact += int64_t(x.back()) * weight;
    }
    // The sum of the lanes alone could hide two errors, so one at a time.
    for (size_t only = 0; only < w.size(); ++only) {
      size_t run = only / runs.length, at = only % runs.length;
      if (at % 2)
        continue;
      std::vector<int> one(w.size());
      int64_t sum = 0;
      size_t begin = at / (4 * length) * (4 * length);
      for (size_t i = begin; i < std::min(begin + 4 * length, runs.length); ++i)
        if (i % 4 / 2 == at % 4 / 2) {
          size_t k = run * runs.length + i;
          one[k] = x[k];
          sum += int64_t(x[k]) * w[k];
        }
      if (runInt16Chains(w, one, runs, length) != sum)
        return false;
    }
    if (runInt16Chains(w, x, runs, length) != exact)
      return false;
  }
  return true;
}

TEST(Int16Chains, WorstInputsReachTheBound) {
  std::mt19937_64 random(31);
  int proven[9] = {}, refuted = 0;
  for (int i = 0; i < 4000; ++i) {
    WeightRuns runs{1 + random() % 3, 1 + random() % 40};
    int amax = i % 3 ? 255 : 100 + int(random() % 156);
    int limit = i % 2 ? 127 : 8 << (random() % 4);
    std::vector<int32_t> w;
    for (size_t k = 0; k < runs.runs * runs.length; ++k)
      w.push_back(int32_t(random() % uint64_t(2 * limit + 1)) - limit);
    ChainProof proof = proveChains(w.data(), 1, runs, amax);
    ++proven[proof.length];
    // Exact at every proven length, inexact for the worst input at the next.
    for (size_t length = 1; length <= proof.length; length *= 2)
      ASSERT_TRUE(areWorstInputsExact(w, runs, length, amax));
    if (proof.length == 8)
      continue;
    size_t next = proof.length ? 2 * proof.length : 1;
    ASSERT_FALSE(areWorstInputsExact(w, runs, next, amax)) << proof.length;
    ++refuted;
    // Random inputs do not cross a proven bound either.
    std::vector<int> x;
    int64_t exact = 0;
    for (int32_t weight : w) {
      x.push_back(int(random() % uint64_t(amax + 1)));
      exact += int64_t(x.back()) * weight;
    }
    if (proof.length)
      ASSERT_EQ(runInt16Chains(w, x, runs, proof.length), exact);
  }
  for (int length : {0, 1, 2, 4, 8})
    EXPECT_GT(proven[length], 20) << length;
  EXPECT_GT(refuted, 1000);
}

TEST(Int16Chains, Numbers) {
  // One run of six: the pairs are (100, 28), (-128, 1), (60, 60).
  std::vector<int8_t> w{100, 28, -128, 1, 60, 60};
  ChainProof proof = proveChains(w.data(), 1, {1, 6}, 255);
  EXPECT_EQ(proof.pairs, 4); // the last group is filled up
  EXPECT_EQ(proof.unsafePairs, 0);
  EXPECT_EQ(proof.pairSum, 128);
  EXPECT_EQ(proof.length, 1u);
  // The limit is reached: one more is too much, in each sign.
  w[1] = 29;
  proof = proveChains(w.data(), 1, {1, 6}, 255);
  EXPECT_EQ(proof.unsafePairs, 1);
  EXPECT_EQ(proof.length, 0u);
  w[1] = 28;
  w[3] = -1;
  EXPECT_EQ(proveChains(w.data(), 1, {1, 6}, 255).length, 0u);
  // Two runs of three: (100, 28), (-128), (1, 60), (60).
  EXPECT_EQ(proveChains(w.data(), 1, {2, 3}, 255).length, 8u);
  // Half the activations, twice the sums.
  EXPECT_EQ(proveChains(w.data(), 1, {1, 6}, 127).length, 8u);
}

TEST(PairSafety, AgreesWithTheInstructionForAllWeights) {
  for (int amax : {255, 254, 200, 129, 128, 127, 1})
    for (int w0 = -128; w0 <= 127; ++w0)
      for (int w1 = -128; w1 <= 127; ++w1) {
        bool exact = true;
        for (int x0 : {0, amax})
          for (int x1 : {0, amax})
            exact &= saturatedPair(x0, w0, x1, w1) == x0 * w0 + x1 * w1;
        ASSERT_EQ(isPairSafe(w0, w1, amax), exact)
            << amax << " " << w0 << " " << w1;
      }
  // 7-bit activations make every pair of [-127, 127] safe (KERNELS).
  for (int w = -127; w <= 127; ++w)
    EXPECT_TRUE(isPairSafe(w, w, 127));
}

/// Runs chains of vpmaddubsw + vpaddw over the groups with the worst inputs of
/// each sign; true if both lanes of every chain end in the exact sum.
bool runChains(const std::vector<int8_t> &w, unsigned length, int amax,
               bool centred) {
  size_t groups = w.size() / 4;
  for (size_t begin = 0; begin < groups; begin += length)
    for (unsigned lane = 0; lane < 2; ++lane) {
      LaneSums sums;
      size_t end = std::min<size_t>(begin + length, groups);
      for (size_t g = begin; g < end; ++g)
        for (unsigned i = 0; i < 2; ++i)
          sums.add(w[4 * g + 2 * lane + i]);
      int start = centred ? chainStart(sums, amax).lo : 0;
      for (bool positive : {false, true}) {
        int16_t chain = int16_t(start);
        int64_t exact = 0;
        for (size_t g = begin; g < end; ++g) {
          const int8_t *p = &w[4 * g + 2 * lane];
          int x0 = (p[0] > 0) == positive ? amax : 0,
              x1 = (p[1] > 0) == positive ? amax : 0;
          chain = int16_t(uint16_t(chain) +
                          uint16_t(saturatedPair(x0, p[0], x1, p[1])));
          exact += x0 * p[0] + x1 * p[1];
        }
        if (chain - start != exact)
          return false;
      }
    }
  return true;
}

TEST(ChainLength, LongestThatTheInstructionsKeepExact) {
  std::mt19937_64 random(16);
  unsigned seen[10] = {};
  for (int i = 0; i < 3000; ++i) {
    int limit = 1 << (1 + random() % 7);
    auto w =
        randomWeights(random, 4 * (1 + random() % 40), std::min(limit, 127));
    int amax = random() % 2 ? 255 : 127;
    bool centred = random() % 2;
    unsigned length = maxChainLength(w.data(), w.size() / 4, amax, centred, 9);
    ++seen[length];
    for (unsigned l = 1; l <= length; ++l)
      ASSERT_TRUE(runChains(w, l, amax, centred)) << l;
    if (length < 9)
      ASSERT_FALSE(runChains(w, length + 1, amax, centred)) << length;
  }
  EXPECT_GT(seen[0], 0u);
  EXPECT_GT(seen[1], 0u);
  EXPECT_GT(seen[4], 0u);
  EXPECT_GT(seen[9], 0u);
}

TEST(ChainLength, FourBitWeights) {
  // All of 4 bits: 9 groups, twice as many when centred (KERNELS).
  std::vector<int8_t> w(4 * 64, 7);
  EXPECT_EQ(maxChainLength(w.data(), 64, 255, false, 64), 9u);
  EXPECT_EQ(maxChainLength(w.data(), 64, 255, true, 64), 18u);
  std::vector<int8_t> ternary(4 * 64, 1);
  EXPECT_EQ(maxChainLength(ternary.data(), 64, 255, false, 128), 128u);
  EXPECT_EQ(maxChainLength(w.data(), 64, 255, false, 0), 0u);
}

TEST(ChainStart, KeepsTheCentredChainInsideInt16) {
  LaneSums sums{128, 129}; // 255 * 257 = 65535
  EXPECT_TRUE(isChainSafe(sums, 255, true));
  EXPECT_FALSE(isChainSafe(sums, 255));
  FactorRange start = chainStart(sums, 255);
  EXPECT_EQ(start.lo, start.hi);
  EXPECT_EQ(start.lo + 255 * 128, 32767);
  EXPECT_EQ(start.lo - 255 * 129, -32768);
  FactorRange none = chainStart({200, 200}, 255);
  EXPECT_GT(none.lo, none.hi);
}

TEST(SignedChain, NeonBound) {
  LaneSums sums;
  sums.add(-127);
  sums.add(127);
  EXPECT_TRUE(isSignedChainSafe(sums, 128)); // Chain 2 always.
  sums.add(2);
  EXPECT_FALSE(isSignedChainSafe(sums, 128));
  EXPECT_TRUE(isSignedChainSafe(sums, 127));
}

} // namespace
