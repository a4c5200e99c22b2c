// RUN: qopt %s --q-pair-channels | FileCheck %s

// Scalars have no channels.
// CHECK-LABEL: func @scalars
// CHECK: q.reduce
// CHECK: q.clamp
// CHECK: q.mul
func.func @scalars(%x: tensor<6xf32>) -> tensor<f32> {
  %0 = q.reduce min %x {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %1 = q.clamp %0 {clamp_max = 0.0 : f32} : (tensor<f32>) -> tensor<f32>
  %2 = q.unary abs %1 : (tensor<f32>) -> tensor<f32>
  %3 = q.mul %1, %2 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %3 : tensor<f32>
}
