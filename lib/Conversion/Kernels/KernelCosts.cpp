//===- KernelCosts.cpp - Measured costs of micro-kernels ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelCosts.h"

using namespace q::kernel;

static constexpr DenseCost kDenseCosts[] = {
#define DENSE(KERNEL, LANES, CHAIN, PIXELS, VECTORS, STEP, TILE)               \
  {MicroKernel::KERNEL, LANES, CHAIN, PIXELS, VECTORS, STEP, TILE},
#include "KernelCosts.inc"
};

static constexpr DepthwiseCost kDepthwiseCosts[] = {
#define DEPTHWISE(KERNEL, WINDOW, STRIDE, ROWS, VECTORS, RESULTS)              \
  {MicroKernel::KERNEL, WINDOW, STRIDE, ROWS, VECTORS, RESULTS},
#include "KernelCosts.inc"
};

llvm::ArrayRef<DenseCost> q::kernel::getDenseCosts() { return kDenseCosts; }

llvm::ArrayRef<DepthwiseCost> q::kernel::getDepthwiseCosts() {
  return kDepthwiseCosts;
}
