// With samples, weights make up for the errors of those before them, and the
// bias for what changes in the mean.
// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/x.npy', n.array([[80, 1, 80, 8], [160, 2, 160, 24], [0, 3, 0, 4]], 'float32'))"
// RUN: qopt %t/net.mlir --q-make-pairs-safe="data=%t/x.npy tolerance=0.05" | FileCheck %s
// RUN: qopt %t/net.mlir --q-make-pairs-safe="tolerance=0.05" | FileCheck %s --check-prefix=BLIND
// RUN: not qopt %t/net.mlir --q-make-pairs-safe=data=%t/none.npy 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %t/net.mlir --q-make-pairs-safe="data=%t/x.npy preprocess=shear=2" 2>&1 | FileCheck %s --check-prefix=PREPROCESS

// 100 + 29 is too much for a pair: it becomes 100 + 28, which costs little, since
// the second input hardly varies. The third input is the first, so that 1.4
// makes up as 2 for 0.4 that rounding takes from 100.4. Means are 80, 2, 80 and
// 12: the bias loses -1 * 2 + 0.6 * 80.
// CHECK-LABEL: func @net
// CHECK: q.const dense<{{\[}}[1.004000e+02, 2.800000e+01, 2.000000e+00, 2.000000e+00]]>
// CHECK: %[[BIAS:.*]] = q.const dense<{{-4[.]1000.*e[+]01|-41[.]0000[0-9]*}}> : tensor<1xf32>
// CHECK: q.gemm {{.*}} bias %[[BIAS]]

// Nothing is known of the inputs, and no change costs nothing.
// BLIND: q.const dense<{{\[}}[1.004000e+02, 2.900000e+01, 1.400000e+00, 2.000000e+00]]>
// BLIND: q.const dense<5.000000e+00> : tensor<1xf32>

// NOFILE: none.npy
// PREPROCESS: shear

//--- net.mlir

func.func @net(%x: tensor<1x4xf32>) -> tensor<1x1xf32> {
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [255.0] : tensor<1x4xf32>
  %w = q.const dense<[[100.4, 29.0, 1.4, 2.0]]> : tensor<1x4xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = -1> min [-127.0] max [127.0] : tensor<1x4xf32>
  %b = q.const dense<5.0> : tensor<1xf32>
  %1 = q.gemm %0, %wq bias %b : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4000.0] : tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}
