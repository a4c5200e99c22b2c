//===- Divide.h - Quotients of two quantized values -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_DIVIDE_H
#define QDIALECT_NUMERICS_DIVIDE_H

#include "QDialect/Numerics/Result.h"

#include <cstdint>

namespace q::numerics {

/// The constants of q3 = clamp(Z3 + round((d1 * m0) / (d2 * 2^shift))) for d1 =
/// q1 - Z1 and d2 = q2 - Z2: one integer division with ONE rounding, ties away
/// from zero. |d1|, |d2| < 2^17, so that all of it fits int64.
struct DivideParams {
  /// S1 / (S2 * S3) = m0 * 2^-shift, to 31 bits or to 45 binary places.
  int32_t m0 = 0;
  /// In [0, 45].
  uint32_t shift = 0;
};

/// Constants for S1 * d1 / (S2 * d2) in units of S3. Fails, naming the number,
/// if S1 / (S2 * S3) is not positive and finite or not below 2^31.
Result<DivideParams> makeDivideParams(double s1, double s2, double s3);

/// The quotient as defined above. As for reals (N3), a nonzero d1 over 0
/// saturates with the sign of d1, and 0 / 0 gives the zero point.
int32_t divideRequantize(int64_t d1, int64_t d2, const DivideParams &params,
                         int32_t zeroPoint, int32_t lo, int32_t hi);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_DIVIDE_H
