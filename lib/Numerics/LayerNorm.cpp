//===- LayerNorm.cpp - Integer layer normalization ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/LayerNorm.h"

#include "QDialect/Numerics/Requantize.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace q::numerics;

/// Binary places of the normalized value t.
static constexpr unsigned normalizedBits = 20;

uint64_t q::numerics::integerSqrt(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t(1) << 31; bit != 0; bit >>= 1)
    if ((root | bit) * (root | bit) <= value)
      root |= bit;
  return root;
}

Result<LayerNormParams> q::numerics::makeLayerNorm(
    const std::vector<double> &gamma, const std::vector<double> &beta,
    double epsilon, double inputScale, double outputScale, int64_t maxAbs) {
  char reason[160];
  if (!(inputScale > 0) || std::isinf(inputScale) || !(outputScale > 0) ||
      std::isinf(outputScale)) {
    std::snprintf(reason, sizeof reason,
                  "the scales %g and %g are not positive and finite",
                  inputScale, outputScale);
    return Failure{reason};
  }
  if (gamma.empty() || gamma.size() != beta.size())
    return Failure{"rows of " + std::to_string(gamma.size()) + " gammas and " +
                   std::to_string(beta.size()) + " betas are not layers"};
  double maxGamma = 0, maxBeta = 0;
  for (size_t i = 0; i < gamma.size(); ++i) {
    if (!std::isfinite(gamma[i]) || !std::isfinite(beta[i]))
      return Failure{"element " + std::to_string(i) +
                     " of gamma or beta is not finite"};
    maxGamma = std::max(maxGamma, std::fabs(gamma[i]) / outputScale);
    maxBeta = std::max(maxBeta, std::fabs(beta[i]) / outputScale);
  }

  LayerNormParams params;
  params.n = int64_t(gamma.size());
  double n = double(params.n);
  if (2 * n * double(maxAbs) >= 0x1p30)
    return Failure{"rows of " + std::to_string(params.n) +
                   " elements are too long"};
  double scaled = epsilon * n * n / (inputScale * inputScale);
  if (!(epsilon >= 0) || !(scaled < 0x1p61)) {
    std::snprintf(reason, sizeof reason,
                  "epsilon = %g has no integer form at the input scale %g",
                  epsilon, inputScale);
    return Failure{reason};
  }
  params.epsilon = uint64_t(std::round(scaled));

  // As many binary places as gains of 31 bits and a sum of 61 bits allow.
  int shift = 50;
  auto fits = [&](int s) {
    return std::ldexp(maxGamma, s - int(normalizedBits)) < 0x1p31 - 1 &&
           std::ldexp(maxGamma * std::sqrt(n) + maxBeta, s) < 0x1p61;
  };
  while (shift >= int(normalizedBits) && !fits(shift))
    --shift;
  if (shift < int(normalizedBits)) {
    std::snprintf(reason, sizeof reason,
                  "the output scale %g is too small for gamma and beta",
                  outputScale);
    return Failure{reason};
  }
  params.shift = uint32_t(shift);
  for (size_t i = 0; i < gamma.size(); ++i) {
    params.gain.push_back(int32_t(std::round(
        std::ldexp(gamma[i] / outputScale, shift - int(normalizedBits)))));
    params.offset.push_back(
        int64_t(std::round(std::ldexp(beta[i] / outputScale, shift))));
  }
  return params;
}

void q::numerics::layerNormRow(const int32_t *d, int32_t *output,
                               const LayerNormParams &params, int32_t zeroPoint,
                               int32_t lo, int32_t hi) {
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < params.n; ++i) {
    sum += d[i];
    squares += int64_t(d[i]) * d[i];
  }
  // By Cauchy and Schwarz, not negative.
  uint64_t v = uint64_t(params.n * squares - sum * sum) + params.epsilon;
  int64_t reciprocal = 0;
  unsigned shift = 1;
  if (v != 0) {
    unsigned z = (unsigned(__builtin_clzll(v)) - 2) & ~1u;
    reciprocal = int64_t((uint64_t(1) << 61) / integerSqrt(v << z));
    shift = 61 - normalizedBits - z / 2;
  }
  for (int64_t i = 0; i < params.n; ++i) {
    int64_t centred = params.n * d[i] - sum;
    int64_t normalized = roundingShiftRight(centred * reciprocal, shift);
    int64_t scaled =
        normalized * params.gain[size_t(i)] + params.offset[size_t(i)];
    int64_t rounded = roundingShiftRight(scaled, params.shift);
    output[i] = int32_t(std::clamp<int64_t>(rounded + zeroPoint, lo, hi));
  }
}
