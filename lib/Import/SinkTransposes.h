//===- SinkTransposes.h - Moves transposes behind an op ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_SINKTRANSPOSES_H
#define QDIALECT_LIB_IMPORT_SINKTRANSPOSES_H

#include "View.h"

namespace q {

/// The state that layout simplification carries from op to op.
struct LayoutState {
  /// What is known of values that reorder others.
  llvm::DenseMap<mlir::Value, View> views;
  ViewBuilder builder;

  /// How `value` is made from its root; the whole of itself where that is not
  /// known.
  View viewOf(mlir::Value value) const {
    auto found = views.find(value);
    return found == views.end() ? View(value) : found->second;
  }
  /// Builds the view and remembers it.
  mlir::Value build(mlir::OpBuilder &ops, mlir::Location loc, const View &view,
                    bool atOnce = false);
};

/// Where `op` works on transposed tensors and would do as well on the tensors
/// before the transpose, builds it there and gives its result transposed. Null
/// where this is not so.
mlir::Value sinkTransposes(mlir::OpBuilder &ops, mlir::Operation *op,
                           LayoutState &state);

/// A gemm over columns that are out of order becomes one with its weights in
/// the order of the columns. Null where it is no such gemm.
mlir::Value permuteGemmWeights(mlir::OpBuilder &ops, mlir::Operation *op,
                               LayoutState &state);

} // namespace q

#endif // QDIALECT_LIB_IMPORT_SINKTRANSPOSES_H
