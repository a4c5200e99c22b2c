//===- KernelReasons.h - Why a layer has the kernel it has ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_KERNELREASONS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_KERNELREASONS_H

#include "mlir/IR/Operation.h"

#include <string>

namespace q::kernel {

/// The attribute of a dense layer that multiplies words (`vpmaddwd`) which says
/// why it does not multiply bytes (`vpmaddubsw`), as far as proofs forbid it.
inline constexpr char kWhyWordsAttrName[] = "why_words";

/// Which pairs of the quantized layer's weights forbid `vpmaddubsw` (rule N8);
/// empty if none does, or nothing was proven.
std::string explainWords(mlir::Operation *layer);

/// In one line, what was proven for a kernel op, with the numbers, and which
/// better form it does not have and why. Empty if there was nothing to choose.
std::string explainKernel(mlir::Operation *kernel);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELREASONS_H
