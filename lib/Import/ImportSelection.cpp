//===- ImportSelection.cpp - ONNX NonMaxSuppression -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX gives as many rows [batch, class, box] as there are boxes left. Shapes
// are static here: there are as many rows as there can be, and one that no box
// fills holds -1. Its columns are whole numbers in float32.
//
// One step takes the best box that is left of every batch and class at once,
// and then leaves out those that overlap it.
//
//===----------------------------------------------------------------------===//

#include "Build.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

static constexpr float kInfinity = std::numeric_limits<float>::infinity();

namespace {

/// Two corners and the area of boxes.
struct Boxes {
  Value top, left, bottom, right, area;
};

class Suppression {
public:
  Suppression(Node &node, int64_t batches, int64_t classes, int64_t boxes)
      : node(node), batches(batches), classes(classes), boxes(boxes) {}

  /// The rows, `[batches * classes * steps, 3]`; null after a diagnostic.
  Value run(Value boxTensor, Value scores, int64_t steps, float overlap,
            float threshold);

private:
  Value compare(CompareKind kind, Value lhs, Value rhs) {
    MLIRContext *context = node.builder().getContext();
    return make<CompareOp>(
        node, {lhs, rhs},
        Attributes(node).set("kind", CompareKindAttr::get(context, kind)));
  }
  Value numbers(StringRef what, ArrayRef<int64_t> shape, int64_t count) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 0.0f);
    return makeConstant(node, node.getName() + "/" + what.str(), shape, values);
  }
  Boxes readBoxes(Value tensor);
  /// The overlap of every box with the one of each batch and class.
  Value overlapWith(const Boxes &all, const Boxes &one);
  /// The one box where `found` is 1.
  Boxes pick(const Boxes &all, Value found);

  Node &node;
  int64_t batches, classes, boxes;
};

} // namespace

Boxes Suppression::readBoxes(Value tensor) {
  Value column[4];
  for (int64_t i = 0; i < 4; ++i) {
    Value slice =
        makeSlice(node, tensor, {0, 0, i}, {batches, boxes, 1}, {1, 1, 1});
    column[i] = slice ? makeReshape(node, slice, {batches, 1, boxes}) : Value();
  }
  Boxes result;
  if (node.getInt("center_point_box", 0)) {
    // x, y of the centre, width, height.
    Value half = makeScalar(node, 0.5f);
    Value width = make<MulOp>(node, {column[2], half});
    Value height = make<MulOp>(node, {column[3], half});
    result.left = make<SubOp>(node, {column[0], width});
    result.right = make<AddOp>(node, {column[0], width});
    result.top = make<SubOp>(node, {column[1], height});
    result.bottom = make<AddOp>(node, {column[1], height});
  } else {
    // y and x of two opposite corners, in any order.
    result.top = make<MinOp>(node, {column[0], column[2]});
    result.bottom = make<MaxOp>(node, {column[0], column[2]});
    result.left = make<MinOp>(node, {column[1], column[3]});
    result.right = make<MaxOp>(node, {column[1], column[3]});
  }
  result.area =
      make<MulOp>(node, {make<SubOp>(node, {result.bottom, result.top}),
                         make<SubOp>(node, {result.right, result.left})});
  return result;
}

Boxes Suppression::pick(const Boxes &all, Value found) {
  auto one = [&](Value values) {
    Value masked = make<MulOp>(node, {found, values});
    return masked ? makeReduce(node, ReduceKind::Sum, masked, {2}, true)
                  : masked;
  };
  return {one(all.top), one(all.left), one(all.bottom), one(all.right),
          one(all.area)};
}

Value Suppression::overlapWith(const Boxes &all, const Boxes &one) {
  auto extent = [&](Value lowA, Value lowB, Value highA, Value highB) {
    Value length = make<SubOp>(node, {make<MinOp>(node, {highA, highB}),
                                      make<MaxOp>(node, {lowA, lowB})});
    return length ? makeClamp(node, length, 0.0f, kInfinity) : length;
  };
  Value both =
      make<MulOp>(node, {extent(all.top, one.top, all.bottom, one.bottom),
                         extent(all.left, one.left, all.right, one.right)});
  Value either =
      make<SubOp>(node, {make<AddOp>(node, {all.area, one.area}), both});
  // 0 / 0 is no number, which is above no limit.
  return make<DivOp>(node, {both, either});
}

