//===- Quantizers.h - What the passes on quantizers share -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From quantization parameters to types, and which ops share them; from schemes
// and ranges to parameters is QDialect/Schemes.h.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_QUANTIZERS_H
#define QDIALECT_TRANSFORMS_QUANTIZERS_H

#include "QDialect/Schemes.h"

namespace q {

/// The attribute of a quantizer whose range calibration must not change: that
/// of a softmax, or one that a recipe gives.
constexpr llvm::StringLiteral kFixedAttrName = "q.fixed";

/// The per-tensor or, with more than one element, per-axis element type with
/// the given parameters, which must agree in storage.
mlir::quant::QuantizedType
makeQuantizedType(mlir::MLIRContext *context, SchemeAttr scheme,
                  llvm::ArrayRef<numerics::QuantParams> params);

/// Gives the calibrated quantizers of each group the union of their ranges.
void uniteGroupRanges(mlir::Operation *root);

/// Rule N13: whether `op` moves bits, so that its operands and results share
/// their parameters.
bool movesBits(mlir::Operation *op);

/// Whether `op` is the product of constant weights and constant factors per
/// channel (rule N17); its lhs are the weights, maybe behind their quantizer.
bool isWeightFactor(mlir::Operation *op);

/// The constant behind quantizers, null if `value` is none.
ConstOp getConstantBehind(mlir::Value value);

} // namespace q

#endif // QDIALECT_TRANSFORMS_QUANTIZERS_H
