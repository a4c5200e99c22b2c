//===- OutputErrorsTest.cpp - Variances add up, weights make up -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/OutputErrors.h"
#include "QDialect/Numerics/PairSafeWeights.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

/// The covariance of inputs that share a few causes, and how it counts.
struct Inputs {
  Inputs(size_t size, unsigned seed) : size(size), plain(size * size) {
    std::mt19937 random(seed);
    std::normal_distribution<float> gauss;
    for (int cause = 0; cause < 6; ++cause) {
      std::vector<float> share(size);
      for (float &x : share)
        x = gauss(random);
      for (size_t i = 0; i < size * size; ++i)
        plain[i] += share[i / size] * share[i % size];
    }
    double mean = 0;
    for (size_t i = 0; i < size; ++i)
      mean += double(plain[i * size + i]) / double(size);
    for (float value : plain)
      counted.push_back(double(value) / 2);
    for (size_t i = 0; i < size; ++i)
      counted[i * size + i] += mean / 2;
  }
  double getVariance(const std::vector<double> &errors) const {
    double sum = 0;
    for (size_t i = 0; i < size * size; ++i)
      sum += errors[i / size] * errors[i % size] * counted[i];
    return sum;
  }

  size_t size;
  std::vector<float> plain;
  std::vector<double> counted;
};

TEST(OutputErrors, BlocksCutNoPair) {
  for (WeightRuns runs :
       {WeightRuns{1, 27}, WeightRuns{3, 192}, WeightRuns{3, 1537},
        WeightRuns{1, 4096}, WeightRuns{9, 511}, WeightRuns{49, 3}}) {
    size_t done = 0;
    for (size_t size : getBlockSizes(runs)) {
      EXPECT_LE(size, 512u);
      EXPECT_TRUE(done % runs.length % 2 == 0);
      done += size;
    }
    EXPECT_EQ(done, runs.runs * runs.length);
  }
}

TEST(OutputErrors, CostsAddUpToTheVariance) {
  Inputs first(24, 1), second(10, 2);
  OutputErrors errors;
  errors.addBlock(first.plain, 24);
  errors.addBlock(second.plain, 10);
  std::mt19937 random(3);
  std::normal_distribution<float> gauss;
  for (int i = 0; i < 50; ++i) {
    std::vector<float> e(34), targets(34);
    for (float &x : e)
      x = gauss(random);
    double sum = 0;
    for (size_t k = 0; k < 34; ++k) {
      float next = k + 1 < 34 ? targets[k + 1] : 0;
      sum += errors.getCost(k) * std::pow(double(e[k] - targets[k]), 2);
      errors.makeUpFor(k, e[k], targets.data());
      if (k + 1 < 34)
        EXPECT_NEAR(targets[k + 1], next - e[k] * errors.getShare(k), 1e-4f);
    }
    double expected = first.getVariance({e.begin(), e.begin() + 24}) +
                      second.getVariance({e.begin() + 24, e.end()});
    EXPECT_NEAR(sum, expected, 1e-3 * expected);
  }
}

TEST(OutputErrors, NothingIsKnownOfConstantInputs) {
  OutputErrors errors;
  errors.addBlock(std::vector<float>(16), 4);
  std::vector<float> w(4, 1.0f);
  errors.makeUpFor(0, 1.0f, w.data());
  EXPECT_EQ(w, std::vector<float>(4, 1.0f));
  EXPECT_EQ(errors.getCost(2), 0);
}

