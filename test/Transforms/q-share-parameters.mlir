// RUN: qopt %s --q-share-parameters --split-input-file | FileCheck %s
// RUN: qopt %s --q-share-parameters --q-share-parameters --split-input-file | FileCheck %s
// RUN: qopt %s --q-share-parameters --q-quantize --split-input-file | FileCheck %s --check-prefix=TYPES

// Through a reshape and a pool into a concat: one group and the union of all.
// CHECK-LABEL: func @joined
// CHECK: q.quantizer %arg0 {{.*}} min [-2.000000e+00] max [3.000000e+00] group [[G:[0-9]+]]
// CHECK: q.quantizer %arg1 {{.*}} min [-2.000000e+00] max [3.000000e+00] group [[G]]
// An addition has parameters of its own.
// CHECK: q.quantizer %{{.*}} min [0.000000e+00] max [4.000000e+00] :
// TYPES-LABEL: func @joined
// TYPES: q.concat {{.*}} -> tensor<8x!quant.uniform<u8:f32, 0.01960784{{[0-9]*}}:102>>
func.func @joined(%a: tensor<2x2xf32>, %b: tensor<4xf32>) -> tensor<8xf32> {
  %0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [3.0] : tensor<2x2xf32>
  %1 = q.quantizer %b <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-2.0] max [1.0] : tensor<4xf32>
  %2 = q.reshape %0 : (tensor<2x2xf32>) -> tensor<4xf32>
  %3 = q.concat %2, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %4 = q.add %3, %3 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %5 = q.quantizer %4 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [4.0] : tensor<8xf32>
  return %5 : tensor<8xf32>
}

// -----

// The widest scheme of the group holds what all of them hold.
// CHECK-LABEL: func @schemes
// CHECK-COUNT-2: q.quantizer {{.*}} <bits = 16, signed = true, symmetric = false, {{.*}} group 0
func.func @schemes(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.quantizer %a <bits = 16, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [3.0] : tensor<4xf32>
  %1 = q.quantizer %b <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [-2.0] max [2.0] : tensor<4xf32>
  %2 = q.max %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// A fixed range stays; a second quantizer joins the others (rule N13).
// CHECK-LABEL: func @fixed
// CHECK: %[[S:.*]] = q.quantizer %arg0 {{.*}} min [0.000000e+00] max [0.99609375] {q.fixed}
// CHECK: %[[R:.*]] = q.quantizer %[[S]] {{.*}} min [-2.000000e+00] max [1.000000e+00] group [[G:[0-9]+]]
// CHECK: %[[B:.*]] = q.quantizer %arg1 {{.*}} group [[G]]
// CHECK: q.concat %[[R]], %[[B]]
// CHECK: q.mul %[[S]], %[[S]]
// TYPES-LABEL: func @fixed
// TYPES: %[[S:.*]] = q.quantize %arg0
// TYPES: q.requantize %[[S]]
func.func @fixed(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>) {
  %0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [0.99609375] {q.fixed} : tensor<4xf32>
  %1 = q.quantizer %b <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [-2.0] max [1.0] : tensor<4xf32>
  %2 = q.concat %0, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %3 = q.mul %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = q.quantizer %3 <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [1.0] : tensor<4xf32>
  return %2, %4 : tensor<8xf32>, tensor<4xf32>
}

// -----

// Equal fixed ranges need nothing.
// CHECK-LABEL: func @fixed_alike
// CHECK-COUNT-2: {q.fixed}
// CHECK-NEXT: q.concat
func.func @fixed_alike(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<8xf32> {
  %0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [0.99609375] {q.fixed} : tensor<4xf32>
  %1 = q.quantizer %b <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [0.99609375] {q.fixed} : tensor<4xf32>
  %2 = q.concat %0, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// A border beyond the data widens the range.
// CHECK-LABEL: func @border
// CHECK: q.quantizer {{.*}} min [-5.000000e+00] max [3.000000e+00]
func.func @border(%a: tensor<4xf32>) -> tensor<6xf32> {
  %0 = q.quantizer %a <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> min [0.0] max [3.0] : tensor<4xf32>
  %1 = q.pad %0 {low = array<i64: 1>, high = array<i64: 1>, value = -5.0 : f32} : (tensor<4xf32>) -> tensor<6xf32>
  return %1 : tensor<6xf32>
}
