//===- KernelEpilogue.h - From accumulators to stored bytes -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_KERNELEPILOGUE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_KERNELEPILOGUE_H

#include "KernelEmitter.h"

namespace q::kernel {

/// What an epilogue computes: the same for all tiles of a layer.
struct EpilogueSpec {
  Epilogue form;
  bool tiesAway;
  StorageAttr output;
  ResidualAttr residual; ///< null if there is none
  MicroKernelTraits traits;
  bool isX86;
  Value multipliers; ///< flat, packed like the accumulators; null for pow2
  Value shifts;      ///< likewise; null for float
  Value outputBuffer, residualBuffer;
};

/// One tile's accumulators and where their bytes go.
struct EpilogueTile {
  int64_t vectors; ///< per pixel
  Value constantsAt;
  Values outputAt, residualAt; ///< one per pixel
  int64_t channels;            ///< how many of a pixel's channels exist
};

/// Requantizes (rule N10), adds the residual (N12), clamps (N11), stores.
/// Accumulators are pixel-major and hold the bias already.
void emitEpilogue(KernelEmitter &e, const EpilogueSpec &spec,
                  const EpilogueTile &tile, Values accumulators);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELEPILOGUE_H
