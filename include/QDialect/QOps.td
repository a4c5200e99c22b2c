//===- QOps.td - Ops of the q dialect -------------------------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QOPS_TD
#define QDIALECT_QOPS_TD

include "QDialect/QBase.td"
include "QDialect/QInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Op classes
//===----------------------------------------------------------------------===//

/// Operand and result types hold what `quant` leaves open: zero points in the
/// storage range, one scale per channel, finite positive scales.
def Q_ValidQuantizedTypes : NativeOpTrait<"ValidQuantizedTypes"> {
  let cppNamespace = "::q";
}
/// Rule N13: the op moves bits, so quantized operands and results share their
/// quantized element type.
def Q_SharesParameters : NativeOpTrait<"SharesParameters"> {
  let cppNamespace = "::q";
}

class Q_Op<string mnemonic, list<Trait> traits = []>
    : Op<Q_Dialect, mnemonic,
         !listconcat([Pure, Q_ValidQuantizedTypes], traits)>;

/// An op whose result shape follows from its operands and attributes. The
/// inferred element type is that of the first operand; a quantized op states
/// its own.
class Q_ShapedOp<string mnemonic, list<Trait> traits = []>
    : Q_Op<mnemonic, !listconcat(traits, [
        DeclareOpInterfaceMethods<InferTypeOpInterface>])> {
  let extraClassDeclaration = [{
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred,
                                        ::mlir::TypeRange actual);
  }];
}

defvar Q_Clamp = (ins OptionalAttr<F32Attr>:$clamp_min,
                      OptionalAttr<F32Attr>:$clamp_max);

//===----------------------------------------------------------------------===//
// Constants and the borders between float and integer
//===----------------------------------------------------------------------===//

def Q_ConstOp : Q_Op<"const", [ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    The payload holds the storage values; the result type says what they mean.
    Large payloads are `dense_resource` blobs, whose size is verified here.

    ```mlir
    %w = q.const dense<[[1, -2]]> : tensor<1x2xi8>
           as tensor<1x2x!quant.uniform<i8<-127:127>:f32, 0.5>>
    %b = q.const dense<0.5> : tensor<4xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Q_Tensor:$output);
  let hasCustomAssemblyFormat = 1;
  let hasFolder = 1;
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value)>];
}

def Q_QuantizerOp : Q_Op<"quantizer", [SameOperandsAndResultType]> {
  let summary = "A place where a tensor is to be quantized";
  let description = [{
    In float this op is the identity. It says that its tensor is to be
    quantized, with which scheme, and, once calibrated, over which range of
    real numbers: one minimum and maximum per tensor, or one per channel of the
    scheme's axis. `q-quantize` turns it into types and is then done with it.
    Quantizers with the same `group` share their range (rule N13).

    ```mlir
    %1 = q.quantizer %0 #q.scheme<bits = 8, signed = false, symmetric = false,
           narrow = false, power_of_two = false, axis = -1>
           min [0.0] max [5.5] : tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_SchemeAttr:$scheme,
                       OptionalAttr<DenseF64ArrayAttr>:$min,
                       OptionalAttr<DenseF64ArrayAttr>:$max,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input $scheme (`min` $min^)? (`max` $max^)? (`group` $group^)? attr-dict
    `:` type($input)
  }];
  let hasVerifier = 1;
}

