//===- NeonMicroKernels.cpp - Multiply and accumulate on NEON -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q::kernel;

/// SMLAL by lane: LLVM forms it from the widening multiply below.
static void emitSmlal(KernelEmitter &e, const Tile &tile,
                      const StepOperands &from, int64_t steps,
                      Values &accumulators) {
  constexpr int64_t lanes = 8;
  for (int64_t first = 0; first < steps; first += 8) {
    int64_t count = std::min<int64_t>(8, steps - first);
    Values activations;
    for (int64_t p = 0; p < tile.pixels; ++p) {
      Value at = e.add(from.activationsAt, p * from.pitch + first);
      activations.push_back(
          e.load(from.activations, at, int64_t(llvm::PowerOf2Ceil(count))));
    }
    for (int64_t step = 0; step < count; ++step) {
      Values weights;
      for (int64_t v = 0; v < tile.vectors; ++v) {
        int64_t at = ((first + step) * tile.vectors + v) * lanes;
        Value bytes = e.load(from.weights, e.add(from.weightsAt, at), lanes);
        // Through i16, so that the multiply is 16 to 32 bits.
        Value half = e.extend(bytes, e.i16(), /*isSigned=*/true);
        weights.push_back(e.extend(half, e.i32(), /*isSigned=*/true));
      }
      for (int64_t p = 0; p < tile.pixels; ++p) {
        SmallVector<int64_t> lane(lanes, step);
        Value splat = e.shuffle(activations[p], activations[p], lane);
        Value wide = e.extend(splat, e.i32(), /*isSigned=*/true);
        for (int64_t v = 0; v < tile.vectors; ++v) {
          Value &accumulator = accumulators[p * tile.vectors + v];
          Value products = arith::MulIOp::create(e.b, wide, weights[v]);
          accumulator = arith::AddIOp::create(e.b, accumulator, products);
        }
      }
    }
  }
}

