//===- QuantizedConstants.h - Constants that arrive quantized ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The weights of a model that was quantized elsewhere are a `q.dequantize` of a
// `q.const`, so that they keep the integers and the scales they came with.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_QUANTIZEDCONSTANTS_H
#define QDIALECT_LIB_IMPORT_QUANTIZEDCONSTANTS_H

#include "QDialect/QDialect.h"

#include <optional>

namespace q {

/// The quantized constant that `value` dequantizes, null if it is no such
/// value.
ConstOp getDequantizedConstant(mlir::Value value);

/// The dimension of `to` that holds just what dimension `axis` of `from` holds
/// when a tensor is reshaped, if there is one.
std::optional<int64_t> mapAxis(llvm::ArrayRef<int64_t> from,
                               llvm::ArrayRef<int64_t> to, int64_t axis);

/// Element i of the result is element `map[i]` of the dequantized constant
/// `value`. The result has the shape `shape`, and per-axis parameters lie along
/// its dimension `axis`.
mlir::Value gatherDequantized(mlir::OpBuilder &builder, mlir::Value value,
                              llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<int64_t> map, int64_t axis);

/// The dequantized constant `value`, read under `shape`, its dimensions in the
/// order `perm`, then under `finalShape` (the permuted one where it is empty).
/// Null if the channels of per-axis parameters would be no dimension of it.
mlir::Value permuteDequantized(mlir::OpBuilder &builder, mlir::Value value,
                               llvm::ArrayRef<int64_t> shape,
                               llvm::ArrayRef<int64_t> perm,
                               llvm::ArrayRef<int64_t> finalShape = {});

} // namespace q

#endif // QDIALECT_LIB_IMPORT_QUANTIZEDCONSTANTS_H
