// With a limit, the weights of a layer that waits for them stay as they are: no
// instruction makes it faster.
// RUN: qopt %s --q-make-pairs-safe=tolerance=1e6 --split-input-file | FileCheck %s

// CHECK-LABEL: func @small
// CHECK-NOT: q.const dense<9.900000e-01>
func.func @small(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = q.const dense<0.99> : tensor<2x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-1.0] max [1.0] : tensor<2x4xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// CHECK-LABEL: func @large
// CHECK: q.const dense<9.900000e-01>
func.func @large(%x: tensor<1x4xf32>) -> tensor<1x1048577xf32> {
  %w = q.const dense<0.99> : tensor<1048577x4xf32>
  %q = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-1.0] max [1.0] : tensor<1048577x4xf32>
  %a = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<1x4xf32>
  %y = q.gemm %a, %q : (tensor<1x4xf32>, tensor<1048577x4xf32>) -> tensor<1x1048577xf32>
  return %y : tensor<1x1048577xf32>
}
