//===- ShareParameters.cpp - Ties quantizers across ops that move bits ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rule N13: union-find over the values that bit-moving ops connect.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_SHAREPARAMETERS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

/// Sets of values that share their parameters.
class ValueSets {
public:
  Value find(Value value) {
    auto it = parents.find(value);
    if (it == parents.end() || it->second == value)
      return value;
    Value root = find(it->second);
    parents[value] = root;
    return root;
  }
  void unite(Value a, Value b) { parents[find(a)] = find(b); }

private:
  llvm::DenseMap<Value, Value> parents;
};

/// The quantizers of one set, and the constants that borders are filled with.
struct SharedSet {
  SmallVector<QuantizerOp> free;
  SmallVector<QuantizerOp> fixed;
  SmallVector<double> borders;
};

} // namespace

/// Whether all quantizers ask for the same parameters.
static bool agree(ArrayRef<QuantizerOp> quantizers) {
  QuantizerOp first = quantizers.front();
  return llvm::all_of(quantizers, [&](QuantizerOp op) {
    return op.getScheme() == first.getScheme() &&
           op.getMinAttr() == first.getMinAttr() &&
           op.getMaxAttr() == first.getMaxAttr();
  });
}

/// A second quantizer behind `fixed` for the ops that move its bits; the others
/// go on reading the first.
static QuantizerOp createFollower(QuantizerOp fixed) {
  OpBuilder builder(fixed->getContext());
  builder.setInsertionPointAfter(fixed);
  auto follower = QuantizerOp::create(
      builder, fixed.getLoc(), fixed.getType(), fixed.getOutput(),
      fixed.getScheme(), fixed.getMinAttr(), fixed.getMaxAttr(), IntegerAttr());
  fixed.getOutput().replaceUsesWithIf(
      follower.getOutput(), [&](OpOperand &use) {
        return use.getOwner() != follower && movesBits(use.getOwner());
      });
  fixed.emitRemark("has a fixed range, but its tensor is joined with others of "
                   "other ranges: it is requantized for them (rule N13)");
  return follower;
}

/// The scheme that can hold what all of `quantizers` hold.
static SchemeAttr uniteSchemes(ArrayRef<QuantizerOp> quantizers) {
  int64_t bits = 0;
  bool isSigned = false, powerOfTwo = false, symmetric = true;
  for (QuantizerOp op : quantizers) {
    SchemeAttr scheme = op.getScheme();
    bits = std::max(bits, scheme.getBits());
    isSigned |= scheme.getIsSigned();
    powerOfTwo |= scheme.getPowerOfTwo();
    symmetric &= scheme.getSymmetric();
  }
  QuantizerOp first = quantizers.front();
  return SchemeAttr::get(first.getContext(), bits, isSigned,
                         symmetric || powerOfTwo, /*narrow=*/false, powerOfTwo,
                         /*axis=*/-1);
}

/// Borders of other values than the data's widen the range: a saturated border
/// would change what the next layer sees.
static void widenForBorders(QuantizerOp op, ArrayRef<double> borders) {
  if (!op.getMin() || borders.empty())
    return;
  double low = op.getMin()->front(), high = op.getMax()->front();
  for (double border : borders) {
    low = std::min(low, border);
    high = std::max(high, border);
  }
  Builder builder(op.getContext());
  op.setMinAttr(builder.getDenseF64ArrayAttr(low));
  op.setMaxAttr(builder.getDenseF64ArrayAttr(high));
}

namespace {

struct ShareParametersPass : q::impl::ShareParametersBase<ShareParametersPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    ValueSets sets;
    function.walk([&](Operation *op) {
      if (!movesBits(op))
        return;
      for (Value operand : op->getOperands())
        if (isFloatTensor(operand) && isFloatTensor(op->getResult(0)))
          sets.unite(operand, op->getResult(0));
    });

    llvm::MapVector<Value, SharedSet> shared;
    function.walk([&](Operation *op) {
      if (auto pad = dyn_cast<PadOp>(op)) {
        double value = pad.getValue().convertToDouble();
        if (pad.getMode() == PadMode::Constant && std::isfinite(value) &&
            value != 0.0)
          shared[sets.find(pad.getOutput())].borders.push_back(value);
      }
      auto quantizer = dyn_cast<QuantizerOp>(op);
      if (!quantizer || quantizer.getScheme().getAxis() >= 0)
        return;
      quantizer.removeGroupAttr();
      SharedSet &set = shared[sets.find(quantizer.getOutput())];
      bool isFixed = quantizer->hasAttr(kFixedAttrName);
      (isFixed ? set.fixed : set.free).push_back(quantizer);
    });

    int64_t group = 0;
    for (auto &[root, set] : shared)
      share(set, group);
    uniteGroupRanges(function);
  }

  static void share(SharedSet &set, int64_t &group) {
    if (!set.fixed.empty() && (!set.free.empty() || !agree(set.fixed)))
      for (QuantizerOp fixed : set.fixed)
        set.free.push_back(createFollower(fixed));
    for (QuantizerOp op : set.free)
      widenForBorders(op, set.borders);
    if (set.free.size() < 2)
      return;
    SchemeAttr scheme = uniteSchemes(set.free);
    auto number = Builder(scheme.getContext()).getI64IntegerAttr(group++);
    for (QuantizerOp op : set.free) {
      op.setSchemeAttr(scheme);
      op.setGroupAttr(number);
    }
  }
};

} // namespace
