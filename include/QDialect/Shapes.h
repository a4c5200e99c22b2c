//===- Shapes.h - Strides and broadcasting of shapes ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_SHAPES_H
#define QDIALECT_SHAPES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace q {

/// Extents, outermost first.
using Shape = llvm::SmallVector<int64_t>;

/// The shape of a value, which must be a ranked tensor.
llvm::ArrayRef<int64_t> getShape(mlir::Value value);

/// Row-major strides, in elements.
Shape getStrides(llvm::ArrayRef<int64_t> shape);

/// The strides with which a tensor of shape `from` is read at indices of `to`,
/// to which it broadcasts: trailing dimensions are aligned, and the stride is 0
/// where it repeats.
Shape getBroadcastStrides(llvm::ArrayRef<int64_t> from,
                          llvm::ArrayRef<int64_t> to);

/// The numpy broadcast of two shapes, if there is one.
std::optional<Shape> broadcastShapes(llvm::ArrayRef<int64_t> lhs,
                                     llvm::ArrayRef<int64_t> rhs);

} // namespace q

#endif // QDIALECT_SHAPES_H
