//===- MicroKernels.cpp - Multiply and accumulate -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"
#include "PackedWeights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q::kernel;

int64_t q::kernel::getUnroll(MicroKernel kernel, int64_t steps, int64_t chain) {
  switch (kernel) {
  case MicroKernel::Pmaddubsw:
    if (chain > 1)
      return std::max<int64_t>(chain, 4);
    [[fallthrough]];
  case MicroKernel::Vpdpbusd:
  case MicroKernel::Vpdpbusd512:
  case MicroKernel::Pmaddwd:
  case MicroKernel::Vpdpwssd:
  case MicroKernel::Vpdpwssd512:
    return steps % 2 == 0 ? 2 : steps % 3 == 0 ? 3 : 2;
  case MicroKernel::Smlal:
  case MicroKernel::SmullLanes: // of depthwise layers only
    return 8;                   // one vector of activations per pixel
  case MicroKernel::Sdot:
  case MicroKernel::Usdot:
    return 4; // likewise
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    return 2; // likewise
  case MicroKernel::Smull:
    return std::max<int64_t>(chain / 2, 1);
  }
  return 1;
}

Value q::kernel::loadWeights(KernelEmitter &e, const StepOperands &from,
                             int64_t vector, int64_t bytes) {
  int64_t perByte = 8 / from.weightBits;
  Value at = e.add(from.weightsAt, vector / perByte * bytes);
  return emitUnpack(e, e.load(from.weights, at, bytes), from.weightBits,
                    vector % perByte);
}

/// vpmaddwd and vpdpwssd: two channels of a pixel, broadcast, times two weights
/// of each of eight (or sixteen) output channels.
static void emitPairs(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
                      const StepOperands &from, int64_t steps,
                      Values &accumulators) {
  int64_t lanes = getTraits(kernel).lanes;
  for (int64_t step = 0; step < steps; ++step) {
    Values weights;
    for (int64_t v = 0; v < tile.vectors; ++v) {
      int64_t at = (step * tile.vectors + v) * 2 * lanes;
      Value bytes = e.load(from.weights, e.add(from.weightsAt, at), 2 * lanes);
      weights.push_back(e.extend(bytes, e.i16(), /*isSigned=*/true));
    }
    for (int64_t p = 0; p < tile.pixels; ++p) {
      Value at = e.add(from.activationsAt, p * from.pitch + step * 2);
      Value pair = e.bitcast(e.load(from.activations, at, 2), 1, e.i32());
      Value all = vector::BroadcastOp::create(e.b, e.vec(lanes, e.i32()), pair);
      Value activations = e.bitcast(all, 2 * lanes, e.i16());
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value &accumulator = accumulators[p * tile.vectors + v];
        accumulator = e.addPairs(kernel, accumulator, activations, weights[v]);
      }
    }
  }
}

/// Four activations from `at` on, in each of `lanes` lanes.
static Value broadcastFour(KernelEmitter &e, Value activations, Value at,
                           int64_t lanes) {
  Value four = e.bitcast(e.load(activations, at, 4), 1, e.i32());
  Value all = vector::BroadcastOp::create(e.b, e.vec(lanes, e.i32()), four);
  return e.bitcast(all, 4 * lanes, e.i8());
}

/// Four weights of each of `lanes` output channels, for every vector of a step.
static Values loadFours(KernelEmitter &e, const Tile &tile,
                        const StepOperands &from, int64_t step, int64_t lanes) {
  Values weights;
  for (int64_t v = 0; v < tile.vectors; ++v)
    weights.push_back(loadWeights(e, from, step * tile.vectors + v, 4 * lanes));
  return weights;
}

/// Fetches the lines of weights that lie `fetchAhead` behind those of `steps`
/// steps.
static void fetch(KernelEmitter &e, const StepOperands &from, int64_t steps,
                  int64_t stepBytes) {
  constexpr int64_t line = 64;
  if (from.fetchAhead == 0)
    return;
  for (int64_t at = 0; at < steps * stepBytes * from.weightBits / 8; at += line)
    e.prefetch(from.weights, e.add(from.weightsAt, from.fetchAhead + at));
}

