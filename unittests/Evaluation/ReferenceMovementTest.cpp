//===- ReferenceMovementTest.cpp - Ops that move bits ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

using namespace q::eval;

namespace {

class ReferenceMovement : public ReferenceTest {};

Tensor counting(llvm::ArrayRef<int64_t> shape) {
  Ints values(Tensor::count(shape));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i;
  return Tensor(shape, values);
}

TEST_F(ReferenceMovement, Concat) {
  Ints result = evaluate(
      R"(
    !a = tensor<2x1x2x!quant.uniform<u8:f32, 0.5>>
    !b = tensor<2x2x2x!quant.uniform<u8:f32, 0.5>>
    !y = tensor<2x3x2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%a: !a, %b: !b) -> !y {
      %0 = q.concat %a, %b {axis = 1 : i64} : (!a, !b) -> !y
      return %0 : !y
    })",
      {Tensor({2, 1, 2}, Ints{100, 101, 102, 103}), counting({2, 2, 2})});
  EXPECT_EQ(result, (Ints{100, 101, 0, 1, 2, 3, 102, 103, 4, 5, 6, 7}));
}

TEST_F(ReferenceMovement, SliceForwardsAndBackwards) {
  Ints result = evaluate(R"(
    !x = tensor<3x5x!quant.uniform<u8:f32, 0.5>>
    !y = tensor<2x3x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: !x) -> !y {
      %0 = q.slice %x {starts = array<i64: 1, 4>, sizes = array<i64: 2, 3>,
        steps = array<i64: 1, -2>} : (!x) -> !y
      return %0 : !y
    })",
                         {counting({3, 5})});
  EXPECT_EQ(result, (Ints{9, 7, 5, 14, 12, 10}));
}

