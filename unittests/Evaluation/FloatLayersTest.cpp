//===- FloatLayersTest.cpp - Convolutions and matrix products in float ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

using namespace q::eval;
using Shape = llvm::SmallVector<int64_t>;

namespace {

/// A convolution and its definition in plain loops.
struct Conv {
  Shape input, weights, strides, pads, dilations;
  int64_t groups = 1;
  Shape outputPadding = {0, 0};

  Shape getResult() const {
    Shape result = {input[0], 0, 0, weights[0]};
    for (int d = 0; d < 2; ++d)
      result[d + 1] = (input[d + 1] + pads[d] + pads[d + 2] -
                       dilations[d] * (weights[d + 1] - 1) - 1) /
                          strides[d] +
                      1;
    return result;
  }
  Shape getTransposedResult() const {
    Shape result = {input[0], 0, 0, weights[0]};
    for (int d = 0; d < 2; ++d)
      result[d + 1] = (input[d + 1] - 1) * strides[d] - pads[d] - pads[d + 2] +
                      dilations[d] * (weights[d + 1] - 1) + 1 +
                      outputPadding[d];
    return result;
  }

  /// Calls `product(result index, input index, weight index)` for every product
  /// of the convolution or of the transposed one.
  template <typename Product>
  void forEachProduct(bool transposed, Product product) const {
    Shape result = transposed ? getTransposedResult() : getResult();
    int64_t perGroup = weights[3], outputs = weights[0] / groups;
    // `image` is where the window slides: the input, or the result.
    const Shape &image = transposed ? result : input;
    const Shape &base = transposed ? input : result;
    for (int64_t n = 0; n < input[0]; ++n)
      for (int64_t y = 0; y < base[1]; ++y)
        for (int64_t x = 0; x < base[2]; ++x)
          for (int64_t ky = 0; ky < weights[1]; ++ky)
            for (int64_t kx = 0; kx < weights[2]; ++kx) {
              int64_t iy = y * strides[0] - pads[0] + ky * dilations[0];
              int64_t ix = x * strides[1] - pads[1] + kx * dilations[1];
              if (iy < 0 || ix < 0 || iy >= image[1] || ix >= image[2])
                continue;
              int64_t inside = (n * image[1] + iy) * image[2] + ix;
              int64_t outside = (n * base[1] + y) * base[2] + x;
              for (int64_t o = 0; o < weights[0]; ++o)
                for (int64_t c = 0; c < perGroup; ++c) {
                  int64_t channel = o / outputs * perGroup + c;
                  product((transposed ? inside : outside) * weights[0] + o,
                          (transposed ? outside : inside) * input[3] + channel,
                          ((o * weights[1] + ky) * weights[2] + kx) * perGroup +
                              c);
                }
            }
  }

  std::string getAttributes() const {
    return "strides = " + array(strides) + ", pads = " + array(pads) +
           ", dilations = " + array(dilations) +
           ", groups = " + std::to_string(groups) + " : i64";
  }
};

class FloatLayers : public FloatTest {
protected:
  void check(const Conv &conv, bool transposed, bool withBias) {
    Shape result = transposed ? conv.getTransposedResult() : conv.getResult();
    Tensor x = random(conv.input), w = random(conv.weights),
           b = random({conv.weights[0]});
    Floats expected(Tensor::count(result));
    if (withBias)
      for (size_t i = 0; i < expected.size(); ++i)
        expected[i] = b.f()[i % conv.weights[0]];
    conv.forEachProduct(transposed, [&](int64_t y, int64_t i, int64_t k) {
      expected[y] += x.f()[i] * w.f()[k];
    });
    std::string op = transposed ? "q.conv_transpose2d" : "q.conv2d";
    op += " %0, %1";
    op += withBias ? " bias %2 {" : " {";
    op += conv.getAttributes();
    if (transposed)
      op += ", output_padding = " + array(conv.outputPadding);
    std::vector<std::string> types = {text(conv.input), text(conv.weights)};
    std::vector<Tensor> inputs = {x, w};
    if (withBias) {
      types.push_back(std::to_string(conv.weights[0]));
      inputs.push_back(b);
    }
    expectNear(apply(op + "}", types, text(result), inputs), expected, 1e-4f);
  }
};

TEST_F(FloatLayers, Conv2DByHand) {
  // A 2x2 window of ones sums 2x2 blocks of 1 ... 9.
  Tensor x({1, 3, 3, 1}, Floats{1, 2, 3, 4, 5, 6, 7, 8, 9});
  Tensor y =
      run(R"(func.func @f(%x: tensor<1x3x3x1xf32>) -> tensor<1x2x2x1xf32> {
    %w = q.const dense<1.0> : tensor<1x2x2x1xf32>
    %b = q.const dense<[100.0]> : tensor<1xf32>
    %y = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x3x1xf32>, tensor<1x2x2x1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
    return %y : tensor<1x2x2x1xf32> })",
          {x});
  expectNear(y, {112, 116, 124, 128});
}

