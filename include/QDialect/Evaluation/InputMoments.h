//===- InputMoments.h - What the windows of a layer see ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_INPUTMOMENTS_H
#define QDIALECT_EVALUATION_INPUTMOMENTS_H

#include "QDialect/Evaluation/Data.h"
#include "QDialect/QDialect.h"

namespace q::eval {

/// Means and covariances of the inputs that meet the weights of an output
/// channel, in the order of the weights, padding taking part as 0.
struct InputMoments {
  /// A `q.conv2d` or a `q.gemm`.
  WeightedOpInterface layer;
  /// Sizes of the blocks of weights whose inputs get covariances.
  std::vector<size_t> blocks;

  int64_t windows = 0;
  /// Sums over windows, and, for each block, of products (row-major).
  std::vector<double> sums;
  std::vector<std::vector<float>> products;

  /// The mean of the input that meets weight `i`.
  double getMean(size_t i) const { return sums[i] / double(windows); }
  /// Covariances of the inputs of a block, row-major, [blocks[block]] squared.
  std::vector<float> getCovariance(size_t block) const;
};

/// Runs the network on `data` with its quantizers simulated, and adds up the
/// moments of the layers in `all`, of some thousand windows each, spread
/// evenly. Layers of several groups, whose output channels see several things,
/// and those that read arguments of the function, get none.
mlir::LogicalResult collectInputMoments(mlir::func::FuncOp function,
                                        DataSource &data,
                                        std::vector<InputMoments> &all);

} // namespace q::eval

#endif // QDIALECT_EVALUATION_INPUTMOMENTS_H
