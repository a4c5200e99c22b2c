//===- VectorizeGathers.h - Rows whose elements change places ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZEGATHERS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZEGATHERS_H

#include "LoopNest.h"
#include "TableLookup.h"

namespace q::kernel {

/// Every row of a buffer of bytes becomes the bytes of a row that stand at
/// constant places: a gather of channels.
struct RowGather {
  /// The outer loops walk along rows; the last one is that of the places.
  LoopNest nest;
  llvm::SmallVector<int64_t> places;
  /// For each outer loop, where in the buffer its first row is.
  llvm::SmallVector<mlir::OpFoldResult> starts;
};

/// The gather that `op` is, if rows are long enough for vectors and each vector
/// of the result takes few blocks of sixteen bytes.
std::optional<RowGather> findRowGather(mlir::linalg::LinalgOp op,
                                       ShuffleSet set);

void emitRowGather(KernelEmitter &e, const RowGather &gather, ShuffleSet set);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZEGATHERS_H
