//===- MicroKernels.h - Multiply and accumulate -----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_MICROKERNELS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_MICROKERNELS_H

#include "KernelEmitter.h"

namespace q::kernel {

/// The accumulators of a tile: pixel-major, `vectors` per pixel.
struct Tile {
  int64_t pixels;
  int64_t vectors;
};

/// Where a run of steps reads.
struct StepOperands {
  Value activations;   ///< flat scratch buffer
  Value activationsAt; ///< of the tile's first pixel
  int64_t pitch;       ///< elements from one pixel to the next
  /// Pixels of the tile in a row of the image, and elements from one such row
  /// to the next. Only vpdpbusd has tiles of several rows.
  int64_t rowPixels = INT64_MAX, rowPitch = 0;
  Value weights; ///< flat i8 buffer
  Value weightsAt;
  /// Narrow weights that are unpacked in registers: see loadWeights().
  int64_t weightBits = 8;
  /// Eight elements of each two pixels lie side by side, and offsets count
  /// twice: see emitPairedPixels().
  bool hasPairs = false;
  /// What is added in int16, counted from the start of a run: steps of
  /// pmaddubsw, products of a lane of smull.
  int64_t chain = 1;
  /// Products of the run's last step that are not filled up with zeros, if that
  /// is known: smull leaves out what is not there.
  int64_t lastDepth = 0;
  /// How many bytes of weights behind those of a step are fetched into the
  /// cache (vpdpbusd, vpmaddubsw); 0 for none.
  int64_t fetchAhead = 0;

  /// Elements from the first pixel to pixel `p`.
  int64_t offsetOf(int64_t p) const {
    return p / rowPixels * rowPitch + p % rowPixels * pitch;
  }
};

/// How many steps of a micro-kernel make one iteration of a loop over `steps`:
/// whole chains.
int64_t getUnroll(MicroKernel kernel, int64_t steps, int64_t chain);

/// How far beyond the last activation (in elements) a run of steps may read.
constexpr int64_t kScratchSlack = 16;

/// Vector `vector` of the weights of a run of steps, a byte each. Those of
/// 8 / `weightBits` vectors share `bytes` bytes, and have no sign; a run begins
/// with whole bytes.
Value loadWeights(KernelEmitter &e, const StepOperands &from, int64_t vector,
                  int64_t bytes);

/// Emits `steps` consecutive steps: accumulators += activations * weights.
/// Every product and sum is exact (rule N8): activations fit the micro-kernel's
/// operand and the final accumulator fits int32.
void emitSteps(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
               const StepOperands &operands, int64_t steps,
               Values &accumulators);
/// The same for the micro-kernels of NEON.
void emitNeonSteps(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
                   const StepOperands &operands, int64_t steps,
                   Values &accumulators);

/// The accumulators before the first step. They are those of Tile, but for
/// smull, which holds four partial sums of one channel in a vector, and smmla,
/// which holds two channels of two pixels.
Values startTile(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
                 const Values &bias);
/// The sums of all products and the bias after the last step, as those of Tile.
Values finishTile(KernelEmitter &e, MicroKernel kernel, const Tile &tile,
                  Values accumulators, const Values &bias);

/// Whether iterations of a loop of steps must not be unrolled: LLVM would load
/// the operands of many at once, into registers that there are not.
bool keepsLoops(MicroKernel kernel);

/// Where a panel's chains are described: `lengths` counts of chains, then the
/// offset of each step's activations from those of the tile's first step.
struct ChainTable {
  Value buffer; ///< flat i16 or i32 buffer of unsigned numbers
  Value at;     ///< of the panel's first count
  llvm::ArrayRef<int64_t> lengths;
};

/// Emits all steps of a panel in the order of its chains, a loop for each
/// length. Steps of pmaddubsw; those of length 0 are widened and multiplied
/// with pmaddwd.
Values emitPanelChains(KernelEmitter &e, const Tile &tile,
                       const StepOperands &operands, const ChainTable &table,
                       Values accumulators);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_MICROKERNELS_H
