//===- ExpandQOperators.cpp - Integer operators as QDQ groups -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExpandQOperators.h"

#include "HostTensor.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace q::onnx_import;
using onnx::NodeProto;

namespace {

/// Writes the nodes that stand for one.
class Expander {
public:
  Expander(const NodeProto &node, onnx::GraphProto &graph,
           std::vector<NodeProto> &nodes, Location loc)
      : node(node), graph(graph), nodes(nodes), loc(loc) {}

  /// False where the op is none of the QOperator form.
  FailureOr<bool> run();

private:
  InFlightDiagnostic error() {
    return emitError(loc) << "node '" << node.name() << "' (" << node.op_type()
                          << "): ";
  }
  std::string input(int index) const {
    return index < node.input_size() ? node.input(index) : std::string();
  }
  std::string fresh(StringRef what) const {
    return "q." + node.output(0) + "." + what.str();
  }
  const onnx::AttributeProto *attribute(StringRef name) const {
    for (const onnx::AttributeProto &candidate : node.attribute())
      if (StringRef(candidate.name()) == name)
        return &candidate;
    return nullptr;
  }
  int64_t getInt(StringRef name, int64_t fallback) const {
    const onnx::AttributeProto *found = attribute(name);
    return found ? found->i() : fallback;
  }

  NodeProto &add(StringRef opType, ArrayRef<std::string> inputs,
                 const std::string &output);
  /// The node's op in float, with its attributes.
  NodeProto &addFloat(StringRef opType, ArrayRef<std::string> inputs,
                      const std::string &output);
  std::string dequantize(int data, int scale, int zeroPoint, int64_t axis = 1);
  std::string dequantize(const std::string &data, const std::string &scale,
                         const std::string &zeroPoint, int64_t axis);
  /// An int32 bias, whose scale is the product of two others.
  std::string dequantizeBias(int data, int scale, int otherScale);
  void quantize(const std::string &value, int scale, int zeroPoint);
  std::string makeScalar(StringRef what, float value);
  LogicalResult checkLayout();

  /// The op over inputs in threes (value, scale, zero point), its result
  /// quantized with the inputs `scale` and `scale + 1`.
  LogicalResult expandUnary(StringRef opType);
  LogicalResult expandBinary(StringRef opType);
  LogicalResult expandConv();
  LogicalResult expandGemm();
  LogicalResult expandConcat();
  LogicalResult expandIntegerProduct(StringRef opType);
  LogicalResult expandDynamicQuantize();

  const NodeProto &node;
  onnx::GraphProto &graph;
  std::vector<NodeProto> &nodes;
  Location loc;
};

} // namespace

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

NodeProto &Expander::add(StringRef opType, ArrayRef<std::string> inputs,
                         const std::string &output) {
  NodeProto &created = nodes.emplace_back();
  // Messages name the node of the file.
  created.set_name(!node.name().empty() ? node.name()
                   : node.output_size() > 0
                       ? node.op_type() + ":" + node.output(0)
                       : node.op_type());
  created.set_op_type(opType.str());
  for (const std::string &name : inputs)
    created.add_input(name);
  while (created.input_size() > 0 &&
         created.input(created.input_size() - 1).empty())
    created.mutable_input()->RemoveLast();
  created.add_output(output);
  return created;
}

NodeProto &Expander::addFloat(StringRef opType, ArrayRef<std::string> inputs,
                              const std::string &output) {
  NodeProto &created = add(opType, inputs, output);
  *created.mutable_attribute() = node.attribute();
  return created;
}

std::string Expander::dequantize(const std::string &data,
                                 const std::string &scale,
                                 const std::string &zeroPoint, int64_t axis) {
  std::string real = fresh("dequantized" + std::to_string(nodes.size()));
  onnx::AttributeProto *attribute =
      add("DequantizeLinear", {data, scale, zeroPoint}, real).add_attribute();
  attribute->set_name("axis");
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(axis);
  return real;
}

std::string Expander::dequantize(int data, int scale, int zeroPoint,
                                 int64_t axis) {
  return dequantize(input(data), input(scale), input(zeroPoint), axis);
}

