//===- EvenLoweringTest.cpp - Ties to even in compiled code ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scales whose ratios are simple fractions, so that the middle of two integers
// is met often, in the rounding mode `even`: as loops and as kernels.
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"
#include "LoweringText.h"

#include "gtest/gtest.h"

using namespace q::test;

namespace {

const char *const kTieTypes = R"mlir(
!t = !quant.uniform<u8:f32, 0.5:3>
!u = !quant.uniform<u8:f32, 1.0:4>
!v = !quant.uniform<i8:f32, 1.0:-7>
!p = !quant.uniform<i8<-127:127>:f32, 0.0078125>
!r = !quant.uniform<u8:f32, 0.09375:64>
)mlir";

std::string even(const std::string &signature, const std::string &body) {
  return kTieTypes + main(signature, body, "even");
}

TEST(EvenLowering, Elementwise) {
  for (const char *to : {"!u", "!v", "!r"}) {
    std::string in = "tensor<256x!t>",
                out = std::string("tensor<256x") + to + ">";
    expectSameBits(even("(%x: " + in + ") -> " + out,
                        "%0 = q.requantize %x : " + in + " -> " + out +
                            "\nreturn %0 : " + out));
    for (const char *op : {"q.add", "q.sub", "q.mul"})
      expectSameBits(even("(%x: " + in + ", %y: " + in + ") -> " + out,
                          std::string("%0 = ") + op + " %x, %y : (" + in +
                              ", " + in + ") -> " + out +
                              "\nreturn %0 : " + out));
  }
}

TEST(EvenLowering, Averages) {
  expectSameBits(even("(%x: tensor<1x5x6x4x!t>) -> tensor<1x5x6x4x!u>", R"(
  %0 = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x5x6x4x!t>) -> tensor<1x5x6x4x!u>
  return %0 : tensor<1x5x6x4x!u>)"));
  expectSameBits(even("(%x: tensor<3x8x5x!t>) -> tensor<3x5x!v>", R"(
  %0 = q.reduce mean %x {axes = array<i64: 1>} : (tensor<3x8x5x!t>) -> tensor<3x5x!v>
  return %0 : tensor<3x5x!v>)"));
}

TEST(EvenLowering, Layers) {
  for (const char *to : {"!u", "!v", "!t"})
    for (bool kernels : {false, true}) {
      std::string out = std::string("tensor<1x6x6x16x") + to + ">";
      expectSameBits(
          even("(%x: tensor<1x8x8x16x!t>) -> " + out,
               "%w = q.const " + dense(16 * 9 * 16, 1, -127, 127) +
                   " : tensor<16x3x3x16xi8> as tensor<16x3x3x16x!p>\n"
                   "%0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = "
                   "array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
                   "(tensor<1x8x8x16x!t>, tensor<16x3x3x16x!p>) -> " +
                   out + "\nreturn %0 : " + out),
          kernels);
      std::string row = std::string("tensor<3x8x") + to + ">";
      expectSameBits(even("(%x: tensor<3x32x!t>) -> " + row,
                          "%w = q.const " + dense(8 * 32, 1, -9, 9) +
                              " : tensor<8x32xi8> as tensor<8x32x!p>\n"
                              "%0 = q.gemm %x, %w : (tensor<3x32x!t>, "
                              "tensor<8x32x!p>) -> " +
                              row + "\nreturn %0 : " + row),
                     kernels);
    }
}

} // namespace
