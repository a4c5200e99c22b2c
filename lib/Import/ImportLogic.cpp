//===- ImportLogic.cpp - ONNX comparisons and selections ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Truths that depend on the input data are the numbers 0 and 1 in float32;
// those that are known have been computed on the host before.
//
//===----------------------------------------------------------------------===//

#include "Build.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The first `count` inputs, scalars as vectors of one element.
static FailureOr<SmallVector<Value>> readOperands(Node &node, int count) {
  if (failed(node.requireInputs(count)))
    return failure();
  SmallVector<Value> operands;
  for (int i = 0; i < count; ++i) {
    FailureOr<Value> operand = node.value(i);
    if (failed(operand))
      return failure();
    bool isScalar = shapeOf(*operand).empty();
    operands.push_back(isScalar ? makeReshape(node, *operand, {1}) : *operand);
  }
  return operands;
}

/// Defines the output; where all operands are scalars, it is one too.
static LogicalResult defineBroadcast(Node &node, Value result) {
  bool isScalar = true;
  for (int i = 0; i < node.numInputs(); ++i) {
    FailureOr<Shape> shape = node.shape(i);
    isScalar &= succeeded(shape) && shape->empty();
  }
  return node.defineIfBuilt(result && isScalar ? makeReshape(node, result, {})
                                               : result);
}

static Value makeCompare(Node &node, CompareKind kind, Value lhs, Value rhs) {
  MLIRContext *context = node.builder().getContext();
  return make<CompareOp>(
      node, {lhs, rhs},
      Attributes(node).set("kind", CompareKindAttr::get(context, kind)));
}

static Value makeNot(Node &node, Value truth) {
  return makeCompare(node, CompareKind::Equal, truth, makeScalar(node, 0.0f));
}

template <CompareKind kind, bool swapped>
static LogicalResult importCompare(Node &node) {
  FailureOr<SmallVector<Value>> operands = readOperands(node, 2);
  if (failed(operands))
    return failure();
  return defineBroadcast(node, makeCompare(node, kind, (*operands)[swapped],
                                           (*operands)[!swapped]));
}

/// Truths are 0 and 1: both is the product, either the maximum.
template <typename OpTy> static LogicalResult importCombination(Node &node) {
  FailureOr<SmallVector<Value>> operands = readOperands(node, 2);
  if (failed(operands))
    return failure();
  return defineBroadcast(node, make<OpTy>(node, *operands));
}

static LogicalResult importXor(Node &node) {
  FailureOr<SmallVector<Value>> operands = readOperands(node, 2);
  if (failed(operands))
    return failure();
  return defineBroadcast(
      node, makeNot(node, makeCompare(node, CompareKind::Equal, (*operands)[0],
                                      (*operands)[1])));
}

static LogicalResult importNot(Node &node) {
  FailureOr<SmallVector<Value>> operands = readOperands(node, 1);
  if (failed(operands))
    return failure();
  return defineBroadcast(node, makeNot(node, operands->front()));
}

static LogicalResult importWhere(Node &node) {
  FailureOr<SmallVector<Value>> operands = readOperands(node, 3);
  if (failed(operands))
    return failure();
  if (isFloatType(node.inputType(1)) != isFloatType(node.inputType(2)))
    return node.error() << "chooses between the types "
                        << getTypeName(node.inputType(1)) << " and "
                        << getTypeName(node.inputType(2))
                        << ", which must be the same";
  return defineBroadcast(node, make<SelectOp>(node, *operands));
}

void onnx_import::addLogicHandlers(OpTable &table) {
  table["Equal"] = importCompare<CompareKind::Equal, false>;
  table["Less"] = importCompare<CompareKind::Less, false>;
  table["LessOrEqual"] = importCompare<CompareKind::LessOrEqual, false>;
  table["Greater"] = importCompare<CompareKind::Less, true>;
  table["GreaterOrEqual"] = importCompare<CompareKind::LessOrEqual, true>;
  table["And"] = importCombination<MulOp>;
  table["Or"] = importCombination<MaxOp>;
  table["Xor"] = importXor;
  table["Not"] = importNot;
  table["Where"] = importWhere;
}
