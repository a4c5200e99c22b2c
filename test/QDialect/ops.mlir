// RUN: qopt %s | qopt | FileCheck %s
// RUN: qopt %s --emit-bytecode | qopt | FileCheck %s
// RUN: qopt %s --mlir-print-op-generic | qopt | FileCheck %s

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

// CHECK-LABEL: func @constants
func.func @constants() {
  // CHECK: q.const dense<5.000000e-01> : tensor<4xf32>
  %0 = q.const dense<0.5> : tensor<4xf32>
  // CHECK: q.const dense<[3, -4]> : tensor<2xi8> as tensor<2x!quant.uniform<i4:f32, 5.000000e-01>>
  %1 = q.const dense<[3, -4]> : tensor<2xi8> as tensor<2x!quant.uniform<i4:f32, 0.5>>
  // CHECK: q.const dense_resource<weights> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8<-127:127>:f32:0, {5.000000e-01,2.500000e-01}>>
  %2 = q.const dense_resource<weights> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8<-127:127>:f32:0, {0.5, 0.25}>>
  return
}

// CHECK-LABEL: func @borders
func.func @borders(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: q.quantize %{{.*}} : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 5.000000e-01:3>>
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 0.5:3>>
  // CHECK: q.requantize %{{.*}} : tensor<4x!quant.uniform<u8:f32, 5.000000e-01:3>> -> tensor<4x!quant.uniform<i16:f32, 2.500000e-01>>
  %1 = q.requantize %0 : tensor<4x!quant.uniform<u8:f32, 0.5:3>> -> tensor<4x!quant.uniform<i16:f32, 0.25>>
  // CHECK: q.dequantize %{{.*}} : tensor<4x!quant.uniform<i16:f32, 2.500000e-01>> -> tensor<4xf32>
  %2 = q.dequantize %1 : tensor<4x!quant.uniform<i16:f32, 0.25>> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: func @layers
func.func @layers(%x: tensor<1x4x4x3xf32>, %w: tensor<5x2x2x3xf32>, %g: tensor<2x3xf32>, %v: tensor<4x3xf32>, %b: tensor<4xf32>, %p: tensor<3xf32>) {
  // CHECK: q.conv_transpose2d %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x4x4x3xf32>, tensor<5x2x2x3xf32>) -> tensor<1x8x8x5xf32>
  %0 = q.conv_transpose2d %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x4x4x3xf32>, tensor<5x2x2x3xf32>) -> tensor<1x8x8x5xf32>
  // CHECK: q.gemm %{{.*}}, %{{.*}} bias %{{.*}} {clamp_max = 6.000000e+00 : f32} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = q.gemm %g, %v bias %b {clamp_max = 6.0 : f32} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.gemm %{{.*}}, %{{.*}} {channel_max = array<f32: 1.000000e+00, 0.000000e+00, -2.000000e+00, 5.000000e-01>} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bounded = q.gemm %g, %v {channel_max = array<f32: 1.0, 0.0, -2.0, 0.5>} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  // CHECK: q.matmul %{{.*}}, %{{.*}} : (tensor<4x3xf32>, tensor<1x4x3x4xf32>) -> tensor<1x4x4x4xf32>
  %2 = q.transpose %x {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x4x4x3xf32>) -> tensor<1x4x3x4xf32>
  %3 = q.matmul %v, %2 : (tensor<4x3xf32>, tensor<1x4x3x4xf32>) -> tensor<1x4x4x4xf32>
  // CHECK: q.batch_norm %{{.*}} scale %{{.*}} shift %{{.*}} mean %{{.*}} variance %{{.*}} {epsilon = 1.000000e-01 : f32} : (tensor<1x4x4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x4x4x3xf32>
  %4 = q.batch_norm %x scale %p shift %p mean %p variance %p {epsilon = 0.1 : f32} : (tensor<1x4x4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x4x4x3xf32>
  return
}

// CHECK-LABEL: func @elementwise
func.func @elementwise(%x: tensor<2x4xf32>, %y: tensor<4xf32>, %a: tensor<2x4x!act>) {
  // CHECK: q.add %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %0 = q.add %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.sub
  %1 = q.sub %x, %y {clamp_min = 0.0 : f32} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.mul %{{.*}} : (tensor<2x4x!quant.uniform<u8:f32, 5.000000e-01:3>>, tensor<2x4x!quant.uniform<u8:f32, 5.000000e-01:3>>) -> tensor<2x4x!quant.uniform<i8:f32, 1.000000e+00>>
  %2 = q.mul %a, %a : (tensor<2x4x!act>, tensor<2x4x!act>) -> tensor<2x4x!quant.uniform<i8:f32, 1.0>>
  // CHECK: q.div
  %3 = q.div %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.pow
  %4 = q.pow %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.min
  %5 = q.min %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.max
  %6 = q.max %a, %a : (tensor<2x4x!act>, tensor<2x4x!act>) -> tensor<2x4x!act>
  // CHECK: q.clamp %{{.*}} {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32}
  %7 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  // CHECK: q.prelu %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %8 = q.prelu %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// CHECK-LABEL: func @reductions
func.func @reductions(%x: tensor<1x4x4x2xf32>, %s: tensor<2xf32>, %a: tensor<1x10x!act>) {
  // CHECK: q.max_pool2d %{{.*}} {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>, strides = array<i64: 2, 2>}
  %0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  // CHECK: q.avg_pool2d %{{.*}} {count_include_pad,
  %1 = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>, count_include_pad} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  // CHECK: q.reduce max %{{.*}} {axes = array<i64: 1, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2xf32>
  %2 = q.reduce max %x {axes = array<i64: 1, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2xf32>
  // CHECK: q.softmax %{{.*}} {axis = 1 : i64} : (tensor<1x10x!quant.uniform<u8:f32, 5.000000e-01:3>>) -> tensor<1x10x!quant.uniform<u8:f32, 3.906250e-03>>
  %3 = q.softmax %a {axis = 1 : i64} : (tensor<1x10x!act>) -> tensor<1x10x!quant.uniform<u8:f32, 0.00390625>>
  // CHECK: q.softmax %{{.*}} {axis = 3 : i64, log}
  %4 = q.softmax %x {axis = 3 : i64, log} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  // CHECK: q.lrn %{{.*}} {alpha = 1.000000e+00 : f32, beta = 7.500000e-01 : f32, bias = 1.000000e+00 : f32, size = 3 : i64}
  %5 = q.lrn %x {size = 3 : i64, alpha = 1.0 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  // CHECK: q.layer_norm %{{.*}}, %{{.*}}, %{{.*}} {axis = 3 : i64, epsilon = 1.000000e-01 : f32}
  %6 = q.layer_norm %x, %s, %s {axis = 3 : i64, epsilon = 0.1 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  return
}

// CHECK-LABEL: func @decisions
func.func @decisions(%x: tensor<2x4xf32>, %y: tensor<4xf32>) {
  // CHECK: q.compare less_or_equal %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %0 = q.compare less_or_equal %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = q.select %0, %y, %y : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: q.arg_reduce min %{{.*}} {axis = 0 : i64, last} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  %2 = q.arg_reduce min %1 {axis = 0 : i64, last} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  return
}

// CHECK-LABEL: func @movement
func.func @movement(%x: tensor<1x4x4x2x!act>, %y: tensor<1x4x4x3x!act>) {
  // CHECK: q.concat %{{.*}}, %{{.*}} {axis = 3 : i64}
  %0 = q.concat %x, %y {axis = 3 : i64} : (tensor<1x4x4x2x!act>, tensor<1x4x4x3x!act>) -> tensor<1x4x4x5x!act>
  // CHECK: q.slice %{{.*}} {sizes = array<i64: 1, 2, 4, 2>, starts = array<i64: 0, 3, 0, 1>, steps = array<i64: 1, -2, 1, 1>}
  %1 = q.slice %0 {starts = array<i64: 0, 3, 0, 1>, sizes = array<i64: 1, 2, 4, 2>, steps = array<i64: 1, -2, 1, 1>} : (tensor<1x4x4x5x!act>) -> tensor<1x2x4x2x!act>
  // CHECK: q.pad %{{.*}} {high = array<i64: 0, 0, 0, 0>, low = array<i64: 0, 1, 1, 0>, mode = #q<pad_mode reflect>}
  %2 = q.pad %1 {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 0, 0, 0>, mode = #q<pad_mode reflect>} : (tensor<1x2x4x2x!act>) -> tensor<1x3x5x2x!act>
  // CHECK: q.transpose %{{.*}} {perm = array<i64: 0, 3, 1, 2>}
  %3 = q.transpose %2 {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x5x2x!act>) -> tensor<1x2x3x5x!act>
  // CHECK: q.reshape
  %4 = q.reshape %3 : (tensor<1x2x3x5x!act>) -> tensor<2x15x!act>
  // CHECK: q.gather %{{.*}} {axis = 1 : i64, indices = array<i64: 3, 3, 0>}
  %5 = q.gather %4 {indices = array<i64: 3, 3, 0>, axis = 1 : i64} : (tensor<2x15x!act>) -> tensor<2x3x!act>
  // CHECK: q.expand
  %6 = q.expand %5 : (tensor<2x3x!act>) -> tensor<4x2x3x!act>
  // CHECK: q.resize %{{.*}} {coordinates = #q<coordinate_mode half_pixel>, mode = #q<resize_mode linear>, scales = array<f32: 2.000000e+00, 2.000000e+00>}
  %7 = q.resize %x {mode = #q<resize_mode linear>, coordinates = #q<coordinate_mode half_pixel>, scales = array<f32: 2.0, 2.0>} : (tensor<1x4x4x2x!act>) -> tensor<1x8x8x2x!quant.uniform<u8:f32, 0.25>>
  return
}

// CHECK: weights: "0x0100000001FE037F"
{-# dialect_resources: { builtin: { weights: "0x0100000001FE037F" } } #-}
