//===- KeepFloatIslands.cpp - Marks the ops that stay in float ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

namespace q {
#define GEN_PASS_DEF_KEEPFLOATISLANDS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// A value that the model leaves in float: neither a constant nor dequantized
/// nor about to be quantized.
static bool isLeftFloat(Value value) {
  if (!isFloatTensor(value) || getConstantBehind(value) ||
      value.getDefiningOp<DequantizeOp>() || value.use_empty())
    return false;
  return llvm::none_of(value.getUsers(), [](Operation *user) {
    return isa<QuantizeOp, QuantizerOp>(user);
  });
}

namespace {

class Marker {
public:
  Marker(func::FuncOp function, bool rest) : function(function), rest(rest) {}

  LogicalResult run();

private:
  LogicalResult visit(Operation *op);
  /// Why `op` cannot be quantized; nothing where it can.
  std::optional<std::string> getReason(Operation *op);
  /// Whether an operand is what an island gives.
  static bool readsIsland(Operation *op) {
    return llvm::any_of(op->getOperands(), [](Value value) {
      return value.getDefiningOp() && staysFloat(value.getDefiningOp());
    });
  }

  func::FuncOp function;
  bool rest;
};

} // namespace

std::optional<std::string> Marker::getReason(Operation *op) {
  if (std::optional<StringRef> obstacle = getIntegerObstacle(op))
    return obstacle->split(';').first.str();
  if (auto layer = dyn_cast<WeightedOpInterface>(op)) {
    Value weights = layer.getWeights();
    if (isWeightFactor(weights.getDefiningOp()))
      weights = weights.getDefiningOp<MulOp>().getLhs();
    if (!getConstantBehind(weights) && !getGivenConstant(weights))
      return "has weights that the network computes";
  }
  if (isa<LayerNormOp>(op) &&
      !llvm::all_of(op->getOperands().drop_front(), [](Value value) {
        return static_cast<bool>(getConstantBehind(value));
      }))
    return "has a scale or shift that the network computes";
  if (!rest)
    return std::nullopt;
  // Softmax and sigmoid have a range of their own (rule N15).
  if (isLeftFloat(op->getResult(0)) && !getFixedRange(op, /*bits=*/8))
    return "has a result that the model does not quantize, and there are no "
           "samples";
  // Parameters of layers are theirs; only what they compute on counts.
  auto layer = dyn_cast<WeightedOpInterface>(op);
  ValueRange data = op->getOperands().take_front(layer ? 1 : 3);
  if (!isa<LayerNormOp>(op) && llvm::any_of(data, isLeftFloat))
    return "reads a tensor that the model does not quantize, and there are no "
           "samples";
  return std::nullopt;
}

LogicalResult Marker::visit(Operation *op) {
  if (!isa_and_nonnull<QDialect>(op->getDialect()) ||
      isa<ConstOp, QuantizerOp, QuantizeOp, DequantizeOp, RequantizeOp>(op) ||
      op->getNumResults() != 1 || !isFloatTensor(op->getResult(0)) ||
      isWeightFactor(op))
    return success();
  auto mark = [&](const Twine &reason) {
    op->setAttr(kStaysFloatAttrName, StringAttr::get(op->getContext(), reason));
    return success();
  };
  if (movesBits(op) && !computesInFloat(op)) {
    // What islands give is moved as it is, where nothing else joins it.
    bool joins = llvm::all_of(op->getOperands(), [&](Value value) {
      Operation *source = value.getDefiningOp();
      return (source && staysFloat(source)) || getConstantBehind(value) ||
             (rest && isLeftFloat(value));
    });
    bool isIsland = readsIsland(op) || (rest && isLeftFloat(op->getOperand(0)));
    return joins && isIsland ? mark("moves what stays in float") : success();
  }
  std::optional<std::string> reason = getReason(op);
  if (!reason)
    return success();
  if (!hasFloatForm(op))
    return op->emitOpError(*reason)
           << ", and it cannot stay in float either, as it has no exact float "
              "form; take it out of the model, or cut the model in front of it";
  op->emitWarning("'") << op->getName() << "' stays in float: it " << *reason;
  return mark(*reason);
}

LogicalResult Marker::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("must have one block to be quantized");
  bool bad = false;
  for (Operation &op : function.getBody().front())
    bad |= failed(visit(&op));
  return failure(bad);
}

namespace {

struct KeepFloatIslandsPass
    : q::impl::KeepFloatIslandsBase<KeepFloatIslandsPass> {
  using KeepFloatIslandsBase::KeepFloatIslandsBase;

  void runOnOperation() override {
    if (!getOperation().isDeclaration() &&
        failed(Marker(getOperation(), rest).run()))
      signalPassFailure();
  }
};

} // namespace