/// SDOT and USDOT by lane: four channels of a pixel times four weights of each
/// of four output channels.
static void emitDot(KernelEmitter &e, bool isUnsigned, const Tile &tile,
                    const StepOperands &from, int64_t steps,
                    Values &accumulators) {
  auto acc = e.vec(4, e.i32());
  StringRef name = isUnsigned ? "llvm.aarch64.neon.usdot.v4i32.v16i8"
                              : "llvm.aarch64.neon.sdot.v4i32.v16i8";
  for (int64_t first = 0; first < steps; first += 4) {
    int64_t count = std::min<int64_t>(4, steps - first);
    int64_t bytes = 4 * int64_t(llvm::PowerOf2Ceil(count));
    Values activations;
    for (int64_t p = 0; p < tile.pixels; ++p) {
      Value at = e.add(from.activationsAt, p * from.pitch + first * 4);
      activations.push_back(
          e.bitcast(e.load(from.activations, at, bytes), bytes / 4, e.i32()));
    }
    for (int64_t step = 0; step < count; ++step) {
      Values weights;
      for (int64_t v = 0; v < tile.vectors; ++v)
        weights.push_back(
            loadWeights(e, from, (first + step) * tile.vectors + v, 16));
      for (int64_t p = 0; p < tile.pixels; ++p) {
        SmallVector<int64_t> lane(4, step);
        Value splat = e.bitcast(e.shuffle(activations[p], activations[p], lane),
                                16, e.i8());
        for (int64_t v = 0; v < tile.vectors; ++v) {
          Value &accumulator = accumulators[p * tile.vectors + v];
          // The unsigned factor comes first.
          accumulator =
              isUnsigned
                  ? e.intrinsic(name, acc, {accumulator, splat, weights[v]})
                  : e.intrinsic(name, acc, {accumulator, weights[v], splat});
        }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// SMULL, SMLAL2, SADALP
//===----------------------------------------------------------------------===//

/// accumulator + the sums of neighbouring lanes.
static Value widenPairs(KernelEmitter &e, Value accumulator, Value sums) {
  Value wide = e.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16",
                           e.vec(4, e.i32()), {sums});
  return arith::AddIOp::create(e.b, accumulator, wide);
}

/// Sixteen consecutive activations of a pixel times the same of an output
/// channel: eight lanes of int16, in which `chain` products meet before they
/// are widened. No sum leaves int16, which was proven (rule N8).
static void emitSmull(KernelEmitter &e, const Tile &tile,
                      const StepOperands &from, int64_t steps,
                      Values &accumulators) {
  constexpr int64_t depth = 16, half = 8, lanes = 4;
  int64_t channels = tile.vectors * lanes;
  int64_t chainSteps = std::max<int64_t>(from.chain / 2, 1);
  Values sums(accumulators.size());
  for (int64_t step = 0; step < steps; ++step) {
    bool isHalf =
        step + 1 == steps && from.lastDepth > 0 && from.lastDepth <= half;
    bool isEnd = (step + 1) % chainSteps == 0 || step + 1 == steps;
    int64_t length = isHalf ? half : depth;
    Values weights;
    for (int64_t c = 0; c < channels; ++c)
      weights.push_back(loadWeights(e, from, step * channels + c, depth));
    for (int64_t p = 0; p < tile.pixels; ++p) {
      Value x = e.load(from.activations,
                       e.add(from.activationsAt, p * from.pitch + step * depth),
                       length);
      auto forChannels = [&](auto body) {
        for (int64_t c = 0; c < channels; ++c)
          body(p * channels + c, weights[c]);
      };
      // One kind of instruction after the other, so that a core that works in
      // order need not wait for their results.
      forChannels([&](int64_t i, Value w) {
        sums[i] = e.addByteProducts(sums[i], e.slice(x, 0, half),
                                    e.slice(w, 0, half));
      });
      auto widen = [&]() {
        forChannels([&](int64_t i, Value) {
          accumulators[i] = widenPairs(e, accumulators[i], sums[i]);
          sums[i] = Value();
        });
      };
      if (!isHalf) {
        if (from.chain == 1)
          widen();
        forChannels([&](int64_t i, Value w) {
          sums[i] = e.addByteProducts(sums[i], e.slice(x, half, half),
                                      e.slice(w, half, half));
        });
      }
      if (isEnd)
        widen();
    }
  }
}

//===----------------------------------------------------------------------===//
// SMMLA, USMMLA
//===----------------------------------------------------------------------===//

/// The activations of `count` steps of smmla: eight of each two pixels.
static SmallVector<Values> loadPairs(KernelEmitter &e, const Tile &tile,
                                     const StepOperands &from, int64_t first,
                                     int64_t count) {
  constexpr int64_t depth = 8;
  SmallVector<Values> activations(count);
  for (int64_t pixel = 0; pixel < tile.pixels; pixel += 2) {
    if (from.hasPairs) {
      for (int64_t step = 0; step < count; ++step) {
        int64_t at = 2 * (pixel * from.pitch + (first + step) * depth);
        activations[step].push_back(
            e.load(from.activations, e.add(from.activationsAt, at), 2 * depth));
      }
      continue;
    }
    // Two steps share a load.
    auto load = [&](int64_t pixel) {
      // A last one alone is its own partner.
      pixel = std::min(pixel, tile.pixels - 1);
      Value at = e.add(from.activationsAt, pixel * from.pitch + first * depth);
      return e.bitcast(e.load(from.activations, at, count * depth), count,
                       e.i64());
    };
    Value upper = load(pixel), lower = load(pixel + 1);
    for (int64_t step = 0; step < count; ++step)
      activations[step].push_back(
          e.bitcast(e.shuffle(upper, lower, {step, count + step}), 16, e.i8()));
  }
  return activations;
}

/// Two pixels of eight consecutive activations times two output channels of as
/// many weights.
static void emitSmmla(KernelEmitter &e, bool isUnsigned, const Tile &tile,
                      const StepOperands &from, int64_t steps,
                      Values &accumulators) {
  constexpr int64_t lanes = 4;
  auto acc = e.vec(4, e.i32());
  StringRef name = isUnsigned ? "llvm.aarch64.neon.usmmla.v4i32.v16i8"
                              : "llvm.aarch64.neon.smmla.v4i32.v16i8";
  int64_t pixelPairs = (tile.pixels + 1) / 2;
  int64_t channelPairs = tile.vectors * lanes / 2;
  for (int64_t first = 0; first < steps; first += 2) {
    int64_t count = std::min<int64_t>(2, steps - first);
    SmallVector<Values> activations = loadPairs(e, tile, from, first, count);
    for (int64_t step = 0; step < count; ++step)
      for (int64_t c = 0; c < channelPairs; ++c) {
        int64_t at = ((first + step) * channelPairs + c) * 16;
        Value weights = e.load(from.weights, e.add(from.weightsAt, at), 16);
        for (int64_t p = 0; p < pixelPairs; ++p) {
          Value &accumulator = accumulators[p * channelPairs + c];
          accumulator = e.intrinsic(
              name, acc, {accumulator, activations[step][p], weights});
        }
      }
  }
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

void q::kernel::emitNeonSteps(KernelEmitter &e, MicroKernel kernel,
                              const Tile &tile, const StepOperands &operands,
                              int64_t steps, Values &accumulators) {
  switch (kernel) {
  case MicroKernel::Smull:
    return emitSmull(e, tile, operands, steps, accumulators);
  case MicroKernel::Sdot:
  case MicroKernel::Usdot:
    return emitDot(e, kernel == MicroKernel::Usdot, tile, operands, steps,
                   accumulators);
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    return emitSmmla(e, kernel == MicroKernel::Usmmla, tile, operands, steps,
                     accumulators);
  default:
    return emitSmlal(e, tile, operands, steps, accumulators);
  }
}

static bool isSmmla(MicroKernel kernel) {
  return kernel == MicroKernel::Smmla || kernel == MicroKernel::Usmmla;
}

Values q::kernel::startTile(KernelEmitter &e, MicroKernel kernel,
                            const Tile &tile, const Values &bias) {
  Values accumulators;
  if (kernel == MicroKernel::Smull)
    return Values(tile.pixels * tile.vectors * 4, e.splat(0, 4, e.i32()));
  if (!isSmmla(kernel)) {
    for (int64_t p = 0; p < tile.pixels; ++p)
      accumulators.append(bias.begin(), bias.end());
    return accumulators;
  }
  Values pairs;
  for (Value four : bias) {
    pairs.push_back(e.shuffle(four, four, {0, 1, 0, 1}));
    pairs.push_back(e.shuffle(four, four, {2, 3, 2, 3}));
  }
  for (int64_t p = 0; p < tile.pixels; p += 2)
    accumulators.append(pairs.begin(), pairs.end());
  return accumulators;
}

Values q::kernel::finishTile(KernelEmitter &e, MicroKernel kernel,
                             const Tile &tile, Values accumulators,
                             const Values &bias) {
  Values results;
  if (kernel == MicroKernel::Smull) {
    auto add = [&](Value a, Value c) {
      return e.intrinsic("llvm.aarch64.neon.addp.v4i32", e.vec(4, e.i32()),
                         {a, c});
    };
    for (int64_t i = 0; i < tile.pixels * tile.vectors; ++i) {
      const Value *from = &accumulators[4 * i];
      Value sums = add(add(from[0], from[1]), add(from[2], from[3]));
      results.push_back(
          arith::AddIOp::create(e.b, sums, bias[i % tile.vectors]));
    }
    return results;
  }
  if (!isSmmla(kernel))
    return accumulators;
  for (int64_t p = 0; p < tile.pixels; ++p)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      const Value *from = &accumulators[(p / 2 * tile.vectors + v) * 2];
      int64_t row = p % 2 * 2;
      results.push_back(
          e.shuffle(from[0], from[1], {row, row + 1, row + 4, row + 5}));
    }
  return results;
}

bool q::kernel::keepsLoops(MicroKernel kernel) {
  return kernel == MicroKernel::Smull || isSmmla(kernel);
}
