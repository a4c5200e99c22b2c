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

/// Two neighbouring weights of a run; the last of an odd run has no partner.
struct Pair {
  size_t first;
  bool isWhole;
  size_t group;
  /// The largest activations that the two meet, at least 1.
  int amax[2];
};

/// Where two weights of a channel are to be, in units of its scale, and what
/// their errors cost.
struct PairTarget {
  double first, second;
  double firstCost, secondCost;
  /// An error e of the first weight moves the target of the second by
  /// -share * (e - offset).
  double share = 0, offset = 0;

  /// The second target for an integer in the first place.
  double getSecond(int64_t integer) const {
    return second - share * (double(integer) - first - offset);
  }
};

struct IntegerPair {
  int64_t first, second;
};

/// The integers of a pair.
class PairRounder {
public:
  PairRounder(const QuantParams &params, const Pair &pair)
      : params(params), amax{pair.amax[0], pair.amax[1]} {}

  bool isSafe(IntegerPair pair) const {
    return isPairSafe(static_cast<int>(pair.first), amax[0],
                      static_cast<int>(pair.second), amax[1]);
  }

  IntegerPair round(const PairTarget &target) const {
    int64_t first = roundOne(target.first);
    return {first, roundOne(target.getSecond(first))};
  }

  /// The best pair that is safe, where the nearest one is not: both have one
  /// sign, and it lies on the line amax[0] first + amax[1] second = 32767.
  IntegerPair roundSafely(const PairTarget &target, IntegerPair nearest) const {
    int64_t sign = nearest.first < 0 ? -1 : 1;
    // Of d1 r^2 + d2 (a - (steepness - share) r)^2, with r the distance of the
    // first integer from its target and a that of the second for r = 0.
    double steepness = double(amax[0]) / amax[1];
    double slope = steepness - target.share;
    double apart = double(sign * getPartner(0)) - steepness * target.first -
                   target.second - target.share * target.offset;
    double weight = target.firstCost + target.secondCost * slope * slope;
    double distance = weight > 0 ? target.secondCost * slope * apart / weight
                                 : apart / (1 + steepness);
    // Where the partner would be larger than a weight can be.
    int64_t beyond = kMost - (params.qmax + 1) * amax[1];
    int64_t first = std::clamp<int64_t>(
        std::llround(double(sign) * (target.first + distance)),
        beyond < 0 ? 0 : beyond / amax[0] + 1,
        std::min<int64_t>(kMost / amax[0], params.qmax));
    return {sign * first, sign * std::min(getPartner(first), params.qmax)};
  }

private:
  /// The largest second weight beside a first one of the same sign.
  int64_t getPartner(int64_t first) const {
    return (kMost - amax[0] * first) / amax[1];
  }

  int64_t roundOne(double target) const {
    return std::clamp(static_cast<int64_t>(std::nearbyint(target)), params.qmin,
                      params.qmax);
  }

  static constexpr int64_t kMost = 32767; ///< of products of one sign
  const QuantParams &params;
  int amax[2];
};

/// A panel, tried in several ways and then changed.
class Panel {
public:
  Panel(std::vector<PanelChannel> &channels, WeightRuns runs,
        const std::vector<int> &amax, const OutputErrors &errors)
      : channels(channels), runs(runs), errors(errors),
        groups(runs.runs * ((runs.length + 3) / 4)), scales(channels.size()),
        integers(channels.size()), added(groups), isUnsafe(groups) {
    size_t groupsPerRun = (runs.length + 3) / 4;
    auto amaxAt = [&](size_t i) { return std::max(amax[i % amax.size()], 1); };
    for (size_t run = 0; run < runs.runs; ++run)
      for (size_t i = 0; i < runs.length; i += 2) {
        size_t first = run * runs.length + i;
        pairs.push_back({first,
                         i + 1 < runs.length,
                         run * groupsPerRun + i / 4,
                         {amaxAt(first), amaxAt(first + 1)}});
      }
    for (size_t c = 0; c < channels.size(); ++c)
      plain += roundPlainly(c);
  }

