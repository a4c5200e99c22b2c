// A kernel op on buffers becomes a call; equal layers share their function.
// RUN: qopt %s --lower-kernels | FileCheck %s

// CHECK-LABEL: func @two_layers
// CHECK-SAME: (%[[X:.*]]: memref<1x2x2x16xi8>, %[[W0:.*]]: memref<256xi8>, %[[W1:.*]]: memref<256xi8>
func.func @two_layers(%x: memref<1x2x2x16xi8>, %w0: memref<256xi8>, %w1: memref<256xi8>,
                      %b: memref<16xi32>, %m: memref<16xf32>,
                      %y: memref<1x2x2x16xi8>, %z: memref<1x2x2x16xi8>) {
  // CHECK: %[[FLAT:.*]] = memref.collapse_shape %[[X]]
  // CHECK: %[[SCRATCH:.*]] = memref.alloc() {alignment = 64 : i64} : memref<80xi16>
  // CHECK: call @qk_conv(%[[FLAT]], %[[W0]], %{{.*}}, %{{.*}}, %{{.*}}, %[[SCRATCH]])
  qk.conv %x weights %w0 bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x2x2x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x2x2x16xi8>) -> ()
  // CHECK: call @qk_conv(%{{.*}}, %[[W1]],
  qk.conv %y weights %w1 bias %b multipliers %m into %z {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x2x2x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x2x2x16xi8>) -> ()
  return
}

// CHECK: func.func private @qk_conv(
// CHECK: arith.extui {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK: vector.fma
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.packuswb"
// CHECK-NOT: func.func private @qk_conv
