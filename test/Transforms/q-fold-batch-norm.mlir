// RUN: qopt %s --q-fold-batch-norm --split-input-file | FileCheck %s
// RUN: qopt %s --q-fold-batch-norm=mode=absorb --split-input-file | FileCheck %s --check-prefix=ABSORB

// Rule N16: w' = g w / sqrt(v + eps), b' = s + (b - m) g / sqrt(v + eps), here
// with g / sqrt(v + eps) = 2 / sqrt(3 + 1) = 1 and -1 / sqrt(3 + 1) = -0.5.

// CHECK-LABEL: func @after_conv
// CHECK-DAG: %[[W:.*]] = q.const dense<{{.*}}3.000000e+00{{.*}}-2.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK-DAG: %[[B:.*]] = q.const dense<[9.500000e+00, 5.500000e+00]> : tensor<2xf32>
// CHECK: %[[Y:.*]] = q.conv2d %{{.*}}, %[[W]] bias %[[B]]
// CHECK-NOT: q.batch_norm
// CHECK: return %[[Y]]

// Rule N17: the weights stay, their scales are multiplied.
// ABSORB-LABEL: func @after_conv
// ABSORB-DAG: %[[W:.*]] = q.const dense<{{.*}}3.000000e+00{{.*}}4.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// ABSORB-DAG: %[[FACTOR:.*]] = q.const dense<{{.*}}1.000000e+00{{.*}}-5.000000e-01{{.*}}> : tensor<2x1x1x1xf32>
// ABSORB-DAG: %[[B:.*]] = q.const dense<[9.500000e+00, 5.500000e+00]> : tensor<2xf32>
// ABSORB: %[[SCALED:.*]] = q.mul %[[W]], %[[FACTOR]]
// ABSORB: q.conv2d %{{.*}}, %[[SCALED]] bias %[[B]]
func.func @after_conv(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32> {
  %w = q.const dense<[[[[3.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32>
  %b = q.const dense<[0.5, 1.0]> : tensor<2xf32>
  %g = q.const dense<[2.0, -1.0]> : tensor<2xf32>
  %s = q.const dense<[10.0, 5.0]> : tensor<2xf32>
  %m = q.const dense<[1.0, 2.0]> : tensor<2xf32>
  %v = q.const dense<3.0> : tensor<2xf32>
  %0 = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.batch_norm %0 scale %g shift %s mean %m variance %v {epsilon = 1.0 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  return %1 : tensor<1x4x4x2xf32>
}

// -----

// A layer without a bias gets one; gemm folds as convolutions do.
// CHECK-LABEL: func @after_gemm
// CHECK-DAG: %[[W:.*]] = q.const dense<{{\[}}[2.000000e+00, 4.000000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: %[[B:.*]] = q.const dense<-3.000000e+00> : tensor<1xf32>
// CHECK: q.gemm %{{.*}}, %[[W]] bias %[[B]]
func.func @after_gemm(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %w = q.const dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %g = q.const dense<2.0> : tensor<1xf32>
  %s = q.const dense<1.0> : tensor<1xf32>
  %m = q.const dense<2.0> : tensor<1xf32>
  %v = q.const dense<1.0> : tensor<1xf32>
  %0 = q.gemm %x, %w : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<3x1xf32>
  %1 = q.batch_norm %0 scale %g shift %s mean %m variance %v {epsilon = 0.0 : f32} : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}

// -----

// In front of a convolution without padding: w' = w a[c], b' = b + sum w s[c].
// CHECK-LABEL: func @before_conv
// CHECK-DAG: %[[W:.*]] = q.const dense<{{.*}}2.000000e+00, 6.000000e+00{{.*}}> : tensor<1x1x1x2xf32>
// CHECK-DAG: %[[B:.*]] = q.const dense<7.000000e+00> : tensor<1xf32>
// CHECK: q.conv2d %arg0, %[[W]] bias %[[B]]
func.func @before_conv(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32> {
  %w = q.const dense<[[[[1.0, 2.0]]]]> : tensor<1x1x1x2xf32>
  %g = q.const dense<[2.0, 3.0]> : tensor<2xf32>
  %s = q.const dense<[1.0, 3.0]> : tensor<2xf32>
  %m = q.const dense<0.0> : tensor<2xf32>
  %v = q.const dense<1.0> : tensor<2xf32>
  %0 = q.batch_norm %x scale %g shift %s mean %m variance %v {epsilon = 0.0 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x1xf32>
  return %1 : tensor<1x4x4x1xf32>
}

// -----

// Padding holds zeros, not shifted zeros, so this one cannot fold forward: it
// becomes a depthwise convolution.
// CHECK-LABEL: func @before_padded_conv
// CHECK: %[[N:.*]] = q.conv2d %arg0, %{{.*}} bias %{{.*}} {{{.*}}groups = 2
// CHECK: q.conv2d %[[N]], %{{.*}} pads = array<i64: 1, 1, 1, 1>
func.func @before_padded_conv(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32> {
  %w = q.const dense<1.0> : tensor<1x3x3x2xf32>
  %p = q.const dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = q.batch_norm %x scale %p shift %p mean %p variance %p {epsilon = 0.0 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<1x3x3x2xf32>) -> tensor<1x4x4x1xf32>
  return %1 : tensor<1x4x4x1xf32>
}

// -----

// A second use of the convolution's result needs it as it is.
// CHECK-LABEL: func @shared_conv
// CHECK: %[[C:.*]] = q.conv2d %arg0
// CHECK: %[[N:.*]] = q.conv2d %[[C]]
// CHECK: q.add %[[C]], %[[N]]
func.func @shared_conv(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %w = q.const dense<1.0> : tensor<2x1x1x2xf32>
  %p = q.const dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.batch_norm %0 scale %p shift %p mean %p variance %p {epsilon = 0.0 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %2 = q.add %0, %1 : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return %2 : tensor<1x4x4x2xf32>
}

// -----

// Factors and addends per channel are the same thing, and their clamp moves.
// CHECK-LABEL: func @scale_and_shift
// CHECK-DAG: %[[W:.*]] = q.const dense<{{.*}}3.000000e+00{{.*}}> : tensor<1x2xf32>
// CHECK-DAG: %[[B:.*]] = q.const dense<1.000000e+00> : tensor<1xf32>
// CHECK: q.gemm %{{.*}}, %[[W]] bias %[[B]] {clamp_min = 0.000000e+00 : f32}
// CHECK-NOT: q.mul
// CHECK-NOT: q.add
func.func @scale_and_shift(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %w = q.const dense<1.0> : tensor<1x2xf32>
  %three = q.const dense<3.0> : tensor<f32>
  %one = q.const dense<1.0> : tensor<1xf32>
  %0 = q.gemm %x, %w : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %1 = q.mul %three, %0 : (tensor<f32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %2 = q.add %1, %one {clamp_min = 0.0 : f32} : (tensor<1x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}

// -----

// Grouped: output channel o of group g meets the input channels of group g.
// CHECK-LABEL: func @before_grouped
// CHECK-DAG: q.const dense<{{.*}}2.000000e+00{{.*}}3.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK: q.conv2d %arg0
func.func @before_grouped(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %w = q.const dense<1.0> : tensor<2x1x1x1xf32>
  %f = q.const dense<[2.0, 3.0]> : tensor<2xf32>
  %0 = q.mul %x, %f : (tensor<1x4x4x2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x4x4x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x4x4x2xf32>
  return %1 : tensor<1x4x4x2xf32>
}

// -----

// Weights that the model came with keep their integers, but for the sign: the
// factors 1 and -0.5 go into their scales, in both modes.
// CHECK-LABEL: func @after_given
// CHECK-DAG: %[[W:.*]] = q.const dense<{{.*}}6{{.*}}-8{{.*}}> : tensor<2x1x1x1xi8> as tensor<2x1x1x1x!quant.uniform<i8:f32:0, {5.000000e-01,1.250000e-01}>>
// CHECK-DAG: %[[B:.*]] = q.const dense<[9.500000e+00, 5.500000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[REAL:.*]] = q.dequantize %[[W]]
// CHECK: q.conv2d %{{.*}}, %[[REAL]] bias %[[B]]
// CHECK-NOT: q.batch_norm
// ABSORB-LABEL: func @after_given
// ABSORB: !quant.uniform<i8:f32:0, {5.000000e-01,1.250000e-01}>
// ABSORB-NOT: q.mul
func.func @after_given(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x2xf32> {
  %i = q.const dense<[[[[6]]], [[[8]]]]> : tensor<2x1x1x1xi8> as tensor<2x1x1x1x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
  %w = q.dequantize %i : tensor<2x1x1x1x!quant.uniform<i8:f32:0, {0.5, 0.25}>> -> tensor<2x1x1x1xf32>
  %b = q.const dense<[0.5, 1.0]> : tensor<2xf32>
  %g = q.const dense<[2.0, -1.0]> : tensor<2xf32>
  %s = q.const dense<[10.0, 5.0]> : tensor<2xf32>
  %m = q.const dense<[1.0, 2.0]> : tensor<2xf32>
  %v = q.const dense<3.0> : tensor<2xf32>
  %0 = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %1 = q.batch_norm %0 scale %g shift %s mean %m variance %v {epsilon = 1.0 : f32} : (tensor<1x4x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  return %1 : tensor<1x4x4x2xf32>
}
