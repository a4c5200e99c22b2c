//===- OutputErrors.h - What errors of weights do to results ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An error e of the weights of an output channel changes its results by e . x,
// and what of that is not the same for all x is the variance e' C e, with C the
// covariance of what the channel's windows see. C = L' D L, with L lower
// triangular and ones on its diagonal, makes it a sum of squares: where weights
// are rounded one after the other, each can make up for the errors of those
// before it, and D says what its own error then costs.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_OUTPUTERRORS_H
#define QDIALECT_NUMERICS_OUTPUTERRORS_H

#include "QDialect/Numerics/AccumulatorProof.h"

namespace q::numerics {

/// The size of the blocks that the weights of a channel are cut into: inputs of
/// one block are taken as correlated, of two blocks as not. Of at most 512
/// weights each, and no pair of weights is cut.
std::vector<size_t> getBlockSizes(WeightRuns runs);

/// The variance of a channel's results for errors of its weights.
class OutputErrors {
public:
  OutputErrors() = default;
  /// Where nothing is known of the inputs: the sum of squared errors.
  explicit OutputErrors(size_t weights)
      : costs(weights, 1), total(double(weights)) {}

  /// Appends a block of inputs with this covariance (row-major, symmetric). It
  /// counts for a half, and for the other half inputs of the same mean variance
  /// that are not correlated: what is rare in the samples, as objects are
  /// beside their background, must not pay for what is common.
  void addBlock(std::vector<float> covariance, size_t size);

  /// What the square of the error of weight `i` costs beyond what later weights
  /// cannot make up for.
  double getCost(size_t i) const { return costs[i]; }
  /// What squared errors of 1 cost in the mean, if each is as likely up as
  /// down.
  double getTotal() const { return total; }
  /// Moves the weights behind `i` to where they make up best for an error of
  /// weight `i`: w[j] is weight j.
  void makeUpFor(size_t i, float error, float *w) const;
  /// By how much that moves weight i + 1.
  float getShare(size_t i) const;

private:
  struct Block {
    size_t first, size;
    std::vector<float> shares; ///< L', row-major
  };
  const Block *find(size_t i) const;

  std::vector<double> costs;
  std::vector<Block> blocks;
  double total = 0;
};

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_OUTPUTERRORS_H
