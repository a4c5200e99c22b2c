// Kernels that several threads share: which loop, with which scratch, and who
// calls them.
// RUN: qopt %s --q-split-threads="threads=2 thread-work=1" --lower-kernels \
// RUN:   --canonicalize --split-input-file | FileCheck %s

// A 1x1 layer of many pixels shares its blocks. Each thread has scratch of its
// own: its part of one buffer.
// CHECK-LABEL: func @pixels(
// CHECK-SAME: %[[THREAD:[^:]*]]: index {q.thread}, %[[TEAM:[^:]*]]: index {q.team}
// CHECK: %[[ALL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<{{[0-9]+}}xi8>
// CHECK: %[[AT:.*]] = arith.muli %[[THREAD]], %c
// CHECK: memref.view %[[ALL]][%[[AT]]][] : {{.*}} to memref<[[SCRATCH:[0-9]+]]xi16>
// CHECK: %[[THREADS:.*]] = arith.minui %[[TEAM]], %c2
// CHECK: call @qk_conv({{.*}}, %[[THREAD]], %[[THREADS]])
// CHECK: func.func private @qk_conv({{.*}}: memref<[[SCRATCH]]xi16> {llvm.noalias}, {{.*}}: i32, %[[OWN:.*]]: index, %[[SIZE:.*]]: index)
// CHECK: %[[PRODUCT:.*]] = arith.muli %[[OWN]]
// CHECK: arith.divui %[[PRODUCT]], %[[SIZE]]
// CHECK: scf.for
func.func @pixels(%x: memref<1x32x32x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>,
                  %m: memref<16xf32>, %y: memref<1x32x32x16xi8>) {
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x32x32x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x32x32x16xi8>) -> ()
  return
}

// -----

// One pixel of one panel cannot be shared: thread 0 calls the kernel, which is
// that of one thread.
// CHECK-LABEL: func @one_panel(
// CHECK-SAME: %[[THREAD:[^:]*]]: index {q.thread}
// CHECK: %[[FIRST:.*]] = arith.cmpi ult, %[[THREAD]],
// CHECK: scf.if %[[FIRST]] {
// CHECK: func.call @qk_conv({{.*}}) : ({{.*}}, i32) -> ()
func.func @one_panel(%x: memref<1x1x1x1024xi8>, %w: memref<16384xi8>, %b: memref<16xi32>,
                     %m: memref<16xf32>, %y: memref<1x1x1x16xi8>) {
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x1x1x1024xi8>, memref<16384xi8>, memref<16xi32>, memref<16xf32>, memref<1x1x1x16xi8>) -> ()
  return
}

// -----

// A Winograd kernel of two rows of tiles shares the panels: each thread has
// transformed data, transformed weights, input rows and sums of its own.
// CHECK-LABEL: func @winograd(
// CHECK: %[[ALL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<{{[0-9]+}}xi8>
// CHECK-NOT: memref.alloc
// CHECK: memref.view %[[ALL]]{{.*}} to memref<[[DATA:[0-9]+]]xi16>
// CHECK: memref.view %[[ALL]]{{.*}} to memref<[[WEIGHTS:[0-9]+]]xi16>
// CHECK-COUNT-2: memref.view %[[ALL]]
// CHECK: call @qk_winograd({{.*}} : ({{.*}}, index, index) -> ()
// CHECK: func.func private @qk_winograd({{.*}}: memref<[[DATA]]xi16> {llvm.noalias}, %{{.*}}: memref<[[WEIGHTS]]xi16> {llvm.noalias}
func.func @winograd(%x: memref<1x7x7x16xi8>, %w: memref<4608xi8>, %b: memref<32xi32>,
                    %m: memref<32xf32>, %y: memref<1x7x7x32xi8>) {
  qk.winograd %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    winograd_proof = #qk.winograd_proof<acc_min = -5, acc_max = 5, cycles = 1, direct_cycles = 2>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 1, 16>}
    : (memref<1x7x7x16xi8>, memref<4608xi8>, memref<32xi32>, memref<32xf32>, memref<1x7x7x32xi8>) -> ()
  return
}
