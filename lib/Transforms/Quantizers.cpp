//===- Quantizers.cpp - What the passes on quantizers share ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Quantizers.h"

#include "QDialect/FloatSemantics.h"

#include "llvm/ADT/DenseMap.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace q;

quant::QuantizedType
q::makeQuantizedType(MLIRContext *context, SchemeAttr scheme,
                     ArrayRef<numerics::QuantParams> params) {
  unsigned flags = scheme.getIsSigned() ? quant::QuantizationFlags::Signed : 0;
  Type storage = IntegerType::get(context, scheme.getBits());
  Type expressed = Float32Type::get(context);
  int64_t qmin = params.front().qmin, qmax = params.front().qmax;
  if (params.size() == 1)
    return quant::UniformQuantizedType::get(
        flags, storage, expressed, params.front().scale,
        params.front().zeroPoint, qmin, qmax);
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (const numerics::QuantParams &channel : params) {
    scales.push_back(channel.scale);
    zeroPoints.push_back(channel.zeroPoint);
  }
  return quant::UniformQuantizedPerAxisType::get(
      flags, storage, expressed, scales, zeroPoints,
      static_cast<int32_t>(std::max<int64_t>(scheme.getAxis(), 0)), qmin, qmax);
}

void q::uniteGroupRanges(Operation *root) {
  struct Union {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
  };
  llvm::DenseMap<int64_t, Union> groups;
  root->walk([&](QuantizerOp op) {
    if (!op.getGroup() || !op.getMin())
      return;
    Union &group = groups[*op.getGroup()];
    group.low = std::min(group.low, op.getMin()->front());
    group.high = std::max(group.high, op.getMax()->front());
  });
  Builder builder(root->getContext());
  root->walk([&](QuantizerOp op) {
    if (!op.getGroup() || !op.getMin())
      return;
    const Union &group = groups[*op.getGroup()];
    op.setMinAttr(builder.getDenseF64ArrayAttr(group.low));
    op.setMaxAttr(builder.getDenseF64ArrayAttr(group.high));
  });
}

bool q::movesBits(Operation *op) {
  if (staysFloat(op))
    return false;
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == ResizeMode::Nearest;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Max ||
           reduce.getKind() == ReduceKind::Min;
  return op->hasTrait<SharesParameters>();
}

std::optional<StringRef> q::getIntegerObstacle(Operation *op) {
  if (isa<BatchNormOp>(op))
    return "is defined in float only; run q-fold-batch-norm first";
  if (isa<PowOp>(op))
    return "has no integer form; q-raise-patterns turns the powers 2, 0.5, "
           "-0.5 "
           "and -1 into functions, any other must be taken out of the model";
  if (isa<CompareOp, SelectOp>(op))
    return "has no integer form; take the comparison out of the model, or cut "
           "the model in front of it";
  if (isa<ArgReduceOp>(op))
    return "has no integer form, as indices have no scale; end the model at "
           "the scores and take the index in the application";
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    if (softmax.getLog())
      return "is a logarithmic softmax, which has no integer form; export the "
             "model with softmax, or end it at the logits";
  return std::nullopt;
}

std::optional<std::array<double, 2>> q::getFixedRange(Operation *op,
                                                      unsigned bits) {
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    if (!softmax.getLog())
      return std::array<double, 2>{0.0, 1.0 - std::ldexp(1.0, -int(bits))};
  auto unary = dyn_cast<UnaryOp>(op);
  if (unary && unary.getKind() == UnaryKind::Sigmoid)
    return std::array<double, 2>{0.0, 1.0 - std::ldexp(1.0, -int(bits))};
  if (unary && unary.getKind() == UnaryKind::Tanh)
    return std::array<double, 2>{-1.0, 1.0 - std::ldexp(1.0, 1 - int(bits))};
  return std::nullopt;
}

bool q::isWeightFactor(Operation *op) {
  auto mul = dyn_cast_or_null<MulOp>(op);
  return mul && getConstantBehind(mul.getLhs()) &&
         mul.getRhs().getDefiningOp<ConstOp>();
}

bool q::isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32();
}

ConstOp q::getConstantBehind(Value value) {
  while (auto quantizer = value.getDefiningOp<QuantizerOp>())
    value = quantizer.getInput();
  return value.getDefiningOp<ConstOp>();
}
