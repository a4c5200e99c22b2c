//===- SignedChains.cpp - Sums of signed products in int16 ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/SignedChains.h"

#include <algorithm>
#include <limits>

using namespace q::numerics;

/// The extremes of all lanes of chains of `length` products.
template <typename Weight>
static SignedChainProof boundLanes(const Weight *w, size_t channels,
                                   WeightRuns runs, FactorRange range,
                                   size_t length) {
  constexpr size_t lanes = 8;
  SignedChainProof proof;
  proof.length = static_cast<unsigned>(length);
  for (size_t run = 0; run < channels * runs.runs; ++run)
    for (size_t begin = 0; begin < runs.length; begin += lanes * length)
      for (size_t lane = begin; lane < std::min(begin + lanes, runs.length);
           ++lane) {
        int64_t min = 0, max = 0;
        size_t end = std::min(begin + lanes * length, runs.length);
        for (size_t i = lane; i < end; i += lanes) {
          int64_t weight = w[run * runs.length + i];
          int64_t a = weight * range.lo, b = weight * range.hi;
          min += std::min(a, b);
          max += std::max(a, b);
        }
        proof.sumMin = std::min(proof.sumMin, min);
        proof.sumMax = std::max(proof.sumMax, max);
      }
  return proof;
}

template <typename Weight>
SignedChainProof
q::numerics::proveSignedChains(const Weight *w, size_t channels,
                               WeightRuns runs, FactorRange range,
                               unsigned maxLength) {
  SignedChainProof proof = boundLanes(w, channels, runs, range, 1);
  for (unsigned length = 2; length <= std::min(maxLength, 8u); length *= 2) {
    // One chain is a whole run already.
    if (8 * size_t(proof.length) >= runs.length)
      break;
    SignedChainProof next = boundLanes(w, channels, runs, range, length);
    if (next.sumMin < std::numeric_limits<int16_t>::min() ||
        next.sumMax > std::numeric_limits<int16_t>::max())
      break;
    proof = next;
  }
  return proof;
}
template SignedChainProof
q::numerics::proveSignedChains<int8_t>(const int8_t *, size_t, WeightRuns,
                                       FactorRange, unsigned);
template SignedChainProof
q::numerics::proveSignedChains<int32_t>(const int32_t *, size_t, WeightRuns,
                                        FactorRange, unsigned);
