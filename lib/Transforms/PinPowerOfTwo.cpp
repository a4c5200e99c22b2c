//===- PinPowerOfTwo.cpp - Ranges that power-of-two scales hold -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "llvm/ADT/DenseSet.h"

namespace q {
#define GEN_PASS_DEF_PINPOWEROFTWO
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static bool hasNegative(QuantizerOp op) {
  return llvm::any_of(*op.getMin(), [](double low) { return low < 0.0; });
}

/// Rule N5: a power-of-two scheme and the range that its scales can hold.
static LogicalResult pin(QuantizerOp op, bool isSigned) {
  SchemeAttr scheme = op.getScheme();
  op.setSchemeAttr(SchemeAttr::get(
      op.getContext(), scheme.getBits(), isSigned, /*symmetric=*/true,
      scheme.getNarrow() && isSigned, /*powerOfTwo=*/true, scheme.getAxis()));
  auto params = chooseParams(op);
  if (failed(params))
    return failure();
  SmallVector<double> low, high;
  for (const numerics::QuantParams &channel : *params) {
    low.push_back(channel.scale * channel.qmin);
    high.push_back(channel.scale * channel.qmax);
  }
  Builder builder(op.getContext());
  op.setMinAttr(builder.getDenseF64ArrayAttr(low));
  op.setMaxAttr(builder.getDenseF64ArrayAttr(high));
  return success();
}

namespace {

struct PinPowerOfTwoPass : q::impl::PinPowerOfTwoBase<PinPowerOfTwoPass> {
  void runOnOperation() override {
    SmallVector<QuantizerOp> quantizers;
    bool bad = false;
    getOperation().walk([&](QuantizerOp op) {
      quantizers.push_back(op);
      if (!op.getMin()) {
        op.emitOpError("has no range to pin; run q-calibrate first");
        bad = true;
      }
    });
    if (bad)
      return signalPassFailure();
    // One negative member makes a whole group signed.
    llvm::DenseSet<int64_t> signedGroups;
    for (QuantizerOp op : quantizers)
      if (op.getGroup() && hasNegative(op))
        signedGroups.insert(*op.getGroup());
    for (QuantizerOp op : quantizers) {
      bool isWeight = op.getScheme().getSymmetric() &&
                      op.getInput().getDefiningOp<ConstOp>();
      bool isSigned = isWeight || hasNegative(op) ||
                      (op.getGroup() && signedGroups.contains(*op.getGroup()));
      if (failed(pin(op, isSigned)))
        return signalPassFailure();
    }
  }
};

} // namespace
