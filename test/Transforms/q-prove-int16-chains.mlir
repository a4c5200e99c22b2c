// How many sums of pairs of products fit int16, and why: every number by hand.
// RUN: qopt %s --q-prove-int16-chains --split-input-file | FileCheck %s

!act = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// Pairs (100, 28) and (-64, -64), the second channel has smaller ones; 2
// groups would meet in 100 + 28 + 1.
// CHECK-LABEL: func @pairs
// CHECK: q.gemm {{.*}}int16_chain = {amax = 255 : i64, chain_sum = 128 : i64, length = 1 : i64, pair_sum = 128 : i64, pairs = 8 : i64, unsafe_pairs = 0 : i64}
func.func @pairs(%x: tensor<1x8x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<[[100, 28, -64, -64, 1, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8]]> : tensor<2x8xi8> as tensor<2x8x!wt>
  %0 = q.gemm %x, %w {zero_point_folded} : (tensor<1x8x!act>, tensor<2x8x!wt>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// 100 + 29 is one too many for activations of 255; the other pairs of that
// channel and of the second are not.
// CHECK-LABEL: func @unsafe
// CHECK: q.gemm {{.*}}int16_chain = {amax = 255 : i64, chain_sum = 129 : i64, length = 0 : i64, pair_sum = 129 : i64, pairs = 4 : i64, unsafe_pairs = 1 : i64}
func.func @unsafe(%x: tensor<1x4x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<[[100, 29, -64, -64], [1, 2, 3, 4]]> : tensor<2x4xi8> as tensor<2x4x!wt>
  %0 = q.gemm %x, %w {zero_point_folded} : (tensor<1x4x!act>, tensor<2x4x!wt>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:7>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// Two kernel rows of 2 taps of 3 channels are two runs of 6 weights, 4 pairs
// each as groups are filled up. The clamp leaves activations of 7 to 107, and
// the padding is 7: 107 * 254 fits, twice that does not.
// CHECK-LABEL: func @clamped
// CHECK: q.conv2d {{.*}}int16_chain = {amax = 107 : i64, chain_sum = 254 : i64, length = 1 : i64, pair_sum = 254 : i64, pairs = 8 : i64, unsafe_pairs = 0 : i64}
func.func @clamped(%x: tensor<1x3x3x3x!act>) -> tensor<1x3x3x1x!act> {
  %w = q.const dense<127> : tensor<1x2x2x3xi8> as tensor<1x2x2x3x!wt>
  %0 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 50.0 : f32} : (tensor<1x3x3x3x!act>) -> tensor<1x3x3x3x!act>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x3x3x!act>, tensor<1x2x2x3x!wt>) -> tensor<1x3x3x1x!act>
  return %1 : tensor<1x3x3x1x!act>
}

// -----

!act = !quant.uniform<i8:f32, 0.5>
!wt = !quant.uniform<i4<-7:7>:f32, 0.25>

// Signed activations count from 0 too: x + 128. Narrow weights allow long
// chains, 8 * 2 * 7 = 112.
// CHECK-LABEL: func @signed
// CHECK: q.gemm {{.*}}int16_chain = {amax = 255 : i64, chain_sum = 112 : i64, length = 8 : i64, pair_sum = 14 : i64, pairs = 16 : i64, unsafe_pairs = 0 : i64}
func.func @signed(%x: tensor<1x32x!act>) -> tensor<1x1x!act> {
  %w = q.const dense<7> : tensor<1x32xi8> as tensor<1x32x!wt>
  %0 = q.gemm %x, %w : (tensor<1x32x!act>, tensor<1x32x!wt>) -> tensor<1x1x!act>
  return %0 : tensor<1x1x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5>
!wide = !quant.uniform<i16:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>
!zero = !quant.uniform<u8:f32, 0.25:3>

// Nothing is said of depthwise layers, of wide activations, nor of weights with
// a zero point.
// CHECK-LABEL: func @others
// CHECK-NOT: int16_chain
func.func @others(%x: tensor<1x3x3x2x!act>, %y: tensor<1x2x!wide>, %z: tensor<1x2x!act>) -> (tensor<1x3x3x2x!act>, tensor<1x1x!wide>, tensor<1x1x!act>) {
  %w = q.const dense<1> : tensor<2x1x1x1xi8> as tensor<2x1x1x1x!wt>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x3x3x2x!act>, tensor<2x1x1x1x!wt>) -> tensor<1x3x3x2x!act>
  %v = q.const dense<1> : tensor<1x2xi8> as tensor<1x2x!wt>
  %1 = q.gemm %y, %v : (tensor<1x2x!wide>, tensor<1x2x!wt>) -> tensor<1x1x!wide>
  %u = q.const dense<1> : tensor<1x2xi8> as tensor<1x2x!zero>
  %2 = q.gemm %z, %u : (tensor<1x2x!act>, tensor<1x2x!zero>) -> tensor<1x1x!act>
  return %0, %1, %2 : tensor<1x3x3x2x!act>, tensor<1x1x!wide>, tensor<1x1x!act>
}

// -----

!x = !quant.uniform<u8:f32, 1.0>
!w = !quant.uniform<i8<-127:127>:f32, 0.0078125>
!v = !quant.uniform<i8<-127:127>:f32, 0.25>

// Behind a depthwise layer: 255 * 64 / 128 and 255 * 32 / 128 at most, rounded.
// CHECK-LABEL: func @channels
// CHECK: q.conv2d
// CHECK-SAME: groups = 2
// CHECK: q.conv2d {{.*}}int16_chain = {amax = 128 : i64, chain_sum = 254 : i64, channel_amax = array<i32: 128, 64>, length = 8 : i64, pair_sum = 254 : i64
func.func @channels(%x: tensor<1x1x1x2x!x>) -> tensor<1x1x1x1x!x> {
  %w = q.const dense<[[[[64]]], [[[32]]]]> : tensor<2x1x1x1xi8> as tensor<2x1x1x1x!w>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x1x1x2x!x>, tensor<2x1x1x1x!w>) -> tensor<1x1x1x2x!x>
  %v = q.const dense<127> : tensor<1x1x1x2xi8> as tensor<1x1x1x2x!v>
  %1 = q.conv2d %0, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x2x!x>, tensor<1x1x1x2x!v>) -> tensor<1x1x1x1x!x>
  return %1 : tensor<1x1x1x1x!x>
}