  size_t getGroups() const { return groups; }
  /// The groups that are not safe as the panel came, the cheapest to change
  /// first.
  std::vector<size_t> getUnsafeGroups() const {
    std::vector<size_t> unsafe;
    for (size_t group = 0; group < groups; ++group)
      if (isUnsafe[group])
        unsafe.push_back(group);
    std::sort(unsafe.begin(), unsafe.end(), [&](size_t a, size_t b) {
      return added[a] != added[b] ? added[a] < added[b] : a < b;
    });
    return unsafe;
  }

  /// Chooses scales and integers that are safe but for some groups. Returns the
  /// growth.
  double round(const std::vector<bool> &isLeft) {
    double loss = 0;
    for (size_t c = 0; c < channels.size(); ++c) {
      chooseScale(c, isLeft);
      loss += roundChannel(c, isLeft);
    }
    return loss - plain;
  }

  /// Gives the channels what was chosen last.
  void apply() {
    for (size_t c = 0; c < channels.size(); ++c) {
      PanelChannel &channel = channels[c];
      channel.candidate = scales[c];
      const QuantParams &params = channel.candidates[channel.candidate];
      for (size_t i = 0; i < integers[c].size(); ++i) {
        int64_t integer = integers[c][i];
        if (integer == quantize(channel.w[i], params))
          continue;
        channel.w[i] = static_cast<float>(params.scale * double(integer));
        ++channel.changed;
      }
    }
  }

private:
  /// What brings the cost of a channel's errors, in units of a scale, to the
  /// units of the growth.
  double getUnit(size_t c, const QuantParams &params) const {
    double first = channels[c].candidates.front().scale;
    double unit = first * first / 12 * errors.getTotal() + channels[c].noise;
    return params.scale * params.scale / (unit * double(channels.size()));
  }

  /// The weights of a channel in units of a scale, as quantize() rounds them.
  std::vector<float> getReal(size_t c, const QuantParams &params) const {
    std::vector<float> real(channels[c].w,
                            channels[c].w + runs.runs * runs.length);
    for (float &weight : real)
      weight /= static_cast<float>(params.scale);
    return real;
  }

  PairTarget getTarget(const Pair &pair,
                       const std::vector<float> &targets) const {
    size_t i = pair.first;
    if (!pair.isWhole)
      return {double(targets[i]), 0, errors.getCost(i), 0};
    return {double(targets[i]), double(targets[i + 1]), errors.getCost(i),
            errors.getCost(i + 1)};
  }

  static double getCost(const PairTarget &target, IntegerPair pair) {
    double first = double(pair.first) - target.first;
    double second = double(pair.second) - target.getSecond(pair.first);
    return target.firstCost * first * first +
           target.secondCost * second * second;
  }

  /// The nearest integers of a channel as it came: what is unsafe in them, what
  /// a change would add, and the cost.
  double roundPlainly(size_t c) {
    const PanelChannel &channel = channels[c];
    const QuantParams &params = channel.candidates.front();
    double unit = getUnit(c, params), loss = 0;
    std::vector<float> real = getReal(c, params), targets = real;
    for (size_t i = 0; i < targets.size(); ++i) {
      auto integer = static_cast<float>(quantize(channel.w[i], params));
      double distance = double(integer) - double(targets[i]);
      loss += errors.getCost(i) * distance * distance;
      errors.makeUpFor(i, integer - real[i], targets.data());
    }
    for (const Pair &pair : pairs) {
      PairRounder rounder(params, pair);
      PairTarget target = getTarget(pair, real);
      IntegerPair nearest = rounder.round(target);
      if (rounder.isSafe(nearest))
        continue;
      isUnsafe[pair.group] = true;
      IntegerPair safe = rounder.roundSafely(target, nearest);
      added[pair.group] +=
          unit * (getCost(target, safe) - getCost(target, nearest));
    }
    return unit * loss;
  }

