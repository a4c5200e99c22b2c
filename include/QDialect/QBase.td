//===- QBase.td - The q dialect, its types, enums and attributes -*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QBASE_TD
#define QDIALECT_QBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Dialect/Quant/IR/QuantBase.td"

def Q_Dialect : Dialect {
  let name = "q";
  let cppNamespace = "::q";
  let summary = "Neural networks, float and quantized, in one set of ops";
  let description = [{
    The `q` dialect holds a network from the moment it is imported until it is
    lowered to `linalg`. The same op serves both sides of quantization: the
    element types of its operands and result say whether it computes in float
    or in integers. Quantized tensors use the types of the upstream `quant`
    dialect:

    ```mlir
    // Float.
    %0 = q.add %a, %b : (tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>)
           -> tensor<1x8x8x16xf32>
    // The same addition in integers, one rounding (rule N12).
    %1 = q.add %c, %d : (tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5:3>>,
                         tensor<1x8x8x16x!quant.uniform<u8:f32, 0.25>>)
           -> tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5:7>>
    ```

    In the formulas of the op descriptions a quantized tensor x has storage
    values qx, scale Sx, zero point Zx and storage range [qmin, qmax], and
    means the reals `Sx (qx - Zx)`. [lo, hi] is the storage range of the
    result, cut to the op's `clamp_min`, `clamp_max` and, channel by channel,
    `channel_max` where it has them. M is
    always a fixed-point multiplier (rule N9), and `round` after it that of the
    module's rounding mode (rule N10).

    Shapes are static, activations are NHWC, and the integer meaning of every
    op is fixed to the bit by the rules N1 to N18 of the numeric contract.
    A module may carry `q.rounding = "single" | "gemmlowp" | "pow2" | "even"`,
    the requantization mode of rule N10; `single` where it is absent.
  }];
  let dependentDialects = ["::mlir::quant::QuantDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// A tensor of the network: float, integer (indices, accumulators) or quantized.
def Q_Tensor
    : RankedTensorOf<[F32, AnyInteger, quant_QuantizedType]>;

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class Q_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::q";
  let genSpecializedAttr = 0;
}
class Q_EnumAttr<I32EnumAttr info, string mnemonic>
    : EnumAttr<Q_Dialect, info, mnemonic>;

def Q_UnaryKind : Q_Enum<"UnaryKind", "real function applied to every element", [
  I32EnumAttrCase<"Abs", 0, "abs">, I32EnumAttrCase<"Neg", 1, "neg">,
  I32EnumAttrCase<"Exp", 2, "exp">, I32EnumAttrCase<"Log", 3, "log">,
  I32EnumAttrCase<"Sqrt", 4, "sqrt">, I32EnumAttrCase<"Rsqrt", 5, "rsqrt">,
  I32EnumAttrCase<"Reciprocal", 6, "reciprocal">,
  I32EnumAttrCase<"Sigmoid", 7, "sigmoid">, I32EnumAttrCase<"Tanh", 8, "tanh">,
  I32EnumAttrCase<"Erf", 9, "erf">, I32EnumAttrCase<"Gelu", 10, "gelu">,
  I32EnumAttrCase<"GeluTanh", 11, "gelu_tanh">,
  I32EnumAttrCase<"Elu", 12, "elu">, I32EnumAttrCase<"Selu", 13, "selu">,
  I32EnumAttrCase<"Celu", 14, "celu">,
  I32EnumAttrCase<"LeakyRelu", 15, "leaky_relu">,
  I32EnumAttrCase<"HardSigmoid", 16, "hard_sigmoid">,
  I32EnumAttrCase<"HardSwish", 17, "hard_swish">,
  I32EnumAttrCase<"Silu", 18, "silu">, I32EnumAttrCase<"Mish", 19, "mish">,
  I32EnumAttrCase<"Softplus", 20, "softplus">,
  I32EnumAttrCase<"Softsign", 21, "softsign">,
  I32EnumAttrCase<"ThresholdedRelu", 22, "thresholded_relu">,
  I32EnumAttrCase<"Floor", 23, "floor">, I32EnumAttrCase<"Ceil", 24, "ceil">,
  I32EnumAttrCase<"Round", 25, "round">, I32EnumAttrCase<"Sign", 26, "sign">,
  I32EnumAttrCase<"Sin", 27, "sin">, I32EnumAttrCase<"Cos", 28, "cos">,
  I32EnumAttrCase<"Square", 29, "square">
]>;
def Q_UnaryKindAttr : Q_EnumAttr<Q_UnaryKind, "unary_kind">;

def Q_ReduceKind : Q_Enum<"ReduceKind", "how a reduction combines elements", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
  I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">
]>;
def Q_ReduceKindAttr : Q_EnumAttr<Q_ReduceKind, "reduce_kind">;

