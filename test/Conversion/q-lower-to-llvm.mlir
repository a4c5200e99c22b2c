// RUN: qopt %s --q-lower-to-llvm="name=net" | FileCheck %s
// RUN: qopt %s --q-lower-to-loops="kernels=false" | FileCheck %s --check-prefix=LOOPS

!a = !quant.uniform<u8:f32, 0.5:3>
!w = !quant.uniform<i8<-127:127>:f32, 0.25>

// Nothing but LLVM is left, and only the interface is visible.
// CHECK-NOT: unrealized_conversion_cast
// CHECK: llvm.mlir.global external constant @net_info
// CHECK: llvm.func internal @net_body
// CHECK: llvm.func @net_run

// LOOPS-LABEL: func @main(
// LOOPS-SAME: memref<1x4x4x8xf32>
// LOOPS-SAME: memref<1x4x4x8xf32> {q.output
// LOOPS-SAME: q.arena
// LOOPS-NOT: memref.alloc
// LOOPS-NOT: linalg.
// LOOPS: scf.for
func.func @main(%x: tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %0 = q.quantize %x : tensor<1x4x4x8xf32> -> tensor<1x4x4x8x!a>
  %w = q.const dense<1> : tensor<8x1x1x8xi8> as tensor<8x1x1x8x!w>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x8x!a>, tensor<8x1x1x8x!w>) -> tensor<1x4x4x8x!a>
  %2 = q.add %0, %1 : (tensor<1x4x4x8x!a>, tensor<1x4x4x8x!a>) -> tensor<1x4x4x8x!a>
  %3 = q.dequantize %2 : tensor<1x4x4x8x!a> -> tensor<1x4x4x8xf32>
  return %3 : tensor<1x4x4x8xf32>
}
