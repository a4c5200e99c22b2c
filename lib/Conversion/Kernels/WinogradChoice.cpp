//===- WinogradChoice.cpp - Whether a layer takes Winograd ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WinogradChoice.h"

#include "QDialect/Numerics/Winograd.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace q;
using namespace q::kernel;

WinogradCost q::kernel::estimateWinograd(const WinogradPlan &plan) {
  constexpr double productsPerCycle = 24, directPerCycle = 24;
  constexpr double cyclesPerWeights = 50, cyclesPerData = 110,
                   cyclesPerResults = 220, bytesPerCycle = 16;
  const LayerGeometry &g = plan.geometry;
  auto positions = [](const WinogradAxis &axis) {
    return double(6 * axis.fours + 5 * axis.threes);
  };
  double channels = double(plan.panels.panelCount() * plan.panels.panelWidth);
  double panels = double(plan.panels.panelCount());
  double tiles = double(plan.rows.tiles() * plan.columns.tiles());
  double cycles = positions(plan.rows) * positions(plan.columns) *
                      double(g.inC) * channels / productsPerCycle +
                  double(plan.blocks * g.inC) * panels * cyclesPerWeights +
                  tiles * double(g.inC / 16) * cyclesPerData +
                  tiles * panels * cyclesPerResults +
                  double(g.inH * g.inW * g.inC) / bytesPerCycle;
  double direct =
      double(9 * g.outH * g.outW * g.inC) * channels / directPerCycle;
  return {int64_t(double(g.batch) * cycles), int64_t(double(g.batch) * direct)};
}

WinogradChoice q::kernel::chooseWinograd(MLIRContext *context,
                                         const LayerGeometry &geometry,
                                         const LayerConstants &constants,
                                         bool always) {
  WinogradChoice choice;
  StringRef reason;
  if (!isWinogradSupported(geometry, reason))
    return choice;

  const numerics::WinogradForm &form = numerics::getWinogradForm(4);
  numerics::FactorRange range{
      static_cast<int32_t>(constants.input.getIsSigned() ? -128 : 0),
      static_cast<int32_t>(constants.input.getIsSigned() ? 127 : 255)};
  if (!numerics::winogradOperandsFit(form, range, /*maxAbsWeight=*/128)) {
    choice.whyDirect = "winograd: its transformed operands leave int16";
    return choice;
  }
  if (!numerics::isWinogradExact(form, constants.accumulators)) {
    numerics::FactorRange limit = numerics::winogradLimit(form);
    choice.whyDirect =
        llvm::formatv("winograd: its accumulators reach [{0}, {1}], beyond "
                      "[{2}, {3}]",
                      constants.accumulators.min, constants.accumulators.max,
                      limit.lo, limit.hi)
            .str();
    return choice;
  }
  choice.tile = chooseWinogradTile(geometry);
  WinogradCost cost = estimateWinograd(
      getWinogradPlan(geometry, choice.tile.first, choice.tile.second));
  if (cost.cycles >= cost.directCycles && !always) {
    choice.whyDirect = llvm::formatv("winograd: it would take {0} cycles "
                                     "instead of {1}",
                                     cost.cycles, cost.directCycles)
                           .str();
    return choice;
  }
  choice.proof = WinogradProofAttr::get(context, constants.accumulators.min,
                                        constants.accumulators.max, cost.cycles,
                                        cost.directCycles);
  return choice;
}
