//===- LinalgBuilder.cpp - Building linalg ops on tensors -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinalgBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace q;

RankedTensorType q::getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value q::makeEmpty(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                   Type element) {
  return tensor::EmptyOp::create(b, loc, shape, element);
}

Value q::makeFilled(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                    unsigned width, int64_t value) {
  IntegerType type = b.getIntegerType(width);
  Value scalar = arith::ConstantOp::create(
      b, loc,
      IntegerAttr::get(type, APInt(width, value, /*isSigned=*/true,
                                   /*implicitTrunc=*/true)));
  Value empty = makeEmpty(b, loc, shape, type);
  return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
}

Value q::makeConstant(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                      ArrayRef<int64_t> values, unsigned width) {
  SmallVector<APInt> wrapped;
  wrapped.reserve(values.size());
  for (int64_t value : values)
    wrapped.emplace_back(width, value, /*isSigned=*/true,
                         /*implicitTrunc=*/true);
  auto type = RankedTensorType::get(shape, b.getIntegerType(width));
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, wrapped));
}

Value q::makePadded(OpBuilder &b, Location loc, Value value,
                    ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                    int64_t fill) {
  auto isZero = [](int64_t pad) { return pad == 0; };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero))
    return value;
  RankedTensorType type = getTensorType(value);
  SmallVector<int64_t> shape;
  for (auto [extent, before, after] :
       llvm::zip_equal(type.getShape(), low, high))
    shape.push_back(before + extent + after);
  Value border = makeFilled(
      b, loc, shape, type.getElementType().getIntOrFloatBitWidth(), fill);
  SmallVector<OpFoldResult> offsets, sizes, strides;
  for (auto [extent, before] : llvm::zip_equal(type.getShape(), low)) {
    offsets.push_back(b.getIndexAttr(before));
    sizes.push_back(b.getIndexAttr(extent));
    strides.push_back(b.getIndexAttr(1));
  }
  return tensor::InsertSliceOp::create(b, loc, value, border, offsets, sizes,
                                       strides);
}

Value q::makeReshaped(OpBuilder &b, Location loc, Value value,
                      ArrayRef<int64_t> shape) {
  RankedTensorType from = getTensorType(value);
  RankedTensorType to = from.clone(shape);
  if (from == to)
    return value;
  std::optional<SmallVector<ReassociationIndices>> direct =
      getReassociationIndicesForReshape(from, to);
  if (direct && from.getRank() > to.getRank())
    return tensor::CollapseShapeOp::create(b, loc, to, value, *direct);
  if (direct && from.getRank() < to.getRank())
    return tensor::ExpandShapeOp::create(b, loc, to, value, *direct);
  // By way of one dimension.
  auto flat =
      RankedTensorType::get({from.getNumElements()}, from.getElementType());
  auto all = [](int64_t rank) {
    SmallVector<ReassociationIndices> groups(rank > 0 ? 1 : 0);
    for (int64_t dim = 0; dim < rank; ++dim)
      groups[0].push_back(dim);
    return groups;
  };
  if (from.getRank() == 0)
    value = tensor::ExpandShapeOp::create(b, loc, flat, value,
                                          ArrayRef<ReassociationIndices>{});
  else if (from.getRank() > 1)
    value = tensor::CollapseShapeOp::create(b, loc, flat, value,
                                            all(from.getRank()));
  if (to.getRank() == 0)
    return tensor::CollapseShapeOp::create(b, loc, to, value,
                                           ArrayRef<ReassociationIndices>{});
  if (to.getRank() == 1)
    return value;
  return tensor::ExpandShapeOp::create(b, loc, to, value, all(to.getRank()));
}

//===----------------------------------------------------------------------===//
// linalg.generic
//===----------------------------------------------------------------------===//

static Value makeGeneric(OpBuilder &b, Location loc, ValueRange inputs,
                         Value init, ArrayRef<AffineMap> maps,
                         ArrayRef<utils::IteratorType> iterators,
                         ElementBody body, bool passAccumulator) {
  auto generic = linalg::GenericOp::create(
      b, loc, TypeRange(init.getType()), inputs, ValueRange(init), maps,
      iterators, [&](OpBuilder &nested, Location at, ValueRange arguments) {
        Value result = body(
            nested, at, passAccumulator ? arguments : arguments.drop_back());
        linalg::YieldOp::create(nested, at, result);
      });
  return generic.getResult(0);
}

Value q::makeElementwise(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                         Type element, ValueRange inputs,
                         ArrayRef<AffineMap> maps, ElementBody body) {
  SmallVector<AffineMap> all(maps);
  all.push_back(b.getMultiDimIdentityMap(shape.size()));
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  Value init = makeEmpty(b, loc, shape, element);
  return makeGeneric(b, loc, inputs, init, all, iterators, body,
                     /*passAccumulator=*/false);
}

Value q::makeElementwise(OpBuilder &b, Location loc, ValueRange inputs,
                         Type element, ElementBody body) {
  ArrayRef<int64_t> shape = getTensorType(inputs.front()).getShape();
  SmallVector<AffineMap> maps(inputs.size(),
                              b.getMultiDimIdentityMap(shape.size()));
  return makeElementwise(b, loc, shape, element, inputs, maps, body);
}

Value q::makeReduction(OpBuilder &b, Location loc, ValueRange inputs,
                       Value init, ArrayRef<AffineMap> maps, ElementBody body) {
  SmallVector<utils::IteratorType> iterators;
  AffineMap result = maps.back();
  for (unsigned dim = 0; dim < result.getNumDims(); ++dim)
    iterators.push_back(result.isFunctionOfDim(dim)
                            ? utils::IteratorType::parallel
                            : utils::IteratorType::reduction);
  return makeGeneric(b, loc, inputs, init, maps, iterators, body,
                     /*passAccumulator=*/true);
}

AffineMap q::getKeptMap(MLIRContext *context, int64_t rank,
                        ArrayRef<int64_t> axes) {
  SmallVector<AffineExpr> kept;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(axes, dim))
      kept.push_back(getAffineDimExpr(dim, context));
  return AffineMap::get(rank, 0, kept, context);
}

Value q::makeAxisReduction(OpBuilder &b, Location loc, ValueRange inputs,
                           ArrayRef<AffineMap> inputMaps, Value init,
                           ArrayRef<int64_t> axes, ElementBody body) {
  SmallVector<AffineMap> maps(inputMaps);
  maps.push_back(
      getKeptMap(b.getContext(), getTensorType(inputs[0]).getRank(), axes));
  return makeReduction(b, loc, inputs, init, maps, body);
}

SmallVector<int64_t> q::getKeptShape(ArrayRef<int64_t> shape,
                                     ArrayRef<int64_t> axes) {
  SmallVector<int64_t> kept;
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (!llvm::is_contained(axes, static_cast<int64_t>(dim)))
      kept.push_back(extent);
  return kept;
}

AffineMap q::getBroadcastMap(MLIRContext *context, ArrayRef<int64_t> from,
                             ArrayRef<int64_t> to) {
  SmallVector<AffineExpr> results;
  size_t missing = to.size() - from.size();
  for (auto [dim, extent] : llvm::enumerate(from))
    results.push_back(extent == 1 && to[dim + missing] != 1
                          ? getAffineConstantExpr(0, context)
                          : getAffineDimExpr(dim + missing, context));
  return AffineMap::get(to.size(), 0, results, context);
}

AffineMap q::getDimMap(MLIRContext *context, unsigned rank, unsigned dim) {
  return AffineMap::get(rank, 0, getAffineDimExpr(dim, context));
}
