//===- KernelCosts.h - Measured costs of micro-kernels ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_KERNELCOSTS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_KERNELCOSTS_H

#include "QDialect/Conversion/KernelCandidates.h"

#include "llvm/ADT/ArrayRef.h"

namespace q::kernel {

/// A tile of a dense micro-kernel: core cycles of one step (`depth` input
/// channels), and of everything around the steps, requantization included.
struct DenseCost {
  MicroKernel kernel;
  int64_t lanes; ///< for which it was measured
  int64_t chain; ///< 0 where there are no chains
  int64_t pixels, vectors;
  double step, tile;

  bool isOf(MicroKernel other, int64_t otherChain) const {
    return kernel == other && lanes == getTraits(other).lanes &&
           chain == otherChain;
  }
};

/// Core cycles of 16 results of a depthwise kernel.
struct DepthwiseCost {
  MicroKernel kernel;
  int64_t window, stride; ///< square
  int64_t rows, vectors;
  double results;
};

/// The measured tiles of all micro-kernels.
llvm::ArrayRef<DenseCost> getDenseCosts();
llvm::ArrayRef<DepthwiseCost> getDepthwiseCosts();

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELCOSTS_H
