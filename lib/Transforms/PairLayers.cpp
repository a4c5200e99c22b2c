//===- PairLayers.cpp - Layers whose products meet in pairs ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PairLayers.h"

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
