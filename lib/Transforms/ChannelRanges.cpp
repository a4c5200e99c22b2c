//===- ChannelRanges.cpp - What values each channel can take --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelRanges.h"

#include "LayerIntegers.h"

#include "QDialect/Numerics/AccumulatorProof.h"
#include "QDialect/Shapes.h"

using namespace mlir;
using namespace q;

/// `bounds` cut to those of single channels, where `value` is made with them.
static FailureOr<ChannelRanges::Bounds>
cutToMaxima(Value value, ChannelRanges::Bounds bounds) {
  auto clamped = dyn_cast_or_null<FusedClampOpInterface>(value.getDefiningOp());
  if (!clamped)
    return bounds;
  auto maxima = getChannelMaxima(clamped);
  if (failed(maxima))
    return failure();
  if (!maxima->empty() && bounds.size() == 1)
    bounds.resize(maxima->size(), bounds.front());
  for (auto [own, most] : llvm::zip(bounds, *maxima))
    own = {std::min(own.lo, most), std::min(own.hi, most)};
  return bounds;
}

bool q::keepsChannelRanges(Operation *op) {
  if (isa_and_nonnull<MaxPool2DOp>(op))
    return true;
  if (auto reshape = dyn_cast_or_null<ReshapeOp>(op)) {
    ArrayRef<int64_t> from = getShape(reshape.getInput()),
                      to = getShape(reshape.getResult());
    return !from.empty() && !to.empty() && from.back() == to.back();
  }
  auto concat = dyn_cast_or_null<ConcatOp>(op);
  return concat && static_cast<size_t>(concat.getAxis()) + 1 ==
                       getShape(concat.getResult()).size();
}

/// A layer whose every number is known: constant weights and bias.
static bool isKnownLayer(WeightedOpInterface layer) {
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  return (conv ? !conv.getResidual() : isa<GemmOp>(layer.getOperation())) &&
         layer.getWeights().getDefiningOp<ConstOp>() &&
         (!layer.getBias() || layer.getBias().getDefiningOp<ConstOp>());
}

FailureOr<ChannelRanges::Bounds> ChannelRanges::get(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  auto all = ranges.get(value);
  if (failed(all))
    return failure();
  auto bounds = compute(value, *all);
  if (succeeded(bounds))
    bounds = cutToMaxima(value, std::move(*bounds));
  if (succeeded(bounds))
    known[value] = *bounds;
  return bounds;
}

FailureOr<ChannelRanges::Bounds> ChannelRanges::compute(Value value,
                                                        IntegerBounds all) {
  Operation *op = value.getDefiningOp();
  if (auto layer = dyn_cast_or_null<WeightedOpInterface>(op))
    return isKnownLayer(layer) ? computeLayer(layer, all) : Bounds{all};
  if (!keepsChannelRanges(op))
    return Bounds{all};
  Bounds bounds;
  for (Value operand : op->getOperands()) {
    auto own = get(operand);
    if (failed(own))
      return failure();
    if (own->size() == 1)
      own->resize(getShape(operand).back(), own->front());
    bounds.insert(bounds.end(), own->begin(), own->end());
  }
  return bounds;
}

FailureOr<ChannelRanges::Bounds>
ChannelRanges::computeLayer(WeightedOpInterface layer, IntegerBounds all) {
  auto input = getTensorParams(layer, layer.getInput());
  auto output = getTensorParams(layer, layer->getResult(0));
  auto inputs = getInput(layer);
  auto multipliers = getMultipliers(layer);
  auto rounding = getRounding(layer);
  if (failed(input) || failed(output) || failed(inputs) ||
      failed(multipliers) || failed(rounding))
    return failure();
  size_t channels = multipliers->size();
  auto integers = getLayerIntegers(layer, channels);
  if (failed(integers))
    return failure();
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  size_t groups = conv ? static_cast<size_t>(conv.getGroups()) : 1;
  auto depth = static_cast<size_t>(getShape(layer.getWeights()).back());
  auto offset =
      layer.getZeroPointFolded() ? 0 : static_cast<int32_t>(input->zeroPoint);

  Bounds bounds;
  for (size_t c = 0; c < channels; ++c) {
    std::vector<numerics::FactorRange> factors;
    size_t first = c / (channels / groups) * depth;
    for (size_t i = 0; i < depth; ++i) {
      IntegerBounds own = (*inputs)[inputs->size() == 1 ? 0 : first + i];
      factors.push_back({own.lo - offset, own.hi - offset});
    }
    numerics::AccumulatorBounds sums = numerics::accumulatorBounds(
        integers->getChannel(c), integers->perChannel, factors,
        integers->bias[c]);
    // Rounding keeps the order of accumulators, so ends go to ends.
    auto toStorage = [&](int64_t sum) {
      return numerics::requantize(sum, (*multipliers)[c],
                                  static_cast<int32_t>(output->zeroPoint),
                                  all.lo, all.hi, *rounding);
    };
    bounds.push_back({toStorage(sums.min), toStorage(sums.max)});
  }
  return bounds;
}

FailureOr<ChannelRanges::Bounds>
ChannelRanges::getInput(WeightedOpInterface layer) {
  auto params = getTensorParams(layer, layer.getInput());
  auto bounds = get(layer.getInput());
  if (failed(params) || failed(bounds))
    return failure();
  if (ValueRanges::hasPadding(layer))
    for (IntegerBounds &own : *bounds) {
      auto zeroPoint = static_cast<int32_t>(params->zeroPoint);
      own = {std::min(own.lo, zeroPoint), std::max(own.hi, zeroPoint)};
    }
  return bounds;
}
