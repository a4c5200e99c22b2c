// RUN: rm -rf %t && split-file %s %t
// RUN: %python -c "import numpy as n; n.save('%t/x.npy', n.array([[1]], 'float32')); n.save('%t/large.npy', n.array([[3e38]], 'float32'))"
// RUN: not qopt %t/net.mlir --q-correct-bias 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not qopt %t/net.mlir --q-correct-bias=data=%t/none.npy 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not qopt %t/net.mlir --q-correct-bias="data=%t/x.npy preprocess=shear=2" 2>&1 | FileCheck %s --check-prefix=PREPROCESS
// RUN: not qopt %t/net.mlir --q-correct-bias=data=%t/large.npy 2>&1 | FileCheck %s --check-prefix=INFINITE
// RUN: not qopt %t/uncalibrated.mlir --q-correct-bias=data=%t/x.npy 2>&1 | FileCheck %s --check-prefix=RANGE

// NODATA: 'func.func' op has biases to correct, which takes sample inputs; give data=FILE or FOLDER
// NOFILE: none.npy
// PREPROCESS: shear
// INFINITE: 'q.gemm' op has outputs that are not finite on the samples, so its bias cannot be corrected
// RANGE: 'q.quantizer' op has no range; run q-calibrate with sample data

//--- net.mlir

func.func @net(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %w = q.const dense<4.0> : tensor<1x1xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> min [-127.0] max [127.0] : tensor<1x1xf32>
  %0 = q.gemm %x, %wq : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

//--- uncalibrated.mlir

func.func @net(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %w = q.const dense<4.0> : tensor<1x1xf32>
  %wq = q.quantizer %w <bits = 8, signed = true, symmetric = true, narrow = true, power_of_two = false, axis = 0> : tensor<1x1xf32>
  %0 = q.gemm %x, %wq : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}
