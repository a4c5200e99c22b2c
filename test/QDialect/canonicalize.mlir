// RUN: qopt %s --canonicalize | FileCheck %s

!u8 = !quant.uniform<u8:f32, 0.5:3>

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @quantize_of_dequantize
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @quantize_of_dequantize(%x: tensor<4x!u8>) -> tensor<4x!u8> {
  %0 = q.dequantize %x : tensor<4x!u8> -> tensor<4xf32>
  %1 = q.quantize %0 : tensor<4xf32> -> tensor<4x!u8>
  return %1 : tensor<4x!u8>
}

// The other order rounds, and other parameters do too.
// CHECK-LABEL: @not_the_identity
// CHECK: q.quantize
// CHECK: q.dequantize
// CHECK: q.quantize
func.func @not_the_identity(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<u8:f32, 0.25>> {
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!u8>
  %1 = q.dequantize %0 : tensor<4x!u8> -> tensor<4xf32>
  %2 = q.quantize %1 : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 0.25>>
  return %2 : tensor<4x!quant.uniform<u8:f32, 0.25>>
}

// Rule N3 at compile time: 0.25 / 0.5 is a tie and goes to the even 0.
// CHECK-LABEL: @quantize_constant
// CHECK: q.const dense<[3, 5, -1, 0]> : tensor<4xi8> as tensor<4x!quant.uniform<u8:f32, 5.000000e-01:3>>
// CHECK: q.const dense<{{\[\[}}4, -8], [2, -4]]> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8:f32:0, {2.500000e-01,5.000000e-01}>>
func.func @quantize_constant() -> (tensor<4x!u8>, tensor<2x2x!quant.uniform<i8:f32:0, {0.25, 0.5}>>) {
  %c = q.const dense<[0.25, 0.75, 1000.0, -1000.0]> : tensor<4xf32>
  %0 = q.quantize %c : tensor<4xf32> -> tensor<4x!u8>
  %d = q.const dense<[[1.0, -2.0], [1.0, -2.0]]> : tensor<2x2xf32>
  %1 = q.quantize %d : tensor<2x2xf32> -> tensor<2x2x!quant.uniform<i8:f32:0, {0.25, 0.5}>>
  return %0, %1 : tensor<4x!u8>, tensor<2x2x!quant.uniform<i8:f32:0, {0.25, 0.5}>>
}

// CHECK-LABEL: @identities
// CHECK-SAME: (%[[Q:.*]]: tensor{{.*}}, %[[F:.*]]: tensor<4x4xf32>)
// CHECK-NEXT: return %[[Q]], %[[F]], %[[F]], %[[F]], %[[F]], %[[F]], %[[F]], %[[F]]
func.func @identities(%q: tensor<4x!u8>, %f: tensor<4x4xf32>)
    -> (tensor<4x!u8>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>,
        tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = q.requantize %q : tensor<4x!u8> -> tensor<4x!u8>
  %1 = q.clamp %f : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = q.concat %f {axis = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = q.slice %f {starts = array<i64: 0, 0>, sizes = array<i64: 4, 4>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = q.pad %f {low = array<i64: 0, 0>, high = array<i64: 0, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = q.transpose %f {perm = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %6 = q.reshape %f : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %7 = q.expand %f : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<4x!u8>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>,
        tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// CHECK-LABEL: @unscaled_resize
// CHECK-NEXT: return
func.func @unscaled_resize(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
  %0 = q.resize %x {mode = #q<resize_mode linear>, coordinates = #q<coordinate_mode half_pixel>, scales = array<f32: 1.0, 1.0>} : (tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  return %0 : tensor<1x2x2x1xf32>
}

// A reversal has equal types, but is no identity.
// CHECK-LABEL: @reversal
// CHECK: q.slice
func.func @reversal(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.slice %x {starts = array<i64: 3>, sizes = array<i64: 4>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @neutral_constants
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @neutral_constants(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = q.const dense<0.0> : tensor<4xf32>
  %one = q.const dense<1.0> : tensor<1xf32>
  %0 = q.add %x, %zero : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  %1 = q.sub %0, %zero : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  %2 = q.mul %1, %one : (tensor<4x4xf32>, tensor<1xf32>) -> tensor<4x4xf32>
  %3 = q.div %2, %one : (tensor<4x4xf32>, tensor<1xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// A clamp or a broadcast stays.
// CHECK-LABEL: @not_neutral
// CHECK: q.add
// CHECK: q.mul
func.func @not_neutral(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %zero = q.const dense<0.0> : tensor<4xf32>
  %one = q.const dense<1.0> : tensor<2x1xf32>
  %0 = q.add %x, %zero {clamp_min = 0.0 : f32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.mul %0, %one : (tensor<4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// CHECK-LABEL: @transposes
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: %[[T:.*]] = q.transpose %[[X]] {perm = array<i64: 1, 2, 0>}
// CHECK-NEXT: return %[[X]], %[[T]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<3x4x2xf32>) {
  %0 = q.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = q.transpose %0 {perm = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  %2 = q.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<4x2x3xf32>) -> tensor<3x4x2xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<3x4x2xf32>
}

// CHECK-LABEL: @reshapes
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: %[[R:.*]] = q.reshape %[[X]] : (tensor<2x6xf32>) -> tensor<12xf32>
// CHECK-NEXT: return %[[R]]
func.func @reshapes(%x: tensor<2x6xf32>) -> tensor<12xf32> {
  %0 = q.reshape %x : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %1 = q.reshape %0 : (tensor<3x4xf32>) -> tensor<12xf32>
  return %1 : tensor<12xf32>
}

// CHECK-LABEL: @reshape_constants
// CHECK: q.const dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xi8> as tensor<2x2x!quant.uniform
// CHECK: q.const dense_resource<blob> : tensor<4xi8> as tensor<4x!quant.uniform
// CHECK-NOT: q.reshape
func.func @reshape_constants() -> (tensor<2x2x!u8>, tensor<4x!u8>) {
  %0 = q.const dense<[1, 2, 3, 4]> : tensor<4xi8> as tensor<4x!u8>
  %1 = q.reshape %0 : (tensor<4x!u8>) -> tensor<2x2x!u8>
  %2 = q.const dense_resource<blob> : tensor<2x2xi8> as tensor<2x2x!u8>
  %3 = q.reshape %2 : (tensor<2x2x!u8>) -> tensor<4x!u8>
  return %1, %3 : tensor<2x2x!u8>, tensor<4x!u8>
}

//===----------------------------------------------------------------------===//
// Canonicalizations
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @pad_into_conv
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK: q.conv2d %[[X]], %{{.*}} pads = array<i64: 1, 3, 2, 4>
// CHECK-NOT: q.pad
func.func @pad_into_conv(%x: tensor<1x8x8x1x!u8>) -> tensor<1x9x13x1x!u8> {
  %w = q.const dense<1> : tensor<1x3x3x1xi8> as tensor<1x3x3x1x!quant.uniform<i8:f32, 0.5>>
  %p = q.pad %x {low = array<i64: 0, 1, 2, 0>, high = array<i64: 0, 1, 3, 0>} : (tensor<1x8x8x1x!u8>) -> tensor<1x10x13x1x!u8>
  %0 = q.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x10x13x1x!u8>, tensor<1x3x3x1x!quant.uniform<i8:f32, 0.5>>) -> tensor<1x9x13x1x!u8>
  return %0 : tensor<1x9x13x1x!u8>
}

// A border that is not zero, or of channels, stays.
// CHECK-LABEL: @pad_before_conv
// CHECK-COUNT-2: q.pad
func.func @pad_before_conv(%x: tensor<1x8x8x1xf32>) -> (tensor<1x9x8x1xf32>, tensor<1x8x8x1xf32>) {
  %w = q.const dense<0.5> : tensor<1x1x1x1xf32>
  %v = q.const dense<0.5> : tensor<1x1x1x2xf32>
  %p = q.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 1.0 : f32} : (tensor<1x8x8x1xf32>) -> tensor<1x9x8x1xf32>
  %0 = q.conv2d %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x9x8x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x9x8x1xf32>
  %r = q.pad %x {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 1>} : (tensor<1x8x8x1xf32>) -> tensor<1x8x8x2xf32>
  %1 = q.conv2d %r, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x8x8x1xf32>
  return %0, %1 : tensor<1x9x8x1xf32>, tensor<1x8x8x1xf32>
}

// CHECK-LABEL: @clamps
// CHECK-SAME: (%[[X:.*]]: tensor
// CHECK-NEXT: %[[A:.*]] = q.clamp %[[X]] {clamp_max = 6.000000e+00 : f32, clamp_min = 1.000000e+00 : f32}
// CHECK-NEXT: %[[B:.*]] = q.clamp %[[X]] {clamp_max = 2.000000e+00 : f32}
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @clamps(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = q.clamp %0 {clamp_min = 1.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = q.clamp %x {clamp_min = 0xFF800000 : f32, clamp_max = 2.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// Between unlike types the first clamp rounds.
// CHECK-LABEL: @clamps_of_unlike_types
// CHECK-COUNT-2: q.clamp
func.func @clamps_of_unlike_types(%x: tensor<4x!u8>) -> tensor<4x!quant.uniform<u8:f32, 0.25>> {
  %0 = q.clamp %x {clamp_min = 0.0 : f32} : (tensor<4x!u8>) -> tensor<4x!quant.uniform<u8:f32, 0.25>>
  %1 = q.clamp %0 {clamp_max = 6.0 : f32} : (tensor<4x!quant.uniform<u8:f32, 0.25>>) -> tensor<4x!quant.uniform<u8:f32, 0.25>>
  return %1 : tensor<4x!quant.uniform<u8:f32, 0.25>>
}

// CHECK-LABEL: @relu6_of_min_and_max
// CHECK-NEXT: q.clamp %{{.*}} {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32}
// CHECK-NEXT: return
func.func @relu6_of_min_and_max(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = q.const dense<0.0> : tensor<f32>
  %six = q.const dense<6.0> : tensor<1xf32>
  %0 = q.max %zero, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.min %0, %six : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @concat_of_concat
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>, %[[Y:.*]]: tensor<3xf32>)
// CHECK-NEXT: q.concat %[[X]], %[[Y]], %[[X]]
func.func @concat_of_concat(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<7xf32> {
  %0 = q.concat %y, %x {axis = 0 : i64} : (tensor<3xf32>, tensor<2xf32>) -> tensor<5xf32>
  %1 = q.concat %x, %0 {axis = 0 : i64} : (tensor<2xf32>, tensor<5xf32>) -> tensor<7xf32>
  return %1 : tensor<7xf32>
}

// CHECK-LABEL: @slice_of_slice
// CHECK-NEXT: q.slice %{{.*}} {sizes = array<i64: 2>, starts = array<i64: 7>, steps = array<i64: -4>}
func.func @slice_of_slice(%x: tensor<10xf32>) -> tensor<2xf32> {
  %0 = q.slice %x {starts = array<i64: 9>, sizes = array<i64: 4>, steps = array<i64: -2>} : (tensor<10xf32>) -> tensor<4xf32>
  %1 = q.slice %0 {starts = array<i64: 1>, sizes = array<i64: 2>, steps = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: @transpose_of_unit_dimensions
// CHECK: q.reshape %{{.*}} : (tensor<1x7x1x1xf32>) -> tensor<1x1x1x7xf32>
// CHECK: q.transpose
func.func @transpose_of_unit_dimensions(%x: tensor<1x7x1x1xf32>, %y: tensor<1x7x2x1xf32>) -> (tensor<1x1x1x7xf32>, tensor<1x2x1x7xf32>) {
  %0 = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x7x1x1xf32>) -> tensor<1x1x1x7xf32>
  %1 = q.transpose %y {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x7x2x1xf32>) -> tensor<1x2x1x7xf32>
  return %0, %1 : tensor<1x1x1x7xf32>, tensor<1x2x1x7xf32>
}

{-# dialect_resources: { builtin: { blob: "0x0100000001020304" } } #-}
