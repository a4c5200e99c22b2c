//===- FloatDivide.h - Quotients by a float32 division ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_FLOATDIVIDE_H
#define QDIALECT_NUMERICS_FLOATDIVIDE_H

#include "QDialect/Numerics/Divide.h"

#include <optional>

namespace q::numerics {

/// A float32 factor f with which
///
///   clamp(zeroPoint + roundHalfEven(clamp(d1 * f / d2, -2^21, 2^21)), lo, hi),
///
/// in float32 with 2^-90 in the place of a d2 of 0, has been tried for all d1
/// in [lo1, hi1] and d2 in [lo2, hi2] and equals divideRequantize() (rule N10:
/// a faster sequence only where it is proven). None if there are more than 2^18
/// pairs or no factor near m0 * 2^-shift is equal.
std::optional<float> findDivideFactor(const DivideParams &params, int64_t lo1,
                                      int64_t hi1, int64_t lo2, int64_t hi2,
                                      int32_t zeroPoint, int32_t lo,
                                      int32_t hi);

/// The form itself.
int32_t divideByFloats(int64_t d1, int64_t d2, float factor, int32_t zeroPoint,
                       int32_t lo, int32_t hi);

/// What takes the place of a divisor of 0, and the bound of quotients.
constexpr float divideByZero = 0x1p-90f;
constexpr float divideBound = 0x1p21f;

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_FLOATDIVIDE_H
