// RUN: qopt %s --q-raise-patterns --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @silu
// CHECK-NEXT: %[[Y:.*]] = q.unary  silu %arg0
// CHECK-NEXT: return %[[Y]]
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.unary sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = q.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func @hard_swish
// CHECK-NEXT: %[[Y:.*]] = q.unary  hard_swish %arg0
// CHECK-NEXT: return %[[Y]]
func.func @hard_swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = q.const dense<3.0> : tensor<f32>
  %six = q.const dense<6.0> : tensor<f32>
  %0 = q.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = q.clamp %0 {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = q.mul %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = q.div %2, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func @gelu
// CHECK-NEXT: %[[Y:.*]] = q.unary  gelu %arg0
// CHECK-NEXT: return %[[Y]]
func.func @gelu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = q.const dense<1.41421354> : tensor<f32>
  %one = q.const dense<1.0> : tensor<f32>
  %half = q.const dense<0.5> : tensor<f32>
  %0 = q.div %x, %root : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = q.unary erf %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = q.add %1, %one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = q.mul %x, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = q.mul %3, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %4 : tensor<4xf32>
}

// -----

// Another gate, or another number, is another function.
// CHECK-LABEL: func @others
// CHECK: q.unary  sigmoid
// CHECK: q.mul
// CHECK: q.mul
func.func @others(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %four = q.const dense<4.0> : tensor<f32>
  %0 = q.unary sigmoid %y : (tensor<4xf32>) -> tensor<4xf32>
  %1 = q.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = q.add %x, %four {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = q.mul %2, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func @scalars
// CHECK: %[[R:.*]] = q.const dense<2.500000e-01> : tensor<f32>
// CHECK: %[[A:.*]] = q.mul %arg0, %[[R]]
// CHECK: %[[B:.*]] = q.unary  square %[[A]]
// CHECK: %[[C:.*]] = q.unary  reciprocal %[[B]]
// CHECK: q.clamp %[[C]] {clamp_max = 4.000000e+00 : f32}
func.func @scalars(%x: tensor<4xf32>) -> tensor<4xf32> {
  %four = q.const dense<4.0> : tensor<f32>
  %two = q.const dense<2.0> : tensor<f32>
  %one = q.const dense<1.0> : tensor<f32>
  %0 = q.div %x, %four : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = q.pow %0, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = q.div %one, %1 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = q.min %2, %four : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
