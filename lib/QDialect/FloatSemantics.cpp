//===- FloatSemantics.cpp - Ops that stay in float ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/FloatSemantics.h"

#include "QDialect/Numerics/FloatFunctions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace q;

bool q::staysFloat(Operation *op) { return op->hasAttr(kStaysFloatAttrName); }

bool q::computesInFloat(Operation *op) {
  if (!isa_and_nonnull<QDialect>(op->getDialect()) || op->getNumResults() != 1)
    return false;
  if (isa<ConstOp, QuantizeOp, DequantizeOp, QuantizerOp, ConcatOp, SliceOp,
          PadOp, TransposeOp, ReshapeOp, GatherOp, ExpandOp>(op))
    return false;
  if (auto resize = dyn_cast<ResizeOp>(op))
    if (resize.getMode() == ResizeMode::Nearest)
      return false;
  return getElementTypeOrSelf(op->getResult(0).getType()).isF32();
}

bool q::mayComputeInFloat(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  return module && module->hasAttr(kFloatIslandsAttrName);
}

bool q::hasFloatForm(Operation *op) {
  if (auto unary = dyn_cast<UnaryOp>(op))
    return numerics::FloatFunctions<numerics::HostFloat>::isKnown(
        getNumericsKind(unary.getKind()));
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return !conv.getResidual();
  return isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp, PReluOp, CompareOp,
             SelectOp, ClampOp, GemmOp, MatMulOp, MaxPool2DOp, AvgPool2DOp,
             ReduceOp, ArgReduceOp, SoftmaxOp, LayerNormOp>(op);
}

numerics::UnaryKind q::getNumericsKind(UnaryKind kind) {
  using To = numerics::UnaryKind;
  switch (kind) {
  case UnaryKind::Abs:
    return To::Abs;
  case UnaryKind::Neg:
    return To::Neg;
  case UnaryKind::Exp:
    return To::Exp;
  case UnaryKind::Log:
    return To::Log;
  case UnaryKind::Sqrt:
    return To::Sqrt;
  case UnaryKind::Rsqrt:
    return To::Rsqrt;
  case UnaryKind::Reciprocal:
    return To::Reciprocal;
  case UnaryKind::Sigmoid:
    return To::Sigmoid;
  case UnaryKind::Tanh:
    return To::Tanh;
  case UnaryKind::Erf:
    return To::Erf;
  case UnaryKind::Gelu:
    return To::Gelu;
  case UnaryKind::GeluTanh:
    return To::GeluTanh;
  case UnaryKind::Elu:
    return To::Elu;
  case UnaryKind::Selu:
    return To::Selu;
  case UnaryKind::Celu:
    return To::Celu;
  case UnaryKind::LeakyRelu:
    return To::LeakyRelu;
  case UnaryKind::HardSigmoid:
    return To::HardSigmoid;
  case UnaryKind::HardSwish:
    return To::HardSwish;
  case UnaryKind::Silu:
    return To::Silu;
  case UnaryKind::Mish:
    return To::Mish;
  case UnaryKind::Softplus:
    return To::Softplus;
  case UnaryKind::Softsign:
    return To::Softsign;
  case UnaryKind::ThresholdedRelu:
    return To::ThresholdedRelu;
  case UnaryKind::Floor:
    return To::Floor;
  case UnaryKind::Ceil:
    return To::Ceil;
  case UnaryKind::Round:
    return To::Round;
  case UnaryKind::Sign:
    return To::Sign;
  case UnaryKind::Sin:
    return To::Sin;
  case UnaryKind::Cos:
    return To::Cos;
  case UnaryKind::Square:
    return To::Square;
  }
  return To::Abs;
}
