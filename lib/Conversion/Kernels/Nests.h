//===- Nests.h - The loops around the micro-kernels -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H

#include "KernelEpilogue.h"
#include "MicroKernels.h"
#include "QDialect/Conversion/WinogradPlan.h"

namespace q::kernel {

/// Elements from one image, row or pixel of an activation to the next; the
/// channels of a pixel are consecutive.
struct ActivationStrides {
  int64_t image, row, pixel;
};

/// The flat buffers of a kernel function, and how its activations lie in them.
struct KernelBuffers {
  Value input, weights, bias, scratch, weightScratch;
  Value chainTable; ///< see ChainTable; null without panel_chains
  ActivationStrides inputStrides, outputStrides, residualStrides;
  /// Bytes of input rows with their borders: of the Winograd nest, and of the
  /// dense one where it gathers taps.
  Value inputScratch;
  Value sums; ///< of the Winograd nest
};

/// Which loop of a nest the threads of a team share.
enum class SharedLoop {
  None,   ///< one thread runs the nest
  Blocks, ///< of output rows or pixels
  Panels, ///< of output channels
};

/// How many threads share a nest, and how.
struct TeamPlan {
  SharedLoop loop = SharedLoop::None;
  int64_t threads = 1;
};

/// A team plan, and a thread of the team.
struct Team : TeamPlan {
  Value thread; ///< 0 <= thread < size
  Value size;   ///< 1 <= size <= threads

  /// Runs body for 0 <= i < count, or, if `which` is the loop that is shared,
  /// for the part of this thread: [i count / size, (i + 1) count / size) of
  /// thread i. Parts are disjoint, none is empty if count >= size, and the last
  /// one has two iterations if count >= 2 size.
  void run(KernelEmitter &e, SharedLoop which, int64_t count,
           llvm::function_ref<void(Value)> body) const;
  /// The part of this thread of [0, count): begin and end.
  std::pair<Value, Value> partOf(KernelEmitter &e, Value count) const;
};

/// Copies of the attributes that a nest needs.
struct NestSpec {
  MicroKernel microKernel;
  int64_t chain = 1; ///< see StepOperands
  /// What is added to storage values before they are multiplied.
  int64_t activationOffset = 0;
  /// The lengths of a panel's chains; empty if all have one length.
  llvm::ArrayRef<int64_t> chainLengths;
  StorageAttr inputStorage;
  EpilogueSpec epilogue;
  int64_t weightBits = 8; ///< in memory, of the dense nest
  KernelBuffers buffers;
  Team team;
};

/// How the dense nest walks over a layer.
struct DenseBlocking {
  /// All pixels in one row of `blocks` blocks of `blockPixels`; else `blocks`
  /// blocks of `blockRows` output rows.
  bool isFlat = false;
  int64_t blocks = 1, blockPixels = 1, blockRows = 1;
  /// Only the columns that a 1-wide kernel looks at are in the scratch.
  bool skipsColumns = false;
  /// The input is multiplied where it lies: there is no scratch buffer.
  bool readsInput = false;
  int64_t scratchRows = 1, scratchColumns = 1;
  /// Rows of pixels that share a tile, where a row fills less than half of one.
  int64_t tileRows = 1;
  /// The pixels of all rows of a block are cut into tiles as one row.
  bool joinsRows = false;
  /// Elements from one pixel of the scratch to the next.
  int64_t scratchPixel = 1;
  /// The pixels that are cut into tiles at a time, and how.
  int64_t splitPixels = 1;
  RowSplit split;
  /// A second copy of the scratch, `pairedAt` elements behind the first: see
  /// emitPairedPixels().
  bool hasPairs = false;
  int64_t pairedAt = 0;
  int64_t scratchElements = 0;
  /// Bytes of input rows, from which the taps in the scratch are gathered.
  int64_t rowElements = 0;

  /// Elements from one input row to the next.
  int64_t rowPitch() const { return scratchColumns * scratchPixel; }
};
/// At least `leastBlocks` blocks, as far as there are tiles or rows for them.
DenseBlocking getDenseBlocking(const DensePlan &plan, int64_t maxPixels,
                               const KernelBuffers &buffers,
                               StorageAttr inputStorage,
                               int64_t leastBlocks = 1);
/// Whether bringing pixels together once costs less than doing it for every
/// panel and tap: what DenseBlocking::hasPairs becomes.
bool wantsPairedPixels(const DensePlan &plan);
/// For micro-kernels that multiply two pixels, `apart` elements from each other
/// in the scratch: eight elements of [from, from + length) after the other,
/// each with those of the second pixel behind it, to twice their place behind
/// `pairedAt`. So any element may begin a pair.
void emitPairedPixels(KernelEmitter &e, Value scratch, int64_t pairedAt,
                      Value from, int64_t length, int64_t apart);
void emitDenseNest(KernelEmitter &e, const DensePlan &plan,
                   const DenseBlocking &blocking, const NestSpec &spec);

/// Elements of the depthwise nest's scratch buffer for weights. The other one
/// holds a pixel of one block: bytes.
int64_t getDepthwiseWeightScratch(const DepthwisePlan &plan);
void emitDepthwiseNest(KernelEmitter &e, const DepthwisePlan &plan,
                       const NestSpec &spec);

void emitWinogradNest(KernelEmitter &e, const WinogradPlan &plan,
                      const NestSpec &spec);

/// The blocking for a team of at most `threads`, and what the team shares.
std::pair<DenseBlocking, TeamPlan> getDenseTeam(const DensePlan &plan,
                                                int64_t maxPixels,
                                                const KernelBuffers &buffers,
                                                StorageAttr inputStorage,
                                                int64_t threads);
TeamPlan getDepthwiseTeam(const DepthwisePlan &plan, int64_t threads);
std::pair<WinogradPlan, TeamPlan>
getWinogradTeam(const WinogradPlan &plan, MicroKernel kernel, int64_t threads);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H
