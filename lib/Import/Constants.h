//===- Constants.h - Builds q.const ops -------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_CONSTANTS_H
#define QDIALECT_LIB_IMPORT_CONSTANTS_H

#include "QDialect/QDialect.h"

namespace q {

/// Builds a float constant: a splat where all elements are equal, dense where
/// it is small, else a resource blob called after `name`.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<float> values);

/// The elements of a float constant and its shape, if `value` is one.
struct FloatConstant {
  llvm::SmallVector<int64_t> shape;
  std::vector<float> values;
  std::string name;
};
std::optional<FloatConstant> matchConstant(mlir::Value value);

} // namespace q

#endif // QDIALECT_LIB_IMPORT_CONSTANTS_H
