//===- Bias.cpp - Biases that fit the accumulator -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Bias.h"

#include "QDialect/Numerics/QuantParams.h"

#include <cfloat>
#include <cmath>
#include <cstdio>

using namespace q::numerics;

static bool fits(double bias, double inputScale, double weightScale) {
  // A product of scales that underflows to 0 gives NaN or infinity: no fit.
  return std::fabs(roundHalfEven(bias / (inputScale * weightScale))) <=
         double(maxBias);
}

static Failure failure(const char *format, double bias, double inputScale,
                       double weightScale) {
  char reason[192];
  std::snprintf(reason, sizeof reason, format, bias, inputScale, weightScale);
  return Failure{reason};
}

Result<int32_t> q::numerics::quantizeBias(double bias, double inputScale,
                                          double weightScale) {
  if (!std::isfinite(bias))
    return failure("the bias %g is not finite", bias, 0, 0);
  if (!fits(bias, inputScale, weightScale))
    return failure("the bias %g does not fit 31 bits in units of the input "
                   "scale %g times the weight scale %g",
                   bias, inputScale, weightScale);
  return int32_t(roundHalfEven(bias / (inputScale * weightScale)));
}

Result<double> q::numerics::weightScaleForBias(double bias, double inputScale,
                                               double weightScale) {
  if (!std::isfinite(bias) || !(inputScale > 0) || std::isinf(inputScale) ||
      !(weightScale > 0) || std::isinf(weightScale))
    return failure("the bias %g, the input scale %g and the weight scale %g "
                   "are not all finite, the scales above 0",
                   bias, inputScale, weightScale);
  Result<double> least = roundScale(weightScale);
  if (!least)
    return Failure{least.reason()};
  if (fits(bias, inputScale, *least))
    return least;
  // Close to the answer; the loops settle the last place.
  double estimate = std::fabs(bias) / (inputScale * double(maxBias));
  if (!(estimate < double(FLT_MAX)))
    return failure("no float32 weight scale lets the bias %g fit 31 bits at "
                   "the input scale %g",
                   bias, inputScale, 0);
  float scale = std::fmax(float(estimate), FLT_MIN);
  while (!fits(bias, inputScale, double(scale)))
    scale = std::nextafter(scale, INFINITY);
  for (float below = std::nextafter(scale, 0.0f);
       double(below) >= *least && fits(bias, inputScale, double(below));
       below = std::nextafter(scale, 0.0f))
    scale = below;
  return double(scale);
}
