//===- Interpolation.h - Resizing along one dimension -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX's Resize in its general form, one dimension after the other: what the
// dialect's q.resize does not have (cubic, antialias, cropping, dimensions
// other than height and width) is a linear map of each line.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_INTERPOLATION_H
#define QDIALECT_LIB_IMPORT_INTERPOLATION_H

#include <cstdint>
#include <string>
#include <vector>

namespace q::onnx_import {

/// How the elements of a line of `in` become one of `out`.
struct LineSampling {
  int64_t in = 1, out = 1;
  double scale = 1.0;
  /// coordinate_transformation_mode and nearest_mode of ONNX.
  std::string coordinates, nearest;
  bool cubic = false, antialias = false, excludeOutside = false;
  /// The parameter of the cubic kernel.
  double cubicA = -0.75;
  /// The part of the line that tf_crop_and_resize takes, and what lies outside
  /// of the image.
  double roiStart = 0.0, roiEnd = 1.0, extrapolation = 0.0;
};

/// `[out, in]`: what each element adds to each result.
struct LineMap {
  std::vector<float> weights;
  /// One constant for each result.
  std::vector<float> bias;
};
LineMap makeInterpolation(const LineSampling &line);

/// The element that each result copies.
std::vector<int64_t> makeNearest(const LineSampling &line);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_INTERPOLATION_H
