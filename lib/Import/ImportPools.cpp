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

Attributes onnx_import::getPoolAttributes(Node &node, const Window &window) {
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
    return node.error()
           << "output Indices is not supported; remove it, only the "
              "maxima are computed";
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size();
  if (rank == 5)
    return importVolumePool(node, *data, /*isMax=*/true);
  FailureOr<Window> window =
      readPool(node, shapeOf(*data), node.getInt("ceil_mode", 0));
  if (failed(window))
    return failure();
  Value result = make<MaxPool2DOp>(node, toNhwc(node, withHeight(node, *data)),
                                   getPoolAttributes(node, *window));
  return node.defineIfBuilt(dropHeight(node, toNchw(node, result), rank));
}

Value onnx_import::makeAveragePool(Node &node, Value input,
                                   const Window &floored, Window window,
                                   bool countPad) {
  Value nhwc = toNhwc(node, input);
  // The pads that the model gives count; those that only round the extent up do
  // not. Where there are both, the former become part of the image.
  if (countPad && window.pads != floored.pads) {
    const std::array<int64_t, 4> &pads = floored.pads;
    Shape low = {0, pads[0], pads[1], 0}, high = {0, pads[2], pads[3], 0};
    if (pads != std::array<int64_t, 4>{0, 0, 0, 0})
      nhwc = makePad(node, nhwc, low, high);
    for (int i = 0; i < 4; ++i)
      window.pads[i] -= pads[i];
    countPad = false;
  }
  bool padded = window.pads != std::array<int64_t, 4>{0, 0, 0, 0};
  Attributes attributes = getPoolAttributes(node, window);
  attributes.unit("count_include_pad", countPad && padded);
  return toNchw(node, make<AvgPool2DOp>(node, nhwc, attributes));
}

static LogicalResult importAveragePool(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size();
  if (rank == 5)
    return importVolumePool(node, *data, /*isMax=*/false);
  FailureOr<Window> floored = readPool(node, shapeOf(*data), false);
  if (failed(floored))
    return failure();
  FailureOr<Window> window =
      readPool(node, shapeOf(*data), node.getInt("ceil_mode", 0));
  if (failed(window))
    return failure();
  Value result = makeAveragePool(node, withHeight(node, *data), *floored,
                                 *window, node.getInt("count_include_pad", 0));
  return node.defineIfBuilt(dropHeight(node, result, rank));
}

/// (sum |x|^p)^(1/p) over each window: a mean times the number of elements. A p
/// that is a power of two takes as many squares and roots.
static LogicalResult importLpPool(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  int64_t rank = shapeOf(*data).size(), p = node.getInt("p", 2);
  if (p != 1 && p != 2 && p != 4)
    return node.error() << "has the norm p = " << p << "; 1, 2 and 4 are known";
  FailureOr<Window> window =
      readPool(node, shapeOf(*data), node.getInt("ceil_mode", 0));
  if (failed(window))
    return failure();
  Value powers = *data;
  if (p == 1)
    powers = makeUnary(node, UnaryKind::Abs, powers);
  for (int64_t power = p; powers && power > 1; power /= 2)
    powers = makeUnary(node, UnaryKind::Square, powers);
  // Zeros around the image change no sum.
  Value mean = makeAveragePool(node, withHeight(node, powers), *window, *window,
                               /*countPad=*/true);
  float count = static_cast<float>(window->kernel[0] * window->kernel[1]);
  Value sum = make<MulOp>(node, {mean, makeScalar(node, count)});
  for (int64_t power = p; sum && power > 1; power /= 2)
    sum = makeUnary(node, UnaryKind::Sqrt, sum);
  return node.defineIfBuilt(dropHeight(node, sum, rank));
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
  table["LpPool"] = importLpPool;
  table["GlobalAveragePool"] = importGlobalPool<ReduceKind::Mean>;
  table["GlobalMaxPool"] = importGlobalPool<ReduceKind::Max>;
}
