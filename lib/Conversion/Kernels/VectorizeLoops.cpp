//===- VectorizeLoops.cpp - Elementwise ops as loops of vectors -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM vectorizes plain loops well, but it neither merges loops over contiguous
// memory nor knows tables in registers or transpositions of tiles.
//
//===----------------------------------------------------------------------===//

#include "LoopNest.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "VectorizeTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace q::kernel {
#define GEN_PASS_DEF_VECTORIZELOOPS
#include "QDialect/Conversion/KernelPasses.h.inc"
} // namespace q::kernel

using namespace mlir;
using namespace q::kernel;

/// How many lanes four registers hold of the widest value, but not more than
/// one register (or two, for tables) of bytes.
static int64_t getLanes(const VectorBody &body, ShuffleSet set) {
  int64_t bits = set == ShuffleSet::Neon     ? 128
                 : set == ShuffleSet::Avx512 ? 512
                                             : 256;
  int64_t most = bits / 8 * (body.hasTables() ? 2 : 1);
  return std::min<int64_t>(most, 4 * bits / body.getWidestBits());
}

/// Whether vectors can be loaded and stored along the innermost loop: elements
/// of the output are neighbours, those of inputs equal or not far apart.
static bool isContiguous(const LoopNest &nest) {
  return nest.output.steps.back() == 1 &&
         llvm::all_of(nest.inputs, [](const Access &input) {
           return std::abs(input.steps.back()) <= KernelEmitter::mostStep;
         });
}

/// The innermost loop in pieces of `lanes` and what remains in smaller ones.
static void emitContiguous(const FlatNest &nest, const VectorBody &body,
                           int64_t lanes) {
  KernelEmitter &e = nest.e;
  size_t last = nest.extents.size() - 1;
  nest.forOuterLoops(last, [&](ArrayRef<Value> outer) {
    Values starts = nest.getStarts(outer);
    auto at = [&](size_t i, Value place) {
      const Access &access =
          i < nest.inputs.size() ? nest.inputs[i] : nest.output;
      return e.add(starts[i], e.mul(place, access.steps[last]));
    };
    auto piece = [&](Value place, int64_t count) {
      Values loaded;
      for (auto [i, input] : llvm::enumerate(nest.inputs)) {
        int64_t step = input.steps[last];
        loaded.push_back(
            step == 0
                ? e.splat(nest.loadScalar(i, starts[i]), count)
                : e.loadStrided(nest.buffers[i], at(i, place), step, count));
      }
      e.store(body.emit(e, loaded, count), nest.buffers.back(),
              at(nest.inputs.size(), place));
    };
    auto single = [&](Value place) {
      Values loaded;
      for (auto [i, input] : llvm::enumerate(nest.inputs))
        loaded.push_back(nest.loadScalar(i, at(i, place)));
      memref::StoreOp::create(e.b, body.emitScalar(e, loaded),
                              nest.buffers.back(),
                              at(nest.inputs.size(), place));
    };
    int64_t extent = nest.extents[last], done = extent / lanes * lanes;
    e.loop(extent / lanes, [&](Value iv) { piece(e.mul(iv, lanes), lanes); });
    for (int64_t count = lanes / 2; count >= 4; count /= 2)
      if (extent - done >= count) {
        piece(e.index(done), count);
        done += count;
      }
    e.loop(extent - done, [&](Value iv) { single(e.add(iv, done)); });
  });
}

namespace {

class VectorizeLoopsPass
    : public q::kernel::impl::VectorizeLoopsBase<VectorizeLoopsPass> {
public:
  using VectorizeLoopsBase::VectorizeLoopsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (vectorize(op))
        ++numVectorized;
  }

private:
  bool vectorize(linalg::LinalgOp op) {
    ShuffleSet set = getShuffleSet(target);
    std::optional<LoopNest> nest = getLoopNest(op);
    if (!nest)
      return false;
    std::optional<VectorBody> body = VectorBody::get(op, set);
    if (!body)
      return false;
    nest->coalesce();
    std::optional<Tiling> tiling;
    bool contiguous = isContiguous(*nest) && nest->extents.back() >= 4;
    int64_t lanes = getLanes(*body, set);
    if (!contiguous && !(tiling = findTiling(*nest, lanes)))
      return false;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    KernelEmitter e(b);
    FlatNest flat(e, *nest);
    if (contiguous)
      emitContiguous(flat, *body, lanes);
    else
      emitTiles(flat, *body, *tiling);
    op.erase();
    return true;
  }
};

} // namespace
