//===- MicroKernelChains.cpp - Steps in an order of their own -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace q::kernel;

constexpr int64_t kLanes = 8;

/// An entry of the table, which holds unsigned numbers.
static Value loadEntry(KernelEmitter &e, Value table, Value at) {
  Value entry = memref::LoadOp::create(e.b, table, at);
  return arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), entry);
}

/// Four activations of a pixel, in each of eight lanes.
static Value broadcastFour(KernelEmitter &e, const StepOperands &from,
                           Value step, int64_t pixel) {
  Value at = e.add(e.add(from.activationsAt, step), pixel * from.pitch);
  Value four = e.bitcast(e.load(from.activations, at, 4), 1, e.i32());
  Value all = vector::BroadcastOp::create(e.b, e.vec(kLanes, e.i32()), four);
  return e.bitcast(all, 4 * kLanes, e.i8());
}

static Value multiply(KernelEmitter &e, Value activations, Value weights) {
  return e.intrinsic("llvm.x86.avx2.pmadd.ub.sw", e.vec(2 * kLanes, e.i16()),
                     {activations, weights});
}

/// accumulator + the sums of neighbouring int16 lanes.
static Value widen(KernelEmitter &e, Value accumulator, Value sums) {
  Value wide = e.intrinsic("llvm.x86.avx2.pmadd.wd", e.vec(kLanes, e.i32()),
                           {sums, e.splat(1, 2 * kLanes, e.i16())});
  return arith::AddIOp::create(e.b, accumulator, wide);
}

/// A chain of vpmaddubsw. Pixel by pixel, so that few sums are alive at a time;
/// long chains have more weights than there are registers and go step by step.
static void emitChain(KernelEmitter &e, const Tile &tile,
                      const StepOperands &from, ArrayRef<Value> steps,
                      Value weightsAt, Values &accumulators) {
  constexpr int64_t fewSteps = 2;
  auto count = static_cast<int64_t>(steps.size());
  auto weightsOf = [&](int64_t step) {
    Values weights;
    for (int64_t v = 0; v < tile.vectors; ++v)
      weights.push_back(
          e.load(from.weights,
                 e.add(weightsAt, (step * tile.vectors + v) * 4 * kLanes),
                 4 * kLanes));
    return weights;
  };
  Values sums(accumulators.size());
  auto add = [&](int64_t step, int64_t p, const Values &weights) {
    Value activations = broadcastFour(e, from, steps[step], p);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      int64_t i = p * tile.vectors + v;
      Value products = multiply(e, activations, weights[v]);
      sums[i] = step ? Value(arith::AddIOp::create(e.b, sums[i], products))
                     : products;
      if (step + 1 == count)
        accumulators[i] = widen(e, accumulators[i], sums[i]);
    }
  };
  if (count > fewSteps) {
    for (int64_t step = 0; step < count; ++step) {
      Values weights = weightsOf(step);
      for (int64_t p = 0; p < tile.pixels; ++p)
        add(step, p, weights);
    }
    return;
  }
  SmallVector<Values> weights;
  for (int64_t step = 0; step < count; ++step)
    weights.push_back(weightsOf(step));
  for (int64_t p = 0; p < tile.pixels; ++p)
    for (int64_t step = 0; step < count; ++step)
      add(step, p, weights[step]);
}

/// A step whose products are added in int32: vpmaddwd on the activations of
/// even and of odd channels, widened in their places.
static void emitWide(KernelEmitter &e, const Tile &tile,
                     const StepOperands &from, Value step, Value weightsAt,
                     Values &accumulators) {
  Values even, odd;
  for (int64_t v = 0; v < tile.vectors; ++v)
    for (int64_t half = 0; half < 2; ++half) {
      Value at = e.add(weightsAt, (2 * v + half) * 2 * kLanes);
      Value bytes = e.load(from.weights, at, 2 * kLanes);
      (half ? odd : even).push_back(e.extend(bytes, e.i16(), true));
    }
  auto halves = e.vec(2 * kLanes, e.i16());
  Value low = e.splat(0xff, 2 * kLanes, e.i16());
  Value eight = e.splat(8, 2 * kLanes, e.i16());
  for (int64_t p = 0; p < tile.pixels; ++p) {
    Value both =
        e.bitcast(broadcastFour(e, from, step, p), 2 * kLanes, e.i16());
    Value evens = arith::AndIOp::create(e.b, halves, both, low);
    Value odds = arith::ShRUIOp::create(e.b, halves, both, eight);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value &accumulator = accumulators[p * tile.vectors + v];
      accumulator =
          e.addPairs(MicroKernel::Pmaddwd, accumulator, evens, even[v]);
      accumulator = e.addPairs(MicroKernel::Pmaddwd, accumulator, odds, odd[v]);
    }
  }
}

Values q::kernel::emitPanelChains(KernelEmitter &e, const Tile &tile,
                                  const StepOperands &operands,
                                  const ChainTable &table,
                                  Values accumulators) {
  auto lengths = static_cast<int64_t>(table.lengths.size());
  int64_t stepBytes = tile.vectors * 4 * kLanes;
  Value first = e.index(0); ///< step of the loop
  for (int64_t i = 0; i < lengths; ++i) {
    int64_t length = std::max<int64_t>(table.lengths[i], 1);
    Value count = loadEntry(e, table.buffer, e.add(table.at, i));
    Value offsets = e.add(e.add(table.at, lengths), first);
    Value weights = e.add(operands.weightsAt, e.mul(first, stepBytes));
    accumulators =
        e.loop(count, std::move(accumulators), [&](Value chain, Values values) {
          Values steps;
          Value at = e.add(offsets, e.mul(chain, length));
          for (int64_t step = 0; step < length; ++step)
            steps.push_back(loadEntry(e, table.buffer, e.add(at, step)));
          Value weightsAt = e.add(weights, e.mul(chain, length * stepBytes));
          if (table.lengths[i])
            emitChain(e, tile, operands, steps, weightsAt, values);
          else
            emitWide(e, tile, operands, steps[0], weightsAt, values);
          return values;
        });
    first = e.add(first, e.mul(count, length));
  }
  return accumulators;
}
