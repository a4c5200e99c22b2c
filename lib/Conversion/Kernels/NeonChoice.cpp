//===- NeonChoice.cpp - Micro-kernels and proofs on NEON ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NeonChoice.h"

#include "QDialect/Int16Chains.h"
#include "QDialect/Numerics/SignedChains.h"

using namespace mlir;
using namespace q;
using namespace q::kernel;

static double ceilDiv(int64_t a, int64_t b) { return double((a + b - 1) / b); }

MicroKernel q::kernel::chooseNeonKernel(MicroKernel best,
                                        const LayerGeometry &geometry) {
  DensePlan plan = getDensePlan(geometry, best, /*vectors=*/2);
  auto runs = double(plan.segments);
  int64_t length = plan.segmentLength;
  if (best == MicroKernel::Smull) {
    // Multiplications of eight and of four products, and what adds up the
    // partial sums of a channel behind the last one.
    double bytes = runs * ceilDiv(length, 8) + 1;
    double words = runs * double(length) / 4;
    return bytes <= words ? best : MicroKernel::Smlal;
  }
  if (best == MicroKernel::Smmla || best == MicroKernel::Usmmla) {
    // Steps of 32 products with the shuffles that pair pixels, and of 16
    // without.
    constexpr double pairing = 1.125;
    bool isSinglePixel = geometry.batch * geometry.outH * geometry.outW == 1;
    if (isSinglePixel || ceilDiv(length, 8) * pairing > ceilDiv(length, 4))
      return best == MicroKernel::Smmla ? MicroKernel::Sdot
                                        : MicroKernel::Usdot;
  }
  return best;
}

SignedChainAttr q::kernel::proveSignedChain(WeightedOpInterface op,
                                            ArrayRef<int8_t> weights) {
  // As the micro-kernel sees them: signed, so that 128 is taken off again.
  numerics::FactorRange range{-128, 127};
  if (std::optional<Int16Chain> chain = getInt16Chain(op))
    range.hi = static_cast<int32_t>(chain->amax - 128);
  int64_t channels =
      cast<RankedTensorType>(op.getWeights().getType()).getDimSize(0);
  numerics::SignedChainProof proof = numerics::proveSignedChains(
      weights.data(), channels, getWeightRuns(op), range);
  return SignedChainAttr::get(op->getContext(), proof.length, range.lo,
                              range.hi, proof.sumMin, proof.sumMax);
}

int64_t q::kernel::getSmullPixels(int64_t chain) { return chain == 4 ? 2 : 3; }
