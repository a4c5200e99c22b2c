//===- QuantizedTypes.cpp - Verification of quantized types ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the upstream quantized types leave unchecked, and the traits of q ops
// that check it.
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;

static LogicalResult verifyParameters(Operation *op, quant::QuantizedType type,
                                      double scale, int64_t zeroPoint) {
  if (!std::isfinite(scale) || scale <= 0)
    return op->emitOpError("has a quantized type whose scale is ")
           << scale << ", but scales must be finite and > 0";
  if (zeroPoint < type.getStorageTypeMin() ||
      zeroPoint > type.getStorageTypeMax())
    return op->emitOpError("has a quantized type whose zero point ")
           << zeroPoint << " is outside of its storage range ["
           << type.getStorageTypeMin() << ", " << type.getStorageTypeMax()
           << "] (rule N1)";
  return success();
}

/// Whether a tensor has so many elements that no machine holds it. Sizes that
/// passes compute with then stay far from overflow.
static bool isTooLarge(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasStaticShape())
    return false;
  constexpr int64_t limit = int64_t(1) << 34;
  int64_t count = 1;
  for (int64_t extent : shaped.getShape()) {
    if (extent > 0 && count > limit / extent)
      return true;
    count *= extent;
  }
  return false;
}

LogicalResult q::verifyQuantizedType(Operation *op, Type type) {
  if (isTooLarge(type))
    return op->emitOpError("has the type ")
           << type << ", which has more than 2^34 elements";
  auto quantized = dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(type));
  if (!quantized)
    return success();
  if (!quantized.getExpressedType().isF32())
    return op->emitOpError("has a quantized type that expresses ")
           << quantized.getExpressedType() << ", but only f32 is defined";
  unsigned bits = quantized.getStorageTypeIntegralWidth();
  if (bits != 32 && (bits < 2 || bits > 16))
    return op->emitOpError("has a quantized type of ")
           << bits
           << " bits; 2 to 16, and 32 for biases, are defined (rule N2)";
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(quantized))
    return verifyParameters(op, uniform, uniform.getScale(),
                            uniform.getZeroPoint());
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(quantized);
  if (!perAxis)
    return op->emitOpError("has the type ")
           << quantized
           << "; only uniform per-tensor and per-axis types are defined";
  auto shaped = cast<ShapedType>(type);
  int64_t axis = perAxis.getQuantizedDimension();
  int64_t count = perAxis.getScales().size();
  if (axis < 0 || axis >= shaped.getRank())
    return op->emitOpError("has per-axis scales along dimension ")
           << axis << " of a tensor of rank " << shaped.getRank();
  if (count != shaped.getDimSize(axis))
    return op->emitOpError("has ")
           << count << " per-axis scales for the " << shaped.getDimSize(axis)
           << " elements of dimension " << axis;
  for (auto [scale, zeroPoint] :
       llvm::zip_equal(perAxis.getScales(), perAxis.getZeroPoints()))
    if (failed(verifyParameters(op, perAxis, scale, zeroPoint)))
      return failure();
  return success();
}

LogicalResult q::verifySharedParameters(Operation *op) {
  quant::QuantizedType shared;
  bool sawOther = false;
  auto check = [&](Type type) -> LogicalResult {
    Type element = getElementTypeOrSelf(type);
    auto quantized = dyn_cast<quant::QuantizedType>(element);
    if (!quantized) {
      sawOther = true;
      return success();
    }
    // Moving bits between channels of different scales would change values.
    if (!isa<quant::UniformQuantizedType>(quantized))
      return op->emitOpError("moves bits, so its quantized types must be per "
                             "tensor, but one is ")
             << element;
    if (!shared)
      shared = quantized;
    if (quantized != shared)
      return op->emitOpError(
                 "moves bits, so operands and result must share their "
                 "quantization parameters (rule N13), but ")
             << quantized << " differs from " << shared
             << "; insert a q.requantize";
    return success();
  };
  for (Type type : op->getOperandTypes())
    if (failed(check(type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(check(type)))
      return failure();
  if (shared && sawOther)
    return op->emitOpError("mixes quantized and other operands or results");
  return success();
}

LogicalResult q::verifyOneArithmetic(Operation *op) {
  unsigned quantized = 0, tensors = 0;
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types) {
      auto element = dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(type));
      if (element && !isa<quant::UniformQuantizedType>(element))
        return op->emitOpError("must be quantized per tensor, but one type is ")
               << element;
      if (element && element.getStorageTypeIntegralWidth() > 16)
        return op->emitOpError(
                   "computes with at most 16 bits, but one type is ")
               << element << "; put a q.requantize between";
      quantized += static_cast<bool>(element);
      ++tensors;
    }
  if (quantized != 0 && quantized != tensors)
    return op->emitOpError(
        "must have operands and result all float or all quantized; put "
        "q.quantize or q.dequantize between");
  return success();
}
