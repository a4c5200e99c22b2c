//===- LayerNorm.h - Integer layer normalization ----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_LAYERNORM_H
#define QDIALECT_NUMERICS_LAYERNORM_H

#include "QDialect/Numerics/Result.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace q::numerics {

/// The constants of y_i = gamma_i * (x_i - mean) / sqrt(variance + epsilon) +
/// beta_i over rows of n elements, with integers only (N15). For d_i = qx_i -
/// Zx:
///
///   s1 = sum d_i,  s2 = sum d_i^2                     int64
///   c_i = n * d_i - s1                                int64, below 2^30
///   v = n * s2 - s1^2 + epsilon                       uint64, below 2^62
///   if v = 0: t_i = 0 for all i; otherwise
///     z = leading zeros of v - 2, rounded down to an even number
///     w = v * 2^z                                     in [2^60, 2^62)
///     h = floor(sqrt(w))                              in [2^30, 2^31)
///     r = floor(2^61 / h)                             in (2^30, 2^31]
///     t_i = round(c_i * r * 2^(z/2 - 41))             20 binary places
///   qy_i = clamp(Zy + round((t_i * gain_i + offset_i) * 2^-shift))
///
/// `round` takes ties away from zero; a square root and a division a row.
/// `epsilon` here is round(epsilon * n^2 / Sx^2): mean and variance are scaled
/// by n and n^2 so that they stay integers, and the input scale cancels.
///
/// Error: |qy - Zy - y / Sy| <= 1/2 + 2^-20 * (1 + (1 + m) * max|gamma| / Sy)
/// steps, plus the effect of rounding `epsilon`, where m = max |x_i - mean| /
/// sqrt(variance + epsilon) <= sqrt(n).
struct LayerNormParams {
  int64_t n = 0;
  uint64_t epsilon = 0;
  /// round(gamma_i / Sy * 2^(shift - 20)), n of them.
  std::vector<int32_t> gain;
  /// round(beta_i / Sy * 2^shift), n of them.
  std::vector<int64_t> offset;
  /// In [20, 50].
  uint32_t shift = 0;
};

/// Constants for rows of gamma.size() = beta.size() = n elements with |d| <=
/// maxAbs. Fails, saying why, if a number is not finite, a scale not positive,
/// epsilon negative, n 0, or if rows are so long, epsilon so large or the
/// output scale so small that a value above has no room.
Result<LayerNormParams> makeLayerNorm(const std::vector<double> &gamma,
                                      const std::vector<double> &beta,
                                      double epsilon, double inputScale,
                                      double outputScale, int64_t maxAbs);

/// Normalizes one row of n values d_i = qx_i - Zx.
void layerNormRow(const int32_t *d, int32_t *output,
                  const LayerNormParams &params, int32_t zeroPoint, int32_t lo,
                  int32_t hi);

/// floor(sqrt(value)), by integer steps only.
uint64_t integerSqrt(uint64_t value);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_LAYERNORM_H
