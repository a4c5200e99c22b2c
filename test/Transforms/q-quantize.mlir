// RUN: qopt %s --q-quantize --split-input-file | FileCheck %s

// CHECK-LABEL: func @conv
// CHECK-SAME: (%[[X:.*]]: tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32>
func.func @conv(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32> {
  // Zero is exact (rule N4): S = 2.55 / 255, Z = round(0.55 / S).
  // CHECK: %[[XQ:.*]] = q.quantize %[[X]] : tensor<1x4x4x1xf32> -> tensor<1x4x4x1x!quant.uniform<u8:f32, 0.0099{{.*}}:55>>
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-0.55] max [2.0] : tensor<1x4x4x1xf32>
  %w = q.const dense<[[[[1.27]]], [[[-0.254]]]]> : tensor<2x1x1x1xf32>
  // Each channel uses the whole range (rule N2).
  // CHECK-DAG: %[[W:.*]] = q.const dense<{{.*}}127{{.*}}-127{{.*}}> : tensor<2x1x1x1xi8> as tensor<2x1x1x1x!quant.uniform<i8<-127:127>:f32:0, {0.0099{{[0-9]*}},0.0020{{[0-9]*}}}>>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.27, -0.254] max [1.27, 0.254] : tensor<2x1x1x1xf32>
  // Rule N7: 1.0 / (0.01 * 0.01) and 1.0 / (0.01 * 0.002).
  // CHECK-DAG: %[[B:.*]] = q.const dense<[10000, 50000]> : tensor<2xi32> as tensor<2x!quant.uniform<i32:f32:0,
  %b = q.const dense<1.0> : tensor<2xf32>
  // CHECK: %[[Y:.*]] = q.conv2d %[[XQ]], %[[W]] bias %[[B]] {clamp_min = 0.000000e+00 : f32
  // CHECK-SAME: -> tensor<1x4x4x2x!quant.uniform<u8:f32, 5.000000e-01>>
  %1 = q.conv2d %0, %wq bias %b {clamp_min = 0.0 : f32, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [127.5] : tensor<1x4x4x2xf32>
  // CHECK: %[[R:.*]] = q.dequantize %[[Y]]
  // CHECK: return %[[R]]
  return %2 : tensor<1x4x4x2xf32>
}

// -----

// The transposition at the border moves bytes, not floats.
// CHECK-LABEL: func @border
// CHECK: %[[Q:.*]] = q.quantize %arg0
// CHECK: %[[T:.*]] = q.transpose %[[Q]] {{.*}} -> tensor<1x4x4x3x!quant.uniform<u8:f32, 5.000000e-01>>
// CHECK: q.dequantize %[[T]]
func.func @border(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x3xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [127.5] : tensor<1x3x4x4xf32>
  %1 = q.transpose %0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x4x4x3xf32>
  return %1 : tensor<1x4x4x3xf32>
}

// -----

// Rule N17: the integers are those of the weights, per tensor (S = 1/127); the
// factors are in the scales, a negative one flips signs, a zero one leaves the
// bias alone.
// CHECK-LABEL: func @absorbed
// CHECK-DAG: q.const dense<{{\[}}[127], [-64], [0]]> : tensor<3x1xi8> as tensor<3x1x!quant.uniform<i8<-127:127>:f32:0, {0.0157{{[0-9]*}},0.0236{{[0-9]*}},0.0078{{[0-9]*}}}>>
// CHECK-NOT: q.mul
// CHECK: q.gemm
func.func @absorbed(%x: tensor<1x1xf32>) -> tensor<1x3xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x1xf32>
  %w = q.const dense<[[1.0], [0.502], [0.75]]> : tensor<3x1xf32>
  %f = q.const dense<[[2.0], [-3.0], [0.0]]> : tensor<3x1xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-1.0] max [1.0] : tensor<3x1xf32>
  %ws = q.mul %wq, %f : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %1 = q.gemm %0, %ws : (tensor<1x1xf32>, tensor<3x1xf32>) -> tensor<1x3xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x3xf32>
  return %2 : tensor<1x3xf32>
}

// -----

// A quantizer behind a quantizer is a requantization.
// CHECK-LABEL: func @requantized
// CHECK: %[[Q:.*]] = q.quantize %arg0 : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 1.000000e+00>>
// CHECK: q.requantize %[[Q]] : tensor<4x!quant.uniform<u8:f32, 1.000000e+00>> -> tensor<4x!quant.uniform<u8:f32, 5.000000e-01>>
func.func @requantized(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<4xf32>
  %1 = q.quantizer %0 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [127.5] : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// Narrow and wide storage, and constants beside activations.
// CHECK-LABEL: func @widths
// CHECK: q.const dense<[0, 15]> : tensor<2xi8> as tensor<2x!quant.uniform<u4:f32, 1.000000e+00>>
// CHECK: q.add {{.*}} -> tensor<2x!quant.uniform<i16:f32,
func.func @widths(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = q.quantizer %x <bits = 4, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [15.0] : tensor<2xf32>
  %c = q.const dense<[0.0, 15.0]> : tensor<2xf32>
  %cq = q.quantizer %c <bits = 4, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [15.0] : tensor<2xf32>
  %1 = q.add %0, %cq : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = q.quantizer %1 <bits = 16, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [-30.0] max [30.0] : tensor<2xf32>
  return %2 : tensor<2xf32>
}
