//===- HostTensor.h - Constants known during import ---------------*- C++
//-*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Initializers, and what folds from them while a graph is imported: weights in
// float, shape arithmetic in int64.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_HOSTTENSOR_H
#define QDIALECT_LIB_IMPORT_HOSTTENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace onnx {
class TensorProto;
} // namespace onnx

namespace q::onnx_import {

using Shape = llvm::SmallVector<int64_t>;

/// A dense row-major tensor of float32 or int64 (which stands for every integer
/// and boolean type of ONNX).
struct HostTensor {
  Shape shape;
  bool isFloat = false;
  std::vector<float> floats;
  std::vector<int64_t> ints;

  static HostTensor ofInts(llvm::ArrayRef<int64_t> values);
  static HostTensor scalar(int64_t value);

  int64_t size() const { return isFloat ? floats.size() : ints.size(); }
  double at(int64_t index) const {
    return isFloat ? floats[index] : static_cast<double>(ints[index]);
  }
  /// The tensor whose element `i` is element `source(i)` of this one.
  HostTensor gather(llvm::ArrayRef<int64_t> shape,
                    llvm::function_ref<int64_t(int64_t)> source) const;
  HostTensor reshaped(llvm::ArrayRef<int64_t> newShape) const;
  HostTensor transposed(llvm::ArrayRef<int64_t> perm) const;
  HostTensor broadcastTo(llvm::ArrayRef<int64_t> newShape) const;
};

/// The number of elements, or an error where the shape is negative or its size
/// beyond any tensor that memory could hold.
llvm::Expected<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// Numpy broadcasting; empty where the shapes do not fit.
std::optional<Shape> broadcastShapes(llvm::ArrayRef<int64_t> lhs,
                                     llvm::ArrayRef<int64_t> rhs);

/// Row-major strides of a shape, in elements.
Shape stridesOf(llvm::ArrayRef<int64_t> shape);

/// Reads a tensor of the file. External data is looked for below `folder`, the
/// folder of the model.
llvm::Expected<HostTensor> readTensor(const onnx::TensorProto &tensor,
                                      llvm::StringRef folder);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_HOSTTENSOR_H
