//===- QuantParams.h - Scales, zero points and storage ranges ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_QUANTPARAMS_H
#define QDIALECT_NUMERICS_QUANTPARAMS_H

#include "QDialect/Numerics/Result.h"

#include <cstddef>
#include <cstdint>

namespace q::numerics {

/// The integers that a storage type may hold, both ends included.
struct StorageRange {
  int64_t qmin;
  int64_t qmax;
};

/// The range of `bits`-bit integers, 1 <= bits <= 32. `narrow` drops the lowest
/// value of a signed type, so that the range is symmetric: [-127, 127].
StorageRange storageRange(unsigned bits, bool isSigned, bool narrow = false);

/// The affine map of rule N1, real = scale * (q - zeroPoint), and the range of
/// q. `scale` is always the value of a normal float32 greater than zero.
struct QuantParams {
  double scale = 1.0;
  int64_t zeroPoint = 0;
  int64_t qmin = 0;
  int64_t qmax = 255;
};

inline bool operator==(const QuantParams &a, const QuantParams &b) {
  return a.scale == b.scale && a.zeroPoint == b.zeroPoint && a.qmin == b.qmin &&
         a.qmax == b.qmax;
}
inline bool operator!=(const QuantParams &a, const QuantParams &b) {
  return !(a == b);
}

/// Rounds a positive scale to float32. A scale too small for a normal float32
/// becomes the smallest one: kernels may run with subnormals flushed to zero,
/// and a zero scale has no inverse. Fails if not positive, not finite or above
/// the largest float32.
Result<double> roundScale(double scale);

/// Asymmetric parameters for the real range [min, max] (rule N4): the range is
/// widened to contain 0, the zero point is rounded, and so 0 is exact. An empty
/// range (min = max = 0, a dead tensor) gives scale 1 and the lowest zero
/// point. Fails if a bound is NaN or infinite, if min > max, or if bits is
/// outside 2..16.
Result<QuantParams> chooseAsymmetric(double min, double max, unsigned bits,
                                     bool isSigned);

/// Symmetric parameters (Z = 0) that map `absMax` to the largest stored value
/// (rule N2). With `narrow` a signed range loses its lowest value; otherwise it
/// is L's [-2^(b-1), 2^(b-1) - 1]. absMax = 0 gives scale 1. Fails if absMax is
/// negative, NaN or infinite, or if bits is outside 2..16.
Result<QuantParams> chooseSymmetric(double absMax, unsigned bits, bool isSigned,
                                    bool narrow);

/// The symmetric parameters of a weight tensor or channel (rule N2): 8 bits and
/// more never use the lowest value; fewer bits use L's range, unless
/// `narrow` asks for the narrow one.
Result<QuantParams> chooseWeight(double absMax, unsigned bits,
                                 bool narrow = false);

/// Symmetric parameters with a power of two as the scale (rule N5):
/// 2^ceil(log2 t) / 2^(b-1) for signed and / 2^b for unsigned storage, where t
/// is the threshold `absMax`. Same failures as chooseSymmetric, and also a
/// scale that no normal float32 has.
Result<QuantParams> choosePowerOfTwo(double absMax, unsigned bits,
                                     bool isSigned);

/// True if `scale` is 2^n for an integer n.
bool isPowerOfTwo(double scale);

/// Rule N3: clamp(roundHalfEven(real / scale) + zeroPoint), the division in
/// float32. NaN gives the zero point, infinities saturate.
int64_t quantize(float real, const QuantParams &params);

/// The same in double, for constants that are made at compile time from real
/// values that no float32 step has touched: the tables of N15.
int64_t quantizeExact(double real, const QuantParams &params);

/// float32 scale * (q - zeroPoint), as ONNX's DequantizeLinear does.
float dequantize(int64_t q, const QuantParams &params);

/// y[i] = dequantize(quantize(x[i])) to the bit, of many values at a time, for
/// storage of at most 16 bits. `y` may be `x`.
void simulate(const QuantParams &params, const float *x, float *y,
              size_t count);

/// Nearest integer, ties to the even one, whatever the sign.
double roundHalfEven(double x);
float roundHalfEven(float x);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_QUANTPARAMS_H
