//===- ValueRanges.h - What storage values a tensor can take ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_VALUERANGES_H
#define QDIALECT_LIB_TRANSFORMS_VALUERANGES_H

#include "QDialect/IntegerSemantics.h"

#include "llvm/ADT/DenseMap.h"

namespace q {

/// What storage values tensors can take, from the ops that make them (rule N8).
class ValueRanges {
public:
  /// A diagnostic if the value is not quantized per tensor.
  mlir::FailureOr<IntegerBounds> get(mlir::Value value);
  /// What the windows of a layer see: its input, and the zero point where they
  /// reach into padding.
  mlir::FailureOr<IntegerBounds> getInput(WeightedOpInterface layer);

  /// Whether windows of `layer` reach beyond its input, where Zx lies.
  static bool hasPadding(WeightedOpInterface layer);

private:
  mlir::FailureOr<IntegerBounds>
  compute(mlir::Value value, mlir::quant::UniformQuantizedType type);
  llvm::DenseMap<mlir::Value, IntegerBounds> known;
};

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_VALUERANGES_H
