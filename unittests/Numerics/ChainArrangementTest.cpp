//===- ChainArrangementTest.cpp - No chain of a panel leaves int16 --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/ChainArrangement.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace q::numerics;

namespace {

/// Weights of `outputs` channels over groups of 4 inputs, each input with its
/// largest activation: channel o has the lanes 2 o and 2 o + 1.
struct Panel {
  size_t outputs, groups;
  std::vector<int> weights; ///< [output, group, 4]
  std::vector<int> amax;    ///< [group, 4]

  const int *at(size_t output, size_t group) const {
    return &weights[4 * (output * groups + group)];
  }

  LaneReach reach() const {
    LaneReach sums(groups, 2 * outputs);
    for (size_t output = 0; output < outputs; ++output)
      for (size_t group = 0; group < groups; ++group)
        for (size_t i = 0; i < 4; ++i)
          sums.add(group, 2 * output + i / 2, at(output, group)[i],
                   amax[4 * group + i]);
    return sums;
  }
};

Panel makePanel(size_t outputs, size_t groups, double spread, int amax,
                std::mt19937 &random) {
  Panel panel{outputs, groups, {}, {}};
  std::normal_distribution<double> weight(0, spread);
  for (size_t i = 0; i < outputs * groups * 4; ++i)
    panel.weights.push_back(
        static_cast<int>(std::clamp(weight(random), -128.0, 127.0)));
  std::uniform_int_distribution<int> most(amax / 2, amax);
  for (size_t i = 0; i < groups * 4; ++i)
    panel.amax.push_back(most(random));
  return panel;
}

/// What vpmaddubsw and vpaddw make of one lane of a chain: products added in
/// pairs with saturation, pairs without.
int16_t runLane(const Panel &panel, size_t output, size_t lane,
                const std::vector<size_t> &chain, const std::vector<int> &x) {
  int16_t sum = 0;
  for (size_t group : chain) {
    int pair = 0;
    for (size_t i = 2 * lane; i < 2 * lane + 2; ++i)
      pair += panel.at(output, group)[i] * x[4 * group + i];
    sum = static_cast<int16_t>(sum + std::clamp(pair, -32768, 32767));
  }
  return sum;
}

int64_t exactLane(const Panel &panel, size_t output, size_t lane,
                  const std::vector<size_t> &chain, const std::vector<int> &x) {
  int64_t sum = 0;
  for (size_t group : chain)
    for (size_t i = 2 * lane; i < 2 * lane + 2; ++i)
      sum += int64_t(panel.at(output, group)[i]) * x[4 * group + i];
  return sum;
}

TEST(ChainArrangement, WorstInputsReachTheBoundAndDoNotCrossIt) {
  std::mt19937 random(7);
  const std::vector<unsigned> lengths = {8, 4, 2, 1, 0};
  for (int round = 0; round < 40; ++round) {
    Panel panel = makePanel(4, 1 + round * 2, 4 << (round % 5), 255, random);
    ChainArrangement arranged = arrangeChains(panel.reach(), lengths);
    ASSERT_EQ(arranged.order.size(), panel.groups);
    std::vector<size_t> sorted = arranged.order;
    std::sort(sorted.begin(), sorted.end());
    for (size_t group = 0; group < panel.groups; ++group)
      ASSERT_EQ(sorted[group], group);

    size_t at = 0;
    for (size_t i = 0; i < lengths.size(); ++i) {
      int64_t largest = 0;
      for (size_t c = 0; c < arranged.chains[i]; ++c) {
        size_t length = std::max(lengths[i], 1u);
        std::vector<size_t> chain(arranged.order.begin() + at,
                                  arranged.order.begin() + at + length);
        at += length;
        bool isExact = true;
        for (size_t output = 0; output < panel.outputs; ++output)
          for (size_t lane = 0; lane < 2; ++lane)
            for (int sign : {1, -1}) {
              // The input that drives this lane as far as it goes.
              std::vector<int> x(panel.amax.size());
              for (size_t k = 0; k < x.size(); ++k)
                if (sign * panel.at(output, k / 4)[k % 4] > 0)
                  x[k] = panel.amax[k];
              int64_t exact = exactLane(panel, output, lane, chain, x);
              isExact &= runLane(panel, output, lane, chain, x) == exact;
              largest = std::max(largest, sign * exact);
              if (lengths[i]) {
                // Nor do other inputs leave it.
                for (size_t k = 0; k < x.size(); ++k)
                  x[k] = std::uniform_int_distribution<int>(0, panel.amax[k])(
                      random);
                ASSERT_EQ(runLane(panel, output, lane, chain, x),
                          exactLane(panel, output, lane, chain, x));
              }
            }
        // Every chain holds, and what was called unsafe is.
        ASSERT_EQ(isExact, lengths[i] != 0);
      }
      ASSERT_EQ(arranged.reach[i], lengths[i] ? largest : 0);
      ASSERT_LE(arranged.reach[i], 32768);
    }
    ASSERT_EQ(at, panel.groups);
  }
}

TEST(ChainArrangement, OneUnitTooMuchIsUnsafe) {
  for (int last : {1, 2}) {
    // 255 * 128 fits, 255 * 129 does not.
    Panel panel{
        1, 2, {127, last, 0, 0, 127, 0, 1, 0}, std::vector<int>(8, 255)};
    ChainArrangement arranged = arrangeChains(panel.reach(), {1, 0});
    EXPECT_EQ(arranged.chains[1], last == 2 ? 1u : 0u);
    // A narrower input makes it safe again.
    panel.amax[0] = 253;
    arranged = arrangeChains(panel.reach(), {1, 0});
    EXPECT_EQ(arranged.chains[1], 0u);
  }
  // Downwards there is one more: 256 * 128 = 32768 in magnitude.
  Panel down{1, 1, {-128, -128, 0, 0}, {128, 128, 0, 0}};
  EXPECT_EQ(arrangeChains(down.reach(), {1, 0}).chains[1], 0u);
  Panel up{1, 1, {127, 127, 0, 0}, {130, 129, 0, 0}};
  EXPECT_EQ(arrangeChains(up.reach(), {1, 0}).chains[1], 1u);
}

TEST(ChainArrangement, HeavyGroupsShareChainsWithLightOnes) {
  // In natural order no chain of 2 fits; heavy with light, all do.
  Panel panel{1, 4, {}, std::vector<int>(16, 255)};
  for (int weight : {100, 100, 20, 20})
    panel.weights.insert(panel.weights.end(), {weight, 0, -weight, 0});
  ChainArrangement arranged = arrangeChains(panel.reach(), {2, 1, 0});
  EXPECT_EQ(arranged.chains, (std::vector<size_t>{2, 0, 0}));
  EXPECT_EQ(arranged.reach[0], 120 * 255);
}

} // namespace
