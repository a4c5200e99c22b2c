//===- ImportPools.cpp - ONNX pools ---------------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// Attributes that all pools of the dialect share.
static Attributes getPoolAttributes(Node &node, const Window &window) {
  return Attributes(node)
      .ints("kernel", window.kernel)
      .ints("strides", window.strides)
      .ints("pads", window.pads)
      .ints("dilations", window.dilations);
}

/// The pool's window, over an input that has been checked.
static FailureOr<Window> readPool(Node &node, ArrayRef<int64_t> input,
                                  bool ceilMode) {
  if (failed(checkSpatialRank(node, input)))
    return failure();
  FailureOr<Shape> kernel = readKernel(node, {}, input.size() - 2);
  if (failed(kernel))
    return failure();
  return readWindow(node, input, *kernel, ceilMode);
}

static LogicalResult importMaxPool(Node &node) {
  if (node.wantsOutput(1))
    return node.error() << "output Indices is not supported; only the maxima "
                           "are computed";
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size();
  FailureOr<Window> window =
      readPool(node, shapeOf(*data), node.getInt("ceil_mode", 0));
  if (failed(window))
    return failure();
  Value result = make<MaxPool2DOp>(node, toNhwc(node, withHeight(node, *data)),
                                   getPoolAttributes(node, *window));
  return node.defineIfBuilt(dropHeight(node, toNchw(node, result), rank));
}

static LogicalResult importAveragePool(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size();
  bool countPad = node.getInt("count_include_pad", 0);
  FailureOr<Window> floored = readPool(node, shapeOf(*data), false);
  if (failed(floored))
    return failure();
  FailureOr<Window> window =
      readPool(node, shapeOf(*data), node.getInt("ceil_mode", 0));
  if (failed(window))
    return failure();
  Value nhwc = toNhwc(node, withHeight(node, *data));
  // The pads that the model gives count; those that only round the extent up do
  // not. Where there are both, the former become part of the image.
  if (countPad && window->pads != floored->pads) {
    const std::array<int64_t, 4> &pads = floored->pads;
    Shape low = {0, pads[0], pads[1], 0}, high = {0, pads[2], pads[3], 0};
    if (pads != std::array<int64_t, 4>{0, 0, 0, 0})
      nhwc = makePad(node, nhwc, low, high);
    for (int i = 0; i < 4; ++i)
      window->pads[i] -= pads[i];
    countPad = false;
  }
  bool padded = window->pads != std::array<int64_t, 4>{0, 0, 0, 0};
  Attributes attributes = getPoolAttributes(node, *window);
  attributes.unit("count_include_pad", countPad && padded);
  Value result = make<AvgPool2DOp>(node, nhwc, attributes);
  return node.defineIfBuilt(dropHeight(node, toNchw(node, result), rank));
}

template <ReduceKind kind> static LogicalResult importGlobalPool(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size();
  if (rank < 3)
    return node.error() << "the input must have spatial dimensions";
  Shape axes;
  for (int64_t d = 2; d < rank; ++d)
    axes.push_back(d);
  return node.defineIfBuilt(
      makeReduce(node, kind, *data, axes, /*keepDims=*/true));
}

void onnx_import::addPoolHandlers(OpTable &table) {
  table["MaxPool"] = importMaxPool;
  table["AveragePool"] = importAveragePool;
  table["GlobalAveragePool"] = importGlobalPool<ReduceKind::Mean>;
  table["GlobalMaxPool"] = importGlobalPool<ReduceKind::Max>;
}
