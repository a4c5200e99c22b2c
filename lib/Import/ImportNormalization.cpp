//===- ImportNormalization.cpp - ONNX normalizations ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Build.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The order that puts dimension 1 last, and its inverse.
static std::pair<Shape, Shape> channelsLast(int64_t rank) {
  Shape forward = {0}, backward = {0, rank - 1};
  for (int64_t d = 2; d < rank; ++d) {
    forward.push_back(d);
    backward.push_back(d - 1);
  }
  forward.push_back(1);
  return {forward, backward};
}

static LogicalResult importBatchNormalization(Node &node) {
  if (failed(node.requireInputs(5)))
    return failure();
  if (node.getInt("training_mode", 0))
    return node.error() << "is in training mode; export the model for "
                           "inference";
  if (node.opset() < 9 && !node.getInt("spatial", 1))
    return node.error() << "statistics per element (spatial = 0) are not "
                           "supported; convert the model to opset 9 or later";
  FailureOr<SmallVector<Value>> inputs = node.allValues();
  if (failed(inputs))
    return failure();
  int64_t rank = shapeOf((*inputs)[0]).size();
  if (rank < 2)
    return node.error() << "the input must have a channel dimension";
  auto [forward, backward] = channelsLast(rank);
  bool moves = rank > 2;
  Value data = (*inputs)[0];
  if (moves)
    data = makeTranspose(node, data, forward);
  Value result = make<BatchNormOp>(
      node, {data, (*inputs)[1], (*inputs)[2], (*inputs)[3], (*inputs)[4]},
      Attributes(node).real("epsilon", node.getFloat("epsilon", 1e-5f)));
  if (moves && result)
    result = makeTranspose(node, result, backward);
  return node.defineIfBuilt(result);
}

/// One number for every tensor.
static Value makeOnes(Node &node) { return makeScalar(node, 1.0f); }

/// The dimensions from `axis` on.
static Shape getTrailingAxes(int64_t axis, int64_t rank) {
  Shape axes;
  for (int64_t d = axis; d < rank; ++d)
    axes.push_back(d);
  return axes;
}

/// 1 / sqrt(x + epsilon).
static Value makeInverseRoot(Node &node, Value x, float epsilon) {
  Value shifted = x ? make<AddOp>(node, {x, makeScalar(node, epsilon)}) : x;
  return shifted ? makeUnary(node, UnaryKind::Rsqrt, shifted) : shifted;
}

/// Mean and inverse deviation of every row, which only training reads.
static LogicalResult defineRowStatistics(Node &node, Value data, int64_t axis,
                                         float epsilon) {
  Shape axes = getTrailingAxes(axis, shapeOf(data).size());
  Value mean = makeReduce(node, ReduceKind::Mean, data, axes, true);
  Value centred = make<SubOp>(node, {data, mean});
  if (!centred)
    return failure();
  Value square = makeUnary(node, UnaryKind::Square, centred);
  Value variance = makeReduce(node, ReduceKind::Mean, square, axes, true);
  Value inverse = makeInverseRoot(node, variance, epsilon);
  if (!inverse || failed(node.define(1, mean)))
    return failure();
  return node.define(2, inverse);
}

static LogicalResult importLayerNormalization(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<SmallVector<Value>> inputs = node.allValues();
  if (failed(inputs))
    return failure();
  Value data = inputs->front();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", -1), shapeOf(data).size());
  if (failed(axis))
    return failure();
  float epsilon = node.getFloat("epsilon", 1e-5f);
  if ((node.wantsOutput(1) || node.wantsOutput(2)) &&
      failed(defineRowStatistics(node, data, *axis, epsilon)))
    return failure();
  if (!node.wantsOutput(0))
    return success();
  return node.defineIfBuilt(make<LayerNormOp>(
      node, *inputs,
      Attributes(node).integer("axis", *axis).real("epsilon", epsilon)));
}

/// x / sqrt(mean(x^2) + epsilon) * scale over the dimensions from `axis` on.
static LogicalResult importRmsNormalization(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<SmallVector<Value>> inputs = node.allValues();
  if (failed(inputs))
    return failure();
  Value data = inputs->front();
  int64_t rank = shapeOf(data).size();
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), rank);
  if (failed(axis))
    return failure();
  Value square = makeUnary(node, UnaryKind::Square, data);
  if (!square)
    return failure();
  Value mean = makeReduce(node, ReduceKind::Mean, square,
                          getTrailingAxes(*axis, rank), true);
  Value inverse = makeInverseRoot(node, mean, node.getFloat("epsilon", 1e-5f));
  Value normal = inverse ? make<MulOp>(node, {data, inverse}) : inverse;
  return node.defineIfBuilt(make<MulOp>(node, {normal, (*inputs)[1]}));
}

