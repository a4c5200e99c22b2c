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
                                           const LayerGeometry &geometry,
                                           SignedChainAttr proven) {
  if (best == MicroKernel::Smlal && proven.getLength() > 1)
    return MicroKernel::SmullLanes;
  bool isDot = best == MicroKernel::Sdot || best == MicroKernel::Usdot;
  return isDot && geometry.kernelH == 1 ? MicroKernel::Smlal : best;
}

/// The activations of a layer as smull sees them: 0 to amax, centred around 0.
static numerics::FactorRange getCentredRange(WeightedOpInterface op) {
  int32_t amax = 255;
  if (std::optional<Int16Chain> chain = getInt16Chain(op))
    amax = static_cast<int32_t>(chain->amax);
  int32_t half = (amax + 1) / 2;
  return {-half, amax - half};
}

static SignedChainAttr makeChain(MLIRContext *context,
                                 numerics::FactorRange range,
                                 const numerics::SignedChainProof &proof) {
  return SignedChainAttr::get(context, proof.length, range.lo, range.hi,
                              proof.sumMin, proof.sumMax);
}

SignedChainAttr q::kernel::proveSignedChain(WeightedOpInterface op,
                                            ArrayRef<int8_t> weights) {
  numerics::FactorRange range = getCentredRange(op);
  int64_t channels =
      cast<RankedTensorType>(op.getWeights().getType()).getDimSize(0);
  return makeChain(op->getContext(), range,
                   numerics::proveSignedChains(weights.data(), channels,
                                               getWeightRuns(op), range));
}

SignedChainAttr q::kernel::proveColumnChain(WeightedOpInterface op,
                                            const LayerGeometry &g,
                                            ArrayRef<int8_t> weights) {
  // Columns as the lanes of runs.
  constexpr int64_t lanes = 8;
  int64_t length = g.kernelH * lanes;
  int64_t runs = g.outC * ceilDiv(g.kernelW, lanes);
  std::vector<int8_t> arranged(runs * length);
  for (int64_t channel = 0; channel < g.outC; ++channel)
    for (int64_t y = 0; y < g.kernelH; ++y)
      for (int64_t x = 0; x < g.kernelW; ++x)
        arranged[(channel * ceilDiv(g.kernelW, lanes) + x / lanes) * length +
                 y * lanes + x % lanes] =
            weights[(channel * g.kernelH + y) * g.kernelW + x];
  numerics::FactorRange range = getCentredRange(op);
  return makeChain(op->getContext(), range,
                   numerics::proveSignedChains(
                       arranged.data(), runs,
                       {/*runs=*/1, static_cast<size_t>(length)}, range));
}

int64_t q::kernel::getSmullPixels(int64_t chain) { return chain <= 2 ? 3 : 2; }
