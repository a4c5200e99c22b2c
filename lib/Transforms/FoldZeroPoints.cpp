//===- FoldZeroPoints.cpp - Cross-terms of zero points into biases --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"

#include <limits>

namespace q {
#define GEN_PASS_DEF_FOLDZEROPOINTS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// The type of a bias that a layer did not have: int32, scale Sx * Sw.
static RankedTensorType getBiasType(WeightedOpInterface layer,
                                    double inputScale) {
  MLIRContext *context = layer.getContext();
  int64_t channels =
      cast<RankedTensorType>(layer.getWeights().getType()).getDimSize(0);
  SmallVector<double> scales;
  for (const numerics::QuantParams &weight :
       getPerChannelParams(getQuantizedType(layer.getWeights()), channels))
    scales.push_back(inputScale * weight.scale);
  SmallVector<int64_t> zeroPoints(channels, 0);
  auto element = quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, IntegerType::get(context, 32),
      Float32Type::get(context), scales, zeroPoints, 0,
      std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  return RankedTensorType::get({channels}, element);
}

static LogicalResult fold(WeightedOpInterface layer) {
  if (layer.getZeroPointFolded() || !getQuantizedType(layer.getInput()))
    return success();
  // The gaps of a transposed convolution hold Zx as padding does; whoever
  // computes it skips them, which the unfolded form allows.
  if (isa<ConvTranspose2DOp>(layer.getOperation()))
    return success();
  if (!layer.getWeights().getDefiningOp<ConstOp>() ||
      (layer.getBias() && !layer.getBias().getDefiningOp<ConstOp>()))
    return success();
  if (llvm::any_of(getWeightZeroPoints(layer), [](int32_t z) { return z; }))
    return success(); // The row sums of the input depend on the data (N6).

  auto input = getTensorParams(layer, layer.getInput());
  auto weights = getConstantInts(layer.getWeights());
  if (failed(input) || failed(weights))
    return failure();
  if (input->zeroPoint == 0) {
    layer.setZeroPointFolded(true);
    return success();
  }
  std::vector<int32_t> bias;
  if (layer.getBias()) {
    auto old = getConstantInts(layer.getBias());
    if (failed(old))
      return failure();
    bias = std::move(*old);
  } else {
    bias.resize(
        cast<RankedTensorType>(layer.getWeights().getType()).getDimSize(0));
  }
  size_t perChannel = weights->size() / bias.size();
  for (size_t c = 0; c < bias.size(); ++c) {
    int64_t sum = 0;
    for (size_t i = 0; i < perChannel; ++i)
      sum += (*weights)[c * perChannel + i];
    int64_t folded = bias[c] - input->zeroPoint * sum;
    if (folded != static_cast<int32_t>(folded)) {
      layer->emitRemark("keeps its zero point: the bias of channel ")
          << c << " would become " << folded
          << ", which int32 cannot hold (rules N6, N8)";
      return success();
    }
    bias[c] = static_cast<int32_t>(folded);
  }
  OpBuilder builder(layer);
  RankedTensorType type =
      layer.getBias() ? cast<RankedTensorType>(layer.getBias().getType())
                      : getBiasType(layer, input->scale);
  Location loc = layer.getBias() ? layer.getBias().getLoc() : layer.getLoc();
  layer.getBiasMutable().assign(
      createQuantizedConstant(builder, loc, type, bias));
  layer.setZeroPointFolded(true);
  return success();
}

namespace {

struct FoldZeroPointsPass : q::impl::FoldZeroPointsBase<FoldZeroPointsPass> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](WeightedOpInterface layer) {
      return failed(fold(layer)) ? WalkResult::interrupt()
                                 : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    eraseDeadConstants(getOperation());
  }
};

} // namespace
