//===- StorageTypes.h - Quantized types as plain integers -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How quantized tensors look once the q dialect is left: the one type converter
// that the lowering to linalg and the lowering to kernels share.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_STORAGETYPES_H
#define QDIALECT_CONVERSION_STORAGETYPES_H

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Transforms/DialectConversion.h"

namespace q {

/// The signless integer that holds a storage value: i8 for widths up to 8, i16
/// up to 16, i32 above.
mlir::IntegerType getStorageInteger(mlir::quant::QuantizedType type);

/// Tensors of quantized elements become tensors of their storage integers;
/// every other type stays. Casts between the two worlds are
/// `builtin.unrealized_conversion_cast`, which `reconcile-unrealized-casts`
/// folds once both sides are converted.
class StorageTypeConverter : public mlir::TypeConverter {
public:
  StorageTypeConverter();
};

/// The attribute of a function's arguments and results that keeps the type
/// which they had before the conversion.
constexpr llvm::StringLiteral kTypeAttrName = "q.type";
/// The attribute that holds the name of a network's input or output.
constexpr llvm::StringLiteral kNameAttrName = "q.name";

} // namespace q

#endif // QDIALECT_CONVERSION_STORAGETYPES_H
