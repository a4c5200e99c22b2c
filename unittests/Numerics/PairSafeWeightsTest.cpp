//===- PairSafeWeightsTest.cpp - No pair saturates, little is changed -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/PairSafeWeights.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

QuantParams symmetric(double scale, int64_t qmax = 127) {
  QuantParams params;
  params.scale = scale;
  params.zeroPoint = 0;
  params.qmin = -qmax;
  params.qmax = qmax;
  return params;
}

std::vector<QuantParams> rising(double scale, int count) {
  std::vector<QuantParams> candidates;
  for (int i = 0; i < count; ++i)
    candidates.push_back(symmetric(double(float(scale * (1 + i / 24.0)))));
  return candidates;
}

std::vector<int8_t> integers(const std::vector<float> &w,
                             const QuantParams &params) {
  std::vector<int8_t> q;
  for (float x : w)
    q.push_back(int8_t(quantize(x, params)));
  return q;
}

double squaredError(const std::vector<float> &real,
                    const std::vector<int8_t> &q, double scale) {
  double sum = 0;
  for (size_t i = 0; i < q.size(); ++i)
    sum += std::pow(double(real[i]) - scale * q[i], 2);
  return sum;
}

/// One channel by itself, whatever it costs.
PanelChannel makePairsSafe(std::vector<float> &w, WeightRuns runs,
                           const std::vector<QuantParams> &candidates,
                           int amax) {
  std::vector<PanelChannel> panel{{w.data(), candidates}};
  makePanelSafe(panel, runs, {amax}, OutputErrors(w.size()), 1e30);
  return panel.front();
}

TEST(PairSafeWeights, EveryPairIsSafe) {
  std::mt19937 random(5);
  std::normal_distribution<float> gauss;
  int scaled = 0, moved = 0;
  for (int i = 0; i < 500; ++i) {
    WeightRuns runs{1 + random() % 3, 1 + random() % 50};
    int amax = i % 4 ? 255 : 127 + int(random() % 129);
    std::vector<float> w(runs.runs * runs.length);
    // Gaussian weights, and some with rare large ones, as trained ones have.
    for (float &x : w) {
      x = gauss(random);
      if (i % 2)
        x *= x * x;
    }
    float most = 0;
    for (float x : w)
      most = std::max(most, std::abs(x));
    auto candidates = rising(most / 127, 25);
    std::vector<float> before = w;
    PanelChannel done = makePairsSafe(w, runs, candidates, amax);
    const QuantParams &params = candidates[done.candidate];
    std::vector<int8_t> q = integers(w, params);
    EXPECT_GE(proveChains(q.data(), 1, runs, amax).length, 1u);
    scaled += done.candidate > 0;
    moved += done.changed > 0;
    // The result is no worse than the first candidate with safe pairs alone.
    for (const QuantParams &other : candidates) {
      std::vector<int8_t> plain = integers(before, other);
      if (proveChains(plain.data(), 1, runs, amax).length == 0)
        continue;
      EXPECT_LE(squaredError(before, q, params.scale),
                squaredError(before, plain, other.scale) * (1 + 1e-9));
      break;
    }
  }
  EXPECT_GT(scaled, 50);
  EXPECT_GT(moved, 10);
}

/// Every input channel has its own largest activation: what is safe is the
/// products, and of all safe pairs the nearest one is taken.
TEST(PairSafeWeights, SmallerActivationsAllowLargerWeights) {
  std::mt19937 random(8);
  int moved = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<int> amax{1 + int(random() % 255), int(random() % 256)};
    int sign = i % 2 ? 1 : -1;
    std::vector<float> w{float(sign * int(random() % 1271)) / 10,
                         float(sign * int(random() % 1271)) / 10};
    std::vector<float> before = w;
    std::vector<PanelChannel> panel{{w.data(), {symmetric(1)}}};
    makePanelSafe(panel, {1, 2}, amax, OutputErrors(2), 1e30);
    std::vector<int8_t> q = integers(w, symmetric(1));
    EXPECT_TRUE(isPairSafe(q[0], amax[0], q[1], amax[1]));
    moved += q != integers(before, symmetric(1));
    double least = 1e9;
    for (int a = 0; a <= 127; ++a)
      for (int b = 0; b <= 127; ++b)
        if (a * amax[0] + b * amax[1] <= 32767)
          least = std::min(
              least,
              squaredError(before, {int8_t(sign * a), int8_t(sign * b)}, 1));
    // The line of the largest sums may pass a corner of the grid.
    EXPECT_LE(std::sqrt(squaredError(before, q, 1)), std::sqrt(least) + 1)
        << before[0] << " " << before[1] << " " << amax[0] << " " << amax[1];
  }
  EXPECT_GT(moved, 10);
  EXPECT_LT(moved, 200);
}

