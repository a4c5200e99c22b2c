// RUN: qopt %s --q-simplify-layout | FileCheck %s

// Inverse transposes cancel through elementwise ops; constants follow.
// CHECK-LABEL: func @elementwise
// CHECK-NOT: q.transpose
// CHECK: %[[C:.*]] = q.const dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: %[[SUM:.*]] = q.add %arg0, %[[C]] : (tensor<1x4x3x2xf32>, tensor<2xf32>)
// CHECK: %[[Y:.*]] = q.clamp %[[SUM]]
// CHECK: return %[[Y]]
func.func @elementwise(%x: tensor<1x4x3x2xf32>) -> tensor<1x4x3x2xf32> {
  %c = q.const dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x3x2xf32>) -> tensor<1x2x4x3xf32>
  %1 = q.add %0, %c : (tensor<1x2x4x3xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x3xf32>
  %2 = q.clamp %1 {clamp_min = 0.0 : f32} : (tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32>
  %3 = q.transpose %2 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x4x3x2xf32>
  return %3 : tensor<1x4x3x2xf32>
}

// Axes and borders are renumbered.
// CHECK-LABEL: func @axes
// CHECK-NOT: q.transpose
// CHECK: q.pad %arg0 {high = array<i64: 0, 1, 2, 0>, low = array<i64: 0, 0, 0, 3>}
// CHECK: q.softmax %{{.*}} {axis = 3 : i64}
// CHECK: q.concat %{{.*}}, %{{.*}} {axis = 3 : i64} : (tensor<1x5x5x5xf32>, tensor<1x5x5x5xf32>) -> tensor<1x5x5x10xf32>
// CHECK: q.reduce {{ *}}mean %{{.*}} {axes = array<i64: 1, 2>, keep_dims} : (tensor<1x5x5x10xf32>) -> tensor<1x1x1x10xf32>
// CHECK: q.reshape %{{.*}} : (tensor<1x1x1x10xf32>) -> tensor<1x10xf32>
// CHECK: return
func.func @axes(%x: tensor<1x4x3x2xf32>) -> tensor<1x10xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x3x2xf32>) -> tensor<1x2x4x3xf32>
  %1 = q.pad %0 {low = array<i64: 0, 3, 0, 0>, high = array<i64: 0, 0, 1, 2>} : (tensor<1x2x4x3xf32>) -> tensor<1x5x5x5xf32>
  %2 = q.softmax %1 {axis = 1 : i64} : (tensor<1x5x5x5xf32>) -> tensor<1x5x5x5xf32>
  %3 = q.concat %1, %2 {axis = 1 : i64} : (tensor<1x5x5x5xf32>, tensor<1x5x5x5xf32>) -> tensor<1x10x5x5xf32>
  %4 = q.reduce mean %3 {axes = array<i64: 2, 3>, keep_dims} : (tensor<1x10x5x5xf32>) -> tensor<1x10x1x1xf32>
  %5 = q.reshape %4 : (tensor<1x10x1x1xf32>) -> tensor<1x10xf32>
  return %5 : tensor<1x10xf32>
}

// A reduction that drops dimensions keeps the order of the others.
// CHECK-LABEL: func @dropped_dimensions
// CHECK: %[[R:.*]] = q.reduce {{ *}}max %arg0 {axes = array<i64: 1>} : (tensor<2x4x3x5xf32>) -> tensor<2x3x5xf32>
// CHECK: q.transpose %[[R]] {perm = array<i64: 0, 2, 1>} : (tensor<2x3x5xf32>) -> tensor<2x5x3xf32>
func.func @dropped_dimensions(%x: tensor<2x4x3x5xf32>) -> tensor<2x5x3xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x4x3x5xf32>) -> tensor<2x5x4x3xf32>
  %1 = q.reduce max %0 {axes = array<i64: 2>} : (tensor<2x5x4x3xf32>) -> tensor<2x5x3xf32>
  return %1 : tensor<2x5x3xf32>
}

