//===- VectorizeGathers.cpp - Rows whose elements change places -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VectorizeGathers.h"

#include "VectorBody.h"
#include "VectorizeTiles.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace q::kernel;

/// The bytes that a byte shuffle chooses from.
static constexpr int64_t blockBytes = 16;

/// How many bytes of the result to make at once.
static int64_t getWidth(const RowGather &gather, ShuffleSet set) {
  int64_t most = set == ShuffleSet::Neon     ? 16
                 : set == ShuffleSet::Avx512 ? 64
                                             : 32;
  return std::min<int64_t>(most, llvm::bit_floor(gather.places.size()));
}

/// The first bytes of the blocks that hold `places` of a row of `length` bytes.
/// The last block of a row ends with it.
static SmallVector<int64_t> getBlocks(ArrayRef<int64_t> places,
                                      int64_t length) {
  llvm::SmallSetVector<int64_t, 8> blocks;
  for (int64_t place : places)
    blocks.insert(
        std::min(place / blockBytes * blockBytes, length - blockBytes));
  return blocks.takeVector();
}

/// Whether `index` counts the iterations of a loop, or is 0 as in one that has
/// a single iteration.
static bool isCounter(Value index, int64_t loop, int64_t extent) {
  auto op = index.getDefiningOp<linalg::IndexOp>();
  return (op && op.getDim() == static_cast<uint64_t>(loop)) ||
         (extent == 1 && matchPattern(index, m_Zero()));
}

/// The value that `index` begins at if it counts the iterations of a loop from
/// there, as in a piece of a larger loop; 0 if from 0, none if it does not.
static std::optional<OpFoldResult> getStart(Value index, int64_t loop,
                                            int64_t extent) {
  if (isCounter(index, loop, extent))
    return OpFoldResult(Builder(index.getContext()).getIndexAttr(0));
  auto apply = index.getDefiningOp<affine::AffineApplyOp>();
  if (!apply || apply.getNumOperands() != 2)
    return std::nullopt;
  auto sum = dyn_cast<AffineBinaryOpExpr>(apply.getAffineMap().getResult(0));
  if (!sum || sum.getKind() != AffineExprKind::Add ||
      !isa<AffineDimExpr, AffineSymbolExpr>(sum.getLHS()) ||
      !isa<AffineDimExpr, AffineSymbolExpr>(sum.getRHS()) ||
      sum.getLHS() == sum.getRHS())
    return std::nullopt;
  for (unsigned i : {0, 1}) {
    Value start = apply.getOperand(1 - i);
    if (isCounter(apply.getOperand(i), loop, extent) &&
        start.getParentBlock() != apply->getBlock())
      return OpFoldResult(start);
  }
  return std::nullopt;
}

/// The entries of the table in which `index` is looked up by loop `loop`.
static std::optional<SmallVector<int64_t>> getPlaces(Value index,
                                                     int64_t loop) {
  auto cast = index.getDefiningOp<arith::IndexCastUIOp>();
  auto entry = cast ? cast.getIn().getDefiningOp<memref::LoadOp>() : nullptr;
  memref::GlobalOp table = entry ? getTable(entry) : nullptr;
  auto values = dyn_cast_or_null<DenseIntElementsAttr>(
      table ? table.getInitialValue().value_or(Attribute()) : Attribute());
  if (!values ||
      !isCounter(entry.getIndices()[0], loop, values.getNumElements()))
    return std::nullopt;
  SmallVector<int64_t> places;
  for (const APInt &value : values.getValues<APInt>())
    places.push_back(value.getSExtValue());
  return places;
}