def Q_QuantizeOp : Q_Op<"quantize"> {
  let summary = "Float to quantized (rule N3)";
  let description = [{
    `q = clamp(round_half_even(r / S) + Z, qmin, qmax)` in float32; NaN becomes
    Z and infinities saturate.
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Q_DequantizeOp : Q_Op<"dequantize"> {
  let summary = "Quantized to float: `r = S (q - Z)` in float32 (rule N1)";
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
}

def Q_RequantizeOp : Q_Op<"requantize"> {
  let summary = "From one set of quantization parameters to another (rule N10)";
  let description = [{
    `q' = clamp(Z' + round((q - Z) M), qmin', qmax')` with `M = S / S'` as a
    fixed-point multiplier (rule N9).
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Layers with weights
//===----------------------------------------------------------------------===//

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
    `[top, left, bottom, right]`. Quantized (rules N6, N10, N11):

    ```
    acc = sum (qx - Zx) qw + bias              int32, padding contributes 0
    q   = clamp(Zy + round(acc * M[o]), lo, hi)   M[o] = Sx Sw[o] / Sy
    ```

    With `zero_point_folded` the bias holds `- Zx * sum(qw)` already, the
    padding is filled with Zx, and `acc = sum qx qw + bias`.

    A `residual` of the result's shape is added before the clamp. Quantized,
    the sum before the addition has the type `intermediate`, unclamped beyond
    its storage range, and the addition is that of rule N12: the same bits as
    the convolution followed by `q.add`.
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias, Optional<Q_Tensor>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, DefaultValuedAttr<I64Attr, "1">:$groups),
    Q_Clamp, (ins OptionalAttr<TypeAttr>:$intermediate,
                  UnitAttr:$zero_point_folded));
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? (`residual` $residual^)?
    attr-dict `:` functional-type(operands, $output)
  }];
}

def Q_ConvTranspose2DOp : Q_WeightedOp<"conv_transpose2d"> {
  let summary = "2-D transposed convolution, grouped and dilated";
  let description = [{
    Input `[N, H, W, C]`, weights `[O, KH, KW, C / groups]`, bias `[O]`. The
    result has `(H - 1) * stride - pad_begin - pad_end + dilation * (KH - 1) +
    1 + output_padding` rows. The integer meaning is that of `q.conv2d` over
    the zero-stuffed input; pixels without a product get the bias alone.
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$output_padding,
    DefaultValuedAttr<I64Attr, "1">:$groups), Q_Clamp,
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
    `y = x w^T + bias`. The integer meaning is that of a 1x1 `q.conv2d`.
  }];
  let arguments = !con((ins Q_Tensor:$input, Q_Tensor:$weights,
    Optional<Q_Tensor>:$bias), Q_Clamp, (ins UnitAttr:$zero_point_folded));
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? attr-dict
    `:` functional-type(operands, $output)
  }];
}

def Q_MatMulOp : Q_ShapedOp<"matmul",
    [DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let summary = "Matrix product of two activations, batched";
  let description = [{
    `[..., M, K] x [..., K, N]`; leading dimensions broadcast. Quantized:
    `acc = sum (qa - Za)(qb - Zb)`, then rule N10 with `M = Sa Sb / Sy`.
  }];
  let arguments = !con((ins Q_Tensor:$lhs, Q_Tensor:$rhs), Q_Clamp);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` functional-type(operands, $output)
  }];
}

def Q_BatchNormOp : Q_ShapedOp<"batch_norm"> {
  let summary = "Batch normalization with fixed statistics, float only";
  let description = [{
    `y = scale (x - mean) / sqrt(variance + epsilon) + shift` per channel (the
    last dimension). `q-fold-batch-norm` folds it away before quantization.
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

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

class Q_BinaryOp<string mnemonic, list<Trait> traits = []>
    : Q_ShapedOp<mnemonic, traits> {
  let arguments = (ins Q_Tensor:$lhs, Q_Tensor:$rhs);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` functional-type(operands, $output)
  }];
}
class Q_ClampedBinaryOp<string mnemonic>
    : Q_BinaryOp<mnemonic,
                 [DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let arguments = !con((ins Q_Tensor:$lhs, Q_Tensor:$rhs), Q_Clamp);
}

