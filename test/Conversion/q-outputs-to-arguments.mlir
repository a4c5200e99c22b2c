// RUN: qopt %s --q-outputs-to-arguments | FileCheck %s --check-prefix=TENSOR
// RUN: qopt %s --q-outputs-to-arguments --q-write-in-place \
// RUN:   --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// RUN:   --canonicalize --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

#id = affine_map<(d0) -> (d0)>

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
