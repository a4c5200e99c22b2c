// RUN: qopt %s --q-fuse-activations --split-input-file | FileCheck %s

// CHECK-LABEL: func @clamp
// CHECK: %[[Y:.*]] = q.gemm {{.*}} {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32}
// CHECK-NEXT: return %[[Y]]
func.func @clamp(%x: tensor<3x2xf32>, %w: tensor<4x2xf32>) -> tensor<3x4xf32> {
  %0 = q.gemm %x, %w : (tensor<3x2xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  %1 = q.clamp %0 {clamp_min = 0.0 : f32} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = q.clamp %1 {clamp_max = 6.0 : f32} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// Bounds after bounds: [0, 6] and then [8, 9] is 8 everywhere.
// CHECK-LABEL: func @disjoint_bounds
// CHECK: q.add {{.*}} {clamp_max = 8.000000e+00 : f32, clamp_min = 8.000000e+00 : f32}
func.func @disjoint_bounds(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = q.add %x, %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.clamp %0 {clamp_min = 8.0 : f32, clamp_max = 9.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// Who else reads the sum must not see it clamped.
// CHECK-LABEL: func @second_use
// CHECK: q.add %arg0, %arg0 :
// CHECK: q.clamp
func.func @second_use(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.clamp %0 {clamp_min = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Through ops that choose among elements, into every input.
// CHECK-LABEL: func @through_concat
// CHECK-COUNT-2: q.add {{.*}} {clamp_min = 0.000000e+00 : f32}
// CHECK: %[[C:.*]] = q.concat
// CHECK: %[[R:.*]] = q.reshape %[[C]]
// CHECK: return %[[R]]
func.func @through_concat(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = q.concat %0, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %3 = q.reshape %2 : (tensor<8xf32>) -> tensor<2x4xf32>
  %4 = q.clamp %3 {clamp_min = 0.0 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %4 : tensor<2x4xf32>
}

// -----

// A border of zeros must survive: [1, 6] would make it ones.
// CHECK-LABEL: func @border_outside_bounds
// CHECK: q.pad
// CHECK: q.clamp
func.func @border_outside_bounds(%x: tensor<4xf32>) -> tensor<6xf32> {
  %0 = q.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = q.pad %0 {low = array<i64: 1>, high = array<i64: 1>} : (tensor<4xf32>) -> tensor<6xf32>
  %2 = q.clamp %1 {clamp_min = 1.0 : f32, clamp_max = 6.0 : f32} : (tensor<6xf32>) -> tensor<6xf32>
  return %2 : tensor<6xf32>
}

// -----

// CHECK-LABEL: func @pad_into_conv
// CHECK-NOT: q.pad
// CHECK: q.conv2d %arg0, %{{.*}} pads = array<i64: 1, 0, 1, 3>
func.func @pad_into_conv(%x: tensor<1x4x4x1xf32>, %w: tensor<1x3x3x1xf32>) -> tensor<1x4x5x1xf32> {
  %0 = q.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 1, 2, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x6x6x1xf32>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x1xf32>, tensor<1x3x3x1xf32>) -> tensor<1x4x5x1xf32>
  return %1 : tensor<1x4x5x1xf32>
}

// -----

// The border counts in the mean.
// CHECK-LABEL: func @pad_into_average
// CHECK-NOT: q.pad
// CHECK: q.avg_pool2d %arg0 {count_include_pad, {{.*}}pads = array<i64: 1, 1, 1, 1>
func.func @pad_into_average(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32> {
  %0 = q.pad %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x6x6x1xf32>
  %1 = q.avg_pool2d %0 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x1xf32>) -> tensor<1x4x4x1xf32>
  return %1 : tensor<1x4x4x1xf32>
}

// -----

// Padding of a max pool never wins. A border of zeros does not either where
// nothing is negative, but might elsewhere.
// CHECK-LABEL: func @pad_into_max
// CHECK: q.max_pool2d %{{.*}} pads = array<i64: 1, 1, 1, 1>
// CHECK: q.pad
// CHECK: q.max_pool2d %{{.*}} pads = array<i64: 0, 0, 0, 0>
func.func @pad_into_max(%x: tensor<1x4x4x1xf32>) -> (tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>) {
  %0 = q.mul %x, %x {clamp_min = 0.0 : f32} : (tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32>
  %1 = q.pad %0 {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x6x6x1xf32>
  %2 = q.max_pool2d %1 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x1xf32>) -> tensor<1x4x4x1xf32>
  %3 = q.pad %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>} : (tensor<1x4x4x1xf32>) -> tensor<1x6x6x1xf32>
  %4 = q.max_pool2d %3 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x1xf32>) -> tensor<1x4x4x1xf32>
  return %2, %4 : tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>
}
