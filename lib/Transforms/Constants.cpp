//===- Constants.cpp - Makes constants of the q dialect -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Constants.h"

#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace q;

/// Up to this many bytes a payload is a plain attribute, readable in dumps;
/// above, a blob, which is neither hashed nor printed.
constexpr size_t kLargestInlinePayload = 1024;

template <typename T>
static ElementsAttr makePayload(RankedTensorType type, ArrayRef<T> values,
                                StringRef name) {
  ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()),
                       values.size() * sizeof(T));
  if (bytes.size() <= kLargestInlinePayload)
    return DenseElementsAttr::get(type, values);
  // No more than 16: bytecode asks for the alignment of its largest blob, and
  // small files are read into memory that has no more.
  return DenseResourceElementsAttr::get(
      type, name,
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/16,
                                                    /*dataIsMutable=*/false));
}

Value q::createFloatConstant(OpBuilder &builder, Location loc,
                             ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return ConstOp::create(builder, loc, makePayload(type, values, "float"));
}

template <typename T>
static ElementsAttr makeIntegers(RankedTensorType type, Type element,
                                 ArrayRef<int32_t> values) {
  // Unsigned storage values above the signed range keep their bits.
  std::vector<T> stored(values.begin(), values.end());
  return makePayload(RankedTensorType::get(type.getShape(), element),
                     ArrayRef<T>(stored), "quantized");
}

Value q::createQuantizedConstant(OpBuilder &builder, Location loc,
                                 RankedTensorType type,
                                 ArrayRef<int32_t> values) {
  auto quantized = cast<quant::QuantizedType>(type.getElementType());
  unsigned width = quantized.getStorageTypeIntegralWidth();
  ElementsAttr payload =
      width <= 8    ? makeIntegers<int8_t>(type, builder.getI8Type(), values)
      : width <= 16 ? makeIntegers<int16_t>(type, builder.getI16Type(), values)
                    : makeIntegers<int32_t>(type, builder.getI32Type(), values);
  return ConstOp::create(builder, loc, type, payload);
}

bool q::isFloatConstant(Value value) {
  return value && value.getDefiningOp<ConstOp>() &&
         getElementTypeOrSelf(value.getType()).isF32();
}

LogicalResult q::subtractFromBias(WeightedOpInterface layer,
                                  ArrayRef<double> amounts) {
  std::vector<float> bias(amounts.size(), 0.0f);
  if (layer.getBias()) {
    auto floats = getConstantFloats(layer.getBias());
    if (failed(floats))
      return failure();
    bias = std::move(*floats);
  }
  for (auto [value, amount] : llvm::zip_equal(bias, amounts)) {
    if (!std::isfinite(amount))
      return layer->emitOpError("has outputs that are not finite on the "
                                "samples, so its bias cannot be corrected");
    value = static_cast<float>(value - amount);
  }
  OpBuilder builder(layer);
  Location loc = layer.getBias() ? layer.getBias().getLoc() : layer.getLoc();
  layer.getBiasMutable().assign(createFloatConstant(
      builder, loc, {static_cast<int64_t>(bias.size())}, bias));
  return success();
}

void q::eraseDeadConstants(Operation *root) {
  // Users come after what they use, so one pass backwards finds them all.
  SmallVector<Operation *> candidates;
  root->walk([&](Operation *op) {
    if (isa<ConstOp, QuantizerOp, DequantizeOp, MulOp>(op))
      candidates.push_back(op);
  });
  for (Operation *op : llvm::reverse(candidates))
    if (op->use_empty())
      op->erase();
}
