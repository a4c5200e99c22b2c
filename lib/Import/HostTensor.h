//===- HostTensor.h - Constants while a model is imported -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor whose values are known at import: weights, and everything that shape
// arithmetic computes. Movement (transpose, slice, gather ...) is one function
// over an index map, whatever the element type.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_HOSTTENSOR_H
#define QDIALECT_LIB_IMPORT_HOSTTENSOR_H

#include "QDialect/Shapes.h"

#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onnx {
class TensorProto;
}

namespace q::onnx_import {

/// Element types of ONNX that older versions of its library do not name.
constexpr int32_t kUInt4 = 21, kInt4 = 22;

/// The product of the extents, or nothing if it exceeds what one tensor may
/// have (2^40 elements) or an extent is negative.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// The most elements that the importer computes into a new constant; a shape
/// from a hostile file must not be able to ask for all memory.
constexpr int64_t kMaxComputedElements = int64_t(1) << 28;

/// A dense row-major constant. Floats of any width are float32, integers and
/// booleans are int64; `dtype` remembers what the model calls them
/// (onnx::TensorProto::DataType).
class HostTensor {
public:
  HostTensor() = default;
  HostTensor(int32_t dtype, llvm::ArrayRef<int64_t> shape,
             std::vector<float> values);
  HostTensor(int32_t dtype, llvm::ArrayRef<int64_t> shape,
             std::vector<int64_t> values);
  /// Borrows `values`, which `owner` keeps alive.
  HostTensor(int32_t dtype, llvm::ArrayRef<int64_t> shape,
             llvm::ArrayRef<float> values, std::shared_ptr<void> owner);

  static HostTensor ints(llvm::ArrayRef<int64_t> values);
  static HostTensor scalar(int64_t value);

  int32_t getType() const { return dtype; }
  bool isFloat() const { return isFloatingPoint; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t size() const {
    return isFloatingPoint ? floatValues.size() : intValues.size();
  }
  llvm::ArrayRef<float> getFloats() const { return floatValues; }
  llvm::ArrayRef<int64_t> getInts() const { return intValues; }
  /// Element `index` as a real number, whatever the type.
  double getReal(int64_t index) const {
    return isFloatingPoint ? floatValues[index] : double(intValues[index]);
  }

  /// The same elements under another shape with as many elements.
  HostTensor reshaped(llvm::ArrayRef<int64_t> newShape) const;
  /// Element i of the result is element `map[i]` of this one.
  HostTensor gathered(llvm::ArrayRef<int64_t> newShape,
                      llvm::ArrayRef<int64_t> map) const;
  /// Dimension i of the result is dimension `perm[i]` of this one.
  HostTensor transposed(llvm::ArrayRef<int64_t> perm) const;
  /// The same values as floats, or as integers (truncated towards zero,
  /// saturated at the ends of int64).
  HostTensor converted(int32_t newType) const;

private:
  int32_t dtype = 0;
  bool isFloatingPoint = false;
  Shape shape;
  llvm::ArrayRef<float> floatValues;
  llvm::ArrayRef<int64_t> intValues;
  std::shared_ptr<void> owner;
};

/// Whether the importer computes with this ONNX element type as floats, as
/// integers, or not at all.
bool isFloatType(int32_t dtype);
bool isIntegerType(int32_t dtype);
/// A readable name: "float32", "int4" ...
std::string getTypeName(int32_t dtype);

/// For every element of `shape`, in row-major order, the sum of index times
/// stride over the dimensions, plus `offset`: the index maps of all movement.
std::vector<int64_t> makeIndexMap(llvm::ArrayRef<int64_t> shape,
                                  llvm::ArrayRef<int64_t> strides,
                                  int64_t offset = 0);

/// Reads a TensorProto. External data is looked for in `folder`, and only
/// there. `keepAlive` owns `proto`, so that large float data need not be
/// copied. On failure `error` says why.
mlir::FailureOr<HostTensor> readTensor(const onnx::TensorProto &proto,
                                       llvm::StringRef folder,
                                       std::shared_ptr<void> keepAlive,
                                       std::string &error);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_HOSTTENSOR_H
