// Channels between two layers get an order in which heavy weights meet light
// ones; what is computed stays the same.
// RUN: qopt %s --q-pair-channels --split-input-file | FileCheck %s
// RUN: qopt %s --q-pair-channels --q-quantize --q-prove-int16-chains \
// RUN:   --split-input-file | FileCheck %s --check-prefix=PROOF

// Weights of 1.0 meet in channels 0 and 1 of the second layer. The rows, the
// ranges and the bias of the first one follow its columns: 1, 2, 0, 3.
// CHECK-LABEL: func @layers
// CHECK: q.const dense<{{\[}}[2.000000e+00, 2.000000e+00], [3.000000e+00, 3.000000e+00], [1.000000e+00, 1.000000e+00], [4.000000e+00, 4.000000e+00]]>
// CHECK: q.quantizer {{.*}} min [-2.000000e+00, -3.000000e+00, -1.000000e+00, -4.000000e+00] max [2.000000e+00, 3.000000e+00, 1.000000e+00, 4.000000e+00]
// CHECK: q.const dense<[2.000000e+01, 3.000000e+01, 1.000000e+01, 4.000000e+01]>
// CHECK: q.const dense<{{\[}}[1.000000e+00, 0.000000e+00, 1.000000e+00, 0.000000e+00], [5.000000e-01, 2.500000e-01, 5.000000e-01, 0.000000e+00]]>
// PROOF-LABEL: func @layers
// PROOF: unsafe_pairs = 4
// PROOF: unsafe_pairs = 1
func.func @layers(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]]> : tensor<4x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -2.0, -3.0, -4.0] max [1.0, 2.0, 3.0, 4.0] : tensor<4x2xf32>
  %b = q.const dense<[10.0, 20.0, 30.0, 40.0]> : tensor<4xf32>
  %y = q.gemm %x0, %wq bias %b : (tensor<1x2xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x4xf32>
  %v = q.const dense<[[1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.25, 0.0]]> : tensor<2x4xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -0.5] max [1.0, 0.5] : tensor<2x4xf32>
  %z = q.gemm %y0, %vq : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z0 = q.quantizer %z <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  return %z0 : tensor<1x2xf32>
}

// -----

// What a depthwise layer reads, it writes; the operands of an addition share
// their order. The two layers whose sum it is and the depthwise one follow.
// CHECK-LABEL: func @between
// CHECK: q.const dense<{{\[\[\[\[}}1.000000e+00, {{.*}}4.000000e+00, {{.*}}2.000000e+00, {{.*}}3.000000e+00,
// CHECK: min [-1.000000e+00, -4.000000e+00, -2.000000e+00, -3.000000e+00]
// CHECK: q.const dense<{{\[\[\[\[}}1.000000e+01, {{.*}}4.000000e+01, {{.*}}2.000000e+01, {{.*}}3.000000e+01,
// CHECK: q.const dense<{{\[\[\[\[}}5.000000e+00]]], {{\[\[\[}}8.000000e+00]]], {{\[\[\[}}6.000000e+00]]], {{\[\[\[}}7.000000e+00]]]]>
// CHECK: q.const dense<{{\[\[\[\[}}9.000000e+00, 0.000000e+00, 9.000000e+00, 0.000000e+00]]]
func.func @between(%x: tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %aw = q.const dense<[[[[1.0, 1.0, 1.0, 1.0]]], [[[2.0, 2.0, 2.0, 2.0]]], [[[3.0, 3.0, 3.0, 3.0]]], [[[4.0, 4.0, 4.0, 4.0]]]]> : tensor<4x1x1x4xf32>
  %aq = q.quantizer %aw <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -2.0, -3.0, -4.0] max [1.0, 2.0, 3.0, 4.0] : tensor<4x1x1x4xf32>
  %a = q.conv2d %x0, %aq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<4x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %a0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %bw = q.const dense<[[[[10.0, 10.0, 10.0, 10.0]]], [[[20.0, 20.0, 20.0, 20.0]]], [[[30.0, 30.0, 30.0, 30.0]]], [[[40.0, 40.0, 40.0, 40.0]]]]> : tensor<4x1x1x4xf32>
  %bq = q.quantizer %bw <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-10.0, -20.0, -30.0, -40.0] max [10.0, 20.0, 30.0, 40.0] : tensor<4x1x1x4xf32>
  %b = q.conv2d %x0, %bq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<4x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %b0 = q.quantizer %b <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %s = q.add %a0, %b0 : (tensor<1x1x1x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %s0 = q.quantizer %s <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %dw = q.const dense<[[[[5.0]]], [[[6.0]]], [[[7.0]]], [[[8.0]]]]> : tensor<4x1x1x1xf32>
  %dq = q.quantizer %dw <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-5.0, -6.0, -7.0, -8.0] max [5.0, 6.0, 7.0, 8.0] : tensor<4x1x1x1xf32>
  %d = q.conv2d %s0, %dq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64} : (tensor<1x1x1x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x1x1x4xf32>
  %d0 = q.quantizer %d <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %ew = q.const dense<[[[[9.0, 9.0, 0.0, 0.0]]], [[[9.0, 9.0, 0.0, 0.0]]], [[[9.0, 9.0, 0.0, 0.0]]], [[[9.0, 9.0, 0.0, 0.0]]]]> : tensor<4x1x1x4xf32>
  %eq = q.quantizer %ew <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-9.0, -9.0, -9.0, -9.0] max [9.0, 9.0, 9.0, 9.0] : tensor<4x1x1x4xf32>
  %e = q.conv2d %d0, %eq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<4x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %e0 = q.quantizer %e <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  return %e0 : tensor<1x1x1x4xf32>
}

