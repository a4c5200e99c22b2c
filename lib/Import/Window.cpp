//===- Window.cpp - Kernels, strides and pads of ONNX windows -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

LogicalResult onnx_import::checkSpatialRank(Node &node,
                                            ArrayRef<int64_t> input) {
  if (input.size() != 3 && input.size() != 4)
    return node.error() << "the input has shape [" << input
                        << "]; only one and two spatial dimensions ([N, C, L] "
                           "and [N, C, H, W]) are supported";
  return success();
}

Shape onnx_import::withHeight(ArrayRef<int64_t> shape) {
  Shape result(shape);
  if (result.size() == 3)
    result.insert(result.begin() + 2, 1);
  return result;
}

Value onnx_import::withHeight(Node &node, Value input) {
  return input ? makeReshape(node, input, withHeight(shapeOf(input))) : Value();
}

Value onnx_import::dropHeight(Node &node, Value output, int64_t rank) {
  if (!output || rank == 4)
    return output;
  ArrayRef<int64_t> shape = shapeOf(output);
  return makeReshape(node, output, {shape[0], shape[1], shape[3]});
}

FailureOr<Shape> onnx_import::readKernel(Node &node, ArrayRef<int64_t> weights,
                                         int64_t spatialRank) {
  std::optional<Shape> kernel = node.getInts("kernel_shape");
  if (!weights.empty()) {
    ArrayRef<int64_t> actual = weights.drop_front(2);
    if (kernel && ArrayRef(*kernel) != actual)
      return node.error() << "kernel_shape [" << ArrayRef<int64_t>(*kernel)
                          << "] contradicts weights of shape [" << weights
                          << "]";
    kernel = Shape(actual);
  }
  if (!kernel || static_cast<int64_t>(kernel->size()) != spatialRank)
    return node.error() << "kernel_shape must have one extent for each of the "
                        << spatialRank << " spatial dimensions";
  return *kernel;
}

/// A list attribute with `count` entries; `fallback` for each where absent.
static FailureOr<Shape> readList(Node &node, StringRef name, size_t count,
                                 int64_t fallback) {
  std::optional<Shape> list = node.getInts(name);
  if (!list || list->empty())
    return Shape(count, fallback);
  if (list->size() != count)
    return node.error() << name << " has " << list->size()
                        << " entries instead of " << count;
  for (int64_t entry : *list)
    if (entry < 0 || entry > (int64_t(1) << 24))
      return node.error() << name << " has the entry " << entry
                          << ", which is negative or too large";
  return *list;
}

FailureOr<Window> onnx_import::readWindow(Node &node, ArrayRef<int64_t> input,
                                          ArrayRef<int64_t> kernel,
                                          bool ceilMode, size_t first,
                                          size_t count) {
  size_t rank = kernel.size();
  FailureOr<Shape> strides = readList(node, "strides", rank, 1);
  FailureOr<Shape> dilations = readList(node, "dilations", rank, 1);
  FailureOr<Shape> pads = readList(node, "pads", 2 * rank, 0);
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();

  Window window;
  size_t lead = 2 - count; // 1 where a height is made up
  window.kernel.fill(1);
  window.strides.fill(1);
  window.dilations.fill(1);
  window.pads.fill(0);
  std::string autoPad = node.getString("auto_pad", "NOTSET");
  for (size_t i = first; i < first + count; ++i) {
    size_t d = lead + i - first;
    window.kernel[d] = kernel[i];
    window.strides[d] = (*strides)[i];
    window.dilations[d] = (*dilations)[i];
    int64_t &begin = window.pads[d], &end = window.pads[d + 2];
    if (window.kernel[d] < 1 || window.strides[d] < 1 ||
        window.dilations[d] < 1 || window.kernel[d] > (int64_t(1) << 24))
      return node.error() << "kernel extents, strides and dilations must be "
                             "positive (and kernels below 2^24)";
    int64_t extent = input[2 + i], reach = window.reach(d);
    int64_t stride = window.strides[d];
    if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
      int64_t out = (extent + stride - 1) / stride;
      int64_t total = std::max<int64_t>(0, (out - 1) * stride + reach - extent);
      begin = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    } else if (autoPad == "NOTSET" || autoPad.empty()) {
      begin = (*pads)[i];
      end = (*pads)[rank + i];
    } else if (autoPad != "VALID") {
      return node.error() << "auto_pad '" << autoPad << "' is unknown";
    }
    int64_t room = extent + begin + end - reach;
    if (!ceilMode || room < 0)
      continue;
    int64_t out = (room + stride - 1) / stride + 1;
    // A last window that would start in the padding at the end is dropped.
    if ((out - 1) * stride >= extent + begin)
      --out;
    end = std::max(end, (out - 1) * stride + reach - extent - begin);
  }
  return window;
}
