//===- ValueRanges.cpp - What storage values a tensor can take ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ValueRanges.h"

#include "QDialect/Transforms/Quantizers.h"

using namespace mlir;
using namespace q;

static IntegerBounds unite(IntegerBounds a, IntegerBounds b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}

FailureOr<IntegerBounds> ValueRanges::get(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  auto type = getPerTensorType(value);
  if (!type)
    return emitError(value.getLoc(), "must be quantized per tensor to bound "
                                     "what it can hold");
  auto bounds = compute(value, type);
  if (succeeded(bounds))
    known[value] = *bounds;
  return bounds;
}

FailureOr<IntegerBounds>
ValueRanges::compute(Value value, quant::UniformQuantizedType type) {
  numerics::QuantParams params = getQuantParams(type);
  Operation *op = value.getDefiningOp();
  if (!op)
    return getIntegerBounds(params);
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op)) {
    auto bounds = getIntegerBounds(clamped);
    auto maxima = getChannelMaxima(clamped);
    if (failed(bounds) || failed(maxima))
      return failure();
    if (!maxima->empty())
      bounds->hi = *llvm::max_element(*maxima);
    return bounds;
  }
  if (auto constant = dyn_cast<ConstOp>(op)) {
    auto values = getConstantInts(constant);
    if (failed(values))
      return failure();
    if (values->empty())
      return getIntegerBounds(params);
    auto [low, high] = std::minmax_element(values->begin(), values->end());
    return IntegerBounds{*low, *high};
  }
  if (!movesBits(op))
    return getIntegerBounds(params);
  auto bounds = get(op->getOperand(0));
  for (Value operand : op->getOperands().drop_front()) {
    auto next = get(operand);
    if (failed(bounds) || failed(next))
      return failure();
    bounds = unite(*bounds, *next);
  }
  if (auto pad = dyn_cast<PadOp>(op);
      pad && pad.getMode() == PadMode::Constant && succeeded(bounds)) {
    auto border = getPadValue(pad);
    if (failed(border))
      return failure();
    bounds = unite(*bounds, {*border, *border});
  }
  return bounds;
}

bool ValueRanges::hasPadding(WeightedOpInterface layer) {
  if (auto conv = dyn_cast<Conv2DOp>(layer.getOperation()))
    return llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; });
  return isa<ConvTranspose2DOp>(layer.getOperation());
}

FailureOr<IntegerBounds> ValueRanges::getInput(WeightedOpInterface layer) {
  auto params = getTensorParams(layer, layer.getInput());
  auto range = get(layer.getInput());
  if (failed(params) || failed(range))
    return failure();
  int32_t zeroPoint = static_cast<int32_t>(params->zeroPoint);
  return hasPadding(layer) ? unite(*range, {zeroPoint, zeroPoint}) : *range;
}
