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

/// The numbers of a `StorageAttr`, as i32 scalars of the generated code.
struct StorageValues {
  Value zeroPoint, lo, hi;
};

/// The numbers of a `ResidualAttr`, likewise.
struct ResidualValues {
  StorageValues intermediate, storage;
  Value k1, k2, shift;
};

/// What an epilogue computes: the same for all tiles of a layer.
///
/// Layers that differ only in the numbers of their storage share a function,
/// so the attributes here are those of `getCodeStorage` and
/// `getCodeResidual`; the numbers are values.
struct EpilogueSpec {
  Epilogue form;
  bool tiesAway;
  StorageAttr output;
  StorageValues outputValues;
  ResidualAttr residual; ///< null if there is none
  ResidualValues residualValues;
  MicroKernelTraits traits;
  bool isX86;
  Value multipliers; ///< flat, packed like the accumulators; null for pow2
  Value shifts;      ///< likewise; null for float
  Value channelMax;  ///< in the order of stored bytes; null if there are none
  Value outputBuffer, residualBuffer;
};

/// Whether it takes few instructions, so that code may hold it several times.
bool isShort(const EpilogueSpec &spec);

/// One tile's accumulators and where their bytes go.
struct EpilogueTile {
  int64_t vectors; ///< per pixel
  Value constantsAt;
  Values outputAt, residualAt; ///< one per pixel
  int64_t channels;            ///< how many of a pixel's channels exist

  /// How many bytes of a pixel are stored at once from `channel` on: 16, and 8
  /// where vectors of `lanes` leave no more.
  int64_t chunkAt(int64_t channel, int64_t lanes) const {
    return vectors * lanes - channel >= 16 ? 16 : 8;
  }
};

/// What the code of an epilogue depends on in `storage`: the signedness, and
/// whether there are bounds inside the range of a byte. All else is the same
/// for all storages.
StorageAttr getCodeStorage(StorageAttr storage);
/// How the code shifts the sum of a fused addition: the `shift` of the
/// attribute that getCodeResidual() gives.
enum class CodeShift {
  None,
  /// Ties go upward, which is proven to give the results of rule N12.
  Upward,
  TiesAway
};
/// Likewise: the signedness of the operand and how the sum is shifted.
/// `output` is that of the layer.
ResidualAttr getCodeResidual(ResidualAttr residual, StorageAttr output);
/// Whether saturation to bytes leaves something to be clamped: below, above.
std::pair<bool, bool> getClampedEnds(StorageAttr storage);

/// Requantizes (rule N10), adds the residual (N12), clamps (N11), stores.
/// Accumulators are pixel-major and hold the bias already.
void emitEpilogue(KernelEmitter &e, const EpilogueSpec &spec,
                  const EpilogueTile &tile, const Values &accumulators);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELEPILOGUE_H
