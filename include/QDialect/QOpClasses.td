//===- QOpClasses.td - Traits and classes of q ops ---------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QOPCLASSES_TD
#define QDIALECT_QOPCLASSES_TD

include "QDialect/QBase.td"
include "QDialect/QInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Operand and result types hold what `quant` leaves open: zero points in the
/// storage range, one scale per channel, finite positive scales.
def Q_ValidQuantizedTypes : NativeOpTrait<"ValidQuantizedTypes"> {
  let cppNamespace = "::q";
}
/// The op computes: its tensors are all quantized per tensor, to 16 bits or
/// less, or none is.
def Q_OneArithmetic : NativeOpTrait<"OneArithmetic"> {
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

/// The real bounds of a fused clamp (rule N11).
defvar Q_Clamp = (ins OptionalAttr<F32Attr>:$clamp_min,
                      OptionalAttr<F32Attr>:$clamp_max);
/// The same for each channel of the result, above.
defvar Q_ChannelMax = (ins OptionalAttr<DenseF32ArrayAttr>:$channel_max);

#endif // QDIALECT_QOPCLASSES_TD
