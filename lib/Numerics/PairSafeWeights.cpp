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
