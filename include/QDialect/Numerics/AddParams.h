//===- AddParams.h - Sums of two quantized values ---------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_ADDPARAMS_H
#define QDIALECT_NUMERICS_ADDPARAMS_H

#include "QDialect/Numerics/Result.h"

#include <cstdint>

namespace q::numerics {

/// The integer constants of rule N12:
///
///   q3 = clamp(Z3 + round(((q1 - Z1) * k1 + (q2 - Z2) * k2) * 2^-shift))
///
/// with ONE rounding, ties away from zero. k1 = S1 / S3 * 2^shift and likewise
/// k2, each rounded to nearest, are as large as possible while the sum and the
/// rounding constant provably fit int32. A power-of-two ratio of scales gives a
/// power of two. The rule is the same in all rounding modes but `even`, where
/// ties go to even.
struct AddParams {
  int32_t k1 = 0;
  int32_t k2 = 0;
  /// In [0, 30].
  uint32_t shift = 0;
  /// The sum is to be computed in int64. Only operands of more than 12 bits ask
  /// for it: int32 would leave their factors too few bits.
  bool wide = false;
  /// Ties go to even (Rounding::Even).
  bool tiesEven = false;
};

/// Constants for S1 * d1 + S2 * d2 (or minus, with `subtract`) in units of S3,
/// for d1 = q1 - Z1 with |d1| <= maxAbs1, and d2 likewise. Fails, naming the
/// numbers, if a scale is not positive and finite, or if a scale ratio is so
/// large that not even shift = 0 fits.
Result<AddParams> makeAddParams(double s1, double s2, double s3,
                                int64_t maxAbs1, int64_t maxAbs2,
                                bool subtract = false);

/// Whether some sum of d1 in [lo1, hi1] and d2 in [lo2, hi2] is a tie. True
/// without a search where there are more than 2^17 pairs.
bool addTieReachable(const AddParams &params, int64_t lo1, int64_t hi1,
                     int64_t lo2, int64_t hi2);

/// Rule N12 on d1 = q1 - Z1 and d2 = q2 - Z2.
int32_t addRequantize(int64_t d1, int64_t d2, const AddParams &params,
                      int32_t zeroPoint, int32_t lo, int32_t hi);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_ADDPARAMS_H
