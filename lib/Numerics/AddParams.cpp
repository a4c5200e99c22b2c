//===- AddParams.cpp - Sums of two quantized values -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/AddParams.h"

#include "QDialect/Numerics/Requantize.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

using namespace q::numerics;

static bool isScale(double s) { return s > 0 && std::isfinite(s); }

Result<AddParams> q::numerics::makeAddParams(double s1, double s2, double s3,
                                             int64_t maxAbs1, int64_t maxAbs2,
                                             bool subtract) {
  constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();
  constexpr int64_t narrowOperand = 4095;
  char reason[128];
  if (!isScale(s1) || !isScale(s2) || !isScale(s3)) {
    std::snprintf(reason, sizeof reason,
                  "the scales %g, %g and %g are not all positive and finite",
                  s1, s2, s3);
    return Failure{reason};
  }

  AddParams params;
  params.wide = std::max(maxAbs1, maxAbs2) > narrowOperand;
  for (int shift = 30; shift >= 0; --shift) {
    double k1 = std::round(std::ldexp(s1 / s3, shift));
    double k2 = std::round(std::ldexp(s2 / s3, shift));
    // Also false for infinite ratios.
    if (!(k1 <= double(int32Max) && k2 <= double(int32Max)))
      continue;
    int64_t half = shift == 0 ? 0 : int64_t(1) << (shift - 1);
    // Below 2^63: operands are at most 32 bits wide.
    __int128 largest = __int128(maxAbs1) * int64_t(k1) +
                       __int128(maxAbs2) * int64_t(k2) + half;
    if (!params.wide && largest > int32Max)
      continue;
    params.k1 = int32_t(k1);
    params.k2 = subtract ? -int32_t(k2) : int32_t(k2);
    params.shift = uint32_t(shift);
    return params;
  }
  std::snprintf(reason, sizeof reason,
                "the output scale %g is too small for operands of scales %g "
                "and %g",
                s3, s1, s2);
  return Failure{reason};
}

bool q::numerics::addTieReachable(const AddParams &params, int64_t lo1,
                                  int64_t hi1, int64_t lo2, int64_t hi2) {
  if (params.shift == 0)
    return false;
  if ((hi1 - lo1 + 1) * (hi2 - lo2 + 1) > int64_t(1) << 17)
    return true;
  int64_t half = int64_t(1) << (params.shift - 1), mask = 2 * half - 1;
  for (int64_t d1 = lo1; d1 <= hi1; ++d1)
    for (int64_t d2 = lo2; d2 <= hi2; ++d2)
      if (((d1 * params.k1 + d2 * params.k2) & mask) == half)
        return true;
  return false;
}

int32_t q::numerics::addRequantize(int64_t d1, int64_t d2,
                                   const AddParams &params, int32_t zeroPoint,
                                   int32_t lo, int32_t hi) {
  int64_t sum = d1 * params.k1 + d2 * params.k2;
  int64_t rounded = params.tiesEven ? evenShiftRight(sum, params.shift)
                                    : roundingShiftRight(sum, params.shift);
  return int32_t(std::clamp<int64_t>(rounded + zeroPoint, lo, hi));
}
