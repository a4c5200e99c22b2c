//===- KernelRunTest.cpp - Kernels compute what the reference computes ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every test builds quantized layers, compiles them through the kernel passes,
// runs the machine code (natively for AVX2, in an emulator for NEON) and
// compares every byte with the reference evaluator.
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string>

using namespace q::kernel::test;

namespace {

/// Compiles all layers of a module for a target and compares every byte of
/// their results with the reference evaluator's.
class KernelRun : public ::testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    reason = whyCannotRun(GetParam());
    if (!reason.empty())
      GTEST_SKIP() << reason;
  }

  void check() {
    ScratchDirectory directory;
    auto object = module.compile(GetParam(), directory.path);
    ASSERT_TRUE(object) << module.errors;
    ASSERT_TRUE(module.withoutKernel.empty())
        << module.getCase(module.withoutKernel.front()).describe();
    auto results = runAll(module, GetParam(), *object, directory.path);
    ASSERT_EQ(results.size(), module.size());
    for (size_t i = 0; i < module.size(); ++i)
      checkLayer(i, results[i]);
  }

  void checkLayer(size_t i, const RunResult &result) {
    const LayerCase &layer = module.getCase(i);
    std::vector<uint8_t> expected = module.evaluate(i);
    ASSERT_EQ(expected.size(), size_t(layer.outputSize()))
        << layer.describe() << "\n"
        << module.errors;
    ASSERT_EQ(result.output.size(), expected.size()) << layer.describe();
    size_t differing = 0, first = 0;
    for (size_t j = 0; j < expected.size(); ++j)
      if (expected[j] != result.output[j] && differing++ == 0)
        first = j;
    EXPECT_EQ(differing, 0u)
        << "first at " << first << ": " << int(expected[first]) << " but "
        << int(result.output[first]) << " in " << layer.describe();
    EXPECT_TRUE(result.guardsIntact)
        << "stores outside of the result in " << layer.describe();
  }

  int64_t below(int64_t n) { return int64_t(random() % uint64_t(n)); }
  bool maybe(int64_t in = 2) { return below(in) == 0; }

  /// What all layers have in common: parameters, epilogues, data.
  void randomizeArithmetic(LayerCase &layer) {
    layer.inputSigned = maybe();
    layer.outputSigned = maybe();
    layer.inputZero = layer.inputSigned ? below(256) - 128 : below(256);
    layer.outputZero = layer.outputSigned ? below(256) - 128 : below(256);
    layer.isPow2 = maybe(4);
    layer.rounding = maybe(4) ? "gemmlowp" : "single";
    if (layer.isPow2 && maybe())
      layer.rounding = "pow2";
    layer.fixedPoint = maybe(3);
    layer.hasClamp = maybe(3);
    layer.hasChannelMax = maybe(3);
    layer.isFolded = maybe(3);
    layer.isExtreme = maybe(4);
    // The spread of an accumulator grows with the root of its terms.
    int64_t terms = layer.kh * layer.kw * layer.ic / layer.groups;
    layer.multiplierShift = 6 + int(below(3));
    for (int64_t n = terms; n >= 4; n /= 4)
      ++layer.multiplierShift;
  }

  LayerCase randomConvolution() {
    LayerCase layer;
    layer.batch = maybe(4) ? 2 : 1;
    layer.kh = 1 + below(4);
    layer.kw = 1 + below(4);
    layer.dilationH = maybe(4) ? 2 : 1;
    layer.dilationW = maybe(4) ? 2 : 1;
    layer.strideH = 1 + below(2);
    layer.strideW = 1 + below(3);
    layer.top = below(layer.kh);
    layer.bottom = below(layer.kh);
    layer.left = below(layer.kw);
    layer.right = below(layer.kw);
    layer.h = layer.dilationH * (layer.kh - 1) + 1 + below(9);
    layer.w = layer.dilationW * (layer.kw - 1) + 1 + below(14);
    layer.ic = 1 + below(maybe() ? 9 : 40);
    layer.oc = 1 + below(maybe(4) ? 60 : 26);
    if (maybe(5)) {
      layer.groups = 2 + below(2);
      layer.ic = layer.groups * (1 + below(12));
      layer.oc = layer.groups * (8 + below(20));
    }
    layer.hasResidual = maybe(4);
    randomizeArithmetic(layer);
    return layer;
  }

  LayerCase randomDepthwise() {
    LayerCase layer = randomConvolution();
    layer.ic = layer.oc = layer.groups = 8 + below(40);
    if (maybe(8)) {
      layer.kw = 7;
      layer.w += 7;
    }
    randomizeArithmetic(layer);
    // Columns of zeros are skipped.
    if (maybe())
      layer.inputZero = 0;
    return layer;
  }

  /// Proven exact for all weights: at most 115 input channels.
  LayerCase randomWinograd() {
    LayerCase layer;
    layer.winograd = "always";
    layer.batch = maybe(4) ? 2 : 1;
    layer.kh = layer.kw = 3;
    layer.top = below(3);
    layer.bottom = below(3);
    layer.left = below(3);
    layer.right = below(3);
    // Results of 3 to 18 rows and columns: every mixture of tiles.
    layer.h = 3 + below(16) + 2 - layer.top - layer.bottom;
    layer.w = 3 + below(16) + 2 - layer.left - layer.right;
    layer.h = std::max<int64_t>(layer.h, 1);
    layer.w = std::max<int64_t>(layer.w, 1);
    layer.ic = 16 * (1 + below(maybe(4) ? 7 : 3));
    layer.oc = 16 + below(40);
    layer.hasResidual = maybe(4);
    randomizeArithmetic(layer);
    return layer;
  }

  /// How many of the layers became a `qk.winograd`; after check().
  size_t countWinograd() const {
    size_t count = 0, at = 0;
    while ((at = module.kernelIR.find("qk.winograd ", at)) !=
           std::string::npos) {
      ++count;
      ++at;
    }
    return count;
  }

  std::mt19937 random{7};
  KernelModule module;
  std::string reason;
};

