//===- QuantizedConstants.cpp - Constants that arrive quantized -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizedConstants.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"

using namespace mlir;
using namespace q;

ConstOp q::getDequantizedConstant(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize ? dequantize.getInput().getDefiningOp<ConstOp>()
                    : ConstOp();
}

static int64_t product(ArrayRef<int64_t> extents) {
  int64_t result = 1;
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

std::optional<int64_t> q::mapAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                                  int64_t axis) {
  int64_t before = product(from.take_front(axis));
  for (auto [dim, extent] : llvm::enumerate(to))
    if (extent == from[axis] && product(to.take_front(dim)) == before)
      return dim;
  return std::nullopt;
}

Value q::gatherDequantized(OpBuilder &builder, Value value,
                           ArrayRef<int64_t> shape, ArrayRef<int64_t> map,
                           int64_t axis) {
  ConstOp constant = getDequantizedConstant(value);
  FailureOr<std::vector<int32_t>> stored = getConstantInts(constant);
  if (failed(stored))
    return {};
  std::vector<int32_t> integers;
  integers.reserve(map.size());
  for (int64_t source : map)
    integers.push_back((*stored)[source]);
  quant::QuantizedType element = getQuantizedType(constant);
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    element = quant::UniformQuantizedPerAxisType::get(
        perAxis.getFlags(), perAxis.getStorageType(),
        perAxis.getExpressedType(), perAxis.getScales(),
        perAxis.getZeroPoints(), axis, perAxis.getStorageTypeMin(),
        perAxis.getStorageTypeMax());
  Value gathered =
      createQuantizedConstant(builder, constant.getLoc(),
                              RankedTensorType::get(shape, element), integers);
  return DequantizeOp::create(
      builder, value.getLoc(),
      RankedTensorType::get(shape, builder.getF32Type()), gathered);
}

Value q::permuteDequantized(OpBuilder &builder, Value value,
                            ArrayRef<int64_t> shape, ArrayRef<int64_t> perm,
                            ArrayRef<int64_t> finalShape) {
  SmallVector<int64_t> strides(shape.size(), 1), permuted, steps;
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  for (int64_t dim : perm) {
    permuted.push_back(shape[dim]);
    steps.push_back(strides[dim]);
  }
  if (finalShape.empty())
    finalShape = permuted;

  int64_t axis = 0;
  auto type = cast<RankedTensorType>(
      getDequantizedConstant(value).getOutput().getType());
  if (auto perAxis =
          dyn_cast<quant::UniformQuantizedPerAxisType>(type.getElementType())) {
    auto split =
        mapAxis(type.getShape(), shape, perAxis.getQuantizedDimension());
    if (!split)
      return {};
    auto moved =
        mapAxis(permuted, finalShape, llvm::find(perm, *split) - perm.begin());
    if (!moved)
      return {};
    axis = *moved;
  }

  std::vector<int64_t> map(product(permuted));
  SmallVector<int64_t> index(permuted.size(), 0);
  int64_t source = 0;
  for (int64_t &entry : map) {
    entry = source;
    // Like an odometer: the last dimension turns fastest.
    for (size_t d = permuted.size(); d-- > 0;) {
      source += steps[d];
      if (++index[d] < permuted[d])
        break;
      source -= steps[d] * permuted[d];
      index[d] = 0;
    }
  }
  return gatherDequantized(builder, value, finalShape, map, axis);
}
