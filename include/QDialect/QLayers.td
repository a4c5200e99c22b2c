//===- QLayers.td - Convolutions and matrix products -------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QLAYERS_TD
#define QDIALECT_QLAYERS_TD

include "QDialect/QOpClasses.td"

class Q_WeightedOp<string mnemonic, list<Trait> traits = []>
    : Q_ShapedOp<mnemonic, !listconcat(traits, [
        DeclareOpInterfaceMethods<Q_FusedClampOpInterface>,
        DeclareOpInterfaceMethods<Q_WeightedOpInterface>])> {
  let results = (outs Q_Tensor:$output);
  let hasVerifier = 1;
}

def Q_Conv2DOp : Q_WeightedOp<"conv2d", [AttrSizedOperandSegments]> {
  let summary = "2-D convolution, grouped and dilated; depthwise is groups = channels";
  let description = [{
    Input `[N, H, W, C]`, weights `[O, KH, KW, C / groups]`, bias `[O]`, pads
    `[top, left, bottom, right]`; padding is real zeros. Quantized (rules N6,
    N9, N10, N11), for every output channel o:

    ```
    acc = sum (qx - Zx) (qw - Zw[o]) + bias[o]     int32, padding adds nothing
    q   = clamp(Zy + round(acc * M[o]), lo, hi)    M[o] = Sx Sw[o] / Sy
    ```

    Zw is 0 except in models that were quantized elsewhere. An accumulator that
    does not fit int32 is an error, never a saturated result (rule N8).

    With `zero_point_folded` the bias holds `- Zx * sum(qw - Zw)` already. Then
    padding is filled with Zx, and `acc = sum qx (qw - Zw) + bias` over all
    taps, those in the padding included: the same number.

    A `residual` of the result's shape is added before the clamp. Quantized,
    the sum before the addition is rounded to the type `intermediate`, clamped
    by its storage range only, and added as rule N12 says: the same bits as the
    convolution followed by `q.add`, whose clamp this op then has.

    `channel_max` holds an upper bound of each output channel, real numbers like
    `clamp_max`: hi is then the smaller one of the two. `q-clamp-channels` sets
    it, so that less is to be reckoned with in the layers that read the result
    (rule N8).

    - Input, weights and result are all float or all quantized; input, residual
      and result per tensor, weights per tensor or along dimension 0; none of
      them has more than 16 bits.
    - A quantized bias is i32 with zero point 0 and scale Sx Sw[o] (rule N7).
    - `intermediate` goes with a quantized residual, and only with one.
    - `channel_max` has a finite bound for every output channel, none below
      `clamp_min`.

    ```mlir
    %0 = q.conv2d %x, %w bias %b {strides = array<i64: 2, 2>,
           pads = array<i64: 0, 0, 1, 1>, dilations = array<i64: 1, 1>,
           clamp_min = 0.0 : f32}
         : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>)
         -> tensor<1x4x4x4xf32>
    // Depthwise, in integers.
    %1 = q.conv2d %y, %v {strides = array<i64: 1, 1>,
           pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
           groups = 2 : i64}
         : (tensor<1x4x4x2x!quant.uniform<u8:f32, 0.5:3>>,
            tensor<2x3x3x1x!quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>>)
         -> tensor<1x4x4x2x!quant.uniform<u8:f32, 0.5>>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias, Optional<Q_Tensor>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, DefaultValuedAttr<I64Attr, "1">:$groups),
    Q_Clamp, Q_ChannelMax, (ins OptionalAttr<TypeAttr>:$intermediate,
                                UnitAttr:$zero_point_folded));
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? (`residual` $residual^)?
    attr-dict `:` functional-type(operands, $output)
  }];
  let hasCanonicalizer = 1;
}

def Q_ConvTranspose2DOp : Q_WeightedOp<"conv_transpose2d"> {
  let summary = "2-D transposed convolution, grouped and dilated";
  let description = [{
    Input `[N, H, W, C]`, weights `[O, KH, KW, C / groups]`, bias `[O]`. Input
    row i meets tap k in result row `i * stride - top + k * dilation`, and the
    result has

    ```
    (H - 1) * stride - top - bottom + dilation * (KH - 1) + 1 + output_padding
    ```

    rows; columns alike. The integer meaning is that of `q.conv2d` over an
    input with zeros between its rows and columns: a pixel that no product
    reaches gets the bias alone. With `zero_point_folded` those zeros are Zx.

    - The constraints of `q.conv2d` without a residual.

    ```mlir
    %0 = q.conv_transpose2d %x, %w {strides = array<i64: 2, 2>,
           pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
           output_padding = array<i64: 0, 0>}
         : (tensor<1x4x4x3xf32>, tensor<5x2x2x3xf32>) -> tensor<1x8x8x5xf32>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$output_padding,
    DefaultValuedAttr<I64Attr, "1">:$groups), Q_Clamp, Q_ChannelMax,
    (ins UnitAttr:$zero_point_folded));
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? attr-dict
    `:` functional-type(operands, $output)
  }];
}

def Q_GemmOp : Q_WeightedOp<"gemm"> {
  let summary = "Fully connected layer";
  let description = [{
    Input `[M, K]`, weights `[N, K]`, bias `[N]`, result `[M, N]`:
    `y = x w^T + bias`. The integer meaning is that of a 1x1 `q.conv2d` over M
    pixels, with one multiplier per output channel.

    - The constraints of `q.conv2d` without a residual.

    ```mlir
    %0 = q.gemm %x, %w bias %b {clamp_min = 0.0 : f32}
         : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>)
         -> tensor<1x10xf32>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias), Q_Clamp, Q_ChannelMax,
    (ins UnitAttr:$zero_point_folded));
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? attr-dict
    `:` functional-type(operands, $output)
  }];
}

def Q_MatMulOp : Q_ShapedOp<"matmul",
    [Q_OneArithmetic, DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let summary = "Matrix product of two activations, batched";
  let description = [{
    `[..., M, K] x [..., K, N]`; leading dimensions broadcast as in numpy.
    Quantized, with both zero points:

    ```
    acc = sum (qa - Za) (qb - Zb)                  int32 (rule N6)
    q   = clamp(Zy + round(acc * M), lo, hi)       M = Sa Sb / Sy
    ```

    - Both operands have at least two dimensions.

    ```mlir
    %0 = q.matmul %a, %b : (tensor<4x8x16xf32>, tensor<4x16x8xf32>)
           -> tensor<4x8x8xf32>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$lhs, Q_Tensor:$rhs), Q_Clamp);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_BatchNormOp : Q_ShapedOp<"batch_norm"> {
  let summary = "Batch normalization with fixed statistics, float only";
  let description = [{
    `y = scale (x - mean) / sqrt(variance + epsilon) + shift` per channel (the
    last dimension). `q-fold-batch-norm` folds it away before quantization
    (rules N16, N17), so it has no integer form.

    - The four parameters have one element per channel.

    ```mlir
    %0 = q.batch_norm %x scale %s shift %h mean %m variance %v
           {epsilon = 1.0e-5 : f32}
         : (tensor<1x8x8x16xf32>, tensor<16xf32>, tensor<16xf32>,
            tensor<16xf32>, tensor<16xf32>) -> tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_Tensor:$scale, Q_Tensor:$shift,
                       Q_Tensor:$mean, Q_Tensor:$variance, F32Attr:$epsilon);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input `scale` $scale `shift` $shift `mean` $mean `variance` $variance
    attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

#endif // QDIALECT_QLAYERS_TD
