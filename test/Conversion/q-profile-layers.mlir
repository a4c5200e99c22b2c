// RUN: qopt %s --q-profile-layers --split-input-file --verify-diagnostics \
// RUN:   | FileCheck %s
// RUN: qopt %s --q-profile-layers=target=neon --split-input-file \
// RUN:   --verify-diagnostics | FileCheck %s --check-prefix=NEON

// The two ops of layer `first` share a counter.
// CHECK: module attributes {q.profile = "[{\22kernel\22:\22loops\22,\22macs\22:0,\22name\22:\22first\22},{{.*}}\22name\22:\22second\22}]"}
// CHECK: llvm.mlir.global external @q_profile(dense<0> : tensor<2xi64>)
// CHECK-LABEL: func @two_layers
// CHECK: %[[START:.*]] = llvm.call_intrinsic "llvm.readcyclecounter"
// NEON: llvm.call_intrinsic "llvm.readsteadycounter"
// CHECK: linalg.fill
// CHECK: memref.copy
// CHECK: %[[MIDDLE:.*]] = llvm.call_intrinsic "llvm.readcyclecounter"
// CHECK: %[[TICKS:.*]] = llvm.sub %[[MIDDLE]], %[[START]]
// CHECK: %[[SUM:.*]] = llvm.add %{{.*}}, %[[TICKS]]
// CHECK: llvm.store %[[SUM]]
// CHECK: linalg.fill
// CHECK: %[[END:.*]] = llvm.call_intrinsic "llvm.readcyclecounter"
// CHECK: llvm.sub %[[END]], %[[MIDDLE]]
func.func @two_layers(%x: memref<4xi8>, %y: memref<4xi8>) {
  %c = arith.constant 1 : i8
  linalg.fill ins(%c : i8) outs(%x : memref<4xi8>) loc("first")
  memref.copy %x, %y : memref<4xi8> to memref<4xi8> loc("first")
  linalg.fill ins(%c : i8) outs(%x : memref<4xi8>) loc("second")
  return
}

// -----

// Layers without names, or of one name, each have a counter of their own; what
// stands between them goes to the one before.
// CHECK: llvm.mlir.global external @q_profile(dense<0> : tensor<4xi64>)
// CHECK-LABEL: func @kernels
// CHECK: linalg.fill
// CHECK: llvm.readcyclecounter
// CHECK: qk.conv
// CHECK: linalg.fill
// CHECK: llvm.readcyclecounter
// CHECK: qk.conv
// CHECK: llvm.readcyclecounter
// CHECK: qk.conv
// CHECK: llvm.readcyclecounter
func.func @kernels(%x: memref<1x4x4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>,
                   %m: memref<16xf32>, %y: memref<1x4x4x16xi8>) {
  %c = arith.constant 1 : i8
  linalg.fill ins(%c : i8) outs(%x : memref<1x4x4x16xi8>)
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x4x4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x4x4x16xi8>) -> ()
  linalg.fill ins(%c : i8) outs(%x : memref<1x4x4x16xi8>)
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x4x4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x4x4x16xi8>) -> () loc("twice")
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x4x4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x4x4x16xi8>) -> () loc("twice")
  return
}

// -----

// expected-error @+1 {{has no layers on buffers to time; run this after bufferization, before lower-kernels}}
func.func @nothing() {
  return
}
