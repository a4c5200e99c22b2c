//===- WinogradLoweringTest.cpp - Winograd layers inside a network --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"

#include "gtest/gtest.h"

#include <random>

using namespace q::test;

namespace {

/// The bytes of `count` weights, from -127 to 127, as in `dense<"0x...">`.
std::string weights(int count) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < count; ++i) {
    auto byte = static_cast<uint8_t>(int(random() % 255) - 127);
    text += "0123456789ABCDEF"[byte >> 4];
    text += "0123456789ABCDEF"[byte & 15];
  }
  return text;
}

/// Two layers that read channels of one tensor and write channels of another:
/// neither their inputs nor their results are contiguous.
TEST(WinogradLowering, ReadsAndWritesParts) {
  std::string text = R"mlir(
!a = !quant.uniform<u8:f32, 0.0361:11>
!b = !quant.uniform<u8:f32, 0.9:120>
!w = !quant.uniform<i8<-127:127>:f32, 0.0125>
func.func @main(%x: tensor<1x10x13x48x!a>) -> tensor<1x10x13x32x!b> {
  %w = q.const dense<"0xWEIGHTS"> : tensor<16x3x3x16xi8> as tensor<16x3x3x16x!w>
  %0 = q.slice %x {starts = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 10, 13, 16>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x10x13x48x!a>) -> tensor<1x10x13x16x!a>
  %1 = q.slice %x {starts = array<i64: 0, 0, 0, 32>, sizes = array<i64: 1, 10, 13, 16>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x10x13x48x!a>) -> tensor<1x10x13x16x!a>
  %2 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x13x16x!a>, tensor<16x3x3x16x!w>) -> tensor<1x10x13x16x!b>
  %3 = q.conv2d %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x13x16x!a>, tensor<16x3x3x16x!w>) -> tensor<1x10x13x16x!b>
  %4 = q.concat %2, %3 {axis = 3} : (tensor<1x10x13x16x!b>, tensor<1x10x13x16x!b>) -> tensor<1x10x13x32x!b>
  return %4 : tensor<1x10x13x32x!b>
}
)mlir";
  text.replace(text.find("WEIGHTS"), 7, weights(9 * 16 * 16));
  expectSameBits(text, /*kernels=*/true);
}

} // namespace
