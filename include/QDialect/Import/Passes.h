//===- Passes.h - Passes that finish an import ------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_IMPORT_PASSES_H
#define QDIALECT_IMPORT_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace q {

#define GEN_PASS_DECL
#include "QDialect/Import/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "QDialect/Import/Passes.h.inc"

/// What the pass `--q-simplify-layout` does to a function.
void simplifyLayout(mlir::func::FuncOp function);

} // namespace q

#endif // QDIALECT_IMPORT_PASSES_H
