//===- ReferenceLayersTest.cpp - Convolutions and matrix products ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "llvm/Support/FormatVariadic.h"

using namespace q::eval;

namespace {

/// A convolution whose shapes and parameters a test picks. Scales: Sx = 0.5,
/// Sw[o] = 0.25 for even o and 0.75 for odd o, Sy as given, a power of two, so
/// that every multiplier is exact.
struct ConvCase {
  int64_t h = 5, w = 4, ic = 4, oc = 6, kh = 3, kw = 2;
  int64_t strideY = 1, strideX = 1, dilationY = 1, dilationX = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0, groups = 1;
  int zx = 3, zw = 0, zy = 10;
  const char *sy = "2.0";
  int syNum = 2;
  bool isFolded = false;
  std::string rounding = "single";

  int64_t oh() const {
    return (h + top + bottom - dilationY * (kh - 1) - 1) / strideY + 1;
  }
  int64_t ow() const {
    return (w + left + right - dilationX * (kw - 1) - 1) / strideX + 1;
  }
};

/// Numerator over 8 of Sx Sw[o]: 0.125 or 0.375.
int64_t scaleOver8(int64_t o) { return o % 2 ? 3 : 1; }

std::string perAxis(const char *storage, int64_t count, double even, double odd,
                    int zero) {
  std::string text = llvm::formatv("!quant.uniform<{0}:f32:0, {{", storage);
  for (int64_t o = 0; o < count; ++o)
    text +=
        llvm::formatv("{0}{1:f6}:{2}", o ? "," : "", o % 2 ? odd : even, zero)
            .str();
  return text + "}>";
}

std::string convText(const ConvCase &c, const Ints &weights, const Ints &bias) {
  std::string x =
      llvm::formatv("tensor<1x{0}x{1}x{2}x!quant.uniform<u8:f32, 0.5:{3}>>",
                    c.h, c.w, c.ic, c.zx);
  std::string w =
      llvm::formatv("tensor<{0}x{1}x{2}x{3}x{4}>", c.oc, c.kh, c.kw,
                    c.ic / c.groups, perAxis("i8", c.oc, 0.25, 0.75, c.zw));
  std::string b = llvm::formatv("tensor<{0}x{1}>", c.oc,
                                perAxis("i32", c.oc, 0.125, 0.375, 0));
  std::string y =
      llvm::formatv("tensor<1x{0}x{1}x{2}x!quant.uniform<u8:f32, {3}:{4}>>",
                    c.oh(), c.ow(), c.oc, c.sy, c.zy);
  std::string wData = dense({c.oc, c.kh, c.kw, c.ic / c.groups}, weights);
  return llvm::formatv("module attributes {{q.rounding = \"{0}\"} {{ "
                       "func.func @f(%x: {1}) -> {2} {{ "
                       "%w = q.const {3} : tensor<{4}x{5}x{6}x{7}xi8> as {8} "
                       "%b = q.const {9} : tensor<{4}xi32> as {10} ",
                       c.rounding, x, y, wData, c.oc, c.kh, c.kw,
                       c.ic / c.groups, w, dense({c.oc}, bias), b)
             .str() +
         llvm::formatv(
             "%y = q.conv2d %x, %w bias %b {{strides = array<i64: {0}, {1}>, "
             "pads = array<i64: {2}, {3}, {4}, {5}>, dilations = array<i64: "
             "{6}, {7}>, groups = {8} : i64{9}} : ({10}, {11}, {12}) -> {13} "
             "return %y : {13} } }",
             c.strideY, c.strideX, c.top, c.left, c.bottom, c.right,
             c.dilationY, c.dilationX, c.groups,
             c.isFolded ? ", zero_point_folded" : "", x, w, b, y)
             .str();
}

/// The convolution in rationals: every factor is a real number over 8.
Ints convRational(const ConvCase &c, const Ints &x, const Ints &w,
                  const Ints &bias) {
  Ints result;
  int64_t channels = c.ic / c.groups;
  for (int64_t y = 0; y < c.oh(); ++y)
    for (int64_t z = 0; z < c.ow(); ++z)
      for (int64_t o = 0; o < c.oc; ++o) {
        int64_t sum = bias[o], group = o / (c.oc / c.groups);
        for (int64_t i = 0; i < c.kh; ++i)
          for (int64_t j = 0; j < c.kw; ++j)
            for (int64_t k = 0; k < channels; ++k) {
              int64_t iy = y * c.strideY - c.top + i * c.dilationY;
              int64_t ix = z * c.strideX - c.left + j * c.dilationX;
              if (iy < 0 || iy >= c.h || ix < 0 || ix >= c.w)
                continue; // A real zero.
              sum += int64_t(x[(iy * c.w + ix) * c.ic + group * channels + k] -
                             c.zx) *
                     (w[((o * c.kh + i) * c.kw + j) * channels + k] - c.zw);
            }
        int64_t rounded = roundRatio(sum * scaleOver8(o), 8 * c.syNum);
        result.push_back(clampTo(c.zy + rounded, 0, 255));
      }
  return result;
}

class ReferenceLayers : public ReferenceTest {
protected:
  void check(const ConvCase &c) {
    Ints x = random(c.h * c.w * c.ic, 0, 255);
    Ints w = random(c.oc * c.kh * c.kw * c.ic / c.groups, -127, 127);
    Ints bias = random(c.oc, -3000, 3000);
    Ints want = convRational(c, x, w, bias);
    Ints given = bias;
    if (c.isFolded) { // bias - Zx sum (qw - Zw)
      int64_t count = w.size() / c.oc;
      for (int64_t o = 0; o < c.oc; ++o)
        for (int64_t i = 0; i < count; ++i)
          given[o] -= c.zx * (w[o * count + i] - c.zw);
    }
    EXPECT_EQ(evaluate(convText(c, w, given), {Tensor({1, c.h, c.w, c.ic}, x)}),
              want);
  }
};

TEST_F(ReferenceLayers, ConvByHand) {
  ConvCase c;
  c.h = c.w = 2, c.ic = 1, c.oc = 2, c.kh = c.kw = 2;
  c.sy = "1.0", c.syNum = 1, c.zx = 3, c.zy = 10;
  // Channel 0: (5-3)*1 + (4-3)*2 + (3-3)*3 + (0-3)*4 + bias 20 = 12, times
  // 0.125 is 1.5: a tie, away from zero. Channel 1: 2*(-1) + 1 - 0 + 0 - 1 =
  // -2, times 0.375 is -0.75.
  EXPECT_EQ(evaluate(convText(c, {1, 2, 3, 4, -1, 1, 0, 0}, {20, -1}),
                     {Tensor({1, 2, 2, 1}, Ints{5, 4, 3, 0})}),
            (Ints{12, 9}));
}

TEST_F(ReferenceLayers, ConvNegativeTiesByMode) {
  ConvCase c;
  c.h = c.w = c.ic = c.kh = c.kw = 1, c.oc = 1;
  c.sy = "1.0", c.syNum = 1, c.zx = 0;
  // acc = -12, M = 1/8: -1.5.
  Tensor x({1, 1, 1, 1}, Ints{1});
  EXPECT_EQ(evaluate(convText(c, {-12}, {0}), {x}), (Ints{8}));
  c.rounding = "pow2";
  EXPECT_EQ(evaluate(convText(c, {-12}, {0}), {x}), (Ints{8}));
  // Through gemmlowp: -12 * 2^30 / 2^31 = -6, then -6 / 4 = -1.5 away.
  c.rounding = "gemmlowp";
  EXPECT_EQ(evaluate(convText(c, {-12}, {0}), {x}), (Ints{8}));
  // acc = -13: the high multiply takes -6.5 up to -6 and so loses it.
  EXPECT_EQ(evaluate(convText(c, {-13}, {0}), {x}), (Ints{8}));
  // acc = 11: 5.5 becomes 6, 1.5 becomes 2; the exact 1.375 would be 1.
  EXPECT_EQ(evaluate(convText(c, {11}, {0}), {x}), (Ints{12}));
  c.rounding = "single";
  EXPECT_EQ(evaluate(convText(c, {11}, {0}), {x}), (Ints{11}));
}

TEST_F(ReferenceLayers, ConvAgainstRationals) {
  ConvCase plain;
  plain.sy = "64.0", plain.syNum = 64, plain.zy = 100;
  check(plain);

  ConvCase padded = plain;
  padded.top = 1, padded.right = 1, padded.strideY = 2, padded.dilationX = 2;
  check(padded);
  padded.isFolded = true;
  check(padded);

  ConvCase grouped = padded;
  grouped.groups = 2;
  check(grouped);

  ConvCase depthwise = padded;
  depthwise.groups = depthwise.ic = depthwise.oc = 6;
  check(depthwise);

  // An imported model: weights with a zero point keep all cross-terms.
  ConvCase imported = padded;
  imported.zw = -7;
  imported.isFolded = false;
  check(imported);
  imported.isFolded = true;
  check(imported);
}

TEST_F(ReferenceLayers, ExtremesAreExact) {
  // 2 * 2304 products of 255 and 127: 149,216,... no int16 pair, no float32
  // and no saturating sum survives this.
  ConvCase c;
  c.h = c.w = 1, c.ic = 4608, c.oc = 2, c.kh = c.kw = 1;
  c.zx = 0, c.sy = "1048576.0", c.syNum = 1048576, c.zy = 128;
  Ints x(c.ic, 255), w(c.ic * 2, 127), bias = {1, -1};
  std::fill(w.begin() + c.ic, w.end(), -127);
  EXPECT_EQ(evaluate(convText(c, w, bias), {Tensor({1, 1, 1, c.ic}, x)}),
            convRational(c, x, w, bias));
}

TEST_F(ReferenceLayers, AccumulatorsBeyondInt32AreExact) {
  ConvCase c;
  c.h = c.w = c.ic = c.kh = c.kw = c.oc = 1, c.zx = 0;
  c.sy = "16777216.0", c.syNum = 16777216, c.zy = 3;
  Ints x{255}, w{127}, bias{2147483647 - 255 * 127 + 1};
  EXPECT_EQ(evaluate(convText(c, w, bias), {Tensor({1, 1, 1, 1}, x)}),
            convRational(c, x, w, bias));
  // gemmlowp has int32 accumulators by definition.
  c.rounding = "gemmlowp";
  evaluate(convText(c, w, {bias[0] - 1}), {Tensor({1, 1, 1, 1}, x)});
  expectError(
      convText(c, w, bias), {Tensor({1, 1, 1, 1}, x)},
      "accumulator of 2147483648, which gemmlowp's int32 does not hold");
}

TEST_F(ReferenceLayers, FusedClampIsInTheIntegerDomain) {
  const char *ir = R"(
    !x = tensor<1x2x!quant.uniform<u8:f32, 0.5:3>>
    !w = tensor<2x2x!quant.uniform<i8:f32, 0.5>>
    !y = tensor<1x2x!quant.uniform<u8:f32, 0.5:20>>
    func.func @f(%x: !x) -> !y {
      %w = q.const dense<[[1, 1], [-1, -1]]> : tensor<2x2xi8> as !w
      %y = q.gemm %x, %w {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (!x, !w) -> !y
      return %y : !y
    })";
  // acc = 40, -40; M = 0.5: 20, -20; bounds 20 .. 32.
  EXPECT_EQ(evaluate(ir, {Tensor({1, 2}, Ints{23, 23})}), (Ints{32, 20}));
}

/// Bounds of channels are rounded to integers (rule N3), and the smaller of two
/// holds.
TEST_F(ReferenceLayers, ChannelsHaveBoundsOfTheirOwn) {
  const char *ir = R"(
    !x = tensor<2x2x!quant.uniform<u8:f32, 0.5:3>>
    !w = tensor<3x2x!quant.uniform<i8:f32, 0.5>>
    !y = tensor<2x3x!quant.uniform<u8:f32, 0.5:20>>
    func.func @f(%x: !x) -> !y {
      %w = q.const dense<[[1, 1], [1, 1], [1, 1]]> : tensor<3x2xi8> as !w
      %y = q.gemm %x, %w {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32,
                          channel_max = array<f32: 1.2, 7.0, 0.0>} : (!x, !w) -> !y
      return %y : !y
    })";
  // acc = 40: 20 + 20, within bounds of 22, 32 (of clamp_max) and 20; acc = 2:
  // 21.
  EXPECT_EQ(evaluate(ir, {Tensor({2, 2}, Ints{23, 23, 4, 4})}),
            (Ints{22, 32, 20, 21, 21, 20}));
}

