//===- FloatQuantizersTest.cpp - Quantizers in the float evaluator --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

using namespace q::eval;

namespace {

/// A function of one quantizer, of 2 bits.
std::string quantizer(bool isSigned, int axis, const std::string &range) {
  std::string sign = isSigned ? "true" : "false";
  return "func.func @f(%x: tensor<2x3xf32>) -> tensor<2x3xf32> { %y = "
         "q.quantizer %x <bits = 2, signed = " +
         sign + ", symmetric = " + sign +
         ", narrow = false, power_of_two = false, axis = " +
         std::to_string(axis) + "> " + range +
         " : tensor<2x3xf32> return %y : tensor<2x3xf32> }";
}

class FloatQuantizers : public FloatTest {
protected:
  void expectSimulated(const std::string &ir, const Floats &expected) {
    Tensor x({2, 3}, Floats{-9.0f, 0.4f, 0.5f, 1.5f, 2.6f, 9.0f});
    auto evaluator = create(ir, QuantizerMode::Simulate);
    ASSERT_TRUE(evaluator) << diagnostics;
    auto outputs = evaluator->run({x});
    ASSERT_TRUE(succeeded(outputs)) << diagnostics;
    EXPECT_EQ(outputs->front().f(), expected);
  }
};

TEST_F(FloatQuantizers, SimulatesPerTensor) {
  // Scale 1, integers 0 to 3: ties go to the even one.
  expectSimulated(quantizer(false, -1, "min [0.0] max [3.0]"),
                  {0.0f, 0.0f, 0.0f, 2.0f, 3.0f, 3.0f});
  // Scale 1 and zero point 1: -1 to 2.
  expectSimulated(quantizer(false, -1, "min [-1.0] max [2.0]"),
                  {-1.0f, 0.0f, 0.0f, 2.0f, 2.0f, 2.0f});
}

TEST_F(FloatQuantizers, SimulatesPerChannel) {
  // Scales 1 and 0.5 with -2 to 1 of each.
  expectSimulated(quantizer(true, 0, "min [-1.0, -0.5] max [1.0, 0.5]"),
                  {-2.0f, 0.0f, 0.0f, 0.5f, 0.5f, 0.5f});
  // Scales 1, 2 and 4 along the inner dimension.
  expectSimulated(
      quantizer(true, 1, "min [-1.0, -2.0, -4.0] max [1.0, 2.0, 4.0]"),
      {-2.0f, 0.0f, 0.0f, 1.0f, 2.0f, 4.0f});
}

TEST_F(FloatQuantizers, AreNothingUnlessSimulated) {
  Tensor x({2, 3}, Floats{-9.0f, 0.4f, 0.5f, 1.5f, 2.6f, 9.0f});
  expectNear(run(quantizer(true, -1, ""), {x}), x.f(), 0.0f);
}

TEST_F(FloatQuantizers, WithoutARangeCannotBeSimulated) {
  EXPECT_FALSE(create(quantizer(true, -1, ""), QuantizerMode::Simulate));
  expectDiagnostic("has no range; run q-calibrate");
}

} // namespace
