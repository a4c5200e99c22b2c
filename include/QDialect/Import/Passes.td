//===- Passes.td - Passes that finish an import ---------------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_IMPORT_PASSES_TD
#define QDIALECT_IMPORT_PASSES_TD

include "mlir/Pass/PassBase.td"

def SimplifyLayout : Pass<"q-simplify-layout", "::mlir::func::FuncOp"> {
  let summary = "Move transposes out of the network and cancel them";
  let description = [{
    ONNX is NCHW, `q` is NHWC, so an imported network has a pair of transposes
    around every `q.conv2d`, pool and the like. This pass moves transposes
    towards the results, through elementwise ops, `q.concat`, `q.pad`,
    `q.reduce` and `q.softmax`, until inverse pairs meet; what is left are those
    at the borders of the function.

    ```mlir
    %1 = q.transpose %0 {perm = array<i64: 0, 3, 1, 2>}
    %2 = q.clamp %1 {clamp_min = 0.0 : f32}
    %3 = q.transpose %2 {perm = array<i64: 0, 2, 3, 1>}
    // becomes
    %1 = q.clamp %0 {clamp_min = 0.0 : f32}
    ```

    Every chain of `q.reshape`, `q.transpose`, `q.slice` and `q.gather` is
    written in its shortest form on the way. A channel shuffle (reshape,
    transpose, reshape) becomes one `q.gather` or a strided `q.slice` of
    channels, a transpose of dimensions of extent 1 a `q.reshape`, and a
    `q.gemm` over a flattened NCHW tensor gets its weights in NHWC order.
    `qtranslate --import-onnx` runs this pass unless it is told not to. Values
    do not change by a bit.
  }];
}

#endif // QDIALECT_IMPORT_PASSES_TD