std::string Expander::dequantizeBias(int data, int scale, int otherScale) {
  if (input(data).empty())
    return {};
  std::string product = fresh("bias_scale");
  add("Mul", {input(scale), input(otherScale)}, product);
  return dequantize(input(data), product, "", 0);
}

void Expander::quantize(const std::string &value, int scale, int zeroPoint) {
  add("QuantizeLinear", {value, input(scale), input(zeroPoint)},
      node.output(0));
}

std::string Expander::makeScalar(StringRef what, float value) {
  std::string name = fresh(what);
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_float_data(value);
  return name;
}

LogicalResult Expander::checkLayout() {
  if (getInt("channels_last", 0) == 0)
    return success();
  return error() << "works on channels last, which only ONNX Runtime's own "
                    "optimized models have; use the model as it was before";
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult Expander::expandUnary(StringRef opType) {
  if (failed(checkLayout()))
    return failure();
  std::string data = dequantize(0, 1, 2), real = fresh("real");
  NodeProto &created = addFloat(opType, {data}, real);
  // Attributes of the integer form alone.
  auto *attributes = created.mutable_attribute();
  for (int i = attributes->size(); i-- > 0;)
    if (attributes->Get(i).name() == "channels_last" ||
        attributes->Get(i).name() == "opset")
      attributes->DeleteSubrange(i, 1);
  if (opType == "Softmax" && getInt("opset", 13) < 13 &&
      getInt("axis", 1) != -1)
    return error() << "is a softmax of opset " << getInt("opset", 13)
                   << " over all dimensions from an axis on; export the model "
                      "in opset 13 or later";
  quantize(real, 3, 4);
  return success();
}

LogicalResult Expander::expandBinary(StringRef opType) {
  std::string lhs = dequantize(0, 1, 2);
  // The right operand of a product may have a scale for each column.
  std::string rhs = dequantize(3, 4, 5, /*axis=*/-1), real = fresh("real");
  addFloat(opType, {lhs, rhs}, real);
  quantize(real, 6, 7);
  return success();
}

LogicalResult Expander::expandConv() {
  std::string data = dequantize(0, 1, 2);
  std::string weights = dequantize(3, 4, 5, /*axis=*/0);
  std::string bias = dequantizeBias(8, 1, 4), real = fresh("real");
  addFloat("Conv", {data, weights, bias}, real);
  quantize(real, 6, 7);
  return success();
}

LogicalResult Expander::expandGemm() {
  const onnx::AttributeProto *alpha = attribute("alpha");
  if (alpha && alpha->f() != 1.0f)
    return error() << "has alpha = " << alpha->f()
                   << ", which is not supported; multiply its weight scale";
  std::string lhs = dequantize(0, 1, 2);
  std::string rhs = dequantize(3, 4, 5, getInt("transB", 0) ? 0 : 1);
  std::string bias = dequantizeBias(6, 1, 4);
  bool staysFloat = input(7).empty();
  std::string real = staysFloat ? node.output(0) : fresh("real");
  addFloat("Gemm", {lhs, rhs, bias}, real);
  if (!staysFloat)
    quantize(real, 7, 8);
  return success();
}

LogicalResult Expander::expandConcat() {
  std::vector<std::string> reals;
  for (int i = 2; i + 1 < node.input_size(); i += 3)
    reals.push_back(dequantize(i, i + 1, i + 2));
  std::string real = fresh("real");
  addFloat("Concat", reals, real);
  quantize(real, 0, 1);
  return success();
}

/// ConvInteger and MatMulInteger have integers without a scale: those of scale
/// 1. Their results are whole numbers.
LogicalResult Expander::expandIntegerProduct(StringRef opType) {
  std::string one = makeScalar("one", 1.0f);
  std::string lhs = input(0);
  // What DynamicQuantizeLinear stands for has no zero point.
  bool isDynamic = llvm::any_of(nodes, [&](const NodeProto &other) {
    return other.op_type() == "Identity" && other.output(0) == lhs;
  });
  if (!isDynamic)
    lhs = dequantize(lhs, one, input(2), 1);
  std::string rhs =
      dequantize(input(1), one, input(3), opType == "Conv" ? 0 : -1);
  addFloat(opType, {lhs, rhs}, node.output(0));
  return success();
}

/// A range that the samples show takes the place of the one that each input
/// would have: y = x, scale 1 and zero point 0 are the same number in float.
LogicalResult Expander::expandDynamicQuantize() {
  for (const onnx::ValueInfoProto &output : graph.output())
    if (llvm::is_contained(node.output(), output.name()))
      return emitError(loc)
             << "node '" << node.name()
             << "' (DynamicQuantizeLinear): its result '" << output.name()
             << "' is an output of the network, but the quantization of each "
                "single input is not computed; end the network at float values";
  emitRemark(loc) << "node '" << node.name()
                  << "' (DynamicQuantizeLinear): its range is taken from "
                     "samples when the model is compiled, not from every input";
  add("Identity", {input(0)}, node.output(0));
  if (node.output_size() > 1 && !node.output(1).empty()) {
    onnx::TensorProto *scale = graph.add_initializer();
    scale->set_name(node.output(1));
    scale->set_data_type(onnx::TensorProto::FLOAT);
    scale->add_float_data(1.0f);
  }
  if (node.output_size() > 2 && !node.output(2).empty()) {
    onnx::TensorProto *zeroPoint = graph.add_initializer();
    zeroPoint->set_name(node.output(2));
    zeroPoint->set_data_type(onnx::TensorProto::UINT8);
    zeroPoint->add_int32_data(0);
  }
  return success();
}

FailureOr<bool> Expander::run() {
  bool isOnnx = node.domain().empty() || node.domain() == "ai.onnx";
  bool isMicrosoft = node.domain() == "com.microsoft";
  StringRef op = node.op_type();
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    return failed(result) ? FailureOr<bool>(failure()) : true;
  };
  if (node.output_size() == 0)
    return false;
  if (isOnnx && op == "QLinearConv")
    return done(expandConv());
  if (isOnnx && op == "QLinearMatMul")
    return done(expandBinary("MatMul"));
  if (isOnnx && op == "ConvInteger")
    return done(expandIntegerProduct("Conv"));
  if (isOnnx && op == "MatMulInteger")
    return done(expandIntegerProduct("MatMul"));
  if (isOnnx && op == "DynamicQuantizeLinear")
    return done(expandDynamicQuantize());
  if (!isMicrosoft)
    return false;
  if (op == "QuantizeLinear" || op == "DequantizeLinear") {
    nodes.push_back(node);
    nodes.back().clear_domain();
    return true;
  }
  if (op == "QLinearAdd")
    return done(expandBinary("Add"));
  if (op == "QLinearMul")
    return done(expandBinary("Mul"));
  if (op == "QLinearConcat")
    return done(expandConcat());
  if (op == "QLinearGlobalAveragePool")
    return done(expandUnary("GlobalAveragePool"));
  if (op == "QLinearAveragePool")
    return done(expandUnary("AveragePool"));
  if (op == "QLinearSigmoid")
    return done(expandUnary("Sigmoid"));
  if (op == "QLinearLeakyRelu")
    return done(expandUnary("LeakyRelu"));
  if (op == "QLinearSoftmax")
    return done(expandUnary("Softmax"));
  if (op == "QGemm")
    return done(expandGemm());
  return false;
}

LogicalResult q::onnx_import::expandQOperators(onnx::ModelProto &model,
                                               Location loc) {
  onnx::GraphProto &graph = *model.mutable_graph();
  std::vector<NodeProto> nodes;
  bool any = false;
  for (const NodeProto &node : graph.node()) {
    size_t first = nodes.size();
    auto expanded = Expander(node, graph, nodes, loc).run();
    if (failed(expanded))
      return failure();
    any |= *expanded;
    for (size_t i = first; i < nodes.size(); ++i) {
      onnx::AttributeProto *written = nodes[i].add_attribute();
      written->set_name(kWrittenAs);
      written->set_type(onnx::AttributeProto::STRING);
      written->set_s(node.op_type());
    }
    if (!*expanded)
      nodes.push_back(node);
  }
  if (!any)
    return success();
  graph.clear_node();
  for (NodeProto &node : nodes)
    graph.add_node()->Swap(&node);
  return success();
}
