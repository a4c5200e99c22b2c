// RUN: qopt %s --q-pin-power-of-two --split-input-file --verify-diagnostics | FileCheck %s
// RUN: qopt %s --q-pin-power-of-two --q-pin-power-of-two --split-input-file --verify-diagnostics | FileCheck %s

// Rule N5: t = 3.1 needs 2^2; signed 8 bits hold [-128, 127] * 2^2 / 2^7.
// CHECK-LABEL: func @ranges
// CHECK: q.quantizer %arg0 <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = true, axis = -1> min [-4.000000e+00] max [3.968750e+00]
// Never negative: unsigned, S = 2^1 / 2^8.
// CHECK: q.quantizer %arg0 <bits = 8, signed = false, symmetric = true, narrow = false, power_of_two = true, axis = -1> min [0.000000e+00] max [1.9921875]
// Weights, per channel and without their lowest value; a dead channel has S = 1.
// CHECK: q.quantizer %{{.*}} <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = true, axis = 0> min [-0.9921875, -1.270000e+02] max [0.9921875, 1.270000e+02]
func.func @ranges(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2x1xf32>) {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-0.7] max [3.1] : tensor<2xf32>
  %1 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.5] : tensor<2xf32>
  %w = q.const dense<[[0.9], [0.0]]> : tensor<2x1xf32>
  %2 = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-0.9, 0.0] max [0.9, 0.0] : tensor<2x1xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2x1xf32>
}

// -----

// One negative member makes a whole group signed.
// CHECK-LABEL: func @group
// CHECK-COUNT-2: q.quantizer {{.*}} <bits = 8, signed = true,
func.func @group(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-1.0] max [3.0] group 0 : tensor<2xf32>
  %1 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-1.0] max [3.0] group 0 : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// -----

func.func @uncalibrated(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@+1 {{has no range to pin; run q-calibrate first}}
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<2xf32>
  return %0 : tensor<2xf32>
}
