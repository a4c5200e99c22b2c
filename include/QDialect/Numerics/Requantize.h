//===- Requantize.h - Multiply an accumulator and round ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_REQUANTIZE_H
#define QDIALECT_NUMERICS_REQUANTIZE_H

#include "QDialect/Numerics/Multiplier.h"

#include <cstdint>

namespace q::numerics {

/// The requantization modes of rule N10, named in the IR by the module
/// attribute `q.rounding`.
enum class Rounding {
  /// One rounding of the exact product, ties away from zero.
  Single,
  /// Saturating rounding doubling high multiply, then a rounding right shift
  /// with ties away from zero: bit-exact with gemmlowp and TFLite.
  Gemmlowp,
  /// A rounding right shift, ties away from zero; m0 must be 2^30.
  Pow2,
  /// As Single, but ties go to even, as ONNX's QuantizeLinear has it: for
  /// models that arrive quantized.
  Even,
};

/// value / 2^shift rounded to nearest, ties away from zero; 0 <= shift <= 63
/// and |value| <= 2^62. Generated code may compute the same as
/// (value + 2^(shift-1) - (value < 0)) >> shift.
int64_t roundingShiftRight(int64_t value, unsigned shift);

/// The same with ties to even: (value + 2^(shift-1) - 1 + b) >> shift for
/// shift > 0, b being the lowest bit of value >> shift.
int64_t evenShiftRight(int64_t value, unsigned shift);

/// gemmlowp's SQRDMULH: the high half of 2 * a * b, rounded to nearest; only
/// a = b = -2^31 saturates.
int32_t saturatingRoundingDoublingHighMul(int32_t a, int32_t b);

/// acc * M, rounded as the mode says (rule N10), before zero point and clamp.
///
/// Single and Pow2 are exact for |acc| < 2^62. Gemmlowp is defined for int32:
/// accumulators beyond saturate, and so does the left shift that M >= 1 needs,
/// where gemmlowp itself is undefined. The result is then at least 2^30 in
/// magnitude, out of every output range.
int64_t applyMultiplier(int64_t acc, Multiplier multiplier, Rounding rounding);

/// Rule N10 with the fused clamp of N11:
/// clamp(zeroPoint + applyMultiplier(acc), lo, hi).
int32_t requantize(int64_t acc, Multiplier multiplier, int32_t zeroPoint,
                   int32_t lo, int32_t hi, Rounding rounding);

/// True if some accumulator in [accLo, accHi] makes acc * M an exact tie (rule
/// N10: 2^(30+shift) divides acc * m0, and 2^(31+shift) does not).
bool tieReachable(Multiplier multiplier, int64_t accLo, int64_t accHi);

/// True if (acc * m0 + 2^(30+shift)) >> (31+shift), which takes ties upward,
/// has the bits of the mode for all accumulators in [accLo, accHi]. Single: no
/// negative accumulator reaches a tie. Even: none does.
bool addHalfIsExact(Multiplier multiplier, int64_t accLo, int64_t accHi,
                    Rounding rounding = Rounding::Single);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_REQUANTIZE_H
