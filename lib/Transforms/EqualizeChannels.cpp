//===- EqualizeChannels.cpp - Factors that even out ranges of channels ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A channel between layers may have any positive factor, if all that make it
// divide by it and all that read it multiply with it. Channels that share their
// factor are found first; then each free one gets the factor that lets the
// least noise into the layers that read it.
//
//===----------------------------------------------------------------------===//

#include "ChannelClasses.h"

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_EQUALIZECHANNELS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

using Factors = std::vector<double>;

/// What is seen of a tensor, by channel, in all runs.
struct ChannelStatistics {
  std::vector<double> largest; ///< magnitude
  std::vector<double> squares; ///< mean

  void add(const eval::Tensor &tensor, double weight) {
    size_t channels = tensor.getShape().back();
    largest.resize(channels);
    squares.resize(channels);
    double share = weight * double(channels) / double(tensor.getNumElements());
    for (auto [i, value] : llvm::enumerate(tensor.f())) {
      double &most = largest[i % channels];
      most = std::max(most, std::abs(double(value)));
      squares[i % channels] += share * double(value) * double(value);
    }
  }
};

struct EqualizeChannelsPass
    : q::impl::EqualizeChannelsBase<EqualizeChannelsPass> {
  using EqualizeChannelsBase::EqualizeChannelsBase;

  void runOnOperation() override {
    ChannelClasses classes(getOperation(), ChannelClasses::Change::Scale);
    bool isAnyFree = false;
    for (const ChannelClasses::Layer &layer : classes.getLayers())
      for (const ChannelClasses::Segment &segment : layer.input)
        isAnyFree |= classes.isFree(classes.find(segment.id));
    if (!isAnyFree)
      return;
    if (failed(collect(classes)))
      return signalPassFailure();
    if (failed(chooseFactors(classes)))
      return signalPassFailure();
    for (const ChannelClasses::Layer &layer : classes.getLayers())
      if (failed(scale(classes, layer)))
        return signalPassFailure();
    eraseDeadConstants(getOperation());
  }

private:
  LogicalResult collect(const ChannelClasses &classes) {
    auto source = eval::openData(data, getOperation(), preprocess, samples);
    if (failed(source))
      return failure();
    for (const ChannelClasses::Layer &layer : classes.getLayers()) {
      WeightedOpInterface op = layer.op;
      statistics[op.getInput()];
    }
    double weight = 1.0 / double((*source)->getNumBatches());
    auto observe = [&](Value value, const eval::Tensor &tensor) {
      if (auto it = statistics.find(value); it != statistics.end())
        it->second.add(tensor, weight);
    };
    return eval::observeFloats(getOperation(), **source, observe);
  }

  /// What a factor f of a channel does to the layers that read it, in units of
  /// the noise that they have without: rounded inputs bring f^2 inputs, rounded
  /// weights weights / f^2. A factor below `least` would widen the range of a
  /// tensor.
  struct Noise {
    double inputs = 0, weights = 0, least = 0;
  };

  /// Starts from the least factors and goes on to those that are best for the
  /// weights that the last ones leave.
  LogicalResult chooseFactors(const ChannelClasses &classes) {
    factors.assign(classes.size(), 1.0);
    constexpr int rounds = 4;
    for (int round = 0; round < rounds; ++round) {
      std::vector<Noise> noises(classes.size());
      for (const ChannelClasses::Layer &layer : classes.getLayers())
        if (failed(addNoise(classes, layer, noises)))
          return failure();
      for (size_t c = 0; c < classes.size(); ++c) {
        const Noise &noise = noises[c];
        if (!classes.isFree(c) || !(noise.inputs > 0) || !(noise.least > 0))
          continue;
        constexpr double smallest = 1.0 / 64;
        double best = std::pow(noise.weights / noise.inputs, 0.25);
        factors[c] = std::clamp(round == 0 ? 0.0 : best,
                                std::clamp(noise.least, smallest, 1.0), 1.0);
      }
    }
    equalizedChannels +=
        llvm::count_if(factors, [](double factor) { return factor != 1; });
    return success();
  }

  LogicalResult addNoise(const ChannelClasses &classes,
                         const ChannelClasses::Layer &layer,
                         std::vector<Noise> &noises) {
    WeightedOpInterface op = layer.op;
    const ChannelStatistics &own = statistics[op.getInput()];
    auto weights = getConstantFloats(op.getWeights());
    if (failed(weights))
      return failure();
    if (own.largest.empty()) // an argument of the function
      return success();
    size_t channels = layer.input.size(), rows = layer.output.size();
    size_t size = weights->size() / rows;
    double range = *llvm::max_element(own.largest);
    Factors inputs = getFactors(classes, layer.input);
    std::vector<Noise> added(channels);
    double total = 0;
    for (size_t row = 0; row < rows; ++row) {
      ArrayRef<float> w = ArrayRef(*weights).slice(row * size, size);
      // The scale of weights that meet one channel follows its factor.
      double largest = 0;
      for (size_t i = 0; i < size && !layer.isDepthwise; ++i)
        largest =
            std::max(largest, std::abs(double(w[i])) * inputs[i % channels]);
      for (auto [i, weight] : llvm::enumerate(w)) {
        size_t channel = layer.isDepthwise ? row : i % channels;
        double input = std::pow(range / 255 * double(weight), 2);
        double rounding = std::pow(largest / 127, 2) * own.squares[channel];
        added[channel].inputs += input;
        added[channel].weights += rounding;
        total += input + rounding;
      }
    }
    if (!(total > 0))
      return success();
    for (size_t channel = 0; channel < channels; ++channel) {
      Noise &noise = noises[classes.find(layer.input[channel].id)];
      noise.inputs += added[channel].inputs / total;
      noise.weights += added[channel].weights / total;
      noise.least = std::max(noise.least, own.largest[channel] / range);
    }
    return success();
  }

  Factors getFactors(const ChannelClasses &classes,
                     ArrayRef<ChannelClasses::Segment> space) const {
    Factors all;
    for (const ChannelClasses::Segment &segment : space)
      all.push_back(factors[classes.find(segment.id)]);
    return all;
  }

  LogicalResult scale(const ChannelClasses &classes,
                      const ChannelClasses::Layer &layer) {
    Factors inputs = getFactors(classes, layer.input);
    Factors outputs = getFactors(classes, layer.output);
    auto isOne = [](double factor) { return factor == 1; };
    if (llvm::all_of(inputs, isOne) && llvm::all_of(outputs, isOne))
      return success();
    WeightedOpInterface op = layer.op;
    auto weights = getConstantFloats(op.getWeights());
    if (failed(weights))
      return failure();
    size_t size = weights->size() / outputs.size();
    for (auto [i, weight] : llvm::enumerate(*weights)) {
      size_t row = i / size;
      double input = inputs[layer.isDepthwise ? row : i % inputs.size()];
      weight = static_cast<float>(double(weight) * input / outputs[row]);
    }
    OpBuilder builder(op);
    auto type = cast<RankedTensorType>(op.getWeights().getType());
    op.getWeightsMutable().set(createFloatConstant(
        builder, op.getWeights().getLoc(), type.getShape(), *weights));
    if (!op.getBias())
      return success();
    auto bias = getConstantFloats(op.getBias());
    if (failed(bias))
      return failure();
    for (auto [value, output] : llvm::zip_equal(*bias, outputs))
      value = static_cast<float>(double(value) / output);
    op.getBiasMutable().assign(
        createFloatConstant(builder, op.getBias().getLoc(),
                            {static_cast<int64_t>(bias->size())}, *bias));
    return success();
  }

  llvm::DenseMap<Value, ChannelStatistics> statistics;
  Factors factors; ///< by class
};

} // namespace