/// A panel of 4 channels that read correlated inputs.
struct CorrelatedPanel {
  explicit CorrelatedPanel(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> gauss;
    for (std::vector<float> &channel : w) {
      for (float &x : channel)
        x = gauss(random);
      float most = std::abs(*std::max_element(
          channel.begin(), channel.end(),
          [](float a, float b) { return std::abs(a) < std::abs(b); }));
      std::vector<QuantParams> candidates;
      for (int i = 0; i < 25; ++i)
        candidates.push_back(
            {double(most / 127 * (1 + float(i) / 24)), 0, -127, 127});
      channels.push_back({channel.data(), candidates});
    }
    before = w;
  }
  /// The mean variance of the channels in units of what rounding costs.
  double getError(const Inputs &inputs, bool isChanged) const {
    double sum = 0, trace = 0;
    for (size_t i = 0; i < inputs.size; ++i)
      trace += inputs.counted[i * inputs.size + i];
    for (size_t c = 0; c < w.size(); ++c) {
      const PanelChannel &channel = channels[c];
      const QuantParams &params =
          channel.candidates[isChanged ? channel.candidate : 0];
      std::vector<double> errors;
      for (size_t i = 0; i < w[c].size(); ++i) {
        float x = isChanged ? w[c][i] : before[c][i];
        errors.push_back(params.scale * double(quantize(x, params)) -
                         double(before[c][i]));
      }
      double unit = std::pow(channel.candidates.front().scale, 2) / 12 * trace;
      sum += inputs.getVariance(errors) / unit / double(w.size());
    }
    return sum;
  }
  bool isSafe(size_t group) const {
    for (size_t c = 0; c < w.size(); ++c)
      for (size_t i = 4 * group; i < 4 * group + 4; i += 2) {
        const QuantParams &params =
            channels[c].candidates[channels[c].candidate];
        if (!isPairSafe(int(quantize(w[c][i], params)),
                        int(quantize(w[c][i + 1], params)), 255))
          return false;
      }
    return true;
  }

  std::vector<std::vector<float>> w{4, std::vector<float>(32)};
  std::vector<std::vector<float>> before;
  std::vector<PanelChannel> channels;
};

TEST(PairSafePanel, LaterWeightsMakeUpForEarlierOnes) {
  int better = 0, unsafe = 0, left = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    Inputs inputs(32, 100 + seed);
    OutputErrors errors;
    errors.addBlock(inputs.plain, 32);
    CorrelatedPanel panel(seed);
    PairSafePanel done =
        makePanelSafe(panel.channels, {1, 32}, {255}, errors, 0.0);
    // The growth is that of the integers, and within the tolerance.
    double before = panel.getError(inputs, false);
    EXPECT_NEAR(done.growth, panel.getError(inputs, true) - before,
                1e-3 * before);
    EXPECT_LE(done.growth, 0.0);
    size_t count = 0;
    for (size_t group = 0; group < 8; ++group)
      count += !panel.isSafe(group);
    EXPECT_EQ(count, done.unsafeAfter);
    better += done.growth < -0.05 * before;
    unsafe += int(done.unsafeBefore);
    left += int(done.unsafeAfter);
  }
  // With six causes behind 32 inputs, there is much to make up with.
  EXPECT_GT(better, 20);
  EXPECT_GT(unsafe, 200);
  EXPECT_LT(left, unsafe / 2);
}

/// Where two weights are all that there is, the best safe integers are known by
/// trying all on the edge.
TEST(PairSafePanel, FindsTheBestPair) {
  std::mt19937 random(4);
  int moved = 0;
  for (int i = 0; i < 300; ++i) {
    Inputs inputs(2, 500 + unsigned(i));
    OutputErrors errors;
    errors.addBlock(inputs.plain, 2);
    float sign = i % 2 ? 1.0f : -1.0f;
    std::vector<float> w{sign * float(640 + random() % 631) / 10,
                         sign * float(640 + random() % 631) / 10};
    std::vector<float> before = w;
    QuantParams params{1, 0, -127, 127};
    std::vector<PanelChannel> panel{{w.data(), {params}}};
    makePanelSafe(panel, {1, 2}, {255}, errors, 1e30);
    auto getVariance = [&](double first, double second) {
      return inputs.getVariance(
          {first - double(before[0]), second - double(before[1])});
    };
    double own = getVariance(double(quantize(w[0], params)),
                             double(quantize(w[1], params)));
    if (w[0] + w[1] != sign * 128)
      continue;
    ++moved;
    for (int first = 1; first <= 127; ++first)
      EXPECT_LE(
          own, getVariance(double(sign) * first, double(sign) * (128 - first)) *
                   (1 + 1e-3));
  }
  EXPECT_GT(moved, 200);
}

} // namespace
