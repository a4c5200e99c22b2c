//===- KernelPlan.h - Shapes, tiles and packed layouts ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that the packing of weights (at compile time) and the generated
// loops must agree on is computed here, once, from the attributes of an op.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELPLAN_H
#define QDIALECT_CONVERSION_KERNELPLAN_H

#include "QDialect/Conversion/KernelDialect.h"

#include <vector>

namespace q::kernel {

/// Of numbers that are not negative.
constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The extents of a layer. A matrix product [M, K] x [K, N] is a 1x1
/// convolution of one row of M pixels.
struct LayerGeometry {
  int64_t batch = 1, inH = 1, inW = 1, inC = 1;
  int64_t outH = 1, outW = 1, outC = 1;
  int64_t kernelH = 1, kernelW = 1;
  int64_t strideH = 1, strideW = 1;
  int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  int64_t dilationH = 1, dilationW = 1;
  int64_t groups = 1;

  /// Every output pixel reads the input pixel of the same index.
  bool isPointwise() const {
    return kernelH == 1 && kernelW == 1 && strideH == 1 && strideW == 1 &&
           inH == outH && inW == outW && padTop == 0 && padLeft == 0;
  }
  /// Whether the taps of a pixel are gathered: see q::gathersTaps().
  bool gathersTaps() const;
  /// Whether the pixels that a tile multiplies lie side by side.
  bool isOneRow() const { return isPointwise() || gathersTaps(); }
};

/// The geometry of an op; a diagnostic if its shapes and attributes disagree.
mlir::FailureOr<LayerGeometry> getGeometry(ConvOp op);
mlir::FailureOr<LayerGeometry> getGeometry(DepthwiseOp op);

/// What a micro-kernel asks of the data around it.
struct MicroKernelTraits {
  /// Accumulators per vector.
  int64_t lanes;
  /// Consecutive input channels that meet in one accumulator per step.
  int64_t depth;
  /// Bits of an activation in the scratch buffer.
  int64_t activationBits;
  /// Activations are shifted to signed by x ^ 0x80 if they are unsigned.
  bool flipsUnsigned;
  /// The order of channels inside a panel is that which x86's lane-wise packs
  /// turn into the natural one.
  bool permutesPanel;
  /// Activations are shifted to unsigned by x ^ 0x80 if they are signed.
  bool flipsSigned = false;
  bool isX86 = false;
  /// The vectors of a panel are multiplied one after the other: each is a part
  /// of the packed weights.
  bool splitsPanel = false;
  /// A step multiplies the same channels of two pixels.
  bool takesPairs = false;

  /// What is added to storage values before they are multiplied.
  int64_t activationOffset(bool isSigned) const {
    return isSigned ? (flipsSigned ? 128 : 0) : (flipsUnsigned ? -128 : 0);
  }
};
MicroKernelTraits getTraits(MicroKernel kernel);
/// What is added to storage values before a micro-kernel multiplies them: what
/// brings the lowest one to the `lo` of a signed chain, if there is one.
int64_t getActivationOffset(MicroKernel kernel, SignedChainAttr chain,
                            bool isSigned);

/// A row of pixels cut into tiles: `countA` tiles of `sizeA` pixels, then
/// `countB` of `sizeB`. With `overlaps` the last tile reaches back instead of
/// beyond the end.
struct RowSplit {
  int64_t sizeA = 1, countA = 1;
  int64_t sizeB = 0, countB = 0;
  bool overlaps = false;
};

/// Cuts `width` pixels into tiles of at most `maxPixels` pixels and `vectors`
/// vectors, with the least estimated time.
RowSplit splitRow(int64_t width, int64_t maxPixels, int64_t vectors);

/// Layout and loop structure of a `qk.conv`.
struct DensePlan {
  LayerGeometry geometry;
  MicroKernelTraits traits;
  int64_t vectors = 1; ///< vectors of accumulators per pixel
  int64_t panelWidth = 8, panelsPerGroup = 1;
  /// The reduction: `segments` runs of `segmentLength` consecutive scratch
  /// elements, each padded to `steps` steps of the micro-kernel.
  int64_t segments = 1, segmentLength = 1, steps = 1;
  /// One run per kernel row, or one per tap (dilation, groups), or a single one
  /// of taps that are gathered.
  bool segmentPerTap = false;

