//===- WinogradTransforms.h - One dimension of the transforms ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The products with the matrices of Numerics/Winograd.h, factored: shifts and
// additions of vectors, with as few of them as there are common terms.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADTRANSFORMS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADTRANSFORMS_H

#include "KernelEmitter.h"

namespace q::kernel {

/// G g: three taps to six positions.
Values emitWeightTransform(KernelEmitter &e, const Values &taps);

/// B d: `outputs` + 2 inputs to six positions; position 4 is null for 3
/// outputs.
Values emitDataTransform(KernelEmitter &e, int64_t outputs, const Values &data);

/// A m: six positions to `outputs` outputs. For 3 outputs, position 4 is not
/// looked at.
Values emitInverseTransform(KernelEmitter &e, int64_t outputs,
                            const Values &sums);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_WINOGRADTRANSFORMS_H
