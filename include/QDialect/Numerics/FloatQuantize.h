//===- FloatQuantize.h - Quantizing without a division ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_FLOATQUANTIZE_H
#define QDIALECT_NUMERICS_FLOATQUANTIZE_H

#include <cstdint>
#include <optional>

namespace q::numerics {

/// A reciprocal in two parts, `high` the nearest float32 to 1 / scale and `low`
/// what it lacks, with which
///
///   roundHalfEven(fma(x, high, x * low)),  x = clamp(real, least, most)
///
/// has been proven equal to rule N3's roundHalfEven(real / scale), clamped to a
/// range of integers, for every real that is a number, infinities included.
struct QuantizeReciprocal {
  float high;
  float low;
  /// Reals of quotients one below and one above the range.
  float least;
  float most;
};

/// Looks for the reciprocal of `scale` for results in [lo, hi], |lo| and |hi|
/// < 2^20. Both sides are monotone in x, so they are equal if they reach each
/// integer at the same float32; for each, the floats around that place are
/// tried. None if they differ somewhere or if a value leaves the normal range.
std::optional<QuantizeReciprocal>
findQuantizeReciprocal(float scale, int64_t lo, int64_t hi);

/// The form itself: the rounded quotient, not yet clamped to the range.
float quantizeByReciprocal(float real, const QuantizeReciprocal &reciprocal);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_FLOATQUANTIZE_H
