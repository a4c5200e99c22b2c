// Panels whose products meet in int16 in an order of their own: long chains
// first, groups that are not safe last.
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels | FileCheck %s
// RUN: qopt %s --q-prove-int16-chains --convert-q-to-kernels=target=avxvnni | FileCheck %s --check-prefix=VNNI

!x = tensor<4x32x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x32x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<4x8x!quant.uniform<u8:f32, 3.0>>

// Groups 0 to 3 hold weights of 100, which are not safe; two chains of 2 groups
// of weights of 16 reach 255 * 64. The table has the counts and where the
// activations of each group lie.
// CHECK-LABEL: func @mixed
// CHECK-DAG: arith.constant dense<[2, 4, 16, 20, 24, 28, 0, 4, 8, 12]> : tensor<10xi16>
// CHECK: qk.conv {{.*}} chains %{{.*}} into
// CHECK-SAME: micro_kernel = #qk.micro_kernel<pmaddubsw>
// CHECK-SAME: panel_chains = #qk.panel_chains<lengths = [2, 0], reach = [16320, 0], counts = [2, 4]>
// VNNI-LABEL: func @mixed
// VNNI-NOT: panel_chains
func.func @mixed(%x: !x) -> !y {
  %w = q.const dense<[
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16],
    [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]
    ]> : tensor<8x32xi8> as !w
  %y = q.gemm %x, %w : (!x, !w) -> !y
  return %y : !y
}
