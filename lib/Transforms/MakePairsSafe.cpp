//===- MakePairsSafe.cpp - Weights whose pairs of products fit int16 ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Int16Chains.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/PairSafeWeights.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

namespace q {
#define GEN_PASS_DEF_MAKEPAIRSSAFE
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// The largest activation that the input's scheme allows, counted from the
/// smallest storage value of 8 bits; nothing if there are more bits.
static std::optional<int> getLargestActivation(Value input) {
  while (Operation *op = input.getDefiningOp()) {
    if (auto quantizer = dyn_cast<QuantizerOp>(op)) {
      SchemeAttr scheme = quantizer.getScheme();
      unsigned bits = scheme.getBits();
      if (bits > 8)
        return std::nullopt;
      return scheme.getIsSigned() ? 128 + (1 << (bits - 1)) - 1
                                  : (1 << bits) - 1;
    }
    if (!movesBits(op))
      break;
    input = op->getOperand(0);
  }
  return 255;
}

/// The quantizer of a layer's constant weights, if they have 8 bits or fewer
/// and none has factors or a zero point.
static QuantizerOp getWeightQuantizer(WeightedOpInterface layer) {
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

namespace {

struct MakePairsSafePass : q::impl::MakePairsSafeBase<MakePairsSafePass> {
  using MakePairsSafeBase::MakePairsSafeBase;

  void runOnOperation() override {
    SmallVector<WeightedOpInterface> layers;
    getOperation().walk(
        [&](WeightedOpInterface layer) { layers.push_back(layer); });
    for (WeightedOpInterface layer : layers)
      if (failed(visit(layer)))
        return signalPassFailure();
    eraseDeadConstants(getOperation());
  }

private:
  LogicalResult visit(WeightedOpInterface layer) {
    QuantizerOp quantizer = getWeightQuantizer(layer);
    std::optional<int> amax = getLargestActivation(layer.getInput());
    if (!quantizer || !amax)
      return success();
    auto params = chooseParams(quantizer);
    auto values = getConstantFloats(quantizer.getInput());
    if (failed(params) || failed(values))
      return failure();
    auto type = cast<RankedTensorType>(layer.getWeights().getType());
    size_t channels = type.getDimSize(0);
    bool isPerChannel = params->size() == channels && channels > 1;
    SmallVector<double> low(*quantizer.getMin()), high(*quantizer.getMax());
    int64_t changed = 0;
    for (size_t c = 0; c < channels; ++c) {
      size_t own = isPerChannel ? c : 0;
      auto candidates =
          getCandidates(quantizer, low[own], high[own], isPerChannel);
      if (failed(candidates))
        return failure();
      numerics::PairSafeChannel done = numerics::makePairsSafe(
          values->data() + c * (values->size() / channels),
          getWeightRuns(layer), *candidates, *amax);
      changed += done.changed;
      scaledChannels += done.candidate > 0;
      changedWeights += done.changed;
      if (isPerChannel) {
        low[c] *= getFactor(done.candidate);
        high[c] *= getFactor(done.candidate);
      }
    }
    OpBuilder builder(quantizer);
    Value constant = quantizer.getInput();
    if (changed)
      constant = createFloatConstant(builder, constant.getLoc(),
                                     type.getShape(), *values);
    auto copy = cast<QuantizerOp>(builder.clone(*quantizer));
    copy.setMinAttr(builder.getDenseF64ArrayAttr(low));
    copy.setMaxAttr(builder.getDenseF64ArrayAttr(high));
    copy.getInputMutable().set(constant);
    layer.getWeightsMutable().set(copy.getResult());
    return success();
  }

  /// How much candidate `i` enlarges a range: 1 to 2, where the largest sum of
  /// two weights has certainly become small enough.
  static double getFactor(size_t i) { return 1.0 + double(i) / kSteps; }

  FailureOr<std::vector<numerics::QuantParams>>
  getCandidates(QuantizerOp quantizer, double low, double high,
                bool isPerChannel) {
    std::vector<numerics::QuantParams> candidates;
    bool isFixed = !isPerChannel || quantizer.getScheme().getPowerOfTwo();
    for (size_t i = 0; i <= (isFixed ? 0 : kSteps); ++i) {
      auto params = q::chooseParams(quantizer.getScheme(), low * getFactor(i),
                                    high * getFactor(i));
      if (!params)
        return quantizer.emitOpError("cannot be given parameters: ")
               << params.reason();
      candidates.push_back(*params);
    }
    return candidates;
  }

  static constexpr size_t kSteps = 24;
};

} // namespace
