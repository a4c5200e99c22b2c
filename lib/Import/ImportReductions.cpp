//===- ImportReductions.cpp - ONNX reductions and softmax -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Build.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The axes of a reduction: an attribute, later an input; all where there are
/// none, unless the model says that none means none.
static FailureOr<Shape> readReductionAxes(Node &node, int64_t rank) {
  FailureOr<std::optional<Shape>> given = node.intsOf("axes", 1);
  if (failed(given))
    return failure();
  if (*given && !(*given)->empty())
    return normalizeAxes(node, **given, rank);
  Shape axes;
  if (!node.getInt("noop_with_empty_axes", 0))
    for (int64_t d = 0; d < rank; ++d)
      axes.push_back(d);
  return axes;
}

/// How the data is prepared, reduced and finished.
struct Reduction {
  std::optional<UnaryKind> before;
  ReduceKind kind;
  std::optional<UnaryKind> after;
};

static LogicalResult importReduction(Node &node, Reduction reduction) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  FailureOr<Shape> axes = readReductionAxes(node, shapeOf(*data).size());
  if (failed(axes))
    return failure();
  Value result = *data;
  if (reduction.before)
    result = makeUnary(node, *reduction.before, result);
  if (!axes->empty())
    result = makeReduce(node, reduction.kind, result, *axes,
                        node.getInt("keepdims", 1));
  if (reduction.after && result)
    result = makeUnary(node, *reduction.after, result);
  return node.defineIfBuilt(result);
}

template <ReduceKind kind> static LogicalResult importReduce(Node &node) {
  return importReduction(node, {std::nullopt, kind, std::nullopt});
}
static LogicalResult importReduceL1(Node &node) {
  return importReduction(node, {UnaryKind::Abs, ReduceKind::Sum, std::nullopt});
}
static LogicalResult importReduceL2(Node &node) {
  return importReduction(node,
                         {UnaryKind::Square, ReduceKind::Sum, UnaryKind::Sqrt});
}
static LogicalResult importReduceSumSquare(Node &node) {
  return importReduction(node,
                         {UnaryKind::Square, ReduceKind::Sum, std::nullopt});
}
static LogicalResult importReduceLogSum(Node &node) {
  return importReduction(node, {std::nullopt, ReduceKind::Sum, UnaryKind::Log});
}
static LogicalResult importReduceLogSumExp(Node &node) {
  return importReduction(node,
                         {UnaryKind::Exp, ReduceKind::Sum, UnaryKind::Log});
}

/// The product along one dimension, half times half until one is left.
static Value multiplyAlong(Node &node, Value data, int64_t axis) {
  Shape starts(shapeOf(data).size(), 0), steps(shapeOf(data).size(), 1);
  auto part = [&](Value value, int64_t first, int64_t size) {
    Shape sizes(shapeOf(value));
    starts[axis] = first;
    sizes[axis] = size;
    return makeSlice(node, value, starts, sizes, steps);
  };
  while (data && shapeOf(data)[axis] > 1) {
    int64_t extent = shapeOf(data)[axis], half = extent / 2;
    Value product =
        make<MulOp>(node, {part(data, 0, half), part(data, half, half)});
    if (extent % 2)
      product = make<ConcatOp>(node, {product, part(data, extent - 1, 1)},
                               Attributes(node).integer("axis", axis));
    data = product;
  }
  return data;
}

static LogicalResult importReduceProd(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Shape shape(shapeOf(*data));
  FailureOr<Shape> axes = readReductionAxes(node, shape.size());
  if (failed(axes))
    return failure();
  Value result = *data;
  for (int64_t axis : llvm::reverse(*axes)) {
    result = multiplyAlong(node, result, axis);
    shape[axis] = 1;
    if (!node.getInt("keepdims", 1))
      shape.erase(shape.begin() + axis);
  }
  return node.defineIfBuilt(result ? makeReshape(node, result, shape) : result);
}

/// Before opset 13 softmax sees a matrix: the dimensions before `axis` are its
/// rows, the others its columns. Since then it works along `axis` alone.
static LogicalResult importSoftmax(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  bool isMatrix = node.opset() < 13;
  Shape shape(shapeOf(*data));
  int64_t rank = shape.size();
  int64_t given = node.getInt("axis", isMatrix ? 1 : -1);
  int64_t axis = given < 0 ? given + rank : given;
  // Axis `rank` is legal in the old form: every row has one column.
  if (axis < 0 || axis > rank || (!isMatrix && axis == rank))
    return node.error() << "axis " << given
                        << " does not exist in a tensor of rank " << rank;
  bool isLog = node.getOpType() == "LogSoftmax";
  int64_t rows = 1, columns = 1, after = 1;
  for (int64_t d = 0; d < rank; ++d) {
    (d < axis ? rows : columns) *= shape[d];
    after *= d > axis ? shape[d] : 1;
  }
  auto softmax = [&](Value input, int64_t along) {
    return make<SoftmaxOp>(
        node, input,
        Attributes(node).integer("axis", along).unit("log", isLog));
  };
  if (axis < rank && (!isMatrix || after == 1))
    return node.defineIfBuilt(softmax(*data, axis));
  Value matrix = makeReshape(node, *data, {rows, columns});
  Value result = softmax(matrix, 1);
  if (!result)
    return failure();
  return node.defineIfBuilt(makeReshape(node, result, shape));
}

void onnx_import::addReductionHandlers(OpTable &table) {
  table["ReduceMean"] = importReduce<ReduceKind::Mean>;
  table["ReduceSum"] = importReduce<ReduceKind::Sum>;
  table["ReduceMax"] = importReduce<ReduceKind::Max>;
  table["ReduceMin"] = importReduce<ReduceKind::Min>;
  table["ReduceProd"] = importReduceProd;
  table["ReduceL1"] = importReduceL1;
  table["ReduceL2"] = importReduceL2;
  table["ReduceSumSquare"] = importReduceSumSquare;
  table["ReduceLogSum"] = importReduceLogSum;
  table["ReduceLogSumExp"] = importReduceLogSumExp;
  table["Softmax"] = importSoftmax;
  table["LogSoftmax"] = importSoftmax;
}
