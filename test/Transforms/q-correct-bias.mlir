// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/row.npy', n.array([[10, 20], [20, 40]], 'float32')); n.save('%t/image.npy', n.array([[[[4], [8]], [[0], [4]]], [[[8], [8]], [[8], [8]]]], 'float32'))"
// RUN: qopt %t/gemm.mlir --q-correct-bias=data=%t/row.npy | FileCheck %t/gemm.mlir
// RUN: qopt %t/gemm.mlir --q-correct-bias="data=%t/row.npy samples=1" | FileCheck %t/gemm.mlir --check-prefix=FEWER
// RUN: qopt %t/bounds.mlir --q-correct-bias=data=%t/row.npy | FileCheck %t/bounds.mlir
// RUN: qopt %t/conv.mlir --q-correct-bias=data=%t/image.npy | FileCheck %t/conv.mlir
// RUN: qopt %t/nothing.mlir --q-correct-bias | FileCheck %t/nothing.mlir

// All scales are 1, so that a weight of 0.25 becomes 0.

//--- gemm.mlir

// CHECK-LABEL: func @net
// FEWER-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x2xf32>
  // The samples lose 0.25 * 20 and 0.25 * 40, 7.5 on average.
  // CHECK-DAG: %[[FIRST:.*]] = q.const dense<8.500000e+00> : tensor<1xf32>
  // FEWER-DAG: %[[FIRST:.*]] = q.const dense<6.000000e+00> : tensor<1xf32>
  %w = q.const dense<[[1.0, 0.25]]> : tensor<1x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0] max [127.0] : tensor<1x2xf32>
  %b = q.const dense<1.0> : tensor<1xf32>
  // CHECK: q.gemm {{.*}} bias %[[FIRST]] {clamp_min = 0.000000e+00 : f32}
  %1 = q.gemm %0, %wq bias %b {clamp_min = 0.0 : f32} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x1xf32>
  // The error of the first layer is corrected there: the second has none.
  // CHECK-DAG: %[[SECOND:.*]] = q.const dense<2.000000e+00> : tensor<1xf32>
  %v = q.const dense<1.0> : tensor<1x1xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0] max [127.0] : tensor<1x1xf32>
  %c = q.const dense<2.0> : tensor<1xf32>
  // CHECK: q.gemm {{.*}} bias %[[SECOND]]
  %3 = q.gemm %2, %vq bias %c : (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %4 = q.quantizer %3 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x1xf32>
  return %4 : tensor<1x1xf32>
}

//--- bounds.mlir

// As above: bounds of channels do not hide the error, and hold behind it.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x2xf32>
  // CHECK-DAG: %[[FIRST:.*]] = q.const dense<7.500000e+00> : tensor<1xf32>
  %w = q.const dense<[[1.0, 0.25]]> : tensor<1x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0] max [127.0] : tensor<1x2xf32>
  // CHECK: q.gemm {{.*}} bias %[[FIRST]] {channel_max = array<f32: 5.000000e+00>}
  %1 = q.gemm %0, %wq {channel_max = array<f32: 5.0>} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x1xf32>
  // The second layer loses a quarter of 5.
  // CHECK-DAG: %[[SECOND:.*]] = q.const dense<1.250000e+00> : tensor<1xf32>
  %v = q.const dense<0.25> : tensor<1x1xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0] max [127.0] : tensor<1x1xf32>
  // CHECK: q.gemm {{.*}} bias %[[SECOND]]
  %3 = q.gemm %2, %vq : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %4 = q.quantizer %3 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x1xf32>
  return %4 : tensor<1x1xf32>
}

//--- conv.mlir

// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2x2x1xf32>) -> tensor<1x2x2x2xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x2x2x1xf32>
  // A layer without a bias gets one. Means of the samples are 4 and 8; the
  // first channel loses a quarter of that, the second gains half of it (rule
  // N17: 0.75 becomes 1, times 2).
  // CHECK: %[[BIAS:.*]] = q.const dense<[1.500000e+00, -3.000000e+00]> : tensor<2xf32>
  // CHECK: q.conv2d {{.*}} bias %[[BIAS]]
  %w = q.const dense<[[[[0.25]]], [[[0.75]]]]> : tensor<2x1x1x1xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0, -127.0] max [127.0, 127.0] : tensor<2x1x1x1xf32>
  %f = q.const dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>
  %wf = q.mul %wq, %f : (tensor<2x1x1x1xf32>, tensor<2x1x1x1xf32>) -> tensor<2x1x1x1xf32>
  %1 = q.conv2d %0, %wf {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x1xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x2x2x2xf32>
  return %2 : tensor<1x2x2x2xf32>
}

//--- nothing.mlir

// Layers whose weights have no quantizer stay as they are and take no data.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x1xf32>
  %w = q.const dense<0.25> : tensor<1x1xf32>
  // CHECK: %[[BIAS:.*]] = q.const dense<1.000000e+00>
  %b = q.const dense<1.0> : tensor<1xf32>
  // CHECK: q.gemm {{.*}} bias %[[BIAS]]
  %1 = q.gemm %0, %w bias %b : (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}
