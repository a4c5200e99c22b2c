//===- Build.h - Short ways to build q ops for a node -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each function gives a null value after a diagnostic at the node where the op
// would be invalid, and takes null values, so that calls can be nested and the
// result checked once.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_BUILD_H
#define QDIALECT_LIB_IMPORT_BUILD_H

#include "Importer.h"

namespace q::onnx_import {

/// The shape of an SSA tensor.
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

/// Named attributes of an op to be built.
class Attributes {
public:
  explicit Attributes(Node &node) : builder(node.builder()) {}
  Attributes &ints(llvm::StringRef name, llvm::ArrayRef<int64_t> values);
  Attributes &integer(llvm::StringRef name, int64_t value);
  Attributes &real(llvm::StringRef name, float value);
  Attributes &unit(llvm::StringRef name, bool present = true);
  Attributes &set(llvm::StringRef name, mlir::Attribute value);
  llvm::ArrayRef<mlir::NamedAttribute> get() const { return list; }

private:
  mlir::OpBuilder &builder;
  llvm::SmallVector<mlir::NamedAttribute> list;
};

/// An op with an inferred result type.
template <typename OpTy>
mlir::Value make(Node &node, mlir::ValueRange operands,
                 llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
  for (mlir::Value operand : operands)
    if (!operand)
      return {};
  OpTy op =
      tryCreate<OpTy>(node.builder(), node.getLoc(), operands, attributes);
  return op ? op->getResult(0) : mlir::Value();
}
template <typename OpTy>
mlir::Value make(Node &node, mlir::ValueRange operands,
                 const Attributes &attributes) {
  return make<OpTy>(node, operands, attributes.get());
}

mlir::Value makeUnary(Node &node, UnaryKind kind, mlir::Value input,
                      float alpha = 0.0f, float beta = 0.0f);
/// A clamp; infinite bounds are no bounds.
mlir::Value makeClamp(Node &node, mlir::Value input, float low, float high);
mlir::Value makeReshape(Node &node, mlir::Value input,
                        llvm::ArrayRef<int64_t> shape);
mlir::Value makeExpand(Node &node, mlir::Value input,
                       llvm::ArrayRef<int64_t> shape);
mlir::Value makeTranspose(Node &node, mlir::Value input,
                          llvm::ArrayRef<int64_t> perm);
mlir::Value makeReduce(Node &node, ReduceKind kind, mlir::Value input,
                       llvm::ArrayRef<int64_t> axes, bool keepDims);
/// A box of `input`; the whole tensor gives the input itself.
mlir::Value makeSlice(Node &node, mlir::Value input,
                      llvm::ArrayRef<int64_t> starts,
                      llvm::ArrayRef<int64_t> sizes,
                      llvm::ArrayRef<int64_t> steps);
mlir::Value makePad(Node &node, mlir::Value input, llvm::ArrayRef<int64_t> low,
                    llvm::ArrayRef<int64_t> high,
                    PadMode mode = PadMode::Constant, float value = 0.0f);
/// A small constant that belongs to the node.
mlir::Value makeConstant(Node &node, llvm::StringRef name,
                         llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<float> values);
mlir::Value makeScalar(Node &node, float value);
/// A host tensor as a constant called `name`.
mlir::Value makeConstant(Node &node, llvm::StringRef name,
                         const HostTensor &tensor);

/// `[N, C, H, W]` to `[N, H, W, C]` and back; these are what layout
/// simplification removes.
mlir::Value toNhwc(Node &node, mlir::Value input);
mlir::Value toNchw(Node &node, mlir::Value input);

/// `axis` counted from the front, or a diagnostic if there is no such axis.
mlir::FailureOr<int64_t> normalizeAxis(Node &node, int64_t axis, int64_t rank);
/// Sorted, unique axes counted from the front.
mlir::FailureOr<Shape> normalizeAxes(Node &node, llvm::ArrayRef<int64_t> axes,
                                     int64_t rank);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_BUILD_H
