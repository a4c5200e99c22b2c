// A loop for each length of chains, as often as the table says; layers that
// differ in their counts alone share their function.
// RUN: qopt %s --lower-kernels | FileCheck %s

// CHECK-LABEL: func @two_layers
// CHECK: call @qk_conv(
// CHECK: call @qk_conv(
func.func @two_layers(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>,
                      %t: memref<6xi16>, %y: memref<4x16xi8>, %z: memref<4x16xi8>) {
  qk.conv %x weights %w bias %b multipliers %m chains %t into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>,
    panel_chains = #qk.panel_chains<lengths = [2, 0], reach = [30000, 0], counts = [1, 2]>,
    tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<6xi16>, memref<4x16xi8>) -> ()
  qk.conv %y weights %w bias %b multipliers %m chains %t into %z {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>,
    panel_chains = #qk.panel_chains<lengths = [2, 0], reach = [20000, 0], counts = [0, 4]>,
    tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<6xi16>, memref<4x16xi8>) -> ()
  return
}

// CHECK: func.func private @qk_conv(
// CHECK: %[[COUNT:.*]] = arith.index_castui %{{.*}} : i16 to index
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[COUNT]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK: arith.addi %{{.*}}, %{{.*}} : vector<16xi16>
// CHECK: %[[WIDE:.*]] = arith.index_castui %{{.*}} : i16 to index
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[WIDE]]
// CHECK-NOT: llvm.x86.avx2.pmadd.ub.sw
// CHECK: arith.shrui %{{.*}}, %{{.*}} : vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK-NOT: func.func private @qk_conv
