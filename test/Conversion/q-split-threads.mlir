// A network for several threads: what is large is shared, what is small is left
// to one thread, and barriers stand between.
// RUN: qopt %s --q-split-threads=threads=2 --split-input-file | FileCheck %s
// RUN: qopt %s --q-split-threads=threads=1 --split-input-file \
// RUN:   | FileCheck %s --check-prefix=ONE
// RUN: qopt %s --q-split-threads=threads=2 --q-vectorize-loops \
// RUN:   --split-input-file | FileCheck %s --check-prefix=VECTORS

// CHECK-LABEL: func @network(
// CHECK-SAME: %[[THREAD:[^:]*]]: index {q.thread}, %[[TEAM:[^:]*]]: index {q.team}
// CHECK-SAME: attributes {q.threads = 2 : i64}
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[THREAD]], %c0
// A kernel of 50 million products is worth both.
// CHECK: qk.conv
// CHECK-SAME: q.threads = 2 : i64
// CHECK-NEXT: call @GOMP_barrier() : () -> ()
// Rows [112 thread / team, 112 (thread + 1) / team).
// CHECK: %[[PRODUCT:.*]] = arith.muli %[[THREAD]], %c112
// CHECK: %[[BEGIN:.*]] = arith.divui %[[PRODUCT]], %[[TEAM]]
// CHECK: call @q_loops(
// CHECK-NEXT: call @GOMP_barrier()
// Both of these are left to thread 0, which needs no barrier between them.
// CHECK: scf.if %[[FIRST]] {
// CHECK-NEXT: call @q_loops_0(
// CHECK-NOT: GOMP_barrier
// CHECK: scf.if %[[FIRST]] {
// CHECK-NEXT: call @q_loops_1(
// The reader of what thread 0 has written waits for it.
// CHECK: call @GOMP_barrier()
// CHECK: call @q_loops_2(
// CHECK-NOT: GOMP_barrier
// CHECK: return
// CHECK: func.func private @GOMP_barrier()
// CHECK: func.func private @q_loops(%[[FROM:[^:]*]]: index, %[[TO:[^:]*]]: index, %[[SOURCE:[^:]*]]: memref<1x112x112x64xi8> {llvm.noalias}
// CHECK: scf.for %[[ROW:.*]] = %[[FROM]] to %[[TO]] step
// CHECK: memref.subview %[[SOURCE]][0, %[[ROW]], 0, 0] [1, 1, 112, 64]
// CHECK: linalg.copy
// ONE-NOT: GOMP_barrier
// ONE-NOT: scf
func.func @network(%x: memref<1x112x112x64xi8>, %w: memref<4096xi8>, %b: memref<64xi32>,
                   %m: memref<64xf32>, %t: memref<1x112x112x64xi8>,
                   %y: memref<1x112x112x64xi8>, %s: memref<8xi8>) {
  qk.conv %x weights %w bias %b multipliers %m into %t {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>,
    tile = array<i64: 4, 2>}
    : (memref<1x112x112x64xi8>, memref<4096xi8>, memref<64xi32>, memref<64xf32>, memref<1x112x112x64xi8>) -> ()
  linalg.copy ins(%t : memref<1x112x112x64xi8>) outs(%y : memref<1x112x112x64xi8>)
  %one = arith.constant 1 : i8
  linalg.fill ins(%one : i8) outs(%s : memref<8xi8>)
  linalg.fill ins(%one : i8) outs(%s : memref<8xi8>)
  linalg.copy ins(%y : memref<1x112x112x64xi8>) outs(%t : memref<1x112x112x64xi8>)
  return
}

// -----

// A window of three rows moves with the part of a thread.
// CHECK-LABEL: func @pool(
// CHECK: func.func private @q_loops(
// CHECK: scf.for %[[ROW:.*]] =
// CHECK: memref.subview %{{.*}}[0, %[[IN:[^,]*]], 0, 0]
// CHECK: linalg.pooling_nhwc_max_unsigned
func.func @pool(%x: memref<1x113x113x64xi8>, %window: memref<3x3xi8>,
                %y: memref<1x56x56x64xi8>) {
  linalg.pooling_nhwc_max_unsigned {strides = dense<2> : vector<2xi64>}
    ins(%x, %window : memref<1x113x113x64xi8>, memref<3x3xi8>) outs(%y : memref<1x56x56x64xi8>)
  return
}

// -----

// A network of small layers stays as it is: no runtime for nothing.
// CHECK-LABEL: func @small(
// CHECK-NOT: q.thread
// CHECK-NOT: GOMP_barrier
func.func @small(%s: memref<8xi8>) {
  %one = arith.constant 1 : i8
  linalg.fill ins(%one : i8) outs(%s : memref<8xi8>)
  return
}

// -----

