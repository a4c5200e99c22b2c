//===- Constants.cpp - Builds q.const ops ---------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace q;

/// Attributes live as long as the context; beyond this size constants are
/// blobs, which live as long as someone uses them.
static constexpr size_t kLargestDense = 64;

/// Bits, not values: -0.0 is not 0.0.
static bool isSplat(ArrayRef<float> values) {
  return llvm::all_of(values, [&](const float &value) {
    return std::memcmp(&value, values.data(), sizeof(float)) == 0;
  });
}

Value q::createConstant(OpBuilder &builder, Location loc, StringRef name,
                        ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  ElementsAttr attribute;
  if (values.size() <= kLargestDense) {
    attribute = DenseElementsAttr::get(type, values);
  } else if (isSplat(values)) {
    attribute = DenseElementsAttr::get(type, values.front());
  } else {
    ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()),
                         values.size() * sizeof(float));
    // No more than 16: bytecode asks for the alignment of its largest blob,
    // and small files are read into memory that has no more.
    attribute = DenseResourceElementsAttr::get(
        type, name.empty() ? "constant" : name,
        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 16,
                                                      /*dataIsMutable=*/false));
  }
  return ConstOp::create(builder, loc, attribute);
}

std::optional<FloatConstant> q::matchConstant(Value value) {
  auto op = value.getDefiningOp<ConstOp>();
  if (!op || !op.getValue().getElementType().isF32())
    return std::nullopt;
  FailureOr<std::vector<float>> values = getConstantFloats(value);
  if (failed(values))
    return std::nullopt;
  FloatConstant constant;
  ArrayRef<int64_t> shape = op.getValue().getShapedType().getShape();
  constant.shape.assign(shape.begin(), shape.end());
  constant.values = std::move(*values);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
    constant.name = resource.getRawHandle().getKey().str();
  return constant;
}
