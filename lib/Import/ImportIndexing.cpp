//===- ImportIndexing.cpp - ONNX ops that read or make indices ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Build.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// Defines the output as elements of the first input, which `map` numbers in
/// row-major order.
static LogicalResult defineElements(Node &node, ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> map) {
  if (const HostTensor *tensor = node.host(0))
    return node.define(0, tensor->gathered(shape, map));
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t count = countElements(shapeOf(*data)).value_or(0);
  Value flat = makeReshape(node, *data, {count});
  if (!flat)
    return failure();
  Value gathered = make<GatherOp>(
      node, flat, Attributes(node).ints("indices", map).integer("axis", 0));
  return node.defineIfBuilt(gathered ? makeReshape(node, gathered, shape)
                                     : gathered);
}

/// An index counted from the front, or a diagnostic.
static FailureOr<int64_t> normalizeIndex(Node &node, int64_t index,
                                         int64_t extent, int64_t axis) {
  int64_t normal = index < 0 ? index + extent : index;
  if (normal < 0 || normal >= extent)
    return node.error() << "index " << index << " is outside of dimension "
                        << axis << ", which has " << extent << " elements";
  return normal;
}

/// One element for every index: its position, but for dimension `axis`.
static LogicalResult importGatherElements(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0), shape = node.shape(1),
                   indices = node.ints(1, "the indices");
  if (failed(input) || failed(shape) || failed(indices))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 0), input->size());
  if (failed(axis))
    return failure();
  bool fits = shape->size() == input->size();
  for (size_t d = 0; fits && d < shape->size(); ++d)
    fits = int64_t(d) == *axis || (*shape)[d] <= (*input)[d];
  if (!fits)
    return node.error() << "indices of shape [" << ArrayRef<int64_t>(*shape)
                        << "] reach outside of data of shape ["
                        << ArrayRef<int64_t>(*input) << "]";
  Shape strides = getStrides(*input), others(strides);
  others[*axis] = 0;
  std::vector<int64_t> map = makeIndexMap(*shape, others);
  for (auto [entry, index] : llvm::zip_equal(map, *indices)) {
    FailureOr<int64_t> normal =
        normalizeIndex(node, index, (*input)[*axis], *axis);
    if (failed(normal))
      return failure();
    entry += *normal * strides[*axis];
  }
  return defineElements(node, *shape, map);
}

/// The last dimension of the indices holds the leading indices of a slice,
/// after `batch_dims` dimensions that both inputs share.
static LogicalResult importGatherNd(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0), shape = node.shape(1),
                   indices = node.ints(1, "the indices");
  if (failed(input) || failed(shape) || failed(indices))
    return failure();
  int64_t rank = input->size(), batch = node.getInt("batch_dims", 0);
  int64_t depth = shape->empty() ? 0 : shape->back();
  if (batch < 0 || depth < 1 || batch + depth > rank ||
      batch >= static_cast<int64_t>(shape->size()) ||
      ArrayRef(*shape).take_front(batch) != ArrayRef(*input).take_front(batch))
    return node.error() << "indices of shape [" << ArrayRef<int64_t>(*shape)
                        << "] do not fit data of shape ["
                        << ArrayRef<int64_t>(*input) << "] with " << batch
                        << " batch dimensions";
  Shape strides = getStrides(*input), outer(*shape);
  outer.pop_back();
  Shape batchStrides(outer.size(), 0);
  for (int64_t d = 0; d < batch; ++d)
    batchStrides[d] = strides[d];
  Shape inner(ArrayRef(*input).drop_front(batch + depth)), result(outer);
  result.append(inner.begin(), inner.end());
  std::optional<int64_t> count = countElements(result);
  if (!count || *count > kMaxComputedElements)
    return node.error() << "the result is too large";
  std::vector<int64_t> starts = makeIndexMap(outer, batchStrides);
  std::vector<int64_t> within =
      makeIndexMap(inner, ArrayRef<int64_t>(strides).drop_front(batch + depth));
  std::vector<int64_t> map;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t at = start;
    for (int64_t d = 0; d < depth; ++d) {
      FailureOr<int64_t> index = normalizeIndex(node, (*indices)[i * depth + d],
                                                (*input)[batch + d], batch + d);
      if (failed(index))
        return failure();
      at += *index * strides[batch + d];
    }
    for (int64_t offset : within)
      map.push_back(at + offset);
  }
  return defineElements(node, result, map);
}

