//===- QReductions.td - Pools, reductions and normalizations -*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QREDUCTIONS_TD
#define QDIALECT_QREDUCTIONS_TD

include "QDialect/QOpClasses.td"

class Q_PoolOp<string mnemonic, list<Trait> traits, dag extra = (ins)>
    : Q_ShapedOp<mnemonic, traits> {
  let arguments = !con((ins Q_Tensor:$input, DenseI64ArrayAttr:$kernel,
                            DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                            DenseI64ArrayAttr:$dilations), extra);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasVerifier = 1;
}

def Q_MaxPool2DOp : Q_PoolOp<"max_pool2d", [Q_SharesParameters]> {
  let summary = "Largest element of each window; padding never wins (rule N13)";
  let description = [{
    Input `[N, H, W, C]`, pads `[top, left, bottom, right]`; ONNX's ceil mode
    is expressed by larger bottom and right pads at import. Quantized: the
    largest storage value of the window inside the image, all parameters being
    equal.

    - No pad is as large as the span of the window.

    ```mlir
    %0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
           pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
         : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
    ```
  }];
}
def Q_AvgPool2DOp : Q_PoolOp<"avg_pool2d",
    [Q_OneArithmetic, DeclareOpInterfaceMethods<Q_FusedClampOpInterface>],
    !con((ins UnitAttr:$count_include_pad), Q_Clamp)> {
  let summary = "Mean of each window (rule N14)";
  let description = [{
    Quantized, the sum running over the window inside the image:

    ```
    q = clamp(Zy + round(sum (qx - Zx) * M), lo, hi)     M = Sx / (Sy * count)
    ```

    `count` is the number of elements inside the image or, with
    `count_include_pad`, inside the padded image. So M differs between the
    border and the inside. In the rounding mode `pow2` a count that is no power
    of two is divided as in `single`.

    - No pad is as large as the span of the window.

    ```mlir
    %0 = q.avg_pool2d %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
           pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
           count_include_pad}
         : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
    ```
  }];
}

def Q_ReduceOp : Q_ShapedOp<"reduce"> {
  let summary = "Sum, mean, maximum or minimum over dimensions";
  let description = [{
    Reduced dimensions stay as 1 with `keep_dims`. Quantized, sum and mean
    (rule N14; count = 1 for a sum) are

    ```
    q = clamp(Zy + round(sum (qx - Zx) * M), qmin, qmax)  M = Sx / (Sy * count)
    ```

    and max and min move bits (rule N13).

    - `axes` ascend, do not repeat and are not negative.
    - Operand and result of max and min share their parameters.

    ```mlir
    %0 = q.reduce mean %x {axes = array<i64: 1, 2>, keep_dims}
         : (tensor<1x8x8x16xf32>) -> tensor<1x1x1x16xf32>
    ```
  }];
  let arguments = (ins Q_ReduceKindAttr:$kind, Q_Tensor:$input,
                       DenseI64ArrayAttr:$axes, UnitAttr:$keep_dims);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $kind $input attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_ArgReduceOp : Q_ShapedOp<"arg_reduce", [Q_OneArithmetic]> {
  let summary = "Index of the largest or smallest element along one dimension, float only";
  let description = [{
    The indices are whole float32 numbers, which are exact below 2^24. Of equal
    elements the first counts or, with `last`, the last. The dimension stays as
    1. Without an integer form, as indices have no scale.

    - `kind` is `max` or `min`; `axis` is a dimension of at most 2^24 elements.

    ```mlir
    %0 = q.arg_reduce max %x {axis = 1 : i64}
         : (tensor<1x10xf32>) -> tensor<1x1xf32>
    ```
  }];
  let arguments = (ins Q_ReduceKindAttr:$kind, Q_Tensor:$input, I64Attr:$axis,
                       UnitAttr:$last);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $kind $input attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_SoftmaxOp : Q_ShapedOp<"softmax", [Q_OneArithmetic]> {
  let summary = "Softmax, or its logarithm, over one dimension (rule N15)";
  let description = [{
    Quantized, for each row of n elements along `axis` (the zero point of the
    input cancels), in integers only:

    ```
    m = max q[i],  e[i] = table[m - q[i]]       table[d] = round(exp(-d S) 2^31)
    r = (2^62 + floor(sum e / 2)) / sum e
    y[i] = min((e[i] r + 2^(61 - bits)) >> (62 - bits), 2^bits - 1) + Zy
    ```

    The result is within one step of the real softmax. The logarithm (`log`)
    has no integer form.

    - A quantized result has scale 2^-bits and the lowest storage value as zero
      point: 1/256 and 0 for u8.

    ```mlir
    %0 = q.softmax %x {axis = 1 : i64}
         : (tensor<1x10x!quant.uniform<u8:f32, 0.125:100>>)
         -> tensor<1x10x!quant.uniform<u8:f32, 0.00390625>>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, I64Attr:$axis, UnitAttr:$log);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_LrnOp : Q_ShapedOp<"lrn", [Q_OneArithmetic]> {
  let summary = "Local response normalization over channels (rule N15)";
  let description = [{
    ```
    y = x / (bias + alpha / size * sum x'^2)^beta
    ```

    over the `size` channels (the last dimension) from `(size - 1) / 2`,
    rounded down, before each. Quantized: the sum of squares is an integer, the
    power a table with linear interpolation, and there is one rounding; the
    error bound is stated with the arithmetic in `Numerics/Lrn.h`.

    - `size` is positive.

    ```mlir
    %0 = q.lrn %x {size = 5 : i64, alpha = 1.0e-4 : f32, beta = 0.75 : f32,
           bias = 1.0 : f32} : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, I64Attr:$size, F32Attr:$alpha,
                       F32Attr:$beta, F32Attr:$bias);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasVerifier = 1;
}

def Q_LayerNormOp : Q_ShapedOp<"layer_norm"> {
  let summary = "Normalization over the trailing dimensions from `axis` on (rule N15)";
  let description = [{
    ```
    y = scale (x - mean) / sqrt(variance + epsilon) + shift
    ```

    with mean and variance of the row that the dimensions from `axis` on make.
    `scale` and `shift` broadcast to that row. Quantized: integer sums, an
    integer square root and one division a row; the error bound is stated with
    the arithmetic in `Numerics/LayerNorm.h`. `scale` and `shift` stay float
    constants, as their quantized values are made at compile time.

    - Input and result are both float or both quantized per tensor.

    ```mlir
    %0 = q.layer_norm %x, %scale, %shift {axis = 1 : i64,
           epsilon = 1.0e-5 : f32}
         : (tensor<4x64xf32>, tensor<64xf32>, tensor<64xf32>)
         -> tensor<4x64xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_Tensor:$scale,
                       Optional<Q_Tensor>:$shift, I64Attr:$axis,
                       F32Attr:$epsilon);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input `,` $scale (`,` $shift^)? attr-dict
    `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

#endif // QDIALECT_QREDUCTIONS_TD
