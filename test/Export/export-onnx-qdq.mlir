// A quantized module as a QDQ model, and back: the same bits, op by op.

// RUN: mkdir -p %t
// RUN: qtranslate --export-onnx-qdq %s -o %t/again.onnx
// RUN: qcc %t/again.onnx --emit=quantized --rounding=single -o %t
// RUN: qrun --compare %s %t/again.mlir --random=20 | FileCheck %s --check-prefix=SAME
// RUN: qrun --compare %s %t/again.mlir --extremes | FileCheck %s --check-prefix=SAME
// SAME: : 0 of

// Every tensor has the quantization that it had.
// RUN: qtranslate --import-onnx %t/again.onnx --import-simplify-layout=false | FileCheck %s
// CHECK: @main(%{{.*}}: tensor<1x4x4x2xf32> {q.name = "x"}) -> (tensor<1x6xf32> {q.name = "y"})
// CHECK: q.quantize {{.*}}!quant.uniform<u8:f32, 3.125000e-02:128>>
// CHECK: q.conv2d {{.*}} bias
// CHECK: q.quantize {{.*}}!quant.uniform<i8:f32, 0.04296875:-3>>
// CHECK: q.add
// CHECK: q.clamp {{.*}}clamp_min = 0.000000e+00 : f32
// CHECK: q.quantize {{.*}}!quant.uniform<u8:f32, 6.250000e-02:7>>
// CHECK: q.max_pool2d
// CHECK: q.avg_pool2d
// CHECK: q.concat
// CHECK: q.unary hard_sigmoid
// CHECK: q.reduce mean
// CHECK: q.conv_transpose2d
// CHECK: q.pad
// CHECK: q.gemm
// CHECK: q.softmax

!x = !quant.uniform<u8:f32, 0.03125:128>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.0078125, 0.015625}>
!b = !quant.uniform<i32:f32:0, {0.000244140625, 0.00048828125}>
!m = !quant.uniform<i8:f32, 0.04296875:-3>
!y = !quant.uniform<u8:f32, 0.0625:7>
!s = !quant.uniform<u8:f32, 0.00390625>
!v = !quant.uniform<i8<-127:127>:f32, 0.01171875>

func.func @main(%arg0: tensor<1x4x4x2xf32> {q.name = "x"}) -> (tensor<1x6xf32> {q.name = "y"}) {
  %x = q.quantize %arg0 : tensor<1x4x4x2xf32> -> tensor<1x4x4x2x!x>
  // The cross-terms of the zero point are in the bias, a residual is added.
  %w = q.const dense<[[[[1, -2]], [[30, 40]]], [[[-5, 6]], [[70, -127]]]]> : tensor<2x2x1x2xi8> as tensor<2x2x1x2x!w>
  %b = q.const dense<[-8832, 7168]> : tensor<2xi32> as tensor<2x!b>
  %0 = q.conv2d %x, %w bias %b residual %x {strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 0>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32, intermediate = !m, zero_point_folded} : (tensor<1x4x4x2x!x>, tensor<2x2x1x2x!w>, tensor<2x!b>, tensor<1x4x4x2x!x>) -> tensor<1x4x4x2x!y>
  %1 = q.max_pool2d %0 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!y>) -> tensor<1x2x2x2x!y>
  %2 = q.avg_pool2d %0 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>, count_include_pad} : (tensor<1x4x4x2x!y>) -> tensor<1x2x2x2x!y>
  %3 = q.concat %1, %2 {axis = 3 : i64} : (tensor<1x2x2x2x!y>, tensor<1x2x2x2x!y>) -> tensor<1x2x2x4x!y>
  %4 = q.unary hard_sigmoid %3 {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<1x2x2x4x!y>) -> tensor<1x2x2x4x!s>
  %5 = q.mul %3, %4 : (tensor<1x2x2x4x!y>, tensor<1x2x2x4x!s>) -> tensor<1x2x2x4x!y>
  %6 = q.reduce mean %5 {axes = array<i64: 1, 2>, keep_dims} : (tensor<1x2x2x4x!y>) -> tensor<1x1x1x4x!y>
  %7 = q.requantize %6 : tensor<1x1x1x4x!y> -> tensor<1x1x1x4x!x>
  %v = q.const dense<[[[[1, 2, 0, 7], [3, -4, 8, 0]]], [[[5, 6, -99, 2], [7, 100, 1, 1]]], [[[-9, 10, 20, 3], [11, 12, 5, -6]]]]> : tensor<3x1x2x4xi8> as tensor<3x1x2x4x!v>
  %8 = q.conv_transpose2d %7, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, groups = 1 : i64} : (tensor<1x1x1x4x!x>, tensor<3x1x2x4x!v>) -> tensor<1x1x2x3x!x>
  %9 = q.reshape %8 : (tensor<1x1x2x3x!x>) -> tensor<1x6x!x>
  %10 = q.slice %9 {starts = array<i64: 0, 5>, sizes = array<i64: 1, 4>, steps = array<i64: 1, -1>} : (tensor<1x6x!x>) -> tensor<1x4x!x>
  %11 = q.pad %10 {low = array<i64: 0, 1>, high = array<i64: 0, 1>, value = 0.5 : f32} : (tensor<1x4x!x>) -> tensor<1x6x!x>
  %g = q.const dense<[[1, 2, 3, 4, 5, 6], [-6, -5, -4, -3, -2, -1], [9, 9, 9, -9, -9, -9], [0, 0, 100, 0, 0, 0], [0, 0, 0, 0, 0, -77], [50, 0, 50, 0, 50, 0]]> : tensor<6x6xi8> as tensor<6x6x!v>
  %12 = q.gemm %11, %g : (tensor<1x6x!x>, tensor<6x6x!v>) -> tensor<1x6x!x>
  %13 = q.softmax %12 {axis = 1 : i64} : (tensor<1x6x!x>) -> tensor<1x6x!s>
  %14 = q.dequantize %13 : tensor<1x6x!s> -> tensor<1x6xf32>
  return %14 : tensor<1x6xf32>
}
