//===- VectorBody.h - The body of an elementwise op on vectors --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_VECTORBODY_H
#define QDIALECT_LIB_CONVERSION_KERNELS_VECTORBODY_H

#include "TableLookup.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace q::kernel {

/// What an elementwise op computes, to be repeated on as many lanes as wanted.
class VectorBody {
public:
  /// None if something in it has no form on vectors: a load of other than
  /// constant tables, or a use of the place of the element.
  static std::optional<VectorBody> get(mlir::linalg::LinalgOp op,
                                       ShuffleSet set);

  /// The widest integer or float that it computes with, in bits.
  unsigned getWidestBits() const { return widest; }
  /// Whether it looks something up in a table that registers hold.
  bool hasTables() const { return !tables.empty(); }

  /// The result for one vector of each input.
  Value emit(KernelEmitter &e, mlir::ValueRange inputs, int64_t lanes) const;
  /// The result for one element of each input.
  Value emitScalar(KernelEmitter &e, mlir::ValueRange inputs) const;

private:
  mlir::Block *block = nullptr;
  ShuffleSet set = ShuffleSet::Ssse3ToAvx2;
  unsigned widest = 8;
  /// The loads that are lookups of bytes.
  llvm::DenseMap<mlir::Operation *, ByteTable> tables;
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_VECTORBODY_H
