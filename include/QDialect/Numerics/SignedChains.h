//===- SignedChains.h - Sums of signed products in int16 --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// NEON's SMULL multiplies eight pairs of signed bytes, SMLAL adds eight more
// products to them modulo 2^16, and SADALP widens the sums. How many products
// may meet in a lane follows from the weights and the range of the activations.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_SIGNEDCHAINS_H
#define QDIALECT_NUMERICS_SIGNEDCHAINS_H

#include "QDialect/Numerics/AccumulatorProof.h"

namespace q::numerics {

/// What is proven of a layer's int16 lanes; the numbers let a reader check it.
struct SignedChainProof {
  /// Products that meet in a lane: the largest of 1, 2, 4 and 8 for which every
  /// lane of every channel stays in int16, or the first with which a chain is a
  /// whole run. One product always stays there.
  unsigned length = 1;
  /// The extremes of the sums of all lanes at that length, with 0 among them:
  /// some input reaches each.
  int64_t sumMin = 0;
  int64_t sumMax = 0;
};

/// Proves the chains of a layer of `channels` output channels (rule N8) for
/// signed 8-bit activations in `range`. Each run of weights is cut into chains
/// of 8 * length from its start, and product i of a chain goes to lane i % 8.
/// At most `maxLength` products are tried. Defined for int8_t and int32_t.
template <typename Weight>
SignedChainProof proveSignedChains(const Weight *w, size_t channels,
                                   WeightRuns runs, FactorRange range,
                                   unsigned maxLength = 8);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_SIGNEDCHAINS_H
