//===- KernelPlan.cpp - Tiles and packed layouts --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedWeights.h"

#include <algorithm>

using namespace mlir;
using namespace q::kernel;

MicroKernelTraits q::kernel::getTraits(MicroKernel kernel) {
  switch (kernel) {
  case MicroKernel::Pmaddwd:
  case MicroKernel::Vpdpwssd:
    return {8, 2, 16, false, true, false, true};
  case MicroKernel::Vpdpwssd512:
    return {16, 2, 16, false, false, false, true};
  case MicroKernel::Smlal:
    return {8, 1, 16, false, false};
  case MicroKernel::SmullLanes:
    return {8, 1, 8, true, false};
  case MicroKernel::Sdot:
    return {4, 4, 8, true, false};
  case MicroKernel::Usdot:
    return {4, 4, 8, false, false};
  case MicroKernel::Pmaddubsw:
  case MicroKernel::Vpdpbusd:
    return {8, 4, 8, false, true, true, true};
  case MicroKernel::Smull:
    return {4, 16, 8, true, false, false, false, /*splitsPanel=*/true};
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    return {4,     8,     8,     kernel == MicroKernel::Smmla, false,
            false, false, false, /*takesPairs=*/true};
  case MicroKernel::Vpdpbusd512:
    return {16, 4, 8, false, false, true, true};
  }
  return {8, 1, 16, false, false};
}

