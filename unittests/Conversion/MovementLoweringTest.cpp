//===- MovementLoweringTest.cpp - Compiled ops that move bits -------------===//
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

/// One op of %x between two shapes of one type.
std::string move(const std::string &op, const std::string &from,
                 const std::string &to, const std::string &attributes,
                 const std::string &type = "!a") {
  std::string in = "tensor<" + from + "x" + type + ">";
  std::string out = "tensor<" + to + "x" + type + ">";
  return main("(%x: " + in + ") -> " + out, "%0 = " + op + " %x " + attributes +
                                                " : (" + in + ") -> " + out +
                                                "\nreturn %0 : " + out);
}

TEST(Lowering, Concat) {
  expectSameBits(main(
      "(%x: tensor<2x3x4x!a>, %y: tensor<2x1x4x!a>) -> tensor<2x7x4x!a>", R"(
  %0 = q.concat %x, %y, %x {axis = 1} : (tensor<2x3x4x!a>, tensor<2x1x4x!a>, tensor<2x3x4x!a>) -> tensor<2x7x4x!a>
  return %0 : tensor<2x7x4x!a>)"));
  // Producers that write in place, one of them also read elsewhere, and a
  // concatenation of a concatenation.
  expectSameBits(main("(%x: tensor<2x3x4x!a>, %y: tensor<2x3x4x!b>) -> "
                      "(tensor<2x3x13x!a>, tensor<2x3x4x!c>)",
                      R"(
  %0 = q.add %x, %y : (tensor<2x3x4x!a>, tensor<2x3x4x!b>) -> tensor<2x3x4x!a>
  %1 = q.sub %x, %y : (tensor<2x3x4x!a>, tensor<2x3x4x!b>) -> tensor<2x3x4x!a>
  %2 = q.concat %0, %1 {axis = 2} : (tensor<2x3x4x!a>, tensor<2x3x4x!a>) -> tensor<2x3x8x!a>
  %3 = q.unary tanh %2 : (tensor<2x3x8x!a>) -> tensor<2x3x8x!a>
  %4 = q.pad %0 {low = array<i64: 0, 0, 1>, high = array<i64: 0, 0, 0>} : (tensor<2x3x4x!a>) -> tensor<2x3x5x!a>
  %5 = q.concat %4, %2 {axis = 2} : (tensor<2x3x5x!a>, tensor<2x3x8x!a>) -> tensor<2x3x13x!a>
  %6 = q.mul %0, %1 : (tensor<2x3x4x!a>, tensor<2x3x4x!a>) -> tensor<2x3x4x!c>
  return %5, %6 : tensor<2x3x13x!a>, tensor<2x3x4x!c>)"));
}

TEST(Lowering, Slice) {
  expectSameBits(move("q.slice", "4x6x10", "2x3x4",
                      "{starts = array<i64: 1, 0, 3>, sizes = array<i64: 2, 3, "
                      "4>, steps = array<i64: 1, 2, 1>}"));
  expectSameBits(move("q.slice", "4x6x10", "4x3x4",
                      "{starts = array<i64: 0, 5, 1>, sizes = array<i64: 4, 3, "
                      "4>, steps = array<i64: 1, -2, 2>}"));
  expectSameBits(main("(%x: tensor<1x2x8x!a>) -> tensor<1x2x4x!b>", R"(
  %0 = q.slice %x {starts = array<i64: 0, 0, 0>, sizes = array<i64: 1, 2, 4>, steps = array<i64: 1, 1, 1>} : (tensor<1x2x8x!a>) -> tensor<1x2x4x!a>
  %1 = q.slice %x {starts = array<i64: 0, 0, 4>, sizes = array<i64: 1, 2, 4>, steps = array<i64: 1, 1, 1>} : (tensor<1x2x8x!a>) -> tensor<1x2x4x!a>
  %2 = q.add %0, %1 : (tensor<1x2x4x!a>, tensor<1x2x4x!a>) -> tensor<1x2x4x!b>
  return %2 : tensor<1x2x4x!b>)"));
}

TEST(Lowering, Pad) {
  for (const char *type : {"!a", "!s", "!h"})
    for (const char *mode : {"constant", "edge", "reflect"})
      expectSameBits(move("q.pad", "4x6x10", "4x9x14",
                          std::string("{low = array<i64: 0, 1, 3>, high = "
                                      "array<i64: 0, 2, 1>, mode = "
                                      "#q<pad_mode ") +
                              mode + ">, value = 0.7 : f32}",
                          type));
}

TEST(Lowering, Transpose) {
  expectSameBits(move("q.transpose", "2x3x5x7", "2x5x7x3",
                      "{perm = array<i64: 0, 2, 3, 1>}"));
  expectSameBits(move("q.transpose", "2x3x5x7", "7x2x5x3",
                      "{perm = array<i64: 3, 0, 2, 1>}", "!h"));
  expectSameBits(move("q.transpose", "1x3x1x7", "3x7x1x1",
                      "{perm = array<i64: 1, 3, 0, 2>}"));
}

TEST(Lowering, Reshape) {
  expectSameBits(move("q.reshape", "2x3x5", "30", ""));
  expectSameBits(move("q.reshape", "2x15", "3x10", ""));
  expectSameBits(move("q.reshape", "30", "2x3x5", ""));
  expectSameBits(move("q.reshape", "2x3x4", "2x12x1", "", "!s"));
  // Behind a view whose memory has gaps.
  expectSameBits(main("(%x: tensor<3x8x!a>) -> tensor<12x!a>", R"(
  %0 = q.slice %x {starts = array<i64: 0, 2>, sizes = array<i64: 3, 4>, steps = array<i64: 1, 1>} : (tensor<3x8x!a>) -> tensor<3x4x!a>
  %1 = q.reshape %0 : (tensor<3x4x!a>) -> tensor<12x!a>
  return %1 : tensor<12x!a>)"));
}

TEST(Lowering, Gather) {
  expectSameBits(move("q.gather", "3x6x4", "3x5x4",
                      "{indices = array<i64: 5, 0, 0, 3, 1>, axis = 1}"));
  expectSameBits(move("q.gather", "3x6", "3x6",
                      "{indices = array<i64: 0, 3, 1, 4, 2, 5>, axis = 1}"));
}

TEST(Lowering, Expand) {
  expectSameBits(move("q.expand", "3x1x4", "2x3x5x4", ""));
}

TEST(Lowering, ResizeNearest) {
  expectSameBits(
      move("q.resize", "1x4x5x3", "1x8x10x3",
           "{mode = #q<resize_mode nearest>, coordinates = "
           "#q<coordinate_mode asymmetric>, nearest = #q<nearest_mode floor>, "
           "scales = array<f32: 2.0, 2.0>}"));
  expectSameBits(move("q.resize", "1x4x5x3", "1x7x3x3",
                      "{mode = #q<resize_mode nearest>, coordinates = "
                      "#q<coordinate_mode half_pixel>, scales = array<f32: "
                      "1.75, 0.6>}"));
}

TEST(Lowering, ResizeLinear) {
  for (const char *mode : {"half_pixel", "align_corners", "asymmetric"})
    for (const char *to : {"!a", "!b"})
      expectSameBits(main(
          std::string("(%x: tensor<1x4x5x3x!a>) -> tensor<1x8x7x3x") + to + ">",
          std::string("%0 = q.resize %x {mode = #q<resize_mode linear>, "
                      "coordinates = #q<coordinate_mode ") +
              mode +
              ">, scales = array<f32: 2.0, 1.4>} : (tensor<1x4x5x3x!a>) -> "
              "tensor<1x8x7x3x" +
              to + ">\nreturn %0 : tensor<1x8x7x3x" + to + ">"));
}

} // namespace
