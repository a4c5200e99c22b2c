//===- Passes.h - Passes within the q dialect -------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_PASSES_H
#define QDIALECT_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace q {

#define GEN_PASS_DECL
#include "QDialect/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "QDialect/Transforms/Passes.h.inc"

} // namespace q

#endif // QDIALECT_TRANSFORMS_PASSES_H
