//===- Multiplier.cpp - A real number as a fixed-point factor -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Multiplier.h"

#include <cmath>
#include <cstdio>

using namespace q::numerics;

static Failure badMultiplier(double real, const char *what) {
  char buffer[96];
  std::snprintf(buffer, sizeof buffer, "the multiplier %g %s", real, what);
  return Failure{buffer};
}

double Multiplier::toReal() const {
  return std::ldexp(double(m0), -31 - shift);
}

Result<Multiplier> q::numerics::makeMultiplier(double real,
                                               MultiplierWidth width) {
  if (std::isnan(real) || std::isinf(real))
    return badMultiplier(real, "is not finite");
  if (real == 0)
    return badMultiplier(real, "is zero");
  if (real < 0)
    return badMultiplier(real, "is negative");

  int exponent = 0;
  double mantissa = std::frexp(real, &exponent); // in [1/2, 1)
  int fraction = width == MultiplierWidth::Q31 ? 31 : 15;
  // std::round takes ties away from zero; the product is exact.
  int64_t m0 = int64_t(std::round(std::ldexp(mantissa, fraction)))
               << (31 - fraction);
  if (m0 == int64_t(1) << 31) { // Rounded up to 1.
    m0 >>= 1;
    ++exponent;
  }
  if (-exponent < Multiplier::minShift)
    return badMultiplier(real, "is not below 2^31");
  if (-exponent > Multiplier::maxShift)
    return Multiplier{int32_t(1) << 30, Multiplier::maxShift};
  return Multiplier{int32_t(m0), -exponent};
}

Result<Multiplier> q::numerics::makeMultiplier(double inputScale,
                                               double weightScale,
                                               double outputScale,
                                               MultiplierWidth width) {
  return makeMultiplier(inputScale * weightScale / outputScale, width);
}
