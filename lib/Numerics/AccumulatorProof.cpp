//===- AccumulatorProof.cpp - Proofs that sums of products fit ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/AccumulatorProof.h"

#include <algorithm>
#include <limits>

using namespace q::numerics;

static bool isInt32(int64_t lo, int64_t hi) {
  return lo >= std::numeric_limits<int32_t>::min() &&
         hi <= std::numeric_limits<int32_t>::max();
}

bool AccumulatorBounds::fitsInt32() const { return isInt32(min, max); }

bool AccumulatorBounds::partialsFitInt32() const {
  return isInt32(partialMin, partialMax);
}

template <typename Weight>
AccumulatorBounds
q::numerics::accumulatorBounds(const Weight *w, size_t count,
                               const std::vector<FactorRange> &ranges,
                               int64_t bias) {
  AccumulatorBounds bounds;
  auto addTerm = [&](int64_t lo, int64_t hi) {
    bounds.min += lo;
    bounds.max += hi;
    bounds.partialMin += std::min<int64_t>(lo, 0);
    bounds.partialMax += std::max<int64_t>(hi, 0);
  };
  addTerm(bias, bias);
  size_t channel = 0;
  for (size_t i = 0; i < count; ++i) {
    FactorRange range = ranges[channel];
    channel = channel + 1 == ranges.size() ? 0 : channel + 1;
    int64_t a = int64_t(w[i]) * range.lo, b = int64_t(w[i]) * range.hi;
    addTerm(std::min(a, b), std::max(a, b));
  }
  return bounds;
}

template <typename Weight>
AccumulatorBounds q::numerics::accumulatorBounds(const Weight *w, size_t count,
                                                 FactorRange range,
                                                 int64_t bias) {
  return accumulatorBounds(w, count, std::vector<FactorRange>{range}, bias);
}

#define Q_INSTANTIATE(Weight)                                                  \
  template AccumulatorBounds q::numerics::accumulatorBounds<Weight>(           \
      const Weight *, size_t, FactorRange, int64_t);                           \
  template AccumulatorBounds q::numerics::accumulatorBounds<Weight>(           \
      const Weight *, size_t, const std::vector<FactorRange> &, int64_t);
Q_INSTANTIATE(int8_t)
Q_INSTANTIATE(int16_t)
Q_INSTANTIATE(int32_t)
#undef Q_INSTANTIATE

bool q::numerics::isPairSafe(int w0, int w1, int amax) {
  LaneSums sums;
  sums.add(w0);
  sums.add(w1);
  return isChainSafe(sums, amax);
}

bool q::numerics::isPairSafe(int w0, int amax0, int w1, int amax1) {
  // As if the products were the weights.
  LaneSums sums;
  sums.add(w0 * amax0);
  sums.add(w1 * amax1);
  return isChainSafe(sums, 1);
}

bool q::numerics::isChainSafe(LaneSums sums, int amax, bool centred) {
  if (centred)
    return amax * (sums.positive + sums.negative) <= 65535;
  return amax * sums.positive <= 32767 && amax * sums.negative <= 32768;
}

FactorRange q::numerics::chainStart(LaneSums sums, int amax) {
  // Clamped to int16, so that the range of an unsafe chain fits too.
  auto clamp = [](int64_t x) {
    return int32_t(std::clamp<int64_t>(x, -65536, 65536));
  };
  return {clamp(amax * sums.negative - 32768),
          clamp(32767 - amax * sums.positive)};
}

unsigned q::numerics::maxChainLength(const int8_t *w, size_t groups, int amax,
                                     bool centred, unsigned maxLength) {
  for (size_t pair = 0; pair < 2 * groups; ++pair)
    if (!isPairSafe(w[2 * pair], w[2 * pair + 1], amax))
      return 0;
  auto areChainsSafe = [&](size_t length) {
    for (size_t begin = 0; begin < groups; begin += length) {
      LaneSums lanes[2];
      for (size_t g = begin; g < std::min(begin + length, groups); ++g)
        for (unsigned i = 0; i < 4; ++i)
          lanes[i / 2].add(w[4 * g + i]);
      if (!isChainSafe(lanes[0], amax, centred) ||
          !isChainSafe(lanes[1], amax, centred))
        return false;
    }
    return true;
  };
  unsigned length = maxLength == 0 ? 0 : 1;
  while (length > 0 && length < maxLength && areChainsSafe(length + 1))
    ++length;
  return length;
}

/// The weights of lane `lane` of the chain that starts at group `begin` of a
/// run.
template <typename Weight>
static LaneSums laneOf(const Weight *run, size_t runLength, size_t begin,
                       size_t length, size_t lane) {
  LaneSums sums;
  for (size_t group = begin; group < begin + length; ++group)
    for (size_t i = 4 * group + 2 * lane; i < 4 * group + 2 * lane + 2; ++i)
      if (i < runLength)
        sums.add(static_cast<int>(run[i]));
  return sums;
}

template <typename Weight>
ChainProof q::numerics::proveChains(const Weight *w, size_t channels,
                                    WeightRuns runs, int amax) {
  ChainProof proof;
  size_t groups = (runs.length + 3) / 4;
  auto largest = [](const LaneSums &sums) {
    return std::max(sums.positive, sums.negative);
  };
  // `visit` sees every lane of every chain of a length.
  auto forLanes = [&](size_t length, auto visit) {
    for (size_t run = 0; run < channels * runs.runs; ++run)
      for (size_t begin = 0; begin < groups; begin += length)
        for (size_t lane = 0; lane < 2; ++lane)
          visit(
              laneOf(w + run * runs.length, runs.length, begin, length, lane));
  };
  forLanes(1, [&](const LaneSums &sums) {
    ++proof.pairs;
    proof.unsafePairs += !isChainSafe(sums, amax);
    proof.pairSum = std::max(proof.pairSum, largest(sums));
  });
  proof.chainSum = proof.pairSum;
  if (proof.unsafePairs)
    return proof;
  proof.length = 1;
  for (unsigned length : {2u, 4u, 8u}) {
    bool isSafe = true;
    int64_t sum = 0;
    forLanes(length, [&](const LaneSums &sums) {
      isSafe &= isChainSafe(sums, amax);
      sum = std::max(sum, largest(sums));
    });
    if (!isSafe)
      break;
    proof.length = length;
    proof.chainSum = sum;
  }
  return proof;
}
template ChainProof q::numerics::proveChains<int8_t>(const int8_t *, size_t,
                                                     WeightRuns, int);
template ChainProof q::numerics::proveChains<int32_t>(const int32_t *, size_t,
                                                      WeightRuns, int);

bool q::numerics::isSignedChainSafe(LaneSums sums, int maxAbs) {
  return maxAbs * (sums.positive + sums.negative) <= 32767;
}
