//===- ClampChannels.cpp - Upper bounds of channels, from samples ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelRanges.h"
#include "PairLayers.h"

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Passes.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>
#include <limits>

namespace q {
#define GEN_PASS_DEF_CLAMPCHANNELS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

namespace {

/// What is seen of the result of an op that can bound its channels.
struct BoundedTensor {
  QuantizerOp quantizer; ///< of the result
  std::vector<double> largest;

  void add(const eval::Tensor &tensor) {
    largest.resize(tensor.getShape().back(),
                   -std::numeric_limits<double>::infinity());
    for (auto [i, value] : llvm::enumerate(tensor.f())) {
      double &most = largest[i % largest.size()];
      most = std::max(most, double(value));
    }
  }
};

struct ClampChannelsPass : q::impl::ClampChannelsBase<ClampChannelsPass> {
  using ClampChannelsBase::ClampChannelsBase;

  void runOnOperation() override {
    getOperation().walk([&](WeightedOpInterface layer) {
      if (multipliesPairs(layer))
        addMakers(layer.getInput(), QuantizerOp());
    });
    if (tensors.empty())
      return;
    if (failed(collect()))
      return signalPassFailure();
    for (auto &[value, tensor] : tensors)
      if (failed(bound(value, tensor)))
        return signalPassFailure();
  }

private:
  /// The ops whose channels are those of `value`, as q-prove-int16-chains
  /// follows them back.
  void addMakers(Value value, QuantizerOp quantizer) {
    Operation *op = value.getDefiningOp();
    if (auto own = dyn_cast_or_null<QuantizerOp>(op))
      return addMakers(own.getInput(), own);
    if (keepsChannelRanges(op)) {
      for (Value operand : op->getOperands())
        addMakers(operand, quantizer);
      return;
    }
    if (quantizer && quantizer.getMin() &&
        isa_and_nonnull<Conv2DOp, ConvTranspose2DOp, GemmOp, AddOp>(op))
      tensors[value].quantizer = quantizer;
  }

  LogicalResult collect() {
    func::FuncOp function = getOperation();
    if (data.empty())
      return function.emitOpError("has channels to bound, which takes sample "
                                  "inputs; give data=FILE or FOLDER");
    auto source = eval::openData(data, function, preprocess, samples);
    if (failed(source))
      return failure();
    auto observe = [&](Value value, const eval::Tensor &tensor) {
      if (auto it = tensors.find(value); it != tensors.end())
        it->second.add(tensor);
    };
    return eval::observeFloats(function, **source, observe);
  }

  LogicalResult bound(Value value, const BoundedTensor &tensor) {
    auto params = chooseParams(tensor.quantizer);
    if (failed(params))
      return failure();
    auto op = cast<FusedClampOpInterface>(value.getDefiningOp());
    numerics::QuantParams type = params->front();
    IntegerBounds all =
        getIntegerBounds(op.getClampMinAttr(), op.getClampMaxAttr(), type);
    double top = type.scale * double(all.hi - type.zeroPoint);
    SmallVector<float> maxima;
    int64_t lowered = 0, steps = 0;
    for (double largest : tensor.largest) {
      double most = largest + margin / 100 * std::abs(largest);
      // A value that is not finite tells nothing.
      most = std::isfinite(most) ? std::min(most, top) : top;
      if (FloatAttr least = op.getClampMinAttr())
        most = std::max(most, least.getValueAsDouble());
      maxima.push_back(static_cast<float>(most));
      int64_t less = all.hi - numerics::quantize(maxima.back(), type);
      lowered += less > 0;
      steps += std::max<int64_t>(less, 0);
    }
    double share = double(steps) / double(tensor.largest.size()) /
                   double(type.qmax - type.qmin);
    if (share * 100 < gain)
      return success();
    clampedTensors += 1;
    clampedChannels += lowered;
    Builder builder(op.getContext());
    op->setAttr("channel_max", builder.getDenseF32ArrayAttr(maxima));
    return success();
  }

  llvm::MapVector<Value, BoundedTensor> tensors;
};

} // namespace
