//===- WinogradPlanTest.cpp - Tiles cover results, blocks cover tiles -----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/WinogradPlan.h"

#include "gtest/gtest.h"

#include <set>

using namespace q::kernel;

namespace {

LayerGeometry makeGeometry(int64_t h, int64_t w, int64_t ic, int64_t oc) {
  LayerGeometry g;
  g.inH = g.outH = h;
  g.inW = g.outW = w;
  g.inC = ic;
  g.outC = oc;
  g.kernelH = g.kernelW = 3;
  g.padTop = g.padLeft = g.padBottom = g.padRight = 1;
  return g;
}

TEST(WinogradPlan, TilesCoverEveryExtent) {
  for (int64_t extent = 3; extent <= 100; ++extent) {
    WinogradAxis axis = splitWinogradAxis(extent);
    EXPECT_EQ(axis.tiles(), (extent + 3) / 4);
    EXPECT_GE(axis.fours, 0);
    EXPECT_GE(axis.threes, 0);
    EXPECT_GE(4 * axis.fours + 3 * axis.threes, extent);
    // 5 alone is no sum of fours and threes.
    EXPECT_EQ(axis.overlaps(), extent == 5) << extent;
  }
}

TEST(WinogradPlan, RunsHoldAllTiles) {
  for (int64_t most : {5, 14})
    for (int64_t count = 0; count <= 200; ++count) {
      WinogradRuns runs = splitWinogradTiles(count, most);
      EXPECT_EQ(runs.size * runs.countLarge + (runs.size - 1) * runs.countSmall,
                count);
      EXPECT_LE(runs.size, most);
    }
}

TEST(WinogradPlan, BlocksHoldAllRowsOfTiles) {
  for (int64_t extent = 3; extent <= 60; ++extent)
    for (int64_t rows = 1; rows <= 16; ++rows) {
      WinogradPlan plan =
          getWinogradPlan(makeGeometry(extent, 14, 16, 16), rows, 16);
      EXPECT_GE(plan.lastFours(), 0);
      EXPECT_GT(plan.lastFours() + plan.lastThrees(), 0);
      EXPECT_EQ((plan.blocks - 1) * plan.blockRows + plan.lastFours() +
                    plan.lastThrees(),
                plan.rows.tiles());
      EXPECT_GE(plan.maxTileRows(), plan.lastFours() + plan.lastThrees());
      if (plan.blocks > 1)
        EXPECT_GE(plan.maxTileRows(), plan.blockRows);
    }
}

/// Each kind of positions has the tiles that the order in a block promises.
TEST(WinogradPlan, RangesAreTheTilesThatHaveAPosition) {
  for (int64_t width : {3, 5, 7, 8, 14})
    for (int64_t fours : {0, 1, 3})
      for (int64_t threes : {0, 1, 2}) {
        WinogradPlan plan =
            getWinogradPlan(makeGeometry(14, width, 16, 16), 16, 16);
        std::set<int64_t> expected[4];
        int64_t tile = 0;
        auto add = [&](int64_t rows, int64_t columns, bool hasRows,
                       bool hasColumns) {
          for (int64_t i = 0; i < rows * columns; ++i, ++tile) {
            expected[0].insert(tile);
            if (hasRows)
              expected[1].insert(tile);
            if (hasColumns)
              expected[2].insert(tile);
            if (hasRows && hasColumns)
              expected[3].insert(tile);
          }
        };
        add(fours, plan.columns.threes, true, false);
        add(fours, plan.columns.fours, true, true);
        add(threes, plan.columns.fours, false, true);
        add(threes, plan.columns.threes, false, false);
        auto ranges = getWinogradRanges(plan, fours, threes);
        for (int kind = 0; kind < 4; ++kind) {
          std::set<int64_t> tiles;
          for (int64_t i = 0; i < ranges[kind].count; ++i)
            tiles.insert(ranges[kind].first + i);
          EXPECT_EQ(tiles, expected[kind])
              << width << " " << fours << " " << threes << " " << kind;
        }
      }
}

/// The estimates tell apart what measurements tell apart.
TEST(WinogradCost, WinsWhereThereAreTilesEnough) {
  auto gain = [](int64_t size, int64_t channels) {
    LayerGeometry g = makeGeometry(size, size, channels, channels);
    auto [rows, chunk] = chooseWinogradTile(g);
    WinogradCost cost =
        estimateWinograd(getWinogradPlan(g, rows, chunk), MicroKernel::Pmaddwd);
    return double(cost.directCycles) / double(cost.cycles);
  };
  EXPECT_GT(gain(56, 64), 3);
  EXPECT_GT(gain(14, 256), 2.5);
  EXPECT_GT(gain(7, 512), 1.8);
  EXPECT_LT(gain(3, 16), 1);
}

TEST(WinogradPlan, ScratchStaysInTheSecondLevelCache) {
  for (int64_t size : {7, 14, 28, 56, 112})
    for (int64_t channels : {16, 48, 64, 128, 256}) {
      LayerGeometry g = makeGeometry(size, size, channels, channels);
      auto [rows, chunk] = chooseWinogradTile(g);
      WinogradPlan plan = getWinogradPlan(g, rows, chunk);
      EXPECT_EQ(channels % chunk, 0);
      // Unless it is a single row of tiles.
      if (plan.maxTileRows() > 1 + plan.lastThrees())
        EXPECT_LE(2 * WinogradPlan::positions * plan.dataPitch(), 512 << 10)
            << size << " " << channels;
    }
}

} // namespace
