//===- ReferenceElementwiseTest.cpp - Elementwise integer semantics -------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>
#include <limits>

using namespace q::eval;

namespace {

class ReferenceElementwise : public ReferenceTest {
protected:
  /// Wraps `q.requantize` from i8 of `scale` to i8 of scale 1 in a module of
  /// the given rounding mode.
  static std::string requantize(const char *rounding, const char *scale,
                                size_t count) {
    std::string n = std::to_string(count);
    std::string from =
        "tensor<" + n + "x!quant.uniform<i8:f32, " + scale + ">>";
    std::string to = "tensor<" + n + "x!quant.uniform<i8:f32, 1.0>>";
    return "module attributes {q.rounding = \"" + std::string(rounding) +
           "\"} { func.func @f(%x: " + from + ") -> " + to +
           " { %0 = q.requantize %x : " + from + " -> " + to +
           " return %0 : " + to + " } }";
  }

  Tensor allBytes() {
    Ints values;
    for (int q = -128; q < 128; ++q)
      values.push_back(q);
    return Tensor({256}, values);
  }
};

TEST_F(ReferenceElementwise, QuantizeRoundsHalfToEvenAndSaturates) {
  float inf = std::numeric_limits<float>::infinity();
  Tensor input({9}, std::vector<float>{0.25f, 0.75f, 1.25f, -0.25f, -0.75f,
                                       1000.f, -1000.f, inf, NAN});
  // S = 0.5, Z = 3: quotients 0.5, 1.5, 2.5, -0.5, -1.5, ...
  Ints result = evaluate(R"(
    func.func @f(%x: tensor<9xf32>) -> tensor<9x!quant.uniform<u8:f32, 0.5:3>> {
      %0 = q.quantize %x : tensor<9xf32> -> tensor<9x!quant.uniform<u8:f32, 0.5:3>>
      return %0 : tensor<9x!quant.uniform<u8:f32, 0.5:3>>
    })",
                         {input});
  EXPECT_EQ(result, (Ints{3, 5, 5, 3, 1, 255, 0, 255, 3}));
}

TEST_F(ReferenceElementwise, DequantizePerAxisTakesTheChannelsScale) {
  Tensor input({2, 2}, Ints{1, 2, 3, -4});
  auto results = evaluateAll(R"(
    !t = tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 2.0:1}>>
    func.func @f(%x: !t) -> tensor<2x2xf32> {
      %0 = q.dequantize %x : !t -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })",
                             {input});
  ASSERT_EQ(results.size(), 1u) << diagnostics;
  EXPECT_EQ(results[0].f(), (std::vector<float>{0.5f, 2.f, 1.5f, -10.f}));
}

TEST_F(ReferenceElementwise, RequantizeTiesInTheThreeModes) {
  Tensor input({8}, Ints{1, -1, 3, -3, 5, -5, 127, -128});
  // M = 1/2: every odd value is a tie.
  Ints away = {1, -1, 2, -2, 3, -3, 64, -64};
  EXPECT_EQ(evaluate(requantize("single", "0.5", 8), {input}), away);
  EXPECT_EQ(evaluate(requantize("pow2", "0.5", 8), {input}), away);
  // gemmlowp's high multiply truncates (product + 1 - 2^30) / 2^31 of a
  // negative product toward zero, so its ties go up.
  EXPECT_EQ(evaluate(requantize("gemmlowp", "0.5", 8), {input}),
            (Ints{1, 0, 2, -1, 3, -2, 64, -64}));
}

TEST_F(ReferenceElementwise, RequantizeGemmlowpRoundsTwice) {
  Tensor input({4}, Ints{1, 2, -1, -2});
  // M = 1/4. Single: 0.25, 0.5, -0.25, -0.5. gemmlowp halves first: 1, 1, 0,
  // -1, and rounds 0.5, 0.5, 0, -0.5 away from zero.
  EXPECT_EQ(evaluate(requantize("single", "0.25", 4), {input}),
            (Ints{0, 1, 0, -1}));
  EXPECT_EQ(evaluate(requantize("gemmlowp", "0.25", 4), {input}),
            (Ints{1, 1, 0, -1}));
}

TEST_F(ReferenceElementwise, RequantizeAgainstRationals) {
  // M = 0.7109375 = 91 / 128 exactly.
  Ints result = evaluate(requantize("single", "0.7109375", 256), {allBytes()});
  for (int q = -128; q < 128; ++q)
    EXPECT_EQ(result[q + 128], clampTo(roundRatio(q * 91, 128), -128, 127))
        << q;
}

TEST_F(ReferenceElementwise, Pow2RefusesOtherMultipliers) {
  expectError(requantize("pow2", "0.75", 8), {}, "q-pin-power-of-two");
  expectError(requantize("nearest", "0.5", 8), {}, "\"gemmlowp\"");
}