TEST_F(FloatLayers, Conv2DAgainstLoops) {
  for (bool withBias : {false, true}) {
    check({{2, 7, 6, 3}, {8, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}}, false,
          withBias);
    // Asymmetric pads, strides, a window that is not square.
    check({{1, 9, 8, 4}, {5, 3, 2, 4}, {2, 3}, {0, 1, 2, 0}, {1, 1}}, false,
          withBias);
    // Dilated, grouped, depthwise, depthwise with two results a channel.
    check({{1, 9, 9, 4}, {6, 3, 3, 4}, {1, 1}, {2, 2, 2, 2}, {2, 2}}, false,
          withBias);
    check({{1, 5, 5, 6}, {4, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 2}, false,
          withBias);
    check({{1, 6, 6, 16}, {16, 3, 3, 1}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 16},
          false, withBias);
    check({{1, 6, 6, 3}, {6, 3, 3, 1}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 3}, false,
          withBias);
    // 1x1, and a window as large as the image.
    check({{1, 4, 4, 32}, {16, 1, 1, 32}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, false,
          withBias);
    check({{1, 4, 4, 8}, {9, 4, 4, 8}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, false,
          withBias);
  }
}

TEST_F(FloatLayers, ConvTransposeByHand) {
  // Two pixels, three taps, stride 2: 1 2 3 and 10 20 30 overlap by one.
  Tensor x({1, 1, 2, 1}, Floats{1, 10});
  Tensor y =
      run(R"(func.func @f(%x: tensor<1x1x2x1xf32>) -> tensor<1x1x5x1xf32> {
    %w = q.const dense<[[[[1.0], [2.0], [3.0]]]]> : tensor<1x1x3x1xf32>
    %y = q.conv_transpose2d %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x1x2x1xf32>, tensor<1x1x3x1xf32>) -> tensor<1x1x5x1xf32>
    return %y : tensor<1x1x5x1xf32> })",
          {x});
  expectNear(y, {1, 2, 13, 20, 30});
}

TEST_F(FloatLayers, ConvTransposeAgainstLoops) {
  for (bool withBias : {false, true}) {
    check({{1, 4, 5, 3}, {6, 3, 3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}}, true,
          withBias);
    check({{2, 4, 3, 4}, {5, 3, 2, 4}, {2, 3}, {1, 0, 0, 1}, {1, 1}}, true,
          withBias);
    check({{1, 4, 4, 4}, {6, 3, 3, 2}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 2}, true,
          withBias);
    check({{1, 4, 4, 2}, {3, 3, 3, 2}, {2, 2}, {1, 1, 1, 1}, {2, 2}}, true,
          withBias);
    // Output padding, also beyond the pads.
    check({{1, 4, 4, 2}, {3, 3, 3, 2}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 1, {1, 1}},
          true, withBias);
    check({{1, 4, 4, 2}, {3, 2, 2, 2}, {3, 3}, {0, 0, 0, 0}, {1, 1}, 1, {2, 1}},
          true, withBias);
  }
}

TEST_F(FloatLayers, ResidualIsAddedBeforeTheClamp) {
  Tensor y = apply("q.conv2d %0, %1 bias %2 residual %3 {strides = array<i64: "
                   "1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = "
                   "array<i64: 1, 1>, clamp_min = 0.0 : f32, clamp_max = 6.0 : "
                   "f32}",
                   {"1x1x4x1", "1x1x1x1", "1", "1x1x4x1"}, "1x1x4x1",
                   {Tensor({1, 1, 4, 1}, Floats{1, 2, 3, 4}),
                    Tensor({1, 1, 1, 1}, Floats{2}), Tensor({1}, Floats{1}),
                    Tensor({1, 1, 4, 1}, Floats{-10, -4, -2, 5})});
  expectNear(y, {0, 1, 5, 6});
}

