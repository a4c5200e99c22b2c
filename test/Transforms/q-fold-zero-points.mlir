// RUN: qopt %s --q-fold-zero-points --split-input-file --verify-diagnostics | FileCheck %s

!act = !quant.uniform<u8:f32, 0.5:3>
!zero = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>
!bias = !quant.uniform<i32:f32:0, {0.125, 0.0625}>

// Rule N6: b' = b - Zx sum(qw) = 7 - 3 * (10 + 20), 7 - 3 * (-4 + 1).
// CHECK-LABEL: func @biased
// CHECK: %[[B:.*]] = q.const dense<[-83, 16]> : tensor<2xi32>
// CHECK: q.gemm %arg0, %{{.*}} bias %[[B]] {zero_point_folded}
func.func @biased(%x: tensor<1x2x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<[[10, 20], [-4, 1]]> : tensor<2x2xi8> as tensor<2x2x!wt>
  %b = q.const dense<7> : tensor<2xi32> as tensor<2x!bias>
  %0 = q.gemm %x, %w bias %b : (tensor<1x2x!act>, tensor<2x2x!wt>, tensor<2x!bias>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:3>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// A layer without a bias gets one, of scale Sx Sw.
// CHECK-LABEL: func @unbiased
// CHECK: %[[B:.*]] = q.const dense<[-90, 9]> : tensor<2xi32> as tensor<2x!quant.uniform<i32:f32:0, {1.250000e-01,6.250000e-02}>>
// CHECK: q.gemm %arg0, %{{.*}} bias %[[B]] {zero_point_folded}
func.func @unbiased(%x: tensor<1x2x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<[[10, 20], [-4, 1]]> : tensor<2x2xi8> as tensor<2x2x!wt>
  %0 = q.gemm %x, %w : (tensor<1x2x!act>, tensor<2x2x!wt>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!zero = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>

// Nothing to fold, which is as good as folded.
// CHECK-LABEL: func @no_zero_point
// CHECK: q.gemm %arg0, %{{[0-9]+}} {zero_point_folded}
func.func @no_zero_point(%x: tensor<1x2x!zero>) -> tensor<1x2x!zero> {
  %w = q.const dense<[[10, 20], [-4, 1]]> : tensor<2x2xi8> as tensor<2x2x!wt>
  %0 = q.gemm %x, %w : (tensor<1x2x!zero>, tensor<2x2x!wt>) -> tensor<1x2x!zero>
  return %0 : tensor<1x2x!zero>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:3>
!wt = !quant.uniform<i8:f32:0, {0.25:1, 0.125:0}>

// Weights with a zero point of their own: the row sums depend on the data.
// CHECK-LABEL: func @weight_zero_point
// CHECK-NOT: zero_point_folded
func.func @weight_zero_point(%x: tensor<1x2x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<1> : tensor<2x2xi8> as tensor<2x2x!wt>
  %0 = q.gemm %x, %w : (tensor<1x2x!act>, tensor<2x2x!wt>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:255>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25}>
!bias = !quant.uniform<i32:f32:0, {0.125}>

// CHECK-LABEL: func @overflow
// CHECK-NOT: zero_point_folded
func.func @overflow(%x: tensor<1x2x!act>) -> tensor<1x1x!act> {
  %w = q.const dense<127> : tensor<1x2xi8> as tensor<1x2x!wt>
  %b = q.const dense<-2147483600> : tensor<1xi32> as tensor<1x!bias>
  // expected-remark@+1 {{keeps its zero point: the bias of channel 0 would become -2147548370, which int32 cannot hold (rules N6, N8)}}
  %0 = q.gemm %x, %w bias %b : (tensor<1x2x!act>, tensor<1x2x!wt>, tensor<1x!bias>) -> tensor<1x1x!act>
  return %0 : tensor<1x1x!act>
}
