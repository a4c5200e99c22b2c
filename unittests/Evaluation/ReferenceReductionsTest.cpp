//===- ReferenceReductionsTest.cpp - Pools and reductions -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <algorithm>

using namespace q::eval;

namespace {

class ReferenceReductions : public ReferenceTest {};

TEST_F(ReferenceReductions, PaddingNeverWinsAMaxPool) {
  Ints result = evaluate(R"(
    !x = tensor<1x2x2x1x!quant.uniform<i8:f32, 0.5:100>>
    !y = tensor<1x2x2x1x!quant.uniform<i8:f32, 0.5:100>>
    func.func @f(%x: !x) -> !y {
      %y = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 2>,
        pads = array<i64: 1, 1, 0, 1>, dilations = array<i64: 1, 1>} : (!x) -> !y
      return %y : !y
    })",
                         {Tensor({1, 2, 2, 1}, Ints{-128, 3, -100, -5})});
  EXPECT_EQ(result, (Ints{-128, 3, -100, 3}));
}

TEST_F(ReferenceReductions, MaxPoolDilated) {
  Ints result = evaluate(R"(
    !x = tensor<1x1x4x2x!quant.uniform<u8:f32, 0.5>>
    !y = tensor<1x1x2x2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: !x) -> !y {
      %y = q.max_pool2d %x {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 2>} : (!x) -> !y
      return %y : !y
    })",
                         {Tensor({1, 1, 4, 2}, Ints{1, 9, 7, 2, 3, 4, 5, 6})});
  EXPECT_EQ(result, (Ints{3, 9, 7, 6}));
}

TEST_F(ReferenceReductions, AvgPoolByHandAtTheBorder) {
  const std::string pattern = R"(
    !x = tensor<1x2x2x1x!quant.uniform<u8:f32, 1.0:10>>
    !y = tensor<1x3x3x1x!quant.uniform<u8:f32, 1.0:10>>
    func.func @f(%x: !x) -> !y {
      %y = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>,
        pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>ATTRIBUTE} : (!x) -> !y
      return %y : !y
    })";
  auto with = [&](const char *attribute) {
    std::string text = pattern;
    return text.replace(text.find("ATTRIBUTE"), 9, attribute);
  };
  // Reals 1 4 / -5 0.
  Tensor x({1, 2, 2, 1}, Ints{11, 14, 5, 10});
  // Counts 1 2 1 / 2 4 2 / 1 2 1; 2.5 and -2.5 are ties.
  EXPECT_EQ(evaluate(with(""), {x}), (Ints{11, 13, 14, 8, 10, 12, 5, 7, 10}));
  // Always by 4: 0.25 1.25 1 / -1 0 1 / -1.25 -1.25 0.
  EXPECT_EQ(evaluate(with(", count_include_pad"), {x}),
            (Ints{10, 11, 11, 9, 10, 11, 9, 9, 10}));
  EXPECT_EQ(evaluate(with(", clamp_min = 0.0 : f32"), {x}),
            (Ints{11, 13, 14, 10, 10, 12, 10, 10, 10}));
}

TEST_F(ReferenceReductions, AvgPoolAgainstRationals) {
  Ints x = random(1 * 7 * 6 * 3, 0, 255);
  for (const char *mode : {"single", "pow2"}) {
    Ints result = evaluate("module attributes {q.rounding = \"" +
                               std::string(mode) + R"("} {
    func.func @f(%x: tensor<1x7x6x3x!quant.uniform<u8:f32, 0.5:77>>)
        -> tensor<1x4x3x3x!quant.uniform<u8:f32, 0.25:50>> {
      %y = q.avg_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>,
        pads = array<i64: 1, 0, 1, 1>, dilations = array<i64: 1, 1>}
        : (tensor<1x7x6x3x!quant.uniform<u8:f32, 0.5:77>>)
        -> tensor<1x4x3x3x!quant.uniform<u8:f32, 0.25:50>>
      return %y : tensor<1x4x3x3x!quant.uniform<u8:f32, 0.25:50>>
    } })",
                           {Tensor({1, 7, 6, 3}, x)});
    ASSERT_EQ(result.size(), 36u);
    for (int y = 0; y < 4; ++y)
      for (int z = 0; z < 3; ++z)
        for (int c = 0; c < 3; ++c) {
          int64_t sum = 0, count = 0;
          for (int i = 2 * y - 1; i < 2 * y + 2; ++i)
            for (int j = 2 * z; j < 2 * z + 3; ++j)
              if (i >= 0 && i < 7 && j < 6) {
                sum += x[(i * 6 + j) * 3 + c] - 77;
                ++count;
              }
          EXPECT_EQ(result[(y * 3 + z) * 3 + c],
                    clampTo(50 + roundRatio(2 * sum, count), 0, 255));
        }
  }
}

TEST_F(ReferenceReductions, SumMeanMaxMin) {
  Ints x = random(2 * 3 * 5, -128, 127);
  auto results = evaluateAll(R"(
    !x = tensor<2x3x5x!quant.uniform<i8:f32, 0.5:-3>>
    !s = tensor<3x!quant.uniform<i16:f32, 0.75:1>>
    !m = tensor<2x1x1x!quant.uniform<i8:f32, 0.25:4>>
    !e = tensor<2x3x!quant.uniform<i8:f32, 0.5:-3>>
    func.func @f(%x: !x) -> (!s, !m, !e, !e) {
      %0 = q.reduce sum %x {axes = array<i64: 0, 2>} : (!x) -> !s
      %1 = q.reduce mean %x {axes = array<i64: 1, 2>, keep_dims} : (!x) -> !m
      %2 = q.reduce max %x {axes = array<i64: 2>} : (!x) -> !e
      %3 = q.reduce min %x {axes = array<i64: 2>} : (!x) -> !e
      return %0, %1, %2, %3 : !s, !m, !e, !e
    })",
                             {Tensor({2, 3, 5}, x)});
  ASSERT_EQ(results.size(), 4u) << diagnostics;
  for (int b = 0; b < 3; ++b) {
    int64_t sum = 0;
    for (int a = 0; a < 2; ++a)
      for (int c = 0; c < 5; ++c)
        sum += x[(a * 3 + b) * 5 + c] + 3;
    EXPECT_EQ(results[0].i()[b], 1 + roundRatio(2 * sum, 3));
  }
  for (int a = 0; a < 2; ++a) {
    int64_t sum = 0;
    for (int i = 0; i < 15; ++i)
      sum += x[a * 15 + i] + 3;
    EXPECT_EQ(results[1].i()[a],
              clampTo(4 + roundRatio(2 * sum, 15), -128, 127));
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(results[2].i()[i], *std::max_element(&x[i * 5], &x[i * 5] + 5));
    EXPECT_EQ(results[3].i()[i], *std::min_element(&x[i * 5], &x[i * 5] + 5));
  }
}

} // namespace
