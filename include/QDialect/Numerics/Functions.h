//===- Functions.h - Unary functions and their tables -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_FUNCTIONS_H
#define QDIALECT_NUMERICS_FUNCTIONS_H

#include "QDialect/Numerics/QuantParams.h"

#include <cstdint>
#include <vector>

namespace q::numerics {

/// The real functions of one variable of rule N15, with ONNX's meaning.
enum class UnaryKind {
  Abs,
  Neg,
  Exp,
  Log,
  Sqrt,
  /// 1 / sqrt(x)
  Rsqrt,
  /// 1 / x
  Reciprocal,
  /// 1 / (1 + exp(-x))
  Sigmoid,
  Tanh,
  Erf,
  /// x * (1 + erf(x / sqrt 2)) / 2
  Gelu,
  /// x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
  GeluTanh,
  /// x, or alpha * (exp(x) - 1) below 0
  Elu,
  /// beta * x, or beta * alpha * (exp(x) - 1) below 0; beta is ONNX's gamma
  Selu,
  /// x, or alpha * (exp(x / alpha) - 1) below 0
  Celu,
  /// x, or alpha * x below 0
  LeakyRelu,
  /// clamp(alpha * x + beta, 0, 1)
  HardSigmoid,
  /// x * clamp(x / 6 + 1/2, 0, 1)
  HardSwish,
  /// x * sigmoid(x)
  Silu,
  /// x * tanh(log(1 + exp(x)))
  Mish,
  /// log(1 + exp(x))
  Softplus,
  /// x / (1 + |x|)
  Softsign,
  /// x above alpha, else 0
  ThresholdedRelu,
  Relu,
  Floor,
  Ceil,
  /// Ties to the even integer.
  Round,
  Sign,
  Sin,
  Cos,
  Square,
};

/// The values that ONNX gives alpha and beta of a function where a node has no
/// such attribute; 0 where the function does not use them.
struct UnaryDefaults {
  double alpha;
  double beta;
};
UnaryDefaults unaryDefaults(UnaryKind kind);

/// The function at x, in double. What the reals do not define is NaN or
/// infinite as IEEE 754 says: log(-1), 1/0. NaN goes in and comes out.
double evaluate(UnaryKind kind, double x, double alpha, double beta);

/// The table of rule N15: entry i is the correctly rounded quantized value of
/// the function at the real value of storage value in.qmin + i, so there are
/// in.qmax - in.qmin + 1 entries. NaN becomes the output's zero point.
std::vector<int32_t> makeTable(UnaryKind kind, const QuantParams &in,
                               const QuantParams &out, double alpha,
                               double beta);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_FUNCTIONS_H
