//===- InsertQuantizers.cpp - Marks the tensors to be quantized -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/LayerName.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"
#include "QDialect/Transforms/Recipe.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_INSERTQUANTIZERS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

class Inserter {
public:
  Inserter(func::FuncOp function, Recipe &recipe)
      : function(function), recipe(recipe), builder(function.getContext()) {}

  LogicalResult run();

private:
  void visitArgument(BlockArgument argument);
  LogicalResult visitOp(Operation *op);
  LogicalResult visitLayer(WeightedOpInterface layer);
  void visitConstantOperands(Operation *op);
  void visitDequantize(DequantizeOp op);
  void visitResult(Operation *op);

  SchemeAttr getScheme(const ActivationSettings &settings,
                       bool forFixedRange = false) {
    // A fixed range is one-sided or has its own middle; with a power of two as
    // scale the unsigned form needs no zero point.
    bool symmetric =
        settings.powerOfTwo || (settings.symmetric && !forFixedRange);
    return SchemeAttr::get(builder.getContext(), settings.bits,
                           /*isSigned=*/settings.symmetric ||
                               settings.powerOfTwo,
                           symmetric, /*narrow=*/false, settings.powerOfTwo,
                           /*axis=*/-1);
  }

  QuantizerOp create(Location loc, Value value, SchemeAttr scheme,
                     std::optional<std::array<double, 2>> range) {
    DenseF64ArrayAttr min, max;
    if (range) {
      min = builder.getDenseF64ArrayAttr((*range)[0]);
      max = builder.getDenseF64ArrayAttr((*range)[1]);
    }
    auto op = QuantizerOp::create(builder, loc, value.getType(), value, scheme,
                                  min, max, IntegerAttr());
    if (range)
      op->setAttr(kFixedAttrName, builder.getUnitAttr());
    return op;
  }

  func::FuncOp function;
  Recipe &recipe;
  OpBuilder builder;
};

} // namespace

/// A value that some op reads as a float, rather than one that only leaves the
/// function again.
static bool needsQuantizer(Value value) {
  if (!isFloatTensor(value) || value.use_empty())
    return false;
  return llvm::none_of(value.getUsers(), [](Operation *user) {
    return isa<QuantizerOp, QuantizeOp>(user);
  });
}

/// Whether `user` reads floats as they are: an island, or the end of the
/// function.
static bool readsFloats(Operation *user) {
  return isa<func::ReturnOp>(user) || staysFloat(user);
}

void Inserter::visitArgument(BlockArgument argument) {
  bool computed = llvm::any_of(
      argument.getUsers(), [](Operation *user) { return !readsFloats(user); });
  if (!computed || !needsQuantizer(argument))
    return;
  StringRef name;
  if (auto attr = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                        "q.name"))
    name = attr.getValue();
  ActivationSettings settings = recipe.getActivations(name);
  builder.setInsertionPointToStart(argument.getOwner());
  QuantizerOp quantizer =
      create(argument.getLoc(), argument, getScheme(settings), settings.range);
  argument.replaceUsesWithIf(quantizer, [&](OpOperand &use) {
    return use.getOwner() != quantizer && !staysFloat(use.getOwner());
  });
}

LogicalResult Inserter::visitLayer(WeightedOpInterface layer) {
  Value weights = layer.getWeights();
  if (isWeightFactor(weights.getDefiningOp<MulOp>()))
    weights = weights.getDefiningOp<MulOp>().getLhs();
  ConstOp constant = getConstantBehind(weights);
  if (constant && constant.getOutput() != weights)
    return success(); // It has its quantizer.
  if (getGivenConstant(weights))
    return success(); // The model came with its integers.
  if (!constant)
    return layer->emitOpError(
        "has weights that the network computes; only constant weights can be "
        "quantized: fold them into a constant when exporting the model");
  WeightSettings settings = recipe.getWeights(getLayerName(layer.getLoc()));
  auto scheme = SchemeAttr::get(
      builder.getContext(), settings.bits, /*isSigned=*/true,
      /*symmetric=*/true, /*narrow=*/settings.bits >= 8 || settings.narrow,
      settings.powerOfTwo, /*axis=*/settings.perChannel ? 0 : -1);
  builder.setInsertionPoint(layer);
  Operation *user = layer;
  if (layer.getWeights() != weights) {
    user = layer.getWeights().getDefiningOp();
    builder.setInsertionPoint(user);
  }
  QuantizerOp quantizer =
      create(weights.getLoc(), weights, scheme, std::nullopt);
  user->replaceUsesOfWith(weights, quantizer);
  return success();
}

void Inserter::visitConstantOperands(Operation *op) {
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (!value.getDefiningOp<ConstOp>() || !isFloatTensor(value))
      continue;
    ActivationSettings settings =
        recipe.getActivations(getLayerName(op->getLoc()));
    builder.setInsertionPoint(op);
    operand.set(create(value.getLoc(), value, getScheme(settings),
                       /*range=*/std::nullopt));
  }
}