std::optional<RowGather> q::kernel::findRowGather(linalg::LinalgOp op,
                                                  ShuffleSet set) {
  auto load = op.getBlock()
                  ->getTerminator()
                  ->getOperand(0)
                  .getDefiningOp<memref::LoadOp>();
  if (!load || op.getNumDpsInputs() != 0 || load->getBlock() != op.getBlock())
    return std::nullopt;
  RowGather gather;
  std::optional<LoopNest> nest = getLoopNest(op);
  int64_t last = op.getNumLoops() - 1;
  std::optional<SmallVector<int64_t>> places =
      getPlaces(load.getIndices().back(), last);
  if (!nest || !places || !load.getType().isInteger(8) ||
      load.getMemRefType().getRank() != last + 1 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return std::nullopt;
  for (int64_t loop = 0; loop < last; ++loop) {
    std::optional<OpFoldResult> start =
        getStart(load.getIndices()[loop], loop, nest->extents[loop]);
    if (!start)
      return std::nullopt;
    gather.starts.push_back(*start);
  }
  Access source;
  int64_t offset;
  source.operand = load.getMemRef();
  if (failed(load.getMemRefType().getStridesAndOffset(source.steps, offset)) ||
      llvm::is_contained(source.steps, ShapedType::kDynamic) ||
      source.steps[last] != 1 || nest->output.steps[last] != 1)
    return std::nullopt;
  // The places say where the elements of a row are.
  source.steps[last] = 0;
  nest->inputs.push_back(source);

  int64_t length = load.getMemRefType().getShape()[last];
  gather.nest = std::move(*nest);
  gather.places = std::move(*places);
  int64_t count = gather.places.size(), width = getWidth(gather, set);
  if (length < blockBytes || count < blockBytes)
    return std::nullopt;
  for (int64_t first = 0; first + width <= count; first += width)
    if (static_cast<int64_t>(
            getBlocks(ArrayRef(gather.places).slice(first, width), length)
                .size()) > width / 2)
      return std::nullopt;
  return gather;
}

/// The bytes at `places` of the row that begins at `start`: from each block
/// those that it has, and 0 for the others.
static Value gatherBytes(KernelEmitter &e, Value buffer, Value start,
                         ArrayRef<int64_t> places, int64_t length,
                         ShuffleSet set) {
  int64_t width = places.size();
  Value result;
  SmallVector<bool> found(width, false);
  for (int64_t block : getBlocks(places, length)) {
    SmallVector<APInt> chosen;
    for (auto [lane, place] : llvm::enumerate(places)) {
      bool isHere =
          !found[lane] && place >= block && place < block + blockBytes;
      found[lane] = found[lane] || isHere;
      chosen.emplace_back(8, isHere ? place - block : 0x80);
    }
    Value bytes = e.load(buffer, e.add(start, block), blockBytes);
    SmallVector<int64_t> repeated;
    for (int64_t lane = 0; lane < width; ++lane)
      repeated.push_back(lane % blockBytes);
    Value mask = arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(e.vec(width, e.i8()), chosen));
    Value part = emitByteShuffle(e, set, e.shuffle(bytes, repeated), mask);
    result =
        result ? arith::OrIOp::create(e.b, result, part).getResult() : part;
  }
  return result;
}

void q::kernel::emitRowGather(KernelEmitter &e, const RowGather &gather,
                              ShuffleSet set) {
  int64_t count = gather.places.size(), width = getWidth(gather, set);
  LoopNest nest = gather.nest;
  Value &source = nest.inputs[0].operand;
  int64_t length = cast<MemRefType>(source.getType()).getShape().back();
  // From the first row that is read.
  SmallVector<OpFoldResult> offsets(gather.starts), sizes,
      ones(nest.extents.size(), e.b.getIndexAttr(1));
  offsets.push_back(e.b.getIndexAttr(0));
  for (int64_t extent : llvm::drop_end(nest.extents))
    sizes.push_back(e.b.getIndexAttr(extent));
  sizes.push_back(e.b.getIndexAttr(length));
  source = memref::SubViewOp::create(e.b, source, offsets, sizes, ones);
  nest.coalesce();
  FlatNest flat(e, nest);
  flat.forOuterLoops(nest.extents.size() - 1, [&](ArrayRef<Value> outer) {
    Values starts = flat.getStarts(outer);
    for (int64_t at = 0; at < count; at += width) {
      int64_t first = std::min(at, count - width);
      Value bytes =
          gatherBytes(e, flat.buffers[0], starts[0],
                      ArrayRef(gather.places).slice(first, width), length, set);
      e.store(bytes, flat.buffers[1], e.add(starts[1], first));
    }
  });
}
