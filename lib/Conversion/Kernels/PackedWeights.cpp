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

bool q::kernel::unpacksInRegisters(const DensePlan &plan) {
  const LayerGeometry &g = plan.geometry;
  // The sum of the activations is that of all products of the steps.
  return g.batch * g.outH * g.outW * g.groups * plan.segments == 1 &&
         plan.traits.activationBits == 8 && !plan.traits.takesPairs &&
         plan.segmentLength % plan.traits.depth == 0;
}

ChainAttr q::kernel::getUnpackedChain(MLIRContext *context, int64_t bits) {
  constexpr int64_t amax = 255, most = 8;
  int64_t pair = 2 * ((1 << bits) - 1);
  auto length = std::min(
      int64_t(llvm::bit_floor(uint64_t(INT16_MAX / (amax * pair)))), most);
  return ChainAttr::get(context, length, amax, pair, length * pair);
}

SignedChainAttr q::kernel::getUnpackedChain(SignedChainAttr proven,
                                            int64_t bits) {
  constexpr int64_t most = 8;
  // Sums with a weight of 15 at most stay in [-15360, 15240].
  int64_t sum = most * ((1 << bits) - 1);
  return SignedChainAttr::get(proven.getContext(), most, proven.getLo(),
                              proven.getHi(), proven.getLo() * sum,
                              proven.getHi() * sum);
}

/// Bytes that are unpacked at a time: those that the micro-kernel loads at a
/// time, or what is not too little for a loop.
static int64_t getRun(const DensePlan &plan) {
  constexpr int64_t many = 64, neonVector = 16;
  if (!unpacksInRegisters(plan))
    return many;
  return plan.traits.isX86 ? plan.traits.lanes * plan.traits.depth : neonVector;
}

int64_t q::kernel::chooseWeightBits(const DensePlan &plan,
                                    ArrayRef<int8_t> weights) {
  // Half of a usual first-level cache: fewer weights may stay there between
  // runs. For fewer pixels than these, unpacking into a buffer takes longer
  // than it saves; more of them keep the multipliers busy anyhow.
  constexpr int64_t fewWeights = 16 << 10, leastPixels = 16, mostPixels = 256;
  const LayerGeometry &g = plan.geometry;
  int64_t pixels = g.batch * g.outH * g.outW;
  if (static_cast<int64_t>(weights.size()) < fewWeights ||
      (pixels < leastPixels && !unpacksInRegisters(plan)) ||
      pixels > mostPixels)
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
  return llvm::alignTo(plan.panelBytes(), getRun(plan) * 8 / bits);
}

std::vector<int8_t> q::kernel::packSideBySide(const DensePlan &plan,
                                              int64_t bits,
                                              ArrayRef<int8_t> weights) {
  int64_t packedBytes = getPackedPanelBytes(plan, bits), perByte = 8 / bits;
  int64_t run = getRun(plan);
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

Value q::kernel::emitUnpack(KernelEmitter &e, Value bytes, int64_t bits,
                            int64_t place) {
  int64_t length = cast<VectorType>(bytes.getType()).getNumElements();
  if (place > 0)
    bytes = arith::ShRUIOp::create(e.b, bytes,
                                   e.splat(place * bits, length, e.i8()));
  if ((place + 1) * bits < 8)
    bytes = arith::AndIOp::create(e.b, bytes,
                                  e.splat((1 << bits) - 1, length, e.i8()));
  return bytes;
}

void q::kernel::emitUnpackPanel(KernelEmitter &e, const DensePlan &plan,
                                int64_t bits, Value packed, Value panel,
                                Value scratch) {
  int64_t packedBytes = getPackedPanelBytes(plan, bits), perByte = 8 / bits;
  int64_t run = getRun(plan);
  Value from = e.mul(panel, packedBytes);
  e.loop(packedBytes / run, [&](Value iv) {
    Value bytes = e.load(packed, e.add(from, e.mul(iv, run)), run);
    Value to = e.mul(iv, run * perByte);
    for (int64_t place = 0; place < perByte; ++place) {
      Value value =
          arith::SubIOp::create(e.b, emitUnpack(e, bytes, bits, place),
                                e.splat(1 << (bits - 1), run, e.i8()));
      e.store(value, scratch, e.add(to, place * run));
    }
  });
}
