//===- QuantParams.cpp - Scales, zero points and storage ranges -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/QuantParams.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdio>

using namespace q::numerics;

namespace {

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  return buffer;
}

bool areBitsValid(unsigned bits) { return bits >= 2 && bits <= 16; }

Failure badBits(unsigned bits) {
  return Failure{"a width of " + std::to_string(bits) +
                 " bits is outside 2 to 16"};
}

Failure badThreshold(double absMax) {
  return Failure{"the largest magnitude " + number(absMax) +
                 " is not a finite number of at least 0"};
}

} // namespace

StorageRange q::numerics::storageRange(unsigned bits, bool isSigned,
                                       bool narrow) {
  if (!isSigned)
    return {0, (int64_t(1) << bits) - 1};
  int64_t half = int64_t(1) << (bits - 1);
  return {narrow ? 1 - half : -half, half - 1};
}

Result<double> q::numerics::roundScale(double scale) {
  if (!(scale > 0) || std::isinf(scale))
    return Failure{"the scale " + number(scale) +
                   " is not a positive finite number"};
  // Compared before the conversion: converting a larger double is undefined.
  if (scale > double(FLT_MAX))
    return Failure{"the scale " + number(scale) + " is too large for float32"};
  return std::max(double(float(scale)), double(FLT_MIN));
}

Result<QuantParams> q::numerics::chooseAsymmetric(double min, double max,
                                                  unsigned bits,
                                                  bool isSigned) {
  if (!areBitsValid(bits))
    return badBits(bits);
  if (!std::isfinite(min) || !std::isfinite(max) || min > max)
    return Failure{"the range [" + number(min) + ", " + number(max) +
                   "] is not an interval of finite numbers"};
  auto [qmin, qmax] = storageRange(bits, isSigned);
  min = std::min(min, 0.0);
  max = std::max(max, 0.0);
  if (min == max)
    return QuantParams{1.0, qmin, qmin, qmax};

  // Each end is divided for itself: max - min could overflow.
  double steps = double(qmax - qmin);
  Result<double> scale = roundScale(max / steps - min / steps);
  if (!scale)
    return Failure{scale.reason()};
  double zero = roundHalfEven(double(qmin) - min / *scale);
  zero = std::clamp(zero, double(qmin), double(qmax));
  return QuantParams{*scale, int64_t(zero), qmin, qmax};
}

Result<QuantParams> q::numerics::chooseSymmetric(double absMax, unsigned bits,
                                                 bool isSigned, bool narrow) {
  if (!areBitsValid(bits))
    return badBits(bits);
  if (!(absMax >= 0) || std::isinf(absMax))
    return badThreshold(absMax);
  auto [qmin, qmax] = storageRange(bits, isSigned, narrow);
  if (absMax == 0)
    return QuantParams{1.0, 0, qmin, qmax};
  Result<double> scale = roundScale(absMax / double(qmax));
  if (!scale)
    return Failure{scale.reason()};
  return QuantParams{*scale, 0, qmin, qmax};
}

Result<QuantParams> q::numerics::chooseWeight(double absMax, unsigned bits,
                                              bool narrow) {
  return chooseSymmetric(absMax, bits, /*isSigned=*/true, narrow || bits >= 8);
}

Result<QuantParams> q::numerics::choosePowerOfTwo(double absMax, unsigned bits,
                                                  bool isSigned) {
  if (!areBitsValid(bits))
    return badBits(bits);
  if (!(absMax >= 0) || std::isinf(absMax))
    return badThreshold(absMax);
  auto [qmin, qmax] = storageRange(bits, isSigned);
  if (absMax == 0)
    return QuantParams{1.0, 0, qmin, qmax};
  // absMax = mantissa * 2^exponent with the mantissa in [1/2, 1), so this is
  // ceil(log2 absMax) without the rounding of a logarithm.
  int exponent = 0;
  if (std::frexp(absMax, &exponent) == 0.5)
    --exponent;
  Result<double> scale =
      roundScale(std::ldexp(1.0, exponent - int(isSigned ? bits - 1 : bits)));
  if (!scale)
    return Failure{scale.reason()};
  return QuantParams{*scale, 0, qmin, qmax};
}

bool q::numerics::isPowerOfTwo(double scale) {
  int exponent = 0;
  return std::isfinite(scale) && std::frexp(scale, &exponent) == 0.5;
}

double q::numerics::roundHalfEven(double x) {
  // The default rounding direction is a precondition of the whole program.
  return std::nearbyint(x);
}

float q::numerics::roundHalfEven(float x) { return std::nearbyint(x); }

int64_t q::numerics::quantize(float real, const QuantParams &params) {
  float quotient = real / float(params.scale);
  if (std::isnan(quotient))
    return params.zeroPoint;
  // The sum is exact in double; a float32 sum would differ only beyond 2^24,
  // where both saturate for the widths of up to 16 bits that N3 is about.
  double q = double(roundHalfEven(quotient)) + double(params.zeroPoint);
  return int64_t(std::clamp(q, double(params.qmin), double(params.qmax)));
}

int64_t q::numerics::quantizeExact(double real, const QuantParams &params) {
  double quotient = real / params.scale;
  if (std::isnan(quotient))
    return params.zeroPoint;
  double q = roundHalfEven(quotient) + double(params.zeroPoint);
  return int64_t(std::clamp(q, double(params.qmin), double(params.qmax)));
}

float q::numerics::dequantize(int64_t q, const QuantParams &params) {
  return float(q - params.zeroPoint) * float(params.scale);
}

void q::numerics::simulate(const QuantParams &params, const float *x, float *y,
                           size_t count) {
  // Clamping to whole numbers before rounding is clamping after it, and leaves
  // quotients so small that adding this number rounds them, half to even: what
  // compilers know to do with several at once.
  constexpr float rounder = 12582912.0f; // 1.5 * 2^23
  auto scale = float(params.scale);
  auto low = float(params.qmin - params.zeroPoint);
  auto high = float(params.qmax - params.zeroPoint);
  for (size_t i = 0; i < count; ++i) {
    float quotient = x[i] / scale;
    quotient = quotient == quotient ? quotient : 0.0f; // NaN becomes Z.
    quotient = std::min(std::max(quotient, low), high);
    y[i] = ((quotient + rounder) - rounder) * scale;
  }
}
