//===- Interpolation.cpp - Resizing along one dimension -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

#include <algorithm>
#include <cmath>

using namespace q::onnx_import;

/// The place in the line that result `i` is taken from.
static double getCoordinate(const LineSampling &line, int64_t i) {
  double in = line.in, out = line.out;
  if (line.coordinates == "asymmetric")
    return i / line.scale;
  if (line.coordinates == "align_corners")
    return line.out == 1 ? 0.0 : i * (in - 1) / (out - 1);
  if (line.coordinates == "tf_crop_and_resize") {
    if (line.out == 1)
      return 0.5 * (line.roiStart + line.roiEnd) * (in - 1);
    return line.roiStart * (in - 1) +
           i * (line.roiEnd - line.roiStart) * (in - 1) / (out - 1);
  }
  if (line.coordinates == "tf_half_pixel_for_nn")
    return (i + 0.5) / line.scale;
  if (line.coordinates == "pytorch_half_pixel" && line.out == 1)
    return -0.5;
  double centred = (i + 0.5) / line.scale - 0.5;
  if (line.coordinates == "half_pixel_symmetric")
    return centred + in / 2 * (1 - out / (line.scale * in));
  return centred;
}

/// The weight of an element at distance `x`.
static double getWeight(const LineSampling &line, double x) {
  x = std::abs(x);
  if (!line.cubic)
    return std::max(0.0, 1.0 - x);
  double a = line.cubicA;
  if (x <= 1.0)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2.0 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0.0;
}

LineMap q::onnx_import::makeInterpolation(const LineSampling &line) {
  LineMap map;
  map.weights.assign(line.in * line.out, 0.0f);
  map.bias.assign(line.out, 0.0f);
  bool crops = line.coordinates == "tf_crop_and_resize";
  // With antialias the kernel is stretched to cover what one result stands for.
  double stretch = line.antialias ? std::min(line.scale, 1.0) : 1.0;
  int64_t first = std::floor((line.cubic ? -2.0 : -1.0) / stretch) + 1;
  for (int64_t i = 0; i < line.out; ++i) {
    double at = getCoordinate(line, i);
    if (crops && (at < 0 || at > line.in - 1)) {
      map.bias[i] = line.extrapolation;
      continue;
    }
    int64_t base = std::ceil(at) - 1;
    std::vector<double> row(line.in, 0.0);
    double sum = 0.0;
    for (int64_t k = base + first; k < base + 2 - first; ++k) {
      bool outside = k < 0 || k >= line.in;
      if (outside && line.excludeOutside)
        continue;
      double weight = getWeight(line, (k - at) * stretch);
      row[std::clamp<int64_t>(k, 0, line.in - 1)] += weight;
      sum += weight;
    }
    for (int64_t k = 0; k < line.in; ++k)
      map.weights[i * line.in + k] = static_cast<float>(row[k] / sum);
  }
  return map;
}

std::vector<int64_t> q::onnx_import::makeNearest(const LineSampling &line) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < line.out; ++i) {
    double at = getCoordinate(line, i);
    if (line.nearest == "floor")
      at = std::floor(at);
    else if (line.nearest == "ceil")
      at = std::ceil(at);
    else if (line.nearest == "round_prefer_ceil")
      at = std::floor(at + 0.5);
    else
      at = std::ceil(at - 0.5);
    indices.push_back(
        std::clamp<double>(at, 0, static_cast<double>(line.in - 1)));
  }
  return indices;
}
