// RUN: qopt %s --q-prove-accumulators=per-channel --split-input-file --verify-diagnostics | FileCheck %s

!act = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>
!bias = !quant.uniform<i32:f32:0, {0.125, 0.0625}>

// Every product at its extreme: 7 + 255 * (10 + 20), 7 + 255 * (-4) to 7 + 255 * 1.
// CHECK-LABEL: func @layer
// CHECK: q.gemm {{.*}}acc_max = array<i64: 7657, 262>, acc_min = array<i64: 7, -1013>, acc_partial_range = array<i64: -1020, 7657>, acc_range = array<i64: -1013, 7657>
func.func @layer(%x: tensor<1x2x!act>) -> tensor<1x2x!act> {
  %w = q.const dense<[[10, 20], [-4, 1]]> : tensor<2x2xi8> as tensor<2x2x!wt>
  %b = q.const dense<7> : tensor<2xi32> as tensor<2x!bias>
  %0 = q.gemm %x, %w bias %b {zero_point_folded} : (tensor<1x2x!act>, tensor<2x2x!wt>, tensor<2x!bias>) -> tensor<1x2x!act>
  return %0 : tensor<1x2x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// The producer's clamp [0, 5] leaves storage values 0 to 10, also through ops
// that move bits.
// CHECK-LABEL: func @clamped_input
// CHECK: q.gemm {{.*}}acc_range = array<i64: 0, 200>
func.func @clamped_input(%x: tensor<2x!act>) -> tensor<1x1x!act> {
  %w = q.const dense<10> : tensor<1x2xi8> as tensor<1x2x!wt>
  %0 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 5.0 : f32} : (tensor<2x!act>) -> tensor<2x!act>
  %1 = q.reshape %0 : (tensor<2x!act>) -> tensor<1x2x!act>
  %2 = q.gemm %1, %w {zero_point_folded} : (tensor<1x2x!act>, tensor<1x2x!wt>) -> tensor<1x1x!act>
  return %2 : tensor<1x1x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:100>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// Unfolded, a factor is q - Zx; padding holds Zx, which is 0 then.
// CHECK-LABEL: func @padded
// CHECK: q.conv2d {{.*}}acc_range = array<i64: 0, 90>
func.func @padded(%x: tensor<1x3x3x1x!act>) -> tensor<1x3x3x1x!act> {
  %w = q.const dense<1> : tensor<1x3x3x1xi8> as tensor<1x3x3x1x!wt>
  %0 = q.clamp %x {clamp_min = 2.5 : f32, clamp_max = 5.0 : f32} : (tensor<1x3x3x1x!act>) -> tensor<1x3x3x1x!act>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x3x3x1x!act>, tensor<1x3x3x1x!wt>) -> tensor<1x3x3x1x!act>
  return %1 : tensor<1x3x3x1x!act>
}

// -----

!act = !quant.uniform<u8:f32, 0.5:3>

// Sums of pools, and products of two activations.
// CHECK-LABEL: func @sums
// CHECK: q.avg_pool2d {{.*}}acc_range = array<i64: -12, 1008>
// CHECK: q.matmul {{.*}}acc_range = array<i64: -3024, 254016>
func.func @sums(%x: tensor<1x2x2x4x!act>, %a: tensor<2x4x!act>, %b: tensor<4x2x!act>) -> (tensor<1x1x1x4x!act>, tensor<2x2x!act>) {
  %0 = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x4x!act>) -> tensor<1x1x1x4x!act>
  %1 = q.matmul %a, %b : (tensor<2x4x!act>, tensor<4x2x!act>) -> tensor<2x2x!act>
  return %0, %1 : tensor<1x1x1x4x!act>, tensor<2x2x!act>
}

// -----

!act = !quant.uniform<u16:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

// CHECK-LABEL: func @wide
// CHECK: q.gemm {{.*}}acc_range = array<i64: 0, 2496883500>
func.func @wide(%x: tensor<1x300x!act>) -> tensor<1x1x!act> {
  %w = q.const dense<127> : tensor<1x300xi8> as tensor<1x300x!wt>
  // expected-remark@+1 {{accumulates in int64, as [0, 2496883500] is beyond int32 (rule N8); that is slow}}
  %0 = q.gemm %x, %w {zero_point_folded} : (tensor<1x300x!act>, tensor<1x300x!wt>) -> tensor<1x1x!act>
  return %0 : tensor<1x1x!act>
}

// -----

!act = !quant.uniform<u16:f32, 0.5>
!wt = !quant.uniform<i8<-127:127>:f32, 0.25>

module attributes {q.rounding = "gemmlowp"} {
  func.func @overflow(%x: tensor<1x300x!act>) -> tensor<1x1x!act> {
    %w = q.const dense<127> : tensor<1x300xi8> as tensor<1x300x!wt>
    // expected-error@+1 {{needs an accumulator beyond int32, which gemmlowp does not have: output channel 0 reaches [0, 2496883500] (rule N8); use the rounding mode single}}
    %0 = q.gemm %x, %w {zero_point_folded} : (tensor<1x300x!act>, tensor<1x300x!wt>) -> tensor<1x1x!act>
    return %0 : tensor<1x1x!act>
  }
}
