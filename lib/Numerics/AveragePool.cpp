//===- AveragePool.cpp - Multipliers of averages --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/AveragePool.h"

using namespace q::numerics;

Result<Multiplier> q::numerics::averageMultiplier(double inputScale,
                                                  double outputScale,
                                                  int64_t count,
                                                  MultiplierWidth width) {
  if (count < 1)
    return Failure{"an average of " + std::to_string(count) +
                   " elements is not defined"};
  return makeMultiplier(inputScale / (outputScale * double(count)), width);
}
