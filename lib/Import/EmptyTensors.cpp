//===- EmptyTensors.cpp - Ops on tensors without elements -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor without elements is known, wherever it comes from: there is only
// one of its shape. So nothing of it is left when the network runs.
//
//===----------------------------------------------------------------------===//

#include "EmptyTensors.h"

#include "Build.h"

#include "llvm/ADT/StringSwitch.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// What a reduction of nothing gives; nothing where the op is none.
static std::optional<float> getNeutralElement(StringRef op) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  return llvm::StringSwitch<std::optional<float>>(op)
      .Cases({"ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare"}, 0.0f)
      .Case("ReduceProd", 1.0f)
      .Cases({"ReduceMax", "ReduceLogSum", "ReduceLogSumExp"}, -infinity)
      .Case("ReduceMin", infinity)
      .Case("ReduceMean", std::numeric_limits<float>::quiet_NaN())
      .Default(std::nullopt);
}

static LogicalResult reduceNothing(Node &node, float neutral) {
  const HostTensor &input = *node.host(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("axes", 1);
  if (failed(given))
    return failure();
  int64_t rank = input.getRank();
  bool keepsAll =
      (!*given || (*given)->empty()) && node.getInt("noop_with_empty_axes", 0);
  std::vector<bool> reduced(rank, (!*given || (*given)->empty()) && !keepsAll);
  if (*given && !(*given)->empty()) {
    FailureOr<Shape> axes = normalizeAxes(node, **given, rank);
    if (failed(axes))
      return failure();
    for (int64_t axis : *axes)
      reduced[axis] = true;
  }
  Shape shape;
  for (int64_t d = 0; d < rank; ++d) {
    if (!reduced[d])
      shape.push_back(input.getShape()[d]);
    else if (node.getInt("keepdims", 1))
      shape.push_back(1);
  }
  std::optional<int64_t> count = countElements(shape);
  if (!count || *count > kMaxComputedElements)
    return node.error() << "the result is too large";
  return node.define(0, HostTensor(input.getType(), shape,
                                   std::vector<float>(*count, neutral)));
}

FailureOr<bool> onnx_import::tryComputeEmpty(Node &node) {
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    return failed(result) ? FailureOr<bool>(failure()) : true;
  };
  const HostTensor *input = node.host(0);
  if (!input || input->size() > 0 || !input->isFloat())
    return false;
  StringRef op = node.getOpType();
  if (std::optional<float> neutral = getNeutralElement(op))
    return done(reduceNothing(node, *neutral));
  // Functions of every element, of which there is none.
  static constexpr StringRef elementwise[] = {
      "Exp",         "Log",     "Sigmoid",    "Tanh",      "Erf",
      "Elu",         "Celu",    "Selu",       "LeakyRelu", "HardSwish",
      "HardSigmoid", "Mish",    "Gelu",       "Relu",      "Softplus",
      "Softsign",    "Sign",    "Sin",        "Cos",       "Clip",
      "Swish",       "Softmax", "LogSoftmax", "Dropout",   "Identity"};
  if (node.numOutputs() == 1 && llvm::is_contained(elementwise, op))
    return done(node.define(0, *input));
  return false;
}
