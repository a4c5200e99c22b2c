//===- KernelOps.td - Ops of the kernel dialect ---------------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELOPS_TD
#define QDIALECT_CONVERSION_KERNELOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QK_Dialect : Dialect {
  let name = "qk";
  let cppNamespace = "::q::kernel";
  let summary = "Integer layers with packed weights and a chosen strategy";
  let description = [{
    A `qk` op is a convolution or matrix product of the `q` dialect after the
    choice of nest, micro-kernel and epilogue. It works on storage integers (all
    8-bit values are `i8`, whatever their signedness) and holds every constant of
    its arithmetic as an operand or attribute. Ops are destination-style: they
    live on tensors and, after bufferization, on memrefs, where
    `lower-kernels` turns them into functions of loops and vectors.
  }];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def QK_MicroKernel : I32EnumAttr<"MicroKernel",
    "the instructions that multiply and accumulate", [
  I32EnumAttrCase<"Pmaddwd", 0, "pmaddwd">,
  I32EnumAttrCase<"Smlal", 1, "smlal">,
  I32EnumAttrCase<"Sdot", 2, "sdot">,
  I32EnumAttrCase<"Usdot", 3, "usdot">,
  I32EnumAttrCase<"Pmaddubsw", 4, "pmaddubsw">,
  I32EnumAttrCase<"Vpdpbusd", 5, "vpdpbusd">,
  I32EnumAttrCase<"Vpdpwssd", 6, "vpdpwssd">,
  I32EnumAttrCase<"Smull", 7, "smull">,
  I32EnumAttrCase<"Smmla", 8, "smmla">,
  I32EnumAttrCase<"Usmmla", 9, "usmmla">,
  I32EnumAttrCase<"Vpdpbusd512", 10, "vpdpbusd512">,
  I32EnumAttrCase<"Vpdpwssd512", 11, "vpdpwssd512">,
  I32EnumAttrCase<"SmullLanes", 12, "smull_lanes">
]> {
  let cppNamespace = "::q::kernel";
  let genSpecializedAttr = 0;
}
def QK_MicroKernelAttr : EnumAttr<QK_Dialect, QK_MicroKernel, "micro_kernel"> {
  let assemblyFormat = "`<` $value `>`";
}

def QK_Epilogue : I32EnumAttr<"Epilogue",
    "the instructions that requantize accumulators (rule N10)", [
  I32EnumAttrCase<"Float", 0, "float">,
  I32EnumAttrCase<"Fixed64", 1, "fixed64">,
  I32EnumAttrCase<"Gemmlowp", 2, "gemmlowp">,
  I32EnumAttrCase<"Pow2", 3, "pow2">,
  I32EnumAttrCase<"Fixed64Any", 4, "fixed64_any">,
  I32EnumAttrCase<"Mixed", 5, "mixed">
]> {
  let cppNamespace = "::q::kernel";
  let genSpecializedAttr = 0;
}
def QK_EpilogueAttr : EnumAttr<QK_Dialect, QK_Epilogue, "epilogue"> {
  let assemblyFormat = "`<` $value `>`";
}

def QK_StorageAttr : AttrDef<QK_Dialect, "Storage"> {
  let mnemonic = "storage";
  let summary = "how an i8 element is read: signedness, zero point, bounds";
  let description = [{
    `lo` and `hi` bound the values; for a result they are the fused clamp of
    rule N11.

    ```mlir
    #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>
    ```
  }];
  let parameters = (ins "bool":$isSigned, "int64_t":$zeroPoint, "int64_t":$lo,
                        "int64_t":$hi);
  let assemblyFormat = [{
    `<` `signed` `=` $isSigned `,` `zero_point` `=` $zeroPoint `,`
        `lo` `=` $lo `,` `hi` `=` $hi `>`
  }];
  let genVerifyDecl = 1;
}

