//===- FoldConstants.cpp - Nodes whose inputs are all known
//------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters write shapes as arithmetic on shapes. It is carried out here, on
// the host, before anything becomes an op. Ops that only move elements fold in
// GraphImporter::view.
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include <cmath>

#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

std::vector<float>
q::onnx_import::readFloats(const onnx::AttributeProto &attribute) {
  return std::vector<float>(attribute.floats().begin(),
                            attribute.floats().end());
}

static std::optional<HostTensor> foldConstantNode(const Node &node) {
  const onnx::NodeProto &proto = node.proto;
  if (proto.attribute_size() != 1)
    return std::nullopt;
  const onnx::AttributeProto &attribute = proto.attribute(0);
  HostTensor result;
  StringRef name = attribute.name();
  if (name == "value" && attribute.has_t()) {
    auto tensor = readTensor(attribute.t(), node.importer.getFolder());
    if (tensor)
      return std::move(*tensor);
    node.emitError() << "its value " << llvm::toString(tensor.takeError());
    return std::nullopt;
  }
  if (name == "value_int")
    return HostTensor::scalar(attribute.i());
  if (name == "value_ints")
    return HostTensor::ofInts(
        Shape(attribute.ints().begin(), attribute.ints().end()));
  result.isFloat = true;
  if (name == "value_float") {
    result.floats = {attribute.f()};
    return result;
  }
  if (name == "value_floats") {
    result.floats = readFloats(attribute);
    result.shape = {static_cast<int64_t>(result.floats.size())};
    return result;
  }
  return std::nullopt;
}

static std::optional<HostTensor> foldShape(const Node &node) {
  const GraphValue *input =
      node.hasInput(0) ? node.importer.lookup(node.proto.input(0)) : nullptr;
  if (!input)
    return std::nullopt;
  ArrayRef<int64_t> shape = input->shape;
  if (node.getOpType() == "Size") {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    return HostTensor::scalar(count);
  }
  int64_t rank = shape.size();
  auto clampAxis = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  int64_t start = clampAxis(node.getInt("start", 0));
  int64_t end = clampAxis(node.getInt("end", rank));
  return HostTensor::ofInts(
      shape.slice(start, std::max<int64_t>(0, end - start)));
}

static std::optional<HostTensor> foldConstantOfShape(const Node &node,
                                                     const HostTensor &shape) {
  HostTensor result;
  result.shape.assign(shape.ints.begin(), shape.ints.end());
  auto count = countElements(result.shape);
  if (!count) {
    node.emitError() << "its shape " << llvm::toString(count.takeError());
    return std::nullopt;
  }
  HostTensor value;
  value.isFloat = true;
  value.floats = {0.0f};
  if (const onnx::AttributeProto *attribute = node.getAttr("value")) {
    auto given = readTensor(attribute->t(), node.importer.getFolder());
    if (!given || given->size() != 1) {
      llvm::consumeError(given.takeError());
      return std::nullopt;
    }
    value = std::move(*given);
  }
  result.isFloat = value.isFloat;
  if (value.isFloat)
    result.floats.assign(*count, value.floats[0]);
  else
    result.ints.assign(*count, value.ints[0]);
  return result;
}

template <typename T>
static std::optional<T> arithmetic(StringRef op, T a, T b) {
  if (op == "Add")
    return a + b;
  if (op == "Sub")
    return a - b;
  if (op == "Mul")
    return a * b;
  if (op == "Min")
    return std::min(a, b);
  if (op == "Max")
    return std::max(a, b);
  if (op == "Div") {
    if (std::is_integral_v<T> && (b == 0 || b == T(-1)))
      return b == 0 ? std::nullopt : std::optional<T>(0 - a);
    return a / b;
  }
  if (op == "Pow")
    return static_cast<T>(std::pow(a, b));
  if constexpr (std::is_integral_v<T>) {
    if (op == "Mod" && b > 0)
      return ((a % b) + b) % b;
    if (op == "And")
      return a && b;
    if (op == "Or")
      return a || b;
  }
  return std::nullopt;
}

static std::optional<HostTensor> foldBinary(StringRef op, const HostTensor &lhs,
                                            const HostTensor &rhs) {
  auto shape = broadcastShapes(lhs.shape, rhs.shape);
  if (!shape || lhs.isFloat != rhs.isFloat)
    return std::nullopt;
  HostTensor a = lhs.broadcastTo(*shape), b = rhs.broadcastTo(*shape);
  bool compares = op == "Equal" || op == "Greater" || op == "Less";
  HostTensor result;
  result.shape = *shape;
  result.isFloat = lhs.isFloat && !compares;
  for (int64_t i = 0, e = a.size(); i < e; ++i) {
    if (compares) {
      double x = a.at(i), y = b.at(i);
      result.ints.push_back(op == "Equal"     ? x == y
                            : op == "Greater" ? x > y
                                              : x < y);
    } else if (result.isFloat) {
      auto value = arithmetic<float>(op, a.floats[i], b.floats[i]);
      if (!value)
        return std::nullopt;
      result.floats.push_back(*value);
    } else {
      auto value = arithmetic<int64_t>(op, a.ints[i], b.ints[i]);
      if (!value)
        return std::nullopt;
      result.ints.push_back(*value);
    }
  }
  return result;
}

