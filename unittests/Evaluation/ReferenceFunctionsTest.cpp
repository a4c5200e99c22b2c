//===- ReferenceFunctionsTest.cpp - Softmax, normalizations, resizing -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace q::eval;

namespace {

class ReferenceFunctions : public ReferenceTest {};

TEST_F(ReferenceFunctions, DivAgainstRationals) {
  Ints a = random(64, 0, 255), b = random(64, -128, 127);
  // 7.5 / 0.25 = 30 is 60 steps; x / 0 saturates and 0 / 0 is 0.
  a[0] = 27, b[0] = 4, a[1] = 13, b[1] = 3, a[2] = 12, b[2] = 3;
  Ints result = evaluate(R"(
    !a = tensor<64x!quant.uniform<u8:f32, 0.5:12>>
    !b = tensor<64x!quant.uniform<i8:f32, 0.25:3>>
    !c = tensor<64x!quant.uniform<u8:f32, 0.5:100>>
    func.func @f(%a: !a, %b: !b) -> !c {
      %0 = q.div %a, %b : (!a, !b) -> !c
      return %0 : !c
    })",
                         {Tensor({64}, a), Tensor({64}, b)});
  ASSERT_EQ(result.size(), 64u);
  EXPECT_EQ(result[0], 160);
  EXPECT_EQ(result[1], 255);
  EXPECT_EQ(result[2], 100);
  for (int i = 3; i < 64; ++i) {
    int64_t num = 4 * (a[i] - 12), den = b[i] - 3;
    if (den != 0)
      EXPECT_EQ(result[i],
                clampTo(100 + roundRatio(den < 0 ? -num : num, std::abs(den)),
                        0, 255))
          << i;
  }
}

TEST_F(ReferenceFunctions, LayerNormIsWithinAStepOfTheReal) {
  Ints x = random(3 * 2 * 8, -128, 127);
  std::fill(x.begin(), x.begin() + 16, 5); // A row without variance.
  Ints result = evaluate(R"(
    !x = tensor<3x2x8x!quant.uniform<i8:f32, 0.125:9>>
    !y = tensor<3x2x8x!quant.uniform<i8:f32, 0.03125:-4>>
    func.func @f(%x: !x) -> !y {
      %g = q.const dense<[1.0, 0.5, -1.0, 2.0, 0.25, 1.5, 0.75, 1.0]> : tensor<8xf32>
      %b = q.const dense<[[0.5], [-0.25]]> : tensor<2x1xf32>
      %0 = q.layer_norm %x, %g, %b {axis = 1 : i64, epsilon = 1.0e-5 : f32}
        : (!x, tensor<8xf32>, tensor<2x1xf32>) -> !y
      return %0 : !y
    })",
                         {Tensor({3, 2, 8}, x)});
  ASSERT_EQ(result.size(), x.size());
  const double gamma[] = {1.0, 0.5, -1.0, 2.0, 0.25, 1.5, 0.75, 1.0};
  for (int row = 0; row < 3; ++row) {
    double mean = 0, variance = 0;
    for (int i = 0; i < 16; ++i)
      mean += 0.125 * (x[row * 16 + i] - 9) / 16;
    for (int i = 0; i < 16; ++i)
      variance += std::pow(0.125 * (x[row * 16 + i] - 9) - mean, 2) / 16;
    for (int i = 0; i < 16; ++i) {
      double real = gamma[i % 8] * (0.125 * (x[row * 16 + i] - 9) - mean) /
                        std::sqrt(variance + 1e-5) +
                    (i < 8 ? 0.5 : -0.25);
      double want = std::min(std::max(real * 32 - 4, -128.0), 127.0);
      EXPECT_NEAR(result[row * 16 + i], want, 0.51) << row << " " << i;
    }
  }
}

TEST_F(ReferenceFunctions, LrnIsWithinAStepOfTheReal) {
  Ints x = random(2 * 7, 0, 255);
  // An even size, whose window reaches further behind than before.
  Ints result = evaluate(R"(
    !x = tensor<1x1x2x7x!quant.uniform<u8:f32, 0.0625:30>>
    !y = tensor<1x1x2x7x!quant.uniform<u8:f32, 0.03125:40>>
    func.func @f(%x: !x) -> !y {
      %0 = q.lrn %x {size = 4 : i64, alpha = 0.5 : f32, beta = 0.75 : f32,
                     bias = 2.0 : f32} : (!x) -> !y
      return %0 : !y
    })",
                         {Tensor({1, 1, 2, 7}, x)});
  ASSERT_EQ(result.size(), x.size());
  for (int p = 0; p < 2; ++p)
    for (int c = 0; c < 7; ++c) {
      auto real = [&](int k) { return 0.0625 * (x[p * 7 + k] - 30); };
      double squares = 0;
      for (int k = std::max(0, c - 1); k <= std::min(6, c + 2); ++k)
        squares += real(k) * real(k);
      double y = real(c) / std::pow(2 + 0.5 / 4 * squares, 0.75);
      double want = std::min(std::max(y * 32 + 40, 0.0), 255.0);
      EXPECT_NEAR(result[p * 7 + c], want, 0.55) << p << " " << c;
    }
}

