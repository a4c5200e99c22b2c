//===- DynamicQuantization.cpp - Scales that a network computes -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DynamicQuantization.h"

#include "Quantization.h"

#include "QDialect/IntegerSemantics.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

bool onnx_import::isQuantizedDynamically(Node &node) {
  for (int index : {1, 2})
    if (node.hasInput(index) && !node.host(index))
      return true;
  if (node.getOpType() != "DequantizeLinear" || !node.hasInput(0) ||
      node.host(0))
    return false;
  // A computed value of an integer type that is not quantized.
  FailureOr<Value> data = node.numbers(0);
  return succeeded(data) && !getQuantizedType(*data) &&
         !isFloatType(node.inputType(0));
}

/// A scale or a zero point, in a shape that broadcasts to `shape`: one number,
/// or one for each index of the node's axis.
static Value readParameter(Node &node, int index, ArrayRef<int64_t> shape) {
  FailureOr<Value> value = node.numbers(index);
  if (failed(value))
    return {};
  ArrayRef<int64_t> own = shapeOf(*value);
  if (countElements(own) == 1)
    return makeReshape(node, *value, {1});
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 1), shape.size());
  if (failed(axis))
    return {};
  if (own.size() != 1 || own[0] != shape[*axis]) {
    node.error() << "has parameters of shape [" << own << "] for an axis of "
                 << shape[*axis]
                 << " elements; give one, or one for each (blocked "
                    "quantization is not supported)";
    return {};
  }
  Shape aligned(shape.size() - *axis, 1);
  aligned[0] = own[0];
  return makeReshape(node, *value, aligned);
}

/// Whoever quantizes the network shall know that these scales are no scales of
/// it.
static void sayThatItIsArithmetic(Node &node) {
  emitRemark(node.getLoc())
      << "has a scale or zero point that the network computes, so it is the "
         "arithmetic that ONNX defines it by, not a border of integers; "
         "quantize the model statically to have one";
}

/// The data with a dimension at least, so that parameters broadcast to it.
static Value readData(Node &node) {
  FailureOr<Value> data = node.numbers(0);
  if (failed(data))
    return {};
  if (getQuantizedType(*data)) {
    node.error() << "reads quantized values with a scale that is computed; "
                    "make the scale a constant";
    return {};
  }
  return shapeOf(*data).empty() ? makeReshape(node, *data, {1}) : *data;
}

/// The result under the shape of the data.
static Value restoreShape(Node &node, Value result) {
  FailureOr<Shape> shape = node.shape(0);
  return result && succeeded(shape) ? makeReshape(node, result, *shape)
                                    : Value();
}

LogicalResult onnx_import::importDynamicQuantize(Node &node, int32_t dtype) {
  std::optional<numerics::StorageRange> range = getStorageRange(dtype);
  if (!range || dtype == onnx::TensorProto::INT32)
    return node.error() << "quantizes to " << getTypeName(dtype)
                        << ", which is not supported";
  Value data = readData(node);
  if (!data)
    return failure();
  Value result =
      make<DivOp>(node, {data, readParameter(node, 1, shapeOf(data))});
  if (result)
    result = makeUnary(node, UnaryKind::Round, result);
  if (result && node.hasInput(2))
    result = make<AddOp>(node, {result, readParameter(node, 2, shapeOf(data))});
  if (result)
    result = makeClamp(node, result, range->qmin, range->qmax);
  sayThatItIsArithmetic(node);
  result = restoreShape(node, result);
  return result ? node.define(0, result, dtype) : failure();
}

LogicalResult onnx_import::importDynamicDequantize(Node &node) {
  Value result = readData(node);
  if (!result)
    return failure();
  Shape shape(shapeOf(result));
  if (node.hasInput(2))
    result = make<SubOp>(node, {result, readParameter(node, 2, shape)});
  if (result)
    result = make<MulOp>(node, {result, readParameter(node, 1, shape)});
  sayThatItIsArithmetic(node);
  return node.defineIfBuilt(restoreShape(node, result));
}
