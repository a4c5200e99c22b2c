//===- IntegerRewrites.td - Passes on quantized networks ---*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_INTEGERREWRITES_TD
#define QDIALECT_TRANSFORMS_INTEGERREWRITES_TD

include "mlir/Pass/PassBase.td"

def FoldZeroPoints : Pass<"q-fold-zero-points", "::mlir::func::FuncOp"> {
  let summary = "Move the zero-point cross-terms of layers into their biases";
  let description = [{
    Rule N6. For weights with zero point 0, `sum (qx - Zx) qw` is `sum qx qw`
    plus a constant per output channel, which goes into the bias. Padding is
    filled with Zx, so the fold is exact at borders. A layer whose bias would
    leave int32 stays as it is, and a remark says so.

    ```mlir
    %0 = q.conv2d %x, %w bias %b {...}
    // becomes, with b' = b - Zx * sum(qw)
    %0 = q.conv2d %x, %w bias %b' {..., zero_point_folded}
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def FuseResidual : Pass<"q-fuse-residual", "::mlir::func::FuncOp"> {
  let summary = "Fuse quantized additions into the convolution before them";
  let description = [{
    A quantized `q.add` of the result of an unclamped `q.conv2d` that has no
    other use becomes the convolution's residual. The type of the convolution's
    old result becomes its `intermediate` type, so no bit changes.

    ```mlir
    %0 = q.conv2d %x, %w bias %b {...} : (...) -> tensor<1x8x8x16x!a>
    %1 = q.add %0, %y {clamp_min = 0.0 : f32} : (...) -> tensor<1x8x8x16x!b>
    // becomes
    %1 = q.conv2d %x, %w bias %b residual %y {..., clamp_min = 0.0 : f32,
           intermediate = !a} : (...) -> tensor<1x8x8x16x!b>
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def ProveAccumulators : Pass<"q-prove-accumulators", "::mlir::func::FuncOp"> {
  let summary = "Prove that int32 accumulators cannot overflow";
  let description = [{
    Rule N8. From the integer weights and the range of the input, which the
    clamp of its producer may narrow, computes what every layer's accumulator
    can reach, and records it: `acc_range` over all output channels and the
    partial sums' extremes in any order as `acc_partial_range`. Where int32 does
    not suffice, the layer is an error that says what to do.

    ```mlir
    %0 = q.conv2d %x, %w bias %b {..., acc_range = array<i64: -70214, 81237>,
                                  acc_partial_range = array<i64: -90100, 95000>}
    ```
  }];
  let options = [
    Option<"perChannel", "per-channel", "bool", /*default=*/"false",
           "Also record the extremes of each output channel, as acc_min and "
           "acc_max">
  ];
  let dependentDialects = ["::q::QDialect"];
}

def ProveInt16Chains : Pass<"q-prove-int16-chains", "::mlir::func::FuncOp"> {
  let summary = "Prove how long partial sums of products stay in int16";
  let description = [{
    Rule N8, for kernels that add products in int16 (`vpmaddubsw` of AVX2, which
    saturates a pair of products). Weights meet in pairs, in the order of the
    input's channels along a row of the kernel; the sum of a pair is exact for
    all activations of 0 to `amax` (the upper end of the input's range, 128 more
    where it is signed) if and only if

    ```
    amax * (sum of the positive weights)   <= 32767
    amax * (sum of the negative magnitudes) <= 32768
    ```

    The same holds of a lane's sum over a chain of `length` groups of four
    weights. Every layer of 8 bits gets the numbers: how many of its pairs are
    not safe (`length` is 0 then), the largest sum of one sign in a pair and in
    a chain, and the largest of the lengths 1, 2, 4 and 8 that is exact.

    Weights, bias and clamp of the layer that makes the input bound each of its
    channels; where they differ, `channel_amax` has the upper ends one by one,
    with which `convert-q-to-kernels` arranges chains panel by panel.

    ```mlir
    %0 = q.conv2d %x, %w bias %b {..., int16_chain = {amax = 255, length = 1,
           pairs = 4608, unsafe_pairs = 0, pair_sum = 128, chain_sum = 128}}
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
}

def ComputeInStripes : Pass<"q-compute-in-stripes", "::mlir::func::FuncOp"> {
  let summary = "Compute layers in stripes of rows where that saves memory";
  let description = [{
    Convolutions and max pools in a row, such as those of an inverted residual
    (1x1, depthwise, 1x1), are computed some rows at a time: of the wide tensors
    between them only the rows exist that the next layer looks at. Where windows overlap, a
    row or two of a stripe are computed again for the next one. Every element is
    computed as before, so no bit changes.

    Stripes are made where the values that live at once take the most bytes,
    until that gets no lower; then those stay that repeat the fewest
    multiplications.

    ```mlir
    %e = q.conv2d %x, %w0 {...} : (...) -> tensor<1x8x8x96x!a>
    %d = q.conv2d %e, %w1 {groups = 96 : i64, ...} : (...) -> tensor<1x8x8x96x!a>
    %p = q.conv2d %d, %w2 {...} : (...) -> tensor<1x8x8x16x!b>
    // becomes, with stripes of four rows,
    %x0 = q.slice %x {starts = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 5, 8, 16>, ...}
    %e0 = q.conv2d %x0, %w0 {...} : (...) -> tensor<1x5x8x96x!a>
    %d0 = q.conv2d %e0, %w1 {...} : (...) -> tensor<1x4x8x96x!a>
    %p0 = q.conv2d %d0, %w2 {...} : (...) -> tensor<1x4x8x16x!b>
    ...
    %p = q.concat %p0, %p1 {axis = 1 : i64} : (...) -> tensor<1x8x8x16x!b>
    ```
  }];
  let dependentDialects = ["::q::QDialect"];
  let statistics = [
    Statistic<"numStripes", "num-stripes", "Number of groups of layers in stripes">,
    Statistic<"bytesBefore", "bytes-before", "Largest set of values that live at once, in bytes">,
    Statistic<"bytesAfter", "bytes-after", "The same with stripes">
  ];
}

#endif // QDIALECT_TRANSFORMS_INTEGERREWRITES_TD
