// Two Winograd layers of equal shape share a function, whatever their proofs.
// RUN: qopt %s --lower-kernels | FileCheck %s

// CHECK-LABEL: func @two_layers
// Data, weights, input rows and sums.
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<2304xi16>
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<10368xi16>
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<864xi8>
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<1152xi32>
// CHECK: call @qk_winograd(
// CHECK: call @qk_winograd(
func.func @two_layers(%x: memref<1x7x7x16xi8>, %w0: memref<2304xi8>, %w1: memref<2304xi8>,
                      %b: memref<16xi32>, %m: memref<16xf32>,
                      %y: memref<1x7x7x16xi8>, %z: memref<1x7x7x16xi8>) {
  qk.winograd %x weights %w0 bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    winograd_proof = #qk.winograd_proof<acc_min = -5, acc_max = 5, cycles = 1, direct_cycles = 2>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 1, 16>}
    : (memref<1x7x7x16xi8>, memref<2304xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  qk.winograd %y weights %w1 bias %b multipliers %m into %z {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    winograd_proof = #qk.winograd_proof<acc_min = -6, acc_max = 6, cycles = 3, direct_cycles = 4>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 1, 16>}
    : (memref<1x7x7x16xi8>, memref<2304xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  return
}

// CHECK: func.func private @qk_winograd(
// Data and weights widen and are multiplied; 576^-1 without its powers of two,
// modulo 2^32, and a shift by those bring the sums back.
// CHECK: arith.extui {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK: %[[INVERSE:.*]] = arith.constant dense<954437177> : vector<8xi32>
// CHECK: %[[SCALED:.*]] = arith.muli %{{.*}}, %[[INVERSE]]
// CHECK: %[[SUM:.*]] = arith.addi %[[SCALED]], %{{.*}}
// CHECK: %[[SHIFT:.*]] = arith.constant dense<6> : vector<8xi32>
// CHECK: arith.shrsi %[[SUM]], %[[SHIFT]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.packuswb"
// CHECK-NOT: func.func private @qk_winograd