TEST_F(ReferenceElementwise, AddByHand) {
  // 0.5 (q1 - 3) + 0.25 q2 in units of 1, Z = 7: (4 + 2.5) + 7 = 13.5, a tie.
  // (-1.5 - 0) + 7 = 5.5 away from zero: -1.5 becomes -2.
  Ints result =
      evaluate(R"(
    !a = tensor<3x!quant.uniform<u8:f32, 0.5:3>>
    !b = tensor<3x!quant.uniform<u8:f32, 0.25>>
    !c = tensor<3x!quant.uniform<u8:f32, 1.0:7>>
    func.func @f(%a: !a, %b: !b) -> !c {
      %0 = q.add %a, %b : (!a, !b) -> !c
      return %0 : !c
    })",
               {Tensor({3}, Ints{11, 0, 255}), Tensor({3}, Ints{10, 0, 255})});
  EXPECT_EQ(result, (Ints{14, 5, 197}));
}

TEST_F(ReferenceElementwise, AddAndSubBroadcastAgainstRationals) {
  const char *ir = R"(
    !a = tensor<2x3x4x!quant.uniform<u8:f32, 0.75:128>>
    !b = tensor<3x1x!quant.uniform<i8:f32, 0.25:-5>>
    !c = tensor<2x3x4x!quant.uniform<i8:f32, 0.5:4>>
    func.func @f(%a: !a, %b: !b) -> (!c, !c) {
      %0 = q.add %a, %b : (!a, !b) -> !c
      %1 = q.sub %a, %b {clamp_min = -20.0 : f32, clamp_max = 30.0 : f32} : (!a, !b) -> !c
      return %0, %1 : !c, !c
    })";
  Ints a = random(24, 0, 255), b = random(3, -128, 127);
  auto results = evaluateAll(ir, {Tensor({2, 3, 4}, a), Tensor({3, 1}, b)});
  ASSERT_EQ(results.size(), 2u) << diagnostics;
  for (int i = 0; i < 24; ++i) {
    // 0.75 / 0.5 = 3/2 and 0.25 / 0.5 = 1/2.
    int64_t lhs = 3 * (a[i] - 128), rhs = b[i / 4 % 3] + 5;
    EXPECT_EQ(results[0].i()[i],
              clampTo(4 + roundRatio(lhs + rhs, 2), -128, 127));
    // -20 / 0.5 + 4 and 30 / 0.5 + 4.
    EXPECT_EQ(results[1].i()[i],
              clampTo(4 + roundRatio(lhs - rhs, 2), -36, 64));
  }
}

TEST_F(ReferenceElementwise, MulAgainstRationals) {
  const char *ir = R"(
    !a = tensor<64x!quant.uniform<u8:f32, 0.5:12>>
    !b = tensor<64x!quant.uniform<i8:f32, 0.375:3>>
    !c = tensor<64x!quant.uniform<u8:f32, 4.0:100>>
    func.func @f(%a: !a, %b: !b) -> !c {
      %0 = q.mul %a, %b : (!a, !b) -> !c
      return %0 : !c
    })";
  Ints a = random(64, 0, 255), b = random(64, -128, 127);
  a[0] = 255, b[0] = 127, a[1] = 255, b[1] = -128;
  Ints result = evaluate(ir, {Tensor({64}, a), Tensor({64}, b)});
  for (int i = 0; i < 64; ++i) // 0.5 * 0.375 / 4 = 3 / 64.
    EXPECT_EQ(result[i],
              clampTo(100 + roundRatio(int64_t(a[i] - 12) * (b[i] - 3) * 3, 64),
                      0, 255));
}

TEST_F(ReferenceElementwise, MulOfTwo16BitValuesIsExact) {
  Ints result = evaluate(
      R"(
    !a = tensor<2x!quant.uniform<i16:f32, 0.5>>
    !c = tensor<2x!quant.uniform<i16:f32, 16384.0>>
    func.func @f(%a: !a, %b: !a) -> !c {
      %0 = q.mul %a, %b : (!a, !a) -> !c
      return %0 : !c
    })",
      {Tensor({2}, Ints{-32768, 32767}), Tensor({2}, Ints{-32768, 32767})});
  EXPECT_EQ(result, (Ints{16384, 16383}));
}

