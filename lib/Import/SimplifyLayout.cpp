//===- SimplifyLayout.cpp - Moves transposes out of a network -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One walk from the arguments to the results. When an op is met, all transposes
// before it have gone as far down as they can, so its operands show what it
// could work on instead; what it leaves behind is one transpose of its result,
// which the next op will find.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Import/Passes.h"
#include "SinkTransposes.h"

namespace q {
#define GEN_PASS_DEF_SIMPLIFYLAYOUT
#include "QDialect/Import/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static bool isViewOp(Operation *op) {
  return isa<ReshapeOp, TransposeOp, SliceOp, GatherOp>(op);
}

/// The op's result in normal form. Null where the op is a reshape that does not
/// divide the extents evenly: that one stays as it is.
static Value rebuildView(OpBuilder &ops, Operation *op, LayoutState &state) {
  View view = state.viewOf(op->getOperand(0));
  if (!view.apply(op)) {
    view = View(op->getOperand(0));
    if (!view.apply(op))
      return {};
  }
  return state.build(ops, op->getLoc(), view);
}

/// Results need no transposes that could go on, so they get the fewest.
static void rebuildResults(Operation *terminator, LayoutState &state) {
  OpBuilder ops(terminator);
  for (OpOperand &operand : terminator->getOpOperands()) {
    auto found = state.views.find(operand.get());
    if (found == state.views.end())
      continue;
    const View view = found->second;
    if (view.plan(true).countTransposes() < view.plan(false).countTransposes())
      operand.set(state.build(ops, operand.get().getLoc(), view, true));
  }
}

/// Only ops of this dialect on tensors of static shape can be moved.
static bool isMovable(Operation *op) {
  if (!isa_and_nonnull<QDialect>(op->getDialect()) || op->getNumResults() != 1)
    return false;
  auto isStatic = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() && tensor.getNumElements() > 0;
  };
  return llvm::all_of(op->getOperandTypes(), isStatic) &&
         llvm::all_of(op->getResultTypes(), isStatic);
}

void q::simplifyLayout(func::FuncOp function) {
  if (function.isExternal())
    return;
  for (Block &block : function.getBody()) {
    LayoutState state;
    SmallVector<Operation *> order;
    for (Operation &op : block.without_terminator())
      order.push_back(&op);
    for (Operation *op : order) {
      if (!isMovable(op))
        continue;
      OpBuilder ops(op);
      Value result;
      if (isViewOp(op))
        result = rebuildView(ops, op, state);
      else if (isa<GemmOp>(op))
        result = permuteGemmWeights(ops, op, state);
      else
        result = sinkTransposes(ops, op, state);
      if (result)
        op->getResult(0).replaceAllUsesWith(result);
    }
    rebuildResults(block.getTerminator(), state);
    // What has been replaced is dead, users before producers.
    SmallVector<Operation *> all;
    for (Operation &op : block.without_terminator())
      all.push_back(&op);
    for (Operation *op : llvm::reverse(all))
      if (isa_and_nonnull<QDialect>(op->getDialect()) && op->use_empty())
        op->erase();
  }
}

namespace {
struct SimplifyLayoutPass
    : public q::impl::SimplifyLayoutBase<SimplifyLayoutPass> {
  void runOnOperation() override { simplifyLayout(getOperation()); }
};
} // namespace