TEST(PairSafeWeights, MovesAPairToTheNearestSafeOne) {
  std::mt19937 random(6);
  WeightRuns one{1, 2};
  for (int i = 0; i < 300; ++i) {
    int sign = i % 2 ? 1 : -1;
    std::vector<float> w{float(sign * int(random() % 1271)) / 10,
                         float(sign * int(random() % 1271)) / 10};
    std::vector<float> before = w;
    makePairsSafe(w, one, {symmetric(1)}, 255);
    std::vector<int8_t> q = integers(w, symmetric(1));
    double least = 1e9;
    for (int a = -127; a <= 127; ++a)
      for (int b = -127; b <= 127; ++b)
        if (isPairSafe(a, b, 255))
          least =
              std::min(least, squaredError(before, {int8_t(a), int8_t(b)}, 1));
    EXPECT_NEAR(squaredError(before, q, 1), least, 1e-4)
        << before[0] << " " << before[1] << " became " << int(q[0]) << " "
        << int(q[1]);
  }
}

TEST(PairSafeWeights, LeavesSafeWeightsAlone) {
  std::vector<float> w{100.2f, 28.3f, -64.1f, -63.9f, 127.0f, -127.0f, 99.0f};
  std::vector<float> before = w;
  PanelChannel done = makePairsSafe(w, {1, 7}, rising(1, 3), 255);
  EXPECT_EQ(done.candidate, 0u);
  EXPECT_EQ(done.changed, 0);
  EXPECT_EQ(w, before);
  // One run instead of two makes a partner of the last weight.
  w.push_back(30.0f);
  done = makePairsSafe(w, {1, 8}, {symmetric(1)}, 255);
  EXPECT_EQ(done.changed, 1);
  EXPECT_EQ(w[6] + w[7], 128.0f);
  w = before;
  w.push_back(30.0f);
  EXPECT_EQ(makePairsSafe(w, {8, 1}, {symmetric(1)}, 255).changed, 0);
}

/// 7-bit activations cannot saturate a pair of 8-bit weights.
TEST(PairSafeWeights, NarrowActivationsChangeNothing) {
  std::vector<float> w(64, 127.0f), before = w;
  EXPECT_EQ(makePairsSafe(w, {1, 64}, rising(1, 3), 127).candidate, 0u);
  EXPECT_EQ(w, before);
}

/// A panel of trained-like weights, and what tolerances leave of it.
TEST(PairSafePanel, StaysWithinItsTolerance) {
  std::mt19937 random(9);
  std::exponential_distribution<float> magnitude(1);
  size_t lastUnsafe = 0;
  bool isFirst = true;
  for (double tolerance : {1e9, 0.5, 0.2, 0.05, 0.0}) {
    random.seed(9);
    WeightRuns runs{1, 32};
    std::vector<std::vector<float>> w(16, std::vector<float>(32));
    std::vector<PanelChannel> channels;
    for (std::vector<float> &channel : w) {
      float most = 0;
      for (float &x : channel) {
        x = magnitude(random) * (random() % 2 ? 1.0f : -1.0f);
        most = std::max(most, std::abs(x));
      }
      channels.push_back({channel.data(), rising(most / 127, 25)});
    }
    std::vector<std::vector<float>> before = w;
    PairSafePanel panel =
        makePanelSafe(channels, runs, {255}, OutputErrors(32), tolerance);
    EXPECT_EQ(panel.groups, 8u);
    EXPECT_GT(panel.unsafeBefore, 4u);
    EXPECT_LE(panel.growth, tolerance);

    // The numbers are those of the integers.
    double growth = 0;
    std::vector<bool> isUnsafe(8);
    for (size_t c = 0; c < 16; ++c) {
      const QuantParams &first = channels[c].candidates.front();
      const QuantParams &own = channels[c].candidates[channels[c].candidate];
      std::vector<int8_t> q = integers(w[c], own);
      double unit = 32 * first.scale * first.scale / 12;
      growth +=
          (squaredError(before[c], q, own.scale) -
           squaredError(before[c], integers(before[c], first), first.scale)) /
          unit / 16;
      for (size_t i = 0; i < 32; i += 2)
        if (!isPairSafe(q[i], q[i + 1], 255))
          isUnsafe[i / 4] = true;
    }
    EXPECT_NEAR(panel.growth, growth, 1e-6 * (1 + growth));
    EXPECT_EQ(panel.unsafeAfter,
              size_t(std::count(isUnsafe.begin(), isUnsafe.end(), true)));
    // Less is allowed, more is left.
    if (!isFirst)
      EXPECT_GE(panel.unsafeAfter, lastUnsafe);
    if (isFirst)
      EXPECT_EQ(panel.unsafeAfter, 0u);
    isFirst = false;
    lastUnsafe = panel.unsafeAfter;
    EXPECT_LE(panel.unsafeAfter, panel.unsafeBefore);
  }
}

} // namespace
