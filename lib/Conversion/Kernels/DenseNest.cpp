//===- DenseNest.cpp - Loops of a convolution or matrix product -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For each block of output rows (or of pixels, where the kernel is pointwise):
// bring the input that it looks at into a scratch buffer (DenseInput.h); then,
// panel by panel of output channels, run the tiles of the block.
//
//===----------------------------------------------------------------------===//

#include "DenseInput.h"
#include "PackedWeights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Blocking
//===----------------------------------------------------------------------===//

/// Bytes of scratch that stay in the first-level cache beside a weight panel.
constexpr int64_t kSmallScratch = 24 << 10;
/// Where the weights do not stay in the second-level cache, larger blocks save
/// more traffic than they cost.
constexpr int64_t kLargeScratch = 96 << 10;
constexpr int64_t kLargeWeights = 256 << 10;
constexpr int64_t kCacheLine = 64;

/// What the tiles read for some elements of the scratch.
static int64_t scratchBytes(const DensePlan &plan, int64_t elements) {
  return elements * plan.traits.activationBits / 8 *
         (wantsPairedPixels(plan) ? 2 : 1);
}

static void blockPixels(const DensePlan &plan, int64_t maxPixels, int64_t limit,
                        int64_t leastBlocks, DenseBlocking &blocking) {
  const LayerGeometry &g = plan.geometry;
  int64_t total = g.batch * g.outH * g.outW;
  int64_t perPixel = scratchBytes(plan, g.inC);
  int64_t most = std::max(limit / perPixel / maxPixels, int64_t(4)) * maxPixels;
  int64_t blocks = std::min(total, std::max(ceilDiv(total, most), leastBlocks));
  int64_t least = ceilDiv(total, blocks);
  int64_t pixels = ceilDiv(least, maxPixels) * maxPixels;
  // Whole tiles, unless the last block would repeat much of its neighbour.
  if (blocks * pixels * 20 > total * 21)
    pixels = least;
  blocking.isFlat = true;
  blocking.blockPixels = std::min(total, pixels);
  blocking.blocks = ceilDiv(total, blocking.blockPixels);
  blocking.scratchColumns = blocking.blockPixels;
  blocking.splitPixels = blocking.blockPixels;
}

static void blockRows(const DensePlan &plan, int64_t maxPixels, int64_t limit,
                      int64_t leastBlocks, bool joinsRows,
                      DenseBlocking &blocking) {
  const LayerGeometry &g = plan.geometry;
  blocking.skipsColumns = plan.skipsColumns();
  blocking.scratchColumns = plan.rowColumns();
  int64_t rowBytes = scratchBytes(plan, blocking.scratchColumns * g.inC);
  auto rowsOf = [&](int64_t rows) {
    return g.kernelH == 1
               ? rows
               : (rows - 1) * g.strideH + (g.kernelH - 1) * g.dilationH + 1;
  };
  int64_t rows = 1;
  while (rows < g.outH) {
    int64_t bytes =
        g.gathersTaps()
            ? scratchBytes(plan, (rows + 1) * g.outW * plan.tapsPitch())
            : rowsOf(rows + 1) * rowBytes;
    if (bytes > (rows * g.outW < 16 ? kLargeScratch : limit))
      break;
    ++rows;
  }
  blocking.blocks =
      std::min(g.outH, std::max(ceilDiv(g.outH, rows), leastBlocks));
  blocking.blockRows = ceilDiv(g.outH, blocking.blocks);
  blocking.blocks = ceilDiv(g.outH, blocking.blockRows);
  blocking.scratchRows = rowsOf(blocking.blockRows);
  // Gathered taps of pixels lie side by side, over the ends of rows.
  blocking.joinsRows = g.gathersTaps() && joinsRows;
  blocking.splitPixels =
      blocking.joinsRows ? blocking.blockRows * g.outW : g.outW;
  if (blocking.joinsRows)
    return;
  // Groups of about equal size.
  int64_t most = getTileRows(g, plan.traits, maxPixels);
  blocking.tileRows =
      ceilDiv(blocking.blockRows, ceilDiv(blocking.blockRows, most));
}

