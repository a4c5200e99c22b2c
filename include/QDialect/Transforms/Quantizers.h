//===- Quantizers.h - What the passes on quantizers share -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From schemes and ranges to quantization parameters and types, and which ops
// share them.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_QUANTIZERS_H
#define QDIALECT_TRANSFORMS_QUANTIZERS_H

#include "QDialect/Numerics/QuantParams.h"
#include "QDialect/QDialect.h"

namespace q {

/// The attribute of a quantizer whose range calibration must not change: that
/// of a softmax, or one that a recipe gives.
constexpr llvm::StringLiteral kFixedAttrName = "q.fixed";

/// Rules N2, N4 and N5: the parameters of `scheme` for the real range [min,
/// max].
numerics::Result<numerics::QuantParams> chooseParams(SchemeAttr scheme,
                                                     double min, double max);

/// The per-tensor or, with more than one element, per-axis element type with
/// the given parameters, which must agree in storage.
mlir::quant::QuantizedType
makeQuantizedType(mlir::MLIRContext *context, SchemeAttr scheme,
                  llvm::ArrayRef<numerics::QuantParams> params);

/// The parameters of a calibrated quantizer, one per tensor or per channel, or
/// a diagnostic at the quantizer.
mlir::FailureOr<llvm::SmallVector<numerics::QuantParams>>
chooseParams(QuantizerOp op);

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