  /// The candidate of the least cost, if no weight makes up for another.
  void chooseScale(size_t c, const std::vector<bool> &isLeft) {
    const PanelChannel &channel = channels[c];
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < channel.candidates.size(); ++i) {
      const QuantParams &params = channel.candidates[i];
      std::vector<float> real = getReal(c, params);
      double cost = 0;
      bool isChanged = false;
      for (const Pair &pair : pairs) {
        PairRounder rounder(params, pair);
        PairTarget target = getTarget(pair, real);
        IntegerPair integer = rounder.round(target);
        if (!isLeft[pair.group] && !rounder.isSafe(integer)) {
          integer = rounder.roundSafely(target, integer);
          isChanged = true;
        }
        cost += getCost(target, integer);
      }
      cost *= params.scale * params.scale;
      if (cost < least) {
        least = cost;
        scales[c] = i;
      }
      // Larger scales only lose precision from here on.
      if (!isChanged)
        break;
    }
  }

  /// One pair after the other, each making up for those before it.
  double roundChannel(size_t c, const std::vector<bool> &isLeft) {
    const PanelChannel &channel = channels[c];
    const QuantParams &params = channel.candidates[scales[c]];
    std::vector<int64_t> &chosen = integers[c];
    std::vector<float> real = getReal(c, params), targets = real;
    chosen.resize(real.size());
    double loss = 0;
    for (const Pair &pair : pairs) {
      size_t i = pair.first;
      PairTarget target = getTarget(pair, targets);
      if (pair.isWhole) {
        target.share = double(errors.getShare(i));
        target.offset = double(real[i]) - double(targets[i]);
      }
      PairRounder rounder(params, pair);
      IntegerPair integer = rounder.round(target);
      if (!isLeft[pair.group] && !rounder.isSafe(integer))
        integer = rounder.roundSafely(target, integer);
      loss += getCost(target, integer);
      auto choose = [&](size_t i, int64_t integer) {
        chosen[i] = integer;
        errors.makeUpFor(i, static_cast<float>(integer) - real[i],
                         targets.data());
      };
      choose(i, integer.first);
      if (pair.isWhole)
        choose(i + 1, integer.second);
    }
    return getUnit(c, params) * loss;
  }

  std::vector<PanelChannel> &channels;
  WeightRuns runs;
  const OutputErrors &errors;
  size_t groups;
  std::vector<Pair> pairs;
  std::vector<size_t> scales; ///< candidates chosen last, and their integers
  std::vector<std::vector<int64_t>> integers;
  std::vector<double> added; ///< by making a group safe
  std::vector<bool> isUnsafe;
  double plain = 0; ///< what the nearest integers cost
};

} // namespace

PairSafePanel q::numerics::makePanelSafe(std::vector<PanelChannel> &channels,
                                         WeightRuns runs,
                                         const std::vector<int> &amax,
                                         const OutputErrors &errors,
                                         double tolerance) {
  Panel panel(channels, runs, amax, errors);
  std::vector<size_t> unsafe = panel.getUnsafeGroups();
  PairSafePanel result;
  result.groups = panel.getGroups();
  result.unsafeBefore = result.unsafeAfter = unsafe.size();
  auto makeSafe = [&](size_t count) {
    std::vector<bool> isLeft(result.groups);
    for (size_t i = count; i < unsafe.size(); ++i)
      isLeft[unsafe[i]] = true;
    return panel.round(isLeft);
  };
  // So many groups are within the tolerance, so many are not.
  size_t within = 0, beyond = unsafe.size() + 1;
  for (size_t count = unsafe.size(); within + 1 < beyond;
       count = (within + beyond) / 2)
    (makeSafe(count) <= tolerance ? within : beyond) = count;
  if (within == 0)
    return result;
  result.growth = makeSafe(within);
  panel.apply();
  result.unsafeAfter = unsafe.size() - within;
  return result;
}
