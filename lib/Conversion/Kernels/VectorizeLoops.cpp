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
#include "VectorizeGathers.h"
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

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

namespace {

/// Vectors of whole rows: rows of one element along memory, or of the two to
/// eight that a short innermost loop meets.
struct RowWalk {
  /// The loop whose iterations are rows.
  size_t loop;
  int64_t elements = 1; ///< of a row
  int64_t rows;         ///< of a vector at most

  int64_t getStep(const Access &access) const { return access.steps[loop]; }
  /// Where the elements of some rows lie.
  SmallVector<int64_t> getPlaces(const Access &access, int64_t count) const {
    int64_t step = elements > 1 ? access.steps[loop + 1] : 0;
    SmallVector<int64_t> places;
    for (int64_t row = 0; row < count; ++row)
      for (int64_t element = 0; element < elements; ++element)
        places.push_back(row * getStep(access) + element * step);
    return places;
  }
};

} // namespace

/// The elements of input `i` that lie at `places` from `start`.
static Value loadLanes(const FlatNest &nest, size_t i, Value start,
                       ArrayRef<int64_t> places) {
  if (llvm::all_equal(places))
    return nest.e.splat(nest.loadScalar(i, start), places.size());
  return nest.e.loadPlaces(nest.buffers[i], start, places);
}

/// Whether a vector of the elements at `places` takes at most four loads.
static bool areNear(ArrayRef<int64_t> places) {
  auto [lowest, highest] = std::minmax_element(places.begin(), places.end());
  return *highest - *lowest < 4 * static_cast<int64_t>(places.size());
}

/// A way to walk through `nest` in vectors of at most `lanes`. None if its
/// operands are too far apart.
static std::optional<RowWalk> findWalk(const LoopNest &nest, int64_t lanes) {
  size_t last = nest.extents.size() - 1;
  int64_t extent = nest.extents[last];
  auto fits = [&](const RowWalk &walk) {
    return nest.output.steps[last] == 1 &&
           llvm::all_of(nest.inputs, [&](const Access &input) {
             return areNear(walk.getPlaces(input, walk.rows));
           });
  };
  if (last > 0 && llvm::isPowerOf2_64(extent) && 2 * extent <= lanes &&
      extent <= 8) {
    RowWalk walk{last - 1, extent, lanes / extent};
    if (fits(walk))
      return walk;
  }
  RowWalk walk{last, 1, lanes};
  if (extent >= 4 && fits(walk))
    return walk;
  return std::nullopt;
}

