//===- DepthwiseNest.cpp - Loops of a depthwise convolution ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For each step of output rows and each block of channels: bring the window of
// input rows into a scratch buffer, widened to int16 and padded, then compute
// the output pixels from there. For vpmaddwd two neighbouring input rows lie
// side by side, element by element, so that one instruction multiplies two
// vertical taps; two output rows then share every pair, with the weights
// shifted by one row for the second.
//
//===----------------------------------------------------------------------===//

#include "Nests.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace q::kernel;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t scratchColumns(const LayerGeometry &g) {
  return (g.outW - 1) * g.strideW + (g.kernelW - 1) * g.dilationW + 1;
}

static int64_t columnPitch(const DepthwisePlan &plan) {
  return plan.blockChannels * (plan.pairsRows ? 2 : 1);
}

int64_t q::kernel::getDepthwiseScratch(const DepthwisePlan &plan) {
  return plan.windowRows * scratchColumns(plan.geometry) * columnPitch(plan);
}

int64_t q::kernel::getDepthwiseWeightScratch(const DepthwisePlan &plan) {
  return plan.blocks * plan.blockBytes();
}

namespace {

class DepthwiseNestWriter {
public:
  DepthwiseNestWriter(KernelEmitter &e, const DepthwisePlan &plan,
                      const NestSpec &spec)
      : e(e), b(e.b), plan(plan), g(plan.geometry), spec(spec),
        buffers(spec.buffers), pitch(columnPitch(plan)),
        rowPitch(scratchColumns(g) * pitch),
        vectors(plan.blockChannels / plan.traits.lanes) {}

  void write() {
    widenWeights();
    fillColumns();
    int64_t steps = ceilDiv(g.outH, plan.rows);
    e.loop(g.batch, [&](Value image) {
      e.loop(steps, [&](Value step) {
        Value y = e.mul(step, plan.rows);
        if (g.outH % plan.rows)
          y = e.min(y, g.outH - plan.rows);
        e.loop(plan.blocks, [&](Value block) {
          Value channel = e.mul(block, plan.blockChannels);
          if (g.outC % plan.blockChannels)
            channel = e.min(channel, g.outC - plan.blockChannels);
          fillWindow(image, y, channel);
          columns(image, y, block, channel);
        });
      });
    });
  }

private:
  //===--- Scratch
  //---------------------------------------------------------===//

  /// Once per call: weights are stored as bytes and multiplied as int16.
  void widenWeights() {
    e.forPieces(
        getDepthwiseWeightScratch(plan), 16, [&](Value at, int64_t lanes) {
          Value bytes = e.load(buffers.weights, at, lanes);
          e.store(e.extend(bytes, e.i16(), true), buffers.weightScratch, at);
        });
  }

  int64_t copiedColumns() const {
    return std::min(g.inW, scratchColumns(g) - g.padLeft);
  }

  /// The padding left and right: no window overwrites it.
  void fillColumns() {
    int64_t left = g.padLeft * pitch;
    int64_t right = (g.padLeft + copiedColumns()) * pitch;
    int64_t value = spec.inputStorage.getZeroPoint();
    if (left == 0 && right == rowPitch)
      return;
    e.loop(plan.windowRows, [&](Value row) {
      Value at = e.mul(row, rowPitch);
      e.fill(buffers.scratch, at, left, value);
      e.fill(buffers.scratch, e.add(at, right), rowPitch - right, value);
    });
  }

  /// One row of the window: where it starts in the input and, where it may lie
  /// outside of the image, whether it exists. A missing row is padding.
  struct WindowRow {
    Value start, exists;
  };

