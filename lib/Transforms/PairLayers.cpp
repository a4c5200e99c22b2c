//===- PairLayers.cpp - Layers whose products meet in pairs ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PairLayers.h"

#include "ChannelRanges.h"

#include "QDialect/Shapes.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Quantizers.h"

using namespace mlir;
using namespace q;

QuantizerOp q::getInputQuantizer(Value input) {
  while (Operation *op = input.getDefiningOp()) {
    if (auto quantizer = dyn_cast<QuantizerOp>(op))
      return quantizer;
    if (!movesBits(op))
      break;
    input = op->getOperand(0);
  }
  return {};
}

std::optional<int> q::getLargestActivation(Value input) {
  QuantizerOp quantizer = getInputQuantizer(input);
  if (!quantizer)
    return 255;
  SchemeAttr scheme = quantizer.getScheme();
  unsigned bits = scheme.getBits();
  if (bits > 8)
    return std::nullopt;
  return scheme.getIsSigned() ? 128 + (1 << (bits - 1)) - 1 : (1 << bits) - 1;
}

/// The largest integers of the channels of `value`, counted from the smallest,
/// where `quantizer` reads them; none if nothing bounds single channels.
static std::vector<int> getChannelActivations(Value value,
                                              QuantizerOp quantizer) {
  Operation *op = value.getDefiningOp();
  if (auto own = dyn_cast_or_null<QuantizerOp>(op))
    return getChannelActivations(own.getInput(), own);
  std::vector<int> all;
  if (keepsChannelRanges(op)) {
    // Side by side, or one.
    bool isAnyBounded = false;
    for (Value operand : op->getOperands()) {
      std::vector<int> own = getChannelActivations(operand, quantizer);
      isAnyBounded |= !own.empty();
      own.resize(getShape(operand).back(), 255);
      all.insert(all.end(), own.begin(), own.end());
    }
    return isAnyBounded ? all : std::vector<int>();
  }
  auto clamped = dyn_cast_or_null<FusedClampOpInterface>(op);
  if (!clamped || !clamped.getChannelMaxAttr() || !quantizer)
    return all;
  SchemeAttr scheme = quantizer.getScheme();
  if (!quantizer.getMin() || scheme.getBits() > 8)
    return all;
  auto params = chooseParams(scheme, quantizer.getMin()->front(),
                             quantizer.getMax()->front());
  if (!params)
    return all;
  int64_t offset = scheme.getIsSigned() ? 128 : 0;
  for (float bound : clamped.getChannelMaxAttr().asArrayRef())
    all.push_back(
        static_cast<int>(numerics::quantize(bound, *params) + offset));
  return all;
}

std::optional<std::vector<int>> q::getLargestActivations(Value input) {
  std::optional<int> most = getLargestActivation(input);
  if (!most)
    return std::nullopt;
  std::vector<int> all = getChannelActivations(input, getInputQuantizer(input));
  if (all.empty())
    return std::vector<int>{*most};
  for (int &own : all)
    own = std::min(own, *most);
  return all;
}

std::vector<int> q::getLargestFactors(WeightedOpInterface layer) {
  std::vector<int> channels = *getLargestActivations(layer.getInput());
  // Groups meet channels of their own.
  auto depth = static_cast<size_t>(getShape(layer.getWeights()).back());
  std::vector<int> most(std::min(depth, channels.size()), 0);
  for (auto [i, own] : llvm::enumerate(channels))
    most[i % most.size()] = std::max(most[i % most.size()], own);
  return most;
}

QuantizerOp q::getWeightQuantizer(WeightedOpInterface layer) {
  auto quantizer = layer.getWeights().getDefiningOp<QuantizerOp>();
  if (!isa<Conv2DOp, GemmOp>(layer.getOperation()) || !quantizer ||
      !isFloatConstant(quantizer.getInput()))
    return {};
  SchemeAttr scheme = quantizer.getScheme();
  if (scheme.getBits() > 8 || !scheme.getIsSigned() || !scheme.getSymmetric() ||
      scheme.getAxis() > 0)
    return {};
  return quantizer;
}

bool q::addsProducts(WeightedOpInterface layer) {
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  auto type = cast<RankedTensorType>(layer.getWeights().getType());
  return !conv || conv.getGroups() == 1 || type.getShape().back() > 1;
}

bool q::suitsWinograd(WeightedOpInterface layer) {
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  if (!conv || conv.getGroups() != 1)
    return false;
  auto isOne = [](int64_t x) { return x == 1; };
  auto weights = cast<RankedTensorType>(conv.getWeights().getType()).getShape();
  auto output = cast<RankedTensorType>(conv.getType()).getShape();
  return weights[1] == 3 && weights[2] == 3 && weights[3] % 16 == 0 &&
         weights[0] >= 16 && output[1] >= 3 && output[2] >= 3 &&
         llvm::all_of(conv.getStrides(), isOne) &&
         llvm::all_of(conv.getDilations(), isOne);
}

bool q::waitsForWeights(WeightedOpInterface layer) {
  auto output = cast<RankedTensorType>(layer->getResult(0).getType());
  auto weights = cast<RankedTensorType>(layer.getWeights().getType());
  constexpr int64_t cachedWeights = 4 << 20;
  return output.getNumElements() == output.getShape().back() &&
         weights.getNumElements() > cachedWeights;
}

bool q::hasBytePairs(WeightedOpInterface layer) {
  return getWeightQuantizer(layer) && getLargestActivation(layer.getInput()) &&
         addsProducts(layer);
}

bool q::multipliesPairs(WeightedOpInterface layer) {
  return hasBytePairs(layer) && !suitsWinograd(layer) &&
         !waitsForWeights(layer);
}
