//===- Int16Chains.h - What is proven of int16 partial sums -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_INT16CHAINS_H
#define QDIALECT_INT16CHAINS_H

#include "QDialect/Numerics/AccumulatorProof.h"
#include "QDialect/QDialect.h"

#include <optional>

namespace q {

/// Whether kernels bring all taps of a pixel side by side: there are many
/// `outputs` channels for which that is done once, and a row of `row` products
/// is so short that filling up each of the `rows` rows to whole groups of four
/// would be an eighth of the work.
bool gathersTaps(int64_t outputs, int64_t rows, int64_t row);

/// How the weights [O, KH, KW, I] or [O, I] of a layer are cut into runs: one
/// per row of the kernel, whose taps lie side by side in an image; one per tap
/// where they do not (dilation, groups); a single one where they are gathered.
numerics::WeightRuns getWeightRuns(WeightedOpInterface layer);

/// The proof that q-prove-int16-chains records on a layer as `int16_chain`.
struct Int16Chain {
  /// The largest activation: storage values, plus 128 if they are signed.
  int64_t amax = 0;
  numerics::ChainProof proof;
  /// The same of each input channel; empty if it is that of all of them. The
  /// proof above does without.
  llvm::SmallVector<int32_t> channelAmax;
};
void setInt16Chain(WeightedOpInterface layer, const Int16Chain &chain);
/// Nothing if the attribute is not there or not whole.
std::optional<Int16Chain> getInt16Chain(WeightedOpInterface layer);

} // namespace q

#endif // QDIALECT_INT16CHAINS_H
