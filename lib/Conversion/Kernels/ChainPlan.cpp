//===- ChainPlan.cpp - Chains of products, panel by panel -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChainPlan.h"

#include "QDialect/Numerics/ChainArrangement.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;
using namespace q;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// Cycles of a step of 4 pixels, 16 output channels and 4 products, by the
/// length of its chain: measured with `kernel-bench` (docs/Performance.md).
static double stepCycles(int64_t length) {
  switch (length) {
  case 0:
    return 11.8;
  case 1:
    return 8.5;
  case 2:
    return 7.0;
  case 4:
    return 6.8;
  default:
    return 6.1;
  }
}
/// vpmaddwd on activations that are widened already.
constexpr double kPmaddwdCycles = 11.6;
/// Of a loop over chains of one length: counts, and a branch that may miss.
constexpr double kLoopCycles = 4;
/// How much longer a step takes that looks up where its activations lie.
constexpr double kLookup = 1.03;

double q::kernel::estimateChains(const DensePlan &plan, int64_t length) {
  return double(plan.panelCount() * plan.stepCount()) * stepCycles(length);
}

double q::kernel::estimatePmaddwd(const DensePlan &plan) {
  // Two products a step: runs are cut differently.
  int64_t steps = plan.segments * ((plan.segmentLength + 1) / 2);
  return double(plan.panelCount() * steps) * kPmaddwdCycles / 2;
}

static double estimate(const std::vector<unsigned> &lengths,
                       const std::vector<size_t> &chains) {
  double cycles = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    auto steps = double(std::max(lengths[i], 1u) * chains[i]);
    cycles += steps * stepCycles(lengths[i]) * kLookup;
    cycles += chains[i] ? kLoopCycles : 0;
  }
  return cycles;
}

//===----------------------------------------------------------------------===//
// Arrangement
//===----------------------------------------------------------------------===//

namespace {

/// The weights of a layer as the steps of a panel meet them.
class PanelWeights {
public:
  PanelWeights(const DensePlan &plan, ArrayRef<int8_t> weights)
      : plan(plan), weights(weights) {}

  /// Calls visit(vector, lane, d, channel, weight) for the weights of a step
  /// that exist; the channel is that of the input.
  template <typename Visit>
  void forStep(int64_t panel, int64_t step, Visit visit) const {
    int64_t group = panel / plan.panelsPerGroup;
    int64_t outputs = plan.outputChannelsPerGroup();
    int64_t inputs = plan.inputChannelsPerGroup();
    int64_t row = plan.segments * plan.segmentLength;
    for (int64_t vector = 0; vector < plan.vectors; ++vector)
      for (int64_t lane = 0; lane < plan.traits.lanes; ++lane)
        for (int64_t d = 0; d < plan.traits.depth; ++d) {
          int64_t output = plan.panelStart(panel % plan.panelsPerGroup) +
                           plan.channelOf(vector, lane);
          int64_t k = step % plan.steps * plan.traits.depth + d;
          if (output >= outputs || k >= plan.segmentLength)
            continue;
          int64_t segment = step / plan.steps;
          visit(vector, lane, d, group * inputs + k % inputs,
                weights[(group * outputs + output) * row +
                        segment * plan.segmentLength + k]);
        }
  }

  numerics::LaneReach getReach(int64_t panel, ArrayRef<int32_t> amax) const {
    int64_t lanes = plan.traits.lanes;
    numerics::LaneReach reach(plan.stepCount(), 2 * plan.vectors * lanes);
    for (int64_t step = 0; step < plan.stepCount(); ++step)
      forStep(panel, step,
              [&](int64_t vector, int64_t lane, int64_t d, int64_t channel,
                  int8_t weight) {
                reach.add(step, 2 * (vector * lanes + lane) + d / 2, weight,
                          amax[channel % amax.size()]);
              });
    return reach;
  }

private:
  const DensePlan &plan;
  ArrayRef<int8_t> weights;
};

} // namespace

/// The order of the chains of one length, and inside of a chain, is free: that
/// of the activations suits caches.
static void sortChains(ArrayRef<unsigned> lengths,
                       numerics::ChainArrangement &panel) {
  size_t at = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    size_t length = std::max(lengths[i], 1u);
    std::vector<std::vector<size_t>> chains;
    for (size_t c = 0; c < panel.chains[i]; ++c) {
      auto begin =
          panel.order.begin() + static_cast<ptrdiff_t>(at + c * length);
      chains.emplace_back(begin, begin + static_cast<ptrdiff_t>(length));
      llvm::sort(chains.back());
    }
    llvm::sort(chains);
    for (const std::vector<size_t> &chain : chains)
      for (size_t step : chain)
        panel.order[at++] = step;
  }
}