  int64_t inputChannelsPerGroup() const {
    return geometry.inC / geometry.groups;
  }
  int64_t outputChannelsPerGroup() const {
    return geometry.outC / geometry.groups;
  }
  int64_t panelCount() const { return panelsPerGroup * geometry.groups; }
  /// Steps of all segments.
  int64_t stepCount() const { return segments * steps; }
  /// Bytes of packed weights per panel.
  int64_t panelBytes() const { return stepCount() * traits.depth * panelWidth; }
  /// Elements from the gathered taps of a pixel to those of the next one.
  int64_t tapsPitch() const { return steps * traits.depth; }
  /// Pixels of a scratch row, where rows are what is brought there.
  int64_t rowColumns() const;
  /// Whether they are only those that a kernel of one column looks at.
  bool skipsColumns() const;
  /// Where the activations of step `step` (of all segments) lie in the scratch
  /// buffer, from those of the first one.
  int64_t stepOffset(int64_t step) const;
  /// The parts of a panel that are multiplied one after the other.
  int64_t parts() const { return traits.splitsPanel ? vectors : 1; }
  int64_t partBytes() const { return panelBytes() / parts(); }
  /// The first output channel of a panel, within its group.
  int64_t panelStart(int64_t panelInGroup) const;
  /// The channel (within the panel) of accumulator `lane` of vector `vector`.
  int64_t channelOf(int64_t vector, int64_t lane) const;
};

DensePlan getDensePlan(const LayerGeometry &geometry, MicroKernel kernel,
                       int64_t vectors);
/// False, with a reason, where the nest has no form for a geometry.
bool isDenseSupported(const LayerGeometry &geometry, llvm::StringRef &reason);
/// A tile of accumulators, and what the layer takes with it: an estimate in
/// units that are the same for all micro-kernels of a family.
struct DenseTile {
  int64_t pixels = 1, vectors = 1;
  double cost = 0;
};
/// The tile that suits a geometry. Of the micro-kernels only vpdpbusd is there
/// with 16 and with 32 vector registers.
DenseTile chooseDenseTile(const LayerGeometry &geometry, MicroKernel kernel,
                          int64_t registers = 16);
/// How many rows of pixels share a tile of `pixels`, outside of pointwise
/// layers.
int64_t getTileRows(const LayerGeometry &geometry,
                    const MicroKernelTraits &traits, int64_t pixels);
/// `kernel`, or its form of 512 bits where there are such vectors (and then 32
/// registers) and it takes less time.
MicroKernel chooseDenseWidth(const LayerGeometry &geometry, MicroKernel kernel,
                             int64_t registers);

/// Weights [O, KH, KW, C / groups] in the order in which the nest reads them.
std::vector<int8_t> packDenseWeights(const DensePlan &plan,
                                     llvm::ArrayRef<int8_t> weights);
/// Constants per output channel in the order of the accumulators or, if they
/// are for what is stored, in that of the channels.
template <typename T>
std::vector<T> packDenseConstants(const DensePlan &plan,
                                  llvm::ArrayRef<T> perChannel,
                                  bool asStored = false) {
  std::vector<T> packed;
  for (int64_t group = 0; group < plan.geometry.groups; ++group)
    for (int64_t panel = 0; panel < plan.panelsPerGroup; ++panel)
      for (int64_t vector = 0; vector < plan.vectors; ++vector)
        for (int64_t lane = 0; lane < plan.traits.lanes; ++lane) {
          int64_t channel = plan.panelStart(panel) +
                            (asStored ? vector * plan.traits.lanes + lane
                                      : plan.channelOf(vector, lane));
          bool exists = channel < plan.outputChannelsPerGroup();
          packed.push_back(
              exists
                  ? perChannel[group * plan.outputChannelsPerGroup() + channel]
                  : perChannel[0]);
        }
  return packed;
}

/// Layout and loop structure of a `qk.depthwise`.
struct DepthwisePlan {
  LayerGeometry geometry;
  MicroKernelTraits traits;
  int64_t blockChannels = 16; ///< channels that one pass of the nest handles
  int64_t blocks = 1;
  int64_t vectors = 2; ///< vectors of accumulators per pixel
  int64_t rows = 1;    ///< output rows per step
  /// How many input rows are multiplied at a time, one element of each side by
  /// side: 1, pairs of i16, or four bytes for the dot products of NEON.
  int64_t groupRows = 1;
  /// Groups of input rows that `rows` output rows look at.
  int64_t windowGroups = 1;

  int64_t blockStart(int64_t block) const;
  int64_t channelOf(int64_t vector, int64_t lane) const;
  /// Groups of rows that output row `row` of a step looks at: first and count.
  std::pair<int64_t, int64_t> groupsOf(int64_t row) const;
  /// Where output row `row` begins inside its first group.
  int64_t offsetInGroup(int64_t row) const;
  /// How many output rows of a step have weights of their own, because they
  /// begin at different offsets: 1 or `rows`.
  int64_t phases() const;
  /// Weights per block, in the order in which they are multiplied.
  int64_t blockWeights() const;
  /// Bits of such a weight: those of the rows' elements.
  int64_t weightBits() const { return traits.activationBits; }
};

DepthwisePlan getDepthwisePlan(const LayerGeometry &geometry,
                               MicroKernel kernel, int64_t rows,
                               int64_t vectors);
bool isDepthwiseSupported(const LayerGeometry &geometry,
                          llvm::StringRef &reason);
/// The tile that suits a geometry: {rows, vectors}.
std::pair<int64_t, int64_t> chooseDepthwiseTile(const LayerGeometry &geometry,
                                                MicroKernel kernel);
/// Weights [C, KH, KW, 1] as [KH, KW, C], from which the nest takes blocks.
std::vector<int8_t> packDepthwiseWeights(const DepthwisePlan &plan,
                                         llvm::ArrayRef<int8_t> weights);
template <typename T>
std::vector<T> packDepthwiseConstants(const DepthwisePlan &plan,
                                      llvm::ArrayRef<T> perChannel,
                                      bool asStored = false) {
  std::vector<T> packed;
  for (int64_t block = 0; block < plan.blocks; ++block)
    for (int64_t vector = 0; vector < plan.blockChannels / plan.traits.lanes;
         ++vector)
      for (int64_t lane = 0; lane < plan.traits.lanes; ++lane)
        packed.push_back(
            perChannel[plan.blockStart(block) +
                       (asStored ? vector * plan.traits.lanes + lane
                                 : plan.channelOf(vector, lane))]);
  return packed;
}

/// The lengths of an op's packed operands.
struct PackedSizes {
  int64_t weights;
  int64_t constants;
};
mlir::FailureOr<PackedSizes> getPackedSizes(ConvOp op);
mlir::FailureOr<PackedSizes> getPackedSizes(DepthwiseOp op);

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_KERNELPLAN_H
