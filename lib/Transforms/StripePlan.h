//===- StripePlan.h - Which layers are computed in stripes ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_STRIPEPLAN_H
#define QDIALECT_LIB_TRANSFORMS_STRIPEPLAN_H

#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace q {

/// Rows [begin, end) of an image; those outside of it are padding.
struct RowRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// The rows of operand 0 at which the output rows `rows` of a convolution or a
/// max pool look.
RowRange getInputRows(mlir::Operation *layer, RowRange rows);

/// Convolutions and max pools in a row, each of whose results but the last is
/// used by the next one alone, and how many rows of the last are computed at a
/// time.
struct Stripes {
  mlir::SmallVector<mlir::Operation *> layers;
  int64_t rows = 0;
};

/// What a function needs, by the lifetimes of its values: the bytes of the
/// largest set that lives at once, as it is and with stripes.
struct StripePlan {
  int64_t bytesBefore = 0, bytesAfter = 0;
  mlir::SmallVector<Stripes> stripes;
};

/// Finds the stripes with which a quantized network needs the least memory, and
/// among those the ones that compute the fewest rows twice.
StripePlan planStripes(mlir::func::FuncOp function);

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_STRIPEPLAN_H