/// The bounds hold for the sum, not for what the residual is added to.
TEST_F(ReferenceLayers, ChannelBoundsComeAfterTheResidual) {
  const char *ir = R"(
    !x = tensor<1x1x1x1x!quant.uniform<u8:f32, 1.0>>
    !w = tensor<2x1x1x1x!quant.uniform<i8:f32, 1.0>>
    !y = tensor<1x1x1x2x!quant.uniform<i8:f32, 1.0>>
    func.func @f(%x: !x, %r: !y) -> !y {
      %w = q.const dense<1> : tensor<2x1x1x1xi8> as !w
      %y = q.conv2d %x, %w residual %r {strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
        channel_max = array<f32: 8.0, -3.0>,
        intermediate = !quant.uniform<i8:f32, 1.0>} : (!x, !w, !y) -> !y
      return %y : !y
    })";
  EXPECT_EQ(evaluate(ir, {Tensor({1, 1, 1, 1}, Ints{20}),
                          Tensor({1, 1, 1, 2}, Ints{-15, -15})}),
            (Ints{5, -3}));
}

TEST_F(ReferenceLayers, GemmAgainstRationals) {
  const char *pattern = R"(
    !x = tensor<3x8x!quant.uniform<i8:f32, 0.5:-5>>
    !w = tensor<4x8x!quant.uniform<i8:f32:0, {{0.25:0, 0.75:2, 0.25:0, 0.75:-3}>>
    !b = tensor<4x!quant.uniform<i32:f32:0, {{0.125, 0.375, 0.125, 0.375}>>
    !y = tensor<3x4x!quant.uniform<i8:f32, 64.0:-2>>
    func.func @f(%x: !x) -> !y {{
      %w = q.const {0} : tensor<4x8xi8> as !w
      %b = q.const {1} : tensor<4xi32> as !b
      %y = q.gemm %x, %w bias %b : (!x, !w, !b) -> !y
      return %y : !y
    })";
  Ints x = random(24, -128, 127), w = random(32, -127, 127);
  Ints bias = random(4, -9999, 9999), zw = {0, 2, 0, -3};
  Ints result =
      evaluate(llvm::formatv(pattern, dense({4, 8}, w), dense({4}, bias)).str(),
               {Tensor({3, 8}, x)});
  ASSERT_EQ(result.size(), 12u);
  for (int m = 0; m < 3; ++m)
    for (int n = 0; n < 4; ++n) {
      int64_t sum = bias[n];
      for (int k = 0; k < 8; ++k)
        sum += int64_t(x[m * 8 + k] + 5) * (w[n * 8 + k] - zw[n]);
      EXPECT_EQ(
          result[m * 4 + n],
          clampTo(-2 + roundRatio(sum * scaleOver8(n), 8 * 64), -128, 127));
    }
}

TEST_F(ReferenceLayers, ResidualIsConvolutionThenAdd) {
  // The intermediate sum is clamped by its storage, the rest after the add.
  const char *types = R"(
    !x = tensor<1x4x4x3x!quant.uniform<u8:f32, 0.5:3>>
    !w = tensor<2x3x3x3x!quant.uniform<i8<-127:127>:f32:0, {{0.25, 0.75}>>
    !m = tensor<1x2x2x2x!quant.uniform<i8:f32, 32.0:5>>
    !r = tensor<1x2x2x2x!quant.uniform<u8:f32, 24.0:40>>
    !y = tensor<1x2x2x2x!quant.uniform<u8:f32, 16.0:60>>
    func.func @f(%x: !x, %r: !r) -> !y {{
      %w = q.const {0} : tensor<2x3x3x3xi8> as !w
      {1}
      return %y : !y
    })";
  const char *fused = R"(
      %y = q.conv2d %x, %w residual %r {strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
        clamp_min = 0.0 : f32, clamp_max = 2000.0 : f32,
        intermediate = !quant.uniform<i8:f32, 32.0:5>} : (!x, !w, !r) -> !y)";
  const char *apart = R"(
      %m = q.conv2d %x, %w {strides = array<i64: 1, 1>,
        pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
        : (!x, !w) -> !m
      %y = q.add %m, %r {clamp_min = 0.0 : f32, clamp_max = 2000.0 : f32}
        : (!m, !r) -> !y)";
  bool differs = false;
  for (int round = 0; round < 20; ++round) {
    std::string w = dense({2, 3, 3, 3}, random(54, -127, 127));
    Tensor x({1, 4, 4, 3}, random(48, 0, 255));
    Tensor r({1, 2, 2, 2}, random(8, 0, 255));
    Ints a = evaluate(llvm::formatv(types, w, fused).str(), {x, r});
    Ints b = evaluate(llvm::formatv(types, w, apart).str(), {x, r});
    EXPECT_EQ(a, b);
    differs |= a != Ints(8, a[0]);
  }
  EXPECT_TRUE(differs) << "all results saturate: the test sees nothing";
}

/// A transposed convolution computed from its other side: every input element
/// adds its products to the outputs that it reaches.
TEST_F(ReferenceLayers, ConvTransposeScatters) {
  const char *pattern = R"(
    !x = tensor<1x3x2x4x!quant.uniform<u8:f32, 0.5:9>>
    !w = tensor<4x3x2x2x!quant.uniform<i8:f32, 0.25>>
    !b = tensor<4x!quant.uniform<i32:f32, 0.125>>
    !y = tensor<1x7x4x4x!quant.uniform<u8:f32, 32.0:100>>
    func.func @f(%x: !x) -> !y {{
      %w = q.const {0} : tensor<4x3x2x2xi8> as !w
      %b = q.const {1} : tensor<4xi32> as !b
      %y = q.conv_transpose2d %x, %w bias %b {{strides = array<i64: 2, 3>,
        pads = array<i64: 1, 2, 0, 0>, dilations = array<i64: 1, 2>,
        output_padding = array<i64: 1, 0>, groups = 2 : i64{2}}
        : (!x, !w, !b) -> !y
      return %y : !y
    })";
  Ints x = random(24, 0, 255), w = random(48, -127, 127);
  Ints bias = random(4, -999, 999), folded = bias;
  std::vector<int64_t> sums(7 * 4 * 4);
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] = bias[i % 4];
  for (int y = 0; y < 3; ++y)
    for (int z = 0; z < 2; ++z)
      for (int o = 0; o < 4; ++o)
        for (int i = 0; i < 3; ++i)
          for (int j = 0; j < 2; ++j)
            for (int k = 0; k < 2; ++k) {
              int oy = y * 2 - 1 + i, ox = z * 3 - 2 + j * 2;
              if (oy < 0 || oy >= 7 || ox < 0 || ox >= 4)
                continue;
              sums[(oy * 4 + ox) * 4 + o] +=
                  (x[(y * 2 + z) * 4 + o / 2 * 2 + k] - 9) *
                  w[((o * 3 + i) * 2 + j) * 2 + k];
            }
  Ints want;
  for (int64_t sum : sums)
    want.push_back(clampTo(100 + roundRatio(sum, 8 * 32), 0, 255));
  for (int o = 0; o < 4; ++o)
    for (int i = 0; i < 12; ++i)
      folded[o] -= 9 * w[o * 12 + i];
  auto text = [&](const Ints &b, const char *attribute) {
    return llvm::formatv(pattern, dense({4, 3, 2, 2}, w), dense({4}, b),
                         attribute)
        .str();
  };
  Tensor input({1, 3, 2, 4}, x);
  EXPECT_EQ(evaluate(text(bias, ""), {input}), want);
  EXPECT_EQ(evaluate(text(folded, ", zero_point_folded"), {input}), want);
}

TEST_F(ReferenceLayers, MatMulBroadcastsItsBatch) {
  const char *ir = R"(
    !a = tensor<2x1x3x4x!quant.uniform<u8:f32, 0.5:100>>
    !b = tensor<5x4x2x!quant.uniform<i8:f32, 0.25:-9>>
    !y = tensor<2x5x3x2x!quant.uniform<i8:f32, 48.0:1>>
    func.func @f(%a: !a, %b: !b) -> !y {
      %y = q.matmul %a, %b {clamp_max = 4800.0 : f32} : (!a, !b) -> !y
      return %y : !y
    })";
  Ints a = random(24, 0, 255), b = random(40, -128, 127);
  Ints result = evaluate(ir, {Tensor({2, 1, 3, 4}, a), Tensor({5, 4, 2}, b)});
  ASSERT_EQ(result.size(), 60u);
  for (int p = 0; p < 2; ++p)
    for (int q = 0; q < 5; ++q)
      for (int m = 0; m < 3; ++m)
        for (int n = 0; n < 2; ++n) {
          int64_t sum = 0;
          for (int k = 0; k < 4; ++k)
            sum += int64_t(a[(p * 3 + m) * 4 + k] - 100) *
                   (b[(q * 4 + k) * 2 + n] + 9);
          EXPECT_EQ(result[((p * 5 + q) * 3 + m) * 2 + n],
                    clampTo(1 + roundRatio(sum, 8 * 48), -128, 101));
        }
}

} // namespace
