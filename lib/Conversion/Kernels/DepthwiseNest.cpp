//===- DepthwiseNest.cpp - Loops of a depthwise convolution ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For each step of output rows and each block of channels, walk along the
// input row. An input column is read and widened once, in registers, and
// multiplied with all horizontal taps: those of the outputs that it belongs to,
// whose unfinished sums the loop carries along. For vpmaddwd two neighbouring
// input rows are interleaved, element by element, so that one instruction
// multiplies two vertical taps; two output rows then share every pair, with
// the weights shifted by one row for the second. The dot products of NEON take
// four rows of bytes in the same way. SMULL multiplies bytes of one row, whose
// products meet those of the rows below in int16, as many as were proven.
//
// Nothing is copied for the sake of padding: a row outside of the image is read
// from a buffer of one padded pixel, again and again; a column outside of it is
// skipped where padding is zero.
//
// The threads of a team share the steps or the blocks of channels and so write
// disjoint parts of the result; getDepthwiseTeam() keeps the last step or
// block, which may reach back, in one thread with its neighbour. Each has
// scratch of its own.
//
//===----------------------------------------------------------------------===//

#include "Nests.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace q::kernel;

int64_t q::kernel::getDepthwiseWeightScratch(const DepthwisePlan &plan) {
  return plan.blocks * plan.blockWeights();
}

namespace {

class DepthwiseNestWriter {
public:
  DepthwiseNestWriter(KernelEmitter &e, const DepthwisePlan &plan,
                      const NestSpec &spec)
      : e(e), b(e.b), plan(plan), g(plan.geometry), spec(spec),
        buffers(spec.buffers), pitch(plan.blockChannels * plan.groupRows) {
    findColumns();
  }

  void write() {
    e.fill(buffers.scratch, e.index(0), plan.blockChannels, padValue());
    widenWeights();
    int64_t steps = ceilDiv(g.outH, plan.rows);
    e.loop(g.batch, [&](Value image) {
      spec.team.run(e, SharedLoop::Blocks, steps, [&](Value step) {
        Value y = e.mul(step, plan.rows);
        if (g.outH % plan.rows)
          y = e.min(y, g.outH - plan.rows);
        spec.team.run(e, SharedLoop::Panels, plan.blocks,
                      [&](Value block) { walk(image, y, block); });
      });
    });
  }

private:
  /// Of the storage, and as it is multiplied.
  int64_t padValue() const { return spec.inputStorage.getZeroPoint(); }
  int64_t padFactor() const { return padValue() + spec.activationOffset; }

  bool takesBytes() const { return plan.traits.activationBits == 8; }
  Type element() { return takesBytes() ? e.i8() : e.i16(); }

  /// Bytes as they are multiplied.
  Value widen(Value bytes, bool isSigned) {
    return takesBytes() ? bytes : e.extend(bytes, e.i16(), isSigned);
  }

  /// Of a block; the last one reaches back over its neighbour.
  Value firstChannel(Value block) {
    Value channel = e.mul(block, plan.blockChannels);
    if (g.outC % plan.blockChannels)
      channel = e.min(channel, g.outC - plan.blockChannels);
    return channel;
  }

  //===--- Weights
  //---------------------------------------------------------===//

  /// Once per call: weights are stored as bytes, channel by channel of a tap,
  /// and multiplied in the groups of the rows that they meet, as int16 or, by
  /// the dot products, as they are.
  void widenWeights() {
    spec.team.run(e, SharedLoop::Panels, plan.blocks, [&](Value block) {
      Value channel = firstChannel(block);
      Value to = e.mul(block, plan.blockWeights());
      e.loop(g.kernelW, [&](Value column) {
        Value from = e.add(e.mul(column, g.outC), channel);
        widenColumn(from, e.add(to, e.mul(column, pitch)));
      });
    });
  }

