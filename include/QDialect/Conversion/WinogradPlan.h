//===- WinogradPlan.h - Tiles and layout of a Winograd layer ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a `qk.winograd` needs beside KernelPlan.h. The arithmetic is that of
// Numerics/Winograd.h.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_WINOGRADPLAN_H
#define QDIALECT_CONVERSION_WINOGRADPLAN_H

#include "QDialect/Conversion/KernelPlan.h"

#include <array>

namespace q::kernel {

/// The outputs of one dimension cut into tiles: `fours` tiles of 4, then
/// `threes` of 3, the last of which ends with the outputs: it may reach back
/// over its neighbour.
struct WinogradAxis {
  int64_t extent = 4;
  int64_t fours = 1;
  int64_t threes = 0;

  int64_t tiles() const { return fours + threes; }
  bool overlaps() const { return 4 * fours + 3 * threes > extent; }
};

/// The fewest tiles that cover `extent` outputs, which must be 3 or more.
WinogradAxis splitWinogradAxis(int64_t extent);

/// Layout and loop structure of a `qk.winograd`.
///
/// Rows of tiles are handled in `blocks` blocks: `blockRows` rows of tiles of 4
/// in all but the last, which has what is left. The data of a block are
/// transformed; then, panel by panel of output channels, the weights of `chunk`
/// input channels at a time, with which 36 small matrix products accumulate;
/// and last, the panel is transformed back.
struct WinogradPlan {
  static constexpr int64_t positions = 36;

  LayerGeometry geometry;
  /// The panels of output channels, and the order of channels in them.
  DensePlan panels;
  WinogradAxis rows, columns;
  int64_t blocks = 1, blockRows = 1;
  int64_t chunk = 16;

  /// Rows of tiles of the last block.
  int64_t lastFours() const { return rows.fours - (blocks - 1) * blockRows; }
  int64_t lastThrees() const { return rows.threes; }
  int64_t maxTileRows() const {
    return std::max(blocks > 1 ? blockRows : 0, lastFours() + lastThrees());
  }
  int64_t maxTiles() const { return maxTileRows() * columns.tiles(); }

  /// Scratch: the input rows of a block with their borders (i8), ...
  int64_t scratchColumns() const { return geometry.outW + 2; }
  int64_t scratchRows() const { return 4 * maxTileRows() + 2; }
  int64_t scratchBytes() const {
    return scratchRows() * scratchColumns() * geometry.inC;
  }
  /// ... transformed data [position, tile, channel] (i16), ...
  int64_t dataPitch() const { return maxTiles() * geometry.inC + 32; }
  /// ... transformed weights [position, channel pair, panel, 2] (i16), ...
  int64_t weightPitch() const { return chunk * panels.panelWidth + 32; }
  /// ... and sums [tile, position, panel] (i32).
  int64_t sumPitch() const { return positions * panels.panelWidth; }

  /// i16 in a vector of the products' operands, ...
  int64_t pairLanes() const { return 2 * panels.traits.lanes; }
  /// ... and in one of the data's transform.
  int64_t dataLanes() const {
    return geometry.inC % pairLanes() ? 16 : pairLanes();
  }

  /// i8 weights per panel: [channel pair, vector, tap, lane, 2].
  int64_t panelBytes() const { return 9 * geometry.inC * panels.panelWidth; }
};

/// The plan of a tile `[blockRows, chunk]` for products of `pairs`.
WinogradPlan getWinogradPlan(const LayerGeometry &geometry, int64_t blockRows,
                             int64_t chunk,
                             MicroKernel pairs = MicroKernel::Pmaddwd);

/// False, with a reason, where the nest has no form for a geometry.
bool isWinogradSupported(const LayerGeometry &geometry,
                         llvm::StringRef &reason);

/// The tile that suits a geometry: {blockRows, chunk}.
std::pair<int64_t, int64_t> chooseWinogradTile(const LayerGeometry &geometry);

/// The four kinds of positions by the tiles that have them: all tiles, those of
/// 4 rows, those of 4 columns, those of both. With the order of tiles in a
/// block (4x3, 4x4, 3x4, 3x3), each is a range.
struct WinogradRange {
  int64_t first = 0, count = 0;
};
std::array<WinogradRange, 4> getWinogradRanges(const WinogradPlan &plan,
                                               int64_t fours, int64_t threes);

/// The most tiles that are multiplied at a time: as many as have their sums in
/// registers.
int64_t getMostWinogradTiles(const WinogradPlan &plan);

/// `count` tiles as products of `size` tiles, at most `most`, and of one less.
struct WinogradRuns {
  int64_t size = 0, countLarge = 0, countSmall = 0;
};
/// The split into fewest, most equal runs.
WinogradRuns splitWinogradTiles(int64_t count, int64_t most);

/// Core cycles that a layer is estimated to take, and that `qk.conv` would.
struct WinogradCost {
  int64_t cycles, directCycles;
};
WinogradCost estimateWinograd(const WinogradPlan &plan, MicroKernel pairs);

/// Weights [O, 3, 3, C] in the order in which the nest reads them.
std::vector<int8_t> packWinogradWeights(const WinogradPlan &plan,
                                        llvm::ArrayRef<int8_t> weights);

mlir::FailureOr<LayerGeometry> getGeometry(WinogradOp op);
mlir::FailureOr<PackedSizes> getPackedSizes(WinogradOp op);

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_WINOGRADPLAN_H