TEST_P(KernelRun, Pointwise) {
  LayerCase layer;
  module.add(layer, random);
  for (int64_t oc : {1, 4, 8, 16, 19, 24, 33, 40})
    for (int64_t ic : {1, 3, 8, 31, 64}) {
      layer.ic = ic;
      layer.oc = oc;
      layer.h = 1 + below(9);
      layer.w = 1 + below(9);
      module.add(layer, random);
    }
  check();
}

TEST_P(KernelRun, Gemm) {
  LayerCase layer;
  layer.isGemm = true;
  layer.h = 1;
  for (int64_t rows : {1, 2, 7, 30}) {
    layer.w = rows;
    layer.ic = 5 + below(200);
    layer.oc = 2 + below(70);
    randomizeArithmetic(layer);
    layer.hasResidual = false;
    module.add(layer, random);
  }
  check();
}

/// Weights of 4 and 2 bits, unpacked panel by panel: odd numbers of channels,
/// rows of kernels, groups, and pixels in several blocks.
TEST_P(KernelRun, PackedWeights) {
  for (int64_t maxWeight : {7, 1}) {
    LayerCase layer;
    auto add = [&]() {
      layer.maxWeight = maxWeight;
      randomizeArithmetic(layer);
      layer.isExtreme = false; // with weights of 127
      module.add(layer, random);
    };
    layer.h = 1;
    layer.w = 17;
    layer.ic = 333;
    layer.oc = 77;
    layer.isGemm = true;
    add();
    layer.isGemm = false;
    layer.h = 7;
    layer.w = 9;
    layer.ic = 259;
    layer.oc = 70;
    add();
    layer.kh = layer.kw = layer.strideH = layer.strideW = 2;
    layer.right = layer.bottom = 1;
    layer.ic = 67;
    layer.groups = 1;
    add();
    layer.ic = 3 * 64;
    layer.oc = 3 * 24;
    layer.groups = 3;
    add();
  }
  check();
  for (const char *bits : {"weight_bits = 4", "weight_bits = 2"})
    EXPECT_NE(module.kernelIR.find(bits), std::string::npos) << bits;
}