PanelChains q::kernel::planChains(const DensePlan &plan,
                                  ArrayRef<int8_t> weights,
                                  ArrayRef<int32_t> amax) {
  using Lengths = std::vector<unsigned>;
  const Lengths sets[] = {{1, 0}, {2, 1, 0}, {4, 2, 1, 0}, {8, 4, 2, 1, 0}};
  PanelWeights panels(plan, weights);

  // Some panels tell which set suits the layer.
  constexpr int64_t samples = 4;
  int64_t panelCount = plan.panelCount();
  int64_t stride = std::max<int64_t>(1, panelCount / samples);
  Lengths lengths;
  double least = 0;
  for (const Lengths &set : sets) {
    double cycles = 0;
    for (int64_t panel = 0; panel < panelCount; panel += stride)
      cycles += estimate(
          set,
          numerics::arrangeChains(panels.getReach(panel, amax), set).chains);
    // Another loop is more code; it should gain something.
    if (lengths.empty() || cycles < 0.98 * least) {
      least = cycles;
      lengths = set;
    }
  }

  PanelChains result;
  std::vector<numerics::ChainArrangement> arranged;
  std::vector<bool> isUsed(lengths.size());
  for (int64_t panel = 0; panel < panelCount; ++panel) {
    arranged.push_back(
        numerics::arrangeChains(panels.getReach(panel, amax), lengths));
    sortChains(lengths, arranged.back());
    const std::vector<size_t> &chains = arranged.back().chains;
    result.cycles += estimate(lengths, chains);
    for (size_t i = 0; i < lengths.size(); ++i)
      isUsed[i] = isUsed[i] || chains[i];
  }
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (!isUsed[i])
      continue;
    result.lengths.push_back(lengths[i]);
    int64_t most = 0;
    for (const numerics::ChainArrangement &panel : arranged)
      most = std::max(most, panel.reach[i]);
    result.reach.push_back(most);
  }
  for (const numerics::ChainArrangement &panel : arranged) {
    for (size_t i = 0; i < lengths.size(); ++i)
      if (isUsed[i])
        result.counts.push_back(static_cast<int64_t>(panel.chains[i]));
    result.order.insert(result.order.end(), panel.order.begin(),
                        panel.order.end());
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// How many of a panel's steps are added in int16: the others come last.
static int64_t narrowSteps(const PanelChains &chains, int64_t panel) {
  int64_t steps = 0;
  size_t lengths = chains.lengths.size();
  for (size_t i = 0; i < lengths; ++i)
    steps += chains.lengths[i] * chains.counts[panel * lengths + i];
  return steps;
}

std::vector<int8_t> q::kernel::packArrangedWeights(const DensePlan &plan,
                                                   const PanelChains &chains,
                                                   ArrayRef<int8_t> weights) {
  PanelWeights panels(plan, weights);
  int64_t lanes = plan.traits.lanes, depth = plan.traits.depth;
  int64_t stepBytes = plan.panelWidth * depth, steps = plan.stepCount();
  std::vector<int8_t> packed(plan.panelCount() * plan.panelBytes());
  for (int64_t panel = 0; panel < plan.panelCount(); ++panel)
    for (int64_t i = 0; i < steps; ++i) {
      bool isWide = i >= narrowSteps(chains, panel);
      int8_t *out = packed.data() + panel * plan.panelBytes() + i * stepBytes;
      panels.forStep(
          panel, chains.order[panel * steps + i],
          [&](int64_t vector, int64_t lane, int64_t d, int64_t, int8_t weight) {
            int64_t at =
                isWide ? (d % 2 * lanes + lane) * 2 + d / 2 : lane * depth + d;
            out[vector * lanes * depth + at] = weight;
          });
    }
  return packed;
}

std::vector<int32_t> q::kernel::makeChainTable(const DensePlan &plan,
                                               const PanelChains &chains) {
  std::vector<int32_t> table;
  size_t lengths = chains.lengths.size(), steps = plan.stepCount();
  for (int64_t panel = 0; panel < plan.panelCount(); ++panel) {
    auto counts = ArrayRef<int64_t>(chains.counts);
    auto order = ArrayRef<int64_t>(chains.order);
    for (int64_t count : counts.slice(panel * lengths, lengths))
      table.push_back(static_cast<int32_t>(count));
    for (int64_t step : order.slice(panel * steps, steps))
      table.push_back(static_cast<int32_t>(plan.stepOffset(step)));
  }
  return table;
}
