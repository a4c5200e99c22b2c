//===- PackedWeights.cpp - Weights of 4 and 2 bits ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedWeights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace q::kernel;

/// Bytes that are unpacked at a time.
static constexpr int64_t run = 64;

int64_t q::kernel::chooseWeightBits(const DensePlan &plan,
                                    ArrayRef<int8_t> weights) {
  // Half of a usual first-level cache: fewer weights may stay there between
  // runs. For fewer pixels than these, unpacking takes longer than it saves;
  // more of them keep the multipliers busy anyhow.
  constexpr int64_t fewWeights = 16 << 10, leastPixels = 16, mostPixels = 256;
  const LayerGeometry &g = plan.geometry;
  int64_t pixels = g.batch * g.outH * g.outW;
  if (static_cast<int64_t>(weights.size()) < fewWeights ||
      pixels < leastPixels || pixels > mostPixels)
    return 8;
  auto [least, most] = std::minmax_element(weights.begin(), weights.end());
  for (int64_t bits : {2, 4})
    if (*least >= -(1 << (bits - 1)) && *most < 1 << (bits - 1))
      return bits;
  return 8;
}

int64_t q::kernel::getPackedPanelBytes(const DensePlan &plan, int64_t bits) {
  return bits == 8 ? plan.panelBytes()
                   : getUnpackedPanelBytes(plan, bits) * bits / 8;
}

int64_t q::kernel::getUnpackedPanelBytes(const DensePlan &plan, int64_t bits) {
  return llvm::alignTo(plan.panelBytes(), run * 8 / bits);
}

std::vector<int8_t> q::kernel::packSideBySide(const DensePlan &plan,
                                              int64_t bits,
                                              ArrayRef<int8_t> weights) {
  int64_t packedBytes = getPackedPanelBytes(plan, bits), perByte = 8 / bits;
  std::vector<int8_t> packed(plan.panelCount() * packedBytes);
  for (int64_t panel = 0; panel < plan.panelCount(); ++panel)
    for (int64_t i = 0; i < plan.panelBytes(); ++i) {
      // Without a sign, so that a shift and a mask cut out a number.
      int value = weights[panel * plan.panelBytes() + i] + (1 << (bits - 1));
      int64_t piece = i / run;
      int8_t &byte =
          packed[panel * packedBytes + piece / perByte * run + i % run];
      byte = static_cast<int8_t>(static_cast<uint8_t>(byte) |
                                 value << (piece % perByte * bits));
    }
  return packed;
}

void q::kernel::emitUnpackPanel(KernelEmitter &e, const DensePlan &plan,
                                int64_t bits, Value packed, Value panel,
                                Value scratch) {
  int64_t packedBytes = getPackedPanelBytes(plan, bits), perByte = 8 / bits;
  Value from = e.mul(panel, packedBytes);
  e.loop(packedBytes / run, [&](Value iv) {
    Value bytes = e.load(packed, e.add(from, e.mul(iv, run)), run);
    Value to = e.mul(iv, run * perByte);
    for (int64_t place = 0; place < perByte; ++place) {
      Value value = bytes;
      if (place > 0)
        value = arith::ShRUIOp::create(e.b, value,
                                       e.splat(place * bits, run, e.i8()));
      if (place + 1 < perByte)
        value = arith::AndIOp::create(e.b, value,
                                      e.splat((1 << bits) - 1, run, e.i8()));
      value = arith::SubIOp::create(e.b, value,
                                    e.splat(1 << (bits - 1), run, e.i8()));
      e.store(value, scratch, e.add(to, place * run));
    }
  });
}