/// Narrow weights that each meet a single pixel, unpacked in registers: whole
/// iterations and remainders of steps, panels of all widths, and the ends of
/// int16, which only sums of weights without their sign come near.
TEST_P(KernelRun, WeightsUnpackedInRegisters) {
  for (int64_t maxWeight : {7, 1})
    for (int64_t channels : {516, 1000, 1024, 1040, 2052})
      for (int64_t outputs : {40, 77, 130}) {
        LayerCase layer;
        layer.maxWeight = maxWeight;
        layer.ic = channels;
        layer.oc = outputs;
        layer.h = layer.w = 1;
        layer.isGemm = maybe();
        randomizeArithmetic(layer);
        if (!layer.isGemm && maybe())
          layer.hasResidual = true;
        module.add(layer, random);
      }
  check();
  for (const char *bits : {"weight_bits = 4", "weight_bits = 2"})
    EXPECT_NE(module.kernelIR.find(bits), std::string::npos) << bits;
}

TEST_P(KernelRun, Stem) {
  LayerCase layer;
  layer.ic = 3;
  layer.oc = 32;
  layer.kh = layer.kw = 3;
  layer.strideH = layer.strideW = 2;
  layer.bottom = layer.right = 1;
  layer.h = layer.w = 24;
  module.add(layer, random);
  layer.kh = layer.kw = 7;
  layer.top = layer.left = layer.bottom = layer.right = 3;
  module.add(layer, random);
  check();
}

/// Few input channels, whose taps are gathered: all strides, paddings and
/// lengths of chains, blocks of several rows and a last one that reaches back.
TEST_P(KernelRun, GatheredTaps) {
  for (int i = 0; i < 32; ++i) {
    LayerCase layer = randomConvolution();
    layer.groups = layer.dilationW = 1;
    layer.ic = 1 + below(4);
    layer.kh = 2 + below(4);
    layer.kw = 2 + below(3);
    layer.top = below(layer.kh);
    layer.left = below(layer.kw);
    layer.oc = 24 + below(45);
    layer.h = layer.dilationH * layer.kh + below(i % 4 ? 9 : 70);
    layer.w = layer.kw + below(i % 4 ? 14 : 90);
    layer.chain = i % 3 ? int64_t(1) << below(3) : 0;
    layer.spread = i % 3 || maybe() ? 0 : 20;
    module.add(layer, random);
  }
  check();
}

/// A reduction long enough for every loop, and rows of several blocks.
TEST_P(KernelRun, LargeConvolution) {
  LayerCase layer;
  layer.ic = 96;
  layer.oc = 48;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  layer.h = 30;
  layer.w = 23;
  layer.multiplierShift = 14;
  module.add(layer, random);
  layer.isExtreme = true;
  layer.fixedPoint = true;
  module.add(layer, random);
  check();
}

TEST_P(KernelRun, RandomConvolutions) {
  for (int i = 0; i < 60; ++i)
    module.add(randomConvolution(), random);
  check();
}

/// Weights whose int16 chains are proven, in every shape, at random and at the
/// ends of int16: inputs of 0 and 255 (or -128 and 127), sums of 128 * 255.
TEST_P(KernelRun, RandomChains) {
  for (int64_t chain : {1, 2, 4, 8})
    for (int i = 0; i < 12; ++i) {
      LayerCase layer = randomConvolution();
      layer.chain = chain;
      layer.isExtreme = i % 2;
      module.add(layer, random);
    }
  check();
}

