//===- QInterfaces.td - Op interfaces of the q dialect -------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QINTERFACES_TD
#define QDIALECT_QINTERFACES_TD

include "mlir/IR/OpBase.td"

def Q_FusedClampOpInterface : OpInterface<"FusedClampOpInterface"> {
  let cppNamespace = "::q";
  let description = [{
    An op whose result may be clamped for free (rule N11). The bounds are real
    numbers in `clamp_min` and `clamp_max`, so they keep their meaning when the
    op is quantized: the integer bounds are the quantized reals, cut to the
    storage range of the result. Ops that make channels, the last dimension of
    their results, may have an upper bound for each of them besides, in
    `channel_max`.
  }];
  let methods = [
    InterfaceMethod<"The lower bound, null where there is none.",
                    "::mlir::FloatAttr", "getClampMinAttr">,
    InterfaceMethod<"The upper bound, null where there is none.",
                    "::mlir::FloatAttr", "getClampMaxAttr">,
    InterfaceMethod<"Sets the lower bound.", "void", "setClampMinAttr",
                    (ins "::mlir::FloatAttr":$value)>,
    InterfaceMethod<"Sets the upper bound.", "void", "setClampMaxAttr",
                    (ins "::mlir::FloatAttr":$value)>,
    InterfaceMethod<"The upper bounds of channels, null where there are none.",
                    "::mlir::DenseF32ArrayAttr", "getChannelMaxAttr", (ins),
                    /*methodBody=*/"", /*defaultImplementation=*/"return {};">
  ];
  let extraSharedClassDeclaration = [{
    /// Whether there is any bound.
    bool isClamped() {
      return $_op.getClampMinAttr() || $_op.getClampMaxAttr() ||
             $_op.getChannelMaxAttr();
    }
  }];
}

def Q_WeightedOpInterface : OpInterface<"WeightedOpInterface"> {
  let cppNamespace = "::q";
  let description = [{
    An op that multiplies its input with weights and adds a bias: conv2d,
    conv_transpose2d and gemm. Dimension 0 of the weights counts output
    channels; biases have one element per output channel.
  }];
  let methods = [
    InterfaceMethod<"The data operand.",
                    "::mlir::Value", "getInput">,
    InterfaceMethod<"The weights.", "::mlir::Value", "getWeights">,
    InterfaceMethod<"The bias, null where there is none.",
                    "::mlir::Value", "getBias">,
    InterfaceMethod<"The data operand, to change it.",
                    "::mlir::OpOperand &", "getInputMutable">,
    InterfaceMethod<"The weights operand, to change it.",
                    "::mlir::OpOperand &", "getWeightsMutable">,
    InterfaceMethod<"The bias operand, to change it.",
                    "::mlir::MutableOperandRange", "getBiasMutable">,
    InterfaceMethod<"Whether the cross-terms of rule N6 are in the bias.",
                    "bool", "getZeroPointFolded">,
    InterfaceMethod<"Records that the cross-terms are in the bias.", "void",
                    "setZeroPointFolded", (ins "bool":$folded)>
  ];
}

#endif // QDIALECT_QINTERFACES_TD
