//===- Passes.td - Passes from the q dialect to LLVM ----------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_PASSES_TD
#define QDIALECT_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertQToLinalg : Pass<"convert-q-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Spell out quantized q ops as integer linalg on tensors";
  let description = [{
    Every quantized op becomes `linalg`, `tensor` and `arith` ops on the storage
    integers of its tensors, with every multiplier, rounding and bound of the
    numeric contract (rules N1 to N15) written out. Tensors of `!quant.uniform`
    types become tensors of signless `i8`, `i16` or `i32`, whatever their
    signedness: whether a value is zero- or sign-extended is in the code that
    reads it. The only float arithmetic is that of `q.quantize` and
    `q.dequantize`.

    ```mlir
    %0 = q.max %a, %b : (tensor<4x!quant.uniform<u8:f32, 0.5>>,
                         tensor<4x!quant.uniform<u8:f32, 0.5>>)
           -> tensor<4x!quant.uniform<u8:f32, 0.5>>
    // becomes
    %e = tensor.empty() : tensor<4xi8>
    %0 = linalg.generic ... ins(%a, %b) outs(%e) {
      ^bb0(%x: i8, %y: i8, %o: i8):
        %m = arith.maxui %x, %y : i8
        linalg.yield %m : i8
    }
    ```

    Arguments and results of functions keep their quantized type as the
    attribute `q.type`. An op without an integer form (a float op between the
    borders, a reduction of a rank that has none) is reported at its location.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def OutputsToArguments : Pass<"q-outputs-to-arguments", "::mlir::ModuleOp"> {
  let summary = "Make the results of public functions buffers that the caller gives";
  let description = [{
    Each tensor result of a public function becomes a trailing memref argument
    into which the value is materialized, before bufferization, so that the op
    that computes a result writes to the caller's memory and nothing is copied.
    Reshapes in front of a result are applied to the buffer instead.

    ```mlir
    func.func @main(%x: tensor<4xi8>) -> tensor<4xi8>
    // becomes
    func.func @main(%x: tensor<4xi8> {bufferization.writable = false},
                    %y: memref<4xi8>)
    ```

    The attributes of a result become those of its argument, which is marked
    `q.output`.
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::memref::MemRefDialect"
  ];
}

def WriteInPlace : Pass<"q-write-in-place", "::mlir::ModuleOp"> {
  let summary = "Let ops write their results where these are inserted";
  let description = [{
    A tensor that is inserted into another (a part of a concatenation, what gets
    a border) or that is a result of the network is computed there: the
    `tensor.empty` that its memory comes from becomes a slice of the other
    tensor, or the caller's memory, through reshapes and in several steps if
    need be. Tensors into which others are inserted are created before them.
    Bufferization then finds little to copy.

    ```mlir
    %e = tensor.empty() : tensor<2x3xi8>
    %0 = linalg.add ins(%x, %x) outs(%e) -> tensor<2x3xi8>
    %flat = tensor.collapse_shape %0 [[0, 1]] : tensor<2x3xi8> into tensor<6xi8>
    %1 = tensor.insert_slice %flat into %whole[4] [6] [1]
    // becomes
    %place = tensor.extract_slice %whole[4] [6] [1]
    %e = tensor.expand_shape %place [[0, 1]] output_shape [2, 3]
    %0 = linalg.add ins(%x, %x) outs(%e) -> tensor<2x3xi8>
    ...
    ```
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

def PlanArena : Pass<"q-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Give every buffer of a function its place in one arena";
  let description = [{
    Replaces all `memref.alloc` of the public function by views of one trailing
    argument, `memref<Nxi8>`. Two buffers share bytes only if their lifetimes,
    followed through every alias, do not meet. The size is recorded in the
    attribute `q.arena_size` and the size of the largest set of buffers that
    live at once, which no plan can beat, in `q.arena_live_max`.

    ```mlir
    %0 = memref.alloc() : memref<16xi8>
    // becomes
    %0 = memref.view %arena[%c64][] : memref<128xi8> to memref<16xi8>
    ```
  }];
  let options = [
    Option<"alignment", "alignment", "unsigned", /*default=*/"64",
           "Alignment of every buffer in bytes, a power of two">
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"numBuffers", "num-buffers", "Number of buffers placed">
  ];
}

def ExpandCopies : Pass<"q-expand-copies"> {
  let summary = "Make copies of buffers loops";
  let description = [{
    `memref.copy` becomes `linalg.copy`, which becomes loops, because compiled
    models call no library, not even for memcpy. Copies of memory to itself,
    seen through two chains of views, go away.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def EmitCInterface : Pass<"q-emit-c-interface", "::mlir::ModuleOp"> {
  let summary = "Add the C entry point and the description of a compiled model";
  let description = [{
    Adds `int NAME_run(const void *const *inputs, void *const *outputs, void
    *arena)`, which calls the public function of the module, and the constant
    string `NAME_info`, JSON that tells a program that has only the library all
    it needs to call it. The public function itself becomes private. If it is
    one for several threads (`q-split-threads`), `NAME_run` has a team of OpenMP
    threads call it (`GOMP_parallel`). Runs on the LLVM dialect.
  }];
  let options = [
    Option<"name", "name", "std::string", /*default=*/"\"model\"",
           "Prefix of the C symbols; made a C identifier if it is none">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def FlattenGlobals : Pass<"q-flatten-globals", "::mlir::ModuleOp"> {
  let summary = "Make LLVM globals of arrays one-dimensional and share equal ones";
  let description = [{
    Nested array types make the translation of large constants to LLVM IR
    twenty times slower. Pointers are opaque, so only the global's own type
    changes. Globals with equal contents become one.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // QDIALECT_CONVERSION_PASSES_TD