TEST_P(KernelRun, LargeChains) {
  LayerCase layer;
  layer.ic = 96;
  layer.oc = 48;
  layer.h = 13;
  layer.w = 11;
  layer.multiplierShift = 13;
  for (int64_t chain : {1, 2, 4, 8})
    for (int64_t kernel : {1, 3}) {
      layer.chain = chain;
      layer.kh = layer.kw = kernel;
      layer.top = layer.left = layer.bottom = layer.right = kernel / 2;
      layer.isExtreme = maybe();
      layer.inputSigned = maybe();
      layer.isGemm = false;
      module.add(layer, random);
    }
  layer.kh = layer.kw = layer.h = 1;
  layer.top = layer.left = layer.bottom = layer.right = 0;
  layer.isGemm = true;
  for (int64_t chain : {1, 2, 8}) {
    layer.chain = chain;
    layer.w = 1 + below(3);
    module.add(layer, random);
  }
  // Several blocks of pixels, the last of which reaches back.
  layer.isGemm = false;
  layer.chain = 1;
  layer.h = layer.w = 7;
  layer.ic = 960;
  module.add(layer, random);
  check();
  if (std::string(GetParam()) == "avx2")
    for (const char *length :
         {"length = 1", "length = 2", "length = 4", "length = 8"})
      EXPECT_NE(module.kernelIR.find(length), std::string::npos) << length;
}

/// Weights as trained ones, of which some pairs leave int16: panels in chains
/// of their own, at random and at the ends of int16.
TEST_P(KernelRun, PanelChains) {
  for (int i = 0; i < 24; ++i) {
    LayerCase layer = randomConvolution();
    layer.spread = 6 + double(below(30));
    layer.isExtreme = i % 2;
    layer.winograd = "off";
    module.add(layer, random);
  }
  LayerCase layer;
  layer.winograd = "off";
  layer.multiplierShift = 13;
  layer.h = 9;
  for (int64_t kernel : {1, 3})
    for (int64_t channels : {64, 160, 512}) {
      layer.ic = channels;
      layer.oc = kernel == 1 ? 72 : 40;
      layer.kh = layer.kw = kernel;
      layer.strideH = layer.strideW = kernel == 1 ? 1 : 2;
      layer.top = layer.left = kernel / 2;
      layer.isExtreme = maybe();
      layer.inputSigned = maybe();
      layer.spread = channels == 512 ? 8 : channels == 160 ? 13 : 20;
      module.add(layer, random);
    }
  check();
  if (std::string(GetParam()) != "avx2")
    return;
  // Chains of every length occur, and steps that are widened.
  std::set<std::string> lengths;
  std::regex list("lengths = \\[([^\\]]*)\\]"), number("[0-9]+");
  for (std::sregex_iterator
           it(module.kernelIR.begin(), module.kernelIR.end(), list),
       end;
       it != end; ++it) {
    std::string text = (*it)[1];
    for (std::sregex_iterator n(text.begin(), text.end(), number); n != end;
         ++n)
      lengths.insert(n->str());
  }
  EXPECT_EQ(lengths, (std::set<std::string>{"0", "1", "2", "4", "8"}));
}

/// Sums of 1, 2, 4 and 8 signed products in int16, which NEON proves from the
/// magnitudes of the weights, at random and at the ends of int16.
TEST_P(KernelRun, SignedChains) {
  for (int64_t maxWeight : {128, 127, 63, 31})
    for (int i = 0; i < 10; ++i) {
      LayerCase layer = randomConvolution();
      layer.maxWeight = maxWeight;
      layer.isExtreme = i % 2;
      if (i >= 6) {
        layer.groups = 1;
        layer.ic = 40 + below(100);
        layer.dilationW = 1;
      }
      module.add(layer, random);
    }
  check();
  if (std::string(GetParam()) == "neon")
    for (const char *length :
         {"length = 1", "length = 2", "length = 4", "length = 8"})
      EXPECT_NE(module.kernelIR.find(length), std::string::npos) << length;
}

/// The same down the columns of depthwise windows; weights of -128 may have
/// none.
TEST_P(KernelRun, ColumnChains) {
  for (int64_t maxWeight : {128, 127, 85, 31})
    for (int i = 0; i < 4; ++i) {
      LayerCase layer = randomDepthwise();
      layer.maxWeight = maxWeight;
      layer.isExtreme = i % 2;
      layer.kh = layer.kw = i < 2 ? 3 : 5;
      layer.h = layer.dilationH * (layer.kh - 1) + 1 + below(9);
      layer.w = layer.dilationW * (layer.kw - 1) + 1 + below(14);
      module.add(layer, random);
    }
  check();
  if (std::string(GetParam()) == "neon")
    for (const char *part :
         {"<smlal>", "<smull_lanes>", "length = 2", "length = 4", "length = 8"})
      EXPECT_NE(module.kernelIR.find(part), std::string::npos) << part;
}

