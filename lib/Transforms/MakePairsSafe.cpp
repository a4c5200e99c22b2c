//===- MakePairsSafe.cpp - Weights whose pairs of products fit int16 ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PairLayers.h"

#include "QDialect/Int16Chains.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/PairSafeWeights.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include <limits>

namespace q {
#define GEN_PASS_DEF_MAKEPAIRSSAFE
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

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
    if (!quantizer || !amax || !addsProducts(layer) ||
        (isLimited() && (suitsWinograd(layer) || waitsForWeights(layer))))
      return success();
    auto params = chooseParams(quantizer);
    auto values = getConstantFloats(quantizer.getInput());
    if (failed(params) || failed(values))
      return failure();
    auto type = cast<RankedTensorType>(layer.getWeights().getType());
    size_t channels = type.getDimSize(0);
    bool isPerChannel = params->size() == channels && channels > 1;
    SmallVector<double> low(*quantizer.getMin()), high(*quantizer.getMax());
    std::vector<numerics::PanelChannel> all;
    for (size_t c = 0; c < channels; ++c) {
      size_t own = isPerChannel ? c : 0;
      auto candidates =
          getCandidates(quantizer, low[own], high[own], isPerChannel);
      if (failed(candidates))
        return failure();
      all.push_back({values->data() + c * (values->size() / channels),
                     std::move(*candidates)});
    }
    makeSafe(layer, all, *amax);

    int64_t changed = 0;
    for (auto [c, channel] : llvm::enumerate(all)) {
      changed += channel.done.changed;
      scaledChannels += channel.done.candidate > 0;
      if (!isPerChannel)
        continue;
      low[c] *= getFactor(channel.done.candidate);
      high[c] *= getFactor(channel.done.candidate);
    }
    changedWeights += changed;
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

  bool isLimited() const { return tolerance >= 0; }

  /// Panel by panel, as the kernels multiply them.
  void makeSafe(WeightedOpInterface layer,
                std::vector<numerics::PanelChannel> &all, int amax) {
    double limit =
        isLimited() ? tolerance : std::numeric_limits<double>::infinity();
    for (size_t first = 0; first < all.size(); first += kPanel) {
      size_t last = std::min(first + kPanel, all.size());
      std::vector<numerics::PanelChannel> panel(all.begin() + first,
                                                all.begin() + last);
      numerics::PairSafePanel done =
          numerics::makePanelSafe(panel, getWeightRuns(layer), amax, limit);
      unsafeGroups += done.unsafeBefore;
      unsafeGroupsLeft += done.unsafeAfter;
      std::move(panel.begin(), panel.end(), all.begin() + first);
    }
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
  static constexpr size_t kPanel = 16;
};

} // namespace
