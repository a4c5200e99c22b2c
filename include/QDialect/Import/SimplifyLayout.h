//===- SimplifyLayout.h - Moves transposes out of a network -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_IMPORT_SIMPLIFYLAYOUT_H
#define QDIALECT_IMPORT_SIMPLIFYLAYOUT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace q {

/// Moves transposes towards the results of `function`, where inverse pairs meet
/// and cancel, and writes every chain of reshapes, transposes, slices and
/// gathers in its shortest form. A network that was imported with a pair of
/// transposes around every NHWC op keeps those at its borders only. The values
/// that the function computes stay the same bits.
///
/// ```mlir
/// %1 = q.transpose %0 {perm = array<i64: 0, 3, 1, 2>}   // NHWC -> NCHW
/// %2 = q.clamp %1 {clamp_min = 0.0 : f32}
/// %3 = q.transpose %2 {perm = array<i64: 0, 2, 3, 1>}   // NCHW -> NHWC
/// ```
/// becomes
/// ```mlir
/// %1 = q.clamp %0 {clamp_min = 0.0 : f32}
/// ```
void simplifyLayout(mlir::func::FuncOp function);

/// Registers the pass `--q-simplify-layout`.
void registerSimplifyLayoutPass();

} // namespace q

#endif // QDIALECT_IMPORT_SIMPLIFYLAYOUT_H
