//===- LoweringTest.cpp - Compiled code against the reference -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"
#include "LoweringText.h"

#include "gtest/gtest.h"

using namespace q::test;

namespace {

TEST(Lowering, QuantizeConvDequantize) {
  expectSameBits(main("(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x4x4xf32>",
                      R"(
  %t = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
  %q = q.quantize %t : tensor<1x8x8x3xf32> -> tensor<1x8x8x3x!a>
  %w = q.const )" + dense(108, 1, -127, 127) +
                          R"( : tensor<4x3x3x3xi8> as tensor<4x3x3x3x!w>
  %b = q.const dense<[700, -1500, 20, 3]> : tensor<4xi32> as tensor<4x!bias>
  %y = q.conv2d %q, %w bias %b {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32} : (tensor<1x8x8x3x!a>, tensor<4x3x3x3x!w>, tensor<4x!bias>) -> tensor<1x4x4x4x!b>
  %d = q.dequantize %y : tensor<1x4x4x4x!b> -> tensor<1x4x4x4xf32>
  return %d : tensor<1x4x4x4xf32>)"));
}

//===----------------------------------------------------------------------===//
// Borders
//===----------------------------------------------------------------------===//

TEST(Lowering, Quantize) {
  for (const char *type : {"!f", "!a", "!s", "!n", "!h"})
    expectSameBits(
        main(std::string("(%x: tensor<37xf32>) -> tensor<37x") + type + ">",
             std::string("%0 = q.quantize %x : tensor<37xf32> -> "
                         "tensor<37x") +
                 type + ">\nreturn %0 : tensor<37x" + type + ">"));
}

TEST(Lowering, QuantizePerAxis) {
  expectSameBits(main("(%x: tensor<4x5xf32>) -> tensor<4x5xf32>", R"(
  %0 = q.quantize %x : tensor<4x5xf32> -> tensor<4x5x!w>
  %1 = q.dequantize %0 : tensor<4x5x!w> -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>)"));
}

TEST(Lowering, Dequantize) {
  for (const char *type : {"!f", "!a", "!s", "!n", "!h"})
    expectSameBits(
        main(std::string("(%x: tensor<300x") + type + ">) -> tensor<300xf32>",
             std::string("%0 = q.dequantize %x : tensor<300x") + type +
                 "> -> tensor<300xf32>\n" + "return %0 : tensor<300xf32>"));
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// One op of one operand between two types.
std::string unary(const std::string &op, const std::string &from,
                  const std::string &to, const std::string &attributes,
                  const std::string &rounding = "single",
                  bool functional = true) {
  std::string in = "tensor<256x" + from + ">", out = "tensor<256x" + to + ">";
  std::string types = functional ? "(" + in + ") -> " + out : in + " -> " + out;
  return main("(%x: " + in + ") -> " + out,
              "%0 = " + op + " %x " + attributes + " : " + types +
                  "\nreturn %0 : " + out,
              rounding);
}

std::string binary(const std::string &op, const std::string &lhs,
                   const std::string &rhs, const std::string &to,
                   const std::string &attributes = "",
                   const std::string &rounding = "single") {
  return main("(%x: " + lhs + ", %y: " + rhs + ") -> " + to,
              "%0 = " + op + " %x, %y " + attributes + " : (" + lhs + ", " +
                  rhs + ") -> " + to + "\nreturn %0 : " + to,
              rounding);
}

TEST(Lowering, Requantize) {
  for (const char *rounding : {"single", "gemmlowp"}) {
    expectSameBits(unary("q.requantize", "!a", "!b", "", rounding, false));
    expectSameBits(unary("q.requantize", "!b", "!s", "", rounding, false));
    expectSameBits(unary("q.requantize", "!s", "!h", "", rounding, false));
    expectSameBits(unary("q.requantize", "!h", "!n", "", rounding, false));
    expectSameBits(unary("q.requantize", "!n", "!a", "", rounding, false));
  }
}

TEST(Lowering, RequantizePowersOfTwo) {
  for (const char *to : {"0.125", "0.25", "0.5", "2.0", "16.0"})
    expectSameBits(unary("q.requantize", "!quant.uniform<i8:f32, 0.5>",
                         std::string("!quant.uniform<i8:f32, ") + to + ">", "",
                         "pow2", false));
}

TEST(Lowering, Clamp) {
  expectSameBits(unary("q.clamp", "!a", "!a", "{clamp_min = 0.0 : f32}"));
  expectSameBits(unary("q.clamp", "!a", "!b",
                       "{clamp_min = 0.0 : f32, clamp_max = 1.5 : f32}"));
  expectSameBits(unary("q.clamp", "!s", "!s", "{clamp_max = 1.5 : f32}"));
}

TEST(Lowering, Unary) {
  for (const char *kind : {"sigmoid", "tanh", "exp", "hard_swish", "log"})
    for (const char *from : {"!a", "!s", "!n"})
      expectSameBits(unary(std::string("q.unary ") + kind, from, "!c", ""));
  expectSameBits(
      unary("q.unary leaky_relu", "!a", "!s", "{alpha = 0.1 : f32}"));
  expectSameBits(unary("q.unary tanh", "!h", "!h", ""));
}

TEST(Lowering, AddAndSub) {
  for (const char *op : {"q.add", "q.sub"}) {
    expectSameBits(
        binary(op, "tensor<3x7x!a>", "tensor<3x7x!b>", "tensor<3x7x!c>"));
    expectSameBits(binary(op, "tensor<3x7x!a>", "tensor<7x!s>",
                          "tensor<3x7x!s>",
                          "{clamp_min = 0.0 : f32, clamp_max = 2.5 : f32}"));
    expectSameBits(
        binary(op, "tensor<2x1x5x!h>", "tensor<3x1x!h>", "tensor<2x3x5x!h>"));
    expectSameBits(binary(op, "tensor<70x!a>", "tensor<1x!b>", "tensor<70x!c>",
                          "", "gemmlowp"));
  }
}

TEST(Lowering, Mul) {
  for (const char *rounding : {"single", "gemmlowp"}) {
    expectSameBits(binary("q.mul", "tensor<4x50x!a>", "tensor<4x50x!b>",
                          "tensor<4x50x!c>", "", rounding));
    expectSameBits(binary("q.mul", "tensor<4x50x!s>", "tensor<4x1x!b>",
                          "tensor<4x50x!s>", "{clamp_max = 0.5 : f32}",
                          rounding));
    expectSameBits(binary("q.mul", "tensor<4x50x!h>", "tensor<50x!h>",
                          "tensor<4x50x!h>", "", rounding));
  }
}

TEST(Lowering, Div) {
  std::string whole = "tensor<3x70x!a>";
  for (const char *type : {"!b", "!s", "!h", "!n"})
    for (const char *clamp : {"", "{clamp_min = 0.0 : f32}"})
      expectSameBits(binary("q.div", whole,
                            std::string("tensor<70x") + type + ">", whole,
                            clamp));
  // Everything over the zero point saturates.
  expectSameBits(main("(%x: tensor<256x!a>) -> tensor<256x!s>", R"(
  %y = q.const dense<7> : tensor<256xi8> as tensor<256x!b>
  %0 = q.div %x, %y : (tensor<256x!a>, tensor<256x!b>) -> tensor<256x!s>
  return %0 : tensor<256x!s>)"));
}

TEST(Lowering, MinAndMax) {
  for (const char *op : {"q.min", "q.max"})
    for (const char *type : {"!a", "!s", "!h"}) {
      std::string whole = std::string("tensor<3x70x") + type + ">";
      expectSameBits(
          binary(op, whole, std::string("tensor<70x") + type + ">", whole));
    }
}

TEST(Lowering, PRelu) {
  for (const char *rounding : {"single", "gemmlowp"}) {
    expectSameBits(binary("q.prelu", "tensor<40x6x!a>", "tensor<6x!s>",
                          "tensor<40x6x!c>", "", rounding));
    expectSameBits(binary("q.prelu", "tensor<40x6x!s>", "tensor<1x!b>",
                          "tensor<40x6x!s>", "", rounding));
  }
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

struct Conv {
  int64_t h, w, c, o, kh, kw;
  const char *strides = "1, 1", *pads = "0, 0, 0, 0", *dilations = "1, 1";
  int64_t oh, ow;
  int64_t groups = 1;
};

std::string dims(std::initializer_list<int64_t> extents) {
  std::string text = "tensor<";
  for (int64_t extent : extents)
    text += std::to_string(extent) + "x";
  return text;
}

std::string conv(const Conv &conv, const std::string &input,
                 const std::string &extra, const std::string &rounding,
                 const std::string &weight = "!w",
                 const std::string &op = "q.conv2d",
                 const std::string &bias = "!bias") {
  std::string x = dims({2, conv.h, conv.w, conv.c}) + input + ">";
  std::string y = dims({2, conv.oh, conv.ow, conv.o}) + "!b>";
  auto filter = {conv.o, conv.kh, conv.kw, conv.c / conv.groups};
  std::string w = dims(filter) + weight + ">";
  std::string b = dims({conv.o}) + bias + ">";
  int64_t count = conv.o * conv.kh * conv.kw * conv.c / conv.groups;
  return main(
      "(%x: " + x + ") -> " + y,
      "%w = q.const " + dense(count, 1, -127, 127) + " : " + dims(filter) +
          "i8> as " + w + "\n%b = q.const " + dense(conv.o, 4, -3000, 3000) +
          " : " + dims({conv.o}) + "i32> as " + b + "\n%0 = " + op +
          " %x, %w bias %b {" + "strides = array<i64: " + conv.strides +
          ">, pads = array<i64: " + conv.pads +
          ">, dilations = array<i64: " + conv.dilations +
          ">, groups = " + std::to_string(conv.groups) + extra + "} : (" + x +
          ", " + w + ", " + b + ") -> " + y + "\nreturn %0 : " + y,
      rounding);
}

const Conv kConvs[] = {
    {6, 7, 3, 4, 3, 3, "1, 1", "1, 1, 1, 1", "1, 1", 6, 7},
    {9, 8, 2, 4, 3, 2, "2, 3", "1, 0, 2, 1", "1, 2", 5, 3},
    {5, 5, 4, 4, 3, 3, "1, 1", "1, 1, 1, 1", "1, 1", 5, 5, 4},
    {5, 5, 8, 4, 1, 1, "2, 2", "0, 0, 0, 0", "1, 1", 3, 3, 2},
};

TEST(Lowering, Kernels) {
  for (const Conv &shape : kConvs)
    expectSameBits(conv(shape, "!a", ", clamp_min = -0.5 : f32", "single"),
                   /*kernels=*/true);
}

TEST(Lowering, Conv2D) {
  for (const char *rounding : {"single", "gemmlowp"})
    for (const Conv &shape : kConvs)
      for (const char *input : {"!a", "!i"})
        expectSameBits(
            conv(shape, input, ", clamp_min = -0.5 : f32", rounding));
}

TEST(Lowering, Conv2DFoldedZeroPoint) {
  for (const Conv &shape : kConvs)
    expectSameBits(conv(shape, "!a", ", zero_point_folded", "single"));
}

TEST(Lowering, Conv2DWeightZeroPoints) {
  expectSameBits(conv(kConvs[0], "!a", "", "single",
                      "!quant.uniform<i8:f32:0, {0.0125:3, 0.0061:-2, 0.0093, "
                      "0.021:1}>"));
  expectSameBits(conv(kConvs[0], "!a", "", "single",
                      "!quant.uniform<i8:f32, 0.0125:3>", "q.conv2d",
                      "!quant.uniform<i32:f32, 0.00045125>"));
}

TEST(Lowering, Conv2DPowersOfTwo) {
  std::string text =
      main("(%x: tensor<1x4x4x8x!p>) -> tensor<1x4x4x3x!p>",
           "%w = q.const " + dense(24, 1, -127, 127) +
               " : tensor<3x1x1x8xi8> as tensor<3x1x1x8x!q>\n"
               "%0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = "
               "array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
               "(tensor<1x4x4x8x!p>, tensor<3x1x1x8x!q>) -> "
               "tensor<1x4x4x3x!p>\nreturn %0 : tensor<1x4x4x3x!p>",
           "pow2");
  expectSameBits("!p = !quant.uniform<i8:f32, 0.0625>\n"
                 "!q = !quant.uniform<i8<-127:127>:f32:0, {0.0078125, "
                 "0.015625, 0.00390625}>\n" +
                 text);
}

TEST(Lowering, Conv2DResidual) {
  expectSameBits(main(
      "(%x: tensor<1x4x4x8x!a>, %r: tensor<1x4x4x4x!c>) -> tensor<1x4x4x4x!b>",
      "%w = q.const " + dense(32, 1, -127, 127) +
          " : tensor<4x1x1x8xi8> as tensor<4x1x1x8x!w>\n" + R"(
  %0 = q.conv2d %x, %w residual %r {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32, intermediate = !a} : (tensor<1x4x4x8x!a>, tensor<4x1x1x8x!w>, tensor<1x4x4x4x!c>) -> tensor<1x4x4x4x!b>
  return %0 : tensor<1x4x4x4x!b>)"));
}

TEST(Lowering, ConvTranspose2D) {
  const Conv shapes[] = {
      {4, 5, 3, 4, 3, 3, "1, 1", "0, 0, 0, 0", "1, 1", 6, 7},
      {4, 5, 3, 4, 3, 3, "2, 2", "1, 1, 1, 1", "1, 1", 7, 9},
      {4, 5, 4, 4, 2, 2, "2, 3", "0, 1, 0, 0", "1, 1", 8, 13, 2},
      {4, 5, 3, 4, 2, 3, "3, 1", "2, 3, 1, 2", "1, 2", 8, 4},
  };
  for (const Conv &shape : shapes)
    expectSameBits(conv(shape, "!a", ", output_padding = array<i64: 0, 0>",
                        "single", "!w", "q.conv_transpose2d"));
}

TEST(Lowering, Gemm) {
  for (const char *rounding : {"single", "gemmlowp"})
    expectSameBits(main(
        "(%x: tensor<3x40x!a>) -> tensor<3x4x!b>",
        "%w = q.const " + dense(160, 1, -127, 127) +
            " : tensor<4x40xi8> as tensor<4x40x!w>\n%b = q.const " +
            dense(4, 4, -3000, 3000) + " : tensor<4xi32> as tensor<4x!bias>" +
            R"(
  %0 = q.gemm %x, %w bias %b {clamp_max = 2.0 : f32} : (tensor<3x40x!a>, tensor<4x40x!w>, tensor<4x!bias>) -> tensor<3x4x!b>
  return %0 : tensor<3x4x!b>)",
        rounding));
}

/// Layers that have no kernel, and additions, of bytes and of int16.
TEST(Lowering, ChannelMaxima) {
  const char *maxima = "{clamp_min = 0.0 : f32, channel_max = array<f32: 0.5, "
                       "1.25, 0.0, 100.0>}";
  for (const char *type : {"!a", "!s", "!h"}) {
    std::string tensor = std::string("tensor<3x4x") + type + ">";
    expectSameBits(binary("q.add", tensor, tensor, tensor, maxima));
    expectSameBits(main("(%x: tensor<3x40x!a>) -> " + tensor,
                        "%w = q.const " + dense(160, 1, -127, 127) +
                            " : tensor<4x40xi8> as tensor<4x40x!w>\n" +
                            "%0 = q.gemm %x, %w " + maxima +
                            " : (tensor<3x40x!a>, tensor<4x40x!w>) -> " +
                            tensor + "\nreturn %0 : " + tensor));
  }
  const Conv shape = {4, 5, 3, 4, 3, 3, "2, 2", "1, 1, 1, 1", "1, 1", 7, 9};
  expectSameBits(conv(shape, "!a",
                      ", output_padding = array<i64: 0, 0>, channel_max = "
                      "array<f32: -0.5, 0.0, 1.0, 2.0>",
                      "single", "!w", "q.conv_transpose2d"));
}

/// Sums beyond int32 (rule N8), with one multiplier and with one a channel.
TEST(Lowering, WideAccumulators) {
  for (const char *out : {"!h", "!c"})
    for (const char *weights : {"!s", "!w"}) {
      std::string y = std::string("tensor<2x4x") + out + ">";
      std::string w = std::string("tensor<4x700x") + weights + ">";
      expectSameBits(main("(%x: tensor<2x700x!h>) -> " + y,
                          "%w = q.const " + dense(2800, 1, -127, 127) +
                              " : tensor<4x700xi8> as " + w +
                              "\n%0 = q.gemm %x, %w : (tensor<2x700x!h>, " + w +
                              ") -> " + y + "\nreturn %0 : " + y));
    }
  expectSameBits(main("(%x: tensor<1x9x9x3x!h>) -> tensor<1x1x1x4x!h>",
                      "%w = q.const " + dense(972, 1, 90, 127) + R"(
    : tensor<4x9x9x3xi8> as tensor<4x9x9x3x!w>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x9x9x3x!h>, tensor<4x9x9x3x!w>) -> tensor<1x1x1x4x!h>
  return %0 : tensor<1x1x1x4x!h>)"));
  expectSameBits(
      binary("q.matmul", "tensor<3x5x!h>", "tensor<5x7x!h>", "tensor<3x7x!h>"));
  expectSameBits(main("(%x: tensor<1x300x300x2x!h>) -> tensor<1x2x!h>",
                      R"(
  %0 = q.reduce mean %x {axes = array<i64: 1, 2>} : (tensor<1x300x300x2x!h>) -> tensor<1x2x!h>
  return %0 : tensor<1x2x!h>)"));
}

TEST(Lowering, MatMul) {
  expectSameBits(binary("q.matmul", "tensor<2x1x5x6x!a>", "tensor<3x6x7x!s>",
                        "tensor<2x3x5x7x!b>"));
  expectSameBits(binary("q.matmul", "tensor<5x6x!a>", "tensor<6x7x!a>",
                        "tensor<5x7x!c>", "{clamp_min = 0.0 : f32}",
                        "gemmlowp"));
}

//===----------------------------------------------------------------------===//
// Pools and reductions
//===----------------------------------------------------------------------===//

std::string pool(const std::string &op, const std::string &in,
                 const std::string &out, const std::string &kernel,
                 const std::string &strides, const std::string &pads,
                 const std::string &dilations = "1, 1",
                 const std::string &extra = "",
                 const std::string &rounding = "single") {
  return main("(%x: " + in + ") -> " + out,
              "%0 = " + op + " %x {kernel = array<i64: " + kernel +
                  ">, strides = array<i64: " + strides +
                  ">, pads = array<i64: " + pads +
                  ">, dilations = array<i64: " + dilations + ">" + extra +
                  "} : (" + in + ") -> " + out + "\nreturn %0 : " + out,
              rounding);
}

TEST(Lowering, MaxPool) {
  expectSameBits(pool("q.max_pool2d", "tensor<2x6x7x5x!a>",
                      "tensor<2x3x3x5x!a>", "2, 3", "2, 2", "0, 0, 0, 0"));
  expectSameBits(pool("q.max_pool2d", "tensor<1x6x6x40x!s>",
                      "tensor<1x3x3x40x!s>", "3, 3", "2, 2", "1, 1, 0, 0"));
  expectSameBits(pool("q.max_pool2d", "tensor<1x6x6x3x!h>",
                      "tensor<1x4x4x3x!h>", "2, 2", "1, 1", "0, 0, 0, 0",
                      "2, 2"));
}

TEST(Lowering, AvgPool) {
  for (const char *rounding : {"single", "gemmlowp"}) {
    expectSameBits(pool("q.avg_pool2d", "tensor<2x6x6x5x!a>",
                        "tensor<2x3x3x5x!b>", "2, 2", "2, 2", "0, 0, 0, 0",
                        "1, 1", "", rounding));
    expectSameBits(pool("q.avg_pool2d", "tensor<1x6x6x40x!s>",
                        "tensor<1x3x3x40x!s>", "3, 3", "2, 2", "1, 1, 0, 0",
                        "1, 1", ", clamp_min = 0.0 : f32", rounding));
    expectSameBits(pool("q.avg_pool2d", "tensor<1x6x6x4x!a>",
                        "tensor<1x3x3x4x!c>", "3, 3", "2, 2", "1, 1, 0, 0",
                        "1, 1", ", count_include_pad", rounding));
    expectSameBits(pool("q.avg_pool2d", "tensor<1x7x7x24x!a>",
                        "tensor<1x1x1x24x!a>", "7, 7", "1, 1", "0, 0, 0, 0",
                        "1, 1", "", rounding));
  }
}

TEST(Lowering, Reduce) {
  for (const char *kind : {"mean", "sum"})
    for (const char *rounding : {"single", "gemmlowp"}) {
      std::string op = std::string("q.reduce ") + kind + " %x ";
      expectSameBits(main("(%x: tensor<2x7x7x10x!a>) -> tensor<2x10x!b>",
                          "%0 = " + op +
                              "{axes = array<i64: 1, 2>} : "
                              "(tensor<2x7x7x10x!a>) -> tensor<2x10x!b>\n"
                              "return %0 : tensor<2x10x!b>",
                          rounding));
      expectSameBits(main("(%x: tensor<3x5x33x!s>) -> tensor<3x5x1x!s>",
                          "%0 = " + op +
                              "{axes = array<i64: 2>, keep_dims} : "
                              "(tensor<3x5x33x!s>) -> tensor<3x5x1x!s>\n"
                              "return %0 : tensor<3x5x1x!s>",
                          rounding));
    }
  for (const char *kind : {"max", "min"})
    for (const char *type : {"!a>", "!s>"})
      expectSameBits(main(std::string("(%x: tensor<3x5x33x") + type +
                              ") -> tensor<5x" + type,
                          std::string("%0 = q.reduce ") + kind +
                              " %x {axes = array<i64: 0, 2>} : "
                              "(tensor<3x5x33x" +
                              type + ") -> tensor<5x" + type +
                              "\nreturn %0 : tensor<5x" + type));
}

TEST(Lowering, Softmax) {
  const char *const outs[] = {"!quant.uniform<u8:f32, 0.00390625>",
                              "!quant.uniform<i8:f32, 0.00390625:-128>"};
  for (const char *from : {"!a", "!s"})
    for (const char *to : outs)
      for (int axis : {0, 1, 2}) {
        std::string in = std::string("tensor<3x11x4x") + from + ">";
        std::string out = std::string("tensor<3x11x4x") + to + ">";
        expectSameBits(
            main("(%x: " + in + ") -> " + out,
                 "%0 = q.softmax %x {axis = " + std::to_string(axis) + "} : (" +
                     in + ") -> " + out + "\nreturn %0 : " + out));
      }
}

TEST(Lowering, LayerNorm) {
  const std::string row = R"(
  %g = q.const dense<[1.5, -0.5, 0.0, 2.0, 1.0]> : tensor<5xf32>
  %b = q.const dense<[[0.25], [-1.0], [0.0]]> : tensor<3x1xf32>
)";
  for (const char *from : {"!a", "!s", "!h"})
    for (const char *epsilon : {"1.0e-5", "0.0"}) {
      std::string in = std::string("tensor<20x3x5x") + from + ">";
      std::string out = "tensor<20x3x5x!c>";
      std::string attributes =
          std::string("{axis = 1 : i64, epsilon = ") + epsilon + " : f32}";
      expectSameBits(main("(%x: " + in + ") -> " + out,
                          row + "%0 = q.layer_norm %x, %g, %b " + attributes +
                              " : (" + in +
                              ", tensor<5xf32>, tensor<3x1xf32>) -> " + out +
                              "\nreturn %0 : " + out));
    }
}

TEST(Lowering, Lrn) {
  for (const char *from : {"!a", "!s"})
    for (const char *size : {"1", "4", "5"}) {
      std::string in = std::string("tensor<1x6x5x11x") + from + ">";
      std::string out = "tensor<1x6x5x11x!i>";
      expectSameBits(main("(%x: " + in + ") -> " + out,
                          std::string("%0 = q.lrn %x {size = ") + size +
                              " : i64, alpha = 0.02 : f32, beta = 0.75 : f32, "
                              "bias = 1.0 : f32} : (" +
                              in + ") -> " + out + "\nreturn %0 : " + out));
    }
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

TEST(Lowering, NothingIsCalled) {
  CompiledModel model(
      main("(%x: tensor<1x64x64x3x!a>) -> tensor<1x64x64x9x!a>", R"(
  %0 = q.pad %x {low = array<i64: 0, 0, 0, 3>, high = array<i64: 0, 0, 0, 3>} : (tensor<1x64x64x3x!a>) -> tensor<1x64x64x9x!a>
  return %0 : tensor<1x64x64x9x!a>)"));
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model.getUndefinedSymbols(), std::vector<std::string>());
}

} // namespace
