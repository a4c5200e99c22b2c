// RUN: qopt %s --q-plan-arena -split-input-file | FileCheck %s

// %a and %c never live together and share bytes; %b lives with both.
// CHECK-LABEL: func @share(
// CHECK-SAME: %[[ARENA:[^:]*]]: memref<192xi8> {q.arena}
// CHECK-SAME: q.arena_alignment = 64
// CHECK-SAME: q.arena_live_max = 192
// CHECK-SAME: q.arena_size = 192
func.func @share(%x: memref<100xi8>, %y: memref<100xi8>) {
  // CHECK-NOT: memref.alloc
  // CHECK: %[[A:.*]] = arith.constant [[PLACE:[0-9]+]] : index
  // CHECK: memref.view %[[ARENA]][%[[A]]][] : memref<192xi8> to memref<100xi8>
  %a = memref.alloc() : memref<100xi8>
  memref.copy %x, %a : memref<100xi8> to memref<100xi8>
  %b = memref.alloc() : memref<10xi32>
  call @use(%a, %b) : (memref<100xi8>, memref<10xi32>) -> ()
  // CHECK: call @use
  // CHECK: arith.constant [[PLACE]] : index
  %c = memref.alloc() : memref<100xi8>
  call @use(%c, %b) : (memref<100xi8>, memref<10xi32>) -> ()
  memref.copy %c, %y : memref<100xi8> to memref<100xi8>
  return
}
func.func private @use(memref<100xi8>, memref<10xi32>)

// -----

// A buffer lives as long as any view of it.
// CHECK-LABEL: func @alias(
// CHECK-SAME: q.arena_live_max = 256
func.func @alias(%y: memref<128xi8>) {
  %a = memref.alloc() : memref<128xi8>
  %v = memref.subview %a[0] [64] [1] : memref<128xi8> to memref<64xi8, strided<[1]>>
  %w = memref.cast %v : memref<64xi8, strided<[1]>> to memref<64xi8, strided<[1], offset: ?>>
  call @set(%a) : (memref<128xi8>) -> ()
  %b = memref.alloc() : memref<128xi8>
  call @set(%b) : (memref<128xi8>) -> ()
  call @read(%w) : (memref<64xi8, strided<[1], offset: ?>>) -> ()
  memref.copy %b, %y : memref<128xi8> to memref<128xi8>
  return
}
func.func private @set(memref<128xi8>)
func.func private @read(memref<64xi8, strided<[1], offset: ?>>)