template <ReduceKind kind> static LogicalResult importArgReduce(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", 0), shapeOf(*data).size());
  if (failed(axis))
    return failure();
  MLIRContext *context = node.builder().getContext();
  Value result =
      make<ArgReduceOp>(node, *data,
                        Attributes(node)
                            .set("kind", ReduceKindAttr::get(context, kind))
                            .integer("axis", *axis)
                            .unit("last", node.getInt("select_last_index", 0)));
  if (!result)
    return failure();
  Shape shape(shapeOf(result));
  if (!node.getInt("keepdims", 1))
    shape.erase(shape.begin() + *axis);
  return node.defineIfBuilt(makeReshape(node, result, shape));
}

/// The k largest or smallest elements in order: the best one k times, each time
/// without those found before.
static LogicalResult importTopK(Node &node) {
  FailureOr<Value> data = node.numbers(0);
  if (failed(data))
    return failure();
  FailureOr<std::optional<Shape>> given = std::optional<Shape>();
  if (node.hasInput(1))
    given = node.intsOf("k", 1);
  else if (const onnx::AttributeProto *k = node.attribute("k"))
    given = std::optional<Shape>(Shape{k->i()});
  Shape shape(shapeOf(*data));
  FailureOr<int64_t> axis =
      normalizeAxis(node, node.getInt("axis", -1), shape.size());
  if (failed(given) || failed(axis))
    return failure();
  constexpr int64_t limit = 64;
  int64_t k = *given && (*given)->size() == 1 ? (*given)->front() : 0;
  if (k < 1 || k > std::min(limit, shape[*axis]))
    return node.error() << "takes the " << k << " best of " << shape[*axis]
                        << " elements; between 1 and " << limit
                        << " of them are supported";
  MLIRContext *context = node.builder().getContext();
  bool isMax = node.getInt("largest", 1);
  ReduceKind kind = isMax ? ReduceKind::Max : ReduceKind::Min;
  float worst = std::numeric_limits<float>::infinity() * (isMax ? -1 : 1);
  std::vector<float> numbers(shape[*axis]);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  Shape line(shape.size(), 1);
  line[*axis] = shape[*axis];
  Value positions =
      makeConstant(node, node.getName() + "/positions", line, numbers);
  Value left = *data;
  SmallVector<Value> values, indices;
  for (int64_t i = 0; i < k && left; ++i) {
    Value index =
        make<ArgReduceOp>(node, left,
                          Attributes(node)
                              .set("kind", ReduceKindAttr::get(context, kind))
                              .integer("axis", *axis));
    values.push_back(makeReduce(node, kind, left, {*axis}, true));
    indices.push_back(index);
    Value found = make<CompareOp>(
        node, {positions, index},
        Attributes(node).set(
            "kind", CompareKindAttr::get(context, CompareKind::Equal)));
    left = make<SelectOp>(node, {found, makeScalar(node, worst), left});
  }
  Attributes along = Attributes(node).integer("axis", *axis);
  Value best = make<ConcatOp>(node, values, along);
  Value places = make<ConcatOp>(node, indices, along);
  if (!best || !places || failed(node.define(0, best)))
    return failure();
  return node.define(1, places, onnx::TensorProto::INT64);
}

void onnx_import::addIndexingHandlers(OpTable &table) {
  table["GatherElements"] = importGatherElements;
  table["GatherND"] = importGatherNd;
  table["TopK"] = importTopK;
  table["ArgMax"] = importArgReduce<ReduceKind::Max>;
  table["ArgMin"] = importArgReduce<ReduceKind::Min>;
}
