//===- KernelCandidatesTest.cpp - Candidates differ in time alone ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/KernelCandidates.h"
#include "KernelRunner.h"

#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"

using namespace q::kernel;
using namespace q::kernel::test;

namespace {

class KernelCandidates : public ::testing::Test {
protected:
  KernelCandidates() { context.loadDialect<QKDialect>(); }

  CandidateRequest request(int64_t size, int64_t ic, int64_t oc,
                           int64_t kernel) {
    CandidateRequest result;
    LayerGeometry &g = result.geometry;
    g.inH = g.inW = g.outH = g.outW = size;
    g.inC = ic;
    g.outC = oc;
    g.kernelH = g.kernelW = kernel;
    g.padTop = g.padLeft = g.padBottom = g.padRight = kernel / 2;
    result.input = StorageAttr::get(&context, false, 0, 0, 255);
    return result;
  }

  mlir::MLIRContext context;
};

TEST_F(KernelCandidates, TextsAreReadBack) {
  for (const char *text :
       {"pmaddwd 5x2", "pmaddubsw 4x2 chain 8", "pmaddubsw 4x2 own chains",
        "depthwise pmaddwd 2x2", "winograd pmaddwd 4x64"}) {
    auto candidate = parseKernelCandidate(text);
    ASSERT_TRUE(candidate) << text;
    EXPECT_EQ(getText(*candidate), text);
  }
  for (const char *text :
       {"", "pmaddwd", "pmaddwd 5", "pmaddwd 5x", "pmaddwd 0x2", "fast 5x2",
        "pmaddwd 5x2 chain", "pmaddwd 5x2 chain x", "winograd 4x64",
        "pmaddwd 5x99999999999"})
    EXPECT_FALSE(parseKernelCandidate(text)) << text;
}

TEST_F(KernelCandidates, AreExactDistinctAndInOrder) {
  CandidateRequest dense = request(14, 64, 64, 3);
  dense.densePairs = MicroKernel::Pmaddubsw;
  dense.chain = 4;
  dense.winograd = MicroKernel::Pmaddwd;
  CandidateRequest depthwise = request(14, 64, 64, 3);
  depthwise.geometry.groups = 64;
  depthwise.isDepthwise = true;
  CandidateRequest unmeasured = request(14, 64, 64, 1);
  unmeasured.dense = {MicroKernel::Smlal};
  for (const CandidateRequest &each : {dense, depthwise, unmeasured}) {
    auto candidates = getKernelCandidates(each);
    ASSERT_GT(candidates.size(), 2u);
    for (size_t i = 0; i < candidates.size(); ++i) {
      EXPECT_EQ(whyNotExact(each, candidates[i]), "");
      EXPECT_EQ(candidates[i].cycles, estimateCycles(each, candidates[i]));
      EXPECT_GT(candidates[i].cycles, 0);
      if (i > 0)
        EXPECT_GE(candidates[i].cycles, candidates[i - 1].cycles);
      for (size_t j = 0; j < i; ++j)
        EXPECT_FALSE(candidates[i].isSameAs(candidates[j]));
    }
  }
}

TEST_F(KernelCandidates, WhatIsNotProvenIsNone) {
  CandidateRequest layer = request(14, 64, 64, 3);
  auto isNone = [&](const char *text) {
    return !whyNotExact(layer, *parseKernelCandidate(text)).empty();
  };
  EXPECT_FALSE(isNone("pmaddwd 5x2"));
  EXPECT_TRUE(isNone("pmaddubsw 4x2 chain 1"));
  EXPECT_TRUE(isNone("winograd pmaddwd 4x64"));
  EXPECT_TRUE(isNone("depthwise pmaddwd 2x2"));
  EXPECT_TRUE(isNone("vpdpbusd 4x2"));
  EXPECT_TRUE(isNone("pmaddwd 5x2 chain 1"));
  // More output channels than there are, more than the registers hold.
  EXPECT_TRUE(isNone("pmaddwd 1x9"));
  EXPECT_TRUE(isNone("pmaddwd 17x2"));
  layer.densePairs = MicroKernel::Pmaddubsw;
  layer.chain = 4;
  EXPECT_FALSE(isNone("pmaddubsw 4x2 chain 4"));
  EXPECT_FALSE(isNone("pmaddubsw 4x2 chain 2"));
  // Chains of 3 do not nest in chains of 4.
  EXPECT_TRUE(isNone("pmaddubsw 4x2 chain 3"));
  EXPECT_TRUE(isNone("pmaddubsw 4x2 chain 8"));
  EXPECT_TRUE(isNone("pmaddubsw 4x2"));
  EXPECT_TRUE(isNone("pmaddubsw 4x2 own chains"));
  layer.ownChainCycles = 1000;
  EXPECT_FALSE(isNone("pmaddubsw 4x2 own chains"));
  // Panels of two vectors only.
  EXPECT_TRUE(isNone("pmaddubsw 4x1 own chains"));
}

/// The estimates tell apart what measurements tell apart.
TEST_F(KernelCandidates, WinogradWinsWhereThereAreTilesEnough) {
  auto gain = [&](int64_t size, int64_t channels, int64_t chain) {
    CandidateRequest layer = request(size, channels, channels, 3);
    if (chain) {
      layer.densePairs = MicroKernel::Pmaddubsw;
      layer.chain = chain;
    }
    int64_t direct = getKernelCandidates(layer).front().cycles;
    EXPECT_EQ(estimateDirectCycles(layer), chain ? direct : 0);
    layer.winograd = MicroKernel::Pmaddwd;
    layer.alwaysWinograd = true;
    return double(direct) / double(getKernelCandidates(layer).front().cycles);
  };
  EXPECT_GT(gain(56, 64, 0), 2.8);
  EXPECT_GT(gain(14, 256, 0), 2.5);
  EXPECT_GT(gain(7, 512, 0), 1.8);
  EXPECT_LT(gain(3, 16, 0), 1);
  // A direct convolution is faster where longer chains are proven.
  EXPECT_LT(gain(7, 512, 8), 0.75 * gain(7, 512, 0));
}

/// Every candidate of some layers, against the reference evaluator.
class CandidateRun : public ::testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    std::string reason = whyCannotRun(GetParam());
    if (!reason.empty())
      GTEST_SKIP() << reason;
    context.loadDialect<QKDialect>();
    using MK = MicroKernel;
    llvm::StringRef target(GetParam());
    if (target == "avx2") {
      micro.densePairs = MK::Pmaddubsw;
      micro.winograd = MK::Pmaddwd;
    } else if (target == "avx512vnni") {
      micro.dense = {MK::Vpdpbusd, MK::Vpdpbusd512};
      micro.depthwise = MK::Vpdpwssd;
      micro.winograd = MK::Vpdpwssd512;
      micro.registers = 32;
    } else if (target == "neon") {
      micro.dense = {MK::Smull, MK::Smlal};
      micro.depthwise = MK::Smlal;
      micro.winograd = MK::Smlal;
    } else if (target == "dotprod") {
      micro.dense = {MK::Sdot};
      micro.depthwise = MK::Sdot;
    } else {
      micro.dense = {MK::Usmmla, MK::Usdot};
      micro.depthwise = MK::Usdot;
    }
    micro.input = StorageAttr::get(&context, false, 0, 0, 255);
  }

  void addAll(LayerCase layer) {
    CandidateRequest request = micro;
    LayerGeometry &g = request.geometry;
    g.batch = layer.batch;
    g.inH = layer.h;
    g.inW = layer.w;
    g.inC = layer.ic;
    g.outH = layer.oh();
    g.outW = layer.ow();
    g.outC = layer.oc;
    g.kernelH = layer.kh;
    g.kernelW = layer.kw;
    g.strideH = layer.strideH;
    g.strideW = layer.strideW;
    g.padTop = layer.top;
    g.padLeft = layer.left;
    g.padBottom = layer.bottom;
    g.padRight = layer.right;
    g.groups = layer.groups;
    request.isDepthwise = g.groups > 1;
    if (layer.chain == 0)
      request.densePairs = std::nullopt;
    if (request.densePairs) {
      request.chain = layer.chain;
      request.ownChainCycles = 1000;
    }
    llvm::StringRef reason;
    if (!isWinogradSupported(g, reason))
      request.winograd = std::nullopt;
    std::mt19937 random(7);
    auto candidates = getKernelCandidates(request);
    for (MicroKernel kernel : request.dense)
      EXPECT_TRUE(
          request.isDepthwise ||
          llvm::any_of(candidates, [&](const KernelCandidate &candidate) {
            return candidate.microKernel == kernel;
          }));
    for (const KernelCandidate &candidate : candidates) {
      layer.kernel = getText(candidate);
      module.add(layer, random);
    }
  }

  mlir::MLIRContext context;
  CandidateRequest micro;
  KernelModule module;
};