/// The loop of rows in vectors and what remains in shorter ones.
static void emitRows(const FlatNest &nest, const VectorBody &body,
                     const RowWalk &walk) {
  KernelEmitter &e = nest.e;
  nest.forOuterLoops(walk.loop, [&](ArrayRef<Value> outer) {
    Values starts = nest.getStarts(outer);
    auto at = [&](size_t i, Value row) {
      const Access &access =
          i < nest.inputs.size() ? nest.inputs[i] : nest.output;
      return e.add(starts[i], e.mul(row, walk.getStep(access)));
    };
    auto store = [&](Value vector, Value row, int64_t count) {
      Value start = at(nest.inputs.size(), row);
      int64_t step = walk.getStep(nest.output);
      if (step == walk.elements)
        return e.store(vector, nest.buffers.back(), start);
      for (int64_t i = 0; i < count; ++i)
        e.store(e.slice(vector, i * walk.elements, walk.elements),
                nest.buffers.back(), e.add(start, i * step));
    };
    auto piece = [&](Value row, int64_t count) {
      Values loaded;
      for (auto [i, input] : llvm::enumerate(nest.inputs)) {
        SmallVector<int64_t> places = walk.getPlaces(input, count);
        loaded.push_back(loadLanes(nest, i, at(i, row), places));
      }
      store(body.emit(e, loaded, count * walk.elements), row, count);
    };
    auto single = [&](Value row) {
      e.loop(walk.elements, [&](Value element) {
        Values loaded;
        auto place = [&](size_t i, const Access &access) {
          Value start = at(i, row);
          return walk.elements == 1
                     ? start
                     : e.add(start, e.mul(element, access.steps.back()));
        };
        for (auto [i, input] : llvm::enumerate(nest.inputs))
          loaded.push_back(nest.loadScalar(i, place(i, input)));
        memref::StoreOp::create(e.b, body.emitScalar(e, loaded),
                                nest.buffers.back(),
                                place(nest.inputs.size(), nest.output));
      });
    };
    int64_t rows = nest.extents[walk.loop], done = rows / walk.rows * walk.rows;
    e.loop(rows / walk.rows,
           [&](Value iv) { piece(e.mul(iv, walk.rows), walk.rows); });
    for (int64_t count = walk.rows / 2; count * walk.elements >= 4; count /= 2)
      if (rows - done >= count) {
        piece(e.index(done), count);
        done += count;
      }
    e.loop(rows - done, [&](Value iv) { single(e.add(iv, done)); });
  });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {

/// The innermost loop with its accumulator in registers, where LLVM would have
/// to prove that storing it changes no input: vectors of sums while vectors are
/// left, and single elements.
class ReductionWriter {
public:
  ReductionWriter(const FlatNest &nest, const VectorBody &body)
      : nest(nest), e(nest.e), body(body), last(nest.extents.size() - 1) {}

  void write(int64_t lanes);

private:
  /// What `body` makes of the accumulator and `lanes` elements of each input; 0
  /// means single ones.
  Value combine(ValueRange starts, Value place, int64_t lanes, Value sum) {
    Values loaded;
    for (auto [i, input] : llvm::enumerate(nest.inputs)) {
      int64_t step = input.steps[last];
      Value at = e.add(starts[i], e.mul(place, step));
      if (lanes == 0) {
        loaded.push_back(nest.loadScalar(i, at));
        continue;
      }
      SmallVector<int64_t> places;
      for (int64_t lane = 0; lane < lanes; ++lane)
        places.push_back(lane * step);
      loaded.push_back(loadLanes(nest, i, at, places));
    }
    loaded.push_back(sum);
    return lanes == 0 ? body.emitScalar(e, loaded)
                      : body.emit(e, loaded, lanes);
  }
  /// Combines `count` pieces of `lanes` elements from `first` on.
  Value combineAll(ValueRange starts, int64_t first, int64_t count,
                   int64_t lanes, Value sum) {
    int64_t each = std::max<int64_t>(lanes, 1);
    return e.loop(count, {sum}, [&](Value iv, Values sums) -> Values {
      Value place = e.add(e.mul(iv, each), first);
      return {combine(starts, place, lanes, sums[0])};
    })[0];
  }

  const FlatNest &nest;
  KernelEmitter &e;
  const VectorBody &body;
  size_t last;
};

} // namespace

void ReductionWriter::write(int64_t lanes) {
  // LLVM makes vectors of extrema itself.
  bool isVector = body.isSum() && !body.hasLaneLoads() &&
                  llvm::all_of(nest.inputs, [&](const Access &input) {
                    return std::abs(input.steps[last]) <= 1;
                  });
  nest.forOuterLoops(last, [&](ArrayRef<Value> outer) {
    Values starts = nest.getStarts(outer);
    Value sum = memref::LoadOp::create(e.b, nest.buffers.back(), starts.back());
    int64_t extent = nest.extents[last], done = 0;
    for (int64_t width = lanes; isVector && width >= 8; width /= 2) {
      int64_t count = (extent - done) / width;
      if (count == 0)
        continue;
      Value sums = combineAll(starts, done, count, width,
                              e.splat(0, width, sum.getType()));
      sum = vector::ReductionOp::create(e.b, vector::CombiningKind::ADD, sums,
                                        sum);
      done += count * width;
    }
    sum = combineAll(starts, done, extent - done, 0, sum);
    memref::StoreOp::create(e.b, sum, nest.buffers.back(), starts.back());
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
    if (std::optional<RowGather> gather = findRowGather(op, set)) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      KernelEmitter e(b);
      emitRowGather(e, *gather, set);
      op.erase();
      return true;
    }
    std::optional<LoopNest> nest = getLoopNest(op);
    if (!nest)
      return false;
    std::optional<VectorBody> body = VectorBody::get(op, set);
    if (!body)
      return false;
    nest->coalesce();
    int64_t lanes = getLanes(*body, set);
    std::optional<RowWalk> walk;
    std::optional<Tiling> tiling;
    if (nest->accumulates) {
      if (nest->output.steps.back() != 0)
        return false;
    } else if (!(walk = findWalk(*nest, lanes)) &&
               !(tiling = findTiling(*nest, lanes))) {
      return false;
    }
    ImplicitLocOpBuilder b(op.getLoc(), op);
    KernelEmitter e(b);
    FlatNest flat(e, *nest);
    if (walk)
      emitRows(flat, *body, *walk);
    else if (tiling)
      emitTiles(flat, *body, *tiling);
    else
      ReductionWriter(flat, *body).write(lanes);
    op.erase();
    return true;
  }
};

} // namespace
