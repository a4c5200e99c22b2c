//===- ImportVolumes.cpp - ONNX ops over three spatial dimensions ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The dialect has windows over two dimensions. A maximum or mean over a box is
// one over its plane and then one over its depth; a convolution is a sum of
// two-dimensional ones, one for each plane of its kernel.
//
//===----------------------------------------------------------------------===//

#include "Window.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// A window over the depth alone, as a window over a height and a width of 1.
static FailureOr<Window> readDepthWindow(Node &node, ArrayRef<int64_t> input,
                                         ArrayRef<int64_t> kernel,
                                         bool ceilMode) {
  FailureOr<Window> line = readWindow(node, input, kernel, ceilMode, 0, 1);
  if (failed(line))
    return failure();
  std::swap(line->kernel[0], line->kernel[1]);
  std::swap(line->strides[0], line->strides[1]);
  std::swap(line->dilations[0], line->dilations[1]);
  std::swap(line->pads[0], line->pads[1]);
  std::swap(line->pads[2], line->pads[3]);
  return line;
}

static Value makePool(Node &node, Value input, const Window &floored,
                      const Window &window, bool isMax) {
  if (!isMax)
    return makeAveragePool(node, input, floored, window,
                           node.getInt("count_include_pad", 0));
  return toNchw(node, make<MaxPool2DOp>(node, toNhwc(node, input),
                                        getPoolAttributes(node, window)));
}

LogicalResult onnx_import::importVolumePool(Node &node, Value input,
                                            bool isMax) {
  Shape shape(shapeOf(input));
  FailureOr<Shape> kernel = readKernel(node, {}, 3);
  if (failed(kernel))
    return failure();
  bool ceilMode = node.getInt("ceil_mode", 0);
  FailureOr<Window> plane = readWindow(node, shape, *kernel, ceilMode, 1, 2);
  FailureOr<Window> planeFloored =
      readWindow(node, shape, *kernel, false, 1, 2);
  FailureOr<Window> depth = readDepthWindow(node, shape, *kernel, ceilMode);
  FailureOr<Window> depthFloored = readDepthWindow(node, shape, *kernel, false);
  if (failed(plane) || failed(planeFloored) || failed(depth) ||
      failed(depthFloored))
    return failure();
  int64_t batch = shape[0], channels = shape[1];
  Value planes = makeReshape(node, input,
                             {batch, channels * shape[2], shape[3], shape[4]});
  Value pooled = makePool(node, planes, *planeFloored, *plane, isMax);
  if (!pooled)
    return failure();
  int64_t height = shapeOf(pooled)[2], width = shapeOf(pooled)[3];
  Value lines =
      makeReshape(node, pooled, {batch, channels, shape[2], height * width});
  Value result = makePool(node, lines, *depthFloored, *depth, isMax);
  if (!result)
    return failure();
  return node.defineIfBuilt(makeReshape(
      node, result, {batch, channels, shapeOf(result)[2], height, width}));
}

/// Plane `k` of the weights `[M, C / groups, KD, KH, KW]`, as `[M, KH, KW, C /
/// groups]`: on the host where they are known.
static Value getWeightPlane(Node &node, ArrayRef<int64_t> weights, int64_t k) {
  Shape plane = {weights[0], weights[3], weights[4], weights[1]};
  if (const HostTensor *tensor = node.host(1); tensor && tensor->isFloat()) {
    Shape strides = getStrides(weights);
    Shape order = {strides[0], strides[3], strides[4], strides[1]};
    return makeConstant(
        node, node.getProto().input(1),
        tensor->gathered(plane, makeIndexMap(plane, order, k * strides[2])));
  }
  FailureOr<Value> value = node.value(1);
  if (failed(value))
    return {};
  Shape sizes(weights);
  sizes[2] = 1;
  Value slice = makeSlice(node, *value, {0, 0, k, 0, 0}, sizes, Shape(5, 1));
  Value moved = makeTranspose(node, slice, {0, 2, 3, 4, 1});
  return moved ? makeReshape(node, moved, plane) : moved;
}

LogicalResult onnx_import::importVolumeConv(Node &node, ArrayRef<int64_t> input,
                                            ArrayRef<int64_t> weights) {
  FailureOr<Shape> kernel = readKernel(node, weights, 3);
  if (failed(kernel))
    return failure();
  FailureOr<Window> plane = readWindow(node, input, *kernel, false, 1, 2);
  FailureOr<Window> depth = readDepthWindow(node, input, *kernel, false);
  FailureOr<Value> data = node.value(0);
  FailureOr<Value> bias = readBias(node, 2, weights[0]);
  if (failed(plane) || failed(depth) || failed(data) || failed(bias))
    return failure();
  int64_t low = depth->pads[0], high = depth->pads[2];
  int64_t room = input[2] + low + high - depth->reach(0);
  if (room < 0)
    return node.error() << "a window of depth " << depth->reach(0)
                        << " does not fit into the padded depth "
                        << input[2] + low + high;
  int64_t planes = room / depth->strides[0] + 1;
  Value volume = makeTranspose(node, *data, {0, 2, 3, 4, 1});
  if (low > 0 || high > 0)
    volume = makePad(node, volume, {0, low, 0, 0, 0}, {0, high, 0, 0, 0});
  Value sum;
  for (int64_t k = 0; k < (*kernel)[0]; ++k) {
    Value slice = makeSlice(node, volume, {0, k * depth->dilations[0], 0, 0, 0},
                            {input[0], planes, input[3], input[4], input[1]},
                            {1, depth->strides[0], 1, 1, 1});
    if (!slice)
      return failure();
    Value images = makeReshape(
        node, slice, {input[0] * planes, input[3], input[4], input[1]});
    Value part = makeConv(node, images, getWeightPlane(node, weights, k),
                          k == 0 ? *bias : Value(), *plane);
    sum = k == 0 ? part : make<AddOp>(node, {sum, part});
    if (!sum)
      return failure();
  }
  ArrayRef<int64_t> out = shapeOf(sum);
  Value result =
      makeReshape(node, sum, {input[0], planes, out[1], out[2], weights[0]});
  return node.defineIfBuilt(makeTranspose(node, result, {0, 4, 1, 2, 3}));
}