def Q_AddOp : Q_ClampedBinaryOp<"add"> {
  let summary = "Elementwise sum, numpy broadcasting (rule N12)";
}
def Q_SubOp : Q_ClampedBinaryOp<"sub"> {
  let summary = "Elementwise difference, numpy broadcasting (rule N12)";
}
def Q_MulOp : Q_ClampedBinaryOp<"mul"> {
  let summary = "Elementwise product, numpy broadcasting: `(q1 - Z1)(q2 - Z2)`, then rule N10";
}
def Q_DivOp : Q_ClampedBinaryOp<"div"> {
  let summary = "Elementwise quotient, numpy broadcasting, float only";
}
def Q_PowOp : Q_BinaryOp<"pow"> {
  let summary = "Elementwise power, numpy broadcasting, float only";
}
def Q_MinOp : Q_BinaryOp<"min", [Q_SharesParameters]> {
  let summary = "Elementwise minimum, numpy broadcasting (rule N13)";
}
def Q_MaxOp : Q_BinaryOp<"max", [Q_SharesParameters]> {
  let summary = "Elementwise maximum, numpy broadcasting (rule N13)";
}

def Q_ClampOp : Q_ShapedOp<"clamp",
    [DeclareOpInterfaceMethods<Q_FusedClampOpInterface>]> {
  let summary = "ReLU, ReLU6, Clip: cut to real bounds";
  let description = [{
    Quantized (rule N11) with equal parameters it is integer min and max; with
    different parameters, rule N10 with `M = S / S'` between the bounds.
    `q-fuse-activations` moves it into the op before it where there is one.
  }];
  let arguments = !con((ins Q_Tensor:$input), Q_Clamp);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Q_UnaryOp : Q_ShapedOp<"unary"> {
  let summary = "A real function of every element";
  let description = [{
    Quantized (rule N15): the correctly rounded quantized value of the real
    function, for each of the input's storage values, as a table. `alpha` and
    `beta` parameterize elu, celu, leaky_relu, thresholded_relu (alpha) and
    hard_sigmoid (alpha x + beta).

    ```mlir
    %1 = q.unary tanh %0 : (tensor<1x16xf32>) -> tensor<1x16xf32>
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

def Q_PReluOp : Q_ShapedOp<"prelu"> {
  let summary = "Leaky ReLU with a slope tensor that broadcasts to the input";
  let description = [{
    Quantized: `q >= Z` gives rule N10 with `M = S / Sy`; below, rule N10 of
    `(q - Z) * slope` with `M = S Sslope / Sy`.
  }];
  let arguments = (ins Q_Tensor:$input, Q_Tensor:$slope);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input `,` $slope attr-dict `:` functional-type(operands, $output)
  }];
}

//===----------------------------------------------------------------------===//
// Pools and reductions
//===----------------------------------------------------------------------===//

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
    Pads are `[top, left, bottom, right]`; ONNX's ceil mode is expressed by
    larger bottom and right pads at import.
  }];
}
def Q_AvgPool2DOp : Q_PoolOp<"avg_pool2d",
    [DeclareOpInterfaceMethods<Q_FusedClampOpInterface>],
    !con((ins UnitAttr:$count_include_pad), Q_Clamp)> {
  let summary = "Mean of each window (rule N14)";
  let description = [{
    Quantized: `q = clamp(Zy + round(sum (qx - Zx) * M), lo, hi)` with
    `M = Sx / (Sy * count)`; `count` is the number of elements inside the
    image, or, with `count_include_pad`, the elements of the window within the
    padded image.
  }];
  let assemblyFormat =
    "$input attr-dict `:` functional-type(operands, $output)";
}

def Q_ReduceOp : Q_ShapedOp<"reduce"> {
  let summary = "Sum, mean, maximum or minimum over dimensions (rule N14)";
  let description = [{
    `axes` are sorted and non-negative; reduced dimensions stay as 1 with
    `keep_dims`. Max and min move bits (rule N13).
  }];
  let arguments = (ins Q_ReduceKindAttr:$kind, Q_Tensor:$input,
                       DenseI64ArrayAttr:$axes, UnitAttr:$keep_dims);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $kind $input attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_SoftmaxOp : Q_ShapedOp<"softmax"> {
  let summary = "Softmax, or its logarithm, over one dimension (rule N15)";
  let arguments = (ins Q_Tensor:$input, I64Attr:$axis, UnitAttr:$log);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, $output)
  }];
  let hasVerifier = 1;
}

def Q_LrnOp : Q_ShapedOp<"lrn"> {
  let summary = "Local response normalization over channels";
  let description = [{
    `y = x / (bias + alpha / size * sum x'^2)^beta` over the `size` channels
    around each (the last dimension).
  }];
  let arguments = (ins Q_Tensor:$input, I64Attr:$size, F32Attr:$alpha,
                       F32Attr:$beta, F32Attr:$bias);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
}

def Q_LayerNormOp : Q_ShapedOp<"layer_norm"> {
  let summary = "Normalization over the trailing dimensions from `axis` on";
  let arguments = (ins Q_Tensor:$input, Q_Tensor:$scale,
                       Optional<Q_Tensor>:$shift, I64Attr:$axis,
                       F32Attr:$epsilon);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input `,` $scale (`,` $shift^)? attr-dict
    `:` functional-type(operands, $output)
  }];
}