def QK_ResidualAttr : AttrDef<QK_Dialect, "Residual"> {
  let mnemonic = "residual";
  let summary = "the constants of a fused addition (rule N12)";
  let description = [{
    `v` is the requantized sum in `intermediate`, clamped to its bounds, and `r`
    the residual operand in `storage`:

    ```
    clamp(Zy + round(((v - Zv) * k1 + (r - Zr) * k2) * 2^-shift), lo, hi)
    ```

    Everything fits int32, which `makeAddParams` has proven.
  }];
  let parameters = (ins "::q::kernel::StorageAttr":$intermediate,
                        "::q::kernel::StorageAttr":$storage,
                        "int64_t":$k1, "int64_t":$k2, "int64_t":$shift);
  let assemblyFormat = [{
    `<` `intermediate` `=` $intermediate `,` `storage` `=` $storage `,`
        `k1` `=` $k1 `,` `k2` `=` $k2 `,` `shift` `=` $shift `>`
  }];
}

def QK_ChainAttr : AttrDef<QK_Dialect, "Chain"> {
  let mnemonic = "chain";
  let summary = "how long sums of products stay in int16, and why (rule N8)";
  let description = [{
    `vpmaddubsw` multiplies activations of 0 to `amax` with weights and adds two
    products with saturation; `length` such sums are added in int16, without
    saturation, before they are widened. `pair_sum` and `chain_sum` are the
    largest sums of magnitudes of the weights of one sign in a pair and in a
    chain, or in a longer chain that is cut into these. Everything is exact because

    ```
    amax * pair_sum <= 32767 and amax * chain_sum <= 32767
    ```

    (32768 where only sums of negative weights come that far).
  }];
  let parameters = (ins "int64_t":$length, "int64_t":$amax, "int64_t":$pairSum,
                        "int64_t":$chainSum);
  let assemblyFormat = [{
    `<` `length` `=` $length `,` `amax` `=` $amax `,` `pair_sum` `=` $pairSum
        `,` `chain_sum` `=` $chainSum `>`
  }];
  let genVerifyDecl = 1;
}

