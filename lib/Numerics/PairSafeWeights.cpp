//===- PairSafeWeights.cpp - Weights that never saturate a pair -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/PairSafeWeights.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace q::numerics;

namespace {

/// Two weights as integers, and whether rounding alone gave them.
struct Pair {
  int64_t first, second;
  bool isRounded = true;
};

/// The pairs of a channel under one candidate.
class Quantizer {
public:
  Quantizer(const QuantParams &params, int amax)
      : params(params), amax(amax), largestSum(32767 / std::max(amax, 1)) {}

  Pair get(float first, float second) const {
    Pair pair{quantize(first, params), quantize(second, params)};
    if (isPairSafe(static_cast<int>(pair.first), static_cast<int>(pair.second),
                   amax))
      return pair;
    // Both have one sign, and the nearest safe pair lies on the line
    // first + second = largest sum.
    int64_t sign = pair.first < 0 ? -1 : 1;
    double difference =
        double(sign) * (double(first) - double(second)) / params.scale;
    double middle = (double(largestSum) + difference) / 2;
    int64_t most = std::min(largestSum, params.qmax);
    pair.first = std::clamp<int64_t>(std::llround(middle), 0, most);
    pair.second = std::min(largestSum - pair.first, most);
    pair.first *= sign;
    pair.second *= sign;
    pair.isRounded = false;
    return pair;
  }

  double error(float real, int64_t integer) const {
    double distance = double(real) - params.scale * double(integer);
    return distance * distance;
  }

private:
  const QuantParams &params;
  int amax;
  int64_t largestSum; ///< of two weights of one sign
};

/// Calls visit(first, second) for each pair; second is null for a last weight
/// that has no partner.
template <typename Visit>
void forPairs(float *w, WeightRuns runs, Visit visit) {
  for (size_t run = 0; run < runs.runs; ++run)
    for (size_t i = 0; i < runs.length; i += 2) {
      float *first = w + run * runs.length + i;
      visit(first, i + 1 < runs.length ? first + 1 : nullptr);
    }
}

} // namespace

PairSafeChannel
q::numerics::makePairsSafe(float *w, WeightRuns runs,
                           const std::vector<QuantParams> &candidates,
                           int amax) {
  PairSafeChannel best;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < candidates.size(); ++i) {
    Quantizer quantizer(candidates[i], amax);
    double error = 0;
    int64_t changed = 0;
    forPairs(w, runs, [&](const float *first, const float *second) {
      Pair pair = quantizer.get(*first, second ? *second : 0.0f);
      error += quantizer.error(*first, pair.first);
      if (second)
        error += quantizer.error(*second, pair.second);
      changed += pair.isRounded ? 0 : 2;
    });
    if (error < least) {
      least = error;
      best = {i, changed};
    }
    // Larger scales only lose precision from here on.
    if (changed == 0)
      break;
  }
  const QuantParams &params = candidates[best.candidate];
  Quantizer quantizer(params, amax);
  forPairs(w, runs, [&](float *first, float *second) {
    Pair pair = quantizer.get(*first, second ? *second : 0.0f);
    if (pair.isRounded)
      return;
    *first = static_cast<float>(params.scale * double(pair.first));
    if (second)
      *second = static_cast<float>(params.scale * double(pair.second));
  });
  return best;
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

namespace {

/// A panel whose channels have candidates of their own.
class Panel {
public:
  Panel(std::vector<PanelChannel> &channels, WeightRuns runs, int amax)
      : channels(channels), runs(runs), amax(amax),
        groupsPerRun((runs.length + 3) / 4), added(runs.runs * groupsPerRun),
        isUnsafe(added.size()) {
    for (const PanelChannel &channel : channels) {
      double scale = channel.candidates.front().scale;
      units.push_back(double(runs.runs * runs.length) * scale * scale / 12 *
                      double(channels.size()));
      rounding.push_back(0);
    }
    use(0);
    rounding = errors;
  }

  size_t getGroups() const { return added.size(); }
  size_t countUnsafe() const {
    return static_cast<size_t>(
        std::count(isUnsafe.begin(), isUnsafe.end(), true));
  }

