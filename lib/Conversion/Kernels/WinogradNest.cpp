//===- WinogradNest.cpp - Loops of an exact Winograd convolution ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// See WinogradPlan. A transform of two dimensions is two loops of one dimension
// each, over the columns of a tile and then over its rows, so that the code of
// a tile of 4x3 outputs is made of that of 4 and of 3. What the second loop
// computes from a position that 3 outputs do not have is never read.
//
// A team of threads shares the blocks or, where there are few rows, the panels,
// and so writes disjoint parts of the result: rows of tiles overlap only within
// one block, and getWinogradTeam() keeps a last panel that reaches back in one
// thread with its neighbour. Every thread transforms the data that it needs
// into scratch of its own: what another core has written comes at the price of
// much arithmetic.
//
//===----------------------------------------------------------------------===//

#include "Nests.h"
#include "QDialect/Numerics/Winograd.h"
#include "WinogradTransforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace q::kernel;

namespace {

class WinogradNestWriter {
public:
  WinogradNestWriter(KernelEmitter &e, const WinogradPlan &plan,
                     const NestSpec &spec)
      : e(e), b(e.b), plan(plan), g(plan.geometry), spec(spec),
        buffers(spec.buffers), rowPitch(plan.scratchColumns() * g.inC),
        lanes(plan.panels.traits.lanes), vectors(plan.panels.vectors),
        panelWidth(plan.panels.panelWidth),
        mostTiles(getMostWinogradTiles(plan)) {}

  void write() {
    fillColumns();
    e.loop(g.batch, [&](Value image) {
      spec.team.run(e, SharedLoop::Blocks, plan.blocks,
                    [&](Value block) { oneBlock(image, block); });
    });
  }

private:
  //===--- Values that depend on the block
  //---------------------------------===//

  Value select(Value condition, Value a, Value c) {
    if (std::optional<int64_t> known = getConstantIntValue(condition))
      return *known ? a : c;
    std::optional<int64_t> x = getConstantIntValue(a),
                           y = getConstantIntValue(c);
    if (x && y && *x == *y)
      return a;
    return arith::SelectOp::create(b, condition, a, c);
  }

