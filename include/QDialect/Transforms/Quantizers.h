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

#include <array>
#include <optional>

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

/// Why `op` has no integer form and what to do, or nothing if it has one.
std::optional<llvm::StringRef> getIntegerObstacle(mlir::Operation *op);

/// The range that rule N15 fixes for the result of `op`, if it does: scale
/// 2^-b from 0 on for softmax and sigmoid, 2^-(b-1) around 0 for tanh.
std::optional<std::array<double, 2>> getFixedRange(mlir::Operation *op,
                                                   unsigned bits);

/// Whether `op` is the product of constant weights and constant factors per
/// channel (rule N17); its lhs are the weights, maybe behind their quantizer.
bool isWeightFactor(mlir::Operation *op);

/// Whether `value` is a ranked tensor of f32, that is, not quantized.
bool isFloatTensor(mlir::Value value);

/// The constant behind quantizers, null if `value` is none.
ConstOp getConstantBehind(mlir::Value value);

} // namespace q

#endif // QDIALECT_TRANSFORMS_QUANTIZERS_H
