//===- FuseResidual.cpp - Additions into the convolution before them ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Passes.h"

namespace q {
#define GEN_PASS_DEF_FUSERESIDUAL
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// The convolution that computes `value` for `add` alone, if its result is not
/// clamped: the residual comes before a clamp.
static Conv2DOp getFusible(AddOp add, Value value) {
  auto conv = value.getDefiningOp<Conv2DOp>();
  if (!conv || !value.hasOneUse() || conv->getBlock() != add->getBlock() ||
      !getPerTensorType(value) || conv.getResidual() ||
      cast<FusedClampOpInterface>(conv.getOperation()).isClamped() ||
      cast<ShapedType>(value.getType()).getShape() !=
          cast<ShapedType>(add.getType()).getShape())
    return nullptr;
  return conv;
}

/// Kernels add with ties away from zero; an addition that meets ties that go to
/// even stays an op of its own.
static FailureOr<bool> meetsTiesToEven(AddOp add) {
  FailureOr<numerics::Rounding> rounding = getRounding(add);
  if (failed(rounding))
    return failure();
  auto lhs = getPerTensorType(add.getLhs()),
       rhs = getPerTensorType(add.getRhs());
  if (*rounding != numerics::Rounding::Even || !lhs || !rhs)
    return false;
  FailureOr<numerics::AddParams> params = getAddParams(add);
  if (failed(params))
    return failure();
  numerics::QuantParams a = getQuantParams(lhs), b = getQuantParams(rhs);
  return numerics::addTieReachable(*params, a.qmin - a.zeroPoint,
                                   a.qmax - a.zeroPoint, b.qmin - b.zeroPoint,
                                   b.qmax - b.zeroPoint);
}

static void fuse(AddOp add, Conv2DOp conv, Value residual) {
  // The residual may come after the convolution, so the fused one stands where
  // the addition stood.
  OpBuilder builder(add);
  auto fused = Conv2DOp::create(
      builder, builder.getFusedLoc({conv.getLoc(), add.getLoc()}),
      add.getType(), conv.getInput(), conv.getWeights(), conv.getBias(),
      residual, conv.getStridesAttr(), conv.getPadsAttr(),
      conv.getDilationsAttr(), conv.getGroupsAttr(), add.getClampMinAttr(),
      add.getClampMaxAttr(), add.getChannelMaxAttr(),
      TypeAttr::get(getPerTensorType(conv.getOutput())),
      conv.getZeroPointFoldedAttr());
  for (NamedAttribute attribute : conv->getDiscardableAttrs())
    fused->setDiscardableAttr(attribute.getName(), attribute.getValue());
  add.replaceAllUsesWith(fused.getOutput());
  add.erase();
  conv.erase();
}

namespace {

struct FuseResidualPass : q::impl::FuseResidualBase<FuseResidualPass> {
  void runOnOperation() override {
    SmallVector<AddOp> adds;
    getOperation().walk([&](AddOp add) { adds.push_back(add); });
    for (AddOp add : adds) {
      FailureOr<bool> staysApart = meetsTiesToEven(add);
      if (failed(staysApart))
        return signalPassFailure();
      if (*staysApart)
        continue;
      Conv2DOp first = getFusible(add, add.getLhs());
      Conv2DOp second = getFusible(add, add.getRhs());
      auto sameShape = [&](Value value) {
        return cast<ShapedType>(value.getType()).getShape() ==
                   cast<ShapedType>(add.getType()).getShape() &&
               getPerTensorType(value);
      };
      // Of two, the later one moves less far.
      if (first && second)
        (first->isBeforeInBlock(second) ? first : second) = nullptr;
      if (first && sameShape(add.getRhs()))
        fuse(add, first, add.getRhs());
      else if (second && sameShape(add.getLhs()))
        fuse(add, second, add.getLhs());
    }
  }
};

} // namespace
