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

// expected-error @+1 {{has no layers on buffers to time; run this after bufferization, before lower-kernels}}
func.func @nothing() {
  return
}