/// Normalizes each of `groups` groups of channels by itself, then scales and
/// shifts every channel: inputs 1 and 2 have one element a channel, or, in the
/// first form of GroupNormalization, one a group.
static LogicalResult importGroups(Node &node, int64_t groups) {
  if (failed(node.requireInputs(3)))
    return failure();
  FailureOr<SmallVector<Value>> inputs = node.allValues();
  if (failed(inputs))
    return failure();
  Value data = inputs->front();
  Shape shape(shapeOf(data));
  int64_t channels = shape.size() < 3 ? 0 : shape[1];
  if (groups == 0)
    groups = channels;
  if (channels == 0 || groups < 1 || channels % groups)
    return node.error() << "the input [" << ArrayRef<int64_t>(shape)
                        << "] must have spatial dimensions, and its channels "
                           "must be a multiple of "
                        << groups << " groups";
  int64_t rest = countElements(shape).value_or(0) / (shape[0] * groups);
  Value rows = makeReshape(node, data, {shape[0], groups, rest});
  Value normal =
      make<LayerNormOp>(node, {rows, makeOnes(node)},
                        Attributes(node).integer("axis", 2).real(
                            "epsilon", node.getFloat("epsilon", 1e-5f)));
  if (!normal)
    return failure();
  int64_t parameters = countElements(shapeOf((*inputs)[1])).value_or(0);
  bool perChannel = parameters == channels;
  if (!perChannel && parameters != groups)
    return node.error() << "has " << parameters << " scales for " << channels
                        << " channels";
  int64_t blocks = perChannel ? channels : groups;
  Value blocked =
      makeReshape(node, normal, {shape[0], blocks, rest * groups / blocks});
  Value scale = makeReshape(node, (*inputs)[1], {blocks, 1});
  Value shift = makeReshape(node, (*inputs)[2], {blocks, 1});
  Value result =
      make<AddOp>(node, {make<MulOp>(node, {blocked, scale}), shift});
  return node.defineIfBuilt(result ? makeReshape(node, result, shape) : result);
}
static LogicalResult importInstanceNormalization(Node &node) {
  return importGroups(node, 0);
}
static LogicalResult importGroupNormalization(Node &node) {
  int64_t groups = node.getInt("num_groups", 0);
  if (groups < 1)
    return node.error() << "num_groups must be positive";
  return importGroups(node, groups);
}

/// x / norm(x) along one dimension; 0 where the norm is 0.
static LogicalResult importLpNormalization(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", -1), shapeOf(*data).size());
  int64_t p = node.getInt("p", 2);
  if (failed(axis))
    return failure();
  if (p != 1 && p != 2)
    return node.error() << "has the norm p = " << p << "; 1 and 2 are known";
  Value powers =
      makeUnary(node, p == 1 ? UnaryKind::Abs : UnaryKind::Square, *data);
  if (!powers)
    return failure();
  Value norm = makeReduce(node, ReduceKind::Sum, powers, {*axis}, true);
  if (norm && p == 2)
    norm = makeUnary(node, UnaryKind::Sqrt, norm);
  // The smallest normal float32 leaves every other norm alone.
  if (norm)
    norm = makeClamp(node, norm, std::numeric_limits<float>::min(),
                     std::numeric_limits<float>::infinity());
  return node.defineIfBuilt(make<DivOp>(node, {*data, norm}));
}

static LogicalResult importLrn(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t size = node.getInt("size", 0);
  if (size < 1)
    return node.error() << "size must be positive";
  int64_t rank = shapeOf(*data).size();
  if (rank < 2)
    return node.error() << "the input must have a channel dimension";
  auto [forward, backward] = channelsLast(rank);
  Value last = rank > 2 ? makeTranspose(node, *data, forward) : *data;
  Value result = make<LrnOp>(node, last,
                             Attributes(node)
                                 .integer("size", size)
                                 .real("alpha", node.getFloat("alpha", 1e-4f))
                                 .real("beta", node.getFloat("beta", 0.75f))
                                 .real("bias", node.getFloat("bias", 1.0f)));
  if (result && rank > 2)
    result = makeTranspose(node, result, backward);
  return node.defineIfBuilt(result);
}

void onnx_import::addNormalizationHandlers(OpTable &table) {
  table["BatchNormalization"] = importBatchNormalization;
  table["LayerNormalization"] = importLayerNormalization;
  table["RMSNormalization"] = importRmsNormalization;
  table["InstanceNormalization"] = importInstanceNormalization;
  table["GroupNormalization"] = importGroupNormalization;
  table["LpNormalization"] = importLpNormalization;
  table["LRN"] = importLrn;
}
