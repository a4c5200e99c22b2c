//===- Multiplier.h - A real number as a fixed-point factor -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_MULTIPLIER_H
#define QDIALECT_NUMERICS_MULTIPLIER_H

#include "QDialect/Numerics/Result.h"

#include <cstdint>

namespace q::numerics {

/// Rule N9: M = m0 * 2^-(31 + shift), with m0 in [2^30, 2^31).
///
/// `shift` is in [minShift, maxShift]; it is negative for M >= 1. So the total
/// right shift 31 + shift is in [0, 63], the product of m0 and an int32 is
/// below 2^62 in magnitude, and int64 holds product plus rounding constant
/// exactly.
struct Multiplier {
  static constexpr int32_t minShift = -31;
  static constexpr int32_t maxShift = 32;

  int32_t m0 = int32_t(1) << 30;
  int32_t shift = -1;

  /// How far acc * m0 is shifted right, rounding once.
  unsigned totalShift() const { return unsigned(31 + shift); }

  /// True if M is a power of two, which Rounding::Pow2 requires.
  bool isPowerOfTwo() const { return m0 == int32_t(1) << 30; }

  /// The real number that is multiplied by, exactly.
  double toReal() const;
};

inline bool operator==(Multiplier a, Multiplier b) {
  return a.m0 == b.m0 && a.shift == b.shift;
}
inline bool operator!=(Multiplier a, Multiplier b) { return !(a == b); }

/// How many bits of the mantissa are kept: 31, or 15 for targets whose 16-bit
/// multiplies are cheaper (m0 is then a multiple of 2^16).
enum class MultiplierWidth { Q31, Q15 };

/// The multiplier nearest to `real`, ties away from zero (rule N9). Fails,
/// naming the number, if it is zero, negative, NaN or infinite, or at least
/// 2^31. A number below 2^-33 becomes 2^-33: an int32 times either rounds to 0,
/// so nothing is lost.
Result<Multiplier> makeMultiplier(double real,
                                  MultiplierWidth width = MultiplierWidth::Q31);

/// The multiplier of a layer's channel, M = Sx * Sw / Sy (rule N9).
Result<Multiplier> makeMultiplier(double inputScale, double weightScale,
                                  double outputScale,
                                  MultiplierWidth width = MultiplierWidth::Q31);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_MULTIPLIER_H
