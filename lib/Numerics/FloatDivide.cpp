//===- FloatDivide.cpp - Quotients by a float32 division ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/FloatDivide.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace q::numerics;

int32_t q::numerics::divideByFloats(int64_t d1, int64_t d2, float factor,
                                    int32_t zeroPoint, int32_t lo, int32_t hi) {
  float divisor = d2 == 0 ? divideByZero : static_cast<float>(d2);
  float product = static_cast<float>(d1) * factor;
  float quotient = std::clamp(product / divisor, -divideBound, divideBound);
  auto rounded = static_cast<int32_t>(std::nearbyint(quotient));
  return std::clamp(rounded + zeroPoint, lo, hi);
}

std::optional<float> q::numerics::findDivideFactor(const DivideParams &params,
                                                   int64_t lo1, int64_t hi1,
                                                   int64_t lo2, int64_t hi2,
                                                   int32_t zeroPoint,
                                                   int32_t lo, int32_t hi) {
  constexpr int64_t mostTried = int64_t(1) << 18;
  if ((hi1 - lo1 + 1) * (hi2 - lo2 + 1) > mostTried)
    return std::nullopt;
  float factor = static_cast<float>(
      std::ldexp(params.m0, -static_cast<int>(params.shift)));
  // Ties go away from zero: a little more than the exact factor brings them
  // there.
  for (int step = 0; step < 6; ++step) {
    bool isEqual = true;
    for (int64_t d2 = lo2; d2 <= hi2 && isEqual; ++d2)
      for (int64_t d1 = lo1; d1 <= hi1 && isEqual; ++d1)
        isEqual = divideByFloats(d1, d2, factor, zeroPoint, lo, hi) ==
                  divideRequantize(d1, d2, params, zeroPoint, lo, hi);
    if (isEqual)
      return factor;
    factor = std::nextafter(factor, std::numeric_limits<float>::infinity());
  }
  return std::nullopt;
}