int64_t q::kernel::getActivationOffset(MicroKernel kernel,
                                       SignedChainAttr chain, bool isSigned) {
  if (chain)
    return chain.getLo() - (isSigned ? -128 : 0);
  return getTraits(kernel).activationOffset(isSigned);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Cycles per step of a tile, up to a factor: what the ports of a core with
/// four vector pipes need, with a little for the loads.
static double tileCost(int64_t pixels, int64_t vectors) {
  return double(2 * pixels * vectors + vectors + 1) / 4 +
         double(pixels + vectors) / 16;
}

static double splitCost(const RowSplit &split, int64_t vectors) {
  double cost = double(split.countA) * tileCost(split.sizeA, vectors);
  if (split.countB)
    cost += double(split.countB) * tileCost(split.sizeB, vectors);
  // A second tile size is more code; it should gain something.
  return split.countB ? cost * 1.03 : cost;
}

RowSplit q::kernel::splitRow(int64_t width, int64_t maxPixels,
                             int64_t vectors) {
  RowSplit best;
  double bestCost = 0;
  auto consider = [&](RowSplit split) {
    double cost = splitCost(split, vectors);
    if (bestCost == 0 || cost < bestCost) {
      best = split;
      bestCost = cost;
    }
  };
  for (int64_t size = std::min(width, maxPixels); size >= 1; --size) {
    int64_t count = ceilDiv(width, size), excess = count * size - width;
    consider({size, count, 0, 0, excess != 0});
    if (excess != 0 && excess < count && size > 1)
      consider({size, count - excess, size - 1, excess, false});
  }
  return best;
}

namespace {

/// A tile, and how much longer it takes than its products tell.
struct TileOption {
  int64_t vectors, pixels;
  double factor = 1;
};

} // namespace

/// Tiles whose accumulators, weights and activations stay in the vector
/// registers: 16 of AVX2, 32 of NEON, `registers` of vpdpbusd.
static SmallVector<TileOption>
getTileOptions(MicroKernel kernel, int64_t channels, int64_t registers) {
  auto ofVnni = [&](int64_t vectors, double factor = 1) {
    int64_t pixels = (registers - 1 - vectors) / vectors;
    return TileOption{vectors, std::max<int64_t>(pixels, 1), factor};
  };
  switch (kernel) {
  case MicroKernel::Vpdpbusd:
    return {ofVnni(1), ofVnni(2), ofVnni(3), ofVnni(4), ofVnni(6)};
  case MicroKernel::Vpdpbusd512:
    // One load of 512 bits a cycle, which is one product; and stores of three
    // vectors are in two parts.
    return {ofVnni(2), ofVnni(1, 1.3), ofVnni(3, 1.1), ofVnni(4), ofVnni(6)};
  case MicroKernel::Pmaddwd:
  case MicroKernel::Vpdpwssd:
  case MicroKernel::Vpdpwssd512:
    return {{1, 8}, {2, 5}, {3, 3}};
  case MicroKernel::Pmaddubsw:
    // A wider panel reads the activations less often; those of a chain lie
    // scattered, which the caches notice. More than eight accumulators leave
    // few registers for sums in int16: such tiles pay where they cut a layer
    // into fewer pieces, by what qcc --tune measures.
    return {{1, 8, 1.1}, {2, 4}, {2, 5, 1.06}, {3, 3, 1.05}};
  case MicroKernel::Smlal:
  case MicroKernel::SmullLanes: // of depthwise layers only
    return {{1, 8}, {2, 4}};
  case MicroKernel::Sdot:
  case MicroKernel::Usdot:
    return {{2, 8}, {4, 5}};
  case MicroKernel::Smull:
    return {{2, 3}};
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    // The more channels, the fewer pairs of pixels are loaded for each.
    return {channels < 16 ? TileOption{2, 8} : TileOption{4, 4}};
  }
  return {{1, 4}};
}

int64_t q::kernel::getTileRows(const LayerGeometry &geometry,
                               const MicroKernelTraits &traits,
                               int64_t pixels) {
  // Only tiles of vpdpbusd are that large.
  constexpr int64_t fewPixels = 8;
  if (!traits.isX86 || pixels <= fewPixels)
    return 1;
  return std::max<int64_t>(pixels / geometry.outW, 1);
}

DenseTile q::kernel::chooseDenseTile(const LayerGeometry &geometry,
                                     MicroKernel kernel, int64_t registers) {
  int64_t channels = geometry.outC / geometry.groups;
  int64_t lanes = getTraits(kernel).lanes;
  constexpr int64_t manyPixels = 240;
  int64_t width = geometry.outW;
  if (geometry.isOneRow())
    width = std::min<int64_t>(geometry.batch * geometry.outH * geometry.outW,
                              manyPixels);
  bool isVnni =
      kernel == MicroKernel::Vpdpbusd || kernel == MicroKernel::Vpdpbusd512;
  DenseTile best;
  for (auto [vectors, pixels, factor] :
       getTileOptions(kernel, channels, registers)) {
    int64_t panel = vectors * lanes;
    if (panel > 8 && panel > channels)
      continue;
    // Of many pixels, the remainder does not matter.
    int64_t counted =
        isVnni && width == manyPixels ? manyPixels / pixels * pixels : width;
    if (!geometry.isOneRow())
      counted *= std::min(getTileRows(geometry, getTraits(kernel), pixels),
                          geometry.outH);
    RowSplit split = splitRow(counted, pixels, vectors * lanes / 8);
    double cost = factor * double(ceilDiv(channels, panel)) * double(width) /
                  double(counted) * splitCost(split, vectors * lanes / 8);
    // Two vpdpbusd a cycle, each of four cycles: eight accumulators at least.
    if (isVnni)
      cost *= std::max(1.0, 64.0 / double(split.sizeA * panel));
    if (best.cost == 0 || cost < best.cost)
      best = {pixels, vectors, cost};
  }
  return best;
}

MicroKernel q::kernel::chooseDenseWidth(const LayerGeometry &geometry,
                                        MicroKernel kernel, int64_t registers) {
  constexpr auto wide = MicroKernel::Vpdpbusd512;
  int64_t channels = geometry.outC / geometry.groups;
  // A single pixel waits for its weights; in smaller panels they come sooner.
  int64_t pixels = geometry.batch * geometry.outH * geometry.outW;
  if (kernel != MicroKernel::Vpdpbusd || registers < 32 || pixels < 2 ||
      channels < getTraits(wide).lanes)
    return kernel;
  // Half the instructions per product, and an epilogue without permutations.
  constexpr double advantage = 0.85;
  double wideCost = chooseDenseTile(geometry, wide, registers).cost;
  double cost = chooseDenseTile(geometry, kernel, registers).cost;
  return wideCost * advantage < cost ? wide : kernel;
}

//===----------------------------------------------------------------------===//
// Dense
//===----------------------------------------------------------------------===//

/// x86's packs work inside each half of a vector: lanes 0-3 of the first
/// vector, then of the second, then lanes 4-7 of both.
static int64_t permutedChannel(int64_t vector, int64_t lane) {
  return (vector / 2) * 16 + (lane / 4) * 8 + (vector % 2) * 4 + lane % 4;
}

int64_t DensePlan::panelStart(int64_t panelInGroup) const {
  return std::max<int64_t>(0, std::min(panelInGroup * panelWidth,
                                       outputChannelsPerGroup() - panelWidth));
}

int64_t DensePlan::channelOf(int64_t vector, int64_t lane) const {
  // Vectors are permuted in pairs; an odd last one is not.
  if (traits.permutesPanel && vector / 2 * 2 + 1 < vectors)
    return permutedChannel(vector, lane);
  return vector * traits.lanes + lane;
}

bool DensePlan::skipsColumns() const {
  const LayerGeometry &g = geometry;
  return g.kernelW == 1 && g.strideW > 1 && g.padLeft == 0 &&
         (g.outW - 1) * g.strideW < g.inW;
}

int64_t DensePlan::rowColumns() const {
  const LayerGeometry &g = geometry;
  return skipsColumns()
             ? g.outW
             : (g.outW - 1) * g.strideW + (g.kernelW - 1) * g.dilationW + 1;
}

int64_t DensePlan::stepOffset(int64_t step) const {
  const LayerGeometry &g = geometry;
  int64_t segment = step / steps, taps = segmentPerTap ? g.kernelW : 1;
  return segment / taps * g.dilationH * rowColumns() * g.inC +
         segment % taps * g.dilationW * g.inC + step % steps * traits.depth;
}

DensePlan q::kernel::getDensePlan(const LayerGeometry &geometry,
                                  MicroKernel kernel, int64_t vectors) {
  DensePlan plan;
  plan.geometry = geometry;
  plan.traits = getTraits(kernel);
  plan.vectors = vectors;
  plan.panelWidth = vectors * plan.traits.lanes;
  plan.panelsPerGroup = ceilDiv(plan.outputChannelsPerGroup(), plan.panelWidth);
  plan.segmentPerTap =
      geometry.kernelW > 1 && (geometry.groups > 1 || geometry.dilationW > 1);
  plan.segments = geometry.gathersTaps() ? 1 : geometry.kernelH;
  plan.segmentLength = geometry.kernelH / plan.segments * geometry.kernelW *
                       plan.inputChannelsPerGroup();
  if (plan.segmentPerTap) {
    plan.segments = geometry.kernelH * geometry.kernelW;
    plan.segmentLength = plan.inputChannelsPerGroup();
  }
  plan.steps = ceilDiv(plan.segmentLength, plan.traits.depth);
  return plan;
}

bool q::kernel::isDenseSupported(const LayerGeometry &geometry,
                                 StringRef &reason) {
  if (geometry.groups > 1 && geometry.outC / geometry.groups < 8) {
    reason = "a group has fewer than 8 output channels";
    return false;
  }
  if (geometry.padTop > geometry.kernelH * geometry.dilationH ||
      geometry.padLeft > geometry.kernelW * geometry.dilationW) {
    reason = "the padding is larger than the kernel";
    return false;
  }
  return true;
}

std::vector<int8_t> q::kernel::packDenseWeights(const DensePlan &plan,
                                                ArrayRef<int8_t> weights) {
  const LayerGeometry &g = plan.geometry;
  int64_t taps = g.kernelH * g.kernelW, channels = plan.inputChannelsPerGroup();
  int64_t depth = plan.traits.depth;
  std::vector<int8_t> packed(plan.panelCount() * plan.panelBytes());
  int64_t partVectors = plan.vectors / plan.parts();
  for (int64_t group = 0; group < g.groups; ++group)
    for (int64_t panel = 0; panel < plan.panelsPerGroup; ++panel)
      for (int64_t segment = 0; segment < plan.segments; ++segment)
        for (int64_t step = 0; step < plan.steps; ++step)
          for (int64_t vector = 0; vector < plan.vectors; ++vector) {
            // The parts of a panel lie one behind the other.
            int64_t inPart = (segment * plan.steps + step) * partVectors +
                             vector % partVectors;
            int8_t *out =
                packed.data() +
                (group * plan.panelsPerGroup + panel) * plan.panelBytes() +
                vector / partVectors * plan.partBytes() +
                inPart * plan.traits.lanes * depth;
            for (int64_t lane = 0; lane < plan.traits.lanes; ++lane)
              for (int64_t d = 0; d < depth; ++d, ++out) {
                int64_t channel =
                    plan.panelStart(panel) + plan.channelOf(vector, lane);
                int64_t k = step * depth + d;
                if (channel >= plan.outputChannelsPerGroup() ||
                    k >= plan.segmentLength)
                  continue;
                int64_t row = group * plan.outputChannelsPerGroup() + channel;
                *out = weights[row * taps * channels +
                               segment * plan.segmentLength + k];
              }
          }
  return packed;
}

FailureOr<PackedSizes> q::kernel::getPackedSizes(ConvOp op) {
  FailureOr<LayerGeometry> geometry = getGeometry(op);
  if (failed(geometry))
    return failure();
  MicroKernel kernel = op.getMicroKernel();
  int64_t pixels = op.getTile()[0], vectors = op.getTile()[1];
  StringRef reason;
  if (!isDenseSupported(*geometry, reason))
    return op.emitOpError() << "has no kernel: " << reason;
  int64_t lanes = getTraits(kernel).lanes;
  int64_t panel = vectors * lanes;
  if (pixels < 1 || vectors < 1 || panel % 8 || panel > 128)
    return op.emitOpError() << "tile must hold at least one pixel, and a "
                               "multiple of 8 channels up to 128";
  if (panel > 8 && panel > geometry->outC / geometry->groups)
    return op.emitOpError()
           << "tile is wider than the " << geometry->outC << " output channels";
  DensePlan plan = getDensePlan(*geometry, kernel, vectors);
  int64_t panelBytes =
      getPackedPanelBytes(plan, op.getWeightBits().value_or(8));
  return PackedSizes{plan.panelCount() * panelBytes,
                     plan.panelCount() * plan.panelWidth};
}

//===----------------------------------------------------------------------===//
// Depthwise
//===----------------------------------------------------------------------===//

int64_t DepthwisePlan::blockStart(int64_t block) const {
  return std::min(block * blockChannels, geometry.outC - blockChannels);
}

int64_t DepthwisePlan::channelOf(int64_t vector, int64_t lane) const {
  return traits.permutesPanel && blockChannels == 16
             ? permutedChannel(vector, lane)
             : vector * traits.lanes + lane;
}

int64_t DepthwisePlan::offsetInGroup(int64_t row) const {
  return row * geometry.strideH % groupRows;
}

std::pair<int64_t, int64_t> DepthwisePlan::groupsOf(int64_t row) const {
  return {row * geometry.strideH / groupRows,
          ceilDiv(offsetInGroup(row) + geometry.kernelH, groupRows)};
}

int64_t DepthwisePlan::phases() const {
  return geometry.strideH % groupRows ? rows : 1;
}

int64_t DepthwisePlan::blockWeights() const {
  int64_t count = 0;
  for (int64_t phase = 0; phase < phases(); ++phase)
    count +=
        groupsOf(phase).second * geometry.kernelW * blockChannels * groupRows;
  return count;
}

DepthwisePlan q::kernel::getDepthwisePlan(const LayerGeometry &geometry,
                                          MicroKernel kernel, int64_t rows,
                                          int64_t vectors) {
  DepthwisePlan plan;
  plan.geometry = geometry;
  plan.traits = getTraits(kernel);
  plan.groupRows =
      kernel == MicroKernel::Pmaddwd || kernel == MicroKernel::Vpdpwssd ? 2
      : kernel == MicroKernel::Sdot || kernel == MicroKernel::Usdot     ? 4
                                                                        : 1;
  plan.vectors = vectors;
  plan.blockChannels = vectors * plan.traits.lanes;
  plan.blocks = ceilDiv(geometry.outC, plan.blockChannels);
  plan.rows = rows;
  int64_t inputRows = (rows - 1) * geometry.strideH + geometry.kernelH;
  plan.windowGroups = ceilDiv(inputRows, plan.groupRows);
  return plan;
}

bool q::kernel::isDepthwiseSupported(const LayerGeometry &geometry,
                                     StringRef &reason) {
  if (geometry.outC < 8) {
    reason = "there are fewer than 8 channels";
    return false;
  }
  if (geometry.padTop > geometry.kernelH * geometry.dilationH ||
      geometry.padLeft > geometry.kernelW * geometry.dilationW) {
    reason = "the padding is larger than the kernel";
    return false;
  }
  return true;
}

std::pair<int64_t, int64_t>
q::kernel::chooseDepthwiseTile(const LayerGeometry &geometry,
                               MicroKernel kernel) {
  int64_t lanes = getTraits(kernel).lanes;
  int64_t vectors = geometry.outC >= 16 ? 16 / lanes : 8 / lanes, rows = 1;
  // Dilated rows are gathered, so neighbouring output rows share none of them.
  bool shares = geometry.dilationH == 1 && geometry.strideH < geometry.kernelH;
  if (shares && geometry.outH > 1)
    rows = 2;
  // The sums of all outputs to which an input column belongs stay in registers.
  int64_t outputs =
      geometry.dilationW > 1 ? 1 : ceilDiv(geometry.kernelW, geometry.strideW);
  int64_t mostSums = 12 * 8 / lanes;
  if (outputs * rows * vectors > mostSums)
    rows = 1;
  if (outputs * rows * vectors > mostSums)
    vectors = 8 / lanes;
  // A second row should not look at more groups than the first.
  DepthwisePlan plan = getDepthwisePlan(geometry, kernel, rows, vectors);
  if (plan.groupRows == 4 && rows > 1 &&
      plan.groupsOf(1).second > plan.groupsOf(0).second)
    rows = 1;
  return {rows, vectors};
}

std::vector<int8_t> q::kernel::packDepthwiseWeights(const DepthwisePlan &plan,
                                                    ArrayRef<int8_t> weights) {
  const LayerGeometry &g = plan.geometry;
  int64_t taps = g.kernelH * g.kernelW;
  std::vector<int8_t> packed(weights.size());
  for (int64_t channel = 0; channel < g.outC; ++channel)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[tap * g.outC + channel] = weights[channel * taps + tap];
  return packed;
}

FailureOr<PackedSizes> q::kernel::getPackedSizes(DepthwiseOp op) {
  FailureOr<LayerGeometry> geometry = getGeometry(op);
  if (failed(geometry))
    return failure();
  StringRef reason;
  if (!isDepthwiseSupported(*geometry, reason))
    return op.emitOpError() << "has no kernel: " << reason;
  if (op.getMicroKernel() != MicroKernel::Pmaddwd &&
      op.getMicroKernel() != MicroKernel::Vpdpwssd &&
      op.getMicroKernel() != MicroKernel::Smlal &&
      op.getMicroKernel() != MicroKernel::SmullLanes &&
      op.getMicroKernel() != MicroKernel::Sdot &&
      op.getMicroKernel() != MicroKernel::Usdot)
    return op.emitOpError("takes the micro-kernels pmaddwd, vpdpwssd, smlal, "
                          "smull_lanes, sdot and usdot only");
  int64_t rows = op.getTile()[0], vectors = op.getTile()[1];
  int64_t channels = vectors * getTraits(op.getMicroKernel()).lanes;
  if (rows < 1 || rows > geometry->outH || vectors < 1 || channels % 8 ||
      channels > 16 || channels > geometry->outC)
    return op.emitOpError("tile does not fit the result");
  if (rows > 1 && geometry->dilationH > 1)
    return op.emitOpError("tile must have one row if rows are dilated");
  DepthwisePlan plan =
      getDepthwisePlan(*geometry, op.getMicroKernel(), rows, vectors);
  return PackedSizes{geometry->kernelH * geometry->kernelW * geometry->outC,
                     plan.blocks * plan.blockChannels};
}
