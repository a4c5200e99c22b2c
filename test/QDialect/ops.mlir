// RUN: qopt %s | qopt | FileCheck %s
// RUN: qopt %s --emit-bytecode | qopt | FileCheck %s

!act = !quant.uniform<u8:f32, 0.5:3>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>
!bias = !quant.uniform<i32:f32:0, {0.125, 0.0625}>

// CHECK-LABEL: func @conv2d_float
func.func @conv2d_float(%x: tensor<1x8x8x3xf32>) -> tensor<1x4x4x2xf32> {
  %w = q.const dense<0.5> : tensor<2x3x3x3xf32>
  %b = q.const dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK: q.conv2d %{{.*}}, %{{.*}} bias %{{.*}} {clamp_min = 0.000000e+00 : f32
  // CHECK-SAME: (tensor<1x8x8x3xf32>, tensor<2x3x3x3xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %y = q.conv2d %x, %w bias %b {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32} : (tensor<1x8x8x3xf32>, tensor<2x3x3x3xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// CHECK-LABEL: func @conv2d_quantized
func.func @conv2d_quantized(%x: tensor<1x8x8x3x!act>, %r: tensor<1x6x6x2x!act>) -> tensor<1x6x6x2x!act> {
  // CHECK: q.const dense<1> : tensor<2x3x3x3xi8> as tensor<2x3x3x3x!quant.uniform<i8<-127:127>:f32:0, {2.500000e-01,1.250000e-01}>>
  %w = q.const dense<1> : tensor<2x3x3x3xi8> as tensor<2x3x3x3x!wt>
  %b = q.const dense<7> : tensor<2xi32> as tensor<2x!bias>
  // CHECK: q.conv2d %{{.*}}, %{{.*}} bias %{{.*}} residual %{{.*}} {{{.*}}intermediate = !quant.uniform<i8:f32, 5.000000e-01>{{.*}}zero_point_folded}
  %y = q.conv2d %x, %w bias %b residual %r {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, intermediate = !quant.uniform<i8:f32, 0.5>, zero_point_folded} : (tensor<1x8x8x3x!act>, tensor<2x3x3x3x!wt>, tensor<2x!bias>, tensor<1x6x6x2x!act>) -> tensor<1x6x6x2x!act>
  return %y : tensor<1x6x6x2x!act>
}

// CHECK-LABEL: func @quantizer
func.func @quantizer(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: q.quantizer %{{.*}} <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.000000e+00] max [5.500000e+00] group 3 : tensor<4xf32>
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [5.5] group 3 : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func @unary
func.func @unary(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: q.unary hard_sigmoid %{{.*}} {alpha = 2.000000e-01 : f32, beta = 5.000000e-01 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %0 = q.unary hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: q.reduce mean %{{.*}} {axes = array<i64: 0>, keep_dims} : (tensor<4xf32>) -> tensor<1xf32>
  %1 = q.reduce mean %0 {axes = array<i64: 0>, keep_dims} : (tensor<4xf32>) -> tensor<1xf32>
  %2 = q.expand %1 : (tensor<1xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
