// Channels of unlike ranges get factors, and the network computes what it did.
// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/x.npy', n.array([[4, 1], [2, 1]], 'float32')); n.save('%t/image.npy', n.array([[[[4, 1]]], [[[4, 1]]]], 'float32'))"
// RUN: qopt %t/gemm.mlir --q-equalize-channels=data=%t/x.npy | FileCheck %t/gemm.mlir
// RUN: qopt %t/conv.mlir --q-equalize-channels=data=%t/image.npy | FileCheck %t/conv.mlir
// RUN: qopt %t/clamp.mlir --q-equalize-channels=data=%t/x.npy | FileCheck %t/clamp.mlir
// RUN: qopt %t/sum.mlir --q-equalize-channels=data=%t/x.npy | FileCheck %t/sum.mlir
// RUN: qopt %t/slice.mlir --q-equalize-channels=data=%t/x.npy | FileCheck %t/slice.mlir
// RUN: not qopt %t/gemm.mlir --q-equalize-channels=data=%t/none.npy 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %t/gemm.mlir --q-equalize-channels="data=%t/x.npy preprocess=shear=2" 2>&1 | FileCheck %s --check-prefix=PREPROCESS
// NOFILE: none.npy
// PREPROCESS: shear

// The channels between the layers reach 4, in one of two samples, and 0.75. A factor
// much below 0.35 would cost more in the second layer's weights than it gains.

//--- gemm.mlir

// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  // CHECK-DAG: %[[W:.*]] = q.const dense<{{\[}}[1.000000e+00, 0.000000e+00], [0.000000e+00, 2.89{{[0-9]*}}]]>
  // CHECK-DAG: %[[B:.*]] = q.const dense<[0.000000e+00, -0.724{{[0-9]*}}]>
  %w = q.const dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %b = q.const dense<[0.0, -0.25]> : tensor<2xf32>
  // CHECK: q.gemm %{{.*}}, %[[W]] bias %[[B]] {clamp_min = 0.000000e+00 : f32}
  %1 = q.gemm %x, %w bias %b {clamp_min = 0.0 : f32} : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %v = q.const dense<[[1.0, 8.0]]> : tensor<1x2xf32>
  // CHECK: %[[V:.*]] = q.const dense<{{\[}}[1.000000e+00, 2.76{{[0-9]*}}]]>
  // CHECK: q.gemm %{{.*}}, %[[V]]
  %2 = q.gemm %1, %v : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}

//--- conv.mlir

// A depthwise convolution is a layer like others; a pool passes factors on.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {
  // CHECK: q.const dense<{{\[}}[{{\[}}[1.000000e+00, 0.000000e+00]]], [{{\[}}[0.000000e+00, 4.000000e+00]]]]>
  %w = q.const dense<[[[[1.0, 0.0]]], [[[0.0, 1.0]]]]> : tensor<2x1x1x2xf32>
  %1 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x2xf32>, tensor<2x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  %2 = q.max_pool2d %1 {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  // The results of the network keep theirs.
  // CHECK: q.const dense<{{\[}}[{{\[}}[1.000000e+00]]], [{{\[}}[5.000000e-01]]]]>
  %v = q.const dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>
  %3 = q.conv2d %2, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x1x1x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x1x1x2xf32>
  return %3 : tensor<1x1x1x2xf32>
}

//--- clamp.mlir

// A clamp at 6 would become one at another value in every channel.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  // CHECK: q.const dense<{{\[}}[1.000000e+00, 0.000000e+00], [0.000000e+00, 2.500000e-01]]>
  %w = q.const dense<[[1.0, 0.0], [0.0, 0.25]]> : tensor<2x2xf32>
  %1 = q.gemm %x, %w {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %v = q.const dense<[[1.0, 8.0]]> : tensor<1x2xf32>
  %2 = q.gemm %1, %v : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}

//--- sum.mlir

// What is added has one factor; a constant that is added to all channels alike
// allows none.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  // CHECK: q.const dense<{{\[}}[1.000000e+00, 0.000000e+00], [0.000000e+00, 2.500000e-01]]>
  %w = q.const dense<[[1.0, 0.0], [0.0, 0.25]]> : tensor<2x2xf32>
  %1 = q.gemm %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %one = q.const dense<1.0> : tensor<1x1xf32>
  %2 = q.add %1, %one : (tensor<1x2xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %v = q.const dense<[[1.0, 8.0]]> : tensor<1x2xf32>
  %3 = q.gemm %2, %v : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %3 : tensor<1x1xf32>
}

//--- slice.mlir

// A channel keeps its factor when it is cut out; the first one, which the network
// returns, has none.
// CHECK-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  // CHECK: q.const dense<{{\[}}[1.250000e-01, 0.000000e+00], [0.000000e+00, 4.34{{[0-9]*}}], [2.000000e+00, 0.000000e+00]]>
  %w = q.const dense<[[0.125, 0.0], [0.0, 1.0], [2.0, 0.0]]> : tensor<3x2xf32>
  %1 = q.gemm %x, %w : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %2 = q.slice %1 {starts = array<i64: 0, 2>, sizes = array<i64: 1, 2>, steps = array<i64: 1, -1>} : (tensor<1x3xf32>) -> tensor<1x2xf32>
  %3 = q.slice %1 {starts = array<i64: 0, 0>, sizes = array<i64: 1, 1>, steps = array<i64: 1, 1>} : (tensor<1x3xf32>) -> tensor<1x1xf32>
  %v = q.const dense<[[1.0, 8.0]]> : tensor<1x2xf32>
  %4 = q.gemm %2, %v : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %4, %3 : tensor<1x1xf32>, tensor<1x1xf32>
}
