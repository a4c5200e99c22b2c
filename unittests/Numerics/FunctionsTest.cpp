//===- FunctionsTest.cpp - Functions and their tables ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Functions.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

const std::vector<UnaryKind> allKinds = {UnaryKind::Abs,
                                         UnaryKind::Neg,
                                         UnaryKind::Exp,
                                         UnaryKind::Log,
                                         UnaryKind::Sqrt,
                                         UnaryKind::Rsqrt,
                                         UnaryKind::Reciprocal,
                                         UnaryKind::Sigmoid,
                                         UnaryKind::Tanh,
                                         UnaryKind::Erf,
                                         UnaryKind::Gelu,
                                         UnaryKind::GeluTanh,
                                         UnaryKind::Elu,
                                         UnaryKind::Selu,
                                         UnaryKind::Celu,
                                         UnaryKind::LeakyRelu,
                                         UnaryKind::HardSigmoid,
                                         UnaryKind::HardSwish,
                                         UnaryKind::Silu,
                                         UnaryKind::Mish,
                                         UnaryKind::Softplus,
                                         UnaryKind::Softsign,
                                         UnaryKind::ThresholdedRelu,
                                         UnaryKind::Relu,
                                         UnaryKind::Floor,
                                         UnaryKind::Ceil,
                                         UnaryKind::Round,
                                         UnaryKind::Sign,
                                         UnaryKind::Sin,
                                         UnaryKind::Cos,
                                         UnaryKind::Square};

double evaluateDefault(UnaryKind kind, double x) {
  UnaryDefaults d = unaryDefaults(kind);
  return evaluate(kind, x, d.alpha, d.beta);
}

TEST(Functions, KnownValues) {
  struct Known {
    UnaryKind kind;
    double x, y;
  };
  // To 12 digits, computed from the definitions with another program.
  const Known known[] = {
      {UnaryKind::Abs, -2, 2},
      {UnaryKind::Neg, -2, 2},
      {UnaryKind::Exp, 1, 2.718281828459},
      {UnaryKind::Log, 2, 0.693147180560},
      {UnaryKind::Sqrt, 2, 1.414213562373},
      {UnaryKind::Rsqrt, 4, 0.5},
      {UnaryKind::Reciprocal, -4, -0.25},
      {UnaryKind::Sigmoid, 1, 0.731058578630},
      {UnaryKind::Tanh, 1, 0.761594155956},
      {UnaryKind::Erf, 1, 0.842700792950},
      {UnaryKind::Gelu, 1, 0.841344746069},
      {UnaryKind::Gelu, -2, -0.045500263896},
      {UnaryKind::GeluTanh, 1, 0.841191990608},
      {UnaryKind::Elu, -2, -0.864664716763},
      {UnaryKind::Selu, -2, -1.520166473348},
      {UnaryKind::Selu, 1, 1.050701022148},
      {UnaryKind::Celu, -2, -0.864664716763},
      {UnaryKind::LeakyRelu, -2, -0.02},
      {UnaryKind::HardSigmoid, 1, 0.7},
      {UnaryKind::HardSwish, 1, 0.666666666667},
      {UnaryKind::Silu, 1, 0.731058578630},
      {UnaryKind::Mish, 1, 0.865098388267},
      {UnaryKind::Softplus, 1, 1.313261687518},
      {UnaryKind::Softsign, -2, -0.666666666667},
      {UnaryKind::ThresholdedRelu, 1, 0},
      {UnaryKind::ThresholdedRelu, 1.5, 1.5},
      {UnaryKind::Relu, -2, 0},
      {UnaryKind::Floor, -1.5, -2},
      {UnaryKind::Ceil, -1.5, -1},
      {UnaryKind::Round, 2.5, 2},
      {UnaryKind::Round, -1.5, -2},
      {UnaryKind::Sign, -2, -1},
      {UnaryKind::Sin, 1, 0.841470984808},
      {UnaryKind::Cos, 1, 0.540302305868},
      {UnaryKind::Square, -2, 4},
  };
  for (const Known &k : known)
    EXPECT_NEAR(evaluateDefault(k.kind, k.x), k.y, 2e-12)
        << int(k.kind) << " at " << k.x;
}