/// Whether the pixels of a tile, of a kernel that reads each in one piece, lie
/// a multiple of a large power of two apart, so that they share too few sets of
/// the first-level cache to stay there.
static bool sharesCacheSets(const DensePlan &plan, int64_t pixels) {
  const LayerGeometry &g = plan.geometry;
  constexpr int64_t fewPixels = 8, farApart = 1024;
  return g.kernelH == 1 && g.kernelW == 1 && plan.traits.isX86 &&
         plan.traits.activationBits == 8 && pixels > fewPixels &&
         g.inC % farApart == 0 && g.batch * g.outH * g.outW > fewPixels;
}

DenseBlocking q::kernel::getDenseBlocking(const DensePlan &plan,
                                          int64_t maxPixels,
                                          const KernelBuffers &buffers,
                                          StorageAttr inputStorage,
                                          int64_t leastBlocks) {
  const LayerGeometry &g = plan.geometry;
  DenseBlocking blocking;
  int64_t limit = plan.panelCount() * plan.panelBytes() > kLargeWeights
                      ? kLargeScratch
                      : kSmallScratch;
  auto isOneRow = [&](const ActivationStrides &s) {
    return s.row == g.outW * s.pixel &&
           (g.batch == 1 || s.image == g.outH * s.row);
  };
  bool writesOneRow =
      isOneRow(buffers.outputStrides) && isOneRow(buffers.residualStrides);
  if (g.isPointwise() && isOneRow(buffers.inputStrides) && writesOneRow)
    blockPixels(plan, maxPixels, limit, leastBlocks, blocking);
  else
    blockRows(plan, maxPixels, limit, leastBlocks, writesOneRow, blocking);
  blocking.split =
      splitRow(blocking.splitPixels, maxPixels, ceilDiv(plan.panelWidth, 8));
  // Only the steps of x86 read nothing beyond the last channel of a pixel.
  const MicroKernelTraits &traits = plan.traits;
  blocking.scratchPixel = g.inC;
  bool collides = sharesCacheSets(plan, maxPixels);
  if (collides)
    blocking.scratchPixel += kCacheLine;
  blocking.readsInput =
      blocking.isFlat && !collides && traits.isX86 &&
      traits.activationBits == 8 &&
      plan.inputChannelsPerGroup() % traits.depth == 0 &&
      traits.activationOffset(inputStorage.getIsSigned()) == 0;
  if (blocking.readsInput)
    return blocking;
  blocking.scratchElements =
      blocking.scratchRows * blocking.rowPitch() + kScratchSlack;
  if (g.gathersTaps()) {
    blocking.rowElements = blocking.scratchElements;
    blocking.scratchElements =
        blocking.blockRows * g.outW * plan.tapsPitch() + kScratchSlack;
  }
  blocking.hasPairs = wantsPairedPixels(plan);
  if (blocking.hasPairs) {
    blocking.pairedAt = int64_t(llvm::alignTo(blocking.scratchElements, 64));
    blocking.scratchElements += 2 * blocking.pairedAt;
  }
  return blocking;
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

namespace {

class DenseNestWriter {
public:
  DenseNestWriter(KernelEmitter &e, const DensePlan &plan,
                  const DenseBlocking &blocking, const NestSpec &spec)
      : e(e), plan(plan), g(plan.geometry), blocking(blocking), spec(spec),
        buffers(spec.buffers), input(e, plan, blocking, spec) {}

  void write() {
    if (blocking.isFlat)
      return writeFlat();
    input.begin();
    e.loop(g.batch, [&](Value image) {
      shareLoop(SharedLoop::Blocks, blocking.blocks, [&](Value block) {
        Value y = blockStart(block, blocking.blockRows, g.outH);
        input.bringRows(image, y);
        forPanels([&](Value panel, Value group, Value channel) {
          forRows([&](Value row, int64_t count) {
            Value scratchAt = e.mul(row, rowStep());
            scratchAt =
                e.add(scratchAt, e.mul(group, plan.inputChannelsPerGroup()));
            Value outRow = e.add(y, row);
            auto at = [&](const ActivationStrides &s) {
              return e.add(e.add(e.mul(image, s.image), e.mul(outRow, s.row)),
                           channel);
            };
            if (blocking.tileRows > 1)
              return oneTile(count * g.outW, e.index(0), panel, scratchAt,
                             at(buffers.outputStrides),
                             at(buffers.residualStrides));
            tiles(panel, scratchAt, at(buffers.outputStrides),
                  at(buffers.residualStrides));
          });
        });
      });
    });
  }

private:
  //===--- Loops
  //-----------------------------------------------------------===//

  /// Scratch elements from an output row to the next one.
  int64_t rowStep() const {
    if (g.gathersTaps())
      return g.outW * plan.tapsPitch();
    return (g.kernelH == 1 ? 1 : g.strideH) * blocking.rowPitch();
  }

  /// body(first row, number of rows) for all rows of a block.
  void forRows(function_ref<void(Value, int64_t)> body) {
    if (blocking.joinsRows)
      return body(e.index(0), 1);
    int64_t rest = blocking.blockRows % blocking.tileRows;
    e.loop(blocking.blockRows / blocking.tileRows, [&](Value iv) {
      body(e.mul(iv, blocking.tileRows), blocking.tileRows);
    });
    if (rest)
      body(e.index(blocking.blockRows - rest), rest);
  }

  /// The threads of a team write disjoint parts of the result: getDenseTeam()
  /// keeps a block or panel that reaches back over its neighbour in one thread
  /// with it. Each has scratch of its own.
  void shareLoop(SharedLoop which, int64_t count,
                 function_ref<void(Value)> body) {
    spec.team.run(e, which, count, body);
  }

  /// The last block reaches back over its neighbour.
  Value blockStart(Value block, int64_t size, int64_t total) {
    Value start = e.mul(block, size);
    return total % size ? e.min(start, total - size) : start;
  }

  void writeFlat() {
    int64_t total = g.batch * g.outH * g.outW;
    shareLoop(SharedLoop::Blocks, blocking.blocks, [&](Value block) {
      Value x = blockStart(block, blocking.blockPixels, total);
      Value start = e.mul(x, buffers.inputStrides.pixel);
      if (!blocking.readsInput)
        input.bringPixels(start, blocking.blockPixels);
      if (unpacksInRegisters())
        activationSum = sumActivations(start);
      forPanels([&](Value panel, Value group, Value channel) {
        Value scratchAt = e.mul(group, plan.inputChannelsPerGroup());
        if (blocking.readsInput)
          scratchAt = e.add(scratchAt, start);
        auto at = [&](const ActivationStrides &s) {
          return e.add(e.mul(x, s.pixel), channel);
        };
        tiles(panel, scratchAt, at(buffers.outputStrides),
              at(buffers.residualStrides));
      });
    });
  }

  bool isPacked() const { return spec.weightBits < 8; }
  bool unpacksInRegisters() const {
    return isPacked() && q::kernel::unpacksInRegisters(plan);
  }
  /// Whether a panel is unpacked into the scratch buffer for weights.
  bool unpacksPanels() const { return isPacked() && !unpacksInRegisters(); }

  /// The sum of what the micro-kernel multiplies, for a single pixel.
  Value sumActivations(Value start) {
    Value buffer = blocking.readsInput ? buffers.input : buffers.scratch;
    Value first = blocking.readsInput ? start : e.index(0);
    Value sum = e.constant(0);
    int64_t done = 0;
    for (int64_t lanes : {32, 4}) {
      int64_t count = (plan.segmentLength - done) / lanes;
      Values sums =
          e.loop(count, {e.splat(0, lanes, e.i32())}, [&](Value i, Values at) {
            Value bytes = e.load(
                buffer, e.add(e.add(first, done), e.mul(i, lanes)), lanes);
            Value wide = e.extend(bytes, e.i32(), plan.traits.flipsUnsigned);
            return Values{arith::AddIOp::create(e.b, at[0], wide)};
          });
      sum = vector::ReductionOp::create(e.b, vector::CombiningKind::ADD,
                                        sums[0], sum);
      done += count * lanes;
    }
    return sum;
  }

  /// body(panel, group, first output channel)
  void forPanels(function_ref<void(Value, Value, Value)> body) {
    int64_t channels = plan.outputChannelsPerGroup();
    e.loop(g.groups, [&](Value group) {
      shareLoop(SharedLoop::Panels, plan.panelsPerGroup, [&](Value inGroup) {
        Value panel = e.add(e.mul(group, plan.panelsPerGroup), inGroup);
        Value start = e.mul(inGroup, plan.panelWidth);
        if (channels % plan.panelWidth && channels > plan.panelWidth)
          start = e.min(start, channels - plan.panelWidth);
        if (unpacksPanels())
          emitUnpackPanel(e, plan, spec.weightBits, buffers.weights, panel,
                          buffers.weightScratch);
        body(panel, group, e.add(e.mul(group, channels), start));
      });
    });
  }

  void tiles(Value panel, Value scratchAt, Value outputAt, Value residualAt) {
    const RowSplit &split = blocking.split;
    int64_t width = blocking.splitPixels;
    auto run = [&](int64_t count, int64_t size, int64_t first) {
      e.loop(count, [&](Value iv) {
        Value x = e.add(e.mul(iv, size), first);
        if (split.overlaps)
          x = e.min(x, width - size);
        oneTile(size, x, panel, scratchAt, outputAt, residualAt);
      });
    };
    run(split.countA, split.sizeA, 0);
    if (split.countB)
      run(split.countB, split.sizeB, split.countA * split.sizeA);
  }

  //===--- One tile
  //--------------------------------------------------------===//

  void oneTile(int64_t pixels, Value x, Value panel, Value scratchAt,
               Value outputAt, Value residualAt) {
    int64_t lanes = plan.traits.lanes;
    Tile tile{pixels, plan.vectors};
    Value constantsAt = e.mul(panel, plan.panelWidth);
    Values bias;
    for (int64_t v = 0; v < plan.vectors; ++v)
      bias.push_back(withoutOffset(
          e.load(buffers.bias, e.add(constantsAt, v * lanes), lanes)));

    StepOperands operands;
    operands.activations =
        blocking.readsInput ? buffers.input : buffers.scratch;
    operands.pitch = input.pixelPitch();
    operands.activationsAt = e.add(scratchAt, e.mul(x, operands.pitch));
    operands.hasPairs = blocking.hasPairs;
    if (blocking.hasPairs)
      operands.activationsAt =
          e.add(e.mul(operands.activationsAt, 2), blocking.pairedAt);
    operands.rowPixels = blocking.tileRows > 1 ? g.outW : pixels;
    operands.rowPitch = rowStep();
    operands.chain = spec.chain;
    operands.fetchAhead = fetchAhead(tile);
    operands.weights =
        unpacksPanels() ? buffers.weightScratch : buffers.weights;
    operands.weightBits = registerBits();
    Values accumulators = parts(tile, operands, panel, bias);

    EpilogueTile out;
    out.vectors = plan.vectors;
    out.constantsAt = constantsAt;
    out.channels = std::min(plan.panelWidth, plan.outputChannelsPerGroup());
    for (int64_t p = 0; p < pixels; ++p) {
      auto at = [&](Value row, const ActivationStrides &s) {
        return e.add(e.add(row, e.mul(x, s.pixel)),
                     p / operands.rowPixels * s.row +
                         p % operands.rowPixels * s.pixel);
      };
      out.outputAt.push_back(at(outputAt, buffers.outputStrides));
      if (spec.epilogue.residual)
        out.residualAt.push_back(at(residualAt, buffers.residualStrides));
    }
    emitEpilogue(e, spec.epilogue, out, accumulators);
  }

  /// Bits of a weight in the buffer that the micro-kernel reads.
  int64_t registerBits() const {
    return unpacksInRegisters() ? spec.weightBits : 8;
  }
  /// The bias without that of weights that are unpacked without their sign.
  Value withoutOffset(Value bias) {
    if (!unpacksInRegisters())
      return bias;
    Value offset = arith::ShLIOp::create(
        e.b, e.splat(activationSum, plan.traits.lanes),
        e.splat(spec.weightBits - 1, plan.traits.lanes, e.i32()));
    return arith::SubIOp::create(e.b, bias, offset);
  }

  /// All products of a tile: of the whole panel, or of one part of it after
  /// the other.
  Values parts(const Tile &tile, StepOperands operands, Value panel,
               const Values &bias) {
    Tile part{tile.pixels, tile.vectors / plan.parts()};
    Values results(tile.pixels * tile.vectors);
    for (int64_t i = 0; i < plan.parts(); ++i) {
      operands.weightsAt =
          e.add(unpacksPanels()
                    ? e.index(0)
                    : e.mul(panel, getPackedPanelBytes(plan, registerBits())),
                i * plan.partBytes() * registerBits() / 8);
      auto begin = bias.begin() + i * part.vectors;
      Values partBias(begin, begin + part.vectors);
      Values sums = startTile(e, spec.microKernel, part, partBias);
      sums = spec.chainLengths.empty()
                 ? segments(part, operands, std::move(sums))
                 : panelChains(part, operands, panel, std::move(sums));
      sums = finishTile(e, spec.microKernel, part, std::move(sums), partBias);
      for (int64_t p = 0; p < tile.pixels; ++p)
        for (int64_t v = 0; v < part.vectors; ++v)
          results[p * tile.vectors + i * part.vectors + v] =
              sums[p * part.vectors + v];
    }
    return results;
  }

  /// The products of a panel that takes its steps in an order of its own.
  Values panelChains(const Tile &tile, const StepOperands &operands,
                     Value panel, Values accumulators) {
    int64_t entries = int64_t(spec.chainLengths.size()) + plan.stepCount();
    ChainTable table{buffers.chainTable, e.mul(panel, entries),
                     spec.chainLengths};
    return emitPanelChains(e, tile, operands, table, std::move(accumulators));
  }

  /// Large weights come from afar, and every panel is met by few tiles: fetch
  /// them as many steps ahead as take about as long.
  int64_t fetchAhead(const Tile &tile) const {
    constexpr int64_t cyclesAway = 400, most = 8 << 10;
    if (unpacksPanels() ||
        plan.panelCount() * plan.panelBytes() * registerBits() / 8 <=
            kLargeWeights ||
        (spec.microKernel == MicroKernel::Pmaddubsw && !isPacked()))
      return 0;
    int64_t cycles = tile.pixels * tile.vectors;
    int64_t stepBytes =
        plan.traits.depth * plan.panelWidth * registerBits() / 8;
    return std::min(ceilDiv(cyclesAway, cycles) * stepBytes, most);
  }

  /// Rough number of instructions of `steps` steps.
  int64_t codeSize(const Tile &tile, int64_t steps) const {
    return steps *
           (2 * tile.pixels * tile.vectors + tile.pixels + tile.vectors);
  }

  Values segments(const Tile &tile, const StepOperands &operands,
                  Values accumulators) {
    // Short reductions are straight code, the rest are loops.
    constexpr int64_t wholeLimit = 420, segmentLimit = 200;
    bool isStraight = !keepsLoops(spec.microKernel) &&
                      codeSize(tile, plan.segments * plan.steps) <= wholeLimit;
    bool isSegmentStraight =
        isStraight || (!keepsLoops(spec.microKernel) &&
                       codeSize(tile, plan.steps) <= segmentLimit);
    int64_t weightBytes = plan.partBytes() / plan.segments;
    int64_t taps = plan.segmentPerTap ? g.kernelW : 1;
    auto repeat = [&](int64_t count, Values values,
                      function_ref<Values(Value, Values)> body) {
      if (!isStraight)
        return e.loop(count, std::move(values), body);
      for (int64_t i = 0; i < count; ++i)
        values = body(e.index(i), std::move(values));
      return values;
    };
    int64_t rows = g.gathersTaps() ? 1 : g.kernelH;
    return repeat(rows, std::move(accumulators), [&](Value row, Values r) {
      return repeat(taps, std::move(r), [&](Value tap, Values values) {
        StepOperands from = operands;
        Value offset = e.add(e.mul(row, g.dilationH * blocking.rowPitch()),
                             e.mul(tap, g.dilationW * g.inC));
        from.activationsAt =
            e.add(operands.activationsAt, e.mul(offset, sides()));
        Value segment = e.add(e.mul(row, taps), tap);
        from.weightsAt = e.add(operands.weightsAt, e.mul(segment, weightBytes));
        return oneSegment(tile, from, isSegmentStraight, std::move(values));
      });
    });
  }

  /// Pixels of which elements lie side by side.
  int64_t sides() const { return blocking.hasPairs ? 2 : 1; }

  Values oneSegment(const Tile &tile, const StepOperands &operands,
                    bool isStraight, Values accumulators) {
    MicroKernel kernel = spec.microKernel;
    // Whole bytes of narrow weights.
    int64_t unroll = llvm::alignTo(getUnroll(kernel, plan.steps, spec.chain),
                                   8 / operands.weightBits);
    int64_t depth = plan.traits.depth;
    int64_t lastDepth = plan.segmentLength - (plan.steps - 1) * depth;
    // A last step of which only some products exist is no part of the loop.
    int64_t whole = plan.steps - (lastDepth < depth && plan.parts() > 1);
    int64_t iterations = isStraight ? 0 : whole / unroll;
    int64_t stepBits =
        operands.weightBits * depth * tile.vectors * plan.traits.lanes;
    auto weightBytes = [&](int64_t steps) { return steps * stepBits / 8; };
    accumulators =
        e.loop(iterations, std::move(accumulators), [&](Value iv, Values acc) {
          StepOperands from = operands;
          from.activationsAt = e.add(operands.activationsAt,
                                     e.mul(iv, unroll * depth * sides()));
          from.weightsAt =
              e.add(operands.weightsAt, e.mul(iv, weightBytes(unroll)));
          emitSteps(e, kernel, tile, from, unroll, acc);
          return acc;
        });
    int64_t done = iterations * unroll;
    if (done < plan.steps) {
      StepOperands from = operands;
      from.activationsAt =
          e.add(operands.activationsAt, done * depth * sides());
      from.weightsAt = e.add(operands.weightsAt, weightBytes(done));
      from.lastDepth = lastDepth;
      emitSteps(e, kernel, tile, from, plan.steps - done, accumulators);
    }
    return accumulators;
  }

  KernelEmitter &e;
  const DensePlan &plan;
  const LayerGeometry &g;
  const DenseBlocking &blocking;
  const NestSpec &spec;
  const KernelBuffers &buffers;
  DenseInput input;
  Value activationSum;
};

} // namespace

void q::kernel::emitDenseNest(KernelEmitter &e, const DensePlan &plan,
                              const DenseBlocking &blocking,
                              const NestSpec &spec) {
  DenseNestWriter(e, plan, blocking, spec).write();
}