// The two halves of a channel shuffle are strided slices of NHWC channels, for
// a batch of two as well.
// CHECK-LABEL: func @shuffle_and_split
// CHECK-NOT: q.transpose
// CHECK-DAG: q.slice %arg0 {sizes = array<i64: 2, 3, 3, 4>, starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 2>}
// CHECK-DAG: q.slice %arg0 {sizes = array<i64: 2, 3, 3, 4>, starts = array<i64: 0, 0, 0, 1>, steps = array<i64: 1, 1, 1, 2>}
// CHECK: return
func.func @shuffle_and_split(%x: tensor<2x3x3x8xf32>) -> (tensor<2x3x3x4xf32>, tensor<2x3x3x4xf32>) {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<2x3x3x8xf32>) -> tensor<2x8x3x3xf32>
  %1 = q.reshape %0 : (tensor<2x8x3x3xf32>) -> tensor<8x2x9xf32>
  %2 = q.transpose %1 {perm = array<i64: 1, 0, 2>} : (tensor<8x2x9xf32>) -> tensor<2x8x9xf32>
  %3 = q.reshape %2 : (tensor<2x8x9xf32>) -> tensor<2x2x4x3x3xf32>
  %4 = q.slice %3 {starts = array<i64: 0, 0, 0, 0, 0>, sizes = array<i64: 1, 2, 4, 3, 3>, steps = array<i64: 1, 1, 1, 1, 1>} : (tensor<2x2x4x3x3xf32>) -> tensor<1x2x4x3x3xf32>
  %5 = q.reshape %4 : (tensor<1x2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  %6 = q.slice %3 {starts = array<i64: 1, 0, 0, 0, 0>, sizes = array<i64: 1, 2, 4, 3, 3>, steps = array<i64: 1, 1, 1, 1, 1>} : (tensor<2x2x4x3x3xf32>) -> tensor<1x2x4x3x3xf32>
  %7 = q.reshape %6 : (tensor<1x2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  %8 = q.transpose %5 {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x4x3x3xf32>) -> tensor<2x3x3x4xf32>
  %9 = q.transpose %7 {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x4x3x3xf32>) -> tensor<2x3x3x4xf32>
  return %8, %9 : tensor<2x3x3x4xf32>, tensor<2x3x3x4xf32>
}

// A whole shuffle is one gather.
// CHECK-LABEL: func @shuffle
// CHECK-NEXT: %[[Y:.*]] = q.gather %arg0 {axis = 3 : i64, indices = array<i64: 0, 3, 1, 4, 2, 5>}
// CHECK-NEXT: return %[[Y]]
func.func @shuffle(%x: tensor<1x3x3x6xf32>) -> tensor<1x3x3x6xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x3x6xf32>) -> tensor<1x6x3x3xf32>
  %1 = q.reshape %0 : (tensor<1x6x3x3xf32>) -> tensor<1x2x3x3x3xf32>
  %2 = q.transpose %1 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x3x3xf32>) -> tensor<1x3x2x3x3xf32>
  %3 = q.reshape %2 : (tensor<1x3x2x3x3xf32>) -> tensor<1x6x3x3xf32>
  %4 = q.transpose %3 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x6x3x3xf32>) -> tensor<1x3x3x6xf32>
  return %4 : tensor<1x3x3x6xf32>
}

// Slices of NCHW channels are slices of NHWC channels.
// CHECK-LABEL: func @slice
// CHECK-NEXT: %[[Y:.*]] = q.slice %arg0 {sizes = array<i64: 1, 3, 2, 2>, starts = array<i64: 0, 0, 1, 4>, steps = array<i64: 1, 1, 1, -3>}
// CHECK-NEXT: return %[[Y]]
func.func @slice(%x: tensor<1x3x3x6xf32>) -> tensor<1x3x2x2xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x3x6xf32>) -> tensor<1x6x3x3xf32>
  %1 = q.slice %0 {starts = array<i64: 0, 4, 0, 1>, sizes = array<i64: 1, 2, 3, 2>, steps = array<i64: 1, -3, 1, 1>} : (tensor<1x6x3x3xf32>) -> tensor<1x2x3x2xf32>
  %2 = q.transpose %1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x2xf32>) -> tensor<1x3x2x2xf32>
  return %2 : tensor<1x3x2x2xf32>
}

