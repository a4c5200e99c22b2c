//===- PoolIndices.cpp - Where the maxima of a pool lie -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The elements that one position of the window meets are a strided slice of the
// padded image. All slices side by side have the windows along a new dimension,
// whose greatest element has an index k; where k lies in the image follows from
// a table and from where the window lies.
//
//===----------------------------------------------------------------------===//

#include "Window.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The input with -infinity around it, which no maximum is.
static Value padForMaximum(Node &node, Value input, const Window &window) {
  const std::array<int64_t, 4> &pads = window.pads;
  if (pads == std::array<int64_t, 4>{0, 0, 0, 0})
    return input;
  return makePad(node, input, {0, 0, pads[0], pads[1]},
                 {0, 0, pads[2], pads[3]}, PadMode::Constant,
                 -std::numeric_limits<float>::infinity());
}

/// For every window the index k of its greatest element, the first of equals:
/// `[N, C, OH, OW, 1]`.
static Value findMaxima(Node &node, Value padded, const Window &window,
                        ArrayRef<int64_t> result) {
  Shape strides = {1, 1, window.strides[0], window.strides[1]};
  Shape column(result);
  column.push_back(1);
  SmallVector<Value> columns;
  for (int64_t y = 0; y < window.kernel[0]; ++y)
    for (int64_t x = 0; x < window.kernel[1]; ++x) {
      Value slice =
          makeSlice(node, padded,
                    {0, 0, y * window.dilations[0], x * window.dilations[1]},
                    result, strides);
      if (!slice)
        return {};
      columns.push_back(makeReshape(node, slice, column));
    }
  MLIRContext *context = node.builder().getContext();
  return make<ArgReduceOp>(
      node, make<ConcatOp>(node, columns, Attributes(node).integer("axis", 4)),
      Attributes(node)
          .set("kind", ReduceKindAttr::get(context, ReduceKind::Max))
          .integer("axis", 4));
}

Value onnx_import::makePoolIndices(Node &node, Value input,
                                   const Window &window) {
  Shape in(shapeOf(input));
  constexpr int64_t limit = int64_t(1) << 24;
  if (countElements(in).value_or(limit + 1) > limit) {
    node.error() << "output Indices counts more than 2^24 elements, which "
                    "float32 cannot hold exactly";
    return {};
  }
  Value padded = padForMaximum(node, input, window);
  if (!padded)
    return {};
  Shape result(in);
  for (int d = 0; d < 2; ++d)
    result[2 + d] =
        (shapeOf(padded)[2 + d] - window.reach(d)) / window.strides[d] + 1;
  Value maxima = findMaxima(node, padded, window, result);
  if (!maxima)
    return {};

  // Row-major within an image, or column-major.
  bool rowMajor = node.getInt("storage_order", 0) == 0;
  int64_t stepY = rowMajor ? in[3] : 1, stepX = rowMajor ? 1 : in[2];
  std::vector<float> numbers, offsets, windows, planes;
  for (int64_t y = 0; y < window.kernel[0]; ++y)
    for (int64_t x = 0; x < window.kernel[1]; ++x)
      offsets.push_back(y * window.dilations[0] * stepY +
                        x * window.dilations[1] * stepX);
  for (int64_t y = 0; y < result[2]; ++y)
    for (int64_t x = 0; x < result[3]; ++x)
      windows.push_back((y * window.strides[0] - window.pads[0]) * stepY +
                        (x * window.strides[1] - window.pads[1]) * stepX);
  for (int64_t plane = 0; plane < in[0] * in[1]; ++plane)
    planes.push_back(plane * in[2] * in[3]);
  int64_t count = offsets.size();
  numbers.resize(count);
  std::iota(numbers.begin(), numbers.end(), 0.0f);

  auto constant = [&](StringRef what, ArrayRef<int64_t> shape,
                      ArrayRef<float> values) {
    return makeConstant(node, node.getName() + "/" + what.str(), shape, values);
  };
  MLIRContext *context = node.builder().getContext();
  Value isMaximum = make<CompareOp>(
      node, {maxima, constant("positions", {1, 1, 1, 1, count}, numbers)},
      Attributes(node).set("kind",
                           CompareKindAttr::get(context, CompareKind::Equal)));
  Value offset = make<MulOp>(
      node, {isMaximum, constant("offsets", {1, 1, 1, 1, count}, offsets)});
  Value within =
      offset ? makeReduce(node, ReduceKind::Sum, offset, {4}, false) : offset;
  Value inPlane = make<AddOp>(
      node,
      {within, constant("windows", {1, 1, result[2], result[3]}, windows)});
  return make<AddOp>(
      node, {inPlane, constant("planes", {in[0], in[1], 1, 1}, planes)});
}
