//===- QConstant.cpp - Constants of the q dialect -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace q;

void ConstOp::build(OpBuilder &builder, OperationState &state,
                    ElementsAttr value) {
  build(builder, state, value.getShapedType(), value);
}

// The type of the payload is part of the payload, so it is printed once more
// only where the constant is quantized: `q.const dense<1> : tensor<4xi8> as
// tensor<4x!quant...>`.
void ConstOp::print(OpAsmPrinter &printer) {
  printer.printOptionalAttrDict((*this)->getAttrs(), {"value"});
  printer << ' ' << getValue();
  if (getValue().getShapedType() != getOutput().getType())
    printer << " as " << getOutput().getType();
}

ParseResult ConstOp::parse(OpAsmParser &parser, OperationState &result) {
  ElementsAttr value;
  if (parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseAttribute(value, "value", result.attributes))
    return failure();
  Type type = value.getShapedType();
  if (succeeded(parser.parseOptionalKeyword("as")) && parser.parseType(type))
    return failure();
  result.addTypes(type);
  return success();
}

OpFoldResult ConstOp::fold(FoldAdaptor) { return getValue(); }

/// Storage of quantized constants is signless `iN` or unsigned `uiN` of the
/// storage width; widths below 8 are held in 8 bits.
static bool isStorageOf(Type payload, quant::QuantizedType quantized) {
  auto integer = dyn_cast<IntegerType>(payload);
  if (!integer)
    return false;
  unsigned width = quantized.getStorageTypeIntegralWidth();
  unsigned held = width <= 8 ? 8 : width <= 16 ? 16 : 32;
  return integer.getWidth() == held && !integer.isUnsigned();
}

LogicalResult ConstOp::verify() {
  auto result = cast<RankedTensorType>(getOutput().getType());
  ShapedType payload = getValue().getShapedType();
  if (payload.getShape() != result.getShape())
    return emitOpError("has a payload of shape [")
           << payload.getShape() << "] for a result of shape ["
           << result.getShape() << "]";
  if (auto quantized =
          dyn_cast<quant::QuantizedType>(result.getElementType())) {
    if (!isStorageOf(payload.getElementType(), quantized))
      return emitOpError("has a payload of ")
             << payload.getElementType() << ", but " << quantized
             << " is stored in signless integers of its width rounded up to "
                "8, 16 or 32 bits";
  } else if (payload.getElementType() != result.getElementType()) {
    return emitOpError("has a payload of ")
           << payload.getElementType() << " for a result of "
           << result.getElementType();
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(getValue());
  if (!resource)
    return success();
  // A missing blob is legal in MLIR: the IR was printed without its resources.
  if (AsmResourceBlob *blob = resource.getRawHandle().getBlob()) {
    size_t bits = payload.getElementTypeBitWidth();
    size_t expected = payload.getNumElements() * ((bits + 7) / 8);
    if (blob->getData().size() != expected)
      return emitOpError("has a resource of ")
             << blob->getData().size() << " bytes, but " << payload << " needs "
             << expected;
  }
  return success();
}
