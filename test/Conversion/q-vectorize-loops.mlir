// RUN: qopt %s --q-vectorize-loops --split-input-file | FileCheck %s
// RUN: qopt %s --q-vectorize-loops=target=avx512vnni --split-input-file \
// RUN:   | FileCheck %s --check-prefix=AVX512
// RUN: qopt %s --q-vectorize-loops=target=neon --split-input-file \
// RUN:   | FileCheck %s --check-prefix=NEON

// Loops over contiguous memory become one: 2 x 3 x 35 = 210 elements are 6
// vectors of 32, one of 16 and two single elements.
// CHECK-LABEL: func @contiguous
// CHECK-NOT: linalg.generic
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %c6{{.*}} step
// CHECK: arith.muli %{{.*}}, %c32
// CHECK-NEXT: vector.load {{.*}} : memref<210xi8>, vector<32xi8>
// CHECK: arith.maxui {{.*}} : vector<32xi8>
// CHECK: vector.store
// CHECK: vector.load %{{.*}}[%c192{{.*}}] : memref<210xi8>, vector<16xi8>
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %c2{{.*}} step
// CHECK: memref.load
// CHECK: arith.maxui {{.*}} : i8
// CHECK: memref.store
// AVX512-LABEL: func @contiguous
// AVX512: vector.load {{.*}} : memref<210xi8>, vector<64xi8>
#map3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @contiguous(%x: memref<2x3x35xi8>, %y: memref<2x3x35xi8>) {
  %c3 = arith.constant 3 : i8
  linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<2x3x35xi8>) outs(%y : memref<2x3x35xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.maxui %in, %c3 : i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// One value a position is loaded once and is the same in all lanes.
// CHECK-LABEL: func @broadcast
// CHECK: scf.for {{.*}} to %c5
// CHECK: %[[ONE:.*]] = memref.load
// CHECK: vector.broadcast %[[ONE]] : i8 to vector<32xi8>
#map = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @broadcast(%x: memref<5x32xi8>, %s: memref<5xi8>, %y: memref<5x32xi8>) {
  linalg.generic {indexing_maps = [#map, #row, #map], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<5x32xi8>, memref<5xi8>) outs(%y : memref<5x32xi8>) {
  ^bb0(%in: i8, %scale: i8, %out: i8):
    %0 = arith.minsi %in, %scale : i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// A step from 7 to 9 at index 128: two shuffles for the pieces that differ from
// the one before, and no others.
// CHECK-LABEL: func @table
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// CHECK: arith.subi
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// CHECK-NOT: pshuf.b"(%{{.*}}: vector<32xi8>
// AVX512-LABEL: func @table
// AVX512: "llvm.x86.avx512.pshuf.b.512"
// NEON-LABEL: func @table
// NEON: "llvm.aarch64.neon.tbl4.v16i8"
// NEON-COUNT-3: "llvm.aarch64.neon.tbx4.v16i8"
memref.global "private" constant @step : memref<256xi8> = dense<"0x07070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909">
#map1 = affine_map<(d0) -> (d0)>
func.func @table(%x: memref<64xi8>, %y: memref<64xi8>) {
  %t = memref.get_global @step : memref<256xi8>
  linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel"]}
      ins(%x : memref<64xi8>) outs(%y : memref<64xi8>) {
  ^bb0(%in: i8, %out: i8):
    %i = arith.index_castui %in : i8 to index
    %0 = memref.load %t[%i] : memref<256xi8>
    linalg.yield %0 : i8
  }
  return
}

// -----

// Three planes of an image become pixels of three channels.
// CHECK-LABEL: func @interleave
// CHECK-COUNT-3: vector.load {{.*}} vector<32xf32>
// CHECK: vector.shuffle {{.*}} : vector<128xi8>, vector<128xi8>
// CHECK: vector.store {{.*}} vector<96xi8>
#nchw = affine_map<(d0, d1, d2) -> (d2, d0, d1)>
#nhwc = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @interleave(%x: memref<3x8x8xf32>, %y: memref<8x8x3xi8>) {
  linalg.generic {indexing_maps = [#nchw, #nhwc], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x8x8xf32>) outs(%y : memref<8x8x3xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.fptosi %in : f32 to i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// Two channels of each group go to different places. The second load ends with
// the last element, so that nothing behind it is touched.
// CHECK-LABEL: func @strided
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK: %c31
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK: vector.shuffle {{.*}} [0, 2, 4, {{.*}} 30, 33, 35, {{.*}} 63] : vector<64xi8>
// CHECK: vector.store {{.*}} vector<32xi8>
#groups = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
#same = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @strided(%x: memref<7x32x2xi8>, %y: memref<7x2x32xi8>) {
  linalg.generic {indexing_maps = [#groups, #same], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<7x32x2xi8>) outs(%y : memref<7x2x32xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  }
  return
}

// -----

// Backwards, a quarter of the elements.
// CHECK-LABEL: func @backwards
// CHECK-COUNT-4: vector.load {{.*}} vector<8xi16>
// CHECK: vector.shuffle {{.*}} [31, 27, 20, 16, 12, 8, 4, 0] : vector<32xi16>
#every = affine_map<(d0) -> (d0 * -4 + 28)>
#line = affine_map<(d0) -> (d0)>
func.func @backwards(%x: memref<29xi16>, %y: memref<8xi16>) {
  linalg.generic {indexing_maps = [#every, #line], iterator_types = ["parallel"]}
      ins(%x : memref<29xi16>) outs(%y : memref<8xi16>) {
  ^bb0(%in: i16, %out: i16):
    linalg.yield %in : i16
  }
  return
}

// -----

// Slices that begin where only the running code knows: parts of a thread.
// CHECK-LABEL: func @dynamic_offset
// CHECK: %[[BASE:.*]], %[[OFFSET:.*]], %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [%[[OFFSET]]], sizes: [64], strides: [1]
// CHECK: vector.load {{.*}} : memref<64xi8, strided<[1], offset: ?>>, vector<32xi8>
#pair = affine_map<(d0, d1) -> (d0, d1)>
func.func @dynamic_offset(%x: memref<8x32xi8>, %y: memref<2x32xi8>, %i: index) {
  %s = memref.subview %x[%i, 0] [2, 32] [1, 1] : memref<8x32xi8> to memref<2x32xi8, strided<[32, 1], offset: ?>>
  linalg.generic {indexing_maps = [#pair, #pair], iterator_types = ["parallel", "parallel"]}
      ins(%s : memref<2x32xi8, strided<[32, 1], offset: ?>>) outs(%y : memref<2x32xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  }
  return
}

// -----

// Tiles of 16 x 16; those at the end of 49 reach back over their neighbours.
// CHECK-LABEL: func @square
// CHECK: scf.for {{.*}} to %c3
// CHECK-COUNT-16: vector.load {{.*}} vector<16xi8>
// CHECK-COUNT-64: vector.shuffle {{.*}} : vector<16xi8>, vector<16xi8>
// CHECK-COUNT-16: vector.store {{.*}} vector<16xi8>
// CHECK: %c33
#turn = affine_map<(d0, d1) -> (d1, d0)>
#keep = affine_map<(d0, d1) -> (d0, d1)>
func.func @square(%x: memref<49x32xi8>, %y: memref<32x49xi8>) {
  linalg.generic {indexing_maps = [#turn, #keep], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<49x32xi8>) outs(%y : memref<32x49xi8>) {
  ^bb0(%in: i8, %out: i8):
    linalg.yield %in : i8
  }
  return
}

// -----

// Each lane looks into a table of its own accord where registers do not hold it.
// CHECK-LABEL: func @wide_table
// CHECK: %[[INDEX:.*]] = arith.addi {{.*}} : vector<32xi16>
// CHECK: %[[LANE:.*]] = vector.extract %[[INDEX]][31]
// CHECK: %[[AT:.*]] = arith.index_castui %[[LANE]]
// CHECK: %[[ENTRY:.*]] = memref.load %{{.*}}[%[[AT]]] : memref<300xi32>
// CHECK: vector.from_elements {{.*}}, %[[ENTRY]] : vector<32xi32>
memref.global "private" constant @wide : memref<300xi32> = dense<5>
#each = affine_map<(d0) -> (d0)>
func.func @wide_table(%x: memref<32xi8>, %y: memref<32xi32>) {
  %t = memref.get_global @wide : memref<300xi32>
  %c40 = arith.constant 40 : i16
  linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel"]}
      ins(%x : memref<32xi8>) outs(%y : memref<32xi32>) {
  ^bb0(%in: i8, %out: i32):
    %0 = arith.extui %in : i8 to i16
    %1 = arith.addi %0, %c40 : i16
    %i = arith.index_castui %1 : i16 to index
    %2 = memref.load %t[%i] : memref<300xi32>
    linalg.yield %2 : i32
  }
  return
}

// -----

// Sums and places of elements are left to the loop vectorizer.
// CHECK-LABEL: func @left_alone
// CHECK-COUNT-2: linalg.generic
#id = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @left_alone(%x: memref<4x32xi8>, %s: memref<4xi8>, %y: memref<4x32xi32>) {
  linalg.generic {indexing_maps = [#id, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x32xi8>) outs(%s : memref<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.addi %in, %out : i8
    linalg.yield %0 : i8
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<4x32xi32>) {
  ^bb0(%out: i32):
    %i = linalg.index 1 : index
    %0 = arith.index_cast %i : index to i32
    linalg.yield %0 : i32
  }
  return
}
