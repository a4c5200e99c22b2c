//===- Resize.cpp - Coordinates and weights of resizing -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Resize.h"

#include <algorithm>
#include <cmath>

using namespace q::numerics;

/// The input coordinate of an output index, not clamped.
static double coordinate(int64_t index, int64_t in, int64_t out,
                         CoordinateMode mode, double scale) {
  // Multiplied before divided: exact where the result is a small fraction.
  auto unscale = [&](double x) {
    return scale > 0 ? x / scale : x * double(in) / double(out);
  };
  switch (mode) {
  case CoordinateMode::PytorchHalfPixel:
    if (out <= 1)
      return 0;
    [[fallthrough]];
  case CoordinateMode::HalfPixel:
    return unscale(double(index) + 0.5) - 0.5;
  case CoordinateMode::Asymmetric:
    return unscale(double(index));
  case CoordinateMode::AlignCorners:
    return out <= 1 ? 0 : double(index) * double(in - 1) / double(out - 1);
  case CoordinateMode::HalfPixelSymmetric:
    // The centre of the output, out / 2, comes from that of the input.
    return double(in) / 2 + unscale(double(index) + 0.5 - double(out) / 2) -
           0.5;
  case CoordinateMode::TfHalfPixelForNn:
    return unscale(double(index) + 0.5);
  }
  return 0;
}

std::vector<LinearWeights> q::numerics::linearWeights(int64_t in, int64_t out,
                                                      CoordinateMode mode,
                                                      double scale) {
  std::vector<LinearWeights> weights;
  weights.reserve(size_t(out));
  for (int64_t i = 0; i < out; ++i) {
    double x =
        std::clamp(coordinate(i, in, out, mode, scale), 0.0, double(in - 1));
    int64_t i0 = int64_t(x);
    int32_t w1 =
        int32_t(std::lround(std::ldexp(x - double(i0), linearWeightBits)));
    weights.push_back({i0, std::min(i0 + 1, in - 1),
                       (int32_t(1) << linearWeightBits) - w1, w1});
  }
  return weights;
}

std::vector<int64_t> q::numerics::nearestIndices(int64_t in, int64_t out,
                                                 CoordinateMode mode,
                                                 NearestMode nearest,
                                                 double scale) {
  auto round = [nearest](double x) {
    switch (nearest) {
    case NearestMode::RoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::RoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::Floor:
      return std::floor(x);
    case NearestMode::Ceil:
      return std::ceil(x);
    }
    return x;
  };
  std::vector<int64_t> indices;
  indices.reserve(size_t(out));
  for (int64_t i = 0; i < out; ++i)
    indices.push_back(
        std::clamp(int64_t(round(coordinate(i, in, out, mode, scale))),
                   int64_t(0), in - 1));
  return indices;
}
