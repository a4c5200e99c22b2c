//===- QTraits.h - Traits of q ops ------------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Traits that verify what the upstream quantized types leave open.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QTRAITS_H
#define QDIALECT_QTRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace q {

/// Checks that `type` has at most 2^34 elements and that its quantized type, if
/// it has one, is well formed:
/// finite scales > 0, zero points within the storage range, as many per-axis
/// scales as the axis has elements, float32 as expressed type. The error is
/// emitted on `op`.
llvm::LogicalResult verifyQuantizedType(mlir::Operation *op, mlir::Type type);

/// Checks rule N13: all quantized tensor operands and results of `op` have the
/// same quantized element type, and none is float beside a quantized one.
llvm::LogicalResult verifySharedParameters(mlir::Operation *op);

/// Checks that the tensors of `op` are all quantized per tensor to at most 16
/// bits or all not quantized: an op that computes has one kind of arithmetic,
/// whose products fit int64.
llvm::LogicalResult verifyOneArithmetic(mlir::Operation *op);

template <typename ConcreteType>
class ValidQuantizedTypes
    : public mlir::OpTrait::TraitBase<ConcreteType, ValidQuantizedTypes> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    for (mlir::Type type : op->getOperandTypes())
      if (failed(verifyQuantizedType(op, type)))
        return mlir::failure();
    for (mlir::Type type : op->getResultTypes())
      if (failed(verifyQuantizedType(op, type)))
        return mlir::failure();
    return mlir::success();
  }
};

template <typename ConcreteType>
class SharesParameters
    : public mlir::OpTrait::TraitBase<ConcreteType, SharesParameters> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifySharedParameters(op);
  }
};

template <typename ConcreteType>
class OneArithmetic
    : public mlir::OpTrait::TraitBase<ConcreteType, OneArithmetic> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifyOneArithmetic(op);
  }
};

} // namespace q

#endif // QDIALECT_QTRAITS_H
