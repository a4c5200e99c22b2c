//===- Window.h - Kernels, strides and pads of ONNX windows -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_WINDOW_H
#define QDIALECT_LIB_IMPORT_WINDOW_H

#include "Build.h"

#include <array>

namespace q::onnx_import {

/// A sliding window over two spatial dimensions. One-dimensional ops become
/// two-dimensional ones of height 1.
struct Window {
  std::array<int64_t, 2> kernel, strides, dilations;
  /// Top, left, bottom, right: the order of ONNX and of the q dialect.
  std::array<int64_t, 4> pads;

  /// How far the window reaches along dimension `d`.
  int64_t reach(int d) const { return dilations[d] * (kernel[d] - 1) + 1; }
};

/// Reads strides, dilations, pads and auto_pad of a convolution or pool over an
/// input `[N, C, ...]` whose kernel has the extents `kernel` (as many as there
/// are spatial dimensions). `ceilMode` makes the bottom and right pads such
/// that flooring gives ONNX's rounded-up extents. The window is that over the
/// `count` spatial dimensions from `first` on, all of them where there are up
/// to two.
mlir::FailureOr<Window> readWindow(Node &node, llvm::ArrayRef<int64_t> input,
                                   llvm::ArrayRef<int64_t> kernel,
                                   bool ceilMode, size_t first, size_t count);
inline mlir::FailureOr<Window> readWindow(Node &node,
                                          llvm::ArrayRef<int64_t> input,
                                          llvm::ArrayRef<int64_t> kernel,
                                          bool ceilMode) {
  return readWindow(node, input, kernel, ceilMode, 0, kernel.size());
}

/// The attributes that a pool of the dialect takes from its window.
Attributes getPoolAttributes(Node &node, const Window &window);
/// The means of the windows over `input`, `[N, C, H, W]`. `floored` is the
/// window without ceil mode: only its pads can count as elements.
mlir::Value makeAveragePool(Node &node, mlir::Value input,
                            const Window &floored, Window window,
                            bool countPad);

/// The row-major (or, with storage_order, column-major) indices of the maxima
/// of the windows over `input`, `[N, C, H, W]`, as whole float32 numbers;
/// ONNX's second output of MaxPool. Null after a diagnostic.
mlir::Value makePoolIndices(Node &node, mlir::Value input,
                            const Window &window);

/// A convolution in the layout of the dialect; its groups are the node's. The
/// bias may be null.
mlir::Value makeConv(Node &node, mlir::Value nhwc, mlir::Value ohwi,
                     mlir::Value bias, const Window &window);
/// Bias input `index`, which must have one element for each of `channels`; null
/// where there is none.
mlir::FailureOr<mlir::Value> readBias(Node &node, int index, int64_t channels);

/// Convolutions and pools over `[N, C, D, H, W]`, in terms of those over two
/// dimensions.
mlir::LogicalResult importVolumeConv(Node &node, llvm::ArrayRef<int64_t> input,
                                     llvm::ArrayRef<int64_t> weights);
mlir::LogicalResult importVolumePool(Node &node, mlir::Value input, bool isMax);

/// The kernel's extents from `kernel_shape`; for layers they must agree with
/// the weights, which stand in where the attribute is absent.
mlir::FailureOr<Shape> readKernel(Node &node, llvm::ArrayRef<int64_t> weights,
                                  int64_t spatialRank);

/// A tensor or shape with one spatial dimension, with a height of 1.
Shape withHeight(llvm::ArrayRef<int64_t> shape);
mlir::Value withHeight(Node &node, mlir::Value input);
/// Takes the height of 1 away again where the model had none.
mlir::Value dropHeight(Node &node, mlir::Value output, int64_t rank);

/// Fails unless the input is `[N, C, L]` or `[N, C, H, W]`.
mlir::LogicalResult checkSpatialRank(Node &node, llvm::ArrayRef<int64_t> input);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_WINDOW_H
