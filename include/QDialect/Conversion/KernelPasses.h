//===- KernelPasses.h - Passes to and from the kernel dialect ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELPASSES_H
#define QDIALECT_CONVERSION_KERNELPASSES_H

#include "QDialect/Conversion/KernelDialect.h"
#include "QDialect/Conversion/Threads.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace q::kernel {

#define GEN_PASS_DECL
#include "QDialect/Conversion/KernelPasses.h.inc"

#define GEN_PASS_REGISTRATION
#include "QDialect/Conversion/KernelPasses.h.inc"

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_KERNELPASSES_H
