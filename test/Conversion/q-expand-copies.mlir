// RUN: qopt %s --q-expand-copies | FileCheck %s

// CHECK-LABEL: func @copy
// CHECK-NOT: memref.copy
// CHECK: linalg.copy
func.func @copy(%x: memref<4xi8>, %y: memref<4xi8>) {
  memref.copy %x, %y : memref<4xi8> to memref<4xi8>
  return
}

// Two ways to see the same bytes: nothing to copy.
// CHECK-LABEL: func @itself
// CHECK-NOT: copy
// CHECK: return
func.func @itself(%x: memref<1x9x2xi8>) {
  %part = memref.subview %x[0, 3, 0] [1, 6, 2] [1, 1, 1] : memref<1x9x2xi8> to memref<1x6x2xi8, strided<[18, 2, 1], offset: 6>>
  %flat = memref.collapse_shape %part [[0, 1, 2]] : memref<1x6x2xi8, strided<[18, 2, 1], offset: 6>> into memref<12xi8, strided<[1], offset: 6>>
  %same = memref.expand_shape %flat [[0, 1, 2]] output_shape [1, 6, 2] : memref<12xi8, strided<[1], offset: 6>> into memref<1x6x2xi8, strided<[12, 2, 1], offset: 6>>
  memref.copy %same, %part : memref<1x6x2xi8, strided<[12, 2, 1], offset: 6>> to memref<1x6x2xi8, strided<[18, 2, 1], offset: 6>>
  return
}

// The same shape and steps, but elsewhere.
// CHECK-LABEL: func @neighbour
// CHECK: linalg.copy
func.func @neighbour(%x: memref<4xi8>) {
  %a = memref.subview %x[0] [2] [1] : memref<4xi8> to memref<2xi8, strided<[1]>>
  %b = memref.subview %x[2] [2] [1] : memref<4xi8> to memref<2xi8, strided<[1], offset: 2>>
  memref.copy %a, %b : memref<2xi8, strided<[1]>> to memref<2xi8, strided<[1], offset: 2>>
  return
}