static std::optional<HostTensor>
foldConcat(const Node &node, ArrayRef<const HostTensor *> inputs) {
  int64_t rank = inputs[0]->shape.size();
  int64_t axis = node.getInt("axis", 1);
  axis = axis < 0 ? axis + rank : axis;
  // Shapes are vectors; concatenations of weights stay ops.
  if (rank != 1 || axis != 0)
    return std::nullopt;
  HostTensor result;
  result.isFloat = inputs[0]->isFloat;
  for (const HostTensor *input : inputs) {
    if (input->isFloat != result.isFloat || input->shape.size() != 1)
      return std::nullopt;
    llvm::append_range(result.floats, input->floats);
    llvm::append_range(result.ints, input->ints);
  }
  result.shape = {result.size()};
  return result;
}

static std::optional<HostTensor> foldCast(const Node &node,
                                          const HostTensor &input) {
  int64_t to = node.getInt("to", 1);
  bool toFloat = to == 1 || to == 10 || to == 11 || to == 16;
  HostTensor result;
  result.shape = input.shape;
  result.isFloat = toFloat;
  for (int64_t i = 0, e = input.size(); i < e; ++i) {
    if (toFloat)
      result.floats.push_back(static_cast<float>(input.at(i)));
    else if (input.isFloat && !(std::fabs(input.at(i)) < 9e18))
      return std::nullopt;
    else
      result.ints.push_back(input.isFloat
                                ? static_cast<int64_t>(input.floats[i])
                                : input.ints[i]);
    if (to == 9 && !toFloat)
      result.ints.back() = input.at(i) != 0;
  }
  return result;
}

static std::optional<HostTensor>
foldRange(ArrayRef<const HostTensor *> inputs) {
  for (const HostTensor *input : inputs)
    if (input->isFloat || input->size() != 1)
      return std::nullopt;
  int64_t start = inputs[0]->ints[0], limit = inputs[1]->ints[0];
  int64_t delta = inputs[2]->ints[0];
  if (delta == 0 || std::abs(limit - start) / std::abs(delta) > (1 << 24))
    return std::nullopt;
  Shape values;
  for (int64_t v = start; delta > 0 ? v < limit : v > limit; v += delta)
    values.push_back(v);
  return HostTensor::ofInts(values);
}

std::optional<HostTensor> q::onnx_import::foldNode(const Node &node) {
  StringRef op = node.getOpType();
  if (op == "Constant")
    return foldConstantNode(node);
  if (op == "Shape" || op == "Size")
    return foldShape(node);
  SmallVector<const HostTensor *> inputs;
  for (size_t i = 0; i < node.getNumInputs(); ++i) {
    const GraphValue *value =
        node.hasInput(i) ? node.importer.lookup(node.proto.input(i)) : nullptr;
    if (!value || !value->isConstant())
      return std::nullopt;
    inputs.push_back(value->constant.get());
  }
  if (inputs.empty())
    return std::nullopt;
  if (op == "ConstantOfShape" && !inputs[0]->isFloat)
    return foldConstantOfShape(node, *inputs[0]);
  if (op == "Concat")
    return foldConcat(node, inputs);
  if (op == "Cast")
    return foldCast(node, *inputs[0]);
  if (op == "Range" && inputs.size() == 3)
    return foldRange(inputs);
  if (op == "Where" && inputs.size() == 3) {
    auto partial = broadcastShapes(inputs[0]->shape, inputs[1]->shape);
    auto shape =
        partial ? broadcastShapes(*partial, inputs[2]->shape) : std::nullopt;
    if (!shape || inputs[1]->isFloat != inputs[2]->isFloat)
      return std::nullopt;
    HostTensor condition = inputs[0]->broadcastTo(*shape);
    HostTensor result = inputs[1]->broadcastTo(*shape);
    HostTensor otherwise = inputs[2]->broadcastTo(*shape);
    for (int64_t i = 0, e = result.size(); i < e; ++i)
      if (condition.at(i) == 0) {
        if (result.isFloat)
          result.floats[i] = otherwise.floats[i];
        else
          result.ints[i] = otherwise.ints[i];
      }
    return result;
  }
  if (op == "Not") {
    HostTensor result = *inputs[0];
    for (int64_t &value : result.ints)
      value = !value;
    return result;
  }
  if (inputs.size() == 2)
    return foldBinary(op, *inputs[0], *inputs[1]);
  return std::nullopt;
}
