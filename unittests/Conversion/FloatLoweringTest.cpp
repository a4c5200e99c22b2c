//===- FloatLoweringTest.cpp - Float islands against the reference --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op that may stay in float, compiled, has the bits of the reference
// evaluator: on random numbers, extremes, infinities and NaN.
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"
#include "LoweringText.h"

#include "gtest/gtest.h"

using namespace q::test;

namespace {

/// A module that allows float islands.
std::string islands(const std::string &signature, const std::string &body) {
  std::string text = main(signature, body);
  std::string mark = "module attributes {";
  return text.insert(text.find(mark) + mark.size(), "q.float_islands, ");
}

/// One op of operands `x`, `y` ... of the given types.
void expectOp(const std::string &op, const std::vector<std::string> &types,
              const std::string &result, const std::string &attributes = "") {
  std::string arguments, operands, inputs;
  for (size_t i = 0; i < types.size(); ++i) {
    std::string name = "%x" + std::to_string(i), comma = i ? ", " : "";
    arguments += comma + name + ": tensor<" + types[i] + ">";
    operands += comma + name;
    inputs += comma + "tensor<" + types[i] + ">";
  }
  std::string out = "tensor<" + result + ">";
  expectSameBits(islands("(" + arguments + ") -> " + out,
                         "%r = " + op + " " + operands + " " + attributes +
                             " : (" + inputs + ") -> " + out +
                             "\nreturn %r : " + out));
}

TEST(FloatLowering, Pairs) {
  for (const char *op :
       {"q.add", "q.sub", "q.mul", "q.div", "q.min", "q.max", "q.prelu",
        "q.compare equal", "q.compare less", "q.compare less_or_equal"})
    expectOp(op, {"3x50xf32", "50xf32"}, "3x50xf32");
  expectOp("q.add", {"3x50xf32", "3x1xf32"}, "3x50xf32",
           "{clamp_min = 0.0 : f32, clamp_max = 6.0 : f32}");
  expectOp("q.select", {"3x50xf32", "50xf32", "3x1xf32"}, "3x50xf32");
  expectOp("q.clamp", {"99xf32"}, "99xf32", "{clamp_min = -1.0 : f32}");
}

TEST(FloatLowering, Functions) {
  for (const char *kind : {"abs",
                           "neg",
                           "exp",
                           "log",
                           "sqrt",
                           "rsqrt",
                           "reciprocal",
                           "sigmoid",
                           "tanh",
                           "erf",
                           "gelu",
                           "gelu_tanh",
                           "elu",
                           "selu",
                           "celu",
                           "leaky_relu",
                           "hard_sigmoid",
                           "hard_swish",
                           "silu",
                           "mish",
                           "softplus",
                           "softsign",
                           "thresholded_relu",
                           "floor",
                           "ceil",
                           "round",
                           "sign",
                           "square"})
    expectOp(std::string("q.unary ") + kind, {"1000xf32"}, "1000xf32",
             "{alpha = 0.7 : f32, beta = 0.4 : f32}");
}

TEST(FloatLowering, Reductions) {
  for (const char *kind : {"sum", "mean", "max", "min"}) {
    expectOp(std::string("q.reduce ") + kind, {"3x4x5xf32"}, "4xf32",
             "{axes = array<i64: 0, 2>}");
    expectOp(std::string("q.reduce ") + kind, {"3x4x5xf32"}, "3x1x5xf32",
             "{axes = array<i64: 1>, keep_dims}");
  }
  for (const char *kind : {"max", "min"})
    for (const char *last : {"", ", last"})
      expectOp(std::string("q.arg_reduce ") + kind, {"3x7x5xf32"}, "3x1x5xf32",
               std::string("{axis = 1 : i64") + last + "}");
}

TEST(FloatLowering, Normalizations) {
  expectOp("q.softmax", {"4x9x3xf32"}, "4x9x3xf32", "{axis = 1 : i64}");
  expectOp("q.softmax", {"4x9x3xf32"}, "4x9x3xf32", "{axis = 2 : i64, log}");
  expectOp("q.layer_norm", {"4x5x6xf32", "6xf32", "5x6xf32"}, "4x5x6xf32",
           "{axis = 1 : i64, epsilon = 1.0e-5 : f32}");
  expectOp("q.layer_norm", {"4x6xf32", "6xf32"}, "4x6xf32",
           "{axis = 1 : i64, epsilon = 0.1 : f32}");
}

TEST(FloatLowering, Layers) {
  std::string window =
      "{strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 0, "
      "2>, dilations = array<i64: 1, 2>, groups = 2 : i64, "
      "clamp_min = 0.0 : f32}";
  expectSameBits(islands(
      "(%x: tensor<2x7x8x6xf32>, %w: tensor<4x3x2x3xf32>, %b: tensor<4xf32>) "
      "-> tensor<2x3x8x4xf32>",
      "%0 = q.conv2d %x, %w bias %b " + window +
          " : (tensor<2x7x8x6xf32>, tensor<4x3x2x3xf32>, tensor<4xf32>) -> "
          "tensor<2x3x8x4xf32>\nreturn %0 : tensor<2x3x8x4xf32>"));
  expectOp("q.gemm", {"3x17xf32", "5x17xf32"}, "3x5xf32");
  expectSameBits(islands(
      "(%x: tensor<3x17xf32>, %w: tensor<5x17xf32>, %b: tensor<5xf32>) -> "
      "tensor<3x5xf32>",
      "%0 = q.gemm %x, %w bias %b {clamp_max = 6.0 : f32} : (tensor<3x17xf32>, "
      "tensor<5x17xf32>, tensor<5xf32>) -> tensor<3x5xf32>\nreturn %0 : "
      "tensor<3x5xf32>"));
  expectOp("q.matmul", {"2x1x3x7xf32", "4x7x5xf32"}, "2x4x3x5xf32");
}

TEST(FloatLowering, Pools) {
  std::string window = "kernel = array<i64: 3, 2>, strides = array<i64: 2, 1>, "
                       "pads = array<i64: 1, 1, 1, 0>, dilations = array<i64: "
                       "1, 2>";
  expectOp("q.max_pool2d", {"2x7x8x3xf32"}, "2x4x7x3xf32", "{" + window + "}");
  expectOp("q.avg_pool2d", {"2x7x8x3xf32"}, "2x4x7x3xf32", "{" + window + "}");
  expectOp("q.avg_pool2d", {"2x7x8x3xf32"}, "2x4x7x3xf32",
           "{" + window + ", count_include_pad, clamp_max = 1.0 : f32}");
}

TEST(FloatLowering, BetweenIntegers) {
  expectSameBits(islands("(%x: tensor<4x9x!a>) -> tensor<4x9x!b>", R"(
  %0 = q.add %x, %x : (tensor<4x9x!a>, tensor<4x9x!a>) -> tensor<4x9x!c>
  %1 = q.dequantize %0 : tensor<4x9x!c> -> tensor<4x9xf32>
  %2 = q.softmax %1 {axis = 1 : i64, log} : (tensor<4x9xf32>) -> tensor<4x9xf32>
  %3 = q.transpose %2 {perm = array<i64: 1, 0>} : (tensor<4x9xf32>) -> tensor<9x4xf32>
  %4 = q.unary gelu %3 : (tensor<9x4xf32>) -> tensor<9x4xf32>
  %5 = q.transpose %4 {perm = array<i64: 1, 0>} : (tensor<9x4xf32>) -> tensor<4x9xf32>
  %6 = q.quantize %5 : tensor<4x9xf32> -> tensor<4x9x!a>
  %7 = q.mul %6, %x : (tensor<4x9x!a>, tensor<4x9x!a>) -> tensor<4x9x!b>
  return %7 : tensor<4x9x!b>)"));
}

TEST(FloatLowering, CallsNoLibrary) {
  CompiledModel model(islands("(%x: tensor<64xf32>) -> tensor<64xf32>", R"(
  %0 = q.unary log %x : (tensor<64xf32>) -> tensor<64xf32>
  %1 = q.unary tanh %0 : (tensor<64xf32>) -> tensor<64xf32>
  %2 = q.unary floor %1 : (tensor<64xf32>) -> tensor<64xf32>
  %3 = q.unary sqrt %2 : (tensor<64xf32>) -> tensor<64xf32>
  return %3 : tensor<64xf32>)"));
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model.getUndefinedSymbols(), std::vector<std::string>());
}

} // namespace
