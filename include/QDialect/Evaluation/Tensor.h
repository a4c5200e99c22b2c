//===- Tensor.h - Values of an evaluated network ----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_TENSOR_H
#define QDIALECT_EVALUATION_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace q::eval {

/// A dense row-major tensor, either of float32 or of integers. Integers are the
/// storage values of quantized tensors, widened to int32 whatever their width:
/// a `u8` 200 is 200, an `i8` -3 is -3.
class Tensor {
public:
  Tensor() = default;
  /// Zero-filled.
  static Tensor floats(llvm::ArrayRef<int64_t> shape) {
    return Tensor(shape, std::vector<float>(count(shape)));
  }
  static Tensor integers(llvm::ArrayRef<int64_t> shape) {
    return Tensor(shape, std::vector<int32_t>(count(shape)));
  }
  /// Takes over `values`, whose size must be the product of `shape`.
  Tensor(llvm::ArrayRef<int64_t> shape, std::vector<float> values)
      : shape(shape), values(std::move(values)) {}
  Tensor(llvm::ArrayRef<int64_t> shape, std::vector<int32_t> values)
      : shape(shape), values(std::move(values)) {}

  bool isFloat() const {
    return std::holds_alternative<std::vector<float>>(values);
  }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getNumElements() const { return count(shape); }

  /// The elements; the tensor must be of that kind.
  std::vector<float> &f() { return std::get<std::vector<float>>(values); }
  const std::vector<float> &f() const {
    return std::get<std::vector<float>>(values);
  }
  std::vector<int32_t> &i() { return std::get<std::vector<int32_t>>(values); }
  const std::vector<int32_t> &i() const {
    return std::get<std::vector<int32_t>>(values);
  }

  static int64_t count(llvm::ArrayRef<int64_t> shape) {
    int64_t product = 1;
    for (int64_t extent : shape)
      product *= extent;
    return product;
  }

private:
  llvm::SmallVector<int64_t> shape;
  std::variant<std::vector<float>, std::vector<int32_t>> values;
};

} // namespace q::eval

#endif // QDIALECT_EVALUATION_TENSOR_H
