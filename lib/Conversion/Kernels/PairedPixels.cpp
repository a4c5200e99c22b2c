//===- PairedPixels.cpp - Two pixels side by side -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// smmla multiplies eight channels of two pixels, 16 bytes that do not lie side
// by side. A shuffle for each brings them together in registers, which a panel
// of 16 channels repays with only eight multiplications; in the scratch buffer
// they are brought together once for all panels and taps.
//
//===----------------------------------------------------------------------===//

#include "Nests.h"

using namespace mlir;
using namespace q::kernel;

constexpr int64_t kHalf = 8;

bool q::kernel::wantsPairedPixels(const DensePlan &plan) {
  const LayerGeometry &g = plan.geometry;
  if (!plan.traits.takesPairs || plan.inputChannelsPerGroup() % kHalf)
    return false;
  // Two loads, shuffles and stores replace two shuffles each time.
  constexpr int64_t fewTimes = 3;
  int64_t taps = g.kernelH * g.kernelW;
  int64_t times = plan.panelsPerGroup *
                  std::max<int64_t>(taps / (g.strideH * g.strideW), 1);
  return times >= fewTimes;
}

void q::kernel::emitPairedPixels(KernelEmitter &e, Value scratch,
                                 int64_t pairedAt, Value from, int64_t length,
                                 int64_t apart) {
  e.forPieces(length, 2 * kHalf, [&](Value piece, int64_t lanes) {
    Value at = e.add(from, piece);
    int64_t halves = lanes / kHalf;
    auto load = [&](Value at) {
      return e.bitcast(e.load(scratch, at, lanes), halves, e.i64());
    };
    Value first = load(at), second = load(e.add(at, apart));
    for (int64_t half = 0; half < halves; ++half) {
      Value pair = e.shuffle(first, second, {half, halves + half});
      Value to = e.add(e.mul(at, 2), pairedAt + half * 2 * kHalf);
      e.store(e.bitcast(pair, 2 * kHalf, e.i8()), scratch, to);
    }
  });
}