  /// The vertical taps of one kernel column and block.
  void widenColumn(Value from, Value to) {
    auto read = [&](int64_t row) -> Value {
      if (row < 0 || row >= g.kernelH)
        return e.splat(0, plan.blockChannels, element());
      Value at = e.add(from, row * g.kernelW * g.outC);
      Value bytes = e.load(buffers.weights, at, plan.blockChannels);
      return widen(bytes, /*isSigned=*/true);
    };
    int64_t lanes = plan.traits.lanes;
    for (int64_t phase = 0; phase < plan.phases(); ++phase)
      for (int64_t group = 0; group < plan.groupsOf(phase).second; ++group) {
        // The first rows of the first group may be above the window.
        int64_t first = group * plan.groupRows - plan.offsetInGroup(phase);
        Values rows;
        for (int64_t row = 0; row < plan.groupRows; ++row)
          rows.push_back(read(first + row));
        Values vectors = interleave(rows);
        for (auto [v, vector] : llvm::enumerate(vectors))
          e.store(vector, buffers.weightScratch,
                  e.add(to, v * lanes * plan.groupRows));
        to = e.add(to, g.kernelW * pitch);
      }
  }

  /// The elements of the rows of a group side by side, in the order of the
  /// accumulators' lanes: one vector per vector of accumulators.
  Values interleave(const Values &rows) {
    if (rows.size() == 4)
      return interleaveFour(rows);
    int64_t lanes = plan.traits.lanes;
    Values vectors;
    for (int64_t v = 0; v < plan.vectors; ++v) {
      if (rows.size() == 1) {
        vectors.push_back(e.slice(rows[0], v * lanes, lanes));
        continue;
      }
      SmallVector<int64_t> order;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        int64_t channel = plan.channelOf(v, lane);
        order.push_back(channel);
        order.push_back(plan.blockChannels + channel);
      }
      vectors.push_back(e.shuffle(rows[0], rows[1], order));
    }
    return vectors;
  }

  /// Four bytes per channel: pairs of rows first (ZIP of bytes), then pairs of
  /// those (ZIP of halves).
  Values interleaveFour(const Values &rows) {
    auto zip = [&](Value a, Value c, int64_t first, int64_t count) {
      int64_t n = cast<VectorType>(a.getType()).getNumElements();
      SmallVector<int64_t> order;
      for (int64_t i = first; i < first + count; ++i)
        order.append({i, n + i});
      return e.shuffle(a, c, order);
    };
    Values vectors;
    for (int64_t eight = 0; eight < plan.blockChannels; eight += 8) {
      Value upper = e.bitcast(zip(rows[0], rows[1], eight, 8), 8, e.i16());
      Value lower = e.bitcast(zip(rows[2], rows[3], eight, 8), 8, e.i16());
      for (int64_t four : {0, 4})
        vectors.push_back(e.bitcast(zip(upper, lower, four, 4), 16, e.i8()));
    }
    return vectors;
  }

  //===--- Input
  //-----------------------------------------------------------===//

  /// One row of the window: column x is at `start + x * step` of `buffer`.
  struct WindowRow {
    Value buffer, start, step;
  };

  SmallVector<WindowRow> getWindow(Value image, Value y, Value channel) {
    int64_t rows = (plan.rows - 1) * g.strideH + g.kernelH;
    int64_t last =
        (g.outH - plan.rows) * g.strideH - g.padTop + (rows - 1) * g.dilationH;
    bool isInside = g.padTop == 0 && last < g.inH;
    Value first = e.add(e.mul(y, g.strideH), -g.padTop);
    Value base = e.add(e.mul(image, buffers.inputStrides.image), channel);
    SmallVector<WindowRow> window;
    for (int64_t i = 0; i < rows; ++i) {
      Value row = e.add(first, i * g.dilationH);
      WindowRow found{buffers.input,
                      e.add(base, e.mul(row, buffers.inputStrides.row)),
                      e.index(buffers.inputStrides.pixel)};
      window.push_back(isInside ? found : orPadding(row, found));
    }
    return window;
  }

