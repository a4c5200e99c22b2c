//===- GraphWriter.cpp - Writes the nodes of an ONNX graph ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphWriter.h"

#include "QDialect/IntegerSemantics.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_export;
using onnx::AttributeProto;
using onnx::TensorProto;

int32_t onnx_export::getStorageType(quant::QuantizedType type) {
  unsigned width = type.getStorageTypeIntegralWidth();
  if (width <= 8)
    return type.isSigned() ? TensorProto::INT8 : TensorProto::UINT8;
  if (width <= 16)
    return type.isSigned() ? TensorProto::INT16 : TensorProto::UINT16;
  return TensorProto::INT32;
}

GraphWriter::GraphWriter() : graph(*model.mutable_graph()) {
  // Opset 21 is the first whose quantization has 16 bits.
  model.set_ir_version(10);
  model.set_producer_name("qtranslate");
  model.add_opset_import()->set_version(21);
  graph.set_name("main");
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

AttributeProto &GraphWriter::Node::add(StringRef name,
                                       AttributeProto::AttributeType type) {
  AttributeProto &attribute = *proto.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(type);
  return attribute;
}
GraphWriter::Node &GraphWriter::Node::integer(StringRef name, int64_t value) {
  add(name, AttributeProto::INT).set_i(value);
  return *this;
}
GraphWriter::Node &GraphWriter::Node::integers(StringRef name,
                                               ArrayRef<int64_t> values) {
  AttributeProto &attribute = add(name, AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
  return *this;
}
GraphWriter::Node &GraphWriter::Node::real(StringRef name, float value) {
  add(name, AttributeProto::FLOAT).set_f(value);
  return *this;
}
GraphWriter::Node &GraphWriter::Node::text(StringRef name, StringRef value) {
  add(name, AttributeProto::STRING).set_s(value.str());
  return *this;
}

GraphWriter::Node GraphWriter::add(StringRef opType,
                                   ArrayRef<std::string> inputs,
                                   StringRef output) {
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type(opType.str());
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output.empty() ? fresh() : output.str());
  // One layer is several nodes, and names must differ.
  node.set_name(layer + "/" + node.output(0));
  return Node(node);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

std::string GraphWriter::addReals(ArrayRef<int64_t> shape,
                                  ArrayRef<float> values) {
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(fresh());
  tensor.set_data_type(TensorProto::FLOAT);
  for (int64_t extent : shape)
    tensor.add_dims(extent);
  for (float value : values)
    tensor.add_float_data(value);
  return tensor.name();
}

std::string GraphWriter::addIndices(ArrayRef<int64_t> values) {
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(fresh());
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_dims(values.size());
  for (int64_t value : values)
    tensor.add_int64_data(value);
  return tensor.name();
}

template <typename T> static std::string getBytes(ArrayRef<int32_t> values) {
  std::vector<T> stored(values.begin(), values.end());
  return std::string(reinterpret_cast<const char *>(stored.data()),
                     stored.size() * sizeof(T));
}

std::string GraphWriter::addStored(quant::QuantizedType type,
                                   ArrayRef<int64_t> shape,
                                   ArrayRef<int32_t> values) {
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(fresh());
  tensor.set_data_type(getStorageType(type));
  for (int64_t extent : shape)
    tensor.add_dims(extent);
  unsigned width = type.getStorageTypeIntegralWidth();
  // Little-endian; unsigned values above the signed range keep their bits.
  tensor.set_raw_data(width <= 8    ? getBytes<int8_t>(values)
                      : width <= 16 ? getBytes<int16_t>(values)
                                    : getBytes<int32_t>(values));
  return tensor.name();
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

std::pair<std::string, std::string>
GraphWriter::addParameters(quant::QuantizedType type) {
  SmallVector<int64_t> shape;
  int64_t channels = 1;
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
    channels = perAxis.getScales().size();
    shape.push_back(channels);
  }
  SmallVector<float> scales;
  SmallVector<int32_t> zeroPoints;
  for (const numerics::QuantParams &params :
       getPerChannelParams(type, channels)) {
    scales.push_back(static_cast<float>(params.scale));
    zeroPoints.push_back(static_cast<int32_t>(params.zeroPoint));
  }
  return {addReals(shape, scales), addStored(type, shape, zeroPoints)};
}

std::string GraphWriter::addBorder(StringRef opType, const std::string &value,
                                   quant::QuantizedType type) {
  auto [scale, zeroPoint] = addParameters(type);
  Node node = add(opType, {value, scale, zeroPoint});
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    node.integer("axis", perAxis.getQuantizedDimension());
  return node;
}

std::string GraphWriter::dequantize(const std::string &value,
                                    quant::QuantizedType type) {
  return addBorder("DequantizeLinear", value, type);
}
std::string GraphWriter::quantize(const std::string &value,
                                  quant::QuantizedType type) {
  return addBorder("QuantizeLinear", value, type);
}

std::string GraphWriter::transpose(const std::string &value,
                                   ArrayRef<int64_t> perm) {
  return add("Transpose", {value}).integers("perm", perm);
}

//===----------------------------------------------------------------------===//
// Borders of the graph
//===----------------------------------------------------------------------===//

static void describe(onnx::ValueInfoProto &info, const std::string &name,
                     RankedTensorType type) {
  info.set_name(name);
  auto &tensor = *info.mutable_type()->mutable_tensor_type();
  auto quantized = dyn_cast<quant::QuantizedType>(type.getElementType());
  tensor.set_elem_type(quantized ? getStorageType(quantized)
                                 : int32_t(TensorProto::FLOAT));
  auto &shape = *tensor.mutable_shape();
  for (int64_t extent : type.getShape())
    shape.add_dim()->set_dim_value(extent);
}

void GraphWriter::addInput(const std::string &name, RankedTensorType type) {
  describe(*graph.add_input(), name, type);
}

void GraphWriter::addOutput(const std::string &name, const std::string &value,
                            RankedTensorType type) {
  describe(*graph.add_output(), name, type);
  add("Identity", {value}, name);
}

bool GraphWriter::serialize(llvm::raw_ostream &output) const {
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    return false;
  output << bytes;
  return true;
}
