//===- NeonChoice.h - Micro-kernels and proofs on NEON ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_NEONCHOICE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_NEONCHOICE_H

#include "QDialect/Conversion/KernelPlan.h"
#include "QDialect/QDialect.h"

namespace q::kernel {

/// The micro-kernel for a dense layer where `best` is that of the target for
/// long reductions: short ones fill its steps badly. Others than smull, smmla
/// and usmmla stay as they are.
MicroKernel chooseNeonKernel(MicroKernel best, const LayerGeometry &geometry);

/// What that layer may take instead of `best`; nothing if it is the only one.
std::optional<MicroKernel> getNeonAlternative(MicroKernel best);

/// Vector instructions that a step of a tile takes. `chain` is that of smull.
double countNeonInstructions(MicroKernel kernel, int64_t pixels,
                             int64_t vectors, int64_t chain);

/// Likewise for a depthwise layer: sdot and usdot take four rows of the kernel
/// at a time, which one row alone does not fill; smull_lanes pays if the
/// products of two rows may meet in int16, by what is proven of the layer.
MicroKernel chooseNeonDepthwise(MicroKernel best, const LayerGeometry &geometry,
                                SignedChainAttr proven);

/// How many products of a layer may meet in an int16 lane of smull, proven from
/// its weights [O, KH, KW, I] and what q-prove-int16-chains found of its
/// activations (rule N8).
SignedChainAttr proveSignedChain(WeightedOpInterface op,
                                 llvm::ArrayRef<int8_t> weights);

/// The same for smull_lanes and a depthwise layer with weights [C, KH, KW, 1]:
/// how many products of a column of the window may meet.
SignedChainAttr proveColumnChain(WeightedOpInterface op,
                                 const LayerGeometry &geometry,
                                 llvm::ArrayRef<int8_t> weights);

/// The most pixels of a tile of smull whose sums stay in registers: longer
/// chains keep a tile of int16 beside that of int32.
int64_t getSmullPixels(int64_t chain);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_NEONCHOICE_H
