//===- PairSafeWeights.h - Weights that never saturate a pair ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H
#define QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H

#include "QDialect/Numerics/OutputErrors.h"
#include "QDialect/Numerics/QuantParams.h"

namespace q::numerics {

/// One output channel of a panel.
struct PanelChannel {
  /// Its weights, those of odd places of a run paired with those before them.
  /// Where the integer that is chosen is not the nearest one, the weight
  /// becomes what it stands for.
  float *w;
  /// At least one; symmetric, zero point 0, in the order of rising scales.
  std::vector<QuantParams> candidates;
  /// The variance of its results that comes from rounded inputs, in the units
  /// of the errors.
  double noise = 0;
  /// The chosen candidate.
  size_t candidate = 0;
  /// Weights with another integer than the nearest.
  int64_t changed = 0;
};

/// What makePanelSafe() did.
struct PairSafePanel {
  /// Groups of four weights of each channel, and those in which some pair is
  /// not safe: before and after.
  size_t groups = 0, unsafeBefore = 0, unsafeAfter = 0;
  /// By how much the variance of the errors of the results has grown, in units
  /// of what rounding costs (a twelfth of the squared scale per weight, as
  /// `errors` counts it, and the noise of the channel): the mean of the
  /// channels. Negative where the changed weights make up for one another.
  double growth = 0;
};

/// Changes the integers of the weights of a panel so that they are safe in
/// pairs (rule N8, isPairSafe()), at the least cost: a larger scale makes sums
/// smaller, a pair that is too large all the same is moved to the best safe
/// one, and the weights behind it make up for its errors as far as `errors`
/// allows. Weight i of each channel meets activations of 0 to
/// amax[i % amax.size()].
///
/// A group of four is of use only if it is safe in all channels. Those that
/// would let the error grow by more than `tolerance` are left unsafe, the
/// costliest first. A panel that is safe as it came, or of which no group can
/// be made safe, stays as it is.
PairSafePanel makePanelSafe(std::vector<PanelChannel> &channels,
                            WeightRuns runs, const std::vector<int> &amax,
                            const OutputErrors &errors, double tolerance);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_PAIRSAFEWEIGHTS_H
