//===- ImportQuantized.cpp - ONNX QuantizeLinear and DequantizeLinear -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The literal meaning of a model that arrives quantized: its scales and zero
// points become quantized types, and nothing is fused here. Known tensors stay
// known: quantized on the host, or dequantized constants that keep their
// integers.
//
//===----------------------------------------------------------------------===//

#include "Quantization.h"
#include "QuantizedConstants.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;
using onnx::TensorProto;

//===----------------------------------------------------------------------===//
// Constants that the model dequantizes
//===----------------------------------------------------------------------===//

Value Node::dequantizedConstant(int index) const {
  if (!hasInput(index))
    return {};
  Operand *operand = importer.lookup(proto.input(index));
  bool isOne =
      operand && operand->value && q::getDequantizedConstant(operand->value);
  return isOne ? operand->value : Value();
}

LogicalResult Node::defineDequantized(Value value) const {
  if (!value)
    return error() << "a constant that is quantized per axis loses its axis "
                      "here; quantize it per tensor";
  ConstOp constant = q::getDequantizedConstant(value);
  FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
  if (failed(integers))
    return failure();
  auto type = cast<RankedTensorType>(constant.getOutput().getType());
  ElementParameters params(type);
  std::vector<float> reals;
  for (auto [i, integer] : llvm::enumerate(*integers))
    reals.push_back(numerics::dequantize(integer, params.at(i)));
  if (!wantsOutput(0))
    return success();
  Operand operand;
  operand.value = value;
  operand.host =
      HostTensor(TensorProto::FLOAT, type.getShape(), std::move(reals));
  operand.name = proto.output(0);
  return importer.define(proto.output(0), std::move(operand), loc);
}

//===----------------------------------------------------------------------===//
// The two ops
//===----------------------------------------------------------------------===//

/// Scales for blocks of a dimension have no quantized type.
static LogicalResult checkNotBlocked(Node &node, ArrayRef<int64_t> shape) {
  int64_t block = node.getInt("block_size", 0);
  const HostTensor *scale = node.host(1);
  bool looksBlocked = scale && scale->getRank() > 1 && scale->size() > 1 &&
                      scale->getRank() == static_cast<int64_t>(shape.size());
  if (block == 0 && !looksBlocked)
    return success();
  return node.error() << "uses blocked quantization (block_size = " << block
                      << "), which is not supported; quantize per tensor or "
                         "per axis";
}

/// The type that QuantizeLinear gives its result.
static int32_t getStorageType(Node &node) {
  if (const HostTensor *zeroPoint = node.host(2))
    return zeroPoint->getType();
  int64_t given = node.getInt("output_dtype", 0);
  return given ? given : TensorProto::UINT8;
}

static LogicalResult importQuantizeLinear(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> shape = node.shape(0);
  if (failed(shape) || failed(checkNotBlocked(node, *shape)))
    return failure();
  if (node.hasInput(2) && !node.host(2))
    return node.ints(2, "the zero point");
  auto element = readQuantizedType(node, 1, 2, getStorageType(node), *shape,
                                   node.getInt("axis", 1));
  if (failed(element))
    return failure();
  auto type = RankedTensorType::get(*shape, *element);
  if (const HostTensor *tensor = node.host(0)) {
    if (!tensor->isFloat())
      return node.error() << "quantizes a constant of type "
                          << getTypeName(tensor->getType())
                          << ", but only float32 is supported; cast it first";
    ElementParameters params(type);
    std::vector<int64_t> integers;
    for (auto [i, real] : llvm::enumerate(tensor->getFloats()))
      integers.push_back(numerics::quantize(real, params.at(i)));
    return node.define(
        0, HostTensor(getStorageType(node), *shape, std::move(integers)));
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  if (getQuantizedType(*data))
    return node.error() << "quantizes integers, but only float32 is "
                           "supported; dequantize them first";
  return node.define(
      0, QuantizeOp::create(node.builder(), node.getLoc(), type, *data));
}

static LogicalResult importDequantizeLinear(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> shape = node.shape(0);
  if (failed(shape) || failed(checkNotBlocked(node, *shape)))
    return failure();
  if (const HostTensor *tensor = node.host(0)) {
    auto element = readQuantizedType(node, 1, 2, tensor->getType(), *shape,
                                     node.getInt("axis", 1));
    if (failed(element))
      return failure();
    FailureOr<Value> constant = makeQuantizedConstant(node, 0, *element);
    if (failed(constant))
      return failure();
    return node.defineDequantized(DequantizeOp::create(
        node.builder(), constant->getLoc(),
        RankedTensorType::get(*shape, node.builder().getF32Type()), *constant));
  }
  FailureOr<Value> data = readQuantizedInput(node, 0, 1, 2);
  if (failed(data))
    return failure();
  return node.define(
      0,
      DequantizeOp::create(
          node.builder(), node.getLoc(),
          RankedTensorType::get(*shape, node.builder().getF32Type()), *data));
}

void onnx_import::addQuantizedHandlers(OpTable &table) {
  table["QuantizeLinear"] = importQuantizeLinear;
  table["DequantizeLinear"] = importDequantizeLinear;
}