TEST(Functions, ParametersAreUsed) {
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::Elu, -1, 2, 0), 2 * std::expm1(-1));
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::Selu, -1, 2, 3), 6 * std::expm1(-1));
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::Celu, -1, 2, 0), 2 * std::expm1(-0.5));
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::LeakyRelu, -1, 0.3, 0), -0.3);
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::HardSigmoid, 1, 0.1, 0.25), 0.35);
  EXPECT_DOUBLE_EQ(evaluate(UnaryKind::ThresholdedRelu, 2, 3, 0), 0);
}

TEST(Functions, ExtremesStayDefined) {
  for (UnaryKind kind : allKinds) {
    EXPECT_TRUE(std::isnan(evaluateDefault(kind, std::nan(""))));
    // Only periodic functions and roots or logarithms of negative numbers
    // have no value at the ends of the line.
    for (double x : {1e300, -1e300, 800.0, -800.0, 0.0}) {
      bool undefined =
          x < 0 && (kind == UnaryKind::Log || kind == UnaryKind::Sqrt ||
                    kind == UnaryKind::Rsqrt);
      EXPECT_EQ(std::isnan(evaluateDefault(kind, x)), undefined)
          << int(kind) << " at " << x;
    }
  }
  // The left tails keep their digits.
  EXPECT_NEAR(evaluateDefault(UnaryKind::Gelu, -10) / -7.619853024160e-23, 1,
              1e-9);
  EXPECT_NEAR(evaluateDefault(UnaryKind::Softplus, -50) / std::exp(-50.0), 1,
              1e-12);
}

TEST(Tables, EveryEntryIsTheNearestStoredValue) {
  QuantParams in{*roundScale(0.05), 100, 0, 255};
  for (const QuantParams &out : {QuantParams{*roundScale(0.03), 60, 0, 255},
                                 QuantParams{1.0 / 256, -128, -128, 127},
                                 QuantParams{1.0 / 128, 0, -128, 127}})
    for (UnaryKind kind : allKinds) {
      UnaryDefaults d = unaryDefaults(kind);
      auto table = makeTable(kind, in, out, d.alpha, d.beta);
      ASSERT_EQ(table.size(), 256u);
      for (int q = 0; q < 256; ++q) {
        double y = evaluateDefault(kind, in.scale * (q - 100));
        int32_t entry = table[size_t(q)];
        ASSERT_GE(entry, out.qmin);
        ASSERT_LE(entry, out.qmax);
        if (std::isnan(y)) {
          ASSERT_EQ(entry, out.zeroPoint);
          continue;
        }
        // No other stored value is nearer.
        double error = std::fabs(out.scale * double(entry - out.zeroPoint) - y);
        for (int64_t other : {int64_t(entry) - 1, int64_t(entry) + 1})
          if (other >= out.qmin && other <= out.qmax && !std::isinf(y))
            ASSERT_LE(error,
                      std::fabs(out.scale * double(other - out.zeroPoint) - y))
                << int(kind) << " at " << q;
      }
    }
}

TEST(Tables, WidthsAndSignedness) {
  QuantParams unsignedIn{*roundScale(0.05), 100, 0, 255};
  QuantParams signedIn{unsignedIn.scale, -28, -128, 127};
  QuantParams out{1.0 / 256, 0, 0, 255};
  // The same numbers in both storages (N2), so the same table.
  EXPECT_EQ(makeTable(UnaryKind::Sigmoid, unsignedIn, out, 0, 0),
            makeTable(UnaryKind::Sigmoid, signedIn, out, 0, 0));
  EXPECT_EQ(makeTable(UnaryKind::Tanh, {0.5, 0, -8, 7}, out, 0, 0).size(), 16u);
  EXPECT_EQ(makeTable(UnaryKind::Tanh, {0.5, 0, -127, 127}, out, 0, 0).size(),
            255u);
  EXPECT_EQ(
      makeTable(UnaryKind::Tanh, {1e-4f, 32768, 0, 65535}, out, 0, 0).size(),
      65536u);
}

TEST(Tables, ByHand) {
  // Reciprocal of 0 saturates, log of it too.
  QuantParams in{1.0, 1, 0, 3}, out{0.25, 8, 0, 255};
  EXPECT_EQ(makeTable(UnaryKind::Reciprocal, in, out, 0, 0),
            (std::vector<int32_t>{4, 255, 12, 10}));
  EXPECT_EQ(makeTable(UnaryKind::Log, in, out, 0, 0),
            (std::vector<int32_t>{8, 0, 8, 11}));
  EXPECT_EQ(makeTable(UnaryKind::Relu, in, out, 0, 0),
            (std::vector<int32_t>{8, 8, 12, 16}));
}

} // namespace