Value Suppression::run(Value boxTensor, Value scores, int64_t steps,
                       float overlap, float threshold) {
  MLIRContext *context = node.builder().getContext();
  Boxes all = readBoxes(boxTensor);
  Shape places = {batches, classes, 1};
  Value batch =
      makeExpand(node, numbers("batches", {batches, 1, 1}, batches), places);
  Value kind =
      makeExpand(node, numbers("classes", {1, classes, 1}, classes), places);
  Value positions = numbers("boxes", {1, 1, boxes}, boxes);
  Value none = makeScalar(node, -1.0f), worst = makeScalar(node, -kInfinity);
  Value least = makeScalar(node, threshold), limit = makeScalar(node, overlap);
  SmallVector<Value> rows;
  Value left = scores;
  for (int64_t step = 0; step < steps && left; ++step) {
    Value best = makeReduce(node, ReduceKind::Max, left, {2}, true);
    Value index = make<ArgReduceOp>(
        node, left,
        Attributes(node)
            .set("kind", ReduceKindAttr::get(context, ReduceKind::Max))
            .integer("axis", 2));
    Value row = make<ConcatOp>(node, {batch, kind, index},
                               Attributes(node).integer("axis", 2));
    Value isFilled = compare(CompareKind::Less, least, best);
    row = make<SelectOp>(node, {isFilled, row, none});
    if (!row)
      return {};
    rows.push_back(makeReshape(node, row, {batches, classes, 1, 3}));
    Value found = compare(CompareKind::Equal, positions, index);
    Value overlaps =
        compare(CompareKind::Less, limit, overlapWith(all, pick(all, found)));
    left = make<SelectOp>(node,
                          {make<MaxOp>(node, {found, overlaps}), worst, left});
  }
  Value table =
      left ? make<ConcatOp>(node, rows, Attributes(node).integer("axis", 2))
           : left;
  return table ? makeReshape(node, table, {batches * classes * steps, 3})
               : table;
}

static LogicalResult importNonMaxSuppression(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Value> boxes = node.value(0), scores = node.value(1);
  if (failed(boxes) || failed(scores))
    return failure();
  Shape boxShape(shapeOf(*boxes)), scoreShape(shapeOf(*scores));
  if (boxShape.size() != 3 || scoreShape.size() != 3 || boxShape[2] != 4 ||
      boxShape[0] != scoreShape[0] || boxShape[1] != scoreShape[2])
    return node.error() << "boxes of shape [" << ArrayRef<int64_t>(boxShape)
                        << "] and scores of shape ["
                        << ArrayRef<int64_t>(scoreShape)
                        << "] do not fit; they are [N, boxes, 4] and [N, "
                           "classes, boxes]";
  double numbers[] = {0, 0, -kInfinity};
  static constexpr StringRef names[] = {"max_output_boxes_per_class",
                                        "iou_threshold", "score_threshold"};
  for (int i = 0; i < 3; ++i) {
    if (!node.hasInput(2 + i))
      continue;
    FailureOr<double> number = node.scalar(2 + i, names[i]);
    if (failed(number))
      return failure();
    numbers[i] = *number;
  }
  int64_t steps =
      static_cast<int64_t>(std::min<double>(numbers[0], boxShape[1]));
  if (!(numbers[0] > 0))
    return node.define(0, HostTensor(onnx::TensorProto::INT64, {0, 3},
                                     std::vector<int64_t>()));
  constexpr int64_t limit = 256;
  if (steps > limit)
    return node.error() << "selects up to " << steps
                        << " boxes a class; at most " << limit
                        << " are supported: lower max_output_boxes_per_class, "
                           "or cut the model before it";
  Value rows = Suppression(node, boxShape[0], scoreShape[1], boxShape[1])
                   .run(*boxes, *scores, steps, numbers[1], numbers[2]);
  if (!rows)
    return failure();
  emitRemark(node.getLoc())
      << "gives " << shapeOf(rows)[0]
      << " rows, of which those that no box fills hold -1, as shapes are "
         "static";
  return node.define(0, rows, onnx::TensorProto::INT64);
}

void onnx_import::addSelectionHandlers(OpTable &table) {
  table["NonMaxSuppression"] = importNonMaxSuppression;
}
