// Which 3x3 layers become Winograd convolutions, and what the IR says of it.
// RUN: qopt %s --convert-q-to-kernels --split-input-file | FileCheck %s
// RUN: qopt %s --convert-q-to-kernels=winograd=always --split-input-file \
// RUN:   | FileCheck %s --check-prefix=ALWAYS
// RUN: qopt %s --convert-q-to-kernels=winograd=off --split-input-file \
// RUN:   | FileCheck %s --check-prefix=OFF
// RUN: qopt %s --convert-q-to-kernels=target=neon --split-input-file \
// RUN:   | FileCheck %s --check-prefix=OFF
// RUN: qopt %s --convert-q-to-kernels='target=avx512vnni winograd=always' \
// RUN:   --split-input-file | FileCheck %s --check-prefix=VNNI
// VNNI: qk.winograd
// VNNI-SAME: micro_kernel = #qk.micro_kernel<vpdpwssd512>
// OFF-NOT: winograd
// OFF-NOT: why_direct

!x = tensor<1x14x14x32x!quant.uniform<u8:f32, 0.5:3>>
!w = tensor<16x3x3x32x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x14x14x16x!quant.uniform<u8:f32, 100.0>>

// The accumulators reach from 288 * (0 - 3) to 288 * (255 - 3).
// CHECK-LABEL: func @chosen
// CHECK: qk.winograd
// CHECK-SAME: micro_kernel = #qk.micro_kernel<pmaddwd>
// CHECK-SAME: tile = array<i64: 4, 32>
// CHECK-SAME: winograd_proof = #qk.winograd_proof<acc_min = -864, acc_max = 72576, cycles = {{[0-9]+}}, direct_cycles = {{[0-9]+}}>
// CHECK-SAME: tensor<4608xi8>
func.func @chosen(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<16x3x3x32xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 1 : i64} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x14x14x128x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x3x3x128x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x14x14x16x!quant.uniform<u8:f32, 100.0>>

// 1152 * 255 * 127 is more than 2^25.
// CHECK-LABEL: func @not_proven
// CHECK: qk.conv
// CHECK-SAME: why_direct = "winograd: its accumulators reach [0, 37307520], beyond [-33554432, 33554431]"
// ALWAYS-LABEL: func @not_proven
// ALWAYS: qk.conv
func.func @not_proven(%x: !x) -> !y {
  %w = q.const dense<127> : tensor<16x3x3x128xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 1 : i64} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x3x3x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x3x3x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x3x3x16x!quant.uniform<u8:f32, 100.0>>

// One tile is not worth the transform of its weights.
// CHECK-LABEL: func @not_faster
// CHECK: qk.conv
// CHECK-SAME: why_direct = "winograd: it would take {{[0-9]+}} cycles instead of {{[0-9]+}}"
// ALWAYS-LABEL: func @not_faster
// ALWAYS: qk.winograd
func.func @not_faster(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<16x3x3x16xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 1 : i64} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x14x14x32x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x3x3x32x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x7x7x16x!quant.uniform<u8:f32, 100.0>>

// A stride of 2 has no Winograd form, which needs no saying.
// CHECK-LABEL: func @stride
// CHECK: qk.conv
// CHECK-NOT: why_direct
// ALWAYS-LABEL: func @stride
// ALWAYS: qk.conv
func.func @stride(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<16x3x3x32xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 1 : i64} : (!x, !w) -> !y
  return %y : !y
}
