//===- PairSafeWeights.h - Weights that never saturate a pair ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H
#define QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H

#include "QDialect/Numerics/AccumulatorProof.h"
#include "QDialect/Numerics/QuantParams.h"

namespace q::numerics {

/// What makePairsSafe() did to an output channel.
struct PairSafeChannel {
  /// The chosen candidate.
  size_t candidate = 0;
  /// Weights with another integer than rounding gives.
  int64_t changed = 0;
};

/// Changes the real weights of one output channel as little as possible, so
/// that their integers are safe in pairs for activations of 0 to amax (rule N8,
/// isPairSafe()).
///
/// Of the `candidates` (at least one; symmetric, zero point 0, in the order of
/// rising scales) it takes the one with the least squared error between weights
/// and what their integers stand for: a larger scale makes sums smaller, and a
/// pair that is too large all the same is moved to the nearest safe one. The
/// weights of such pairs become exact multiples of the scale. The weights of
/// odd places of a run pair with those before them.
PairSafeChannel makePairsSafe(float *w, WeightRuns runs,
                              const std::vector<QuantParams> &candidates,
                              int amax);

/// One output channel of a panel.
struct PanelChannel {
  float *w; ///< as of makePairsSafe()
  std::vector<QuantParams> candidates;
  PairSafeChannel done = {};
};

/// What makePanelSafe() did.
struct PairSafePanel {
  /// Groups of four weights of each channel, and those in which some pair is
  /// not safe: before and after.
  size_t groups = 0, unsafeBefore = 0, unsafeAfter = 0;
  /// By how much the squared error of the weights has grown, in units of what
  /// rounding costs (a twelfth of the squared scale per weight): the mean of
  /// the channels.
  double growth = 0;
};

/// Makes the groups of a panel safe, or as many as a growth of `tolerance`
/// allows: a group is of use only if it is safe in all channels. If a panel
/// costs more as a whole, scales grow by less, pairs are moved in the cheapest
/// groups, and the other groups stay as rounding leaves them.
PairSafePanel makePanelSafe(std::vector<PanelChannel> &channels,
                            WeightRuns runs, int amax, double tolerance);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H
