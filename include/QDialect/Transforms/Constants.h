//===- Constants.h - Makes constants of the q dialect -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading constants is QDialect/IntegerSemantics.h; this is the other
// direction.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_CONSTANTS_H
#define QDIALECT_TRANSFORMS_CONSTANTS_H

#include "QDialect/QDialect.h"

namespace q {

/// A `q.const` of f32 with the given shape and as many values as it has
/// elements. Payloads of more than a few elements become resource blobs.
mlir::Value createFloatConstant(mlir::OpBuilder &builder, mlir::Location loc,
                                llvm::ArrayRef<int64_t> shape,
                                llvm::ArrayRef<float> values);

/// A `q.const` of the quantized tensor type `type` that holds the storage
/// values `values`, each of which must lie in the storage range.
mlir::Value createQuantizedConstant(mlir::OpBuilder &builder,
                                    mlir::Location loc,
                                    mlir::RankedTensorType type,
                                    llvm::ArrayRef<int32_t> values);

/// Whether `value` is a `q.const` of f32.
bool isFloatConstant(mlir::Value value);

/// Subtracts from the bias of a layer, a constant, one amount for each output
/// channel; a layer without a bias gets one. A diagnostic if one is not finite.
mlir::LogicalResult subtractFromBias(WeightedOpInterface layer,
                                     llvm::ArrayRef<double> amounts);

/// Erases the constants that have no use, and the quantizers, dequantizations
/// and products that have none, which is how weights come to lose theirs.
void eraseDeadConstants(mlir::Operation *root);

} // namespace q

#endif // QDIALECT_TRANSFORMS_CONSTANTS_H
