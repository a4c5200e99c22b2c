//===- Lrn.h - Integer local response normalization -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_LRN_H
#define QDIALECT_NUMERICS_LRN_H

#include "QDialect/Numerics/Result.h"

#include <cstdint>
#include <vector>

namespace q::numerics {

/// The constants of y = x / (bias + alpha / size * sum x_j^2)^beta, the sum
/// over a window of `size` neighbouring channels, with integers only (N15). For
/// d = qx - Zx and ss = sum of d_j^2 over the window:
///
///   u = max(ss, 1) * 2^inputShift + offset           uint64, 0 < u < 2^62
///   e = floor(log2 u)
///   p = u * 2^(63-e)                                 uint64, leading bit set
///   i = (e - minExponent) * 64 + ((p >> 57) & 63)    the segment
///   f = (p >> 32) & (2^25 - 1)                       the place in it
///   g = table[i] - ((table[i] - table[i+1]) * f >> 25)       uint64 product
///   qy = clamp(Zy + round(d * g * 2^-outputShift))   ONE rounding, ties away
///
/// (ss = 0 implies d = 0, so the maximum changes nothing but keeps u in the
/// table.) g interpolates the decreasing function (c * u)^-beta * Sx / Sy *
/// 2^outputShift linearly in 64 segments an octave.
///
/// Error: at most 1/2 + beta * (beta + 2) * 2^-15 * |y / Sy| + 2^-6 steps from
/// the real result y of the quantized inputs; with 8 bits and beta = 0.75,
/// 0.54.
struct LrnParams {
  uint32_t inputShift = 0;
  uint64_t offset = 0;
  uint32_t minExponent = 0;
  /// In [0, 62].
  uint32_t outputShift = 0;
  /// Below 2^31, decreasing.
  std::vector<uint32_t> table;
};

/// Constants for windows of `size` channels and |d| <= maxAbs. Fails, saying
/// why: if a number is not finite, if alpha, beta or bias is negative or alpha
/// and bias are both 0, if a scale is not positive, if size * maxAbs^2 >= 2^45,
/// or if the output scale is too small for the error bound above.
Result<LrnParams> makeLrn(double alpha, double beta, double bias, int64_t size,
                          double inputScale, double outputScale,
                          int64_t maxAbs);

/// One element: d = qx - Zx, and the sum of squares of its window.
int32_t lrnElement(int64_t d, int64_t sumOfSquares, const LrnParams &params,
                   int32_t zeroPoint, int32_t lo, int32_t hi);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_LRN_H