void Inserter::visitResult(Operation *op) {
  Value result = op->getResult(0);
  if (!needsQuantizer(result) ||
      (staysFloat(op) && llvm::all_of(result.getUsers(), readsFloats)))
    return;
  ActivationSettings settings =
      recipe.getActivations(getLayerName(op->getLoc()));
  std::optional<std::array<double, 2>> range = getFixedRange(op, settings.bits);
  SchemeAttr scheme = getScheme(settings, range.has_value());
  if (range && settings.powerOfTwo) // sigmoid and softmax are never negative
    scheme =
        SchemeAttr::get(builder.getContext(), settings.bits,
                        /*isSigned=*/(*range)[0] < 0, true, false, true, -1);
  if (settings.range)
    range = settings.range;
  builder.setInsertionPointAfter(op);
  QuantizerOp quantizer = create(op->getLoc(), result, scheme, range);
  // What is computed in integers is read quantized by everyone.
  bool isIsland = staysFloat(op);
  result.replaceUsesWithIf(quantizer, [&](OpOperand &use) {
    return use.getOwner() != quantizer &&
           !(isIsland && readsFloats(use.getOwner()));
  });
}

/// Parameters that the model gives are fixed. Where a tensor is joined with
/// others (rule N13), q-share-parameters has to know them.
void Inserter::visitDequantize(DequantizeOp op) {
  auto type = getPerTensorType(op.getInput());
  bool isJoined = llvm::any_of(op->getUsers(), [](Operation *user) {
    return movesBits(user) && user->getNumOperands() > 1;
  });
  if (!type || !isJoined || type.getStorageTypeIntegralWidth() > 16)
    return;
  numerics::QuantParams params = getQuantParams(type);
  auto toReal = [&](int64_t q) {
    return params.scale * (q - params.zeroPoint);
  };
  auto scheme =
      SchemeAttr::get(builder.getContext(), type.getStorageTypeIntegralWidth(),
                      type.isSigned(), /*symmetric=*/false, /*narrow=*/false,
                      /*powerOfTwo=*/false, /*axis=*/-1);
  builder.setInsertionPointAfter(op);
  QuantizerOp quantizer =
      create(op.getLoc(), op.getOutput(), scheme,
             std::array<double, 2>{toReal(params.qmin), toReal(params.qmax)});
  op.getOutput().replaceUsesWithIf(quantizer, [](OpOperand &use) {
    return movesBits(use.getOwner()) && use.getOwner()->getNumOperands() > 1;
  });
}

LogicalResult Inserter::visitOp(Operation *op) {
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    visitDequantize(dequantize);
  if (!isa_and_nonnull<QDialect>(op->getDialect()) ||
      isa<ConstOp, QuantizerOp, QuantizeOp, DequantizeOp>(op) ||
      isWeightFactor(op))
    return success();
  if (op->getNumResults() != 1 || !isFloatTensor(op->getResult(0)))
    return success();
  if (staysFloat(op)) {
    visitResult(op);
    return success();
  }
  if (auto layer = dyn_cast<WeightedOpInterface>(op)) {
    if (failed(visitLayer(layer)))
      return failure();
  } else if (!isa<BatchNormOp, LayerNormOp>(op)) {
    visitConstantOperands(op);
  }
  if (!movesBits(op))
    visitResult(op);
  return success();
}

LogicalResult Inserter::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("must have one block to be quantized");
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments())
    visitArgument(argument);
  for (Operation &op : llvm::make_early_inc_range(body))
    if (failed(visitOp(&op)))
      return failure();
  std::vector<std::string> unused = recipe.getUnusedEntries();
  if (!unused.empty())
    return function.emitOpError("has no layer or input that the recipe calls '")
           << unused.front()
           << "'; layers are named as the nodes of the model are";
  return success();
}

namespace {

struct InsertQuantizersPass
    : q::impl::InsertQuantizersBase<InsertQuantizersPass> {
  using InsertQuantizersBase::InsertQuantizersBase;

  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    ActivationSettings activations;
    activations.bits = activationBits;
    activations.symmetric = symmetric;
    activations.powerOfTwo = powerOfTwo;
    WeightSettings weights;
    weights.bits = weightBits;
    weights.perChannel = !perTensor;
    weights.powerOfTwo = powerOfTwo;
    weights.narrow = narrow;
    Recipe policy(activations, weights);
    llvm::Error error =
        recipe.empty() ? llvm::Error::success() : policy.read(recipe);
    if (!error)
      error = policy.verify();
    if (error) {
      emitError(getOperation().getLoc()) << llvm::toString(std::move(error));
      return signalPassFailure();
    }
    if (failed(Inserter(getOperation(), policy).run()))
      signalPassFailure();
  }
};

} // namespace
