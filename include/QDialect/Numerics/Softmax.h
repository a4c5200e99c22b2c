//===- Softmax.h - Integer softmax ------------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_SOFTMAX_H
#define QDIALECT_NUMERICS_SOFTMAX_H

#include "QDialect/Numerics/Result.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace q::numerics {

/// The constants of the integer softmax of rule N15. For a row q[0..n-1] of
/// inputs with scale S (their zero point cancels), with integers only:
///
///   m    = max q[i]
///   e[i] = table[m - q[i]]                    uint32, <= 2^31
///   s    = sum of e[i]                        uint64, >= 2^31
///   r    = (2^62 + floor(s / 2)) / s          one division a row, <= 2^31
///   y[i] = min((e[i] * r + 2^(shift-1)) >> shift, 2^outBits - 1)   uint64
///   output = y[i] + outZeroPoint
///
/// where table[d] = round(exp(-d * S) * 2^31) and shift = 62 - outBits. e[i] *
/// r is a product of 32-bit factors below 2^63. The output's scale is
/// 2^-outBits; its zero point is 0 for unsigned and -2^(outBits-1) for signed
/// storage.
///
/// Error: |y - 2^outBits * p| <= 1/2 + (n + 1) * 2^(outBits-32) steps, p being
/// the real softmax, except that the step at p = 1, which the format lacks,
/// saturates. makeSoftmax() refuses rows for which this is more than 1 step.
/// The result is monotone in q[i].
struct SoftmaxParams {
  /// One entry for each difference of two inputs: 256 for 8 bits.
  std::vector<uint32_t> table;
  unsigned outBits = 8;
  int32_t outZeroPoint = 0;

  unsigned shift() const { return 62 - outBits; }
  /// 2^outBits - 1.
  uint32_t maxOutput() const { return (uint32_t(1) << outBits) - 1; }
};

/// Constants for rows of n inputs of inputBits bits and scale inputScale. Fails
/// if the scale is not positive and finite, if a width is outside 2..16, or if
/// n is 0 or so large that the error bound would exceed one step: n >= 2^(31 -
/// outBits), 8.4 million for 8 bits.
Result<SoftmaxParams> makeSoftmax(double inputScale, unsigned inputBits,
                                  int64_t n, unsigned outBits = 8,
                                  bool outSigned = false);

/// The softmax of one row of n >= 1 storage values, `stride` elements apart in
/// both arrays, exactly as defined above. `output` may be `input`.
void softmaxRow(const int32_t *input, int32_t *output, size_t n, size_t stride,
                const SoftmaxParams &params);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_SOFTMAX_H
