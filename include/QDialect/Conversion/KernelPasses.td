//===- KernelPasses.td - Passes to and from the kernel dialect -*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELPASSES_TD
#define QDIALECT_CONVERSION_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertQToKernels : Pass<"convert-q-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn quantized layers into kernel ops with packed weights";
  let description = [{
    Every quantized `q.conv2d` and `q.gemm` for which the target has a kernel
    becomes a `qk.conv`, `qk.winograd` or `qk.depthwise`: the micro-kernel
    follows from the target and from what `q-prove-int16-chains` has proven, the
    tile from the shapes (or both from what `qcc --tune` has measured), and the
    epilogue from a proof per channel over the range of its accumulator (rules N8,
    N10):

    - `pow2` where every multiplier is a power of two,
    - `float` where a float32 multiply-add has been proven to give the same
      bits, `mixed` where it has for some panels of a layer of few products; on
      NEON only where `fixed64` is not two instructions (SQDMULH, SRSHL), which it
      is for shifts of 32 and more and ties that go upward,
    - `fixed64` or `gemmlowp`, exact by construction, elsewhere.

    On NEON, dense layers multiply bytes: in sums of `signed_chain` int16
    products (SMULL, SMLAL2, SADALP), with SDOT, or, two pixels at a time, with
    SMMLA and USMMLA; reductions that are too short for that take SMLAL or the
    dot products.

    On AVX2 and base NEON, a dense 3x3 convolution of stride 1 becomes a `qk.winograd` if its
    accumulators lie within 2^25, which makes that exact, and if a cost model
    expects it to be faster than the chains that are proven for it;
    `winograd_proof` or `why_direct` give the numbers.

    Weights and constants are packed here. What has no kernel (weights that are
    no constant or not symmetric, storage of more than 8 bits, accumulators that
    may leave int32, groups of fewer than 8 output channels) stays as it is for
    `convert-q-to-linalg`.

    ```mlir
    %0 = q.gemm %x, %w bias %b : (...) -> tensor<1x16x!quant.uniform<u8:f32, 0.5>>
    // becomes
    %1 = qk.conv %x1 weights %w1 bias %b1 multipliers %m into %e
           {micro_kernel = #qk.micro_kernel<pmaddwd>,
            epilogue = #qk.epilogue<float>, ...} : (...) -> tensor<1x16xi8>
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"avx2\"",
           "Instructions to use: avx2, avxvnni, avx512vnni, neon, dotprod or "
           "i8mm">,
    Option<"fixedPoint", "fixed-point", "bool", /*default=*/"false",
           "Keep to integer epilogues even where float32 is proven equal">,
    Option<"winograd", "winograd", "std::string", /*default=*/"\"auto\"",
           "Winograd for 3x3 layers where it is proven exact: auto (if it is "
           "expected to be faster), always or off">,
    Option<"tuned", "tuned", "std::string", /*default=*/"\"\"",
           "A file of qcc --tune: what was measured goes before rules">,
    Option<"kernel", "kernel", "std::string", /*default=*/"\"\"",
           "Take this kernel wherever it is exact, as in 'pmaddubsw 4x2 chain "
           "8', 'depthwise pmaddwd 2x2' or 'winograd pmaddwd 4x64'">,
    Option<"candidate", "candidate", "int64_t", /*default=*/"-1",
           "Number of the candidate to take, to be timed: 0 is what the rules "
           "take, others follow by their estimates; the ops then say what they "
           "are (q.tuning)">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
    "::q::kernel::QKDialect"
  ];
}

def SplitThreads : Pass<"q-split-threads", "::mlir::ModuleOp"> {
  let summary = "Let a team of threads share the layers of a network";
  let description = [{
    Gives the public function two arguments, the number of the calling thread
    (`q.thread`) and how many there are (`q.team`), and makes it a function that
    all threads of an OpenMP team call at once. A `linalg` op of enough work
    becomes a loop over the part of a thread; a kernel op is marked with the
    number of threads that it is worth, and `lower-kernels` shares its nest; all
    else is left to thread 0. Between ops is a barrier wherever one is needed.
    Results do not depend on the number of threads: each element is computed
    by one of them, and as ever.

    Runs on buffers, before `lower-kernels`. A network without a layer that is
    worth two threads stays as it is.

    ```mlir
    qk.conv %x weights %w bias %b multipliers %m into %y {...}
    linalg.copy ins(%small : memref<8xi8>) outs(%z : memref<8xi8>)
    // becomes
    qk.conv %x weights %w bias %b multipliers %m into %y {q.threads = 2, ...}
    call @GOMP_barrier()
    scf.if %is_first {
      linalg.copy ins(%small : memref<8xi8>) outs(%z : memref<8xi8>)
    }
    ```
  }];
  let options = [
    Option<"threads", "threads", "int64_t", /*default=*/"1",
           "Threads to compile for, 1 to 64; 1 changes nothing">,
    Option<"threadWork", "thread-work", "int64_t",
           /*default=*/"::q::kThreadWork",
           "Core cycles that a part of a layer must be expected to take">
  ];
  let statistics = [
    Statistic<"numShared", "num-shared", "Number of ops that threads share">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def LowerKernels : Pass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn kernel ops on buffers into functions of loops and vectors";
  let description = [{
    Every `qk` op on memrefs becomes a call of a private function that holds its
    nest, micro-kernel and epilogue. Layers of equal shape and strategy share
    one function, since weights and constants are arguments. Scratch buffers are
    allocated at the call, so that the memory plan sees them.

    ```mlir
    qk.conv %x weights %w bias %b multipliers %m into %y {...}
    // becomes
    %s = memref.alloc() {alignment = 64 : i64} : memref<4608xi16>
    call @qk_conv_0(%x1, %w, %b, %m, %s, %y1) : (...) -> ()
    ```

    A kernel of several threads (`q.threads`, see `q-split-threads`) takes the
    number of the thread and of threads as well, and scratch for each thread. It
    shares the loop of its nest that leaves the slowest thread the least to do.

    Operands must have static shapes and strides with an innermost stride of 1;
    an op that has not is reported.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def VectorizeLoops : Pass<"q-vectorize-loops", "::mlir::ModuleOp"> {
  let summary = "Turn linalg ops on buffers into loops of vectors";
  let description = [{
    Ops without reductions whose operands are contiguous along their innermost
    loop, or read elements at most four apart, become loops of vectors, after
    loops that walk through memory as one have been merged. So do those whose
    innermost loop has two, four or eight iterations, several times those in a
    vector. Where an operand begins may be known at run time only, as it is for
    the part of a thread. Reductions along the innermost loop keep their
    accumulators in registers.
    Lookups in tables of 256 bytes (rule N15) become byte shuffles of tables in
    registers: `vpshufb`, or `tbl` and `tbx`; other tables are read lane by
    lane. Ops whose
    inputs are contiguous along another loop than their output (transpositions,
    the quantization of images in the layout NCHW) become loops of tiles.
    Gathers of channels become byte shuffles. Everything else is left to the
    loop vectorizer of LLVM.

    ```mlir
    linalg.generic {...} ins(%x : memref<1x8x8x32xi8>) outs(%y : memref<1x8x8x32xi8>) {
    ^bb0(%in: i8, %out: i8):
      %0 = arith.maxui %in, %c3_i8 : i8
      linalg.yield %0 : i8
    }
    // becomes
    scf.for %i = %c0 to %c64 step %c1 {
      %0 = arith.muli %i, %c32 : index
      %1 = vector.load %x1[%0] : memref<2048xi8>, vector<32xi8>
      %2 = arith.maxui %1, %cst : vector<32xi8>
      vector.store %2, %y1[%0] : memref<2048xi8>, vector<32xi8>
    }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"avx2\"",
           "Instructions to use: avx2, avxvnni, avx512vnni, neon, dotprod or "
           "i8mm">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Number of ops vectorized">
  ];
}

def ProfileLayers : Pass<"q-profile-layers", "::mlir::ModuleOp"> {
  let summary = "Add up the time that each layer takes";
  let description = [{
    Reads the processor's counter of constant rate between layers and adds what
    has gone by to `uint64_t q_profile[]`, a counter a layer, which the C
    interface exports as `NAME_profile`. Runs on buffers, before
    `lower-kernels`, while it can be seen which kernel a layer has. The compiled
    network then keeps state: it must not run twice at a time.

    ```mlir
    qk.conv %x weights %w bias %b multipliers %m into %y {...}
    // becomes
    %0 = llvm.call_intrinsic "llvm.readcyclecounter"() : () -> i64
    qk.conv %x weights %w bias %b multipliers %m into %y {...}
    %1 = llvm.call_intrinsic "llvm.readcyclecounter"() : () -> i64
    // q_profile[0] += %1 - %0
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"avx2\"",
           "Instructions of the kernels, which tell the processor">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // QDIALECT_CONVERSION_KERNELPASSES_TD
