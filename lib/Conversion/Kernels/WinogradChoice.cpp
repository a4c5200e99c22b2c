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

// The constants below were fitted to what
//
//   ninja -C build winograd-bench && build/bin/winograd-bench
//
// measures on an AMD EPYC (caches of 32 KB and 1 MB) in multiply-accumulates of
// the direct form per cycle; kcycles and estimates are those of Winograd:
//
//   layer           direct  winograd, MAC/c  kcycles  estimate
//   56x56x64->64      22.3       75.9          1523      1540
//   28x28x128->128    22.3       77.2          1498      1442
//   14x14x256->256    22.2       67.9          1703      1614
//   7x7x512->512      21.7       51.0          2267      2185
//   32x32x16->16      21.3       54.8            43        48
//   16x16x32->32      22.3       64.6            36        39
//   8x8x64->64        22.5       57.1            41        43
//   55x55x16->64      22.1       56.1           497       507
//   27x27x32->128     22.3       67.2           400       411
//   13x13x64->256     20.9       63.0           396       416
//   5x5x128->128      23.1       30.1           122       130

namespace {

struct Rates {
  /// Multiply-accumulates per cycle of the products of transformed operands,
  /// and of a direct convolution.
  double products, direct;
  /// Cycles for the transforms of a vector of weights (2 inputs of 8 outputs,
  /// or of 16), ...
  double weights;
};

} // namespace

/// With VNNI products are faster both ways (vpdpwssd and vpdpbusd). Those rates
/// are of the layers inside of a ResNet-18, by `qrun --bench=30 --per-layer` of
/// what `qcc --profile` compiles with and without Winograd; weights that come
/// from memory take longer there.
static Rates getRates(MicroKernel pairs) {
  if (pairs == MicroKernel::Vpdpwssd512)
    return Rates{31, 59, 140};
  return pairs == MicroKernel::Vpdpwssd ? Rates{40, 57, 110}
                                        : Rates{24, 22.5, 50};
}

/// Cycles for the transforms of the data of 16 channels of a tile, and of 16
/// channels of its results, epilogue included.
constexpr double kCyclesPerData = 110, kCyclesPerResults = 220;
/// Bytes per cycle of the copy that adds borders.
constexpr double kBytesPerCycle = 16;

WinogradCost q::kernel::estimateWinograd(const WinogradPlan &plan,
                                         MicroKernel pairs) {
  Rates rates = getRates(pairs);
  const LayerGeometry &g = plan.geometry;
  auto positions = [](const WinogradAxis &axis) {
    return double(6 * axis.fours + 5 * axis.threes);
  };
  double channels = double(plan.panels.panelCount() * plan.panels.panelWidth);
  double weights =
      double(g.inC / 2) * channels / double(plan.panels.traits.lanes);
  double tiles = double(plan.rows.tiles() * plan.columns.tiles());
  double cycles = positions(plan.rows) * positions(plan.columns) *
                      double(g.inC) * channels / rates.products +
                  double(plan.blocks) * weights * rates.weights +
                  tiles * double(g.inC / 16) * kCyclesPerData +
                  tiles * channels / 16 * kCyclesPerResults +
                  double(g.inH * g.inW * g.inC) / kBytesPerCycle;
  double direct = double(9 * g.outH * g.outW * g.inC) * channels / rates.direct;
  return {int64_t(double(g.batch) * cycles), int64_t(double(g.batch) * direct)};
}

WinogradChoice q::kernel::chooseWinograd(MLIRContext *context,
                                         const LayerGeometry &geometry,
                                         const LayerConstants &constants,
                                         MicroKernel pairs, bool always) {
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
      getWinogradPlan(geometry, choice.tile.first, choice.tile.second, pairs),
      pairs);
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