  /// Looks at the candidates up to `step` and up to what suits each channel:
  /// what moving the pairs of each group would add to the growth.
  void use(size_t step) {
    errors.assign(channels.size(), 0);
    std::fill(added.begin(), added.end(), 0);
    std::fill(isUnsafe.begin(), isUnsafe.end(), false);
    for (size_t c = 0; c < channels.size(); ++c) {
      size_t own = std::min(step, channels[c].done.candidate);
      chosen.resize(channels.size());
      chosen[c] = own;
      const QuantParams &params = channels[c].candidates[own];
      Quantizer quantizer(params, amax);
      forGroups(c, [&](float *first, float *second, size_t group) {
        float other = second ? *second : 0.0f;
        Pair pair = quantizer.get(*first, other);
        double plain = quantizer.error(*first, quantize(*first, params)) +
                       quantizer.error(other, quantize(other, params));
        errors[c] += plain;
        if (pair.isRounded)
          return;
        isUnsafe[group] = true;
        added[group] += (quantizer.error(*first, pair.first) +
                         quantizer.error(other, pair.second) - plain) /
                        units[c];
      });
    }
  }

  /// The growth without any pair moved.
  double growth() const {
    double sum = 0;
    for (size_t c = 0; c < channels.size(); ++c)
      sum += (errors[c] - rounding[c]) / units[c];
    return sum;
  }

  /// The groups that a growth of `tolerance` in all can make safe, the cheapest
  /// first; adds what they take to `total`.
  std::vector<bool> choose(double tolerance, double &total) const {
    std::vector<size_t> order;
    for (size_t group = 0; group < added.size(); ++group)
      if (isUnsafe[group])
        order.push_back(group);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return added[a] != added[b] ? added[a] < added[b] : a < b;
    });
    total = growth();
    std::vector<bool> isMoved(added.size());
    for (size_t group : order) {
      if (total + added[group] > tolerance)
        break;
      total += added[group];
      isMoved[group] = true;
    }
    return isMoved;
  }

  /// Takes the candidates in use, and moves the pairs of some groups.
  void apply(const std::vector<bool> &isMoved) {
    for (size_t c = 0; c < channels.size(); ++c) {
      channels[c].done = {chosen[c], 0};
      const QuantParams &params = channels[c].candidates[chosen[c]];
      Quantizer quantizer(params, amax);
      forGroups(c, [&](float *first, float *second, size_t group) {
        Pair pair = quantizer.get(*first, second ? *second : 0.0f);
        if (pair.isRounded || !isMoved[group])
          return;
        channels[c].done.changed += 2;
        *first = static_cast<float>(params.scale * double(pair.first));
        if (second)
          *second = static_cast<float>(params.scale * double(pair.second));
      });
    }
  }

private:
  template <typename Visit> void forGroups(size_t c, Visit visit) {
    size_t pair = 0, pairsPerRun = (runs.length + 1) / 2;
    forPairs(channels[c].w, runs, [&](float *first, float *second) {
      visit(first, second,
            pair / pairsPerRun * groupsPerRun + pair % pairsPerRun / 2);
      ++pair;
    });
  }

  std::vector<PanelChannel> &channels;
  WeightRuns runs;
  int amax;
  size_t groupsPerRun;
  std::vector<double> units;    ///< of each channel's share of the growth
  std::vector<double> rounding; ///< error of each channel as it came
  std::vector<double> errors;
  std::vector<size_t> chosen;
  std::vector<double> added; ///< of each group
  std::vector<bool> isUnsafe;
};

} // namespace

PairSafePanel q::numerics::makePanelSafe(std::vector<PanelChannel> &channels,
                                         WeightRuns runs, int amax,
                                         double tolerance) {
  for (PanelChannel &channel : channels) {
    std::vector<float> copy(channel.w, channel.w + runs.runs * runs.length);
    channel.done = makePairsSafe(copy.data(), runs, channel.candidates, amax);
  }
  Panel panel(channels, runs, amax);
  PairSafePanel result;
  result.groups = panel.getGroups();
  result.unsafeBefore = panel.countUnsafe();
  size_t steps = 0;
  for (const PanelChannel &channel : channels)
    steps = std::max(steps, channel.done.candidate);

  // Each channel's best way first, then less and less of it.
  size_t best = 0, fewest = result.groups + 1;
  for (size_t i = 0; i <= steps; ++i) {
    size_t step = steps - i;
    panel.use(step);
    double growth = 0;
    std::vector<bool> isMoved = panel.choose(tolerance, growth);
    size_t unsafe =
        panel.countUnsafe() -
        static_cast<size_t>(std::count(isMoved.begin(), isMoved.end(), true));
    // Without any change the tolerance holds.
    if (unsafe < fewest && (growth <= tolerance || step == 0)) {
      best = step;
      fewest = unsafe;
      if (unsafe == 0)
        break;
    }
  }
  panel.use(best);
  panel.apply(panel.choose(tolerance, result.growth));
  result.unsafeAfter = fewest;
  return result;
}
