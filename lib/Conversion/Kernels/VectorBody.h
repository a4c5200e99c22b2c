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
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace q::kernel {

/// The constant buffer that `load` reads at one place; null if it is another.
mlir::memref::GlobalOp getTable(mlir::memref::LoadOp load);

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
  /// Whether it looks something up lane by lane.
  bool hasLaneLoads() const { return laneLoads; }
  /// Whether it adds what it makes of the other inputs to the last one.
  bool isSum() const;

  /// The result for one vector of each input.
  Value emit(KernelEmitter &e, mlir::ValueRange inputs, int64_t lanes) const;
  /// The result for one element of each input.
  Value emitScalar(KernelEmitter &e, mlir::ValueRange inputs) const;

private:
  /// What `load` reads for each of some lanes, one by one: the processors that
  /// have an instruction for it are no faster with it.
  Value loadEach(KernelEmitter &e, mlir::memref::LoadOp load, int64_t lanes,
                 llvm::function_ref<Value(Value)> getVector) const;

  mlir::Block *block = nullptr;
  ShuffleSet set = ShuffleSet::Ssse3ToAvx2;
  unsigned widest = 8;
  bool laneLoads = false;
  /// The loads that are lookups of bytes.
  llvm::DenseMap<mlir::Operation *, ByteTable> tables;
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_VECTORBODY_H
