//===- WinogradPlan.cpp - Tiles and layout of a Winograd layer ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/WinogradPlan.h"

#include <algorithm>

using namespace mlir;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

WinogradAxis q::kernel::splitWinogradAxis(int64_t extent) {
  WinogradAxis axis;
  axis.extent = extent;
  int64_t tiles = ceilDiv(extent, 4);
  axis.threes = std::min(4 * tiles - extent, tiles);
  axis.fours = tiles - axis.threes;
  return axis;
}

int64_t q::kernel::getMostWinogradTiles(const WinogradPlan &plan) {
  // Two vectors of sums for each of five tiles fill 16 registers; of 32, one of
  // as many as hide the latency of a sum is enough.
  return plan.panels.traits.lanes == 8 ? 5 : 12;
}

WinogradRuns q::kernel::splitWinogradTiles(int64_t count, int64_t most) {
  WinogradRuns runs;
  if (count == 0)
    return runs;
  int64_t number = ceilDiv(count, most);
  runs.size = ceilDiv(count, number);
  runs.countSmall = number * runs.size - count;
  runs.countLarge = number - runs.countSmall;
  return runs;
}

std::array<WinogradRange, 4>
q::kernel::getWinogradRanges(const WinogradPlan &plan, int64_t fours,
                             int64_t threes) {
  const WinogradAxis &columns = plan.columns;
  int64_t first = fours * columns.threes;
  int64_t fourRows = fours * columns.tiles();
  return {WinogradRange{0, fourRows + threes * columns.tiles()},
          {0, fourRows},
          {first, (fours + threes) * columns.fours},
          {first, fours * columns.fours}};
}

WinogradPlan q::kernel::getWinogradPlan(const LayerGeometry &geometry,
                                        int64_t blockRows, int64_t chunk,
                                        MicroKernel pairs) {
  WinogradPlan plan;
  plan.geometry = geometry;
  constexpr int64_t panelWidth = 16;
  plan.panels =
      getDensePlan(geometry, pairs, panelWidth / getTraits(pairs).lanes);
  plan.rows = splitWinogradAxis(geometry.outH);
  plan.columns = splitWinogradAxis(geometry.outW);
  plan.chunk = chunk;
  if (blockRows < plan.rows.tiles()) {
    // Tiles of 3 rows are in the last block, beside some of 4.
    plan.blockRows = blockRows;
    plan.blocks = std::max<int64_t>(1, ceilDiv(plan.rows.tiles(), blockRows));
    while (plan.blocks > 1 && plan.lastFours() < 0)
      --plan.blocks;
  } else {
    plan.blockRows = plan.rows.tiles();
  }
  return plan;
}

bool q::kernel::isWinogradSupported(const LayerGeometry &geometry,
                                    StringRef &reason) {
  const LayerGeometry &g = geometry;
  if (g.kernelH != 3 || g.kernelW != 3 || g.strideH != 1 || g.strideW != 1 ||
      g.dilationH != 1 || g.dilationW != 1 || g.groups != 1) {
    reason = "it is no dense 3x3 convolution of stride 1";
    return false;
  }
  if (g.outH < 3 || g.outW < 3) {
    reason = "a row or column of its result is shorter than a tile";
    return false;
  }
  if (g.inC % 16 || g.outC < 16) {
    reason = "its input channels are no multiple of 16, or its output channels "
             "fewer";
    return false;
  }
  return true;
}

std::pair<int64_t, int64_t>
q::kernel::chooseWinogradTile(const LayerGeometry &geometry) {
  // Transformed data stay in the second-level cache beside the sums and the
  // weights of a panel; see the comment at estimateWinograd().
  constexpr int64_t dataBytes = 300 << 10, mostChunk = 64;
  int64_t chunk = 16;
  for (int64_t size = 16; size <= mostChunk; size += 16)
    if (geometry.inC % size == 0)
      chunk = size;
  int64_t columns = splitWinogradAxis(geometry.outW).tiles();
  int64_t tileRows = splitWinogradAxis(geometry.outH).tiles();
  int64_t rowBytes = columns * geometry.inC * 2 * WinogradPlan::positions;
  // Each block transforms all weights anew, at the price of the products of two
  // tiles; more tiles than these need more memory and save little.
  constexpr int64_t enoughTiles = 32;
  int64_t rows = std::max<int64_t>(
      1, std::min(dataBytes / rowBytes, ceilDiv(enoughTiles, columns)));
  // Blocks of about equal size.
  int64_t blocks = ceilDiv(tileRows, std::min(rows, tileRows));
  return {ceilDiv(tileRows, blocks), chunk};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

std::vector<int8_t> q::kernel::packWinogradWeights(const WinogradPlan &plan,
                                                   ArrayRef<int8_t> weights) {
  const DensePlan &panels = plan.panels;
  int64_t inC = plan.geometry.inC;
  std::vector<int8_t> packed;
  packed.reserve(panels.panelCount() * plan.panelBytes());
  for (int64_t panel = 0; panel < panels.panelCount(); ++panel)
    for (int64_t pair = 0; pair < inC / 2; ++pair)
      for (int64_t vector = 0; vector < panels.vectors; ++vector)
        for (int64_t tap = 0; tap < 9; ++tap)
          for (int64_t lane = 0; lane < panels.traits.lanes; ++lane)
            for (int64_t i = 0; i < 2; ++i) {
              int64_t channel =
                  panels.panelStart(panel) + panels.channelOf(vector, lane);
              packed.push_back(
                  weights[(channel * 9 + tap) * inC + pair * 2 + i]);
            }
  return packed;
}

FailureOr<PackedSizes> q::kernel::getPackedSizes(WinogradOp op) {
  FailureOr<LayerGeometry> geometry = getGeometry(op);
  if (failed(geometry))
    return failure();
  StringRef reason;
  if (!isWinogradSupported(*geometry, reason))
    return op.emitOpError() << "has no kernel: " << reason;
  if (op.getMicroKernel() != MicroKernel::Pmaddwd &&
      op.getMicroKernel() != MicroKernel::Vpdpwssd &&
      op.getMicroKernel() != MicroKernel::Vpdpwssd512 &&
      op.getMicroKernel() != MicroKernel::Smlal)
    return op.emitOpError("takes the micro-kernels pmaddwd, vpdpwssd, "
                          "vpdpwssd512 and smlal only");
  int64_t rows = op.getTile()[0], chunk = op.getTile()[1];
  if (rows < 1 || chunk < 16 || chunk % 16 || geometry->inC % chunk)
    return op.emitOpError("tile must be a number of rows and a multiple of 16 "
                          "that divides the input channels");
  WinogradPlan plan =
      getWinogradPlan(*geometry, rows, chunk, op.getMicroKernel());
  int64_t panels = plan.panels.panelCount();
  return PackedSizes{panels * plan.panelBytes(),
                     panels * plan.panels.panelWidth};
}
