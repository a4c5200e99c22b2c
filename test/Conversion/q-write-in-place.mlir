// RUN: qopt %s --q-outputs-to-arguments --q-write-in-place | FileCheck %s --check-prefix=TENSOR
// RUN: qopt %s --q-outputs-to-arguments --q-write-in-place \
// RUN:   --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// RUN:   --canonicalize --cse --canonicalize --q-expand-copies | FileCheck %s --check-prefix=BUFFER

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// The destination of insertions is created before what is inserted, so that
// nothing is copied.
// BUFFER-LABEL: func @insertion(
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: linalg.copy
// BUFFER: linalg.fill
// BUFFER: memref.subview
// BUFFER: linalg.generic
// BUFFER: return
func.func @insertion(%x: tensor<2x3xi8>) -> tensor<4x5xi8> {
  %e = tensor.empty() : tensor<2x3xi8>
  %0 = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<2x3xi8>) outs(%e : tensor<2x3xi8>) {
  ^bb0(%in: i8, %out: i8):
    %1 = arith.addi %in, %in : i8
    linalg.yield %1 : i8
  } -> tensor<2x3xi8>
  %c = arith.constant 7 : i8
  %b = tensor.empty() : tensor<4x5xi8>
  %f = linalg.fill ins(%c : i8) outs(%b : tensor<4x5xi8>) -> tensor<4x5xi8>
  %r = tensor.insert_slice %0 into %f[1, 1] [2, 3] [1, 1] : tensor<2x3xi8> into tensor<4x5xi8>
  return %r : tensor<4x5xi8>
}

// Two concatenations of one shape, of which the second reads the first, in
// tensors of their own; parts that are put together and then surrounded by a
// border are written there at once.
// TENSOR-LABEL: func @concatenations(
// TENSOR: %[[PLACE:.*]] = tensor.extract_slice %[[E:.*]][0, 0] [2, 4] [1, 1] : tensor<2x8xi8>
// TENSOR: %[[A:.*]] = linalg.add {{.*}} outs(%[[PLACE]] : tensor<2x4xi8>)
// TENSOR: %[[FIRST:.*]] = tensor.insert_slice %[[A]] into %[[E]][0, 0] [2, 4] [1, 1]
// TENSOR: %[[PLACE:.*]] = tensor.extract_slice %[[FIRST]][0, 4] [2, 4] [1, 1]
// TENSOR: linalg.mul {{.*}} outs(%[[PLACE]] : tensor<2x4xi8>)
// TENSOR-NOT: tensor<2x8xi8> into tensor<4x10xi8>
// TENSOR: tensor.insert_slice {{.*}}[1, 1] [2, 4] [1, 1] {{.*}} into tensor<4x10xi8>
// TENSOR: tensor.insert_slice {{.*}}[1, 5] [2, 4] [1, 1] {{.*}} into tensor<4x10xi8>
// BUFFER-LABEL: func @concatenations(
// BUFFER: memref.alloc() {{.*}} : memref<2x8xi8>
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: linalg.copy
// BUFFER: return
func.func @concatenations(%x: tensor<2x4xi8>) -> tensor<4x10xi8> {
  %e = tensor.empty() : tensor<2x4xi8>
  %w = tensor.empty() : tensor<2x8xi8>
  %a = linalg.add ins(%x, %x : tensor<2x4xi8>, tensor<2x4xi8>) outs(%e : tensor<2x4xi8>) -> tensor<2x4xi8>
  %b = linalg.mul ins(%x, %x : tensor<2x4xi8>, tensor<2x4xi8>) outs(%e : tensor<2x4xi8>) -> tensor<2x4xi8>
  %0 = tensor.insert_slice %a into %w[0, 0] [2, 4] [1, 1] : tensor<2x4xi8> into tensor<2x8xi8>
  %1 = tensor.insert_slice %b into %0[0, 4] [2, 4] [1, 1] : tensor<2x4xi8> into tensor<2x8xi8>
  %left = tensor.extract_slice %1[0, 1] [2, 4] [1, 1] : tensor<2x8xi8> to tensor<2x4xi8>
  %right = tensor.extract_slice %1[0, 3] [2, 4] [1, 1] : tensor<2x8xi8> to tensor<2x4xi8>
  %c = linalg.add ins(%left, %right : tensor<2x4xi8>, tensor<2x4xi8>) outs(%e : tensor<2x4xi8>) -> tensor<2x4xi8>
  %d = linalg.mul ins(%left, %right : tensor<2x4xi8>, tensor<2x4xi8>) outs(%e : tensor<2x4xi8>) -> tensor<2x4xi8>
  %2 = tensor.insert_slice %c into %w[0, 0] [2, 4] [1, 1] : tensor<2x4xi8> into tensor<2x8xi8>
  %3 = tensor.insert_slice %d into %2[0, 4] [2, 4] [1, 1] : tensor<2x4xi8> into tensor<2x8xi8>
  %seven = arith.constant 7 : i8
  %p = tensor.empty() : tensor<4x10xi8>
  %f = linalg.fill ins(%seven : i8) outs(%p : tensor<4x10xi8>) -> tensor<4x10xi8>
  %r = tensor.insert_slice %3 into %f[1, 1] [2, 8] [1, 1] : tensor<2x8xi8> into tensor<4x10xi8>
  return %r : tensor<4x10xi8>
}

