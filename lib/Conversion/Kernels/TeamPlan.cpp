//===- TeamPlan.cpp - How threads share a nest ----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which loop of a nest is shared follows from what the slowest thread is
// estimated to take: parts may be unequal, and what one loop shares the other
// makes every thread read.
//
// Threads must write disjoint bytes. Where the last iteration of a loop reaches
// back over its neighbour, both have to be in one part: a loop of n iterations
// is then shared by n / 2 threads at most, since n >= 2 t makes the last of t
// parts at least two iterations long.
//
//===----------------------------------------------------------------------===//

#include "Nests.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

std::pair<Value, Value> Team::partOf(KernelEmitter &e, Value count) const {
  ImplicitLocOpBuilder &b = e.b;
  auto start = [&](Value number) -> Value {
    Value product = arith::MulIOp::create(b, number, count);
    Value begin = arith::DivUIOp::create(b, product, size);
    // Of a thread beyond `size` there is no part.
    return arith::MinUIOp::create(b, begin, count);
  };
  return {start(thread), start(e.add(thread, 1))};
}

void Team::run(KernelEmitter &e, SharedLoop which, int64_t count,
               function_ref<void(Value)> body) const {
  if (loop == SharedLoop::None || loop != which)
    return e.loop(count, body);
  auto [begin, end] = partOf(e, e.index(count));
  e.loop(begin, end, body);
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

/// Multiply-accumulates and bytes (from the second-level cache or beyond) a
/// core cycle, as rough as a choice between two loops needs them.
constexpr double kMacs = 28, kBytes = 16;
/// What it costs to write to a cache line that another core writes to.
constexpr double kSharedLine = 60;

/// Whether `threads` may share a loop of `count` iterations.
static bool canShare(int64_t count, bool reachesBack, int64_t threads) {
  return count >= threads * (reachesBack ? 2 : 1);
}

/// The cost of `pixels` pixels, each of whose channels are cut into parts that
/// different threads write.
static double getSharedLineCost(double pixels, int64_t channels,
                                int64_t threads) {
  if (channels % (64 * threads) == 0)
    return 0;
  return pixels * double(threads - 1) / double(threads) * kSharedLine;
}

namespace {

/// Keeps the cheapest of several plans.
template <typename Plan> class Cheapest {
public:
  Cheapest(Plan plan, double cost) : plan(std::move(plan)), cost(cost) {}
  void offer(const Plan &other, double otherCost) {
    if (otherCost < cost) {
      cost = otherCost;
      plan = other;
    }
  }
  Plan plan;

private:
  double cost;
};

} // namespace

/// Cycles of the slowest thread.
static double estimate(const DensePlan &plan, const DenseBlocking &blocking,
                       TeamPlan team) {
  const LayerGeometry &g = plan.geometry;
  bool sharesBlocks = team.loop == SharedLoop::Blocks;
  bool sharesPanels = team.loop == SharedLoop::Panels;
  int64_t blocks = blocking.blocks, panels = plan.panelCount();
  if (sharesBlocks)
    blocks = ceilDiv(blocks, team.threads);
  if (sharesPanels)
    panels = ceilDiv(panels, team.threads);
  double images = blocking.isFlat ? 1 : double(g.batch);
  double blockPixels = blocking.isFlat ? double(blocking.blockPixels)
                                       : double(blocking.blockRows * g.outW);
  double pixels = images * double(blocks) * blockPixels;
  double macs = pixels * double(panels * plan.panelBytes());
  double scratch =
      blocking.readsInput
          ? blockPixels * double(g.inC)
          : double(blocking.scratchRows * blocking.scratchColumns * g.inC);
  double bytes =
      images * double(blocks) * (scratch + double(panels * plan.panelBytes()));
  double cost = macs / kMacs + bytes / kBytes;
  if (sharesPanels)
    cost += getSharedLineCost(pixels, g.outC, team.threads);
  return cost;
}

std::pair<DenseBlocking, TeamPlan>
q::kernel::getDenseTeam(const DensePlan &plan, int64_t maxPixels,
                        const KernelBuffers &buffers, StorageAttr inputStorage,
                        int64_t threads) {
  const LayerGeometry &g = plan.geometry;
  DenseBlocking whole =
      getDenseBlocking(plan, maxPixels, buffers, inputStorage);
  Cheapest<std::pair<DenseBlocking, TeamPlan>> best({whole, TeamPlan()},
                                                    estimate(plan, whole, {}));
  auto offer = [&](const DenseBlocking &blocking, TeamPlan team) {
    best.offer({blocking, team}, estimate(plan, blocking, team));
  };
  int64_t pixels = g.batch * g.outH * g.outW;
  for (int64_t t = 2; t <= threads; ++t) {
    int64_t channels = plan.outputChannelsPerGroup();
    if (g.groups == 1 &&
        canShare(plan.panelsPerGroup, channels % plan.panelWidth != 0, t))
      offer(whole, {SharedLoop::Panels, t});
    for (int64_t least = t; least <= 4 * t; least += t) {
      DenseBlocking blocking =
          getDenseBlocking(plan, maxPixels, buffers, inputStorage, least);
      bool reachesBack = blocking.isFlat ? pixels % blocking.blockPixels != 0
                                         : g.outH % blocking.blockRows != 0;
      if (canShare(blocking.blocks, reachesBack, t))
        offer(blocking, {SharedLoop::Blocks, t});
    }
  }
  return best.plan;
}

TeamPlan q::kernel::getDepthwiseTeam(const DepthwisePlan &plan,
                                     int64_t threads) {
  const LayerGeometry &g = plan.geometry;
  int64_t steps = ceilDiv(g.outH, plan.rows);
  auto cost = [&](TeamPlan team) {
    int64_t ownSteps = steps, ownBlocks = plan.blocks;
    if (team.loop == SharedLoop::Blocks)
      ownSteps = ceilDiv(steps, team.threads);
    if (team.loop == SharedLoop::Panels)
      ownBlocks = ceilDiv(plan.blocks, team.threads);
    // Weights are widened at the price of the products of two pixels.
    double pixels = double(g.batch * ownSteps * plan.rows * g.outW);
    double cycles = (pixels + 2) * double(ownBlocks * plan.blockChannels) *
                    double(g.kernelH * g.kernelW) / 9;
    if (team.loop == SharedLoop::Panels)
      cycles += getSharedLineCost(pixels, g.outC, team.threads);
    return cycles;
  };
  Cheapest<TeamPlan> best({}, cost({}));
  for (int64_t t = 2; t <= threads; ++t) {
    TeamPlan rows{SharedLoop::Blocks, t}, blocks{SharedLoop::Panels, t};
    if (canShare(steps, g.outH % plan.rows != 0, t))
      best.offer(rows, cost(rows));
    if (canShare(plan.blocks, g.outC % plan.blockChannels != 0, t))
      best.offer(blocks, cost(blocks));
  }
  return best.plan;
}

/// Cycles of the slowest thread, as estimateWinograd() has them for all.
static double estimate(const WinogradPlan &plan, TeamPlan team) {
  const LayerGeometry &g = plan.geometry;
  constexpr double products = 24, perWeight = 50, perData = 110,
                   perResult = 220;
  double panels = double(plan.panels.panelCount());
  double columns = double(6 * plan.columns.fours + 5 * plan.columns.threes);
  double rows = double(plan.rows.tiles()), blocks = double(plan.blocks);
  double lineCost = 0;
  if (team.loop == SharedLoop::Blocks) {
    blocks = double(ceilDiv(plan.blocks, team.threads));
    rows = std::min(rows, blocks * double(plan.maxTileRows()));
  }
  if (team.loop == SharedLoop::Panels) {
    panels = double(ceilDiv(plan.panels.panelCount(), team.threads));
    lineCost = getSharedLineCost(double(g.outH * g.outW), g.outC, team.threads);
  }
  double tiles = rows * double(plan.columns.tiles());
  return double(g.batch) *
         (6 * rows * columns * double(g.inC) * panels *
              double(plan.panels.panelWidth) / products +
          blocks * double(g.inC) * panels * perWeight +
          tiles * (double(g.inC) / 16 * perData + panels * perResult) +
          lineCost);
}

std::pair<WinogradPlan, TeamPlan>
q::kernel::getWinogradTeam(const WinogradPlan &plan, MicroKernel kernel,
                           int64_t threads) {
  // Transformed data should stay in a second-level cache.
  constexpr int64_t mostData = 512 << 10;
  Cheapest<std::pair<WinogradPlan, TeamPlan>> best({plan, TeamPlan()},
                                                   estimate(plan, {}));
  auto offer = [&](const WinogradPlan &plan, TeamPlan team) {
    best.offer({plan, team}, estimate(plan, team));
  };
  for (int64_t t = 2; t <= threads; ++t) {
    if (canShare(plan.panels.panelCount(),
                 plan.geometry.outC % plan.panels.panelWidth != 0, t))
      offer(plan, {SharedLoop::Panels, t});
    for (int64_t blocks = t; blocks <= 4 * t; blocks += t) {
      WinogradPlan cut =
          getWinogradPlan(plan.geometry, ceilDiv(plan.rows.tiles(), blocks),
                          plan.chunk, kernel);
      int64_t data = 2 * WinogradPlan::positions * cut.dataPitch();
      if (canShare(cut.blocks, /*reachesBack=*/false, t) && data <= mostData)
        offer(cut, {SharedLoop::Blocks, t});
    }
  }
  return best.plan;
}
