// Parameters that a model came with stay what they are.

// RUN: qopt %s --q-quantize --split-input-file --verify-diagnostics | FileCheck %s
// RUN: qopt %s --q-quantize=io=int8 --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=INT8

!x = !quant.uniform<u8:f32, 0.5:3>
!w = !quant.uniform<u8:f32:0, {0.25:128, 0.125:130}>
!b = !quant.uniform<i32:f32:0, {0.125, 0.0625}>

// Unsigned weights take the signed form, the same numbers (rule N2); a zero
// point that is left stays for the cross-terms of rule N6.
// CHECK-LABEL: @gemm
// INT8-LABEL: @gemm(%{{.*}}: tensor<1x2x!quant.uniform<i8:f32, 5.000000e-01:-125>> {q.scale = 5.000000e-01 : f64, q.zero_point = -125 : i64})
func.func @gemm(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // CHECK-DAG: %[[W:.*]] = q.const dense<{{\[+}}-27, 72], [1, -128]]> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8:f32:0, {2.500000e-01,1.250000e-01:2}>>
  // CHECK-DAG: %[[B:.*]] = q.const dense<[7, -9]> : tensor<2xi32>
  // CHECK-DAG: %[[X:.*]] = q.quantize %arg0
  // CHECK: %[[Y:.*]] = q.gemm %[[X]], %[[W]] bias %[[B]] {{.*}}-> tensor<1x2x!quant.uniform<u8:f32, 5.000000e-01:3>>
  // CHECK: q.dequantize %[[Y]]
  %0 = q.quantize %x : tensor<1x2xf32> -> tensor<1x2x!x>
  %1 = q.dequantize %0 : tensor<1x2x!x> -> tensor<1x2xf32>
  %wq = q.const dense<[[101, -56], [-127, 0]]> : tensor<2x2xi8> as tensor<2x2x!w>
  %w = q.dequantize %wq : tensor<2x2x!w> -> tensor<2x2xf32>
  %bq = q.const dense<[7, -9]> : tensor<2xi32> as tensor<2x!b>
  %b = q.dequantize %bq : tensor<2x!b> -> tensor<2xf32>
  %2 = q.gemm %1, %w bias %b : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %3 = q.quantize %2 : tensor<1x2xf32> -> tensor<1x2x!x>
  %4 = q.dequantize %3 : tensor<1x2x!x> -> tensor<1x2xf32>
  return %4 : tensor<1x2xf32>
}

// -----

!x = !quant.uniform<u8:f32, 1.0e-6:3>
!w = !quant.uniform<i8:f32, 1.0e-6>

// Rule N7: a bias of another scale, here one that does not fit, raises the scale
// of its channel.
// CHECK-LABEL: @bias
func.func @bias(%x: tensor<1x2x!x>) -> tensor<1x1x!x> {
  // CHECK: q.const dense<{{\[+}}21, -14]]> : tensor<1x2xi8> as tensor<1x2x!quant.uniform<i8<-127:127>:f32, 4.6566{{.*}}E-6>>
  // CHECK: q.const dense<1073741800> : tensor<1xi32>
  %1 = q.dequantize %x : tensor<1x2x!x> -> tensor<1x2xf32>
  %wq = q.const dense<[[100, -67]]> : tensor<1x2xi8> as tensor<1x2x!w>
  %w = q.dequantize %wq : tensor<1x2x!w> -> tensor<1x2xf32>
  %b = q.const dense<0.005> : tensor<1xf32>
  // expected-remark@+1 {{raises the weight scale that the model gives 1 of 1 output channels, so that the bias fits 31 bits (rule N7)}}
  %2 = q.gemm %1, %w bias %b : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %3 = q.quantize %2 : tensor<1x1xf32> -> tensor<1x1x!x>
  return %3 : tensor<1x1x!x>
}

// -----

!x = !quant.uniform<u8:f32, 0.5:3>
!y = !quant.uniform<u8:f32, 0.01>

// Softmax to a scale that is not 1/256 goes over 16 bits (rule N15).
// CHECK-LABEL: @softmax
func.func @softmax(%x: tensor<1x4x!x>) -> tensor<1x4x!y> {
  // CHECK: %[[S:.*]] = q.softmax %arg0 {{.*}} -> tensor<1x4x!quant.uniform<u16:f32, 1.52587890625E-5>>
  // CHECK: q.requantize %[[S]] {{.*}} -> tensor<1x4x!quant.uniform<u8:f32, 1.000000e-02>>
  %0 = q.dequantize %x : tensor<1x4x!x> -> tensor<1x4xf32>
  %1 = q.softmax %0 {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = q.quantize %1 : tensor<1x4xf32> -> tensor<1x4x!y>
  return %2 : tensor<1x4x!y>
}
