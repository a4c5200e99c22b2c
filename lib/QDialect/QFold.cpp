//===- QFold.cpp - Folders of q ops ---------------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace q;

/// The operand, if the op gives it back unchanged under the same type.
static OpFoldResult identityIf(bool unchanged, Value input, Value output) {
  if (unchanged && input.getType() == output.getType())
    return input;
  return {};
}

/// The real number that a constant float operand holds in every element.
static std::optional<float> getSplat(Attribute constant) {
  auto dense = dyn_cast_if_present<DenseElementsAttr>(constant);
  if (!dense || !dense.getElementType().isF32() || dense.empty() ||
      !dense.isSplat())
    return std::nullopt;
  return dense.getSplatValue<float>();
}

//===----------------------------------------------------------------------===//
// Borders
//===----------------------------------------------------------------------===//

/// Rule N3 for every element, in storage type T.
template <typename T>
static Attribute quantizeAll(DenseElementsAttr reals,
                             function_ref<numerics::QuantParams(int64_t)> at) {
  SmallVector<T> stored;
  stored.reserve(reals.getNumElements());
  for (auto [i, real] : llvm::enumerate(reals.getValues<float>()))
    stored.push_back(static_cast<T>(numerics::quantize(real, at(i))));
  auto type = RankedTensorType::get(
      reals.getType().getShape(),
      IntegerType::get(reals.getContext(), 8 * sizeof(T)));
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef(reinterpret_cast<const char *>(stored.data()),
                     stored.size() * sizeof(T)));
}

OpFoldResult QuantizeOp::fold(FoldAdaptor adaptor) {
  // quantize(dequantize(x)) is x when the types agree: dequantized values are
  // exactly the grid points.
  if (auto producer = getInput().getDefiningOp<DequantizeOp>())
    if (producer.getInput().getType() == getOutput().getType())
      return producer.getInput();
  auto reals = dyn_cast_if_present<DenseElementsAttr>(adaptor.getInput());
  if (!reals || !reals.getElementType().isF32())
    return {};
  auto type = cast<RankedTensorType>(getOutput().getType());
  quant::QuantizedType quantized = getQuantizedType(type);
  int64_t channels = 1, stride = std::max<int64_t>(type.getNumElements(), 1);
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(quantized)) {
    int64_t axis = perAxis.getQuantizedDimension();
    channels = type.getDimSize(axis);
    stride = 1;
    for (int64_t extent : type.getShape().drop_front(axis + 1))
      stride *= extent;
  }
  SmallVector<numerics::QuantParams> params =
      getPerChannelParams(quantized, channels);
  auto at = [&](int64_t i) { return params[i / stride % channels]; };
  unsigned width = quantized.getStorageTypeIntegralWidth();
  if (width <= 8)
    return quantizeAll<int8_t>(reals, at);
  return width <= 16 ? quantizeAll<int16_t>(reals, at)
                     : quantizeAll<int32_t>(reals, at);
}

OpFoldResult RequantizeOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

//===----------------------------------------------------------------------===//
// Elementwise: neutral constants of float ops
//===----------------------------------------------------------------------===//

/// The left operand where the right one is `neutral` everywhere and nothing
/// clamps or broadcasts.
template <typename OpTy>
static OpFoldResult foldNeutral(OpTy op, Attribute rhs, float neutral) {
  std::optional<float> splat = getSplat(rhs);
  auto clamped = cast<FusedClampOpInterface>(op.getOperation());
  bool isNeutral = splat && *splat == neutral && !clamped.isClamped();
  return identityIf(isNeutral, op.getLhs(), op.getOutput());
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 0);
}
OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 0);
}
OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 1);
}
OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  return foldNeutral(*this, adaptor.getRhs(), 1);
}

OpFoldResult ClampOp::fold(FoldAdaptor) {
  bool unbounded = !getClampMin() && !getClampMax();
  return identityIf(unbounded, getInput(), getOutput());
}

//===----------------------------------------------------------------------===//
// Ops that move bits
//===----------------------------------------------------------------------===//

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return identityIf(getInputs().size() == 1, getInputs().front(), getOutput());
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  // Equal types mean equal shapes, so only a reversal changes anything.
  return identityIf(llvm::all_of(getSteps(), [](int64_t s) { return s == 1; }),
                    getInput(), getOutput());
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> perm = getPerm();
  auto isIdentity = [](ArrayRef<int64_t> order) {
    for (auto [index, value] : llvm::enumerate(order))
      if (value != static_cast<int64_t>(index))
        return false;
    return true;
  };
  if (isIdentity(perm))
    return identityIf(true, getInput(), getOutput());
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t dim : perm)
      composed.push_back(inner.getPerm()[dim]);
    if (isIdentity(composed))
      return identityIf(true, inner.getInput(), getOutput());
    setPerm(composed);
    setOperand(inner.getInput());
    return getOutput();
  }
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  // The payload of a constant only changes its shape; a blob stays shared.
  if (auto payload = dyn_cast_if_present<ElementsAttr>(adaptor.getInput())) {
    auto type = RankedTensorType::get(
        cast<RankedTensorType>(getOutput().getType()).getShape(),
        payload.getElementType());
    if (auto dense = dyn_cast<DenseElementsAttr>(payload))
      return dense.reshape(type);
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(payload))
      return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  }
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getOutput();
  }
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult ExpandOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult ResizeOp::fold(FoldAdaptor) {
  bool unscaled =
      llvm::all_of(getScales(), [](float scale) { return scale == 1.0f; });
  return identityIf(unscaled, getInput(), getOutput());
}
