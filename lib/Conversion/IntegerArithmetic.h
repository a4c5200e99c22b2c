//===- IntegerArithmetic.h - Exact integer code for one element -*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Emits the scalar arithmetic of the numeric contract as `arith` ops: what
// stands in the bodies of linalg ops. 32-bit integers are used wherever the
// constants and the reachable range prove them exact, since they vectorize
// twice as wide as 64-bit ones and need no emulation on AVX2.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_INTEGERARITHMETIC_H
#define QDIALECT_LIB_CONVERSION_INTEGERARITHMETIC_H

#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/Builders.h"

#include <optional>

namespace q {

/// A closed range of integers.
struct IntRange {
  int64_t lo;
  int64_t hi;

  bool fits(unsigned bits) const {
    return lo >= -(int64_t(1) << (bits - 1)) && hi < (int64_t(1) << (bits - 1));
  }
  IntRange operator-(int64_t x) const { return {lo - x, hi - x}; }
  IntRange operator*(const IntRange &other) const;
};

/// The storage values of `params`, and their distances from the zero point.
IntRange getStorageRange(const numerics::QuantParams &params);
IntRange getDistanceRange(const numerics::QuantParams &params);

/// A requantization with constant parameters (rules N10, N11), for accumulators
/// of `range`.
struct Requantization {
  numerics::Multiplier multiplier;
  numerics::Rounding rounding;
  int32_t zeroPoint;
  IntegerBounds bounds;
  IntRange range;
};

/// The bounds of `op`'s one result, its fused clamp included where it has one.
mlir::FailureOr<IntegerBounds> getResultBounds(mlir::Operation *op);

/// Sums beyond int32 take the wider path (rule N8), except in the mode
/// `gemmlowp`, whose accumulators are int32 by definition: there they are a
/// diagnostic.
llvm::LogicalResult checkAccumulators(mlir::Operation *op, IntRange range);

/// The requantization of `op`'s one result with that multiplier, its fused
/// clamp included, for accumulators of `range`.
mlir::FailureOr<Requantization>
getRequantization(mlir::Operation *op,
                  mlir::FailureOr<numerics::Multiplier> multiplier,
                  IntRange range);

/// Where a shift takes the middle of two integers.
enum class Ties { Up, AwayFromZero, ToEven };

/// A 32-bit form of a requantization: clamp((acc * factor + half) >> shift),
/// or what `ties` makes of it.
struct NarrowMultiplier {
  int32_t factor;
  unsigned shift;
  Ties ties;
};

/// Looks for a 32-bit form with the bits of `requantization` for every
/// accumulator of its range (rule N10: only where proven, here by trying all of
/// them). None if the range is too large to try or no form is equal.
std::optional<NarrowMultiplier>
findNarrowMultiplier(const Requantization &requantization);

/// A factor with which IntegerEmitter::requantizeFused() is proven to give the
/// bits of `requantization` for its whole range. None if there is none.
std::optional<float> findFusedFactor(const Requantization &requantization);

/// Whether a negative sum of rule N12 may lie halfway between two integers:
/// only then does rounding away from zero differ from rounding up. Tries all
/// operands of 8 bits; of wider ones it says that it may.
bool hasNegativeTie(const numerics::AddParams &params, IntRange d1,
                    IntRange d2);

/// Emits integer code at a place.
class IntegerEmitter {
public:
  IntegerEmitter(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc) {}

  mlir::Value constant(int64_t value, unsigned width);
  /// A constant of `like`'s type.
  mlir::Value constant(int64_t value, mlir::Value like);

  /// A storage value as a wider integer, by its signedness.
  mlir::Value extend(mlir::Value storage, mlir::quant::QuantizedType type,
                     unsigned width = 32);
  /// `extend` and then minus the zero point.
  mlir::Value distance(mlir::Value storage, const numerics::QuantParams &params,
                       mlir::quant::QuantizedType type, unsigned width = 32);
  /// An integer known to be a storage value in the type that holds it.
  mlir::Value truncate(mlir::Value value, mlir::quant::QuantizedType type);
  /// Sign-extends or truncates to `width`.
  mlir::Value resize(mlir::Value value, unsigned width);

  mlir::Value add(mlir::Value value, int64_t constant);
  mlir::Value multiply(mlir::Value value, int64_t constant);
  mlir::Value clamp(mlir::Value value, int64_t lo, int64_t hi);
  /// The larger or smaller of two storage values.
  mlir::Value extremum(mlir::Value lhs, mlir::Value rhs, bool isMax,
                       mlir::quant::QuantizedType type);
  /// value / 2^shift, nearest.
  mlir::Value roundingShift(mlir::Value value, unsigned shift, Ties ties);
  /// The same for a shift of `value`'s type that is known at run time only.
  mlir::Value roundingShift(mlir::Value value, mlir::Value shift, Ties ties);
  /// A float32 below 2^22 in magnitude, rounded half to even, as an i32.
  mlir::Value roundToInteger(mlir::Value real);
  /// clamp(value + zeroPoint, bounds) as an i32, whatever the width of `value`.
  /// `isSmall`: |value| <= 2^30, so that the sum needs no care.
  mlir::Value finish(mlir::Value value, int32_t zeroPoint, IntegerBounds bounds,
                     bool isSmall = false);

  /// Rule N10; `acc` is an i32 or i64, the result an i32 within the bounds.
  mlir::Value requantize(mlir::Value acc, const Requantization &how);

  /// Rule N10 where multiplier and shift differ by channel: `m0` is an i32;
  /// `shift`, an i32, is the total right shift of all modes but `gemmlowp`, the
  /// right shift (negative: left) of `gemmlowp`. `acc` is an i32, or an i64
  /// for the wider path of rule N8. Without `meetsTies` none is reached.
  mlir::Value requantize(mlir::Value acc, mlir::Value m0, mlir::Value shift,
                         numerics::Rounding rounding, bool meetsTies,
                         int32_t zeroPoint, IntegerBounds bounds);

  /// Rule N10 in the form of Numerics/FloatRequantize.h that fuses the
  /// multiplication with the rounding: one float32 multiply-add. `acc` is an
  /// i32 or i64 within 32 bits, `factor` an f32 from findFusedFactor().
  mlir::Value requantizeFused(mlir::Value acc, mlir::Value factor,
                              int32_t zeroPoint, IntegerBounds bounds);

  /// Rule N12 on the distances d1 and d2 (i32). Without `tiesAway` negative
  /// sums must not meet a tie, see hasNegativeTie().
  mlir::Value addRequantize(mlir::Value d1, mlir::Value d2,
                            const numerics::AddParams &params, bool tiesAway,
                            int32_t zeroPoint, IntegerBounds bounds);

  /// The quotient of the distances d1 and d2 (i64), see Numerics/Divide.h.
  mlir::Value divideRequantize(mlir::Value d1, mlir::Value d2,
                               const numerics::DivideParams &params,
                               int32_t zeroPoint, IntegerBounds bounds);
  /// The same in float32, on distances as i32 and with the factor of
  /// numerics::findDivideFactor().
  mlir::Value divideByFloats(mlir::Value d1, mlir::Value d2, float factor,
                             int32_t zeroPoint, IntegerBounds bounds);

private:
  mlir::Value doublingHighMul(mlir::Value acc64, mlir::Value m0_64);

  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace q

#endif // QDIALECT_LIB_CONVERSION_INTEGERARITHMETIC_H
