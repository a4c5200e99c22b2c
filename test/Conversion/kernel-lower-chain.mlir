// Chains of vpmaddubsw; layers that differ in the numbers of a proof alone share
// their function, and a pointwise layer of unsigned values reads its input where
// it lies.
// RUN: qopt %s --lower-kernels | FileCheck %s

// CHECK-LABEL: func @two_layers
// CHECK-SAME: (%[[X:.*]]: memref<1x2x2x16xi8>
// CHECK-NOT: memref.alloc
// CHECK: call @qk_conv(
// CHECK: call @qk_conv(
func.func @two_layers(%x: memref<1x2x2x16xi8>, %w0: memref<256xi8>, %w1: memref<256xi8>,
                      %b: memref<16xi32>, %m: memref<16xf32>,
                      %y: memref<1x2x2x16xi8>, %z: memref<1x2x2x16xi8>) {
  qk.conv %x weights %w0 bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>,
    chain = #qk.chain<length = 2, amax = 255, pair_sum = 60, chain_sum = 120>,
    tile = array<i64: 4, 2>}
    : (memref<1x2x2x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x2x2x16xi8>) -> ()
  qk.conv %y weights %w1 bias %b multipliers %m into %z {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>,
    chain = #qk.chain<length = 2, amax = 200, pair_sum = 70, chain_sum = 128>,
    tile = array<i64: 4, 2>}
    : (memref<1x2x2x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x2x2x16xi8>) -> ()
  return
}

// Two sums of pairs are added in int16 before they are widened.
// CHECK: func.func private @qk_conv(
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK: arith.addi %{{.*}}, %{{.*}} : vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%{{.*}}, %{{.*}}) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// CHECK-NOT: func.func private @qk_conv
