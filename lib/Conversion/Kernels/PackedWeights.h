//===- PackedWeights.h - Weights of 4 and 2 bits ----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where not many pixels meet each weight, much of a layer's time is that of
// bringing its weights from memory. Narrow ones are kept side by side: of two
// runs of bytes of a panel the first in the low halves of as many bytes and the
// other in the high ones, with 2 bits four runs. Halves have no sign: they are
// w + 2^(bits - 1).
//
// A panel is unpacked to bytes when its turn comes, into a buffer that stays in
// the caches; micro-kernels see no difference. Or, where weights meet a single
// pixel, a run is a vector, which is unpacked when it is multiplied, without
// giving it back its sign: every sum is too large by 2^(bits - 1) times the sum
// of the activations, the same for all output channels.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_PACKEDWEIGHTS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_PACKEDWEIGHTS_H

#include "KernelEmitter.h"

namespace q::kernel {

/// Whether narrow weights are unpacked in registers.
bool unpacksInRegisters(const DensePlan &plan);
/// What vpmaddubsw may add in int16 of weights that are unpacked in registers,
/// whichever they are.
ChainAttr getUnpackedChain(mlir::MLIRContext *context, int64_t bits);
/// What smull may add of them, with the activations of `proven`.
SignedChainAttr getUnpackedChain(SignedChainAttr proven, int64_t bits);

/// How many bits the weights of a dense layer take in memory: 4 or 2 where they
/// fit and are many for some pixels, otherwise 8.
int64_t chooseWeightBits(const DensePlan &plan, llvm::ArrayRef<int8_t> weights);

/// Bytes of a panel in memory and, unpacked, in the scratch buffer.
int64_t getPackedPanelBytes(const DensePlan &plan, int64_t bits);
int64_t getUnpackedPanelBytes(const DensePlan &plan, int64_t bits);

/// The panels of `weights` (a byte each) side by side.
std::vector<int8_t> packSideBySide(const DensePlan &plan, int64_t bits,
                                   llvm::ArrayRef<int8_t> weights);

/// The numbers, without sign, in place `place` of the bytes of a vector.
Value emitUnpack(KernelEmitter &e, Value bytes, int64_t bits, int64_t place);
/// Writes the bytes of panel `panel` to the start of `scratch`.
void emitUnpackPanel(KernelEmitter &e, const DensePlan &plan, int64_t bits,
                     Value packed, Value panel, Value scratch);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_PACKEDWEIGHTS_H
