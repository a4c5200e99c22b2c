//===- ConstantData.cpp - Reads the payloads of constants -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"

#include <cstring>

using namespace mlir;
using namespace q;

/// The bytes of a payload and whether one element stands for all of them.
/// `width` is the number of bits that an element takes.
static FailureOr<ArrayRef<char>> getBytes(ConstOp op, bool &isSplat,
                                          unsigned width) {
  ElementsAttr value = op.getValue();
  isSplat = false;
  ArrayRef<char> bytes;
  if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    isSplat = dense.isSplat();
    bytes = dense.getRawData();
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return op.emitOpError("has no data: the resource '")
             << resource.getRawHandle().getKey()
             << "' is missing; read the IR with its resources (bytecode, or "
                "text printed without --mlir-elide-resource-strings)";
    bytes = blob->getData();
  } else {
    return op.emitOpError("has a payload that is neither dense nor a resource");
  }
  size_t count = isSplat ? 1 : op.getValue().getShapedType().getNumElements();
  if (bytes.size() != count * (width / 8))
    return op.emitOpError("has ")
           << bytes.size() << " bytes of data, but needs "
           << count * (width / 8);
  return bytes;
}

/// The elements as they lie in memory.
template <typename T>
static FailureOr<std::vector<T>> readElements(ConstOp op) {
  bool isSplat;
  FailureOr<ArrayRef<char>> bytes = getBytes(op, isSplat, 8 * sizeof(T));
  if (failed(bytes))
    return failure();
  size_t count = op.getValue().getShapedType().getNumElements();
  if (isSplat) {
    T value;
    std::memcpy(&value, bytes->data(), sizeof(T));
    return std::vector<T>(count, value);
  }
  std::vector<T> elements(count);
  if (count > 0)
    std::memcpy(elements.data(), bytes->data(), bytes->size());
  return elements;
}

/// The elements widened to int32.
template <typename T>
static FailureOr<std::vector<int32_t>> readInts(ConstOp op) {
  FailureOr<std::vector<T>> elements = readElements<T>(op);
  if (failed(elements))
    return failure();
  return std::vector<int32_t>(elements->begin(), elements->end());
}

static FailureOr<std::vector<int32_t>> readAnyInts(ConstOp op,
                                                   bool isUnsigned) {
  unsigned width = op.getValue().getShapedType().getElementTypeBitWidth();
  switch (width) {
  case 8:
    return isUnsigned ? readInts<uint8_t>(op) : readInts<int8_t>(op);
  case 16:
    return isUnsigned ? readInts<uint16_t>(op) : readInts<int16_t>(op);
  case 32:
    return readInts<int32_t>(op);
  default:
    return op.emitOpError("has integers of ")
           << width << " bits; 8, 16 and 32 can be evaluated";
  }
}

static FailureOr<ConstOp> getConstant(Value value) {
  if (auto op = value.getDefiningOp<ConstOp>())
    return op;
  return emitError(value.getLoc(), "must be a constant (q.const)");
}

FailureOr<std::vector<int32_t>> q::getConstantInts(Value value) {
  FailureOr<ConstOp> op = getConstant(value);
  if (failed(op))
    return failure();
  Type payload = op->getValue().getElementType();
  if (!isa<IntegerType>(payload))
    return op->emitOpError("has a payload of ")
           << payload << " where integers are needed; run q-quantize";
  quant::QuantizedType type = getQuantizedType(value);
  bool isUnsigned =
      type ? !type.isSigned() : cast<IntegerType>(payload).isUnsigned();
  FailureOr<std::vector<int32_t>> ints = readAnyInts(*op, isUnsigned);
  if (failed(ints) || !type)
    return ints;
  for (int32_t element : *ints)
    if (element < type.getStorageTypeMin() ||
        element > type.getStorageTypeMax())
      return op->emitOpError("holds ")
             << element << ", outside of the storage range of " << type;
  return ints;
}

FailureOr<std::vector<float>> q::getConstantFloats(Value value) {
  FailureOr<ConstOp> op = getConstant(value);
  if (failed(op))
    return failure();
  Type payload = op->getValue().getElementType();
  if (!payload.isF32())
    return op->emitOpError("has a payload of ")
           << payload << " where f32 is needed";
  return readElements<float>(*op);
}
