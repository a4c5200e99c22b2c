// With samples, weights make up for the errors of those before them, and the
// bias for what changes in the mean.
// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/x.npy', n.array([[8, 1, 8, 8], [16, 2, 16, 24], [0, 3, 0, 4]], 'float32'))"
// RUN: qopt %t/net.mlir --q-make-pairs-safe="data=%t/x.npy tolerance=0" | FileCheck %s
// RUN: qopt %t/net.mlir --q-make-pairs-safe="tolerance=0" | FileCheck %s --check-prefix=BLIND
// RUN: not qopt %t/net.mlir --q-make-pairs-safe=data=%t/none.npy 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %t/net.mlir --q-make-pairs-safe="data=%t/x.npy preprocess=shear=2" 2>&1 | FileCheck %s --check-prefix=PREPROCESS

// 100 + 40 is too much for a pair: it becomes 100 + 28, since the second input
// hardly varies. Its mean of 2 goes from what the bias adds: 5 + 12 * 2. Of the
// third input, which is the first, nothing is needed.
// CHECK-LABEL: func @net
// CHECK-DAG: q.const dense<{{\[}}[1.000000e+02, 2.800000e+01, 1.000000e+00, 2.000000e+00]]>
// CHECK-DAG: %[[BIAS:.*]] = q.const dense<2.900000e+01> : tensor<1xf32>
// CHECK: q.gemm {{.*}} bias %[[BIAS]]

// Nothing is known of the inputs, and no change costs nothing.
// BLIND: q.const dense<{{\[}}[1.000000e+02, 4.000000e+01, 1.000000e+00, 2.000000e+00]]>
// BLIND: q.const dense<5.000000e+00> : tensor<1xf32>

// NOFILE: none.npy
// PREPROCESS: shear

//--- net.mlir

func.func @net(%x: tensor<1x4xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x4xf32>
  %w = q.const dense<[[100.0, 40.0, 1.0, 2.0]]> : tensor<1x4xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-127.0] max [127.0] : tensor<1x4xf32>
  %b = q.const dense<5.0> : tensor<1xf32>
  %1 = q.gemm %0, %wq bias %b : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4000.0] : tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}
