//===- FloatOpsTest.cpp - Float ops against values worked out by hand -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTest.h"

using namespace q::eval;

namespace {

class FloatOps : public FloatTest {};

TEST_F(FloatOps, BinaryOpsBroadcast) {
  Tensor a({2, 3}, Floats{1, 2, 3, 4, 5, 6});
  Tensor row({3}, Floats{1, 2, 4}), column({2, 1}, Floats{10, 20});
  expectNear(apply("q.add %0, %1", {"2x3", "3"}, "2x3", {a, row}),
             {2, 4, 7, 5, 7, 10});
  expectNear(apply("q.sub %0, %1", {"2x3", "2x1"}, "2x3", {a, column}),
             {-9, -8, -7, -16, -15, -14});
  expectNear(apply("q.mul %0, %1", {"3", "2x1"}, "2x3", {row, column}),
             {10, 20, 40, 20, 40, 80});
  expectNear(apply("q.div %0, %1", {"2x3", "3"}, "2x3", {a, row}),
             {1, 1, 0.75f, 4, 2.5f, 1.5f});
  expectNear(apply("q.pow %0, %1", {"2x3", "3"}, "2x3", {a, row}),
             {1, 4, 81, 4, 25, 1296});
  expectNear(apply("q.min %0, %1", {"2x3", "3"}, "2x3", {a, row}),
             {1, 2, 3, 1, 2, 4});
  expectNear(apply("q.max %0, %1", {"2x3", "3"}, "2x3", {a, row}),
             {1, 2, 4, 4, 5, 6});
  // A dimension of 1 between others, and one element.
  Tensor middle({2, 1, 2}, Floats{1, 2, 3, 4});
  expectNear(apply("q.add %0, %1", {"2x1x2", "2x2x1"}, "2x2x2",
                   {middle, Tensor({2, 2, 1}, Floats{10, 20, 30, 40})}),
             {11, 12, 21, 22, 33, 34, 43, 44});
  expectNear(apply("q.add %0, %1", {"1x1", "1"}, "1x1",
                   {Tensor({1, 1}, Floats{1}), Tensor({1}, Floats{2})}),
             {3});
}

TEST_F(FloatOps, ComparisonsAreZerosAndOnes) {
  const float nan = std::nanf("");
  Tensor a({4}, Floats{1, 2, nan, -0.0f}), b({4}, Floats{2, 2, nan, 0.0f});
  expectNear(apply("q.compare less %0, %1", {"4", "4"}, "4", {a, b}),
             {1, 0, 0, 0});
  expectNear(apply("q.compare less_or_equal %0, %1", {"4", "4"}, "4", {a, b}),
             {1, 1, 0, 1});
  expectNear(apply("q.compare equal %0, %1", {"4", "4"}, "4", {a, b}),
             {0, 1, 0, 1});
}

TEST_F(FloatOps, SelectBroadcastsItsCondition) {
  Tensor condition({2, 1}, Floats{0, 5}), yes({3}, Floats{1, 2, 3});
  expectNear(apply("q.select %0, %1, %2", {"2x1", "3", "1"}, "2x3",
                   {condition, yes, Tensor({1}, Floats{-1})}),
             {-1, -1, -1, 1, 2, 3});
}

TEST_F(FloatOps, ArgReduceBreaksTies) {
  Tensor x({2, 3}, Floats{1, 7, 7, 0, 0, -1});
  expectNear(apply("q.arg_reduce max %0 {axis = 1 : i64}", {"2x3"}, "2x1", {x}),
             {1, 0});
  expectNear(
      apply("q.arg_reduce max %0 {axis = 1 : i64, last}", {"2x3"}, "2x1", {x}),
      {2, 1});
  expectNear(apply("q.arg_reduce min %0 {axis = 0 : i64}", {"2x3"}, "1x3", {x}),
             {1, 1, 1});
}

TEST_F(FloatOps, ClampsAreFused) {
  Tensor a({3}, Floats{-1, 2, 9});
  expectNear(apply("q.add %0, %1 {clamp_min = 0.0 : f32, clamp_max = 6.0 : "
                   "f32}",
                   {"3", "3"}, "3", {a, a}),
             {0, 4, 6});
  expectNear(apply("q.clamp %0 {clamp_max = 1.0 : f32}", {"3"}, "3", {a}),
             {-1, 1, 1});
}

TEST_F(FloatOps, PReluTakesASlopePerChannel) {
  expectNear(apply("q.prelu %0, %1", {"2x2", "2"}, "2x2",
                   {Tensor({2, 2}, Floats{-2, -2, 3, -1}),
                    Tensor({2}, Floats{0.5f, 0.25f})}),
             {-1, -0.5f, 3, -0.25f});
}

TEST_F(FloatOps, UnaryFunctions) {
  struct Case {
    const char *kind;
    double (*function)(double);
  };
  const Case cases[] = {
      {"abs", [](double x) { return std::fabs(x); }},
      {"neg", [](double x) { return -x; }},
      {"exp", [](double x) { return std::exp(x); }},
      {"log", [](double x) { return std::log(x); }},
      {"sqrt", [](double x) { return std::sqrt(x); }},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"reciprocal", [](double x) { return 1 / x; }},
      {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"erf", [](double x) { return std::erf(x); }},
      {"gelu",
       [](double x) { return x * (1 + std::erf(x / std::sqrt(2))) / 2; }},
      {"gelu_tanh",
       [](double x) {
         return x / 2 *
                (1 +
                 std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {"hard_swish",
       [](double x) { return x * std::min(1.0, std::max(0.0, x / 6 + 0.5)); }},
      {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
      {"mish", [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"softplus", [](double x) { return std::log1p(std::exp(x)); }},
      {"softsign", [](double x) { return x / (1 + std::fabs(x)); }},
      {"floor", [](double x) { return std::floor(x); }},
      {"ceil", [](double x) { return std::ceil(x); }},
      {"round", [](double x) { return std::nearbyint(x); }},
      {"sign", [](double x) { return double(x > 0) - double(x < 0); }},
      {"sin", [](double x) { return std::sin(x); }},
      {"cos", [](double x) { return std::cos(x); }},
      {"square", [](double x) { return x * x; }},
  };
  Floats values = {-4, -2.5f, -1, -0.3f, 0, 0.5f, 1.5f, 2.5f, 4, 7};
  for (const Case &c : cases) {
    SCOPED_TRACE(c.kind);
    Floats expected;
    for (float value : values)
      expected.push_back(c.function(value));
    expectNear(apply(std::string("q.unary ") + c.kind + " %0", {"10"}, "10",
                     {Tensor({10}, values)}),
               expected);
  }
}

TEST_F(FloatOps, UnaryFunctionsWithParameters) {
  Tensor x({3}, Floats{-1, 0.25f, 2});
  float e = std::exp(-1.0f) - 1;
  expectNear(
      apply("q.unary leaky_relu %0 {alpha = 0.5 : f32}", {"3"}, "3", {x}),
      {-0.5f, 0.25f, 2});
  expectNear(apply("q.unary elu %0 {alpha = 2.0 : f32}", {"3"}, "3", {x}),
             {2 * e, 0.25f, 2});
  expectNear(
      apply("q.unary hard_sigmoid %0 {alpha = 0.5 : f32, beta = 0.5 : f32}",
            {"3"}, "3", {x}),
      {0, 0.625f, 1});
  expectNear(
      apply("q.unary thresholded_relu %0 {alpha = 1.0 : f32}", {"3"}, "3", {x}),
      {0, 0, 2});
  expectNear(apply("q.unary celu %0 {alpha = 1.0 : f32}", {"3"}, "3", {x}),
             {e, 0.25f, 2});
  expectNear(apply("q.unary selu %0 {alpha = 1.0 : f32, beta = 3.0 : f32}",
                   {"3"}, "3", {x}),
             {3 * e, 0.75f, 6});
}

TEST_F(FloatOps, PoolsSkipPadding) {
  Tensor x({1, 2, 3, 1}, Floats{-1, -2, -3, -4, -5, -6});
  std::string window = " {kernel = array<i64: 2, 2>, strides = array<i64: 1, "
                       "1>, pads = array<i64: 1, 0, 0, 0>, dilations = "
                       "array<i64: 1, 1>";
  // The first row of windows lies half in the padding.
  expectNear(
      apply("q.max_pool2d %0" + window + "}", {"1x2x3x1"}, "1x2x2x1", {x}),
      {-1, -2, -1, -2});
  expectNear(
      apply("q.avg_pool2d %0" + window + "}", {"1x2x3x1"}, "1x2x2x1", {x}),
      {-1.5f, -2.5f, -3, -4});
  expectNear(apply("q.avg_pool2d %0" + window + ", count_include_pad}",
                   {"1x2x3x1"}, "1x2x2x1", {x}),
             {-0.75f, -1.25f, -3, -4});
}

TEST_F(FloatOps, Reductions) {
  Tensor x({2, 3}, Floats{1, 2, 3, 4, 5, 9});
  expectNear(apply("q.reduce sum %0 {axes = array<i64: 0>}", {"2x3"}, "3", {x}),
             {5, 7, 12});
  expectNear(apply("q.reduce mean %0 {axes = array<i64: 1>, keep_dims}",
                   {"2x3"}, "2x1", {x}),
             {2, 6});
  expectNear(apply("q.reduce max %0 {axes = array<i64: 1>}", {"2x3"}, "2", {x}),
             {3, 9});
  expectNear(apply("q.reduce min %0 {axes = array<i64: 0, 1>, keep_dims}",
                   {"2x3"}, "1x1", {x}),
             {1});
  // Around a middle dimension, and over the outer ones.
  Tensor y({2, 2, 2}, Floats{1, 2, 3, 4, 5, 6, 7, 8});
  expectNear(
      apply("q.reduce sum %0 {axes = array<i64: 1>}", {"2x2x2"}, "2x2", {y}),
      {4, 6, 12, 14});
  expectNear(
      apply("q.reduce mean %0 {axes = array<i64: 0, 2>}", {"2x2x2"}, "2", {y}),
      {3.5f, 5.5f});
}

TEST_F(FloatOps, Normalizations) {
  Tensor x({2, 2}, Floats{1, 2, 3, 4});
  expectNear(run(R"(func.func @f(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
    %s = q.const dense<[2.0, 3.0]> : tensor<2xf32>
    %b = q.const dense<[1.0, 0.0]> : tensor<2xf32>
    %m = q.const dense<[1.0, 2.0]> : tensor<2xf32>
    %v = q.const dense<[3.0, 8.0]> : tensor<2xf32>
    %y = q.batch_norm %x scale %s shift %b mean %m variance %v {epsilon = 1.0 : f32} : (tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
    return %y : tensor<2x2xf32> })",
                 {x}),
             {1, 0, 3, 2});
  expectNear(apply("q.layer_norm %0, %1, %2 {axis = 1 : i64, epsilon = 0.0 : "
                   "f32}",
                   {"2x2", "2", "2"}, "2x2",
                   {x, Tensor({2}, Floats{2, 2}), Tensor({2}, Floats{0, 1})}),
             {-2, 3, -2, 3});
  expectNear(apply("q.lrn %0 {size = 2 : i64, alpha = 2.0 : f32, beta = 1.0 : "
                   "f32, bias = 1.0 : f32}",
                   {"1x1x1x3"}, "1x1x1x3",
                   {Tensor({1, 1, 1, 3}, Floats{1, 2, 3})}),
             // Windows {1,2}, {2,3}, {3}: the longer half lies above.
             {1.f / 6, 2.f / 14, 3.f / 10});
}

TEST_F(FloatOps, SoftmaxOverAnyAxisWithoutOverflow) {
  float big = 1000;
  Tensor x({2, 2}, Floats{big, 0, big, std::log(3.f)});
  expectNear(apply("q.softmax %0 {axis = 0 : i64}", {"2x2"}, "2x2", {x}),
             {0.5f, 0.25f, 0.5f, 0.75f});
  Tensor y({1, 2}, Floats{0, std::log(3.f)});
  expectNear(apply("q.softmax %0 {axis = 1 : i64, log}", {"1x2"}, "1x2", {y}),
             {std::log(0.25f), std::log(0.75f)});
}

TEST_F(FloatOps, Movement) {
  Tensor x({2, 3}, Floats{1, 2, 3, 4, 5, 6});
  expectNear(
      apply("q.transpose %0 {perm = array<i64: 1, 0>}", {"2x3"}, "3x2", {x}),
      {1, 4, 2, 5, 3, 6});
  expectNear(apply("q.slice %0 {starts = array<i64: 1, 2>, sizes = array<i64: "
                   "2, 2>, steps = array<i64: -1, -2>}",
                   {"2x3"}, "2x2", {x}),
             {6, 4, 3, 1});
  expectNear(apply("q.concat %0, %1 {axis = 1 : i64}", {"2x3", "2x1"}, "2x4",
                   {x, Tensor({2, 1}, Floats{7, 8})}),
             {1, 2, 3, 7, 4, 5, 6, 8});
  expectNear(apply("q.gather %0 {indices = array<i64: 2, 0, 2>, axis = 1 : "
                   "i64}",
                   {"2x3"}, "2x3", {x}),
             {3, 1, 3, 6, 4, 6});
  expectNear(
      apply("q.expand %0", {"2x1"}, "2x2x2", {Tensor({2, 1}, Floats{1, 2})}),
      {1, 1, 2, 2, 1, 1, 2, 2});
  expectNear(apply("q.reshape %0", {"2x3"}, "3x2", {x}), {1, 2, 3, 4, 5, 6});
  Tensor y({3, 2, 2}, Floats{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  expectNear(apply("q.transpose %0 {perm = array<i64: 2, 0, 1>}", {"3x2x2"},
                   "2x3x2", {y}),
             {1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12});
}

TEST_F(FloatOps, Pads) {
  Tensor x({3}, Floats{1, 2, 3});
  std::string border = " {low = array<i64: 2>, high = array<i64: 1>";
  expectNear(
      apply("q.pad %0" + border + ", value = 9.0 : f32}", {"3"}, "6", {x}),
      {9, 9, 1, 2, 3, 9});
  expectNear(apply("q.pad %0" + border + ", mode = #q<pad_mode edge>}", {"3"},
                   "6", {x}),
             {1, 1, 1, 2, 3, 3});
  expectNear(apply("q.pad %0" + border + ", mode = #q<pad_mode reflect>}",
                   {"3"}, "6", {x}),
             {3, 2, 1, 2, 3, 2});
}

TEST_F(FloatOps, Resizes) {
  auto resize = [&](const std::string &attributes, int64_t out,
                    const Floats &in) {
    int64_t n = in.size();
    return apply(
        "q.resize %0 {" + attributes + "}", {"1x1x" + std::to_string(n) + "x1"},
        "1x1x" + std::to_string(out) + "x1", {Tensor({1, 1, n, 1}, in)});
  };
  std::string twice = ", scales = array<f32: 1.0, 2.0>";
  std::string linear = "mode = #q<resize_mode linear>, coordinates = "
                       "#q<coordinate_mode ";
  std::string nearest = "mode = #q<resize_mode nearest>, coordinates = "
                        "#q<coordinate_mode ";
  expectNear(
      resize(nearest + "asymmetric>, nearest = #q<nearest_mode floor>" + twice,
             4, {1, 2}),
      {1, 1, 2, 2});
  expectNear(resize(linear + "half_pixel>" + twice, 4, {0, 4}), {0, 1, 3, 4});
  expectNear(resize(linear + "asymmetric>" + twice, 4, {0, 4}), {0, 2, 4, 4});
  expectNear(resize(linear + "align_corners>" + twice, 4, {0, 3}),
             {0, 1, 2, 3});
  expectNear(resize(linear + "pytorch_half_pixel>, scales = array<f32: 1.0, "
                             "0.5>",
                    1, {5, 7}),
             {5});
}

} // namespace
