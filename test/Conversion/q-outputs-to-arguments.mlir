// RUN: qopt %s --q-outputs-to-arguments | FileCheck %s --check-prefix=TENSOR
// RUN: qopt %s --q-outputs-to-arguments --eliminate-empty-tensors \
// RUN:   --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// RUN:   --canonicalize --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

#id = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>

// The op that computes the result writes to the caller's buffer, through the
// reshape behind it.
// TENSOR-LABEL: func @result(
// TENSOR-SAME: tensor<6xi8> {bufferization.writable = false}
// TENSOR-SAME: memref<2x3xi8> {q.name = "y", q.output}
// TENSOR: %[[FLAT:.*]] = memref.collapse_shape {{.*}} : memref<2x3xi8> into memref<6xi8>
// TENSOR: bufferization.materialize_in_destination {{.*}} in restrict writable %[[FLAT]]
// BUFFER-LABEL: func @result(
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @result(%x: tensor<6xi8>) -> (tensor<2x3xi8> {q.name = "y"}) {
  %e = tensor.empty() : tensor<6xi8>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<6xi8>) outs(%e : tensor<6xi8>) {
  ^bb0(%in: i8, %out: i8):
    %1 = arith.addi %in, %in : i8
    linalg.yield %1 : i8
  } -> tensor<6xi8>
  %r = tensor.expand_shape %0 [[0, 1]] output_shape [2, 3] : tensor<6xi8> into tensor<2x3xi8>
  return %r : tensor<2x3xi8>
}

// The destination of insertions is created before what is inserted, so that
// nothing is copied.
// BUFFER-LABEL: func @insertion(
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
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
// TENSOR: tensor.empty() : tensor<2x8xi8>
// TENSOR: tensor.insert_slice {{.*}}[0, 0] [2, 4] [1, 1]
// TENSOR: tensor.insert_slice {{.*}}[0, 4] [2, 4] [1, 1]
// TENSOR-NOT: tensor<2x8xi8> into tensor<4x10xi8>
// TENSOR: tensor.insert_slice {{.*}}[1, 1] [2, 4] [1, 1] {{.*}} into tensor<4x10xi8>
// TENSOR: tensor.insert_slice {{.*}}[1, 5] [2, 4] [1, 1] {{.*}} into tensor<4x10xi8>
// BUFFER-LABEL: func @concatenations(
// BUFFER: memref.alloc() {{.*}} : memref<2x8xi8>
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
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