// -----

// The sum of a layer and the network's input cannot be permuted.
// CHECK-LABEL: func @fixed
// CHECK: q.const dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}3.000000e+00{{.*}}4.000000e+00
// CHECK: q.const dense<{{\[\[\[\[}}9.000000e+00, 9.000000e+00, 0.000000e+00, 0.000000e+00]]]
func.func @fixed(%x: tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %aw = q.const dense<[[[[1.0, 1.0, 1.0, 1.0]]], [[[2.0, 2.0, 2.0, 2.0]]], [[[3.0, 3.0, 3.0, 3.0]]], [[[4.0, 4.0, 4.0, 4.0]]]]> : tensor<4x1x1x4xf32>
  %aq = q.quantizer %aw <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -2.0, -3.0, -4.0] max [1.0, 2.0, 3.0, 4.0] : tensor<4x1x1x4xf32>
  %a = q.conv2d %x0, %aq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<4x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %a0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %s = q.add %a0, %x0 : (tensor<1x1x1x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %s0 = q.quantizer %s <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  %ew = q.const dense<[[[[9.0, 9.0, 0.0, 0.0]]], [[[8.0, 8.0, 0.0, 0.0]]], [[[8.0, 8.0, 0.0, 0.0]]], [[[8.0, 8.0, 0.0, 0.0]]]]> : tensor<4x1x1x4xf32>
  %eq = q.quantizer %ew <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-9.0, -9.0, -9.0, -9.0] max [9.0, 9.0, 9.0, 9.0] : tensor<4x1x1x4xf32>
  %e = q.conv2d %s0, %eq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<4x1x1x4xf32>) -> tensor<1x1x1x4xf32>
  %e0 = q.quantizer %e <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x4xf32>
  return %e0 : tensor<1x1x1x4xf32>
}

// -----

// Bounds of channels go with them, and large weights are no harm where one keeps
// the activations small: those of up to 8 and 7 meet others of up to 0.5.
// CHECK-LABEL: func @bounds
// CHECK: q.gemm {{.*}} {channel_max = array<f32: 8.000000e+00, 2.500000e-01, 7.000000e+00, 5.000000e-01>}
// CHECK: q.gemm
func.func @bounds(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]]> : tensor<4x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -2.0, -3.0, -4.0] max [1.0, 2.0, 3.0, 4.0] : tensor<4x2xf32>
  %y = q.gemm %x0, %wq {channel_max = array<f32: 8.0, 7.0, 0.5, 0.25>} : (tensor<1x2xf32>, tensor<4x2xf32>) -> tensor<1x4xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x4xf32>
  %v = q.const dense<[[1.0, 1.0, 1.0, 1.0]]> : tensor<1x4xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0] max [1.0] : tensor<1x4xf32>
  %z = q.gemm %y0, %vq : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  %z0 = q.quantizer %z <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1xf32>
  return %z0 : tensor<1x1xf32>
}