TEST_F(ReferenceFunctions, SoftmaxIsWithinOneStepOfTheReal) {
  Ints x = random(4 * 10 * 3, -128, 127);
  // Dimension 1 of three, so rows are strided.
  Ints result = evaluate(R"(
    !x = tensor<4x10x3x!quant.uniform<i8:f32, 0.03125:7>>
    !y = tensor<4x10x3x!quant.uniform<u8:f32, 0.00390625>>
    func.func @f(%x: !x) -> !y {
      %0 = q.softmax %x {axis = 1 : i64} : (!x) -> !y
      return %0 : !y
    })",
                         {Tensor({4, 10, 3}, x)});
  ASSERT_EQ(result.size(), x.size());
  for (int a = 0; a < 4; ++a)
    for (int c = 0; c < 3; ++c) {
      auto at = [&](int b) { return (a * 10 + b) * 3 + c; };
      double sum = 0;
      for (int b = 0; b < 10; ++b)
        sum += std::exp(x[at(b)] / 32.0);
      for (int b = 0; b < 10; ++b) {
        double p = 256 * std::exp(x[at(b)] / 32.0) / sum;
        EXPECT_LE(std::fabs(result[at(b)] - std::min(p, 255.0)), 0.51);
      }
    }
}

TEST_F(ReferenceFunctions, LinearResizeByHandAndAgainstRationals) {
  Ints x = random(2 * 3 * 2, 0, 255);
  auto results = evaluateAll(R"(
    !x = tensor<1x2x3x2x!quant.uniform<u8:f32, 0.5:30>>
    !y = tensor<1x4x6x2x!quant.uniform<u8:f32, 0.5:30>>
    !z = tensor<1x2x5x2x!quant.uniform<u8:f32, 0.25:9>>
    func.func @f(%x: !x) -> (!y, !z) {
      %0 = q.resize %x {mode = #q<resize_mode linear>,
        coordinates = #q<coordinate_mode half_pixel>,
        scales = array<f32: 2.0, 2.0>} : (!x) -> !y
      %1 = q.resize %x {mode = #q<resize_mode linear>,
        coordinates = #q<coordinate_mode align_corners>,
        scales = array<f32: 1.0, 1.6666666>} : (!x) -> !z
      return %0, %1 : !y, !z
    })",
                             {Tensor({1, 2, 3, 2}, x)});
  ASSERT_EQ(results.size(), 2u) << diagnostics;
  auto at = [&](int i, int j, int c) { return x[(i * 3 + j) * 2 + c] - 30; };
  // Doubling with half pixels: coordinates k/2 - 1/4, weights in quarters.
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 6; ++j)
      for (int c = 0; c < 2; ++c) {
        int i0 = std::max(0, (i - 1) / 2), i1 = std::min(1, (i + 1) / 2);
        int j0 = std::max(0, (j - 1) / 2), j1 = std::min(2, (j + 1) / 2);
        // The nearer neighbour weighs 3 quarters.
        int near0 = i % 2 ? 3 : 1, nearj0 = j % 2 ? 3 : 1;
        int64_t sum =
            near0 * (nearj0 * at(i0, j0, c) + (4 - nearj0) * at(i0, j1, c)) +
            (4 - near0) *
                (nearj0 * at(i1, j0, c) + (4 - nearj0) * at(i1, j1, c));
        EXPECT_EQ(results[0].i()[(i * 6 + j) * 2 + c],
                  clampTo(30 + roundRatio(sum, 16), 0, 255))
            << i << " " << j;
      }
  // Aligned corners, 3 to 5: every second element is a mean. M = 2.
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 5; ++j)
      for (int c = 0; c < 2; ++c)
        EXPECT_EQ(results[1].i()[(i * 5 + j) * 2 + c],
                  clampTo(9 + at(i, j / 2, c) + at(i, (j + 1) / 2, c), 0, 255));
}

TEST_F(ReferenceFunctions, NearestResizeMovesBits) {
  auto results =
      evaluateAll(R"(
    !x = tensor<1x1x3x1x!quant.uniform<u8:f32, 0.5:30>>
    !y = tensor<1x2x6x1x!quant.uniform<u8:f32, 0.5:30>>
    func.func @f(%x: !x, %f: tensor<1x1x3x1xf32>) -> (!y, tensor<1x1x6x1xf32>) {
      %0 = q.resize %x {mode = #q<resize_mode nearest>,
        coordinates = #q<coordinate_mode asymmetric>, nearest = #q<nearest_mode floor>,
        scales = array<f32: 2.0, 2.0>} : (!x) -> !y
      %1 = q.resize %f {mode = #q<resize_mode nearest>,
        coordinates = #q<coordinate_mode asymmetric>, nearest = #q<nearest_mode ceil>,
        scales = array<f32: 1.0, 2.0>} : (tensor<1x1x3x1xf32>) -> tensor<1x1x6x1xf32>
      return %0, %1 : !y, tensor<1x1x6x1xf32>
    })",
                  {Tensor({1, 1, 3, 1}, Ints{1, 2, 3}),
                   Tensor({1, 1, 3, 1}, std::vector<float>{0.5f, 1.5f, 2.5f})});
  ASSERT_EQ(results.size(), 2u) << diagnostics;
  EXPECT_EQ(results[0].i(), (Ints{1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(results[1].f(),
            (std::vector<float>{0.5f, 1.5f, 1.5f, 2.5f, 2.5f, 2.5f}));
}

} // namespace
