//===- ProveInt16Chains.cpp - How long sums stay in int16 -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelRanges.h"

#include "QDialect/Int16Chains.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Passes.h"

namespace q {
#define GEN_PASS_DEF_PROVEINT16CHAINS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// Whether a layer's operands are such that vpmaddubsw could compute it: bytes,
/// and weights without a zero point.
static bool isByteLayer(WeightedOpInterface layer) {
  if (!isa<Conv2DOp, GemmOp>(layer.getOperation()) ||
      !layer.getWeights().getDefiningOp<ConstOp>())
    return false;
  // Depthwise: a product meets no other one of its pixel.
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  if (conv && conv.getGroups() > 1 &&
      cast<RankedTensorType>(conv.getWeights().getType()).getDimSize(3) == 1)
    return false;
  auto input = getPerTensorType(layer.getInput());
  quant::QuantizedType weights = getQuantizedType(layer.getWeights());
  return input && input.getStorageTypeIntegralWidth() <= 8 && weights &&
         weights.getStorageTypeIntegralWidth() <= 8 &&
         llvm::all_of(getWeightZeroPoints(layer),
                      [](int32_t zeroPoint) { return zeroPoint == 0; });
}

static LogicalResult prove(WeightedOpInterface layer, ChannelRanges &ranges) {
  auto bounds = ranges.getInput(layer);
  auto weights = getConstantInts(layer.getWeights());
  if (failed(bounds) || failed(weights))
    return failure();
  Int16Chain chain;
  int32_t offset = getPerTensorType(layer.getInput()).isSigned() ? 128 : 0;
  for (IntegerBounds own : *bounds)
    chain.channelAmax.push_back(own.hi + offset);
  chain.amax = *llvm::max_element(chain.channelAmax);
  if (llvm::all_equal(chain.channelAmax))
    chain.channelAmax.clear();
  int64_t channels =
      cast<RankedTensorType>(layer.getWeights().getType()).getDimSize(0);
  chain.proof =
      numerics::proveChains(weights->data(), channels, getWeightRuns(layer),
                            static_cast<int>(chain.amax));
  setInt16Chain(layer, chain);
  return success();
}

namespace {

struct ProveInt16ChainsPass
    : q::impl::ProveInt16ChainsBase<ProveInt16ChainsPass> {
  using ProveInt16ChainsBase::ProveInt16ChainsBase;

  void runOnOperation() override {
    ChannelRanges ranges;
    WalkResult result = getOperation().walk([&](WeightedOpInterface layer) {
      if (isByteLayer(layer) && failed(prove(layer, ranges)))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
