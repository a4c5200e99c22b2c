// Weights become safe in pairs by a larger range or by moving single pairs, and
// the proof confirms it.
// RUN: qopt %s --q-make-pairs-safe --split-input-file | FileCheck %s
// RUN: qopt %s --q-make-pairs-safe --q-quantize --q-prove-int16-chains \
// RUN:   --split-input-file | FileCheck %s --check-prefix=PROOF
// RUN: qopt %s --q-make-pairs-safe=tolerance=0.2 --split-input-file | FileCheck %s --check-prefix=LIMIT

// The first channel is safe as it is: 64 + 64. In the second 127 + 127 becomes
// 64 + 64 by a range of twice the size.
// Doubling a scale costs too much where a limit is set, and no pair can be moved
// for less.
// LIMIT-LABEL: func @layer
// LIMIT: min [-1.{{0*(e[+]00)?}}, -1.{{0*(e[+]00)?}}] max
// CHECK-LABEL: func @layer
// CHECK: %[[W:.*]] = q.const dense<{{\[}}[5.000000e-01, 5.000000e-01, 1.000000e+00, 0.000000e+00], [1.000000e+00, 1.000000e+00, 5.000000e-01, 2.500000e-01]]>
// CHECK: q.quantizer %[[W]] {{.*}} min [-1.{{0*(e[+]00)?}}, -2.{{0*(e[+]00)?}}] max [1.{{0*(e[+]00)?}}, 2.{{0*(e[+]00)?}}]
// PROOF-LABEL: func @layer
// PROOF: q.gemm {{.*}}int16_chain = {amax = 255 : i64, chain_sum = 128 : i64, length = 8 : i64, pair_sum = 128 : i64, pairs = 4 : i64, unsafe_pairs = 0 : i64}
func.func @layer(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = q.const dense<[[0.5, 0.5, 1.0, 0.0], [1.0, 1.0, 0.5, 0.25]]> : tensor<2x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x4xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// One scale for all channels stays, and the pair moves: 127 + 127 to 64 + 64.
// CHECK-LABEL: func @per_tensor
// CHECK: q.const dense<{{.*}}5.039370e-01, 5.039370e-01, 5.000000e-01
// CHECK: min [-1.{{0*(e[+]00)?}}] max [1.{{0*(e[+]00)?}}]
// PROOF-LABEL: func @per_tensor
// PROOF: q.gemm {{.*}}pair_sum = 128 : i64, pairs = 4 : i64, unsafe_pairs = 0 : i64
func.func @per_tensor(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = q.const dense<[[0.5, 0.5, 1.0, 0.0], [1.0, 1.0, 0.5, 0.25]]> : tensor<2x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-1.0] max [1.0] : tensor<2x4xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// Activations of 7 bits: nothing to do.
// CHECK-LABEL: func @narrow
// CHECK: min [-1.{{0*(e[+]00)?}}, -1.{{0*(e[+]00)?}}] max
// PROOF-LABEL: func @narrow
// PROOF: q.gemm {{.*}}amax = 127 : i64, {{.*}}pair_sum = 254 : i64, pairs = 4 : i64, unsafe_pairs = 0 : i64
func.func @narrow(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = q.const dense<[[0.5, 0.5, 1.0, 0.0], [1.0, 1.0, 0.5, 0.25]]> : tensor<2x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x4xf32>
  %a = q.quantizer %x <bits = 7, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// A little too large: 65 + 64 becomes 62 + 61 by a slightly larger scale, which
// the limit allows.
// LIMIT-LABEL: func @little
// LIMIT: min [-132.29{{.*}}, -1.27{{0*}}e+02] max
func.func @little(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = q.const dense<[[64.6, 64.0, 127.0, 0.0], [127.0, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0, -127.0] max [127.0, 127.0] : tensor<2x4xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// A layer that suits Winograd multiplies no bytes: under a limit it stays.
// LIMIT-LABEL: func @winograd
// LIMIT: min [-1.{{0*(e[+]00)?}}] max [1.{{0*(e[+]00)?}}] : tensor<16x3x3x16xf32>
func.func @winograd(%x: tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32> {
  %w = q.const dense<1.0> : tensor<16x3x3x16xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-1.0] max [1.0] : tensor<16x3x3x16xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x8x8x16xf32>
  %y = q.conv2d %a, %q {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf32>, tensor<16x3x3x16xf32>) -> tensor<1x8x8x16xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x8x8x16xf32>
  return %z : tensor<1x8x8x16xf32>
}

// -----

// A kernel over one channel: neighbours along its rows meet.
// CHECK-LABEL: func @one_channel
// CHECK: min [-2.{{0*(e[+]00)?}}, -1.{{0*(e[+]00)?}}] max
// PROOF-LABEL: func @one_channel
// PROOF: q.conv2d {{.*}}unsafe_pairs = 0
func.func @one_channel(%x: tensor<1x1x2x1xf32>) -> tensor<1x1x1x2xf32> {
  %w = q.const dense<[[[[1.0], [1.0]]], [[[1.0], [0.0]]]]> : tensor<2x1x2x1xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x1x2x1xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x1x2x1xf32>
  %y = q.conv2d %a, %q {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x2x1xf32>, tensor<2x1x2x1xf32>) -> tensor<1x1x1x2xf32>
  %z = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x1x1x2xf32>
  return %z : tensor<1x1x1x2xf32>
}

// -----

// Weights that meet small activations may be large: 127 * 223 + 127 * 16 fits,
// and 127 * 223 + 127 * 64 does not:
// 111 * 223 + 125 * 64 does.
// CHECK-LABEL: func @bounds
// CHECK: q.const dense<1.000000e+00> : tensor<1x2xf32>
// CHECK: q.const dense<{{\[}}[0.874015748, 0.984251976]]>
func.func @bounds(%x: tensor<1x2xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x2xf32>
  %y = q.gemm %x0, %wq {channel_max = array<f32: 7.0, 0.5>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %v = q.const dense<1.0> : tensor<1x2xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0] max [1.0] : tensor<1x2xf32>
  %z = q.gemm %y0, %vq : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %z0 = q.quantizer %z <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1xf32>
  %u = q.gemm %x0, %wq {channel_max = array<f32: 7.0, 2.0>} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %u0 = q.quantizer %u <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %t = q.gemm %u0, %vq : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %t0 = q.quantizer %t <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1xf32>
  return %z0, %t0 : tensor<1x1xf32>, tensor<1x1xf32>
}
