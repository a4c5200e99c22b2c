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

std::optional<MicroKernel> q::kernel::getNeonAlternative(MicroKernel best) {
  switch (best) {
  case MicroKernel::Smull:
    return MicroKernel::Smlal;
  case MicroKernel::Smmla:
    return MicroKernel::Sdot;
  case MicroKernel::Usmmla:
    return MicroKernel::Usdot;
  default:
    return std::nullopt;
  }
}

double q::kernel::countNeonInstructions(MicroKernel kernel, int64_t pixels,
                                        int64_t vectors, int64_t chain) {
  auto p = double(pixels), v = double(vectors);
  switch (kernel) {
  case MicroKernel::Smlal:
    // Weights are widened first.
    return 2 * p * v + v;
  case MicroKernel::Smull:
    // Four channels: two multiplications, and sums that are widened.
    return 4 * p * v * (2 + 2 / double(chain));
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    // One shuffle brings two pixels together.
    return double(ceilDiv(pixels, 2)) * (2 * v + 1);
  default:
    return p * v;
  }
}

MicroKernel q::kernel::chooseNeonKernel(MicroKernel best,
                                        const LayerGeometry &geometry) {
  DensePlan plan = getDensePlan(geometry, best, /*vectors=*/2);
  auto runs = double(plan.segments);
  int64_t length = plan.segmentLength;
  if (best == MicroKernel::Smull) {
    // Multiplications of eight and of four products, and what adds up the
    // partial sums of a channel behind the last one.
    double bytes = runs * double(ceilDiv(length, 8)) + 1;
    double words = runs * double(length) / 4;
    return bytes <= words ? best : *getNeonAlternative(best);
  }
  if (best == MicroKernel::Smmla || best == MicroKernel::Usmmla) {
    // Steps of 32 products with the shuffles that pair pixels, and of 16
    // without.
    constexpr double pairing = 1.125;
    bool isSinglePixel = geometry.batch * geometry.outH * geometry.outW == 1;
    if (isSinglePixel ||
        double(ceilDiv(length, 8)) * pairing > double(ceilDiv(length, 4)))
      return *getNeonAlternative(best);
  }
  return best;
}

MicroKernel q::kernel::chooseNeonDepthwise(MicroKernel best,
                                           const LayerGeometry &geometry) {
  bool isDot = best == MicroKernel::Sdot || best == MicroKernel::Usdot;
  return isDot && geometry.kernelH == 1 ? MicroKernel::Smlal : best;
}

SignedChainAttr q::kernel::proveSignedChain(WeightedOpInterface op,
                                            ArrayRef<int8_t> weights) {
  // As the micro-kernel sees them: 0 to amax, centred around 0.
  int32_t amax = 255;
  if (std::optional<Int16Chain> chain = getInt16Chain(op))
    amax = static_cast<int32_t>(chain->amax);
  int32_t half = (amax + 1) / 2;
  numerics::FactorRange range{-half, amax - half};
  int64_t channels =
      cast<RankedTensorType>(op.getWeights().getType()).getDimSize(0);
  numerics::SignedChainProof proof = numerics::proveSignedChains(
      weights.data(), channels, getWeightRuns(op), range);
  return SignedChainAttr::get(op->getContext(), proof.length, range.lo,
                              range.hi, proof.sumMin, proof.sumMax);
}

int64_t q::kernel::getSmullPixels(int64_t chain) { return chain <= 2 ? 3 : 2; }
