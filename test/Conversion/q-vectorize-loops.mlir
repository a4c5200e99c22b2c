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

// What a place in a table is computed from leaves the vectors first, and then
// is computed for each lane: LLVM loads single bytes and folds the sum into the
// address of an entry.
// CHECK-LABEL: func @table_by_row
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK-COUNT-64: vector.extract
// CHECK-NOT: vector.extract
// CHECK: %[[ROW:.*]] = arith.index_castui
// CHECK: arith.subi %{{.*}}, %[[ROW]] : index
// CHECK: %[[AT:.*]] = arith.addi {{.*}} : index
// CHECK: memref.load %{{.*}}[%[[AT]]] : memref<300xi32>
// CHECK: vector.from_elements {{.*}} : vector<32xi32>
memref.global "private" constant @wide : memref<300xi32> = dense<5>
#all = affine_map<(d0, d1) -> (d0, d1)>
#one = affine_map<(d0, d1) -> (d0)>
func.func @table_by_row(%x: memref<3x32xi8>, %m: memref<3xi8>, %y: memref<3x32xi32>) {
  %t = memref.get_global @wide : memref<300xi32>
  %c255 = arith.constant 255 : index
  linalg.generic {indexing_maps = [#all, #one, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %m : memref<3x32xi8>, memref<3xi8>) outs(%y : memref<3x32xi32>) {
  ^bb0(%in: i8, %max: i8, %out: i32):
    %0 = arith.index_castui %max : i8 to index
    %1 = arith.subi %c255, %0 : index
    %2 = arith.index_castui %in : i8 to index
    %3 = arith.addi %1, %2 : index
    %4 = memref.load %t[%3] : memref<300xi32>
    linalg.yield %4 : i32
  }
  return
}

// -----

// Rows of two elements, of every second pair of them, times one value a row, go
// in vectors of sixteen rows; the results lie in pairs as well.
// CHECK-LABEL: func @short_rows
// CHECK: scf.for {{.*}} to %c3
// CHECK-COUNT-2: vector.load {{.*}} vector<32xi8>
// CHECK: vector.shuffle {{.*}} [0, 1, 4, 5, 8, 9,
// CHECK: vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle {{.*}} [0, 0, 1, 1, 2, 2, {{.*}} 15, 15]
// CHECK: arith.muli {{.*}} : vector<32xi8>
// CHECK-COUNT-16: vector.store {{.*}} vector<2xi8>
// Two rows are left.
// CHECK: vector.shuffle {{.*}} [0, 1, {{.*}}] : {{.*}}
// CHECK: arith.muli {{.*}} : vector<4xi8>
#pairs = affine_map<(d0, d1) -> (d0, d1)>
#one = affine_map<(d0, d1) -> (d0)>
func.func @short_rows(%x: memref<50x4xi8>, %s: memref<50xi8>, %y: memref<50x4xi8>) {
  %in = memref.subview %x[0, 0] [50, 2] [1, 1] : memref<50x4xi8> to memref<50x2xi8, strided<[4, 1]>>
  %out = memref.subview %y[0, 2] [50, 2] [1, 1] : memref<50x4xi8> to memref<50x2xi8, strided<[4, 1], offset: 2>>
  linalg.generic {indexing_maps = [#pairs, #one, #pairs], iterator_types = ["parallel", "parallel"]}
      ins(%in, %s : memref<50x2xi8, strided<[4, 1]>>, memref<50xi8>)
      outs(%out : memref<50x2xi8, strided<[4, 1], offset: 2>>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %0 = arith.muli %a, %b : i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// Sums stay in registers: a vector of them, then a half and a single element.
// CHECK-LABEL: func @sums
// CHECK: scf.for {{.*}} to %c4
// CHECK: %[[BEFORE:.*]] = memref.load
// CHECK: %[[SUMS:.*]] = scf.for {{.*}} to %c2{{.*}} iter_args(%{{.*}} = %cst{{.*}}) -> (vector<32xi32>)
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK: %[[SUM:.*]] = vector.reduction <add>, %[[SUMS]], %[[BEFORE]] : vector<32xi32> into i32
// CHECK: vector.reduction <add>, %{{.*}}, %[[SUM]] : vector<16xi32> into i32
// CHECK: %[[LAST:.*]] = arith.addi {{.*}} : i32
// CHECK: memref.store %[[LAST]]
// An extremum is for LLVM to vectorize.
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (i8)
// CHECK: arith.maxui
#all = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @sums(%x: memref<4x81xi8>, %s: memref<4xi32>, %m: memref<4xi8>) {
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x81xi8>) outs(%s : memref<4xi32>) {
  ^bb0(%in: i8, %out: i32):
    %0 = arith.extui %in : i8 to i32
    %1 = arith.addi %0, %out : i32
    linalg.yield %1 : i32
  }
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x81xi8>) outs(%m : memref<4xi8>) {
  ^bb0(%in: i8, %out: i8):
    %0 = arith.maxui %in, %out : i8
    linalg.yield %0 : i8
  }
  return
}

// -----

// Bytes at constant places of a row, from the two blocks of sixteen that hold
// them; the second block ends with the row.
// CHECK-LABEL: func @gather
// CHECK: scf.for {{.*}} to %c6
// CHECK: vector.load {{.*}} : memref<120xi8{{.*}}>, vector<16xi8>
// CHECK: "llvm.x86.ssse3.pshuf.b.128"
// CHECK: %[[ROW:.*]] = arith.addi %{{.*}}, %c4
// CHECK: vector.load %{{.*}}[%[[ROW]]] : memref<120xi8{{.*}}>, vector<16xi8>
// CHECK: %[[BYTES:.*]] = arith.ori
// CHECK: vector.store %[[BYTES]], {{.*}} vector<16xi8>
// CHECK-NOT: memref.load
// NEON-LABEL: func @gather
// NEON-COUNT-2: "llvm.aarch64.neon.tbl1.v16i8"
memref.global "private" constant @places : memref<16xi32> = dense<[1, 19, 18, 3, 17, 5, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15]>
#of_rows = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @gather(%x: memref<1x2x3x20xi8>, %y: memref<1x2x3x16xi8>) {
  %t = memref.get_global @places : memref<16xi32>
  %c0 = arith.constant 0 : index
  linalg.generic {indexing_maps = [#of_rows], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      outs(%y : memref<1x2x3x16xi8>) {
  ^bb0(%out: i8):
    %1 = linalg.index 1 : index
    %2 = linalg.index 2 : index
    %3 = linalg.index 3 : index
    %4 = memref.load %t[%3] : memref<16xi32>
    %5 = arith.index_castui %4 : i32 to index
    %6 = memref.load %x[%c0, %1, %2, %5] : memref<1x2x3x20xi8>
    linalg.yield %6 : i8
  }
  return
}

// -----

// Sums over rows and places of elements are left to the loop vectorizer.
// CHECK-LABEL: func @left_alone
// CHECK-COUNT-2: linalg.generic
#id = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1)>
func.func @left_alone(%x: memref<4x32xi8>, %s: memref<32xi8>, %y: memref<4x32xi32>) {
  linalg.generic {indexing_maps = [#id, #columns], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<4x32xi8>) outs(%s : memref<32xi8>) {
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
