// RUN: qopt %s --q-fuse-residual --split-input-file | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25>
!y = !quant.uniform<u8:f32, 1.0>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// CHECK-LABEL: func @fused
// CHECK: %[[R:.*]] = q.unary
// CHECK: %[[Y:.*]] = q.conv2d %arg0, %{{.*}} residual %[[R]] {clamp_min = 0.000000e+00 : f32, {{.*}}intermediate = !quant.uniform<u8:f32, 5.000000e-01:3>{{.*}}zero_point_folded} {{.*}} -> tensor<1x4x4x2x!quant.uniform<u8:f32, 1.000000e+00>>
// CHECK-NEXT: return %[[Y]]
func.func @fused(%x: tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!y> {
  %w = q.const dense<1> : tensor<2x1x1x2xi8> as tensor<2x1x1x2x!wt>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, zero_point_folded} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!a>
  // The residual may come after the convolution.
  %1 = q.unary abs %x : (tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  %2 = q.add %1, %0 {clamp_min = 0.0 : f32} : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!a>) -> tensor<1x4x4x2x!y>
  return %2 : tensor<1x4x4x2x!y>
}

// -----

!b = !quant.uniform<u8:f32, 0.25>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// Of two convolutions the later one takes the other's result.
// CHECK-LABEL: func @two
// CHECK: %[[FIRST:.*]] = q.conv2d %arg0, %{{[0-9]+}} {
// CHECK: q.conv2d %arg1, %{{[0-9]+}} residual %[[FIRST]]
// CHECK-NOT: q.add
func.func @two(%x: tensor<1x4x4x2x!b>, %z: tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b> {
  %w = q.const dense<1> : tensor<2x1x1x2xi8> as tensor<2x1x1x2x!wt>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %1 = q.conv2d %z, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %2 = q.add %0, %1 : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  return %2 : tensor<1x4x4x2x!b>
}

// -----

!b = !quant.uniform<u8:f32, 0.25>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// A clamp between the two, a second use, or a broadcast keeps them apart.
// CHECK-LABEL: func @apart
// CHECK-COUNT-3: q.add
// CHECK: return
func.func @apart(%x: tensor<1x4x4x2x!b>, %c: tensor<1x1x1x2x!b>) -> (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) {
  %w = q.const dense<1> : tensor<2x1x1x2xi8> as tensor<2x1x1x2x!wt>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %1 = q.add %0, %x : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  %2 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %3 = q.add %2, %x : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  %4 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %5 = q.add %4, %c : (tensor<1x4x4x2x!b>, tensor<1x1x1x2x!b>) -> tensor<1x4x4x2x!b>
  return %1, %2, %3, %5 : tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>
}

// -----

!b = !quant.uniform<u8:f32, 0.25>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// Bounds of channels go with the addition's clamp; those of a convolution keep
// it apart.
// CHECK-LABEL: func @bounds
// CHECK: q.conv2d {{.*}} residual {{.*}} {channel_max = array<f32: 1.000000e+00, 2.000000e+00>,
// CHECK: q.conv2d {{.*}} {channel_max = array<f32: 3.000000e+00, 4.000000e+00>,
// CHECK: q.add
func.func @bounds(%x: tensor<1x4x4x2x!b>) -> (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) {
  %w = q.const dense<1> : tensor<2x1x1x2xi8> as tensor<2x1x1x2x!wt>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %1 = q.add %0, %x {channel_max = array<f32: 1.0, 2.0>} : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  %2 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, channel_max = array<f32: 3.0, 4.0>} : (tensor<1x4x4x2x!b>, tensor<2x1x1x2x!wt>) -> tensor<1x4x4x2x!b>
  %3 = q.add %2, %x : (tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>) -> tensor<1x4x4x2x!b>
  return %1, %3 : tensor<1x4x4x2x!b>, tensor<1x4x4x2x!b>
}