/// One pixel, odd numbers of pixels, and reductions of every remainder.
TEST_P(KernelRun, Remainders) {
  for (int64_t ic : {7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 40, 72, 129})
    for (int64_t w : {1, 2, 5, 8, 11}) {
      LayerCase layer;
      layer.h = 1;
      layer.w = w;
      layer.ic = ic;
      layer.oc = 8 + below(30);
      randomizeArithmetic(layer);
      module.add(layer, random);
    }
  check();
}

TEST_P(KernelRun, RandomDepthwise) {
  for (int i = 0; i < 40; ++i)
    module.add(randomDepthwise(), random);
  check();
}

/// What networks have: square windows, padded to keep or halve the extent.
TEST_P(KernelRun, Depthwise) {
  for (int64_t kernel : {3, 5, 7})
    for (int64_t stride : {1, 2})
      for (int64_t width : {4, 7, 16}) {
        LayerCase layer;
        layer.kh = layer.kw = kernel;
        layer.strideH = layer.strideW = stride;
        layer.top = layer.left = (kernel - stride) / 2;
        layer.bottom = layer.right = kernel / 2;
        layer.h = width == 16 ? 3 : width;
        layer.w = width;
        layer.ic = layer.oc = layer.groups = 8 * (1 + below(4));
        randomizeArithmetic(layer);
        layer.inputZero = 0;
        module.add(layer, random);
      }
  check();
}

/// Targets with dot products of bytes on NEON have no Winograd.
class WinogradRun : public KernelRun {};

TEST_P(WinogradRun, RandomLayers) {
  for (int i = 0; i < 40; ++i)
    module.add(randomWinograd(), random);
  check();
  EXPECT_EQ(countWinograd(), module.size());
}

/// Activations and weights at the ends of their ranges, most of one sign, in as
/// many channels as the proof allows: every size of tile and run.
TEST_P(WinogradRun, ExtremesAtTheLimit) {
  LayerCase layer = randomWinograd();
  layer.batch = 1;
  layer.hasResidual = false;
  layer.inputSigned = false;
  layer.inputZero = 0;
  layer.rounding = "single";
  layer.isPow2 = false;
  layer.multiplierShift = 18;
  layer.isExtreme = true;
  layer.ic = 112;
  for (int64_t size : {3, 4, 5, 6, 7, 9, 14}) {
    layer.h = layer.w = size;
    layer.top = layer.bottom = layer.left = layer.right = 1;
    module.add(layer, random);
  }
  check();
  EXPECT_EQ(countWinograd(), module.size());
}

/// Several blocks of rows and several chunks of channels.
TEST_P(WinogradRun, LargeLayers) {
  LayerCase layer = randomWinograd();
  layer.batch = 1;
  layer.hasResidual = true;
  layer.top = layer.bottom = layer.left = layer.right = 1;
  for (auto [h, w, ic, oc] : {std::array<int64_t, 4>{57, 30, 96, 32},
                              {30, 41, 112, 24},
                              {14, 14, 256, 16}}) {
    layer.h = h;
    layer.w = w;
    layer.ic = ic;
    layer.oc = oc;
    randomizeArithmetic(layer);
    layer.isExtreme = false;
    module.add(layer, random);
  }
  check();
  EXPECT_EQ(countWinograd(), module.size());
}

INSTANTIATE_TEST_SUITE_P(Targets, WinogradRun,
                         ::testing::Values("avx2", "avx512vnni", "neon"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

INSTANTIATE_TEST_SUITE_P(Targets, KernelRun,
                         ::testing::Values("avx2", "avxvnni", "avx512vnni",
                                           "neon", "dotprod", "i8mm"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

} // namespace