  void fillWindow(Value image, Value y, Value channel) {
    Value first = e.add(e.mul(y, g.strideH), -g.padTop);
    int64_t rows = (plan.rows - 1) * g.strideH + g.kernelH;
    int64_t last =
        (g.outH - plan.rows) * g.strideH - g.padTop + (rows - 1) * g.dilationH;
    Value base = e.add(e.mul(image, buffers.inputStrides.image), channel);
    auto rowStart = [&](Value row) {
      return e.add(base, e.mul(row, buffers.inputStrides.row));
    };
    auto plain = [&]() {
      SmallVector<WindowRow> window;
      for (int64_t row = 0; row < rows; ++row)
        window.push_back({rowStart(e.add(first, row * g.dilationH)), Value()});
      fillColumnsOf(window);
    };
    if (g.padTop == 0 && last < g.inH)
      return plain();
    auto masked = [&]() {
      SmallVector<WindowRow> window;
      for (int64_t row = 0; row < rows; ++row)
        window.push_back(maskedRow(e.add(first, row * g.dilationH), rowStart));
      fillColumnsOf(window);
    };
    // Inside: first >= 0, and the last row is in the image.
    Value above =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, first, e.index(0));
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                        e.add(first, (rows - 1) * g.dilationH),
                                        e.index(g.inH));
    e.branch(b.createOrFold<arith::AndIOp>(above, below), plain, masked);
  }

  WindowRow maskedRow(Value row, function_ref<Value(Value)> rowStart) {
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, row,
                                         e.index(g.inH));
    return {rowStart(e.min(e.max(row, 0), g.inH - 1)), exists};
  }

  void fillColumnsOf(ArrayRef<WindowRow> window) {
    e.loop(copiedColumns(), [&](Value column) {
      Value from = e.mul(column, buffers.inputStrides.pixel);
      Value to = e.mul(e.add(column, g.padLeft), pitch);
      auto read = [&](const WindowRow &row) {
        Value bytes =
            e.load(buffers.input, e.add(row.start, from), plan.blockChannels);
        Value wide = e.extend(bytes, e.i16(), spec.inputStorage.getIsSigned());
        if (!row.exists)
          return wide;
        Value padding = e.splat(spec.inputStorage.getZeroPoint(),
                                plan.blockChannels, e.i16());
        return arith::SelectOp::create(b, row.exists, wide, padding)
            .getResult();
      };
      for (int64_t row = 0; row < plan.windowRows; ++row) {
        Value at = e.add(to, row * rowPitch);
        if (!plan.pairsRows) {
          e.store(read(window[row]), buffers.scratch, at);
          continue;
        }
        Value upper = read(window[2 * row]);
        // A missing partner meets zero weights only.
        Value lower = size_t(2 * row + 1) < window.size()
                          ? read(window[2 * row + 1])
                          : upper;
        storePair(upper, lower, at);
      }
    });
  }

  /// Interleaves two rows in the order of the accumulators' lanes.
  void storePair(Value upper, Value lower, Value at) {
    int64_t lanes = plan.traits.lanes;
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<int64_t> order;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        int64_t channel = plan.channelOf(v, lane);
        order.push_back(channel);
        order.push_back(plan.blockChannels + channel);
      }
      e.store(e.shuffle(upper, lower, order), buffers.scratch,
              e.add(at, v * 2 * lanes));
    }
  }

  //===--- Output pixels
  //---------------------------------------------------===//

  void columns(Value image, Value y, Value block, Value channel) {
    int64_t tiles = ceilDiv(g.outW, plan.columns);
    e.loop(tiles, [&](Value tile) {
      Value x = e.mul(tile, plan.columns);
      if (g.outW % plan.columns)
        x = e.min(x, g.outW - plan.columns);
      Values accumulators = accumulate(x, block);
      store(image, y, x, block, channel, std::move(accumulators));
    });
  }

  Values accumulate(Value x, Value block) {
    int64_t lanes = plan.traits.lanes;
    int64_t pixels = plan.rows * plan.columns;
    Values accumulators(pixels * vectors);
    for (int64_t v = 0; v < vectors; ++v) {
      Value at = e.add(e.mul(block, plan.blockChannels), v * lanes);
      Value bias = e.load(buffers.bias, at, lanes);
      for (int64_t p = 0; p < pixels; ++p)
        accumulators[p * vectors + v] = bias;
    }
    Value weightsAt = e.mul(block, plan.blockBytes());
    Value scratchAt = e.mul(x, g.strideW * pitch);

    // Small windows are straight code, larger ones loop over their columns.
    constexpr int64_t codeLimit = 260;
    int64_t perTap = pixels * vectors * plan.pairsOf(0).second * 2;
    if (perTap * g.kernelW <= codeLimit) {
      for (int64_t tap = 0; tap < g.kernelW; ++tap)
        oneColumn(e.add(scratchAt, tap * g.dilationW * pitch),
                  e.add(weightsAt, tap * pitch), accumulators);
      return accumulators;
    }
    return e.loop(g.kernelW, std::move(accumulators),
                  [&](Value tap, Values values) {
                    oneColumn(e.add(scratchAt, e.mul(tap, g.dilationW * pitch)),
                              e.add(weightsAt, e.mul(tap, pitch)), values);
                    return values;
                  });
  }

  /// All vertical taps of one kernel column.
  void oneColumn(Value scratchAt, Value weightsAt, Values &accumulators) {
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t row = 0; row < plan.windowRows; ++row)
        for (int64_t outRow = 0; outRow < plan.rows; ++outRow)
          oneWindowRow(v, row, outRow, scratchAt, weightsAt, accumulators);
  }

  void oneWindowRow(int64_t v, int64_t row, int64_t outRow, Value scratchAt,
                    Value weightsAt, Values &accumulators) {
    auto [first, count] = plan.pairsOf(outRow);
    if (row < first || row >= first + count)
      return;
    int64_t lanes = plan.traits.lanes;
    int64_t load = lanes * (plan.pairsRows ? 2 : 1);
    int64_t phase = plan.phases() == 2 ? outRow * g.strideH % 2 : 0;
    int64_t phaseStart = phase ? plan.pairsOf(0).second * g.kernelW * pitch : 0;
    int64_t weightOffset =
        phaseStart + (row - first) * g.kernelW * pitch + v * load;
    Value weights =
        e.load(buffers.weightScratch, e.add(weightsAt, weightOffset), load);
    for (int64_t column = 0; column < plan.columns; ++column) {
      int64_t offset = row * rowPitch + column * g.strideW * pitch + v * load;
      Value data = e.load(buffers.scratch, e.add(scratchAt, offset), load);
      Value &accumulator =
          accumulators[(outRow * plan.columns + column) * vectors + v];
      Value products;
      if (plan.pairsRows)
        products = e.intrinsic("llvm.x86.avx2.pmadd.wd", e.vec(lanes, e.i32()),
                               {data, weights});
      else
        products = arith::MulIOp::create(b, e.extend(data, e.i32(), true),
                                         e.extend(weights, e.i32(), true));
      accumulator = arith::AddIOp::create(b, accumulator, products);
    }
  }

  void store(Value image, Value y, Value x, Value block, Value channel,
             Values accumulators) {
    EpilogueTile out;
    out.vectors = vectors;
    out.constantsAt = e.mul(block, plan.blockChannels);
    out.channels = plan.blockChannels;
    auto start = [&](const ActivationStrides &s) {
      Value at = e.add(e.mul(image, s.image), e.mul(y, s.row));
      return e.add(e.add(at, e.mul(x, s.pixel)), channel);
    };
    auto pixelsOf = [&](const ActivationStrides &s) {
      Value origin = start(s);
      Values at;
      for (int64_t row = 0; row < plan.rows; ++row)
        for (int64_t column = 0; column < plan.columns; ++column)
          at.push_back(e.add(origin, row * s.row + column * s.pixel));
      return at;
    };
    out.outputAt = pixelsOf(buffers.outputStrides);
    if (spec.epilogue.residual)
      out.residualAt = pixelsOf(buffers.residualStrides);
    emitEpilogue(e, spec.epilogue, out, std::move(accumulators));
  }

  KernelEmitter &e;
  ImplicitLocOpBuilder &b;
  const DepthwisePlan &plan;
  const LayerGeometry &g;
  const NestSpec &spec;
  const KernelBuffers &buffers;
  int64_t pitch, rowPitch, vectors;
};

} // namespace

void q::kernel::emitDepthwiseNest(KernelEmitter &e, const DepthwisePlan &plan,
                                  const NestSpec &spec) {
  DepthwiseNestWriter(e, plan, spec).write();
}
