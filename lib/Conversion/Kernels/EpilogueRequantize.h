//===- EpilogueRequantize.h - From sums to integers -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUEREQUANTIZE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUEREQUANTIZE_H

#include "KernelEpilogue.h"

namespace q::kernel {

/// Writes rule N10 for vectors of accumulators.
class RequantizeEmitter {
public:
  /// `form` is the layer's or, where that is mixed, the panel's.
  RequantizeEmitter(KernelEmitter &e, const EpilogueSpec &spec, Epilogue form)
      : e(e), b(e.b), spec(spec), form(form), lanes(spec.traits.lanes) {}

  /// Loads the multipliers and shifts of a vector of channels.
  void loadConstants(Value at);

  /// Multiplies accumulators with the constants that were loaded last, and
  /// rounds.
  Value requantize(Value acc);

  /// Whether requantize() adds the zero point on the way.
  bool addsZeroPoint() const {
    return form == Epilogue::Float && !spec.residual;
  }

private:
  /// The low mantissa bits of fma(float32(acc), multiplier, 1.5 * 2^23 + zp):
  /// one rounding of the exact product. The multiplier was chosen so that this
  /// is rule N10 for every accumulator.
  Value requantizeFloat(Value acc);
  /// (x + 2^(s-1) - (x < 0)) >> s in int32; without the middle term ties go
  /// upward. `amounts` may be 0, which is no shift and no rounding.
  Value shiftRight(Value x, Value amounts, bool tiesAway);
  /// x shifted left by `amounts` <= 0, which is a right shift that rounds ties
  /// upward (SRSHL).
  Value shiftRounding(Value x, Value amounts);
  /// The exact 64-bit product, one rounding: (x * m + 2^(s-1)) >> s.
  Value requantizeFixed64(Value x, Value m, Value s);
  /// The same on NEON for shifts of 32 and more where ties go upward:
  /// floor(x * m / 2^31) (SQDMULH), shifted with rounding by s - 31. The
  /// product loses bits below 2^31, of which 2^(s-1) is a multiple: they carry
  /// nothing.
  Value requantizeFixed64Neon(Value acc);
  /// product + 2^(s-1), and - 1 below zero where ties go away from zero.
  Value addHalf(Value product, Value s);
  /// The same on x86, which multiplies the even lanes of a vector (vpmuldq)
  /// and has no arithmetic 64-bit shift: 2^62 makes the sum positive and is
  /// taken off again behind a logical shift, of which it is a multiple. With
  /// shifts of 32 and more (`isHigh`), the odd results are shifted right into
  /// the upper halves, where they belong.
  Value requantizeFixed64X86(Value acc, bool isHigh);
  /// The even lanes of a vector of i32 as i64.
  Value even(Value v);
  /// The odd lanes, moved to the even ones first: where the extension is
  /// computed outside of a loop, LLVM knows vpmuldq only by the form that
  /// even() has.
  Value odd(Value v);
  /// The low halves of `evens` and the high halves of `odds`.
  Value join(Value evens, Value odds);
  /// SQRDMULH, then a rounding shift. gemmlowp's nudge and truncation come to
  /// (2^30 + product) >> 31 for both signs.
  Value requantizeGemmlowp(Value acc);
  /// Computes in int64 and keeps the low halves. x86 multiplies the even lanes
  /// of a vector, so there even and odd lanes are the two halves.
  Value wide(Value acc,
             llvm::function_ref<Value(Value x, Value m, Value s)> compute);
  /// An instruction of NEON that takes two vectors of four i32.
  Value neon(llvm::StringRef name, Value a, Value c);

  KernelEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  const EpilogueSpec &spec;
  Epilogue form;
  int64_t lanes;
  Value multiplier, shift;
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUEREQUANTIZE_H
