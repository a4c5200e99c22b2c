//===- ReferenceKernels.h - Kernels of the reference evaluator --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the files of the reference evaluator share. Its purpose is to be
// obviously right: every kernel follows the formula of its op's description,
// in int64, one element after the other.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_REFERENCEKERNELS_H
#define QDIALECT_LIB_EVALUATION_REFERENCEKERNELS_H

#include "QDialect/Evaluation/Tensor.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Shapes.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace q::eval::reference {

using Operands = llvm::ArrayRef<const Tensor *>;
/// An index, a shape, or strides.
using Index = llvm::ArrayRef<int64_t>;

/// Computes the result of one op, which has its shape and kind already, from
/// its operands. Fails, with a diagnostic at the op, only where a proof of the
/// compiler turns out to be wrong (rule N8).
using Kernel =
    std::function<llvm::LogicalResult(Operands operands, Tensor &result)>;

/// Derives an op's constants and returns its kernel; a diagnostic at the op if
/// it has no integer form.
using Prepare =
    std::function<mlir::FailureOr<Kernel>(mlir::Operation *operation)>;

/// How each op kind, named by its operation name, is prepared.
using KernelTable = llvm::StringMap<Prepare>;

template <typename OpTy>
void addKernel(KernelTable &table,
               mlir::FailureOr<Kernel> (*prepare)(OpTy op)) {
  table[OpTy::getOperationName()] = [prepare](mlir::Operation *op) {
    return prepare(mlir::cast<OpTy>(op));
  };
}

/// A kernel whose every result element is a copy of the element of operand 0
/// at the offset that `source` gives for its index.
Kernel makeMovement(std::function<int64_t(Index)> source);

/// conv2d, conv_transpose2d, gemm, matmul.
void addLayerKernels(KernelTable &table);
/// quantize to prelu: one result element from one element of each operand.
void addElementwiseKernels(KernelTable &table);
/// Pools and reductions.
void addReductionKernels(KernelTable &table);
/// Softmax, normalizations and resizing.
void addFunctionKernels(KernelTable &table);
/// Ops that move bits (rule N13), which they do with floats as well.
void addMovementKernels(KernelTable &table);
/// Ops that compute in float only: diagnostics with a remedy.
void addFloatOnlyOps(KernelTable &table);

/// The kernel of an op that computes floats of floats (a float island); a
/// diagnostic where the module does not allow it or there is no such form.
mlir::FailureOr<Kernel> prepareFloat(mlir::Operation *op);

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// The sum of products of index and strides.
int64_t getOffset(Index index, Index strides);

/// Calls `visit` with every index of `shape` in row-major order.
void forEachIndex(Index shape, llvm::function_ref<void(Index)> visit);

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Rules N10 and N11 with everything but the accumulator fixed.
struct Requantizer {
  numerics::Multiplier multiplier;
  numerics::Rounding rounding;
  int32_t zeroPoint;
  IntegerBounds bounds;

  int32_t operator()(int64_t accumulator) const {
    return numerics::requantize(accumulator, multiplier, zeroPoint, bounds.lo,
                                bounds.hi, rounding);
  }
};

/// The requantizer of `op`'s one result with that multiplier; its clamp, if it
/// has one, is included.
mlir::FailureOr<Requantizer>
makeRequantizer(mlir::Operation *op,
                mlir::FailureOr<numerics::Multiplier> multiplier);

/// The bounds of `op`'s one result, its clamp included where it has one.
mlir::FailureOr<IntegerBounds> getResultBounds(mlir::Operation *op);

/// Accumulators are exact, however large (rule N8), except in the mode
/// `gemmlowp`, where they are int32: a diagnostic at `op` if they are not.
llvm::LogicalResult checkAccumulator(mlir::Operation *op, int64_t accumulator);

} // namespace q::eval::reference

#endif // QDIALECT_LIB_EVALUATION_REFERENCEKERNELS_H
