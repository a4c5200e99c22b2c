//===- CorrectBias.cpp - Takes the mean error out of biases ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function holds both networks, the float one and the simulated one, and
// the ops that compare them; the float evaluator runs it on the samples.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace q {
#define GEN_PASS_DEF_CORRECTBIAS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

/// A layer and the mean error of each of its output channels.
struct LayerError {
  WeightedOpInterface layer;
  std::vector<double> mean;
};

/// The function that runs a network and its quantized form side by side.
class Comparison {
public:
  explicit Comparison(func::FuncOp network);

  /// Runs both over all of `data`.
  LogicalResult measure(eval::DataSource &data);
  /// What was measured, by the value that holds it for one run.
  const llvm::MapVector<Value, LayerError> &getErrors() const { return errors; }

private:
  void add(Operation &op);
  void addLayer(WeightedOpInterface layer);
  Value addClamp(FusedClampOpInterface layer, Value value);
  Value createMean(Location loc, Value value);

  OpBuilder builder;
  OwningOpRef<func::FuncOp> function;
  /// From the network to its two copies.
  IRMapping real, simulated;
  llvm::MapVector<Value, LayerError> errors;
};

} // namespace

/// Whether the quantizers decide about the weights and the bias of `layer`. A
/// layer that arrived quantized keeps its bias.
static bool isCorrectable(WeightedOpInterface layer) {
  Value weights = layer.getWeights();
  if (isWeightFactor(weights.getDefiningOp()))
    weights = weights.getDefiningOp<MulOp>().getLhs();
  return weights.getDefiningOp<QuantizerOp>() &&
         (!layer.getBias() || isFloatConstant(layer.getBias()));
}

Comparison::Comparison(func::FuncOp network)
    : builder(network.getContext()),
      function(func::FuncOp::create(
          network.getLoc(), network.getName(),
          builder.getFunctionType(network.getArgumentTypes(), {}))) {
  Block *body = function->addEntryBlock();
  builder.setInsertionPointToEnd(body);
  real.map(network.getArguments(), body->getArguments());
  simulated.map(network.getArguments(), body->getArguments());
  for (Operation &op : network.getBody().front().without_terminator())
    add(op);
  func::ReturnOp::create(builder, network.getLoc());
}

void Comparison::add(Operation &op) {
  if (auto layer = dyn_cast<WeightedOpInterface>(op))
    if (isCorrectable(layer))
      return addLayer(layer);
  if (auto quantizer = dyn_cast<QuantizerOp>(op)) {
    real.map(quantizer.getOutput(), real.lookup(quantizer.getInput()));
    builder.clone(op, simulated);
    return;
  }
  builder.clone(op, real);
  if (isa<ConstOp>(op))
    simulated.map(op.getResult(0), real.lookup(op.getResult(0)));
  else
    builder.clone(op, simulated);
}

void Comparison::addLayer(WeightedOpInterface layer) {
  auto clamp = cast<FusedClampOpInterface>(layer.getOperation());
  Location loc = layer.getLoc();
  auto clone = [&](IRMapping &mapping) {
    Operation *copy = builder.clone(*layer, mapping);
    auto bounds = cast<FusedClampOpInterface>(copy);
    bounds.setClampMinAttr(nullptr);
    bounds.setClampMaxAttr(nullptr);
    copy->removeAttr("channel_max");
    return copy->getResult(0);
  };
  Value expected = clone(real), actual = clone(simulated);
  Type type = expected.getType();
  Value difference =
      SubOp::create(builder, loc, type, actual, expected, nullptr, nullptr);
  Value mean = createMean(loc, difference);
  size_t channels = cast<RankedTensorType>(type).getShape().back();
  errors[mean] = {layer, std::vector<double>(channels)};
  actual = SubOp::create(builder, loc, type, actual, mean, nullptr, nullptr);
  real.map(layer->getResult(0), addClamp(clamp, expected));
  simulated.map(layer->getResult(0), addClamp(clamp, actual));
}

/// The clamp that `layer` had before it was cut off.
Value Comparison::addClamp(FusedClampOpInterface layer, Value value) {
  FloatAttr low = layer.getClampMinAttr(), high = layer.getClampMaxAttr();
  Location loc = layer.getLoc();
  Type type = value.getType();
  if (low || high)
    value = ClampOp::create(builder, loc, type, value, low, high);
  if (DenseF32ArrayAttr maxima = layer.getChannelMaxAttr())
    value = MinOp::create(
        builder, loc, type, value,
        createFloatConstant(builder, loc, maxima.size(), maxima.asArrayRef()));
  return value;
}

/// The mean of each channel, which is the last dimension.
Value Comparison::createMean(Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> axes, shape(type.getRank(), 1);
  for (int64_t axis = 0; axis + 1 < type.getRank(); ++axis)
    axes.push_back(axis);
  shape.back() = type.getShape().back();
  return ReduceOp::create(builder, loc, type.clone(shape), ReduceKind::Mean,
                          value, axes, /*keep_dims=*/true);
}

LogicalResult Comparison::measure(eval::DataSource &data) {
  auto evaluator =
      eval::createFloatEvaluator(*function, eval::QuantizerMode::Simulate);
  if (failed(evaluator))
    return failure();
  double samples = data.getNumSamples();
  for (int64_t i = 0; i < data.getNumBatches(); ++i) {
    auto batch = data.read(i);
    if (failed(batch))
      return failure();
    double weight = batch->valid / samples;
    auto observe = [&](Value value, const eval::Tensor &tensor) {
      auto found = errors.find(value);
      if (found == errors.end())
        return;
      for (auto [sum, mean] : llvm::zip_equal(found->second.mean, tensor.f()))
        sum += weight * mean;
    };
    if (failed((*evaluator)->run(batch->inputs, observe)))
      return failure();
  }
  return success();
}

namespace {

struct CorrectBiasPass : q::impl::CorrectBiasBase<CorrectBiasPass> {
  using CorrectBiasBase::CorrectBiasBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      bool any = false;
      function.walk(
          [&](WeightedOpInterface layer) { any |= isCorrectable(layer); });
      if (any && failed(run(function)))
        return signalPassFailure();
    }
  }

  LogicalResult run(func::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return function.emitOpError("must have one block to be evaluated");
    if (data.empty())
      return function.emitOpError("has biases to correct, which takes sample "
                                  "inputs; give data=FILE or FOLDER");
    auto source = eval::openData(data, function, preprocess, samples);
    if (failed(source))
      return failure();
    Comparison comparison(function);
    if (failed(comparison.measure(**source)))
      return failure();
    for (const auto &[value, error] : comparison.getErrors())
      if (failed(subtractFromBias(error.layer, error.mean)))
        return failure();
    eraseDeadConstants(function);
    return success();
  }
};

} // namespace