// The weights of a gemm take over the order of what it flattens.
// CHECK-LABEL: func @flattened_gemm
// CHECK-DAG: %[[W:.*]] = q.const dense<{{\[+}}0.000000e+00, 3.000000e+00, 1.000000e+00, 4.000000e+00, 2.000000e+00, 5.000000e+00]]> : tensor<1x6xf32>
// CHECK-DAG: %[[FLAT:.*]] = q.reshape %arg0 : (tensor<7x1x3x2xf32>) -> tensor<7x6xf32>
// CHECK: q.gemm %[[FLAT]], %[[W]]
func.func @flattened_gemm(%x: tensor<7x1x3x2xf32>) -> tensor<7x1xf32> {
  %w = q.const dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]> : tensor<1x6xf32>
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<7x1x3x2xf32>) -> tensor<7x2x1x3xf32>
  %1 = q.reshape %0 : (tensor<7x2x1x3xf32>) -> tensor<7x6xf32>
  %2 = q.gemm %1, %w : (tensor<7x6xf32>, tensor<1x6xf32>) -> tensor<7x1xf32>
  return %2 : tensor<7x1xf32>
}

// Pixel shuffle and what follows stay NHWC.
// CHECK-LABEL: func @depth_to_space
// CHECK: q.transpose {{.*}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<3x3x2x4xf32>) -> tensor<3x2x3x4xf32>
// CHECK-NOT: q.transpose
// CHECK: q.clamp %{{.*}} : (tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32>
// CHECK-NEXT: return
func.func @depth_to_space(%x: tensor<1x3x3x8xf32>) -> tensor<1x6x6x2xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x3x8xf32>) -> tensor<1x8x3x3xf32>
  %1 = q.reshape %0 : (tensor<1x8x3x3xf32>) -> tensor<1x2x2x2x3x3xf32>
  %2 = q.transpose %1 {perm = array<i64: 0, 3, 4, 1, 5, 2>} : (tensor<1x2x2x2x3x3xf32>) -> tensor<1x2x3x2x3x2xf32>
  %3 = q.reshape %2 : (tensor<1x2x3x2x3x2xf32>) -> tensor<1x2x6x6xf32>
  %4 = q.clamp %3 {clamp_min = 0.0 : f32} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %5 = q.transpose %4 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x6x6xf32>) -> tensor<1x6x6x2xf32>
  return %5 : tensor<1x6x6x2xf32>
}

// An operand in another order would need a transpose of its own: nothing moves.
// CHECK-LABEL: func @other_operand
// CHECK: %[[T:.*]] = q.transpose %arg0
// CHECK: %[[Y:.*]] = q.mul %[[T]], %arg1
// CHECK: return %[[Y]]
func.func @other_operand(%x: tensor<1x3x3x2xf32>, %y: tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x3x2xf32>) -> tensor<1x2x3x3xf32>
  %1 = q.mul %0, %y : (tensor<1x2x3x3xf32>, tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  return %1 : tensor<1x2x3x3xf32>
}

// One factor per channel is in no order at all (squeeze and excitation).
// CHECK-LABEL: func @channel_factors
// CHECK-NOT: q.transpose
// CHECK: %[[F:.*]] = q.reshape %arg1 : (tensor<1x2x1x1xf32>) -> tensor<1x1x1x2xf32>
// CHECK: q.mul %arg0, %[[F]]
func.func @channel_factors(%x: tensor<1x3x3x2xf32>, %f: tensor<1x2x1x1xf32>) -> tensor<1x3x3x2xf32> {
  %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x3x3x2xf32>) -> tensor<1x2x3x3xf32>
  %1 = q.mul %0, %f : (tensor<1x2x3x3xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %2 = q.transpose %1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x3x3xf32>) -> tensor<1x3x3x2xf32>
  return %2 : tensor<1x3x3x2xf32>
}

// A reshape that does not divide the extents evenly stays.
// CHECK-LABEL: func @uneven
// CHECK: q.transpose
// CHECK: q.reshape {{.*}} -> tensor<4x3xf32>
func.func @uneven(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %0 = q.transpose %x {perm = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %1 = q.reshape %0 : (tensor<3x4xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}