// Only thread 0 counts time, of layers as the last thread leaves them.
// CHECK-LABEL: func @profiled(
// CHECK: call @q_loops(
// CHECK-NEXT: call @GOMP_barrier()
// CHECK: llvm.call_intrinsic "llvm.readcyclecounter"
// CHECK: scf.if
// CHECK-NEXT: llvm.load
// CHECK-NEXT: llvm.add
// CHECK-NEXT: llvm.store
// CHECK-NOT: GOMP_barrier
// CHECK: return
llvm.mlir.global external @q_profile(dense<0> : tensor<1xi64>) : !llvm.array<1 x i64>
func.func @profiled(%x: memref<112x112x64xi8>, %y: memref<112x112x64xi8>, %s: memref<8xi8>) {
  %one = arith.constant 1 : i8
  linalg.copy ins(%x : memref<112x112x64xi8>) outs(%y : memref<112x112x64xi8>)
  %now = llvm.call_intrinsic "llvm.readcyclecounter"() : () -> i64
  %base = llvm.mlir.addressof @q_profile : !llvm.ptr
  %before = llvm.load %base : !llvm.ptr -> i64
  %sum = llvm.add %before, %now : i64
  llvm.store %sum, %base : i64, !llvm.ptr
  linalg.fill ins(%one : i8) outs(%s : memref<8xi8>)
  return
}

// -----

// Of two views of one buffer nothing is promised.
// CHECK-LABEL: func @views(
// CHECK: func.func private @q_loops({{.*}}: memref<56x112x64xi8, strided<[7168, 64, 1]>>, %{{.*}}: memref<56x112x64xi8, strided<[7168, 64, 1], offset: 401408>>)
func.func @views(%x: memref<112x112x64xi8>) {
  %a = memref.subview %x[0, 0, 0] [56, 112, 64] [1, 1, 1]
    : memref<112x112x64xi8> to memref<56x112x64xi8, strided<[7168, 64, 1]>>
  %b = memref.subview %x[56, 0, 0] [56, 112, 64] [1, 1, 1]
    : memref<112x112x64xi8> to memref<56x112x64xi8, strided<[7168, 64, 1], offset: 401408>>
  linalg.copy ins(%a : memref<56x112x64xi8, strided<[7168, 64, 1]>>)
    outs(%b : memref<56x112x64xi8, strided<[7168, 64, 1], offset: 401408>>)
  return
}

// -----

// The part of a thread begins where only the running code knows, and is a loop
// of vectors nevertheless, with a table whose entries are known.
// VECTORS-LABEL: func @function(
// VECTORS: func.func private @q_loops(%[[FROM:[^:]*]]: index, %[[TO:[^:]*]]: index
// VECTORS: scf.for %{{.*}} = %[[FROM]] to %[[TO]]
// VECTORS-NOT: linalg
// VECTORS: vector.load {{.*}} vector<64xi8>
// VECTORS: "llvm.x86.avx2.pshuf.b"
memref.global "private" constant @sevens : memref<256xi8> = dense<7>
#same = affine_map<(d0, d1) -> (d0, d1)>
func.func @function(%x: memref<4096x64xi8>, %y: memref<4096x64xi8>) {
  %table = memref.get_global @sevens : memref<256xi8>
  linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4096x64xi8>) outs(%y : memref<4096x64xi8>) {
  ^bb0(%in: i8, %out: i8):
    %i = arith.index_castui %in : i8 to index
    %0 = memref.load %table[%i] : memref<256xi8>
    linalg.yield %0 : i8
  }
  return
}

// -----

// A transposition is cut where its tiles of 16 x 16 end.
// CHECK-LABEL: func @transposition(
// CHECK: func.func private @q_loops(
// CHECK: memref.subview %{{.*}} [16, 4096] [1, 1]
#turned = affine_map<(d0, d1) -> (d1, d0)>
#straight = affine_map<(d0, d1) -> (d0, d1)>
func.func @transposition(%x: memref<4096x64xi8>, %y: memref<64x4096xi8>) {
  linalg.generic {indexing_maps = [#turned, #straight], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4096x64xi8>) outs(%y : memref<64x4096xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  }
  return
}

// -----

// A part of a gather of channels is one too, of rows from the thread's first on.
// VECTORS-LABEL: func @gather(
// VECTORS: scf.for %[[ROW:.*]] = %{{.*}} to
// VECTORS: memref.subview %{{.*}}[0, %[[ROW]], 0, 0] [1, 1, 56, 64]
// VECTORS-NOT: linalg
// VECTORS: vector.load {{.*}} vector<16xi8>
// VECTORS: "llvm.x86.avx2.pshuf.b"
// VECTORS-NOT: memref.load
memref.global "private" constant @odd_first : memref<32xi32> = dense<[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]>
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @gather(%x: memref<1x56x56x64xi8>, %y: memref<1x56x56x32xi8>) {
  %t = memref.get_global @odd_first : memref<32xi32>
  %c0 = arith.constant 0 : index
  linalg.generic {indexing_maps = [#map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      outs(%y : memref<1x56x56x32xi8>) {
  ^bb0(%out: i8):
    %b = linalg.index 1 : index
    %c = linalg.index 2 : index
    %d = linalg.index 3 : index
    %e = memref.load %t[%d] : memref<32xi32>
    %p = arith.index_castui %e : i32 to index
    %v = memref.load %x[%c0, %b, %c, %p] : memref<1x56x56x64xi8>
    linalg.yield %v : i8
  }
  return
}
