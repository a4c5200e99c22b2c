//===- VectorizeTiles.cpp - Elementwise ops that transpose ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VectorizeTiles.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Nests on flat buffers
//===----------------------------------------------------------------------===//

FlatNest::FlatNest(KernelEmitter &e, const LoopNest &nest)
    : LoopNest(nest), e(e) {
  for (Access *access : accesses())
    buffers.push_back(access->isScalar
                          ? access->operand
                          : makeFlat(e.b, e.b.getLoc(), access->operand));
}

void FlatNest::forOuterLoops(size_t count,
                             function_ref<void(ArrayRef<Value>)> body) const {
  Values counters;
  auto nested = [&](auto &self) -> void {
    if (counters.size() == count)
      return body(counters);
    e.loop(extents[counters.size()], [&](Value iv) {
      counters.push_back(iv);
      self(self);
      counters.pop_back();
    });
  };
  nested(nested);
}

Values FlatNest::getStarts(ArrayRef<Value> counters) const {
  Values starts;
  auto add = [&](const Access &access) {
    Value start = e.index(access.offset);
    for (auto [counter, step] : llvm::zip(counters, access.steps))
      if (step != 0)
        start = e.add(start, e.mul(counter, step));
    starts.push_back(start);
  };
  for (const Access &input : inputs)
    add(input);
  add(output);
  return starts;
}

Value FlatNest::loadScalar(size_t i, Value at) const {
  if (inputs[i].isScalar)
    return buffers[i];
  return memref::LoadOp::create(e.b, buffers[i], at);
}

//===----------------------------------------------------------------------===//
// Choosing tiles
//===----------------------------------------------------------------------===//

/// Whether an input is the same for all iterations of the two loops.
static bool isInvariant(const Access &input, size_t loop, size_t last) {
  return input.steps[loop] == 0 && input.steps[last] == 0;
}

static void moveBeforeLast(LoopNest &nest, size_t loop) {
  auto move = [&](SmallVector<int64_t> &values) {
    std::rotate(values.begin() + loop, values.begin() + loop + 1,
                values.end() - 1);
  };
  move(nest.extents);
  for (Access *access : nest.accesses())
    move(access->steps);
}

/// The loop, other than the last, along which all inputs are contiguous.
static std::optional<size_t> findInputLoop(const LoopNest &nest) {
  size_t last = nest.extents.size() - 1;
  for (size_t loop = 0; loop < last; ++loop) {
    bool any = false, all = true;
    for (const Access &input : nest.inputs) {
      if (isInvariant(input, loop, last))
        continue;
      any = true;
      all &= input.steps[loop] == 1 && input.steps[last] > 1;
    }
    if (any && all)
      return loop;
  }
  return std::nullopt;
}

std::optional<Tiling> q::kernel::findTiling(LoopNest &nest, int64_t lanes) {
  constexpr int64_t mostRows = 4;
  if (nest.extents.size() < 2 || nest.output.steps.back() != 1)
    return std::nullopt;
  std::optional<size_t> loop = findInputLoop(nest);
  if (!loop)
    return std::nullopt;
  moveBeforeLast(nest, *loop);
  size_t last = nest.extents.size() - 1, before = last - 1;
  int64_t inputExtent = nest.extents[before], outputExtent = nest.extents[last];
  auto fit = [](int64_t lanes, int64_t extent) {
    return std::min(lanes, int64_t(llvm::bit_floor(uint64_t(extent))));
  };
  if (outputExtent <= mostRows && nest.output.steps[before] == outputExtent &&
      inputExtent >= 4)
    return Tiling{Tiling::Interleave, fit(lanes, inputExtent)};
  int64_t edge =
      fit(std::min<int64_t>(lanes, 16), std::min(inputExtent, outputExtent));
  if (edge < 4)
    return std::nullopt;
  return Tiling{Tiling::Square, edge};
}

//===----------------------------------------------------------------------===//
// Emitting
//===----------------------------------------------------------------------===//

