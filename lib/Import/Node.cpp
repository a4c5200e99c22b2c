//===- Node.cpp - One ONNX node, as its handler sees it -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExpandQOperators.h"
#include "Importer.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

OpBuilder &Node::builder() const { return importer.getBuilder(); }

int64_t Node::opset() const { return importer.getOpset(); }

std::string Node::getName() const {
  if (!proto.name().empty())
    return proto.name();
  // Anonymous nodes are told apart by what they make.
  std::string output = proto.output_size() > 0 ? proto.output(0) : "";
  return proto.op_type() + (output.empty() ? "" : ":" + output);
}

StringRef Node::getWrittenOpType() const {
  // A file may have an attribute of that name and any type, which says nothing.
  const onnx::AttributeProto *written = attribute(kWrittenAs);
  if (written && written->type() == onnx::AttributeProto::STRING)
    return written->s();
  return getOpType();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const onnx::AttributeProto *Node::attribute(StringRef name) const {
  for (const onnx::AttributeProto &candidate : proto.attribute())
    if (StringRef(candidate.name()) == name)
      return &candidate;
  return nullptr;
}

const onnx::AttributeProto *Node::attribute(StringRef name,
                                            AttributeType type) const {
  const onnx::AttributeProto *found = attribute(name);
  // The first versions of the format wrote no types.
  if (!found || found->type() == type ||
      found->type() == onnx::AttributeProto::UNDEFINED)
    return found;
  error() << "attribute '" << name << "' is of type "
          << onnx::AttributeProto::AttributeType_Name(found->type())
          << ", but must be " << onnx::AttributeProto::AttributeType_Name(type);
  return nullptr;
}

int64_t Node::getInt(StringRef name, int64_t fallback) const {
  const auto *found = attribute(name, onnx::AttributeProto::INT);
  return found ? found->i() : fallback;
}

float Node::getFloat(StringRef name, float fallback) const {
  const auto *found = attribute(name, onnx::AttributeProto::FLOAT);
  return found ? found->f() : fallback;
}

std::string Node::getString(StringRef name, StringRef fallback) const {
  const auto *found = attribute(name, onnx::AttributeProto::STRING);
  return found ? found->s() : fallback.str();
}

std::optional<Shape> Node::getInts(StringRef name) const {
  const auto *found = attribute(name, onnx::AttributeProto::INTS);
  if (!found)
    return std::nullopt;
  return Shape(found->ints().begin(), found->ints().end());
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

bool Node::hasInput(int index) const {
  return index < proto.input_size() && !proto.input(index).empty();
}

LogicalResult Node::requireInputs(int count) const {
  for (int i = 0; i < count; ++i)
    if (!hasInput(i))
      return error() << "input " << i << " is missing, the op needs " << count;
  return success();
}

/// The importer has checked that every named input exists.
const HostTensor *Node::host(int index) const {
  if (!hasInput(index))
    return nullptr;
  Operand *operand = importer.lookup(proto.input(index));
  return operand && operand->host ? &*operand->host : nullptr;
}

/// Ops that move elements: the type of the result is that of the data.
static bool movesElements(StringRef op) {
  static constexpr StringRef ops[] = {
      "Reshape",        "Flatten",  "Squeeze",   "Unsqueeze", "Expand", "Tile",
      "Concat",         "Split",    "Slice",     "Gather",    "Where",  "Pad",
      "GatherElements", "GatherND", "Transpose", "Identity"};
  return llvm::is_contained(ops, op);
}

/// Ops that compare elements or combine truths.
static bool makesTruths(StringRef op) {
  static constexpr StringRef ops[] = {
      "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
      "And",   "Or",   "Xor",         "Not"};
  return llvm::is_contained(ops, op);
}

int32_t Node::inputType(int index) const {
  Operand *operand = importer.lookup(proto.input(index));
  return operand ? operand->getType() : int32_t(onnx::TensorProto::FLOAT);
}

int32_t Node::resultType() const {
  StringRef op = getOpType();
  if (movesElements(op))
    return inputType(op == "Where" ? 1 : 0);
  if (makesTruths(op))
    return onnx::TensorProto::BOOL;
  if (op == "ArgMax" || op == "ArgMin")
    return onnx::TensorProto::INT64;
  if (op == "Cast")
    return getInt("to", onnx::TensorProto::FLOAT);
  return op == "CastLike" ? inputType(1) : int32_t(onnx::TensorProto::FLOAT);
}

FailureOr<Value> Node::numbers(int index) const {
  if (!hasInput(index))
    return error() << "input " << index << " is missing";
  Operand *operand = importer.lookup(proto.input(index));
  if (!operand)
    return failure();
  return importer.materialize(*operand, loc, /*asNumbers=*/true);
}

FailureOr<Value> Node::value(int index) const {
  if (!hasInput(index))
    return error() << "input " << index << " is missing";
  Operand *operand = importer.lookup(proto.input(index));
  if (!operand)
    return failure();
  StringRef op = getOpType();
  return importer.materialize(*operand, loc,
                              movesElements(op) || makesTruths(op));
}

FailureOr<SmallVector<Value>> Node::allValues() const {
  SmallVector<Value> values;
  for (int i = 0; i < numInputs(); ++i) {
    FailureOr<Value> input = value(i);
    if (failed(input))
      return failure();
    values.push_back(*input);
  }
  return values;
}

FailureOr<Shape> Node::shape(int index) const {
  if (!hasInput(index))
    return error() << "input " << index << " is missing";
  Operand *operand = importer.lookup(proto.input(index));
  if (!operand)
    return failure();
  if (operand->host)
    return Shape(operand->host->getShape());
  return Shape(cast<RankedTensorType>(operand->value.getType()).getShape());
}

FailureOr<Shape> Node::ints(int index, StringRef what) const {
  const HostTensor *tensor = host(index);
  if (!tensor)
    return error() << what << " ('" << proto.input(index)
                   << "') must be known when the model is imported, but it "
                      "depends on the input data; simplify the model with "
                      "fixed shapes first";
  if (tensor->isFloat())
    return error() << what << " must be integers, but has type "
                   << getTypeName(tensor->getType());
  return Shape(tensor->getInts());
}

FailureOr<double> Node::scalar(int index, StringRef what) const {
  const HostTensor *tensor = host(index);
  if (!tensor)
    return error() << what << " ('" << proto.input(index)
                   << "') must be known when the model is imported, but it "
                      "depends on the input data";
  if (tensor->size() != 1)
    return error() << what << " must be one number, but has " << tensor->size()
                   << " elements";
  return tensor->getReal(0);
}

FailureOr<std::optional<Shape>> Node::intsOf(StringRef name, int index) const {
  if (std::optional<Shape> list = getInts(name))
    return list;
  if (!hasInput(index))
    return std::optional<Shape>();
  FailureOr<Shape> list = ints(index, name);
  if (failed(list))
    return failure();
  return std::optional<Shape>(*list);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

bool Node::wantsOutput(int index) const {
  return index < proto.output_size() && !proto.output(index).empty() &&
         importer.isNeeded(proto.output(index));
}

LogicalResult Node::define(int index, Value value, int32_t type) const {
  if (!wantsOutput(index))
    return success();
  Operand operand;
  operand.value = value;
  operand.type = type;
  operand.name = proto.output(index);
  return importer.define(proto.output(index), std::move(operand), loc);
}

LogicalResult Node::define(int index, HostTensor tensor) const {
  if (!wantsOutput(index))
    return success();
  Operand operand;
  operand.host = std::move(tensor);
  operand.name = proto.output(index);
  return importer.define(proto.output(index), std::move(operand), loc);
}