def QK_PanelChainsAttr : AttrDef<QK_Dialect, "PanelChains"> {
  let mnemonic = "panel_chains";
  let summary = "which products of each panel meet in int16, and why (rule N8)";
  let description = [{
    Each panel of output channels takes its steps (groups of four products of
    every channel) in an order of its own: in chains of `lengths`, which fall,
    whose sums are added in int16 before they are widened; those that are not
    safe come last, as chains of length 0, and are widened before they are
    multiplied. `counts` tells how many chains of each length a panel has, panel
    by panel. `reach` holds, for each length, the largest magnitude that a sum
    in int16 can have, with the largest value that each input channel can take.
    Everything is exact because no `reach` exceeds 32767 (32768 downwards).
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$lengths,
                        ArrayRefParameter<"int64_t">:$reach,
                        ArrayRefParameter<"int64_t">:$counts);
  let assemblyFormat = [{
    `<` `lengths` `=` `[` $lengths `]` `,` `reach` `=` `[` $reach `]` `,`
        `counts` `=` `[` $counts `]` `>`
  }];
  let genVerifyDecl = 1;
}

def QK_SignedChainAttr : AttrDef<QK_Dialect, "SignedChain"> {
  let mnemonic = "signed_chain";
  let summary = "how many signed products a lane of int16 adds, and why (rule N8)";
  let description = [{
    SMULL and SMLAL multiply signed bytes and add `length` products in each of
    eight int16 lanes, before SADALP widens them. The micro-kernel sees
    activations of `lo` to `hi`: their storage values, shifted so that the lowest
    of the storage's type becomes `lo`, which the bias takes off again. The sums of
    a lane lie in [`sum_min`, `sum_max`], and both ends are reached by some
    input. Everything is exact because

    ```
    -32768 <= sum_min and sum_max <= 32767
    ```

    In `qk.depthwise` a lane is a channel, and its products those of a column of
    the window.

    A length of 1 is exact for all weights, a length of 2 for weights of -127 to
    127.
  }];
  let parameters = (ins "int64_t":$length, "int64_t":$lo, "int64_t":$hi,
                        "int64_t":$sumMin, "int64_t":$sumMax);
  let assemblyFormat = [{
    `<` `length` `=` $length `,` `lo` `=` $lo `,` `hi` `=` $hi `,` `sum_min`
        `=` $sumMin `,` `sum_max` `=` $sumMax `>`
  }];
  let genVerifyDecl = 1;
}

def QK_WinogradProofAttr : AttrDef<QK_Dialect, "WinogradProof"> {
  let mnemonic = "winograd_proof";
  let summary = "why a Winograd convolution is exact, and why it was chosen";
  let description = [{
    `acc_min` and `acc_max` are the exact extremes of the layer's accumulators,
    the bias among their terms. What comes back from the transforms is the
    accumulator modulo 2^26, so the layer is exact because (rule N8)

    ```
    -2^25 <= acc_min and acc_max < 2^25
    ```

    `cycles` and `direct_cycles` are estimates for the layer and for the same as
    a `qk.conv`.
  }];
  let parameters = (ins "int64_t":$accMin, "int64_t":$accMax,
                        "int64_t":$cycles, "int64_t":$directCycles);
  let assemblyFormat = [{
    `<` `acc_min` `=` $accMin `,` `acc_max` `=` $accMax `,` `cycles` `=` $cycles
        `,` `direct_cycles` `=` $directCycles `>`
  }];
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

class QK_Vector<list<Type> types> : AnyTypeOf<[
    1DTensorOf<types>, MemRefRankOf<types, [1]>]>;
def QK_Activation : AnyTypeOf<[RankedTensorOf<[I8]>, MemRefOf<[I8]>]>;

class QK_LayerOp<string mnemonic> : Op<QK_Dialect, mnemonic, [
    AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let arguments = (ins QK_Activation:$input, QK_Vector<[I8]>:$weights,
    QK_Vector<[I32]>:$bias, Optional<QK_Vector<[F32, I32]>>:$multipliers,
    Optional<QK_Vector<[I8]>>:$shifts,
    Optional<QK_Vector<[I8]>>:$channel_max,
    Optional<QK_Vector<[I16, I32]>>:$chain_table,
    Optional<QK_Activation>:$residual,
    QK_Activation:$init,
    DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    OptionalAttr<QK_WinogradProofAttr>:$winograd_proof,
    OptionalAttr<StrAttr>:$why_direct,
    QK_StorageAttr:$input_storage, QK_StorageAttr:$output_storage,
    OptionalAttr<QK_ResidualAttr>:$residual_add,
    QK_MicroKernelAttr:$micro_kernel, QK_EpilogueAttr:$epilogue,
    OptionalAttr<QK_ChainAttr>:$chain,
    OptionalAttr<QK_PanelChainsAttr>:$panel_chains,
    OptionalAttr<QK_SignedChainAttr>:$signed_chain,
    UnitAttr:$ties_away, DenseI64ArrayAttr:$tile,
    OptionalAttr<I64Attr>:$weight_bits);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $input `weights` $weights `bias` $bias (`multipliers` $multipliers^)?
    (`shifts` $shifts^)? (`bounds` $channel_max^)? (`chains` $chain_table^)?
    (`residual` $residual^)? `into` $init attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let hasVerifier = 1;
}

def QK_ConvOp : QK_LayerOp<"conv"> {
  let summary = "Convolution or matrix product, requantized";
  let description = [{
    Input `[N, H, W, C]` and init `[N, OH, OW, O]`, or, for a matrix product,
    `[M, K]` and `[M, N]` with a 1x1 `kernel`. Rules N6, N10, N11:

    ```
    acc = sum x * w + bias        padding is the input's zero point, and the
                                  bias holds the zero point's cross-terms
    y   = clamp(Zy + requantize(acc), lo, hi)
    ```

    `tile` is `[pixels, vectors]`: the accumulators that the micro-kernel holds.
    Weights, bias and the epilogue's constants are packed for the micro-kernel
    and that tile: panels of output channels, the last of which reaches back
    over its neighbour instead of beyond the end. `epilogue` says what the
    constants are:

    | epilogue | multipliers | shifts |
    |---|---|---|
    | float | f32, proven equal for every reachable accumulator | none |
    | fixed64 | M0 | total right shift, 32 to 62 (M < 1/2) |
    | fixed64_any | M0 | total right shift, 1 to 62 |
    | mixed | per panel: f32 bits where the first shift is 0, else M0 | as fixed64 |
    | gemmlowp | M0 | right shift, negative for a left shift |
    | pow2 | none | right shift, 1 to 30 |

    `bounds`, where there are any, take the place of `hi`: one for each output
    channel, in panels like the other constants, but with the channels of a panel
    in the order in which they are stored.

    The activations of the micro-kernels `pmaddubsw` and `vpdpbusd` are
    unsigned: signed ones are shifted by 128, which the bias takes off again.
    `vpdpbusd512` is the same in vectors of 512 bits.
    `vpdpbusd` adds in int32 and needs no proof; `pmaddubsw` has either `chain`,
    if all steps go by in chains of one length and in their natural order, or
    `panel_chains` and `chains`: for each panel the counts of that attribute,
    then where the activations of each step lie, counted from those of the first
    step in elements. Packed weights follow that order, and those of a step that
    is widened are stored as channels 0, 2 and then 1, 3 of each vector.
    Those of `smull` are signed and centred around 0, which the `signed_chain`
    that goes with it describes. Its accumulators hold four partial sums each of
    one output channel, which are added up behind the last product.

    `weight_bits` = 4 or 2 says that weights are kept side by side: each panel is
    filled up with zeros to a multiple of 512 / `weight_bits` bytes, and of every
    so many bytes the first 64 stand in the lowest bits of 64 bytes, the next 64
    above them, and so on, each as w + 2^(`weight_bits` - 1). Where `pmaddubsw`,
    `vpdpbusd`, `smull`, `sdot` or `usdot` multiplies a single pixel, vectors take
    the place of 64 bytes; they are unpacked in registers and multiplied without
    their sign, which the sum of the activations gives back. `chain` or
    `signed_chain` is then that of all such weights.

    `why_direct` tells of a 3x3 layer why it is no `qk.winograd`.

    `ties_away` asks for ties away from zero where a negative tie may occur;
    without it, it is proven that none does.
  }];
}

def QK_WinogradOp : QK_LayerOp<"winograd"> {
  let summary = "Dense 3x3 convolution of stride 1 in Winograd form, requantized";
  let description = [{
    The arithmetic is that of `qk.conv`, to the bit, with a quarter to a third of
    its multiplications: tiles of 4x4 outputs (and of 3 rows or columns where the
    extents ask for them) from 36 products of transformed weights and data, which
    fit int16. `winograd_proof` says why nothing is lost.

    `tile` is `[rows, channels]`: the rows of tiles whose data are transformed at
    a time, and the input channels whose weights are. Weights are the 8-bit ones,
    packed as `[panel of 16 outputs, channel pair, 8 outputs, tap, output, 2]`;
    the kernel transforms them when it is called, so that the library holds one
    byte for each. Bias and the epilogue's constants are packed as those of
    `qk.conv` with the same micro-kernel in panels of 16: `pmaddwd`, `vpdpwssd`,
    in vectors of 512 bits `vpdpwssd512`, or, on NEON, `smlal`.
  }];
}

def QK_DepthwiseOp : QK_LayerOp<"depthwise"> {
  let summary = "Depthwise convolution, requantized";
  let description = [{
    The convolution whose `groups` equal the channels of input and result. The
    arithmetic is that of `qk.conv`. `tile` is `[rows, vectors]`: how many output
    rows and vectors of channels one walk along the input handles; it takes the
    micro-kernels `pmaddwd`, `vpdpwssd`, `smlal`, `smull_lanes`, `sdot` and
    `usdot`. Weights are `[KH, KW, C]`, one byte each; the kernel widens them when
    it is called. Bias, multipliers and shifts are packed as those of `qk.conv`.

    `smull_lanes` multiplies bytes of eight channels and adds `length` (of its
    `signed_chain`) taps of a column of the window in int16, from the uppermost
    on; activations are signed and centred around 0.
  }];
}

#endif // QDIALECT_CONVERSION_KERNELOPS_TD
