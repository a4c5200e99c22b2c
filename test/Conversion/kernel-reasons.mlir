// Why a layer multiplies words: which pairs of its weights forbid vpmaddubsw.
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels | FileCheck %s
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels=target=avx512vnni \
// RUN:   | FileCheck %s --check-prefix=VNNI

!x = tensor<1x4x!quant.uniform<u8:f32, 0.5>>
!w = tensor<2x4x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x2x!quant.uniform<u8:f32, 3.0>>

// Every pair is too large; the last is so by one.
// CHECK-LABEL: func @words
// CHECK: qk.conv {{.*}}micro_kernel = #qk.micro_kernel<pmaddwd>
// CHECK-SAME: why_words = "vpmaddubsw: 4 of 4 pairs of weights reach up to 255 x 254, beyond 32767"
// VNNI-LABEL: func @words
// VNNI-NOT: why_words
func.func @words(%x: !x) -> !y {
  %w = q.const dense<[[127, 127, -127, -127], [100, 100, 64, 65]]> : tensor<2x4xi8> as !w
  %y = q.gemm %x, %w {zero_point_folded} : (!x, !w) -> !y
  return %y : !y
}

// Nothing forbids it, so there is nothing to explain.
// CHECK-LABEL: func @bytes
// CHECK: qk.conv
// CHECK-NOT: why_words
// CHECK: return
func.func @bytes(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<2x4xi8> as !w
  %y = q.gemm %x, %w {zero_point_folded} : (!x, !w) -> !y
  return %y : !y
}
