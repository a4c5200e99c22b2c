// Narrow weights that meet a single pixel are unpacked in registers, without their
// sign: four sums of two products of 255 and 15 at most fit int16, for 2 bits
// eight of 255 and 3. On NEON eight products of -128 and 15 do.
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels | FileCheck %s
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels=target=avx512vnni | FileCheck %s --check-prefix=VNNI
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels=target=neon | FileCheck %s --check-prefix=NEON
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels=target=i8mm | FileCheck %s --check-prefix=I8MM

!x = tensor<1x256x!quant.uniform<u8:f32, 0.5:3>>
!w = tensor<64x256x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x64x!quant.uniform<u8:f32, 3.0:10>>
// CHECK-LABEL: func @packed_weights
// CHECK: chain = #qk.chain<length = 4, amax = 255, pair_sum = 30, chain_sum = 120>
// CHECK-SAME: weight_bits = 4 : i64
// CHECK: chain = #qk.chain<length = 8, amax = 255, pair_sum = 6, chain_sum = 48>
// CHECK-SAME: weight_bits = 2 : i64
// CHECK: qk.conv
// CHECK-NOT: weight_bits
// VNNI-LABEL: func @packed_weights
// VNNI: micro_kernel = #qk.micro_kernel<vpdpbusd>
// VNNI-SAME: weight_bits = 4 : i64
// VNNI: weight_bits = 2 : i64
// NEON-LABEL: func @packed_weights
// NEON: signed_chain = #qk.signed_chain<length = 8, lo = -128, hi = 127, sum_min = -15360, sum_max = 15240>
// NEON-SAME: weight_bits = 4 : i64
// NEON: signed_chain = #qk.signed_chain<length = 8, lo = -128, hi = 127, sum_min = -3072, sum_max = 3048>
// NEON-SAME: weight_bits = 2 : i64
// NEON: qk.conv
// NEON-NOT: weight_bits
// I8MM-LABEL: func @packed_weights
// I8MM: micro_kernel = #qk.micro_kernel<usdot>
// I8MM-SAME: weight_bits = 4 : i64
// I8MM: weight_bits = 2 : i64
func.func @packed_weights(%x: !x) -> (!y, !y, !y) {
  %w4 = q.const dense<-7> : tensor<64x256xi8> as !w
  %w2 = q.const dense<1> : tensor<64x256xi8> as !w
  %w8 = q.const dense<8> : tensor<64x256xi8> as !w
  %y4 = q.gemm %x, %w4 : (!x, !w) -> !y
  %y2 = q.gemm %x, %w2 : (!x, !w) -> !y
  %y8 = q.gemm %x, %w8 : (!x, !w) -> !y
  return %y4, %y2, %y8 : !y, !y, !y
}
