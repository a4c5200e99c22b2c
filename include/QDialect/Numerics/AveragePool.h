//===- AveragePool.h - Multipliers of averages ------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_AVERAGEPOOL_H
#define QDIALECT_NUMERICS_AVERAGEPOOL_H

#include "QDialect/Numerics/Multiplier.h"

#include <cstdint>

namespace q::numerics {

/// The multiplier of an average over `count` elements (rule N14): the int32 sum
/// of q - Zx is requantized with M = Sx / (Sy * count), the only rounding.
/// Where padding is not counted, border positions have counts, and multipliers,
/// of their own. Fails as makeMultiplier() does, and if count < 1.
Result<Multiplier>
averageMultiplier(double inputScale, double outputScale, int64_t count,
                  MultiplierWidth width = MultiplierWidth::Q31);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_AVERAGEPOOL_H
