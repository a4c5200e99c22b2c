// RUN: qopt %s --split-input-file --pass-pipeline="builtin.module(func.func(q-keep-float-islands))" --verify-diagnostics | FileCheck %s
// RUN: qopt %s --split-input-file --pass-pipeline="builtin.module(func.func(q-keep-float-islands,q-insert-quantizers))" 2>/dev/null | FileCheck %s --check-prefix=INSERT

// A comparison has no integer form; what moves its result only stays in float
// with it.
// CHECK-LABEL: func @mask
// CHECK: q.add {{.*}} : (tensor
// CHECK: q.compare less {{.*}}q.stays_float = "has no integer form"
// CHECK: q.reshape {{.*}}q.stays_float = "moves what stays in float"
// CHECK: q.mul %{{.*}}, %{{.*}} : (tensor
// INSERT-LABEL: func @mask
// INSERT: %[[ADD:.*]] = q.add
// INSERT: %[[ADDED:.*]] = q.quantizer %[[ADD]]
// INSERT: %[[LESS:.*]] = q.compare less %[[ADDED]], %{{[^ ]*}} {
// INSERT-NOT: q.quantizer
// INSERT: %[[MOVED:.*]] = q.reshape %[[LESS]]
// INSERT: %[[MASK:.*]] = q.quantizer %[[MOVED]]
// INSERT: q.mul %{{.*}}, %[[MASK]]
func.func @mask(%x: tensor<1x4xf32>, %y: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %limit = q.const dense<0.5> : tensor<1xf32>
  %0 = q.add %x, %x : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  // expected-warning@+1 {{'q.compare' stays in float: it has no integer form}}
  %1 = q.compare less %0, %limit : (tensor<1x4xf32>, tensor<1xf32>) -> tensor<1x4xf32>
  %2 = q.reshape %1 : (tensor<1x4xf32>) -> tensor<4x1xf32>
  %3 = q.mul %y, %2 : (tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<4x1xf32>
  return %3 : tensor<4x1xf32>
}

// -----

// Weights that the network computes.
// CHECK-LABEL: func @computed
// CHECK: q.gemm {{.*}}q.stays_float = "has weights that the network computes"
func.func @computed(%x: tensor<1x4xf32>, %w: tensor<3x4xf32>) -> tensor<1x3xf32> {
  // expected-warning@+1 {{'q.gemm' stays in float: it has weights that the network computes}}
  %0 = q.gemm %x, %w : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
