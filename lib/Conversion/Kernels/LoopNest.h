//===- LoopNest.h - Elementwise ops as loops over flat buffers --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What vectorization has to know of an elementwise linalg op on buffers: how
// far apart the elements of each operand lie along each loop.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_LOOPNEST_H
#define QDIALECT_LIB_CONVERSION_KERNELS_LOOPNEST_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace q::kernel {

/// The elements of an operand that the iterations of a nest meet.
struct Access {
  /// A buffer, or a scalar that all iterations share.
  mlir::Value operand;
  bool isScalar = false;
  /// The element of the first iteration, counted from the buffer's own first.
  int64_t offset = 0;
  /// For each loop, how many elements one step moves.
  llvm::SmallVector<int64_t> steps;
};

/// Loops, the outermost first. Their iterations do not depend on each other but
/// for the output elements in which they accumulate.
struct LoopNest {
  bool accumulates = false;
  llvm::SmallVector<int64_t> extents;
  llvm::SmallVector<Access> inputs;
  Access output;

  /// All accesses, the output last.
  llvm::SmallVector<Access *> accesses();
  /// Merges loops that walk through memory as one does, and drops those of one
  /// iteration. At least one loop is left.
  void coalesce();
};

/// The nest of an elementwise op or a reduction with one result. None if it is
/// neither, or if distances are not known at compile time.
std::optional<LoopNest> getLoopNest(mlir::linalg::LinalgOp op);

/// A view of all that the elements of `buffer` span, as a buffer of one
/// dimension. Only for buffers whose strides are known.
mlir::Value makeFlat(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::Value buffer);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_LOOPNEST_H
