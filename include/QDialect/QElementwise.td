//===- QElementwise.td - Ops of one element of each operand -*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QELEMENTWISE_TD
#define QDIALECT_QELEMENTWISE_TD

include "QDialect/QOpClasses.td"

class Q_BinaryOp<string mnemonic, list<Trait> traits>
    : Q_ShapedOp<mnemonic, traits> {
  let arguments = (ins Q_Tensor:$lhs, Q_Tensor:$rhs);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` functional-type(operands, $output)
  }];
}
class Q_ClampedBinaryOp<string mnemonic>
    : Q_BinaryOp<mnemonic,
                 [Q_OneArithmetic,
                  DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let arguments = !con((ins Q_Tensor:$lhs, Q_Tensor:$rhs), Q_Clamp);
  let hasVerifier = 1;
}

def Q_AddOp : Q_ClampedBinaryOp<"add"> {
  let summary = "Elementwise sum, numpy broadcasting (rule N12)";
  let description = [{
    Quantized, with both multipliers over one power of two, an exact sum and
    one rounding, ties away from zero in every rounding mode:

    ```
    q = clamp(Zy + round(((q1 - Z1) K1 + (q2 - Z2) K2) / 2^n), lo, hi)
    K1 = round(S1 / Sy * 2^n), K2 = round(S2 / Sy * 2^n)
    ```

    n is the largest shift up to 30 with which the sum provably fits int32.
    `channel_max` bounds each channel, the last dimension, as that of `q.conv2d`
    does.

    ```mlir
    %0 = q.add %a, %b {clamp_min = 0.0 : f32}
         : (tensor<1x8x8x4x!quant.uniform<u8:f32, 0.5:3>>,
            tensor<1x8x8x4x!quant.uniform<u8:f32, 0.25>>)
         -> tensor<1x8x8x4x!quant.uniform<u8:f32, 0.5>>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$lhs, Q_Tensor:$rhs), Q_Clamp,
                       Q_ChannelMax);
  let hasFolder = 1;
}
def Q_SubOp : Q_ClampedBinaryOp<"sub"> {
  let summary = "Elementwise difference, numpy broadcasting (rule N12)";
  let description = [{
    Quantized as `q.add`, with `- K2` for K2.

    ```mlir
    %0 = q.sub %a, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
  }];
  let hasFolder = 1;
}
def Q_MulOp : Q_ClampedBinaryOp<"mul"> {
  let summary = "Elementwise product, numpy broadcasting (rule N12)";
  let description = [{
    Quantized, the product being exact (which takes int64 for two operands of
    16 bits):

    ```
    q = clamp(Zy + round((q1 - Z1) (q2 - Z2) M), lo, hi)     M = S1 S2 / Sy
    ```

    ```mlir
    %0 = q.mul %a, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
  }];
  let hasFolder = 1;
}
def Q_DivOp : Q_ClampedBinaryOp<"div"> {
  let summary = "Elementwise quotient, numpy broadcasting";
  let description = [{
    Quantized, with one integer division and one rounding, ties away from zero:

    ```
    q = clamp(Zy + round((q1 - Z1) M0 / ((q2 - Z2) 2^n)), lo, hi)
    M0 / 2^n = S1 / (S2 Sy)
    ```

    A nonzero dividend over zero saturates with the dividend's sign; 0 / 0
    gives the zero point.

    ```mlir
    %0 = q.div %a, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
  }];
  let hasFolder = 1;
}
def Q_PowOp : Q_BinaryOp<"pow", [Q_OneArithmetic]> {
  let summary = "Elementwise power, numpy broadcasting, float only";
  let description = [{
    Without an integer form: a power of two variables is no table of one. Fixed
    exponents are `q.unary` `square` or `sqrt`, or products.

    ```mlir
    %0 = q.pow %a, %b : (tensor<4x3xf32>, tensor<1xf32>) -> tensor<4x3xf32>
    ```
  }];
}
def Q_MinOp : Q_BinaryOp<"min", [Q_SharesParameters]> {
  let summary = "Elementwise minimum, numpy broadcasting (rule N13)";
  let description = [{
    Quantized: the smaller storage value, all parameters being equal.

    ```mlir
    %0 = q.min %a, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
  }];
  let hasCanonicalizer = 1;
}
def Q_MaxOp : Q_BinaryOp<"max", [Q_SharesParameters]> {
  let summary = "Elementwise maximum, numpy broadcasting (rule N13)";
  let description = [{
    Quantized: the larger storage value, all parameters being equal.

    ```mlir
    %0 = q.max %a, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
    ```
  }];
  let hasCanonicalizer = 1;
}

