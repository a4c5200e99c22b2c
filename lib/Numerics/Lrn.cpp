//===- Lrn.cpp - Integer local response normalization ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Lrn.h"

#include "QDialect/Numerics/Requantize.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace q::numerics;

static unsigned floorLog2(uint64_t u) {
  return 63 - unsigned(__builtin_clzll(u));
}

Result<LrnParams> q::numerics::makeLrn(double alpha, double beta, double bias,
                                       int64_t size, double inputScale,
                                       double outputScale, int64_t maxAbs) {
  char reason[160];
  bool isFinite = std::isfinite(alpha) && std::isfinite(beta) &&
                  std::isfinite(bias) && std::isfinite(inputScale) &&
                  std::isfinite(outputScale);
  if (!isFinite || alpha < 0 || beta < 0 || bias < 0 || alpha + bias == 0) {
    std::snprintf(reason, sizeof reason,
                  "alpha = %g, beta = %g and bias = %g have no integer form: "
                  "they must not be negative, alpha and bias not both 0",
                  alpha, beta, bias);
    return Failure{reason};
  }
  if (!(inputScale > 0) || !(outputScale > 0)) {
    std::snprintf(reason, sizeof reason,
                  "the scales %g and %g are not both positive", inputScale,
                  outputScale);
    return Failure{reason};
  }
  double maxSum = double(size) * double(maxAbs) * double(maxAbs);
  if (size < 1 || maxAbs < 1 || maxSum >= 0x1p45) {
    std::snprintf(reason, sizeof reason,
                  "a window of %lld channels of magnitude %lld is out of range",
                  (long long)size, (long long)maxAbs);
    return Failure{reason};
  }

  // bias + a * ss = c * u, where u has as many binary places as fit.
  LrnParams params;
  double a = alpha / double(size) * inputScale * inputScale;
  double ratio = bias / a; // Infinite for alpha = 0.
  double c;
  if (!(ratio < 0x1p60)) {
    // The sum of squares has no influence that a double could hold.
    params.offset = uint64_t(1) << 60;
    c = std::ldexp(bias, -60);
  } else {
    int exponent = 0;
    std::frexp(maxSum + ratio, &exponent);
    params.inputShift = uint32_t(60 - std::min(exponent, 60));
    params.offset =
        uint64_t(std::round(std::ldexp(ratio, int(params.inputShift))));
    c = std::ldexp(a, -int(params.inputShift));
  }

  uint64_t first = params.offset + (uint64_t(1) << params.inputShift);
  uint64_t last = params.offset + (uint64_t(maxSum) << params.inputShift);
  params.minExponent = floorLog2(first);
  unsigned octaves = floorLog2(last) - params.minExponent + 1;
  auto gain = [&](unsigned entry) {
    double u = std::ldexp(1.0 + double(entry % 64) / 64,
                          int(params.minExponent + entry / 64));
    return std::pow(c * u, -beta) * inputScale / outputScale;
  };

  // The largest gain gets 31 bits. Table and interpolation then err by at most
  // 3/2 units, which d multiplies: no more than 2^-6 steps.
  double largest = gain(0);
  int exponent = 0;
  std::frexp(largest, &exponent);
  int shift = std::min(31 - exponent, 62);
  if (!std::isfinite(largest) || shift < 0 ||
      std::ldexp(1.5 * double(maxAbs), -shift) > 0x1p-6) {
    std::snprintf(reason, sizeof reason,
                  "the output scale %g is too small for normalized inputs of "
                  "scale %g",
                  outputScale, inputScale);
    return Failure{reason};
  }
  params.outputShift = uint32_t(shift);
  for (unsigned entry = 0; entry <= 64 * octaves; ++entry)
    params.table.push_back(uint32_t(
        std::min(std::round(std::ldexp(gain(entry), shift)), 0x1p31 - 1)));
  return params;
}

int32_t q::numerics::lrnElement(int64_t d, int64_t sumOfSquares,
                                const LrnParams &params, int32_t zeroPoint,
                                int32_t lo, int32_t hi) {
  uint64_t u =
      (uint64_t(std::max<int64_t>(sumOfSquares, 1)) << params.inputShift) +
      params.offset;
  unsigned e = floorLog2(u);
  uint64_t p = u << (63 - e);
  size_t i = (e - params.minExponent) * 64 + ((p >> 57) & 63);
  uint64_t f = (p >> 32) & ((uint64_t(1) << 25) - 1);
  uint64_t slope = params.table[i] - params.table[i + 1];
  int64_t g = int64_t(params.table[i] - (slope * f >> 25));
  int64_t rounded = roundingShiftRight(d * g, params.outputShift);
  return int32_t(std::clamp<int64_t>(rounded + zeroPoint, lo, hi));
}