def Q_CompareKind : Q_Enum<"CompareKind", "relation between two elements", [
  I32EnumAttrCase<"Equal", 0, "equal">, I32EnumAttrCase<"Less", 1, "less">,
  I32EnumAttrCase<"LessOrEqual", 2, "less_or_equal">
]>;
def Q_CompareKindAttr : Q_EnumAttr<Q_CompareKind, "compare_kind">;

def Q_PadMode : Q_Enum<"PadMode", "what fills the border", [
  I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Edge", 1, "edge">,
  I32EnumAttrCase<"Reflect", 2, "reflect">
]>;
def Q_PadModeAttr : Q_EnumAttr<Q_PadMode, "pad_mode">;

def Q_ResizeMode : Q_Enum<"ResizeMode", "interpolation of a resize", [
  I32EnumAttrCase<"Nearest", 0, "nearest">, I32EnumAttrCase<"Linear", 1, "linear">
]>;
def Q_ResizeModeAttr : Q_EnumAttr<Q_ResizeMode, "resize_mode">;

def Q_CoordinateMode : Q_Enum<"CoordinateMode",
    "how an output coordinate maps to an input coordinate", [
  I32EnumAttrCase<"HalfPixel", 0, "half_pixel">,
  I32EnumAttrCase<"Asymmetric", 1, "asymmetric">,
  I32EnumAttrCase<"AlignCorners", 2, "align_corners">,
  I32EnumAttrCase<"PytorchHalfPixel", 3, "pytorch_half_pixel">,
  I32EnumAttrCase<"HalfPixelSymmetric", 4, "half_pixel_symmetric">,
  I32EnumAttrCase<"TfHalfPixelForNn", 5, "tf_half_pixel_for_nn">
]>;
def Q_CoordinateModeAttr : Q_EnumAttr<Q_CoordinateMode, "coordinate_mode">;

def Q_NearestMode : Q_Enum<"NearestMode", "rounding of a nearest coordinate", [
  I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
  I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">,
  I32EnumAttrCase<"Floor", 2, "floor">, I32EnumAttrCase<"Ceil", 3, "ceil">
]>;
def Q_NearestModeAttr : Q_EnumAttr<Q_NearestMode, "nearest_mode">;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Q_SchemeAttr : AttrDef<Q_Dialect, "Scheme"> {
  let mnemonic = "scheme";
  let summary = "how a tensor is quantized, before its range is known";
  let description = [{
    Rule N2. `bits` is the storage width (2..16, or 32 for biases), `isSigned`
    the storage's signedness, `symmetric` fixes the zero point to 0,
    `narrow` leaves out the most negative storage value, `powerOfTwo` asks for
    a scale 2^-f (rule N5), and `axis` is the channel dimension of per-axis
    parameters, or -1 for one scale per tensor.

    ```mlir
    #q.scheme<bits = 8, signed = false, symmetric = false, narrow = false,
              power_of_two = false, axis = -1>
    ```
  }];
  let parameters = (ins "int64_t":$bits, "bool":$isSigned, "bool":$symmetric,
                        "bool":$narrow, "bool":$powerOfTwo, "int64_t":$axis);
  let assemblyFormat = [{
    `<` `bits` `=` $bits `,` `signed` `=` $isSigned `,`
        `symmetric` `=` $symmetric `,` `narrow` `=` $narrow `,`
        `power_of_two` `=` $powerOfTwo `,` `axis` `=` $axis `>`
  }];
  let genVerifyDecl = 1;
}

#endif // QDIALECT_QBASE_TD
