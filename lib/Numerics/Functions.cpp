//===- Functions.cpp - Unary functions and their tables -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace q::numerics;

UnaryDefaults q::numerics::unaryDefaults(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Elu:
  case UnaryKind::Celu:
  case UnaryKind::ThresholdedRelu:
    return {1.0, 0.0};
  case UnaryKind::Selu:
    // The values of the operator's definition, which are float32 numbers.
    return {1.67326319217681884765625, 1.05070102214813232421875};
  case UnaryKind::LeakyRelu:
    return {0.01, 0.0};
  case UnaryKind::HardSigmoid:
    return {0.2, 0.5};
  default:
    return {0.0, 0.0};
  }
}

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Without overflow for large x, without cancellation for very negative x.
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

/// clamp() would be undefined for NaN; this lets it through.
double clampUnit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

} // namespace

double q::numerics::evaluate(UnaryKind kind, double x, double alpha,
                             double beta) {
  constexpr double sqrtHalf = 0.70710678118654752440;
  constexpr double sqrtTwoOverPi = 0.79788456080286535588;
  // Products with a function that vanishes would give NaN at infinity.
  auto timesX = [&](double factor) { return factor == 0 ? 0.0 : x * factor; };
  if (std::isnan(x))
    return x;
  switch (kind) {
  case UnaryKind::Abs:
    return std::fabs(x);
  case UnaryKind::Neg:
    return -x;
  case UnaryKind::Exp:
    return std::exp(x);
  case UnaryKind::Log:
    return std::log(x);
  case UnaryKind::Sqrt:
    return std::sqrt(x);
  case UnaryKind::Rsqrt:
    return 1 / std::sqrt(x);
  case UnaryKind::Reciprocal:
    return 1 / x;
  case UnaryKind::Sigmoid:
    return sigmoid(x);
  case UnaryKind::Tanh:
    return std::tanh(x);
  case UnaryKind::Erf:
    return std::erf(x);
  case UnaryKind::Gelu:
    // erfc keeps the digits of the left tail that 1 + erf would lose.
    return timesX(std::erfc(-x * sqrtHalf) / 2);
  case UnaryKind::GeluTanh:
    // (1 + tanh t) / 2 = sigmoid(2 t), again for the left tail.
    return timesX(sigmoid(2 * sqrtTwoOverPi * x * (1 + 0.044715 * x * x)));
  case UnaryKind::Elu:
    return x < 0 ? alpha * std::expm1(x) : x;
  case UnaryKind::Selu:
    return beta * (x < 0 ? alpha * std::expm1(x) : x);
  case UnaryKind::Celu:
    // ONNX's max(0, x) + min(0, ...), whose terms overlap for alpha < 0.
    return std::max(0.0, x) + std::min(0.0, alpha * std::expm1(x / alpha));
  case UnaryKind::LeakyRelu:
    return x < 0 ? alpha * x : x;
  case UnaryKind::HardSigmoid:
    return clampUnit(alpha * x + beta);
  case UnaryKind::HardSwish:
    return timesX(clampUnit(x / 6 + 0.5));
  case UnaryKind::Silu:
    return timesX(sigmoid(x));
  case UnaryKind::Mish:
    return timesX(std::tanh(softplus(x)));
  case UnaryKind::Softplus:
    return softplus(x);
  case UnaryKind::Softsign:
    return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::fabs(x));
  case UnaryKind::ThresholdedRelu:
    return x > alpha ? x : 0;
  case UnaryKind::Relu:
    return std::max(x, 0.0);
  case UnaryKind::Floor:
    return std::floor(x);
  case UnaryKind::Ceil:
    return std::ceil(x);
  case UnaryKind::Round:
    return roundHalfEven(x);
  case UnaryKind::Sign:
    return x > 0 ? 1 : x < 0 ? -1 : 0;
  case UnaryKind::Sin:
    return std::sin(x);
  case UnaryKind::Cos:
    return std::cos(x);
  case UnaryKind::Square:
    return x * x;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<int32_t> q::numerics::makeTable(UnaryKind kind,
                                            const QuantParams &in,
                                            const QuantParams &out,
                                            double alpha, double beta) {
  std::vector<int32_t> table;
  table.reserve(size_t(in.qmax - in.qmin + 1));
  for (int64_t q = in.qmin; q <= in.qmax; ++q) {
    double x = in.scale * double(q - in.zeroPoint); // Exact: 24 + 17 bits.
    table.push_back(
        int32_t(quantizeExact(evaluate(kind, x, alpha, beta), out)));
  }
  return table;
}