def Q_CompareOp : Q_ShapedOp<"compare", [Q_OneArithmetic]> {
  let summary = "1 where a relation holds, else 0; numpy broadcasting, float only";
  let description = [{
    Nothing holds for a NaN. Without an integer form: an 8-bit quantizer would
    move elements across the border that the network decides on.

    ```mlir
    %0 = q.compare less %a, %b
         : (tensor<4x3xf32>, tensor<1xf32>) -> tensor<4x3xf32>
    ```
  }];
  let arguments = (ins Q_CompareKindAttr:$kind, Q_Tensor:$lhs, Q_Tensor:$rhs);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $kind $lhs `,` $rhs attr-dict `:` functional-type(operands, $output)
  }];
}
def Q_SelectOp : Q_ShapedOp<"select", [Q_OneArithmetic]> {
  let summary = "One of two elements by a condition, numpy broadcasting, float only";
  let description = [{
    The element of `yes` where the condition is not 0, else that of `no`.
    Without an integer form, as `q.compare`, which makes the condition.

    ```mlir
    %0 = q.select %condition, %yes, %no
         : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<1xf32>) -> tensor<4x3xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$condition, Q_Tensor:$yes, Q_Tensor:$no);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $condition `,` $yes `,` $no attr-dict `:` functional-type(operands, $output)
  }];
}

def Q_ClampOp : Q_ShapedOp<"clamp",
    [Q_OneArithmetic, DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let summary = "ReLU, ReLU6, Clip: cut to real bounds";
  let description = [{
    The bounds are real numbers, so they keep their meaning under quantization.
    Quantized (rule N11), with lo and hi the quantized bounds (rule N3) cut to
    the storage range:

    ```
    q' = clamp(Z' + round((q - Z) M), lo, hi)      M = S / S'
    ```

    Between equal parameters that is integer min and max. `q-fuse-activations`
    moves it into the op before it where there is one.

    - No bound is NaN, and the lower is not above the upper.

    ```mlir
    %0 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32}
         : (tensor<1x16xf32>) -> tensor<1x16xf32>
    ```
  }];
  let arguments = !con((ins Q_Tensor:$input), Q_Clamp);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Q_UnaryOp : Q_ShapedOp<"unary", [Q_OneArithmetic]> {
  let summary = "A real function of every element";
  let description = [{
    Quantized (rule N15): the correctly rounded quantized value of the real
    function for each of the input's storage values, a table:

    ```
    table[q - qmin] = clamp(round_half_even(f(S (q - Z)) / S') + Z', qmin', qmax')
    ```

    Where f is not defined (`log` of a negative number) the entry is Z'.
    `alpha` and `beta` parameterize `elu`, `celu`, `leaky_relu` and
    `thresholded_relu` (alpha), `selu` (alpha and beta, which is ONNX's gamma)
    and `hard_sigmoid` (`alpha x + beta`).

    - Quantized inputs have at most 16 bits.

    ```mlir
    %0 = q.unary tanh %x : (tensor<1x16xf32>) -> tensor<1x16xf32>
    %1 = q.unary leaky_relu %x {alpha = 0.1 : f32}
         : (tensor<1x16xf32>) -> tensor<1x16xf32>
    ```
  }];
  let arguments = (ins Q_UnaryKindAttr:$kind, Q_Tensor:$input,
                       DefaultValuedAttr<F32Attr, "0.0f">:$alpha,
                       DefaultValuedAttr<F32Attr, "0.0f">:$beta);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $kind $input attr-dict `:` functional-type(operands, $output)
  }];
}

def Q_PReluOp : Q_ShapedOp<"prelu", [Q_OneArithmetic]> {
  let summary = "Leaky ReLU with a slope tensor that broadcasts to the input";
  let description = [{
    Quantized:

    ```
    q >= Z:  q' = clamp(Z' + round((q - Z) M1))              M1 = S / S'
    q <  Z:  q' = clamp(Z' + round((q - Z) (qs - Zs) M2))    M2 = S Ss / S'
    ```

    ```mlir
    %0 = q.prelu %x, %slope : (tensor<1x8x8x16xf32>, tensor<16xf32>)
           -> tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_Tensor:$slope);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input `,` $slope attr-dict `:` functional-type(operands, $output)
  }];
}

#endif // QDIALECT_QELEMENTWISE_TD
