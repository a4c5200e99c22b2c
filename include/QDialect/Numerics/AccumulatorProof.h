//===- AccumulatorProof.h - Proofs that sums of products fit ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_ACCUMULATORPROOF_H
#define QDIALECT_NUMERICS_ACCUMULATORPROOF_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace q::numerics {

/// What a factor may be, both ends included: q - Zx if the kernel subtracts the
/// zero point, raw q if the zero point is folded into the bias (N6). Where a
/// window reaches into padding, the padding's value must lie inside.
struct FactorRange {
  int32_t lo;
  int32_t hi;
};

/// The exact extremes of bias + sum(x_i * w_i) over all x_i in their ranges
/// (rule N8). Both ends of [min, max] are reached by some input.
struct AccumulatorBounds {
  int64_t min = 0;
  int64_t max = 0;
  /// The extremes of every partial sum, whatever the order of the terms, the
  /// bias being one of them.
  int64_t partialMin = 0;
  int64_t partialMax = 0;

  /// The final value fits int32: enough for additions that wrap.
  bool fitsInt32() const;
  /// Every partial sum fits: enough for any instruction sequence whatever.
  bool partialsFitInt32() const;
};

/// Bounds of one output channel with weights w[0] ... w[count-1]. Defined for
/// int8_t, int16_t and int32_t.
template <typename Weight>
AccumulatorBounds accumulatorBounds(const Weight *w, size_t count,
                                    FactorRange range, int64_t bias);

/// The same with the range of each input channel: weight i meets a factor of
/// ranges[i % ranges.size()], as in a [KH, KW, I] filter.
template <typename Weight>
AccumulatorBounds accumulatorBounds(const Weight *w, size_t count,
                                    const std::vector<FactorRange> &ranges,
                                    int64_t bias);

/// The weights that meet in one int16 lane, by sign: what decides whether
/// vpmaddubsw (unsigned activations times signed weights, pairs added with
/// saturation) and vpaddw are exact.
struct LaneSums {
  /// Sum of the positive weights.
  int64_t positive = 0;
  /// Sum of the magnitudes of the negative weights.
  int64_t negative = 0;

  void add(int weight) {
    (weight > 0 ? positive : negative) += weight > 0 ? weight : -weight;
  }
};

/// True if amax * (w0 * x0 + w1 * x1) cannot saturate int16 for activations of
/// 0 to amax: amax * sum(w+) <= 32767 and amax * sum(w-) <= 32768.
bool isPairSafe(int w0, int w1, int amax);
/// The same with a largest activation for each weight.
bool isPairSafe(int w0, int amax0, int w1, int amax1);

/// True if a chain of wrapping int16 additions ends in the exact sum. With
/// `centred` the chain starts from a constant of chainStart() instead of 0
/// (which the bias takes off again), and amax * sum|w| <= 65535 suffices. Each
/// pair of the chain must be safe besides.
bool isChainSafe(LaneSums sums, int amax, bool centred = false);

/// The start constants with which such a chain is exact: any integer of the
/// returned range; empty (lo > hi) if there is none.
FactorRange chainStart(LaneSums sums, int amax);

/// The length L of the longest exact chains, 0 if some pair is not safe.
///
/// w holds `groups` groups of 4 consecutive weights, as one output channel
/// meets them; vpmaddubsw adds the weights 0, 1 of a group into one int16 lane
/// and 2, 3 into the next. The groups are cut into chains of L (the last may be
/// shorter), and both lanes of every chain are exact for every L' <= L too.
/// At most maxLength is tried.
unsigned maxChainLength(const int8_t *w, size_t groups, int amax, bool centred,
                        unsigned maxLength);

/// How the weights of one output channel meet the lanes of vpmaddubsw: `runs`
/// runs of `length` consecutive weights, each cut into groups of 4 from its
/// start and filled up with zeros.
struct WeightRuns {
  size_t runs;
  size_t length;
};

/// What is proven of a layer's int16 lanes; the numbers let a reader check it.
struct ChainProof {
  /// Pairs of weights, and those that vpmaddubsw might saturate.
  int64_t pairs = 0;
  int64_t unsafePairs = 0;
  /// The largest sum of magnitudes of the weights of one sign in a pair, and in
  /// a lane of a chain of `length` groups.
  int64_t pairSum = 0;
  int64_t chainSum = 0;
  /// How many groups may be added up in int16: the largest of 1, 2, 4 and 8
  /// that is exact for every channel; 0 if some pair is not safe.
  unsigned length = 0;
};

/// Proves the chains of a layer of `channels` output channels (rule N8) whose
/// activations are 0 to amax. Defined for int8_t and int32_t.
template <typename Weight>
ChainProof proveChains(const Weight *w, size_t channels, WeightRuns runs,
                       int amax);

/// True if a chain of signed 8-bit products (NEON's SMULL, then SMLAL) cannot
/// leave int16 for factors of magnitude maxAbs or less.
bool isSignedChainSafe(LaneSums sums, int maxAbs);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_ACCUMULATORPROOF_H
