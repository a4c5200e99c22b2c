// RUN: qopt %s --q-move-qdq --split-input-file --verify-diagnostics | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25>

// A chain of moves has its integers all along, and the two borders meet.
// CHECK-LABEL: @moves
func.func @moves(%x: tensor<1x4x4x2x!a>) -> tensor<1x8x!a> {
  // CHECK: %[[P:.*]] = q.max_pool2d %{{.*}} -> tensor<1x2x2x2x!quant.uniform<u8:f32, 5.000000e-01:3>>
  // CHECK: %[[R:.*]] = q.reshape %[[P]]
  // CHECK: return %[[R]]
  %0 = q.dequantize %x : tensor<1x4x4x2x!a> -> tensor<1x4x4x2xf32>
  %1 = q.max_pool2d %0 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = q.reshape %1 : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
  %3 = q.quantize %2 : tensor<1x8xf32> -> tensor<1x8x!a>
  return %3 : tensor<1x8x!a>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25>

// Rule N13: only the input with other parameters is requantized.
// CHECK-LABEL: @concat
func.func @concat(%x: tensor<1x4x!a>, %y: tensor<1x4x!b>) -> tensor<1x8x!b> {
  // CHECK: %[[X:.*]] = q.requantize %{{.*}} -> tensor<1x4x!quant.uniform<u8:f32, 2.500000e-01>>
  // CHECK: q.concat %[[X]], %arg1
  %0 = q.dequantize %x : tensor<1x4x!a> -> tensor<1x4xf32>
  %1 = q.dequantize %y : tensor<1x4x!b> -> tensor<1x4xf32>
  %2 = q.concat %0, %1 {axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x8xf32>
  // expected-remark@+1 {{changes parameters in the model: it is requantized (rule N13)}}
  %3 = q.quantize %2 : tensor<1x8xf32> -> tensor<1x8x!b>
  return %3 : tensor<1x8x!b>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>

// A border that the type cannot hold stays in float.
// CHECK-LABEL: @border
func.func @border(%x: tensor<4x!a>) -> (tensor<6xf32>, tensor<6xf32>) {
  // CHECK: q.pad %{{.*}} value = 5.000000e-01 : f32}{{.*}}-> tensor<6x!quant.uniform
  // CHECK: q.pad %{{.*}} value = 6.000000e-01 : f32}{{.*}}-> tensor<6xf32>
  %0 = q.dequantize %x : tensor<4x!a> -> tensor<4xf32>
  %1 = q.pad %0 {low = array<i64: 1>, high = array<i64: 1>, mode = #q<pad_mode constant>, value = 0.5 : f32} : (tensor<4xf32>) -> tensor<6xf32>
  %2 = q.pad %0 {low = array<i64: 1>, high = array<i64: 1>, mode = #q<pad_mode constant>, value = 0.6 : f32} : (tensor<4xf32>) -> tensor<6xf32>
  return %1, %2 : tensor<6xf32>, tensor<6xf32>
}

// -----

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25>

// Two types are two computations; whoever reads the floats reads the first.
// CHECK-LABEL: @several
func.func @several(%x: tensor<4x!a>) -> (tensor<4x!a>, tensor<4x!b>, tensor<4xf32>) {
  // CHECK: %[[X:.*]] = q.dequantize
  // CHECK: q.unary exp %[[X]]
  // CHECK: q.unary exp %[[X]]
  // CHECK: %[[F:.*]] = q.dequantize %{{.*}} -> tensor<4xf32>
  // CHECK: return %{{.*}}, %{{.*}}, %[[F]]
  %0 = q.dequantize %x : tensor<4x!a> -> tensor<4xf32>
  %1 = q.unary exp %0 : (tensor<4xf32>) -> tensor<4xf32>
  // expected-remark@+1 {{quantizes a tensor that the model also reads in float: there too it is read quantized}}
  %2 = q.quantize %1 : tensor<4xf32> -> tensor<4x!a>
  %3 = q.quantize %1 : tensor<4xf32> -> tensor<4x!b>
  return %2, %3, %1 : tensor<4x!a>, tensor<4x!b>, tensor<4xf32>
}

// -----

// A constant that is quantized per axis is not the weights of a layer here, so
// it becomes floats.
// CHECK-LABEL: @constant
func.func @constant(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: %[[C:.*]] = q.const dense<{{\[+}}5.000000e-01, 1.000000e+00], [7.500000e-01, 1.000000e+00]]> : tensor<2x2xf32>
  // CHECK: q.add %arg0, %[[C]]
  %c = q.const dense<[[1, 2], [3, 4]]> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
  %0 = q.dequantize %c : tensor<2x2x!quant.uniform<i8:f32:0, {0.5, 0.25}>> -> tensor<2x2xf32>
  %1 = q.add %x, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}