TEST_F(ReferenceMovement, PadInItsThreeModes) {
  auto results = evaluateAll(R"(
    !x = tensor<1x3x!quant.uniform<u8:f32, 0.5:7>>
    !y = tensor<2x7x!quant.uniform<u8:f32, 0.5:7>>
    !z = tensor<1x7x!quant.uniform<u8:f32, 0.5:7>>
    func.func @f(%x: !x) -> (!y, !z, !z) {
      %0 = q.pad %x {low = array<i64: 1, 2>, high = array<i64: 0, 2>, value = 1.5 : f32} : (!x) -> !y
      %1 = q.pad %x {low = array<i64: 0, 2>, high = array<i64: 0, 2>, mode = #q<pad_mode edge>} : (!x) -> !z
      %2 = q.pad %x {low = array<i64: 0, 2>, high = array<i64: 0, 2>, mode = #q<pad_mode reflect>} : (!x) -> !z
      return %0, %1, %2 : !y, !z, !z
    })",
                             {Tensor({1, 3}, Ints{1, 2, 3})});
  ASSERT_EQ(results.size(), 3u) << diagnostics;
  // 1.5 / 0.5 + 7 = 10.
  EXPECT_EQ(results[0].i(),
            (Ints{10, 10, 10, 10, 10, 10, 10, 10, 10, 1, 2, 3, 10, 10}));
  EXPECT_EQ(results[1].i(), (Ints{1, 1, 1, 2, 3, 3, 3}));
  EXPECT_EQ(results[2].i(), (Ints{3, 2, 1, 2, 3, 2, 1}));
}

TEST_F(ReferenceMovement, TransposeReshapeGatherExpand) {
  auto results = evaluateAll(R"(
    !x = tensor<2x3x!quant.uniform<u8:f32, 0.5>>
    !t = tensor<3x2x!quant.uniform<u8:f32, 0.5>>
    !r = tensor<6x1x!quant.uniform<u8:f32, 0.5>>
    !g = tensor<3x4x!quant.uniform<u8:f32, 0.5>>
    !e = tensor<2x6x2x!quant.uniform<u8:f32, 0.5>>
    func.func @f(%x: !x) -> (!t, !g, !e) {
      %0 = q.transpose %x {perm = array<i64: 1, 0>} : (!x) -> !t
      %1 = q.gather %0 {indices = array<i64: 1, 0, 1, 1>, axis = 1 : i64} : (!t) -> !g
      %2 = q.reshape %0 : (!t) -> !r
      %3 = q.expand %2 : (!r) -> !e
      return %0, %1, %3 : !t, !g, !e
    })",
                             {counting({2, 3})});
  ASSERT_EQ(results.size(), 3u) << diagnostics;
  EXPECT_EQ(results[0].i(), (Ints{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(results[1].i(), (Ints{3, 0, 3, 3, 4, 1, 4, 4, 5, 2, 5, 5}));
  EXPECT_EQ(results[2].i(), (Ints{0, 0, 3, 3, 1, 1, 4, 4, 2, 2, 5, 5,
                                  0, 0, 3, 3, 1, 1, 4, 4, 2, 2, 5, 5}));
}

TEST_F(ReferenceMovement, FloatBordersMayBeMovedToo) {
  auto results =
      evaluateAll(R"(
    !q = tensor<2x1x2x!quant.uniform<u8:f32, 0.5:3>>
    func.func @f(%x: tensor<2x2xf32>) -> tensor<1x6xf32> {
      %t = q.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
      %r = q.reshape %t : (tensor<2x2xf32>) -> tensor<2x1x2xf32>
      %0 = q.quantize %r : tensor<2x1x2xf32> -> !q
      %1 = q.dequantize %0 : !q -> tensor<2x1x2xf32>
      %2 = q.reshape %1 : (tensor<2x1x2xf32>) -> tensor<1x4xf32>
      %3 = q.pad %2 {low = array<i64: 0, 1>, high = array<i64: 0, 1>, value = -1.25 : f32} : (tensor<1x4xf32>) -> tensor<1x6xf32>
      return %3 : tensor<1x6xf32>
    })",
                  {Tensor({2, 2}, std::vector<float>{0.1f, 1.f, 2.3f, 9.f})});
  ASSERT_EQ(results.size(), 1u) << diagnostics;
  EXPECT_EQ(results[0].f(),
            (std::vector<float>{-1.25f, 0.f, 2.5f, 1.f, 9.f, -1.25f}));
}

TEST_F(ReferenceMovement, ConstantsReadTheirStorage) {
  // A signless payload of unsigned storage is unsigned; splats and narrow
  // widths too.
  auto results = evaluateAll(R"(
    !u = tensor<2x!quant.uniform<u8:f32, 0.5>>
    !n = tensor<2x!quant.uniform<i4:f32, 0.5>>
    !l = tensor<3x!quant.uniform<i16:f32, 0.5>>
    func.func @f() -> (!u, !n, !l) {
      %0 = q.const dense<[-1, 127]> : tensor<2xi8> as !u
      %1 = q.const dense<-8> : tensor<2xi8> as !n
      %2 = q.const dense<[-300, 0, 300]> : tensor<3xi16> as !l
      return %0, %1, %2 : !u, !n, !l
    })",
                             {});
  ASSERT_EQ(results.size(), 3u) << diagnostics;
  EXPECT_EQ(results[0].i(), (Ints{255, 127}));
  EXPECT_EQ(results[1].i(), (Ints{-8, -8}));
  EXPECT_EQ(results[2].i(), (Ints{-300, 0, 300}));
}

TEST_F(ReferenceMovement, ResourceBlobsAreRead) {
  // 4 bytes of alignment, then the payload.
  Ints result = evaluate(R"(
    !u = tensor<2x2x!quant.uniform<i8:f32, 0.5>>
    func.func @f() -> !u {
      %0 = q.const dense_resource<blob> : tensor<2x2xi8> as !u
      return %0 : !u
    }
    {-# dialect_resources: { builtin: { blob: "0x0100000001FE03FC" } } #-})",
                         {});
  EXPECT_EQ(result, (Ints{1, -2, 3, -4}));
}

} // namespace
