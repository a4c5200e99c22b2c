// A kernel op on buffers becomes a call. Layers share their function if they
// differ in no more than constants and the numbers of their storage.
// RUN: qopt %s --lower-kernels --split-input-file | FileCheck %s

// CHECK-LABEL: func @two_layers
// CHECK-SAME: (%[[X:.*]]: memref<1x2x2x16xi8>, %[[W0:.*]]: memref<256xi8>, %[[W1:.*]]: memref<256xi8>
func.func @two_layers(%x: memref<1x2x2x16xi8>, %w0: memref<256xi8>, %w1: memref<256xi8>,
                      %b: memref<16xi32>, %m: memref<16xf32>,
                      %y: memref<1x2x2x16xi8>, %z: memref<1x2x2x16xi8>) {
  // CHECK: %[[FLAT:.*]] = memref.collapse_shape %[[X]]
  // CHECK: %[[SCRATCH:.*]] = memref.alloc() {alignment = 64 : i64} : memref<80xi16>
  // Zero point 0, bounds 0 and 255, a byte each.
  // CHECK: %[[NUMBERS:.*]] = arith.constant 16711680 : i32
  // CHECK: call @qk_conv(%[[FLAT]], %[[W0]], %{{.*}}, %{{.*}}, %{{.*}}, %[[SCRATCH]], %[[NUMBERS]])
  qk.conv %x weights %w0 bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x2x2x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x2x2x16xi8>) -> ()
  // Zero point 7.
  // CHECK: %[[OTHERS:.*]] = arith.constant 16711687 : i32
  // CHECK: call @qk_conv(%{{.*}}, %[[W1]], {{.*}}, %[[OTHERS]])
  qk.conv %y weights %w1 bias %b multipliers %m into %z {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 7, lo = 0, hi = 255>,
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

// -----

// A depthwise layer widens its weights when it is called; a missing row is read
// from a padded pixel; sums of three output columns are carried along a row.
// CHECK-LABEL: func @depthwise
// CHECK-DAG: %[[PIXEL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<16xi8>
// CHECK-DAG: %[[WEIGHTS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<384xi16>
// CHECK: call @qk_depthwise({{.*}}, %[[PIXEL]], %[[WEIGHTS]], %{{.*}})
// CHECK: func.func private @qk_depthwise({{.*}}) attributes {passthrough = ["noinline", "nounwind"], q.keeps_loops}
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: vector.shuffle
// CHECK: arith.select {{.*}} : memref<?xi8, strided<[1], offset: ?>>
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
func.func @depthwise(%x: memref<1x6x6x16xi8>, %w: memref<144xi8>, %b: memref<16xi32>,
                     %m: memref<16xf32>, %y: memref<1x6x6x16xi8>) {
  qk.depthwise %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 16 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 2, 2>}
    : (memref<1x6x6x16xi8>, memref<144xi8>, memref<16xi32>, memref<16xf32>, memref<1x6x6x16xi8>) -> ()
  return
}
