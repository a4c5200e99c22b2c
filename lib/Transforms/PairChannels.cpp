//===- PairChannels.cpp - An order of channels in which pairs are safe ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The channels of a tensor between layers may have any order, if all that make
// or read it agree. Tensors that must agree are found first, as classes; then
// each class whose members are all layers with constant weights gets the order
// that suits the layers that read it.
//
//===----------------------------------------------------------------------===//

#include "ChannelClasses.h"
#include "PairLayers.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/ChannelPairs.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"

#include <numeric>

namespace q {
#define GEN_PASS_DEF_PAIRCHANNELS
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// The integers of a quantizer's constant.
static FailureOr<std::vector<int8_t>> quantizeWeights(QuantizerOp quantizer) {
  auto params = chooseParams(quantizer);
  auto values = getConstantFloats(quantizer.getInput());
  if (failed(params) || failed(values))
    return failure();
  size_t perChannel = values->size() / params->size();
  std::vector<int8_t> integers(values->size());
  for (size_t i = 0; i < values->size(); ++i)
    integers[i] = static_cast<int8_t>(
        numerics::quantize((*values)[i], (*params)[i / perChannel]));
  return integers;
}

/// Weights that arrived as integers of at most 8 bits, which a layer
/// dequantizes; null if there are none.
static ConstOp getGivenWeights(WeightedOpInterface layer) {
  auto dequantize = layer.getWeights().getDefiningOp<DequantizeOp>();
  if (!dequantize)
    return {};
  auto type = getQuantizedType(dequantize.getInput());
  bool fits =
      type && type.isSigned() && type.getStorageTypeIntegralWidth() <= 8;
  return fits ? dequantize.getInput().getDefiningOp<ConstOp>() : ConstOp();
}

/// Weights as integers, whose rows are the output channels and taps; none if
/// they are not of a form that is multiplied in pairs.
static FailureOr<std::vector<int8_t>>
getIntegerWeights(WeightedOpInterface layer) {
  if (QuantizerOp quantizer = getWeightQuantizer(layer))
    return quantizeWeights(quantizer);
  ConstOp given = getGivenWeights(layer);
  if (!given)
    return std::vector<int8_t>();
  auto values = getConstantInts(given);
  if (failed(values))
    return failure();
  return std::vector<int8_t>(values->begin(), values->end());
}

namespace {

using Order = std::vector<size_t>;

struct PairChannelsPass : q::impl::PairChannelsBase<PairChannelsPass> {
  using PairChannelsBase::PairChannelsBase;

  void runOnOperation() override {
    ChannelClasses classes(getOperation(), ChannelClasses::Change::Order);
    for (size_t c = 0; c < classes.size(); ++c) {
      if (!classes.isFree(c))
        continue;
      FailureOr<Order> order = findOrder(classes, c);
      if (failed(order))
        return signalPassFailure();
      if (!order->empty())
        orders[c] = std::move(*order);
    }
    if (orders.empty())
      return;
    for (const ChannelClasses::Layer &layer : classes.getLayers())
      if (failed(permute(classes, layer)))
        return signalPassFailure();
    getOperation().walk([&](FusedClampOpInterface op) {
      if (DenseF32ArrayAttr maxima = op.getChannelMaxAttr())
        op->setAttr(
            "channel_max",
            Builder(op.getContext())
                .getDenseF32ArrayAttr(permuteRows(
                    maxima.asArrayRef(),
                    getOrder(classes, classes.getSpace(op->getResult(0))))));
    });
    eraseDeadConstants(getOperation());
  }

private:
  /// Empty if the channels are best left as they are.
  FailureOr<Order> findOrder(const ChannelClasses &classes, size_t c) {
    numerics::PairCosts costs(classes.getExtent(c));
    bool isRead = false;
    for (const ChannelClasses::Layer &layer : classes.getLayers()) {
      WeightedOpInterface op = layer.op;
      auto amax = getLargestActivations(op.getInput());
      bool isPaired = getWeightQuantizer(op) || getGivenWeights(op);
      if (layer.isDepthwise || !isPaired || !amax || suitsWinograd(op) ||
          waitsForWeights(op))
        continue;
      size_t total = classes.getExtent(layer.input), first = 0;
      size_t taps =
          cast<RankedTensorType>(op.getWeights().getType()).getNumElements() /
          (total * classes.getExtent(layer.output));
      for (const ChannelClasses::Segment &segment : layer.input) {
        // Where a tap or a segment begins at an odd place, other channels meet.
        bool meets = first % 2 == 0 && (total % 2 == 0 || taps == 1);
        if (classes.find(segment.id) == c && meets) {
          auto weights = getIntegerWeights(op);
          if (failed(weights))
            return failure();
          costs.add(weights->data(), weights->size() / total, total, first,
                    getPart(*amax, first, segment.extent));
          isRead = true;
        }
        first += segment.extent;
      }
    }
    Order order;
    if (!isRead)
      return order;
    order = numerics::pairChannels(costs);
    if (std::is_sorted(order.begin(), order.end()))
      order.clear();
    else
      ++permutedClasses;
    return order;
  }

