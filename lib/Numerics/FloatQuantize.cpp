//===- FloatQuantize.cpp - Quantizing without a division ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatQuantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace q::numerics;

float q::numerics::quantizeByReciprocal(float real,
                                        const QuantizeReciprocal &r) {
  float x = std::clamp(real, r.least, r.most);
  float correction = x * r.low;
  return std::nearbyint(std::fma(x, r.high, correction));
}

/// The least float32 whose rounded quotient is at least `value`, or NaN if it
/// is not near (value - 1/2) * scale.
static float findThreshold(float scale, int64_t value) {
  constexpr int neighbours = 4;
  float x = static_cast<float>((static_cast<double>(value) - 0.5) * scale);
  for (int i = 0; i < neighbours; ++i)
    x = std::nextafter(x, -std::numeric_limits<float>::infinity());
  auto reaches = [&](float real) {
    return std::nearbyint(real / scale) >= static_cast<float>(value);
  };
  if (reaches(x))
    return std::numeric_limits<float>::quiet_NaN();
  for (int i = 0; i < 2 * neighbours; ++i) {
    x = std::nextafter(x, std::numeric_limits<float>::infinity());
    if (reaches(x))
      return x;
  }
  return std::numeric_limits<float>::quiet_NaN();
}

std::optional<QuantizeReciprocal>
q::numerics::findQuantizeReciprocal(float scale, int64_t lo, int64_t hi) {
  constexpr int64_t limit = int64_t(1) << 20;
  // Far from overflow and from denormal numbers, also in the correction.
  if (!(scale > 1e-20f && scale < 1e20f) || lo <= -limit || hi >= limit ||
      lo > hi)
    return std::nullopt;
  QuantizeReciprocal r;
  r.high = 1.0f / scale;
  // The division is exact to a double's precision, and so is the difference.
  r.low = static_cast<float>(1.0 / static_cast<double>(scale) -
                             static_cast<double>(r.high));
  r.least = static_cast<float>(static_cast<double>(lo - 1) * scale);
  r.most = static_cast<float>(static_cast<double>(hi + 1) * scale);
  for (int64_t value = lo + 1; value <= hi; ++value) {
    float threshold = findThreshold(scale, value);
    float below =
        std::nextafter(threshold, -std::numeric_limits<float>::infinity());
    auto reached = static_cast<float>(value);
    // False for NaN.
    if (!(quantizeByReciprocal(threshold, r) >= reached) ||
        !(quantizeByReciprocal(below, r) < reached))
      return std::nullopt;
  }
  return r;
}
