//===- LoopNest.cpp - Elementwise ops as loops over flat buffers ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopNest.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace q::kernel;

SmallVector<Access *> LoopNest::accesses() {
  SmallVector<Access *> all;
  for (Access &input : inputs)
    all.push_back(&input);
  all.push_back(&output);
  return all;
}

void LoopNest::coalesce() {
  SmallVector<Access *> all = accesses();
  auto drop = [&](size_t loop) {
    extents.erase(extents.begin() + loop);
    for (Access *access : all)
      access->steps.erase(access->steps.begin() + loop);
  };
  for (size_t loop = extents.size(); loop-- > 0;)
    if (extents[loop] == 1 && extents.size() > 1)
      drop(loop);
  for (size_t inner = extents.size(); inner-- > 1;) {
    size_t outer = inner - 1;
    bool isOne = llvm::all_of(all, [&](Access *access) {
      return access->steps[outer] == access->steps[inner] * extents[inner];
    });
    if (!isOne)
      continue;
    extents[inner] *= extents[outer];
    drop(outer);
  }
}

/// Strides of a buffer of static shape, if they are known; where it begins need
/// not be.
static std::optional<SmallVector<int64_t>> getStrides(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type.hasStaticShape() ||
      failed(type.getStridesAndOffset(strides, offset)) ||
      llvm::any_of(strides, ShapedType::isDynamic))
    return std::nullopt;
  return strides;
}

static std::optional<Access> getAccess(OpOperand &operand, AffineMap map) {
  Access access;
  access.operand = operand.get();
  access.steps.assign(map.getNumDims(), 0);
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type) {
    access.isScalar = true;
    return access;
  }
  std::optional<SmallVector<int64_t>> strides = getStrides(type);
  if (!strides || type.getRank() == 0)
    return std::nullopt;
  for (auto [index, stride] : llvm::zip_equal(map.getResults(), *strides)) {
    SmallVector<int64_t> factors;
    if (failed(getFlattenedAffineExpr(index, map.getNumDims(),
                                      /*numSymbols=*/0, &factors)) ||
        factors.size() != map.getNumDims() + 1)
      return std::nullopt;
    for (unsigned loop = 0; loop < map.getNumDims(); ++loop)
      access.steps[loop] += factors[loop] * stride;
    access.offset += factors.back() * stride;
  }
  return access;
}

std::optional<LoopNest> q::kernel::getLoopNest(linalg::LinalgOp op) {
  LoopNest nest;
  nest.extents = op.getStaticLoopRanges();
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 ||
      op.getNumLoops() == 0 || op.getNumParallelLoops() != op.getNumLoops() ||
      llvm::any_of(nest.extents, [](int64_t extent) { return extent <= 0; }) ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return std::nullopt;
  for (OpOperand *input : op.getDpsInputOperands()) {
    std::optional<Access> access =
        getAccess(*input, op.getMatchingIndexingMap(input));
    if (!access)
      return std::nullopt;
    nest.inputs.push_back(std::move(*access));
  }
  OpOperand *init = op.getDpsInitOperand(0);
  std::optional<Access> output =
      getAccess(*init, op.getMatchingIndexingMap(init));
  if (!output || output->isScalar)
    return std::nullopt;
  nest.output = std::move(*output);
  return nest;
}

Value q::kernel::makeFlat(OpBuilder &b, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)type.getStridesAndOffset(strides, offset);
  if (type.getRank() == 1 && type.getLayout().isIdentity())
    return buffer;
  // Not a collapse, which later passes would fold by dividing flat indices.
  int64_t extent = 1;
  for (auto [size, stride] : llvm::zip_equal(type.getShape(), strides))
    extent += (size - 1) * stride;
  auto flat =
      MemRefType::get({extent}, type.getElementType(),
                      type.getLayout().isIdentity()
                          ? MemRefLayoutAttrInterface()
                          : StridedLayoutAttr::get(b.getContext(), offset, {1}),
                      type.getMemorySpace());
  OpFoldResult begin = b.getIndexAttr(offset);
  if (ShapedType::isDynamic(offset)) {
    auto parts = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
    buffer = parts.getBaseBuffer();
    begin = parts.getOffset();
  }
  return memref::ReinterpretCastOp::create(
      b, loc, flat, buffer, begin,
      ArrayRef<OpFoldResult>{b.getIndexAttr(extent)},
      ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}