  /// What `all`, one number for all channels or one for each, has for some.
  static std::vector<int> getPart(const std::vector<int> &all, size_t first,
                                  size_t extent) {
    if (all.size() == 1)
      return all;
    return {all.begin() + first, all.begin() + first + extent};
  }

  /// The order of all channels of a tensor, empty if it stays.
  Order getOrder(const ChannelClasses &classes,
                 ArrayRef<ChannelClasses::Segment> space) const {
    Order order;
    bool isPermuted = false;
    for (const ChannelClasses::Segment &segment : space) {
      size_t first = order.size();
      auto it = orders.find(classes.find(segment.id));
      isPermuted |= it != orders.end();
      for (size_t i = 0; i < segment.extent; ++i)
        order.push_back(first + (it == orders.end() ? i : it->second[i]));
    }
    return isPermuted ? order : Order();
  }

  LogicalResult permute(const ChannelClasses &classes,
                        const ChannelClasses::Layer &layer) {
    Order outputs = getOrder(classes, layer.output);
    // A depthwise layer has no inputs but its outputs.
    Order inputs = layer.isDepthwise ? Order() : getOrder(classes, layer.input);
    if (outputs.empty() && inputs.empty())
      return success();
    OpBuilder builder(layer.op);
    WeightedOpInterface op = layer.op;
    unsigned weights = op.getWeightsMutable().getOperandNumber();
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      if (i != weights && op->getOperand(i) != op.getBias())
        continue;
      FailureOr<Value> permuted = permuteConstant(
          builder, op->getOperand(i), outputs, i == weights ? inputs : Order());
      if (failed(permuted))
        return failure();
      op->setOperand(i, *permuted);
    }
    return success();
  }

  /// A constant, maybe behind a quantizer or dequantized, with its first
  /// dimension in the order `rows` and its last in the order `columns`.
  static FailureOr<Value> permuteConstant(OpBuilder &builder, Value value,
                                          const Order &rows,
                                          const Order &columns) {
    if (auto dequantize = value.getDefiningOp<DequantizeOp>()) {
      auto result =
          permuteIntegers(builder, dequantize.getInput(), rows, columns);
      if (failed(result))
        return failure();
      auto copy = cast<DequantizeOp>(builder.clone(*dequantize));
      copy.getInputMutable().set(*result);
      return copy.getResult();
    }
    auto quantizer = value.getDefiningOp<QuantizerOp>();
    Value constant = quantizer ? quantizer.getInput() : value;
    auto values = getConstantFloats(constant);
    if (failed(values))
      return failure();
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(constant.getType()).getShape();
    Value result = createFloatConstant(
        builder, constant.getLoc(), shape,
        permute(ArrayRef<float>(*values), shape.front(), rows, columns));
    if (!quantizer)
      return result;
    auto copy = cast<QuantizerOp>(builder.clone(*quantizer));
    copy.getInputMutable().set(result);
    if (copy.getMin() && copy.getScheme().getAxis() == 0) {
      copy.setMinAttr(
          builder.getDenseF64ArrayAttr(permuteRows(*copy.getMin(), rows)));
      copy.setMaxAttr(
          builder.getDenseF64ArrayAttr(permuteRows(*copy.getMax(), rows)));
    }
    return copy.getResult();
  }

  /// The same for integers, with the scales and zero points of their type.
  static FailureOr<Value> permuteIntegers(OpBuilder &builder, Value constant,
                                          const Order &rows,
                                          const Order &columns) {
    auto values = getConstantInts(constant);
    if (failed(values))
      return failure();
    auto type = cast<RankedTensorType>(constant.getType());
    Type element = type.getElementType();
    if (auto axes = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
        axes && axes.getQuantizedDimension() == 0)
      element = quant::UniformQuantizedPerAxisType::get(
          axes.getFlags(), axes.getStorageType(), axes.getExpressedType(),
          permuteRows(axes.getScales(), rows),
          permuteRows(axes.getZeroPoints(), rows), 0, axes.getStorageTypeMin(),
          axes.getStorageTypeMax());
    return createQuantizedConstant(
        builder, constant.getLoc(),
        RankedTensorType::get(type.getShape(), element),
        permute(ArrayRef<int32_t>(*values), type.getDimSize(0), rows, columns));
  }

  template <typename T>
  static std::vector<T> permute(ArrayRef<T> values, size_t count,
                                const Order &rows, const Order &columns) {
    size_t size = values.size() / count;
    size_t columnCount = columns.empty() ? 1 : columns.size();
    std::vector<T> permuted;
    permuted.reserve(values.size());
    for (size_t row = 0; row < count; ++row)
      for (size_t i = 0; i < size; ++i) {
        size_t from = columns.empty() ? i
                                      : i / columnCount * columnCount +
                                            columns[i % columnCount];
        permuted.push_back(
            values[(rows.empty() ? row : rows[row]) * size + from]);
      }
    return permuted;
  }

  /// One value for each row; any other number of values stays.
  template <typename T>
  static SmallVector<T> permuteRows(ArrayRef<T> values, const Order &rows) {
    SmallVector<T> permuted(values);
    if (!rows.empty() && values.size() == rows.size())
      for (size_t i = 0; i < rows.size(); ++i)
        permuted[i] = values[rows[i]];
    return permuted;
  }

  llvm::DenseMap<size_t, Order> orders;
};

} // namespace
