// Channels get the upper bounds that samples show, and a margin.
// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/x.npy', n.array([[8, 1], [2, 2]], 'float32'))"
// RUN: qopt %t/gemm.mlir --q-clamp-channels="data=%t/x.npy" | FileCheck %t/gemm.mlir
// RUN: qopt %t/gemm.mlir --q-clamp-channels="data=%t/x.npy margin=25" | FileCheck %t/gemm.mlir --check-prefix=MARGIN
// RUN: qopt %t/gemm.mlir --q-clamp-channels="data=%t/x.npy gain=60" | FileCheck %t/gemm.mlir --check-prefix=NONE
// RUN: qopt %t/gemm.mlir --q-clamp-channels="data=%t/x.npy samples=1" | FileCheck %t/gemm.mlir --check-prefix=ONE
// RUN: qopt %t/between.mlir --q-clamp-channels="data=%t/x.npy gain=10" | FileCheck %t/between.mlir
// RUN: qopt %t/end.mlir --q-clamp-channels | FileCheck %t/end.mlir
// RUN: not qopt %t/gemm.mlir --q-clamp-channels 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not qopt %t/gemm.mlir --q-clamp-channels=data=%t/none.npy 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %t/gemm.mlir --q-clamp-channels="data=%t/x.npy preprocess=shear=2" 2>&1 | FileCheck %s --check-prefix=PREPROCESS
// NODATA: 'func.func' op has channels to bound, which takes sample inputs; give data=FILE or FOLDER
// NOFILE: none.npy
// PREPROCESS: shear

// Channels reach 8 and 2, of a range of 8, and one is never active.

//--- gemm.mlir

// CHECK-LABEL: func @net
// CHECK: q.gemm {{.*}} {channel_max = array<f32: 8.000000e+00, 2.000000e+00, 0.000000e+00>, clamp_min = 0.000000e+00 : f32}
// CHECK: q.gemm {{[^{]*}} : (
// MARGIN: channel_max = array<f32: 8.000000e+00, 2.500000e+00, 0.000000e+00>
// ONE: channel_max = array<f32: 8.000000e+00, 1.000000e+00, 0.000000e+00>
// NONE-NOT: channel_max
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]> : tensor<3x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0, -1.0] max [1.0, 1.0, 1.0] : tensor<3x2xf32>
  %y = q.gemm %x0, %wq {clamp_min = 0.0 : f32} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x3xf32>
  %v = q.const dense<[[1.0, 1.0, 1.0]]> : tensor<1x3xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0] max [1.0] : tensor<1x3xf32>
  %z = q.gemm %y0, %vq : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x1xf32>
  %z0 = q.quantizer %z <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1xf32>
  return %z0 : tensor<1x1xf32>
}

//--- between.mlir

// Both sides of a concatenation, of which one is an addition, and the reshape
// between. The range of the sum ends at 4, and its first channel goes beyond.
// CHECK-LABEL: func @net
// CHECK: q.add {{.*}} {channel_max = array<f32: 4.000000e+00, 3.000000e+00>}
// CHECK: q.gemm {{.*}} {channel_max = array<f32: 8.000000e+00, 2.000000e+00>}
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %c = q.const dense<1.0> : tensor<1x2xf32>
  %a = q.add %x0, %c : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %a0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x2xf32>
  %b = q.gemm %x0, %wq : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %b0 = q.quantizer %b <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %y = q.concat %a0, %b0 {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x4xf32>
  %r = q.reshape %y0 : (tensor<1x4xf32>) -> tensor<1x1x1x4xf32>
  %v = q.const dense<1.0> : tensor<1x1x1x4xf32>
  %vq = q.quantizer %v <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0] max [1.0] : tensor<1x1x1x4xf32>
  %z = q.conv2d %r, %vq {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x1x1x1xf32>
  %z0 = q.quantizer %z <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x1x1x1xf32>
  %s = q.reshape %z0 : (tensor<1x1x1x1xf32>) -> tensor<1x1xf32>
  return %s : tensor<1x1xf32>
}

//--- end.mlir

// Nobody multiplies what the only layer makes: no samples are needed.
// CHECK-LABEL: func @net
// CHECK-NOT: channel_max
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %x0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-1.0, -1.0] max [1.0, 1.0] : tensor<2x2xf32>
  %y = q.gemm %x0, %wq : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %y0 = q.quantizer %y <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [8.0] : tensor<1x2xf32>
  return %y0 : tensor<1x2xf32>
}
