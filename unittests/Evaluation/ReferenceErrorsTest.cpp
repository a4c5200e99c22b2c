//===- ReferenceErrorsTest.cpp - What the reference evaluator refuses -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

using namespace q::eval;

namespace {

class ReferenceErrors : public ReferenceTest {
protected:
  /// A function of one float op on `tensor<4xf32>`.
  void expectFloatOnly(const std::string &op, const char *remedy) {
    std::string ir =
        "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { %0 = " + op +
        " return %0 : tensor<4xf32> }";
    expectError(ir, {}, remedy);
    EXPECT_NE(diagnostics.find("has no integer form"), std::string::npos)
        << diagnostics;
  }
};

TEST_F(ReferenceErrors, FloatOpsNameARemedy) {
  std::string type = " : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>";
  expectFloatOnly("q.div %x, %x" + type, "run q-quantize");
  expectFloatOnly("q.pow %x, %x" + type, "square");
  expectFloatOnly("q.add %x, %x" + type, "run q-quantize");
  expectFloatOnly("q.max %x, %x" + type, "run q-quantize");
  expectFloatOnly("q.layer_norm %x, %x {axis = 0 : i64, epsilon = 0.1 : f32}" +
                      type,
                  "run q-quantize");
  expectFloatOnly("q.unary tanh %x : (tensor<4xf32>) -> tensor<4xf32>",
                  "run q-quantize");
  expectFloatOnly("q.lrn %x {size = 3 : i64, alpha = 1.0 : f32, beta = 0.5 : "
                  "f32, bias = 1.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>",
                  "run q-quantize");
  expectFloatOnly("q.softmax %x {axis = 0 : i64, log} : (tensor<4xf32>) -> "
                  "tensor<4xf32>",
                  "logarithm");
  expectFloatOnly("q.quantizer %x <bits = 8, signed = false, symmetric = "
                  "false, narrow = false, power_of_two = false, axis = -1> : "
                  "tensor<4xf32>",
                  "q-calibrate");
}

TEST_F(ReferenceErrors, OtherDialectsAreRefused) {
  expectError("func.func @f() -> tensor<4xf32> { %0 = func.call @g() : () -> "
              "tensor<4xf32> return %0 : tensor<4xf32> }"
              "func.func private @g() -> tensor<4xf32>",
              {}, "not an op that computes");
}

TEST_F(ReferenceErrors, SoftmaxNeedsItsFixedScale) {
  expectError(R"(
    !x = tensor<1x4x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: !x) -> !x {
      %0 = q.softmax %x {axis = 1 : i64} : (!x) -> !x
      return %0 : !x
    })",
              {}, "must have a result of scale 2^-8 and zero point 0");
}

TEST_F(ReferenceErrors, MissingBlobsAndValuesOutOfRange) {
  expectError(R"(
    func.func @f() -> tensor<4xf32> {
      %0 = q.const dense_resource<absent> : tensor<4xf32>
      return %0 : tensor<4xf32>
    })",
              {}, "'absent' is missing");
  expectError(R"(
    !n = tensor<2x!quant.uniform<i8<-127:127>:f32, 0.5>>
    func.func @f() -> !n {
      %0 = q.const dense<[1, -128]> : tensor<2xi8> as !n
      return %0 : !n
    })",
              {}, "holds -128, outside of the storage range");
}

TEST_F(ReferenceErrors, InputsThatDoNotFit) {
  const char *ir = R"(
    !x = tensor<2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: !x) -> !x { return %x : !x })";
  expectError(ir, {}, "takes 1 inputs, but was given 0");
  expectError(ir, {Tensor({3}, Ints{1, 2, 3})}, "was given shape [3]");
  expectError(ir, {Tensor::floats({2})}, "was given floats");
  expectError(ir, {Tensor({2}, Ints{0, 256})}, "was given 256 in input 0");
  EXPECT_EQ(evaluate(ir, {Tensor({2}, Ints{0, 255})}), (Ints{0, 255}));
}

TEST_F(ReferenceErrors, TheObserverSeesEveryResultInOrder) {
  std::unique_ptr<Evaluator> evaluator = create(R"(
    !x = tensor<2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: tensor<2xf32>) -> !x {
      %0 = q.quantize %x : tensor<2xf32> -> !x
      %1 = q.const dense<[1, 2]> : tensor<2xi8> as !x
      %2 = q.add %0, %1 : (!x, !x) -> !x
      return %2 : !x
    })");
  ASSERT_TRUE(evaluator) << diagnostics;
  EXPECT_TRUE(isQuantized(*module->getOps<mlir::func::FuncOp>().begin()));
  for (int run = 0; run < 2; ++run) {
    std::vector<Ints> seen;
    std::vector<std::string> names;
    auto results = evaluator->run(
        {Tensor({2}, std::vector<float>{1.f, 2.f})},
        [&](mlir::Value value, const Tensor &tensor) {
          seen.push_back(tensor.i());
          names.push_back(
              value.getDefiningOp()->getName().getStringRef().str());
        });
    ASSERT_TRUE(succeeded(results));
    EXPECT_EQ(seen, (std::vector<Ints>{{2, 4}, {1, 2}, {3, 6}}));
    EXPECT_EQ(names,
              (std::vector<std::string>{"q.quantize", "q.const", "q.add"}));
  }
}

TEST_F(ReferenceErrors, FloatOpsBetweenBordersAreNotQuantized) {
  create(R"(
    !x = tensor<2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: tensor<2xf32>) -> !x {
      %0 = q.quantize %x : tensor<2xf32> -> !x
      %1 = q.dequantize %0 : !x -> tensor<2xf32>
      %2 = q.add %1, %1 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %3 = q.quantize %2 : tensor<2xf32> -> !x
      return %3 : !x
    })");
  EXPECT_FALSE(isQuantized(*module->getOps<mlir::func::FuncOp>().begin()));
}

TEST_F(ReferenceErrors, FloatFunctionsAreNotQuantized) {
  create("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {"
         " return %x : tensor<4xf32> }");
  EXPECT_FALSE(isQuantized(*module->getOps<mlir::func::FuncOp>().begin()));
}

} // namespace
