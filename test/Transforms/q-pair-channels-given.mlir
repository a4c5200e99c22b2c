// Integers that a model brings are permuted like weights that are still to be
// quantized, with their scales and biases; no bit of the results changes.
// RUN: qopt %s --q-pair-channels | FileCheck %s
// RUN: qopt %s --pass-pipeline="builtin.module(q-quantize-pipeline)" -o %t.plain.mlir
// RUN: qopt %s --pass-pipeline="builtin.module(func.func(q-pair-channels),q-quantize-pipeline)" -o %t.paired.mlir
// RUN: not cmp %t.plain.mlir %t.paired.mlir
// RUN: qrun --compare %t.plain.mlir %t.paired.mlir --random=20 | FileCheck %s --check-prefix=SAME
// SAME: 0 of {{[0-9]+}} elements differ

!in = !quant.uniform<u8:f32, 0.5:3>
!mid = !quant.uniform<u8:f32, 0.25:7>
!out = !quant.uniform<u8:f32, 8.0:128>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.1, 0.2, 0.3, 0.4}>
!b = !quant.uniform<i32:f32:0, {0.05, 0.1, 0.15, 0.2}>
!v = !quant.uniform<i8<-127:127>:f32, 0.5>

// The second layer's 120 and 110 would meet: the channels in the middle change
// places, in its weights and in the rows, scales and biases of the first layer.
// CHECK-LABEL: func @net
// CHECK: q.const dense<{{\[}}[1, 2], [5, 6], [3, 4], [7, 8]]>{{.*}}{1.000000e-01,3.000000e-01,2.000000e-01,4.000000e-01}
// CHECK: q.const dense<[10, 30, 20, 40]>{{.*}}{5.000000e-02,1.500000e-01,1.000000e-01,2.000000e-01}
// CHECK: q.const dense<{{\[}}[120, 5, 110, 6]]>
func.func @net(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %w = q.const dense<[[1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xi8> as tensor<4x2x!w>
  %b = q.const dense<[10, 20, 30, 40]> : tensor<4xi32> as tensor<4x!b>
  %v = q.const dense<[[120, 110, 5, 6]]> : tensor<1x4xi8> as tensor<1x4x!v>
  %0 = q.quantize %x : tensor<1x2xf32> -> tensor<1x2x!in>
  %1 = q.dequantize %0 : tensor<1x2x!in> -> tensor<1x2xf32>
  %2 = q.dequantize %w : tensor<4x2x!w> -> tensor<4x2xf32>
  %3 = q.dequantize %b : tensor<4x!b> -> tensor<4xf32>
  %4 = q.gemm %1, %2 bias %3 : (tensor<1x2xf32>, tensor<4x2xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  %5 = q.quantize %4 : tensor<1x4xf32> -> tensor<1x4x!mid>
  %6 = q.dequantize %5 : tensor<1x4x!mid> -> tensor<1x4xf32>
  %7 = q.dequantize %v : tensor<1x4x!v> -> tensor<1x4xf32>
  %8 = q.gemm %6, %7 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x1xf32>
  %9 = q.quantize %8 : tensor<1x1xf32> -> tensor<1x1x!out>
  %10 = q.dequantize %9 : tensor<1x1x!out> -> tensor<1x1xf32>
  return %10 : tensor<1x1xf32>
}