// Parts that another shape is inserted of: as views of the place they go to,
// where its elements lie one behind the other.
// BUFFER-LABEL: func @reshaped(
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: linalg.copy
// BUFFER: %[[PART:.*]] = memref.subview {{.*}}[0, 6, 0] [1, 3, 2] [1, 1, 1]
// BUFFER: %[[FLAT:.*]] = memref.collapse_shape %[[PART]]
// BUFFER: %[[PLACE:.*]] = memref.expand_shape %[[FLAT]]
// BUFFER: linalg.mul {{.*}} outs(%[[PLACE]] : memref<2x3xi8
// BUFFER-NOT: linalg.copy
// BUFFER: return
func.func @reshaped(%x: tensor<4x3xi8>, %y: tensor<2x3xi8>) -> tensor<1x9x2xi8> {
  %e = tensor.empty() : tensor<4x3xi8>
  %f = tensor.empty() : tensor<2x3xi8>
  %a = linalg.add ins(%x, %x : tensor<4x3xi8>, tensor<4x3xi8>) outs(%e : tensor<4x3xi8>) -> tensor<4x3xi8>
  %b = linalg.mul ins(%y, %y : tensor<2x3xi8>, tensor<2x3xi8>) outs(%f : tensor<2x3xi8>) -> tensor<2x3xi8>
  %flat = tensor.collapse_shape %a [[0, 1]] : tensor<4x3xi8> into tensor<12xi8>
  %first = tensor.expand_shape %flat [[0, 1, 2]] output_shape [1, 6, 2] : tensor<12xi8> into tensor<1x6x2xi8>
  %flat2 = tensor.collapse_shape %b [[0, 1]] : tensor<2x3xi8> into tensor<6xi8>
  %second = tensor.expand_shape %flat2 [[0, 1, 2]] output_shape [1, 3, 2] : tensor<6xi8> into tensor<1x3x2xi8>
  %w = tensor.empty() : tensor<1x9x2xi8>
  %0 = tensor.insert_slice %first into %w[0, 0, 0] [1, 6, 2] [1, 1, 1] : tensor<1x6x2xi8> into tensor<1x9x2xi8>
  %1 = tensor.insert_slice %second into %0[0, 6, 0] [1, 3, 2] [1, 1, 1] : tensor<1x3x2xi8> into tensor<1x9x2xi8>
  return %1 : tensor<1x9x2xi8>
}

// The rows of this part do not: it is computed elsewhere, and copied.
// BUFFER-LABEL: func @interleaved(
// BUFFER: memref.alloc() {{.*}} : memref<6xi8>
// BUFFER: linalg.add
// BUFFER: linalg.copy
// BUFFER-NOT: linalg.copy
// BUFFER: return
func.func @interleaved(%x: tensor<6xi8>, %y: tensor<3x2xi8>) -> tensor<3x4xi8> {
  %e = tensor.empty() : tensor<6xi8>
  %f = tensor.empty() : tensor<3x2xi8>
  %a = linalg.add ins(%x, %x : tensor<6xi8>, tensor<6xi8>) outs(%e : tensor<6xi8>) -> tensor<6xi8>
  %b = linalg.mul ins(%y, %y : tensor<3x2xi8>, tensor<3x2xi8>) outs(%f : tensor<3x2xi8>) -> tensor<3x2xi8>
  %first = tensor.expand_shape %a [[0, 1]] output_shape [3, 2] : tensor<6xi8> into tensor<3x2xi8>
  %w = tensor.empty() : tensor<3x4xi8>
  %0 = tensor.insert_slice %first into %w[0, 0] [3, 2] [1, 1] : tensor<3x2xi8> into tensor<3x4xi8>
  %1 = tensor.insert_slice %b into %0[0, 2] [3, 2] [1, 1] : tensor<3x2xi8> into tensor<3x4xi8>
  return %1 : tensor<3x4xi8>
}

