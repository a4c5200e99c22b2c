// RUN: qopt %s --q-quantize=io=uint8 | FileCheck %s --check-prefixes=CHECK,UINT8
// RUN: qopt %s --q-quantize=io=int8 | FileCheck %s --check-prefixes=CHECK,INT8
// RUN: qopt %s --q-quantize="io=int8 rounding=gemmlowp" | FileCheck %s --check-prefix=ROUNDING

// ROUNDING: module attributes {q.rounding = "gemmlowp"}

// The same numbers with either sign (rule N2): Z moves by 128, nothing else.
// CHECK-LABEL: func @net
// UINT8-SAME: %[[X:.*]]: tensor<4x!quant.uniform<u8:f32, 1.000000e+00:10>> {q.scale = 1.000000e+00 : f64, q.zero_point = 10 : i64}
// UINT8-SAME: -> (tensor<4x!quant.uniform<u8:f32, 2.000000e+00>> {q.scale = 2.000000e+00 : f64, q.zero_point = 0 : i64})
// INT8-SAME: %[[X:.*]]: tensor<4x!quant.uniform<i8:f32, 1.000000e+00:-118>> {q.scale = 1.000000e+00 : f64, q.zero_point = -118 : i64}
// INT8-SAME: -> (tensor<4x!quant.uniform<i8:f32, 2.000000e+00:-128>> {q.scale = 2.000000e+00 : f64, q.zero_point = -128 : i64})
func.func @net(%x: tensor<4xf32>) -> tensor<4xf32> {
  // INT8-NEXT: %[[Q:.*]] = q.requantize %[[X]] : tensor<4x!quant.uniform<i8:f32, 1.000000e+00:-118>> -> tensor<4x!quant.uniform<u8:f32, 1.000000e+00:10>>
  // UINT8-NEXT: q.add %[[X]], %[[X]]
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-10.0] max [245.0] : tensor<4xf32>
  // INT8-NEXT: q.add %[[Q]], %[[Q]]
  %1 = q.add %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // INT8-NEXT: q.requantize
  // CHECK-NOT: quantize
  // CHECK: return
  %2 = q.quantizer %1 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [510.0] : tensor<4xf32>
  return %2 : tensor<4xf32>
}
