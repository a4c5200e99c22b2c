//===- LayerIntegers.cpp - What a layer multiplies and adds ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerIntegers.h"

#include "QDialect/IntegerSemantics.h"

using namespace mlir;
using namespace q;

FailureOr<LayerIntegers> q::getLayerIntegers(WeightedOpInterface layer,
                                             size_t channels) {
  auto weights = getConstantInts(layer.getWeights());
  if (failed(weights))
    return failure();
  LayerIntegers integers;
  integers.bias.assign(channels, 0);
  if (layer.getBias()) {
    auto values = getConstantInts(layer.getBias());
    if (failed(values))
      return failure();
    integers.bias = std::move(*values);
  }
  integers.weights = std::move(*weights);
  integers.perChannel = channels ? integers.weights.size() / channels : 0;
  SmallVector<int32_t> zeroPoints = getWeightZeroPoints(layer);
  for (size_t c = 0; c < channels; ++c)
    for (size_t i = 0; i < integers.perChannel; ++i)
      integers.weights[c * integers.perChannel + i] -= zeroPoints[c];
  return integers;
}
