//===- ChainPlan.h - Chains of products, panel by panel ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_CHAINPLAN_H
#define QDIALECT_LIB_CONVERSION_KERNELS_CHAINPLAN_H

#include "QDialect/Conversion/KernelPlan.h"

namespace q::kernel {

/// The order in which each panel of a layer takes its steps, and how many of
/// them are added in int16 at a time (see `#qk.panel_chains`).
struct PanelChains {
  std::vector<int64_t> lengths, reach;
  /// Panel-major: a count per length, and the steps in their order.
  std::vector<int64_t> counts, order;
  /// Estimated cycles of a tile of 4 pixels and 2 vectors, over all panels.
  double cycles = 0;
};

/// Arranges the steps of a layer of vpmaddubsw whose input channel i is 0 to
/// amax[i % amax.size()]; of several sets of lengths it takes that of the least
/// estimated time.
PanelChains planChains(const DensePlan &plan, llvm::ArrayRef<int8_t> weights,
                       llvm::ArrayRef<int32_t> amax);

/// The same estimate for chains of one length in natural order, and for
/// vpmaddwd.
double estimateChains(const DensePlan &plan, int64_t length);
double estimatePmaddwd(const DensePlan &plan);

/// packDenseWeights() in the order of the chains. Steps that are widened have
/// the weights of channels 0, 2 of a vector's lanes first, then those of 1, 3.
std::vector<int8_t> packArrangedWeights(const DensePlan &plan,
                                        const PanelChains &chains,
                                        llvm::ArrayRef<int8_t> weights);

/// For each panel its counts, then the offsets of its steps.
std::vector<int32_t> makeChainTable(const DensePlan &plan,
                                    const PanelChains &chains);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_CHAINPLAN_H
