//===- Divide.cpp - Quotients of two quantized values ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Divide.h"

#include "QDialect/Numerics/Multiplier.h"

#include <algorithm>
#include <cmath>

using namespace q::numerics;

Result<DivideParams> q::numerics::makeDivideParams(double s1, double s2,
                                                   double s3) {
  constexpr unsigned maxShift = 45;
  double real = s1 / (s2 * s3);
  Result<Multiplier> multiplier = makeMultiplier(real);
  if (!multiplier)
    return Failure{multiplier.reason()};
  if (multiplier->totalShift() <= maxShift)
    return DivideParams{multiplier->m0, multiplier->totalShift()};
  return DivideParams{int32_t(std::round(std::ldexp(real, maxShift))),
                      maxShift};
}

int32_t q::numerics::divideRequantize(int64_t d1, int64_t d2,
                                      const DivideParams &params,
                                      int32_t zeroPoint, int32_t lo,
                                      int32_t hi) {
  if (d2 == 0)
    return d1 > 0 ? hi : d1 < 0 ? lo : std::clamp(zeroPoint, lo, hi);
  int64_t numerator = std::abs(d1) * params.m0;
  int64_t denominator = std::abs(d2) << params.shift;
  int64_t magnitude = (numerator + denominator / 2) / denominator;
  int64_t rounded = (d1 < 0) != (d2 < 0) ? -magnitude : magnitude;
  return int32_t(std::clamp<int64_t>(rounded + zeroPoint, lo, hi));
}
