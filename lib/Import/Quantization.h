//===- Quantization.h - Scales and zero points of a model -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX gives an integer tensor its meaning where it is read, by the scale and
// zero point inputs of the op that reads it. Here an integer tensor has a
// quantized type from where it is made, and readers must agree with it.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_QUANTIZATION_H
#define QDIALECT_LIB_IMPORT_QUANTIZATION_H

#include "Build.h"

#include "QDialect/Numerics/QuantParams.h"

namespace q::onnx_import {

/// The parameters of every element of a quantized tensor type.
class ElementParameters {
public:
  explicit ElementParameters(mlir::RankedTensorType type);
  /// Those of the element with the row-major number `index`.
  const numerics::QuantParams &at(int64_t index) const {
    return channels[index / stride % channels.size()];
  }

private:
  llvm::SmallVector<numerics::QuantParams> channels;
  int64_t stride = 1;
};

/// The storage range of an ONNX integer type that may be quantized.
std::optional<numerics::StorageRange> getStorageRange(int32_t dtype);

/// The quantized type of integers of the ONNX type `dtype` with the scales and
/// zero points of two inputs, for a tensor of shape `shape`; one scale or one
/// for each index of dimension `axis`. A diagnostic at the node where they are
/// not known, not positive and finite, out of range, or of the wrong number.
mlir::FailureOr<mlir::quant::QuantizedType>
readQuantizedType(Node &node, int scaleIndex, int zeroPointIndex, int32_t dtype,
                  llvm::ArrayRef<int64_t> shape, int64_t axis);

/// Input `index`, integers that are known at import, as a constant of the
/// quantized element type `element`.
mlir::FailureOr<mlir::Value>
makeQuantizedConstant(Node &node, int index,
                      mlir::quant::QuantizedType element);

/// Input `index` as a value of the quantized type that the scale and zero point
/// inputs give it. An integer that the model computes must have that type
/// already.
mlir::FailureOr<mlir::Value>
readQuantizedInput(Node &node, int index, int scaleIndex, int zeroPointIndex);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_QUANTIZATION_H