TEST_F(ReferenceElementwise, MinAndMax) {
  auto results =
      evaluateAll(R"(
    !a = tensor<4x!quant.uniform<i8:f32, 0.5:1>>
    !b = tensor<1x!quant.uniform<i8:f32, 0.5:1>>
    func.func @f(%a: !a, %b: !b) -> (!a, !a) {
      %0 = q.min %a, %b : (!a, !b) -> !a
      %1 = q.max %a, %b : (!a, !b) -> !a
      return %0, %1 : !a, !a
    })",
                  {Tensor({4}, Ints{-128, 0, 5, 127}), Tensor({1}, Ints{1})});
  ASSERT_EQ(results.size(), 2u) << diagnostics;
  EXPECT_EQ(results[0].i(), (Ints{-128, 0, 1, 1}));
  EXPECT_EQ(results[1].i(), (Ints{1, 1, 5, 127}));
}

TEST_F(ReferenceElementwise, ClampBetweenEqualAndUnlikeTypes) {
  auto results = evaluateAll(R"(
    !a = tensor<5x!quant.uniform<u8:f32, 0.5:10>>
    !b = tensor<5x!quant.uniform<u8:f32, 0.25:0>>
    func.func @f(%a: !a) -> (!a, !b) {
      %0 = q.clamp %a {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (!a) -> !a
      %1 = q.clamp %a {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (!a) -> !b
      return %0, %1 : !a, !b
    })",
                             {Tensor({5}, Ints{0, 10, 13, 22, 255})});
  ASSERT_EQ(results.size(), 2u) << diagnostics;
  EXPECT_EQ(results[0].i(), (Ints{10, 10, 13, 22, 22}));
  EXPECT_EQ(results[1].i(), (Ints{0, 0, 6, 24, 24}));
}

TEST_F(ReferenceElementwise, EqualTypesSurviveAClampInEveryMode) {
  Tensor input = allBytes();
  for (const char *mode : {"single", "gemmlowp", "pow2"})
    EXPECT_EQ(evaluate(requantize(mode, "1.0", 256), {input}), input.i())
        << mode;
}

TEST_F(ReferenceElementwise, UnaryIsTheRoundedRealFunction) {
  Tensor input = allBytes();
  auto results = evaluateAll(R"(
    !a = tensor<256x!quant.uniform<i8:f32, 0.0625:-3>>
    !s = tensor<256x!quant.uniform<u8:f32, 0.00390625>>
    !t = tensor<256x!quant.uniform<i8:f32, 0.0078125>>
    !h = tensor<256x!quant.uniform<u8:f32, 0.03125:12>>
    func.func @f(%a: !a) -> (!s, !t, !h, !h) {
      %0 = q.unary sigmoid %a : (!a) -> !s
      %1 = q.unary tanh %a : (!a) -> !t
      %2 = q.unary hard_swish %a : (!a) -> !h
      %3 = q.unary leaky_relu %a {alpha = 0.25 : f32} : (!a) -> !h
      return %0, %1, %2, %3 : !s, !t, !h, !h
    })",
                             {input});
  ASSERT_EQ(results.size(), 4u) << diagnostics;
  for (int i = 0; i < 256; ++i) {
    double x = 0.0625 * (i - 128 + 3);
    auto check = [&](int result, double y, double scale, int zero, int lo,
                     int hi) {
      int64_t want = std::llrint(y / scale) + zero;
      EXPECT_EQ(results[result].i()[i], clampTo(want, lo, hi)) << x;
    };
    check(0, 1 / (1 + std::exp(-x)), 1.0 / 256, 0, 0, 255);
    check(1, std::tanh(x), 1.0 / 128, 0, -128, 127);
    check(2, x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0), 1.0 / 32, 12, 0,
          255);
    check(3, x < 0 ? x / 4 : x, 1.0 / 32, 12, 0, 255);
  }
}

TEST_F(ReferenceElementwise, PReluAgainstRationals) {
  Tensor input = allBytes();
  Ints slopes = {-100, 3, 50, 127};
  Tensor wide({64, 4}, input.i());
  Ints result = evaluate(R"(
    !a = tensor<64x4x!quant.uniform<i8:f32, 0.5:-7>>
    !s = tensor<4x!quant.uniform<i8:f32, 0.015625:3>>
    !c = tensor<64x4x!quant.uniform<i8:f32, 0.75:-20>>
    func.func @f(%a: !a, %s: !s) -> !c {
      %0 = q.prelu %a, %s : (!a, !s) -> !c
      return %0 : !c
    })",
                         {wide, Tensor({4}, slopes)});
  for (int i = 0; i < 256; ++i) {
    int64_t d = input.i()[i] + 7;
    // M = 2/3, or 2/3 / 64 of the product; neither has a tie in reach that the
    // fixed-point multiplier could miss.
    int64_t y = d >= 0 ? roundRatio(2 * d, 3)
                       : roundRatio(d * (slopes[i % 4] - 3) * 2, 3 * 64);
    EXPECT_EQ(result[i], clampTo(y - 20, -128, 127)) << i;
  }
}

} // namespace
