//===- FloatRequantize.h - One float32 multiply, proven ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_FLOATREQUANTIZE_H
#define QDIALECT_NUMERICS_FLOATREQUANTIZE_H

#include "QDialect/Numerics/Requantize.h"

#include <optional>

namespace q::numerics {

/// A float32 multiplier with which
///
///   clamp(zeroPoint + int32(roundHalfEven(float32(acc) * multiplier)), lo, hi)
///
/// has been proven equal to requantize() for every accumulator of a range. The
/// conversions are those of cvtdq2ps and cvtps2dq (fcvtns) with the default
/// rounding: accumulators beyond 2^24 are rounded half-even, and that is part
/// of the proof. The product must not be fused with another operation.
struct FloatMultiplier {
  float value;
  /// |float32(acc) * multiplier| < 2^22 throughout: an epilogue may then round
  /// by adding and subtracting 1.5 * 2^23. It is below 2^31 in any case.
  bool isSmall;
};

/// Looks for a float32 multiplier at most 16 units in the last place from
/// `multiplier` that gives the bits of requantize(acc, multiplier, zeroPoint,
/// lo, hi, rounding) for all acc in [accLo, accHi], and returns the one nearest
/// to it (rule N10: a faster sequence only where it is proven). None if there
/// is none: take the integer path then.
///
/// Both functions are monotone, so they are equal if they reach each output
/// value at the same accumulator; the work is proportional to the number of
/// values.
std::optional<FloatMultiplier>
findFloatMultiplier(Multiplier multiplier, int32_t accLo, int32_t accHi,
                    int32_t zeroPoint, int32_t lo, int32_t hi,
                    Rounding rounding = Rounding::Single);

/// The float32 epilogue itself, with the multiplier's value.
int32_t floatRequantize(int32_t acc, float multiplier, int32_t zeroPoint,
                        int32_t lo, int32_t hi);

/// Looks, likewise, for a multiplier of the fused form
///
///   fma(float32(acc), multiplier, 1.5 * 2^23 + offset)
///
/// whose low mantissa bits are the rounded sum: one rounding, half-even, of the
/// exact product plus `offset`, the zero point or 0. As the product itself is
/// not rounded, more multipliers can be proven than in the form above. The
/// product's magnitude is below 2^22 - 2^9.
std::optional<float> findFusedMultiplier(Multiplier multiplier, int32_t accLo,
                                         int32_t accHi, int32_t offset,
                                         int32_t zeroPoint, int32_t lo,
                                         int32_t hi,
                                         Rounding rounding = Rounding::Single);

/// The fused form itself, with the multiplier's value.
int32_t fusedRequantize(int32_t acc, float multiplier, int32_t offset,
                        int32_t zeroPoint, int32_t lo, int32_t hi);

/// The least accumulator in [accLo, accHi] for which applyMultiplier() gives at
/// least `value`; accHi + 1 if there is none.
int64_t requantizeThreshold(int64_t value, Multiplier multiplier, int32_t accLo,
                            int32_t accHi, Rounding rounding);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_FLOATREQUANTIZE_H
