// RUN: rm -rf %t && mkdir %t
// RUN: %python -c "import numpy as n; n.save('%t/a.npy', n.array([[0, 1], [-2, 0.5]], 'float32')); n.save('%t/b.npy', n.array([[4, 0], [0, 0]], 'float32')); n.save('%t/ab.npy', n.concatenate([n.load('%t/a.npy'), n.load('%t/b.npy')]))"
// RUN: qopt %s --q-calibrate="data=%t/ab.npy method=minmax" | FileCheck %s
// RUN: qopt %s --q-calibrate="data=%t/ab.npy method=averaged samples-per-average=2" | FileCheck %s --check-prefix=AVERAGED
// RUN: qopt %s --q-calibrate="data=%t/ab.npy method=minmax samples=2" | FileCheck %s --check-prefix=FEWER

// Calibration split over two machines: the same ranges.
// RUN: qopt %s --q-calibrate="data=%t/a.npy save=%t/a.json" -o %t/ignored
// RUN: qopt %s --q-calibrate="data=%t/b.npy save=%t/b.json" -o %t/ignored
// RUN: qopt %s --q-calibrate="load=%t/a.json,%t/b.json method=minmax" | FileCheck %s

// The ranges of least squared error of weights.
// RUN: qopt %s --q-calibrate="data=%t/ab.npy weight-method=mse" | FileCheck %s --check-prefix=MSE
// RUN: not qopt %s --q-calibrate="data=%t/a.npy weight-method=ema" 2>&1 | FileCheck %s --check-prefix=WEIGHTMETHOD

// RUN: not qopt %s --q-calibrate 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not qopt %s --q-calibrate="data=%t/none.npy" 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %s --q-calibrate="data=%t/a.npy method=magic" 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not qopt %s --q-calibrate="data=%t/a.npy percentile=50" 2>&1 | FileCheck %s --check-prefix=PERCENTILE
// RUN: not qopt %s --q-calibrate="data=%t/a.npy decay=1" 2>&1 | FileCheck %s --check-prefix=DECAY
// RUN: not qopt %s --q-calibrate="data=%t/a.npy samples-per-average=0" 2>&1 | FileCheck %s --check-prefix=AVERAGE
// RUN: %python -c "print('{}')" > %t/empty.json
// RUN: not qopt %s --q-calibrate="load=%t/empty.json" 2>&1 | FileCheck %s --check-prefix=EMPTY

// NODATA: cannot be calibrated without data; give sample inputs (data=FILE or FOLDER) or saved statistics (load=FILE)
// NOFILE: none.npy
// METHOD: calibration has no method 'magic'; use minmax, averaged, ema, percentile, mse or entropy
// PERCENTILE: calibration cannot cut off 50.00 percent at each end; choose 0 to below 50
// DECAY: the decay of moving averages cannot be 1.00; choose between 0 and 1
// AVERAGE: an average of extremes needs at least 1 sample
// WEIGHTMETHOD: weights have no calibration method 'ema'; use minmax or mse
// EMPTY: error: {{.*}}empty.json

// CHECK-LABEL: func @net
// AVERAGED-LABEL: func @net
// FEWER-LABEL: func @net
// MSE-LABEL: func @net
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK: q.quantizer %arg0 {{.*}} min [-2.000000e+00] max [4.000000e+00]
  // The extremes of groups of two samples: -2 and 0, 1 and 4.
  // AVERAGED: q.quantizer %arg0 {{.*}} min [-1.000000e+00] max [2.500000e+00]
  // FEWER: q.quantizer %arg0 {{.*}} min [-2.000000e+00] max [1.000000e+00]
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x2xf32>
  %w = q.const dense<[[1.0, 0.0], [0.0, -3.0]]> : tensor<2x2xf32>
  // Weights per channel, from the constant.
  // CHECK: q.quantizer {{.*}} min [-1.000000e+00, -3.000000e+00] max [1.000000e+00, 3.000000e+00]
  // AVERAGED: q.quantizer {{.*}} min [-1.000000e+00, -3.000000e+00] max [1.000000e+00, 3.000000e+00]
  %1 = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<2x2xf32>
  %2 = q.gemm %0, %1 {clamp_min = 0.0 : f32} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  // CHECK: q.quantizer {{.*}} min [0.000000e+00] max [4.000000e+00]
  %3 = q.quantizer %2 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<1x2xf32>
  %4 = q.unary sigmoid %3 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  // A fixed range stays.
  // CHECK: q.quantizer {{.*}} min [0.000000e+00] max [0.99609375] {q.fixed}
  %5 = q.quantizer %4 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [0.99609375] {q.fixed} : tensor<1x2xf32>
  // Two bits, one level: the squared errors are 3 with the level 4, 1 with
  // 3.5, and not less with 3.
  // CHECK: q.quantizer {{.*}} min [-4.000000e+00] max [4.000000e+00]
  // MSE: q.quantizer {{.*}} min [-3.500000e+00] max [3.500000e+00]
  %v = q.const dense<[[4.0, -3.0, 3.0, 3.0]]> : tensor<1x4xf32>
  %6 = q.quantizer %v <bits = 2, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<1x4xf32>
  // Three bits, three levels: 2.9 loses a little so that the twos fall nearly
  // on the second level.
  // MSE: q.quantizer {{.*}} min [-3.0208{{[0-9]*}}] max [3.0208{{[0-9]*}}]
  %u = q.const dense<[[2.9, -2.0, 2.0, 2.0, 2.0, -2.0, 2.0, 2.0, 2.0]]> : tensor<1x9xf32>
  %7 = q.quantizer %u <bits = 3, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<1x9xf32>
  return %5 : tensor<1x2xf32>
}
