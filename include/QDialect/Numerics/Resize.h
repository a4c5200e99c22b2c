//===- Resize.h - Coordinates and weights of resizing -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_RESIZE_H
#define QDIALECT_NUMERICS_RESIZE_H

#include <cstdint>
#include <vector>

namespace q::numerics {

/// ONNX Resize's coordinate_transformation_mode: which input coordinate an
/// output index comes from, along one axis.
enum class CoordinateMode {
  /// (i + 1/2) / scale - 1/2
  HalfPixel,
  /// The same, but 0 if the output has one element.
  PytorchHalfPixel,
  /// i / scale
  Asymmetric,
  /// i * (in - 1) / (out - 1), 0 if the output has one element
  AlignCorners,
  /// HalfPixel moved so that the image's centre stays where it is although
  /// scale is not out / in.
  HalfPixelSymmetric,
  /// (i + 1/2) / scale
  TfHalfPixelForNn,
};

/// ONNX Resize's nearest_mode.
enum class NearestMode { RoundPreferFloor, RoundPreferCeil, Floor, Ceil };

/// One output element of linear interpolation along one axis:
/// (w0 * x[i0] + w1 * x[i1]) / 2^11, with w0 + w1 = 2^11 and w0, w1 >= 0.
///
/// Two axes multiply to 2^22, so that the weighted sum of four 8-bit values
/// stays below 2^30 and is exact in int32, to be rounded once.
struct LinearWeights {
  int64_t i0;
  int64_t i1;
  int32_t w0;
  int32_t w1;
};

/// log2 of the sum of a pair of linear weights.
constexpr unsigned linearWeightBits = 11;

/// The weights of all `out` output indices of an axis of `in` elements.
/// Coordinates outside the input are clamped to its edge. scale = 0 means out /
/// in; a model may give another one. in and out must be at least 1.
std::vector<LinearWeights> linearWeights(int64_t in, int64_t out,
                                         CoordinateMode mode, double scale = 0);

/// The input index of each output index for nearest-neighbour interpolation.
std::vector<int64_t> nearestIndices(int64_t in, int64_t out,
                                    CoordinateMode mode, NearestMode nearest,
                                    double scale = 0);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_RESIZE_H
