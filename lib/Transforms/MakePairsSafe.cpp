//===- MakePairsSafe.cpp - Weights whose pairs of products fit int16 ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PairLayers.h"

#include "QDialect/Evaluation/InputMoments.h"
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
    std::vector<eval::InputMoments> layers;
    getOperation().walk([&](WeightedOpInterface layer) {
      if (!isPaired(layer))
        return;
      eval::InputMoments &moments = layers.emplace_back();
      moments.layer = layer;
      moments.blocks = numerics::getBlockSizes(getWeightRuns(layer));
    });
    if (!data.empty() && failed(collect(layers)))
      return signalPassFailure();
    for (const eval::InputMoments &moments : layers)
      if (failed(change(moments)))
        return signalPassFailure();
    eraseDeadConstants(getOperation());
  }

private:
  bool isPaired(WeightedOpInterface layer) {
    return isLimited() ? multipliesPairs(layer) : hasBytePairs(layer);
  }

  LogicalResult collect(std::vector<eval::InputMoments> &layers) {
    auto source = eval::openData(data, getOperation(), preprocess, samples);
    if (failed(source))
      return failure();
    return eval::collectInputMoments(getOperation(), **source, layers);
  }

  static numerics::OutputErrors getErrors(const eval::InputMoments &moments,
                                          size_t weights) {
    if (moments.windows == 0)
      return numerics::OutputErrors(weights);
    numerics::OutputErrors errors;
    for (size_t block = 0; block < moments.blocks.size(); ++block)
      errors.addBlock(moments.getCovariance(block), moments.blocks[block]);
    return errors;
  }

  LogicalResult change(const eval::InputMoments &moments) {
    WeightedOpInterface layer = moments.layer;
    QuantizerOp quantizer = getWeightQuantizer(layer);
    auto params = chooseParams(quantizer);
    auto values = getConstantFloats(quantizer.getInput());
    if (failed(params) || failed(values))
      return failure();
    std::vector<float> before = *values;
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
      size_t size = values->size() / channels;
      float *w = values->data() + c * size;
      all.push_back({w, std::move(*candidates),
                     moments.windows ? getNoise(layer, {w, size}) : 0.0});
    }
    makeSafe(moments, all);

    int64_t changed = 0;
    for (auto [c, channel] : llvm::enumerate(all)) {
      changed += channel.changed;
      scaledChannels += channel.candidate > 0;
      if (!isPerChannel)
        continue;
      low[c] *= getFactor(channel.candidate);
      high[c] *= getFactor(channel.candidate);
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
    bool isBiasFree = !layer.getBias() || isFloatConstant(layer.getBias());
    return moments.windows && changed && isBiasFree
               ? keepMeans(moments, before, *values)
               : success();
  }

  /// The variance that rounded inputs bring to the results of a channel.
  static double getNoise(WeightedOpInterface layer, ArrayRef<float> w) {
    QuantizerOp quantizer = getInputQuantizer(layer.getInput());
    if (!quantizer || !quantizer.getMin())
      return 0;
    auto params = q::chooseParams(quantizer);
    if (failed(params))
      return 0;
    double step = params->front().scale, sum = 0;
    for (float weight : w)
      sum += double(weight) * double(weight);
    return step * step / 12 * sum;
  }

  /// Takes from the bias what the change of weights adds to the mean result.
  static LogicalResult keepMeans(const eval::InputMoments &moments,
                                 ArrayRef<float> before,
                                 ArrayRef<float> after) {
    WeightedOpInterface layer = moments.layer;
    size_t perChannel = moments.sums.size();
    SmallVector<double> shifts(before.size() / perChannel);
    for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(before, after)))
      shifts[i / perChannel] +=
          (double(std::get<1>(pair)) - double(std::get<0>(pair))) *
          moments.getMean(i % perChannel);
    return subtractFromBias(layer, shifts);
  }

  bool isLimited() const { return tolerance >= 0; }

  /// Panel by panel, as the kernels multiply them.
  void makeSafe(const eval::InputMoments &moments,
                std::vector<numerics::PanelChannel> &all) {
    WeightedOpInterface layer = moments.layer;
    std::vector<int> amax = getLargestFactors(layer);
    numerics::WeightRuns runs = getWeightRuns(layer);
    numerics::OutputErrors errors = getErrors(moments, runs.runs * runs.length);
    double limit =
        isLimited() ? tolerance : std::numeric_limits<double>::infinity();
    for (size_t first = 0; first < all.size(); first += kPanel) {
      size_t last = std::min(first + kPanel, all.size());
      std::vector<numerics::PanelChannel> panel(all.begin() + first,
                                                all.begin() + last);
      numerics::PairSafePanel done =
          numerics::makePanelSafe(panel, runs, amax, errors, limit);
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