TEST_F(FloatLayers, ChannelsHaveBoundsOfTheirOwn) {
  Tensor y = apply("q.gemm %0, %1 {clamp_min = 0.0 : f32, channel_max = "
                   "array<f32: 5.0, 20.0>}",
                   {"2x3", "2x3"}, "2x2",
                   {Tensor({2, 3}, Floats{1, 2, 3, 4, 5, 6}),
                    Tensor({2, 3}, Floats{-1, 0, 2, 1, 1, 2})});
  expectNear(y, {5, 9, 5, 20});
}

TEST_F(FloatLayers, GemmByHand) {
  // Weights are [N, K].
  Tensor y = apply("q.gemm %0, %1 bias %2 {clamp_min = 0.0 : f32}",
                   {"2x3", "2x3", "2"}, "2x2",
                   {Tensor({2, 3}, Floats{1, 2, 3, 4, 5, 6}),
                    Tensor({2, 3}, Floats{1, 0, -1, 1, 1, 1}),
                    Tensor({2}, Floats{0.5f, 10})});
  expectNear(y, {0, 16, 0, 25});
}

TEST_F(FloatLayers, MatMulBroadcastsLeadingDimensions) {
  Tensor a = random({2, 1, 3, 4}), b = random({5, 4, 6});
  Floats expected(2 * 5 * 3 * 6);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 5; ++j)
      for (int m = 0; m < 3; ++m)
        for (int n = 0; n < 6; ++n)
          for (int k = 0; k < 4; ++k)
            expected[((i * 5 + j) * 3 + m) * 6 + n] +=
                a.f()[(i * 3 + m) * 4 + k] * b.f()[(j * 4 + k) * 6 + n];
  expectNear(apply("q.matmul %0, %1", {"2x1x3x4", "5x4x6"}, "2x5x3x6", {a, b}),
             expected, 1e-4f);
}

TEST_F(FloatLayers, WrongInputsAreDiagnosed) {
  auto evaluator = create("func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { "
                          "return %x : tensor<2xf32> }");
  ASSERT_TRUE(evaluator);
  EXPECT_TRUE(failed(evaluator->run({})));
  expectDiagnostic("takes 1 inputs, but 0 were given");
  EXPECT_TRUE(failed(evaluator->run({Tensor::floats({3})})));
  expectDiagnostic("takes [2] as input 0, but [3] was given");
  EXPECT_TRUE(failed(evaluator->run({Tensor::integers({2})})));
  expectDiagnostic("integers were given");
  auto result = evaluator->run({Tensor({2}, Floats{4, 5})});
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->front().f(), (Floats{4, 5}));
}

TEST_F(FloatLayers, QuantizedOpsAreDiagnosed) {
  EXPECT_FALSE(create(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<2x!quant.uniform<u8:f32, 0.5>> {
      %0 = q.quantize %x : tensor<2xf32> -> tensor<2x!quant.uniform<u8:f32, 0.5>>
      return %0 : tensor<2x!quant.uniform<u8:f32, 0.5>>
    })"));
  expectDiagnostic("quantized IR is run by the reference evaluator");
}

TEST_F(FloatLayers, ObserverSeesEveryResultInOrder) {
  auto evaluator = create(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %c = q.const dense<2.0> : tensor<2xf32>
      %0 = q.mul %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %1 = q.quantizer %0 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<2xf32>
      %2 = q.add %1, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %2 : tensor<2xf32>
    })");
  ASSERT_TRUE(evaluator);
  std::vector<Floats> seen;
  auto result = evaluator->run(
      {Tensor({2}, Floats{1, 3})},
      [&](mlir::Value, const Tensor &tensor) { seen.push_back(tensor.f()); });
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(seen, (std::vector<Floats>{{2, 2}, {2, 6}, {2, 6}, {4, 12}}));
}

} // namespace