  Value isLess(Value a, Value c) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, a, c);
  }

  Value isEqual(Value a, int64_t c) {
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, a,
                                         e.index(c));
  }

  /// A number that is `last` in the last block.
  Value byBlock(int64_t other, int64_t last) {
    if (plan.blocks == 1)
      return e.index(last);
    return select(isLast, e.index(last), e.index(other));
  }

  /// KernelEmitter::loop with a count that may not be known.
  void loop(Value count, function_ref<void(Value)> body) {
    if (std::optional<int64_t> known = getConstantIntValue(count))
      return e.loop(*known, body);
    auto op = scf::ForOp::create(b, e.index(0), count, e.index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    body(op.getInductionVar());
  }

  //===--- Input
  //-----------------------------------------------------------===//

  int64_t padValue() const { return spec.inputStorage.getZeroPoint(); }

  /// The horizontal padding, which no block overwrites.
  void fillColumns() {
    e.loop(plan.scratchRows(), [&](Value row) {
      Value at = e.mul(row, rowPitch);
      e.fill(buffers.inputScratch, at, g.padLeft * g.inC, padValue());
      int64_t end = g.padLeft + g.inW;
      e.fill(buffers.inputScratch, e.add(at, end * g.inC),
             (plan.scratchColumns() - end) * g.inC, padValue());
    });
  }

  void copyRow(Value from, Value to) {
    auto copy = [&](Value from, Value to, int64_t length) {
      e.forPieces(length, 4 * lanes, [&](Value at, int64_t count) {
        e.store(e.load(buffers.input, e.add(from, at), count),
                buffers.inputScratch, e.add(to, at));
      });
    };
    int64_t pixel = buffers.inputStrides.pixel;
    if (pixel == g.inC)
      return copy(from, to, g.inW * g.inC);
    e.loop(g.inW, [&](Value x) {
      copy(e.add(from, e.mul(x, pixel)), e.add(to, e.mul(x, g.inC)), g.inC);
    });
  }

  void copyRows(Value image, Value y, Value count) {
    loop(count, [&](Value row) {
      // Unsigned, so that rows above the image are beyond its end.
      Value inRow = e.add(e.add(y, row), -g.padTop);
      Value to = e.add(e.mul(row, rowPitch), g.padLeft * g.inC);
      e.branch(
          isLess(inRow, e.index(g.inH)),
          [&]() {
            copyRow(e.add(e.mul(image, buffers.inputStrides.image),
                          e.mul(inRow, buffers.inputStrides.row)),
                    to);
          },
          [&]() {
            e.fill(buffers.inputScratch, to, g.inW * g.inC, padValue());
          });
    });
  }

  //===--- Tiles
  //-----------------------------------------------------------===//

  void oneBlock(Value image, Value block) {
    isLast = isEqual(block, plan.blocks - 1);
    fours = byBlock(plan.blockRows, plan.lastFours());
    threes = byBlock(0, plan.lastThrees());
    // The first tile of each kind: 4x3, 4x4, 3x4, 3x3.
    int64_t otherFours = plan.blockRows, lastFours = plan.lastFours();
    starts[1] = byBlock(otherFours * plan.columns.threes,
                        lastFours * plan.columns.threes);
    starts[2] = byBlock(otherFours * plan.columns.tiles(),
                        lastFours * plan.columns.tiles());
    starts[0] = e.index(0);
    starts[3] =
        e.add(starts[2], byBlock(0, plan.lastThrees() * plan.columns.fours));
    firstRow = e.mul(block, 4 * plan.blockRows);
    int64_t before = (plan.blocks - 1) * 4 * plan.blockRows;
    copyRows(image, firstRow,
             byBlock(4 * plan.blockRows + 2, g.outH - before + 2));
    forTiles([&](const TileAt &tile) { transformData(tile); });
    spec.team.run(e, SharedLoop::Panels, plan.panels.panelCount(),
                  [&](Value panel) { onePanel(image, panel); });
  }

  struct TileAt {
    Value index;
    Value hasFourRows; ///< or 3
    int64_t columns;   ///< 3 or 4 outputs
    Value y, x;        ///< its first output, y within the block
  };

  void forTiles(function_ref<void(const TileAt &)> body) {
    loop(e.add(fours, threes), [&](Value row) {
      TileAt tile;
      tile.hasFourRows =
          plan.rows.threes == 0
              ? b.createOrFold<arith::ConstantOp>(b.getBoolAttr(true))
          : plan.rows.fours == 0
              ? b.createOrFold<arith::ConstantOp>(b.getBoolAttr(false))
              : isLess(row, fours);
      Value row3 = b.createOrFold<arith::SubIOp>(row, fours);
      Value y3 = e.add(e.mul(fours, 4), e.mul(row3, 3));
      if (plan.rows.overlaps()) // never in more than one block
        y3 = e.min(y3, g.outH - 3);
      tile.y = select(tile.hasFourRows, e.mul(row, 4), y3);
      Value inKind = select(tile.hasFourRows, row, row3);
      auto columns = [&](int64_t outputs, int64_t count, int64_t first,
                         Value start) {
        e.loop(count, [&](Value column) {
          tile.columns = outputs;
          tile.index = e.add(e.add(start, e.mul(inKind, count)), column);
          tile.x = e.add(e.mul(column, outputs), first);
          if (outputs == 3 && plan.columns.overlaps())
            tile.x = e.min(tile.x, g.outW - 3);
          body(tile);
        });
      };
      columns(4, plan.columns.fours, 0,
              select(tile.hasFourRows, starts[1], starts[2]));
      columns(3, plan.columns.threes, 4 * plan.columns.fours,
              select(tile.hasFourRows, starts[0], starts[3]));
    });
  }

  /// Positions that a form has, of six.
  static SmallVector<int64_t> positionsOf(int64_t outputs) {
    if (outputs == 3)
      return {0, 1, 2, 3, 5};
    return {0, 1, 2, 3, 4, 5};
  }

  /// Calls one of two bodies with 4 or 3, the rows of a tile.
  void byRows(const TileAt &tile, function_ref<void(int64_t)> body) {
    e.branch(tile.hasFourRows, [&]() { body(4); }, [&]() { body(3); });
  }

  //===--- Data
  //------------------------------------------------------------===//

  /// The input of a tile, transformed. The weights' scratch, free at this time,
  /// holds what the first dimension gives.
  void transformData(const TileAt &tile) {
    Value from = e.add(e.mul(tile.y, rowPitch), e.mul(tile.x, g.inC));
    Value middle = buffers.weightScratch;
    int64_t width = plan.dataLanes();
    e.loop(g.inC / width, [&](Value group) {
      Value at = e.add(from, e.mul(group, width));
      byRows(tile, [&](int64_t rows) {
        e.loop(tile.columns + 2, [&](Value column) {
          Values data;
          for (int64_t r = 0; r < rows + 2; ++r) {
            Value pixel = e.add(e.add(at, r * rowPitch), e.mul(column, g.inC));
            data.push_back(e.extend(e.load(buffers.inputScratch, pixel, width),
                                    e.i16(), spec.inputStorage.getIsSigned()));
          }
          Values results = emitDataTransform(e, rows, data);
          for (int64_t i : positionsOf(rows))
            e.store(results[i], middle,
                    e.add(e.mul(column, width), i * 6 * width));
        });
      });
      Value to = e.add(e.mul(tile.index, g.inC), e.mul(group, width));
      e.loop(6, [&](Value row) {
        Values data;
        for (int64_t c = 0; c < tile.columns + 2; ++c)
          data.push_back(
              e.load(middle, e.add(e.mul(row, 6 * width), c * width), width));
        Values results = emitDataTransform(e, tile.columns, data);
        Value toRow = e.add(to, e.mul(row, 6 * plan.dataPitch()));
        for (int64_t j : positionsOf(tile.columns))
          e.store(results[j], buffers.scratch,
                  e.add(toRow, j * plan.dataPitch()));
      });
    });
  }

  //===--- Weights
  //---------------------------------------------------------===//

  /// The weights of one panel and `chunk` input channels, transformed.
  void transformWeights(Value from) {
    // One vector of 8 or 16 output channels and 2 input channels at a time.
    int64_t width = plan.pairLanes();
    e.loop(plan.chunk / 2 * vectors, [&](Value vector) {
      Value at = e.add(from, e.mul(vector, 9 * width));
      // Those of the next chunk come while this one is multiplied.
      for (int64_t line = 0; line < 9 * width; line += 64)
        e.prefetch(buffers.weights,
                   e.add(at, 9 * plan.chunk * panelWidth + line));
      Values columns[3];
      for (int64_t c = 0; c < 3; ++c) {
        Values taps;
        for (int64_t r = 0; r < 3; ++r) {
          Value bytes =
              e.load(buffers.weights, e.add(at, (r * 3 + c) * width), width);
          taps.push_back(e.extend(bytes, e.i16(), /*isSigned=*/true));
        }
        columns[c] = emitWeightTransform(e, taps);
      }
      Value to = e.mul(vector, width);
      for (int64_t i = 0; i < 6; ++i) {
        Values results = emitWeightTransform(
            e, {columns[0][i], columns[1][i], columns[2][i]});
        for (int64_t j = 0; j < 6; ++j)
          e.store(splitPairs(results[j]), buffers.weightScratch,
                  e.add(to, (i * 6 + j) * plan.weightPitch()));
      }
    });
  }

  /// SMLAL multiplies one input channel at a time: its weights for eight output
  /// channels, then those of the next.
  Value splitPairs(Value pairs) {
    if (spec.microKernel != MicroKernel::Smlal)
      return pairs;
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < 2 * lanes; ++i)
      order.push_back(i % lanes * 2 + i / lanes);
    return e.shuffle(pairs, pairs, order);
  }

  //===--- Products
  //--------------------------------------------------------===//

  void onePanel(Value image, Value panel) {
    int64_t chunks = g.inC / plan.chunk;
    Value weightsAt = e.mul(panel, plan.panelBytes());
    e.loop(chunks, [&](Value chunk) {
      transformWeights(
          e.add(weightsAt, e.mul(chunk, 9 * plan.chunk * panelWidth)));
      multiplyAll(chunk, chunks > 1);
    });

    Value constantsAt = e.mul(panel, panelWidth), channel = constantsAt;
    if (g.outC % panelWidth)
      channel = e.min(channel, g.outC - panelWidth);
    // The bias joins the sums before the last bits are shifted away.
    Values bias;
    for (int64_t v = 0; v < vectors; ++v)
      bias.push_back(arith::ShLIOp::create(
          b, e.load(buffers.bias, e.add(constantsAt, v * lanes), lanes),
          e.splat(recovery().shift, lanes, e.i32())));
    forTiles([&](const TileAt &tile) {
      transformBack(tile, image, channel, constantsAt, bias);
    });
  }

  /// For each kind of positions, its tiles in this block as runs of equal size.
  struct Runs {
    Value start;
    SmallVector<std::pair<int64_t, Value>> counts; ///< per size
  };

  Runs makeRuns(unsigned kind) {
    auto get = [&](int64_t fours, int64_t threes) {
      WinogradRange range = getWinogradRanges(plan, fours, threes)[kind];
      return std::pair(range, splitWinogradTiles(range.count, mostTiles));
    };
    auto [lastRange, last] = get(plan.lastFours(), plan.lastThrees());
    auto [otherRange, other] = get(plan.blockRows, 0);
    if (plan.blocks == 1)
      otherRange = lastRange, other = last;
    Runs runs;
    runs.start = byBlock(otherRange.first, lastRange.first);
    for (int64_t size = mostTiles; size >= 1; --size) {
      auto countOf = [&](const WinogradRuns &split) {
        return size == split.size       ? split.countLarge
               : size == split.size - 1 ? split.countSmall
                                        : 0;
      };
      runs.counts.push_back({size, byBlock(countOf(other), countOf(last))});
    }
    return runs;
  }

  void multiplyAll(Value chunk, bool accumulates) {
    Runs kinds[4];
    for (unsigned kind = 0; kind < 4; ++kind)
      kinds[kind] = makeRuns(kind);
    Value isFirst = isEqual(chunk, 0);
    e.loop(6, [&](Value i) {
      Value needsRows = isEqual(i, 4);
      e.loop(6, [&](Value j) {
        Value needsColumns = isEqual(j, 4);
        auto choose = [&](function_ref<Value(const Runs &)> get) {
          return select(needsRows,
                        select(needsColumns, get(kinds[3]), get(kinds[1])),
                        select(needsColumns, get(kinds[2]), get(kinds[0])));
        };
        Value position = e.add(e.mul(i, 6), j);
        Value tile = choose([](const Runs &runs) { return runs.start; });
        for (int64_t s = 0; s < mostTiles; ++s) {
          int64_t size = kinds[0].counts[s].first;
          Value count =
              choose([&](const Runs &runs) { return runs.counts[s].second; });
          loop(count, [&](Value run) {
            multiply(size, e.add(tile, e.mul(run, size)), position, chunk,
                     accumulates ? isFirst : Value());
          });
          tile = e.add(tile, e.mul(count, size));
        }
      });
    });
  }

  /// sums[tile ...][position] (+)= data * weights, for `size` tiles.
  void multiply(int64_t size, Value tile, Value position, Value chunk,
                Value isFirst) {
    int64_t width = plan.pairLanes();
    Value sumsAt =
        e.add(e.mul(tile, plan.sumPitch()), e.mul(position, panelWidth));
    auto sumAt = [&](int64_t index) {
      return e.add(sumsAt,
                   index / vectors * plan.sumPitch() + index % vectors * lanes);
    };
    Value dataAt =
        e.add(e.add(e.mul(position, plan.dataPitch()), e.mul(tile, g.inC)),
              e.mul(chunk, plan.chunk));
    Value weightsAt = e.mul(position, plan.weightPitch());
    Values sums = initialSums(size * vectors, isFirst, sumAt);
    if (spec.microKernel == MicroKernel::Smlal) {
      sums = multiplyByLane(size, dataAt, weightsAt, std::move(sums));
      for (int64_t i = 0; i < size * vectors; ++i)
        e.store(sums[i], buffers.sums, sumAt(i));
      return;
    }
    // Two pairs of channels an iteration.
    sums = e.loop(plan.chunk / 4, std::move(sums), [&](Value iv, Values sums) {
      for (int64_t step = 0; step < 2; ++step) {
        Value pair = e.add(e.mul(iv, 2), step);
        Values weights;
        for (int64_t v = 0; v < vectors; ++v)
          weights.push_back(e.load(
              buffers.weightScratch,
              e.add(e.add(weightsAt, e.mul(pair, vectors * width)), v * width),
              width));
        for (int64_t t = 0; t < size; ++t) {
          Value at = e.add(e.add(dataAt, e.mul(pair, 2)), t * g.inC);
          Value both = e.bitcast(e.load(buffers.scratch, at, 2), 1, e.i32());
          Value data = e.bitcast(
              vector::BroadcastOp::create(b, e.vec(lanes, e.i32()), both),
              width, e.i16());
          for (int64_t v = 0; v < vectors; ++v) {
            Value &sum = sums[t * vectors + v];
            sum = e.addPairs(spec.microKernel, sum, data, weights[v]);
          }
        }
      }
      return sums;
    });
    for (int64_t i = 0; i < size * vectors; ++i)
      e.store(sums[i], buffers.sums, sumAt(i));
  }

  /// The same with SMLAL by lane, which LLVM forms: eight channels of a tile
  /// are one load.
  Values multiplyByLane(int64_t size, Value dataAt, Value weightsAt,
                        Values sums) {
    return e.loop(plan.chunk / 8, std::move(sums), [&](Value iv, Values sums) {
      Values data;
      for (int64_t t = 0; t < size; ++t)
        data.push_back(e.load(
            buffers.scratch, e.add(e.add(dataAt, e.mul(iv, 8)), t * g.inC), 8));
      for (int64_t c = 0; c < 8; ++c)
        for (int64_t v = 0; v < vectors; ++v) {
          int64_t at = ((c / 2 * vectors + v) * 2 + c % 2) * lanes;
          Value weights = e.extend(
              e.load(buffers.weightScratch,
                     e.add(e.add(weightsAt, e.mul(iv, 8 * panelWidth)), at),
                     lanes),
              e.i32(), /*isSigned=*/true);
          for (int64_t t = 0; t < size; ++t) {
            SmallVector<int64_t> lane(lanes, c);
            Value splat = e.extend(e.shuffle(data[t], data[t], lane), e.i32(),
                                   /*isSigned=*/true);
            Value products = arith::MulIOp::create(b, splat, weights);
            Value &sum = sums[t * vectors + v];
            sum = arith::AddIOp::create(b, sum, products);
          }
        }
      return sums;
    });
  }

  /// 0 for the first chunk of channels (where there are several), else what the
  /// one before has stored.
  Values initialSums(int64_t count, Value isFirst,
                     function_ref<Value(int64_t)> at) {
    Value zero = e.splat(0, lanes, e.i32());
    Values zeros(count, zero);
    if (!isFirst)
      return zeros;
    SmallVector<Type> types(count, zero.getType());
    auto op = scf::IfOp::create(b, types, isFirst, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.thenBlock());
    scf::YieldOp::create(b, zeros);
    b.setInsertionPointToStart(op.elseBlock());
    Values stored;
    for (int64_t i = 0; i < count; ++i)
      stored.push_back(e.load(buffers.sums, at(i), lanes));
    scf::YieldOp::create(b, stored);
    return llvm::to_vector_of<Value>(op.getResults());
  }

  //===--- Results
  //---------------------------------------------------------===//

  q::numerics::WinogradRecovery recovery() const {
    return q::numerics::getWinogradRecovery(q::numerics::getWinogradForm(4));
  }

  void transformBack(const TileAt &tile, Value image, Value channel,
                     Value constantsAt, const Values &bias) {
    Value at = e.mul(tile.index, plan.sumPitch());
    // In place: the first rows of positions become rows of outputs.
    byRows(tile, [&](int64_t rows) {
      e.loop(6 * vectors, [&](Value part) {
        Value column = e.add(at, e.mul(part, lanes));
        Values sums(6);
        for (int64_t i : positionsOf(rows))
          sums[i] =
              e.load(buffers.sums, e.add(column, i * 6 * panelWidth), lanes);
        Values results = emitInverseTransform(e, rows, sums);
        for (int64_t r = 0; r < rows; ++r)
          e.store(results[r], buffers.sums, e.add(column, r * 6 * panelWidth));
      });
    });
    loop(select(tile.hasFourRows, e.index(4), e.index(3)), [&](Value row) {
      Value rowAt = e.add(at, e.mul(row, 6 * panelWidth));
      Values accumulators(tile.columns * vectors);
      for (int64_t v = 0; v < vectors; ++v) {
        Values sums(6);
        for (int64_t j : positionsOf(tile.columns))
          sums[j] = e.load(buffers.sums,
                           e.add(rowAt, j * panelWidth + v * lanes), lanes);
        Values results = emitInverseTransform(e, tile.columns, sums);
        for (int64_t x = 0; x < tile.columns; ++x)
          accumulators[x * vectors + v] = recover(results[x], bias[v]);
      }
      Value y = e.add(e.add(firstRow, tile.y), row);
      EpilogueTile out;
      out.vectors = vectors;
      out.constantsAt = constantsAt;
      out.channels = panelWidth;
      for (int64_t x = 0; x < tile.columns; ++x) {
        auto pixel = [&](const ActivationStrides &s) {
          Value first = e.add(e.mul(image, s.image), e.mul(y, s.row));
          return e.add(e.add(e.add(first, e.mul(tile.x, s.pixel)), channel),
                       x * s.pixel);
        };
        out.outputAt.push_back(pixel(buffers.outputStrides));
        if (spec.epilogue.residual)
          out.residualAt.push_back(pixel(buffers.residualStrides));
      }
      emitEpilogue(e, spec.epilogue, out, accumulators);
    });
  }

  /// The accumulator from 576 times its products' sum, modulo 2^32 (rule N8).
  Value recover(Value sum, Value bias) {
    auto factor = static_cast<int32_t>(recovery().factor);
    Value scaled =
        arith::MulIOp::create(b, sum, e.splat(factor, lanes, e.i32()));
    return arith::ShRSIOp::create(b, arith::AddIOp::create(b, scaled, bias),
                                  e.splat(recovery().shift, lanes, e.i32()));
  }

  KernelEmitter &e;
  ImplicitLocOpBuilder &b;
  const WinogradPlan &plan;
  const LayerGeometry &g;
  const NestSpec &spec;
  const KernelBuffers &buffers;
  int64_t rowPitch;
  /// Of the vectors and panels of sums.
  int64_t lanes, vectors, panelWidth;
  int64_t mostTiles; ///< that are multiplied at a time
  /// Of the block that is being written.
  Value isLast, fours, threes, firstRow, starts[4];
};

} // namespace

void q::kernel::emitWinogradNest(KernelEmitter &e, const WinogradPlan &plan,
                                 const NestSpec &spec) {
  WinogradNestWriter(e, plan, spec).write();
}
