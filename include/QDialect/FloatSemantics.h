//===- FloatSemantics.h - Ops that stay in float ----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A quantized network may hold ops that compute in float where its user allows
// that: float islands. Their meaning is fixed to the bit as that of integer ops
// is: the functions of Numerics/FloatFunctions.h, sums in row-major order of
// what they add up, starting with the bias or 0, and every operation rounded.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_FLOATSEMANTICS_H
#define QDIALECT_FLOATSEMANTICS_H

#include "QDialect/Numerics/Functions.h"
#include "QDialect/QDialect.h"

namespace q {

/// On an op: it is to stay in float, for the reason that the attribute, a
/// string, says.
constexpr llvm::StringLiteral kStaysFloatAttrName = "q.stays_float";

/// On a module: its networks may hold float islands.
constexpr llvm::StringLiteral kFloatIslandsAttrName = "q.float_islands";

/// Whether the op is to stay in float.
bool staysFloat(mlir::Operation *op);

/// Whether the op computes floats of floats: neither a constant nor a border
/// of the quantized network nor an op that only moves elements.
bool computesInFloat(mlir::Operation *op);

/// Whether `op` may compute in float: its module allows it.
bool mayComputeInFloat(mlir::Operation *op);

/// Whether there is an exact float form of an op that computes in float.
bool hasFloatForm(mlir::Operation *op);

/// The function under the name that lib/Numerics has for it.
numerics::UnaryKind getNumericsKind(UnaryKind kind);

} // namespace q

#endif // QDIALECT_FLOATSEMANTICS_H