//===----------------------------------------------------------------------===//
// Ops that move bits (rule N13)
//===----------------------------------------------------------------------===//

def Q_ConcatOp : Q_ShapedOp<"concat", [Q_SharesParameters]> {
  let summary = "Tensors side by side along one dimension (rule N13)";
  let arguments = (ins Variadic<Q_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
}

def Q_SliceOp : Q_ShapedOp<"slice", [Q_SharesParameters]> {
  let summary = "A strided box of a tensor (rule N13)";
  let description = [{
    One entry per dimension: element `i` of the result is element
    `starts + i * steps` of the input. Steps may be negative, not zero.
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$starts,
                       DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$steps);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
}

def Q_PadOp : Q_ShapedOp<"pad", [Q_SharesParameters]> {
  let summary = "A border around a tensor (rule N13)";
  let description = [{
    `low` and `high` give the border per dimension; neither is negative. A
    constant border holds `value`, quantized by rule N3 where the tensor is.
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high,
                       DefaultValuedAttr<Q_PadModeAttr,
                                         "::q::PadMode::Constant">:$mode,
                       DefaultValuedAttr<F32Attr, "0.0f">:$value);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
}

def Q_TransposeOp : Q_ShapedOp<"transpose", [Q_SharesParameters]> {
  let summary = "Dimensions in another order (rule N13)";
  let description = "Dimension `i` of the result is dimension `perm[i]` of the input.";
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
}

def Q_ReshapeOp : Q_Op<"reshape", [Q_SharesParameters]> {
  let summary = "The same elements in row-major order under another shape (rule N13)";
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Q_GatherOp : Q_ShapedOp<"gather", [Q_SharesParameters]> {
  let summary = "Slices of one dimension, by constant index (rule N13)";
  let description = [{
    The result replaces dimension `axis` by `indices`, in their order; the
    indices are non-negative. A scalar index of ONNX is a gather of one index
    and a reshape.
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$indices,
                       I64Attr:$axis);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
}

def Q_ExpandOp : Q_Op<"expand", [Q_SharesParameters]> {
  let summary = "Broadcast to a larger shape (rule N13)";
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Q_ResizeOp : Q_Op<"resize"> {
  let summary = "Spatial resampling of `[N, H, W, C]`, nearest or linear";
  let description = [{
    `scales` are the height and width factors as the model gives them (the
    result shape divided by the input shape where it gives sizes). Nearest
    moves bits (rule N13: equal parameters). Linear, quantized: per axis the
    two weights are integers over 2^11, the weighted sum is exact, and there is
    one rounding (rule N10) with `M = S / (Sy * 2^22)`.
  }];
  let arguments = (ins Q_Tensor:$input, Q_ResizeModeAttr:$mode,
                       Q_CoordinateModeAttr:$coordinates,
                       DefaultValuedAttr<Q_NearestModeAttr,
                         "::q::NearestMode::RoundPreferFloor">:$nearest,
                       DenseF32ArrayAttr:$scales);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif // QDIALECT_QOPS_TD