// -----

!x = !quant.uniform<u8:f32, 0.5>
!s = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8<-127:127>:f32, 0.25>

// Bounds of channels: 10, and 60 of 70 and 60; signed ones are counted from
// -128. A pool passes them on.
// CHECK-LABEL: func @bounds
// CHECK: q.gemm {{.*}}channel_max = array<f32: 5.000000e+00, 3.500000e+01>
// CHECK: q.gemm {{.*}}int16_chain = {amax = 60 : i64, {{.*}}channel_amax = array<i32: 10, 60>
// CHECK: q.gemm {{.*}}int16_chain = {amax = 198 : i64, {{.*}}channel_amax = array<i32: 138, 198>
func.func @bounds(%x: tensor<1x2x!x>) -> (tensor<1x2x!x>, tensor<1x2x!x>) {
  %w = q.const dense<100> : tensor<2x2xi8> as tensor<2x2x!w>
  %0 = q.gemm %x, %w {clamp_max = 30.0 : f32, channel_max = array<f32: 5.0, 35.0>} : (tensor<1x2x!x>, tensor<2x2x!w>) -> tensor<1x2x!x>
  %1 = q.gemm %0, %w : (tensor<1x2x!x>, tensor<2x2x!w>) -> tensor<1x2x!x>
  %2 = q.gemm %x, %w {channel_max = array<f32: 5.0, 35.0>} : (tensor<1x2x!x>, tensor<2x2x!w>) -> tensor<1x2x!s>
  %3 = q.gemm %2, %w : (tensor<1x2x!s>, tensor<2x2x!w>) -> tensor<1x2x!x>
  return %1, %3 : tensor<1x2x!x>, tensor<1x2x!x>
}