  /// The same row of one padded pixel where `row` is outside of the image.
  WindowRow orPadding(Value row, const WindowRow &found) {
    // Unsigned, so that rows above the image are beyond its end.
    Value exists = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, row,
                                                 e.index(g.inH));
    auto select = [&](Value a, Value c) {
      return b.createOrFold<arith::SelectOp>(exists, a, c);
    };
    auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic,
                                         ArrayRef<int64_t>{1});
    auto any = MemRefType::get({ShapedType::kDynamic}, e.i8(), layout);
    auto cast = [&](Value buffer) {
      return memref::CastOp::create(b, any, buffer).getResult();
    };
    return {select(cast(found.buffer), cast(buffers.scratch)),
            select(found.start, e.index(0)), select(found.step, e.index(0))};
  }

  Value read(const WindowRow &row, Value column) {
    Value offset = b.createOrFold<arith::MulIOp>(column, row.step);
    Value bytes =
        e.load(row.buffer, e.add(row.start, offset), plan.blockChannels);
    if (spec.activationOffset)
      bytes = arith::AddIOp::create(
          b, bytes, e.splat(spec.activationOffset, plan.blockChannels, e.i8()));
    return widen(bytes, spec.inputStorage.getIsSigned());
  }

  //===--- Output pixels
  //---------------------------------------------------===//

  /// A column that step `o` of the walk reads, `offset` behind where the window
  /// of output `o` begins, and its uses: as which tap of output `o - behind`.
  struct Column {
    int64_t offset;
    struct Use {
      int64_t behind, tap;
    };
    SmallVector<Use> uses;
  };

  void findColumns() {
    // Dilated windows share few columns, and few outputs are soon finished.
    mostBehind = (g.kernelW - 1) / g.strideW;
    if (g.dilationW > 1 || g.outW <= mostBehind) {
      mostBehind = 0;
      for (int64_t tap = 0; tap < g.kernelW; ++tap)
        columns.push_back({tap * g.dilationW, {{0, tap}}});
      return;
    }
    for (int64_t i = 0; i < std::min(g.strideW, g.kernelW); ++i) {
      Column column{i, {}};
      for (int64_t tap = i; tap < g.kernelW; tap += g.strideW)
        column.uses.push_back({tap / g.strideW, tap});
      columns.push_back(column);
    }
  }

  /// What the steps of a walk have in common.
  struct Walk {
    Value image, y, block, channel, weightsAt;
    SmallVector<WindowRow> window;
    Values fresh; ///< the sums of an output before any product
  };

  /// What is known of a step: all that it reads and writes exists; which one it
  /// is; nothing.
  struct Step {
    enum Kind { Inner, Known, Any } kind;
    int64_t index = -1; ///< if known
  };

  void walk(Value image, Value y, Value block) {
    Walk w{image, y, block, firstChannel(block), {}, {}, {}};
    w.weightsAt = e.mul(block, plan.blockWeights());
    w.window = getWindow(image, y, w.channel);
    Values bias;
    int64_t lanes = plan.traits.lanes;
    for (int64_t v = 0; v < plan.vectors; ++v)
      bias.push_back(e.load(buffers.bias,
                            e.add(e.mul(block, plan.blockChannels), v * lanes),
                            lanes));
    for (int64_t row = 0; row < plan.rows; ++row)
      w.fresh.append(bias.begin(), bias.end());
    Values sums;
    for (int64_t i = 0; i < mostBehind; ++i)
      sums.append(w.fresh.begin(), w.fresh.end());

    int64_t steps = g.outW + mostBehind;
    std::pair<int64_t, int64_t> inner = getInnerSteps();
    int64_t begin = inner.first, end = inner.second;
    if (!peelsBorders(begin, end)) {
      e.loop(steps, std::move(sums), [&](Value o, Values carried) {
        return oneStep(w, o, {Step::Any}, std::move(carried));
      });
      return;
    }
    for (int64_t o = 0; o < begin; ++o)
      sums = oneStep(w, e.index(o), {Step::Known, o}, std::move(sums));
    sums = e.loop(end - begin, std::move(sums), [&](Value i, Values carried) {
      return oneStep(w, e.add(i, begin), {Step::Inner}, std::move(carried));
    });
    for (int64_t o = end; o < steps; ++o)
      sums = oneStep(w, e.index(o), {Step::Known, o}, std::move(sums));
  }

  /// Starts output `o`, finishes the oldest one; takes and gives the sums of
  /// those between, the newest first.
  Values oneStep(const Walk &w, Value o, Step step, Values carried) {
    Values sums = w.fresh;
    sums.append(carried.begin(), carried.end());
    for (const Column &column : columns)
      sums = multiply(w, column, o, step, std::move(sums));
    Values finished = llvm::to_vector(
        ArrayRef<Value>(sums).take_back(plan.rows * plan.vectors));
    sums.truncate(sums.size() - finished.size());
    Value x = e.add(o, -mostBehind);
    auto finish = [&]() { store(w, x, finished); };
    if (step.kind == Step::Inner || step.index >= mostBehind || mostBehind == 0)
      finish();
    else if (step.kind == Step::Any)
      e.branch(b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sge, x,
                                             e.index(0)),
               finish, [] {});
    return sums;
  }

  /// The steps [begin, end) whose columns and outputs all exist.
  std::pair<int64_t, int64_t> getInnerSteps() const {
    int64_t first = columns.front().offset - g.padLeft;
    int64_t last = columns.back().offset - g.padLeft;
    int64_t begin = std::max(mostBehind, ceilDiv(-first, g.strideW));
    int64_t end = last < g.inW ? (g.inW - 1 - last) / g.strideW + 1 : 0;
    return {begin, std::min(end, g.outW)};
  }

  /// Whether the output `behind` the one that a step starts may exist.
  bool isUsed(const Step &step, int64_t behind) const {
    return step.kind != Step::Known ||
           (step.index >= behind && step.index - behind < g.outW);
  }

  /// Steps at the borders are code of their own if that is not much code; then
  /// the loop has no branches.
  bool peelsBorders(int64_t begin, int64_t end) const {
    if (begin >= end || !isShort(spec.epilogue))
      return false;
    int64_t inner = 0, border = 0, steps = g.outW + mostBehind;
    for (const Column &column : columns) {
      inner += column.uses.size();
      for (int64_t o = 0; o < steps; ++o) {
        int64_t x = o * g.strideW + column.offset - g.padLeft;
        bool isSkipped = padFactor() == 0 && (x < 0 || x >= g.inW);
        if (isSkipped || (o >= begin && o < end))
          continue;
        for (const Column::Use &use : column.uses)
          border += isUsed({Step::Known, o}, use.behind);
      }
    }
    return border <= 3 * inner;
  }

  /// Adds the products of one column to all sums that it belongs to.
  Values multiply(const Walk &w, const Column &column, Value o,
                  const Step &step, Values sums) {
    Column used = column;
    llvm::erase_if(used.uses, [&](const Column::Use &use) {
      return !isUsed(step, use.behind);
    });
    if (used.uses.empty())
      return sums;
    int64_t first = column.offset - g.padLeft;
    Value x = e.add(e.mul(o, g.strideW), first);
    auto inside = [&]() {
      return multiplyRows(
          used, w.weightsAt, sums,
          [&](int64_t row) { return read(w.window[row], x); }, w.window.size());
    };
    auto outside = [&]() {
      if (padFactor() == 0)
        return sums;
      Value padding = e.splat(padFactor(), plan.blockChannels, element());
      return multiplyRows(
          used, w.weightsAt, sums, [&](int64_t) { return padding; },
          w.window.size());
    };
    int64_t last = first + (g.outW + mostBehind - 1) * g.strideW;
    if (step.kind == Step::Inner || (first >= 0 && last < g.inW))
      return inside();
    Value exists = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, x,
                                                 e.index(g.inW));
    return e.branch(exists, sums, inside, outside);
  }

  Values multiplyRows(const Column &column, Value weightsAt, Values sums,
                      function_ref<Value(int64_t)> readRow, int64_t rows) {
    if (spec.microKernel == MicroKernel::SmullLanes)
      return multiplyChains(column, weightsAt, std::move(sums), readRow, rows);
    for (int64_t row = 0; row < plan.windowGroups; ++row) {
      Values group;
      // A missing partner meets zero weights only.
      for (int64_t i = row * plan.groupRows; i < (row + 1) * plan.groupRows;
           ++i)
        group.push_back(i < rows ? readRow(i) : group.front());
      Values data = interleave(group);
      for (int64_t v = 0; v < plan.vectors; ++v)
        for (int64_t outRow = 0; outRow < plan.rows; ++outRow)
          for (const Column::Use &use : column.uses) {
            int64_t sum = (use.behind * plan.rows + outRow) * plan.vectors + v;
            sums[sum] = multiplyAdd(row, outRow, use.tap, v, data[v], weightsAt,
                                    sums[sum]);
          }
    }
    return sums;
  }

  /// Byte by byte: one chain after the other, so that sums in int16 take few
  /// registers.
  Values multiplyChains(const Column &column, Value weightsAt, Values sums,
                        function_ref<Value(int64_t)> readRow, int64_t rows) {
    int64_t lanes = plan.traits.lanes;
    Values data;
    for (int64_t row = 0; row < rows; ++row)
      data.push_back(readRow(row));
    for (int64_t v = 0; v < plan.vectors; ++v)
      for (int64_t outRow = 0; outRow < plan.rows; ++outRow)
        for (const Column::Use &use : column.uses) {
          int64_t sum = (use.behind * plan.rows + outRow) * plan.vectors + v;
          Value chain;
          for (int64_t row = 0; row < g.kernelH; ++row) {
            int64_t offset = (row * g.kernelW + use.tap) * pitch;
            Value weights =
                e.load(buffers.weightScratch, e.add(weightsAt, offset), pitch);
            auto part = [&](Value all) {
              return e.slice(all, v * lanes, lanes);
            };
            chain = e.addByteProducts(
                chain, part(data[outRow * g.strideH + row]), part(weights));
            if ((row + 1) % spec.chain != 0 && row + 1 < g.kernelH)
              continue;
            sums[sum] = arith::AddIOp::create(
                b, sums[sum], e.extend(chain, e.i32(), /*isSigned=*/true));
            chain = Value();
          }
        }
    return sums;
  }

  /// One group of rows of the window, for one row of outputs.
  Value multiplyAdd(int64_t row, int64_t outRow, int64_t tap, int64_t v,
                    Value data, Value weightsAt, Value sum) {
    auto [first, count] = plan.groupsOf(outRow);
    if (row < first || row >= first + count)
      return sum;
    int64_t lanes = plan.traits.lanes;
    int64_t length = lanes * plan.groupRows;
    int64_t phaseStart = 0;
    for (int64_t phase = 0; plan.phases() > 1 && phase < outRow; ++phase)
      phaseStart += plan.groupsOf(phase).second;
    int64_t offset =
        ((phaseStart + row - first) * g.kernelW + tap) * pitch + v * length;
    Value weights =
        e.load(buffers.weightScratch, e.add(weightsAt, offset), length);
    if (plan.groupRows == 2)
      return e.addPairs(spec.microKernel, sum, data, weights);
    if (plan.groupRows == 4)
      return e.addDotProducts(spec.microKernel, sum, data, weights);
    Value products = arith::MulIOp::create(b, e.extend(data, e.i32(), true),
                                           e.extend(weights, e.i32(), true));
    return arith::AddIOp::create(b, sum, products);
  }

  void store(const Walk &w, Value x, Values sums) {
    EpilogueTile out;
    out.vectors = plan.vectors;
    out.constantsAt = e.mul(w.block, plan.blockChannels);
    out.channels = plan.blockChannels;
    auto pixelsOf = [&](const ActivationStrides &s) {
      Value at = e.add(e.mul(w.image, s.image), e.mul(w.y, s.row));
      at = e.add(e.add(at, e.mul(x, s.pixel)), w.channel);
      Values pixels;
      for (int64_t row = 0; row < plan.rows; ++row)
        pixels.push_back(e.add(at, row * s.row));
      return pixels;
    };
    out.outputAt = pixelsOf(buffers.outputStrides);
    if (spec.epilogue.residual)
      out.residualAt = pixelsOf(buffers.residualStrides);
    emitEpilogue(e, spec.epilogue, out, sums);
  }

  KernelEmitter &e;
  ImplicitLocOpBuilder &b;
  const DepthwisePlan &plan;
  const LayerGeometry &g;
  const NestSpec &spec;
  const KernelBuffers &buffers;
  int64_t pitch; ///< i16 elements of a (pair of) row's weights of one tap
  SmallVector<Column> columns;
  int64_t mostBehind = 0; ///< how many outputs are unfinished after a step
};

} // namespace

void q::kernel::emitDepthwiseNest(KernelEmitter &e, const DepthwisePlan &plan,
                                  const NestSpec &spec) {
  DepthwiseNestWriter(e, plan, spec).write();
}