TEST_P(CandidateRun, AllGiveTheBitsOfTheReference) {
  LayerCase layer;
  layer.h = 7;
  layer.w = 9;
  layer.ic = 16;
  layer.oc = 27;
  layer.chain = 4;
  layer.hasResidual = true;
  addAll(layer);
  layer = LayerCase();
  layer.h = layer.w = 9;
  layer.ic = layer.oc = 32;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  layer.maxWeight = 40;
  layer.multiplierShift = 12;
  addAll(layer);
  layer.h = 10;
  layer.oc = layer.groups = layer.ic = 20;
  for (int64_t stride : {1, 2})
    for (int64_t window : {3, 5}) {
      layer.kh = layer.kw = window;
      layer.strideH = layer.strideW = stride;
      addAll(layer);
    }
  ASSERT_GT(module.size(), 40u);

  ScratchDirectory directory;
  auto object = module.compile(GetParam(), directory.path);
  ASSERT_TRUE(object) << module.errors;
  auto results = runAll(module, GetParam(), *object, directory.path);
  ASSERT_EQ(results.size(), module.size());
  for (size_t i = 0; i < module.size(); ++i) {
    const LayerCase &each = module.getCase(i);
    EXPECT_EQ(results[i].output, module.evaluate(i))
        << each.kernel << " of " << each.describe();
    EXPECT_TRUE(results[i].guardsIntact) << each.kernel;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, CandidateRun,
                         ::testing::Values("avx2", "avx512vnni", "neon",
                                           "dotprod", "i8mm"));

} // namespace