namespace {

/// Writes the tiles of a nest.
class TileWriter {
public:
  TileWriter(const FlatNest &nest, const VectorBody &body, int64_t lanes)
      : nest(nest), e(nest.e), body(body), lanes(lanes),
        last(nest.extents.size() - 1), before(last - 1) {}

  void interleave();
  void square();

private:
  /// Calls `tile` for the places of tiles that cover `extent`; the last one may
  /// reach back over its neighbour, since input and output do not overlap.
  void forTiles(int64_t extent, function_ref<void(Value)> tile) {
    e.forPieces(extent, lanes, [&](Value place, int64_t) { tile(place); });
  }
  /// The value for `lanes` elements, each input's vector made by `load`.
  Value compute(ValueRange starts, function_ref<Value(size_t, Value)> load) {
    Values loaded;
    for (auto [i, input] : llvm::enumerate(nest.inputs))
      loaded.push_back(isInvariant(input, before, last)
                           ? e.splat(nest.loadScalar(i, starts[i]), lanes)
                           : load(i, starts[i]));
    return body.emit(e, loaded, lanes);
  }
  void transpose(Values &rows);

  const FlatNest &nest;
  KernelEmitter &e;
  const VectorBody &body;
  int64_t lanes;
  size_t last, before;
};

} // namespace

void TileWriter::interleave() {
  int64_t rows = nest.extents[last];
  nest.forOuterLoops(before, [&](ArrayRef<Value> outer) {
    Values starts = nest.getStarts(outer);
    forTiles(nest.extents[before], [&](Value place) {
      Values all;
      for (int64_t row = 0; row < rows; ++row)
        all.push_back(compute(starts, [&](size_t i, Value start) {
          Value from = e.add(start, row * nest.inputs[i].steps[last]);
          return e.load(nest.buffers[i], e.add(from, place), lanes);
        }));
      SmallVector<int64_t> mask;
      for (int64_t lane = 0; lane < lanes; ++lane)
        for (int64_t row = 0; row < rows; ++row)
          mask.push_back(row * lanes + lane);
      e.store(e.shuffle(e.concat(all), mask), nest.buffers.back(),
              e.add(starts.back(), e.mul(place, rows)));
    });
  });
}

/// Rows of equal number and length, in log2 rounds that each interleave the
/// first half of the rows with the second.
void TileWriter::transpose(Values &rows) {
  int64_t half = lanes / 2;
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < half; ++lane) {
    low.append({lane, lanes + lane});
    high.append({half + lane, lanes + half + lane});
  }
  for (int64_t round = 1; round < lanes; round *= 2) {
    Values next;
    for (int64_t row = 0; row < half; ++row) {
      next.push_back(e.shuffle(rows[row], rows[row + half], low));
      next.push_back(e.shuffle(rows[row], rows[row + half], high));
    }
    rows = next;
  }
}

void TileWriter::square() {
  nest.forOuterLoops(before, [&](ArrayRef<Value> outer) {
    Values starts = nest.getStarts(outer);
    forTiles(nest.extents[last], [&](Value column) {
      forTiles(nest.extents[before], [&](Value row) {
        Values rows;
        for (int64_t lane = 0; lane < lanes; ++lane)
          rows.push_back(compute(starts, [&](size_t i, Value start) {
            int64_t step = nest.inputs[i].steps[last];
            Value from = e.add(start, e.mul(e.add(column, lane), step));
            return e.load(nest.buffers[i], e.add(from, row), lanes);
          }));
        transpose(rows);
        for (int64_t lane = 0; lane < lanes; ++lane) {
          Value to = e.add(starts.back(),
                           e.mul(e.add(row, lane), nest.output.steps[before]));
          e.store(rows[lane], nest.buffers.back(), e.add(to, column));
        }
      });
    });
  });
}

void q::kernel::emitTiles(const FlatNest &nest, const VectorBody &body,
                          const Tiling &tiling) {
  TileWriter writer(nest, body, tiling.lanes);
  switch (tiling.kind) {
  case Tiling::Interleave:
    return writer.interleave();
  case Tiling::Square:
    return writer.square();
  }
}
