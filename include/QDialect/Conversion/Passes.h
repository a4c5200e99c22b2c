//===- Passes.h - Passes from the q dialect to LLVM -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_PASSES_H
#define QDIALECT_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace q {

#define GEN_PASS_DECL
#include "QDialect/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "QDialect/Conversion/Passes.h.inc"

} // namespace q

#endif // QDIALECT_CONVERSION_PASSES_H
