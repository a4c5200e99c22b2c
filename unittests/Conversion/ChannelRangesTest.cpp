//===- ChannelRangesTest.cpp - Bounds of channels are reached, not crossed ===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What q-prove-int16-chains says of the largest value of each channel behind a
// depthwise layer, against the reference evaluator on the worst input.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/Int16Chains.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include "gtest/gtest.h"

#include <random>

using namespace mlir;

namespace {

constexpr int kChannels = 8, kTaps = 9;

/// A depthwise 3x3 layer over one window of kChannels, then a layer that reads
/// its channels.
std::string makeModule(const std::vector<int> &weights,
                       const std::vector<int> &bias, bool isFolded) {
  std::string w, b;
  for (int c = 0; c < kChannels; ++c) {
    w += c ? ", [" : "[";
    for (int row = 0; row < 3; ++row) {
      w += row ? ", [" : "[";
      for (int i = 0; i < 3; ++i)
        w += llvm::formatv("{0}[{1}]", i ? ", " : "",
                           weights[c * kTaps + row * 3 + i])
                 .str();
      w += "]";
    }
    w += "]";
    b += llvm::formatv("{0}{1}", c ? ", " : "", bias[c]).str();
  }
  return llvm::formatv(R"(
!x = tensor<1x3x3x8x!quant.uniform<u8:f32, 1.0:5>>
!w = tensor<8x3x3x1x!quant.uniform<i8<-127:127>:f32, 0.015625>>
!b = tensor<8x!quant.uniform<i32:f32, 0.015625>>
!y = tensor<1x1x1x8x!quant.uniform<u8:f32, 2.0:9>>
!v = tensor<8x1x1x8x!quant.uniform<i8<-127:127>:f32, 0.25>>
func.func @f(%x: !x) -> !y {
  %w = q.const dense<[{0}]> : tensor<8x3x3x1xi8> as !w
  %b = q.const dense<[{1}]> : tensor<8xi32> as !b
  %y = q.conv2d %x, %w bias %b {{strides = array<i64: 1, 1>,
         pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
         groups = 8 : i64{2}} : (!x, !w, !b) -> !y
  %v = q.const dense<1> : tensor<8x1x1x8xi8> as !v
  %z = q.conv2d %y, %v {{strides = array<i64: 1, 1>,
         pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
         : (!y, !v) -> !y
  return %y : !y
}
)",
                       w, b, isFolded ? ", zero_point_folded" : "")
      .str();
}

TEST(ChannelRanges, WorstInputsReachTheBoundAndDoNotCrossIt) {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, quant::QuantDialect, q::QDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  std::mt19937 random(4);
  auto below = [&](int n) { return static_cast<int>(random() % unsigned(n)); };
  bool isBelowTheClamp = false;
  for (int round = 0; round < 12; ++round) {
    std::vector<int> weights, bias;
    for (int i = 0; i < kChannels * kTaps; ++i)
      weights.push_back(below(121) - 60 + 5 * (i % 4));
    for (int c = 0; c < kChannels; ++c)
      bias.push_back(below(4001) - 2000);
    auto module = parseSourceString<ModuleOp>(
        makeModule(weights, bias, round % 2), &context);
    ASSERT_TRUE(module);
    PassManager passes(&context);
    passes.addNestedPass<func::FuncOp>(q::createProveInt16Chains());
    ASSERT_TRUE(succeeded(passes.run(*module)));
    auto function = *module->getOps<func::FuncOp>().begin();
    std::optional<q::Int16Chain> chain;
    function.walk([&](q::Conv2DOp op) {
      if (op.getGroups() == 1)
        chain = q::getInt16Chain(op);
    });
    ASSERT_TRUE(chain);
    std::vector<int64_t> amax(chain->channelAmax.begin(),
                              chain->channelAmax.end());
    if (amax.empty())
      amax.assign(kChannels, chain->amax);

    auto evaluator = q::eval::createReferenceEvaluator(function);
    ASSERT_TRUE(succeeded(evaluator));
    auto run = [&](bool isWorst) {
      std::vector<int32_t> x(kTaps * kChannels);
      for (int tap = 0; tap < kTaps; ++tap)
        for (int c = 0; c < kChannels; ++c)
          x[tap * kChannels + c] =
              isWorst ? (weights[c * kTaps + tap] > 0 ? 255 : 0) : below(256);
      auto results = (*evaluator)->run(q::eval::Tensor({1, 3, 3, 8}, x));
      EXPECT_TRUE(succeeded(results));
      return (*results)[0].i();
    };
    auto worst = run(true);
    for (int c = 0; c < kChannels; ++c) {
      EXPECT_EQ(worst[c], amax[c]) << "channel " << c << " of round " << round;
      isBelowTheClamp |= amax[c] < 255;
    }
    for (int i = 0; i < 20; ++i) {
      auto other = run(false);
      for (int c = 0; c < kChannels; ++c)
        EXPECT_LE(other[c], amax[c]);
    }
  }
  EXPECT_TRUE(isBelowTheClamp);
}

} // namespace