/// vpdpbusd: four channels of a pixel, broadcast, times four weights of each of
/// eight or sixteen output channels, added in int32.
static void emitVpdpbusd(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
                         const StepOperands &from, int64_t steps,
                         Values &accumulators) {
  int64_t lanes = getTraits(kernel).lanes;
  StringRef name = kernel == MicroKernel::Vpdpbusd512
                       ? "llvm.x86.avx512.vpdpbusd.512"
                       : "llvm.x86.avx512.vpdpbusd.256";
  fetch(e, from, steps, tile.vectors * 4 * lanes);
  for (int64_t step = 0; step < steps; ++step) {
    Values weights = loadFours(e, tile, from, step, lanes);
    for (int64_t p = 0; p < tile.pixels; ++p) {
      Value at = e.add(from.activationsAt, from.offsetOf(p) + step * 4);
      Value activations = broadcastFour(e, from.activations, at, lanes);
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value &accumulator = accumulators[p * tile.vectors + v];
        accumulator = e.intrinsic(name, e.vec(lanes, e.i32()),
                                  {accumulator, activations, weights[v]});
      }
    }
  }
}

/// vpmaddubsw: four channels of a pixel, broadcast, times four weights of each
/// of eight output channels. The sums of a chain of steps meet in int16; adding
/// lanes in pairs (vpmaddwd with ones) widens them. No sum leaves int16, which
/// was proven (rule N8).
static void emitPmaddubsw(KernelEmitter &e, const Tile &tile,
                          const StepOperands &from, int64_t steps,
                          Values &accumulators) {
  constexpr int64_t lanes = 8;
  Value ones = e.splat(1, 2 * lanes, e.i16());
  fetch(e, from, steps, tile.vectors * 4 * lanes);
  for (int64_t first = 0; first < steps; first += from.chain) {
    int64_t end = std::min(first + from.chain, steps);
    Values sums(accumulators.size());
    for (int64_t step = first; step < end; ++step) {
      Values weights = loadFours(e, tile, from, step, lanes);
      for (int64_t p = 0; p < tile.pixels; ++p) {
        Value at = e.add(from.activationsAt, p * from.pitch + step * 4);
        Value activations = broadcastFour(e, from.activations, at, lanes);
        for (int64_t v = 0; v < tile.vectors; ++v) {
          int64_t i = p * tile.vectors + v;
          Value products =
              e.intrinsic("llvm.x86.avx2.pmadd.ub.sw",
                          e.vec(2 * lanes, e.i16()), {activations, weights[v]});
          sums[i] = sums[i]
                        ? Value(arith::AddIOp::create(e.b, sums[i], products))
                        : products;
          if (step + 1 < end)
            continue;
          // At once, so that a short chain takes few registers.
          Value wide = e.intrinsic("llvm.x86.avx2.pmadd.wd",
                                   e.vec(lanes, e.i32()), {sums[i], ones});
          accumulators[i] = arith::AddIOp::create(e.b, accumulators[i], wide);
        }
      }
    }
  }
}

void q::kernel::emitSteps(KernelEmitter &e, MicroKernel kernel,
                          const Tile &tile, const StepOperands &operands,
                          int64_t steps, Values &accumulators) {
  switch (kernel) {
  case MicroKernel::Pmaddwd:
  case MicroKernel::Vpdpwssd:
  case MicroKernel::Vpdpwssd512:
    return emitPairs(e, kernel, tile, operands, steps, accumulators);
  case MicroKernel::Vpdpbusd:
  case MicroKernel::Vpdpbusd512:
    return emitVpdpbusd(e, kernel, tile, operands, steps, accumulators);
  case MicroKernel::Pmaddubsw:
    return emitPmaddubsw(e, tile, operands, steps, accumulators);
  case MicroKernel::Smlal:
  case MicroKernel::Smull:
  case MicroKernel::SmullLanes:
  case MicroKernel::Sdot:
  case MicroKernel::Usdot:
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    return emitNeonSteps(e, kernel, tile, operands, steps, accumulators);
  }
}