// A concatenation that is read and is a part of another one, whose first part
// is computed between the parts of this one.
// TENSOR-LABEL: func @nested(
// TENSOR: %[[A:.*]] = linalg.add
// TENSOR-NEXT: tensor.insert_slice %[[A]] into {{.*}}[0, 2] [2, 2] [1, 1]
// TENSOR: %[[M:.*]] = linalg.max
// TENSOR-NEXT: tensor.insert_slice %[[M]] into {{.*}}[0, 0] [2, 2] [1, 1]
// TENSOR: %[[B:.*]] = linalg.mul
// TENSOR-NEXT: %[[WHOLE:.*]] = tensor.insert_slice %[[B]] into {{.*}}[0, 4] [2, 2] [1, 1]
// TENSOR-NEXT: %[[READ:.*]] = tensor.extract_slice %[[WHOLE]][0, 2] [2, 4] [1, 1]
// TENSOR: linalg.sub ins(%[[READ]]
// BUFFER-LABEL: func @nested(
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: linalg.copy
// BUFFER: return
func.func @nested(%x: tensor<2x2xi8>) -> (tensor<2x6xi8>, tensor<2x4xi8>) {
  %e = tensor.empty() : tensor<2x2xi8>
  %a = linalg.add ins(%x, %x : tensor<2x2xi8>, tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) -> tensor<2x2xi8>
  %m = linalg.max ins(%x, %x : tensor<2x2xi8>, tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) -> tensor<2x2xi8>
  %b = linalg.mul ins(%x, %x : tensor<2x2xi8>, tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) -> tensor<2x2xi8>
  %w = tensor.empty() : tensor<2x4xi8>
  %0 = tensor.insert_slice %a into %w[0, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<2x4xi8>
  %1 = tensor.insert_slice %b into %0[0, 2] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<2x4xi8>
  %s = linalg.sub ins(%1, %1 : tensor<2x4xi8>, tensor<2x4xi8>) outs(%w : tensor<2x4xi8>) -> tensor<2x4xi8>
  %v = tensor.empty() : tensor<2x6xi8>
  %2 = tensor.insert_slice %m into %v[0, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<2x6xi8>
  %3 = tensor.insert_slice %1 into %2[0, 2] [2, 4] [1, 1] : tensor<2x4xi8> into tensor<2x6xi8>
  return %3, %s : tensor<2x6xi8>, tensor<2x4xi8>
}

// Of insertions that overlap, the last one stays the last.
// TENSOR-LABEL: func @overlapping(
// TENSOR: tensor.insert_slice %{{.*}} into %{{.*}}[0] [3] [1]
// TENSOR: tensor.insert_slice %{{.*}} into %{{.*}}[2] [3] [1]
func.func @overlapping(%x: tensor<3xi8>) -> tensor<5xi8> {
  %e = tensor.empty() : tensor<3xi8>
  %a = linalg.add ins(%x, %x : tensor<3xi8>, tensor<3xi8>) outs(%e : tensor<3xi8>) -> tensor<3xi8>
  %b = linalg.mul ins(%x, %x : tensor<3xi8>, tensor<3xi8>) outs(%e : tensor<3xi8>) -> tensor<3xi8>
  %w = tensor.empty() : tensor<5xi8>
  %0 = tensor.insert_slice %b into %w[0] [3] [1] : tensor<3xi8> into tensor<5xi8>
  %1 = tensor.insert_slice %a into %0[2] [3] [1] : tensor<3xi8> into tensor<5xi8>
  return %1 : tensor<5xi8>
}

// A value that goes to two places is computed in the last of them and copied to
// the other one.
// BUFFER-LABEL: func @twice(
// BUFFER: linalg.add
// BUFFER: linalg.copy
// BUFFER-NOT: linalg.copy
// BUFFER: return
func.func @twice(%x: tensor<2x2xi8>) -> (tensor<2x4xi8>, tensor<4x2xi8>) {
  %zero = arith.constant 0 : i8
  %e = tensor.empty() : tensor<2x2xi8>
  %a = linalg.add ins(%x, %x : tensor<2x2xi8>, tensor<2x2xi8>) outs(%e : tensor<2x2xi8>) -> tensor<2x2xi8>
  %v = tensor.empty() : tensor<2x4xi8>
  %w = tensor.empty() : tensor<4x2xi8>
  %f = linalg.fill ins(%zero : i8) outs(%v : tensor<2x4xi8>) -> tensor<2x4xi8>
  %g = linalg.fill ins(%zero : i8) outs(%w : tensor<4x2xi8>) -> tensor<4x2xi8>
  %0 = tensor.insert_slice %a into %f[0, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<2x4xi8>
  %1 = tensor.insert_slice %a into %g[0, 0] [2, 2] [1, 1] : tensor<2x2xi8> into tensor<4x2xi8>
  return %0, %1 : tensor<2x4xi8>, tensor<4x2xi8>
}
