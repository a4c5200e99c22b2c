//===- Bias.h - Biases that fit the accumulator -----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_BIAS_H
#define QDIALECT_NUMERICS_BIAS_H

#include "QDialect/Numerics/Result.h"

#include <cstdint>

namespace q::numerics {

/// The largest magnitude of a quantized bias, 2^30 - 1: one bit less than int32
/// has, so that the products of a layer have room of their own (rule N7).
constexpr int32_t maxBias = (int32_t(1) << 30) - 1;

/// Rule N7: roundHalfEven(bias / (inputScale * weightScale)) in double. Fails,
/// naming the numbers, if the bias is NaN or infinite, or if its quotient is
/// beyond maxBias in magnitude.
Result<int32_t> quantizeBias(double bias, double inputScale,
                             double weightScale);

/// The least float32 scale that is not below `weightScale` and with which
/// quantizeBias() succeeds: weightScale itself for all but tiny scales. Larger
/// weight scales lose bits of weights that hardly matter beside such a bias;
/// the caller remarks on it. Fails if an argument is not finite or a scale not
/// positive, or if no float32 is large enough.
Result<double> weightScaleForBias(double bias, double inputScale,
                                  double weightScale);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_BIAS_H
