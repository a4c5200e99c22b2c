//===- WinogradChoice.h - Whether a layer takes Winograd --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADCHOICE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADCHOICE_H

#include "LayerConstants.h"
#include "QDialect/Conversion/WinogradPlan.h"

namespace q::kernel {

/// The outcome of proof (rule N8) and cost model. Without a proof the layer is
/// to be computed directly, and `whyDirect` says why; it is empty for layers of
/// a geometry that has no Winograd form at all. With `always` the proof decides
/// alone. `directCycles` is what the layer is estimated to take directly, with
/// the chains that are proven for it; 0 for the rate of any weights.
struct WinogradChoice {
  WinogradProofAttr proof;
  std::string whyDirect;
  std::pair<int64_t, int64_t> tile;
};
WinogradChoice chooseWinograd(mlir::MLIRContext *context,
                              const LayerGeometry &geometry,
                              const LayerConstants &constants,
                              MicroKernel pairs, bool always,
                              int64_t directCycles = 0);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADCHOICE_H
