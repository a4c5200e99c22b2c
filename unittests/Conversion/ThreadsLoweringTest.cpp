//===- ThreadsLoweringTest.cpp - Networks that several threads run --------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each nest of kernels is compiled for 1, 2, 3 and 5 threads and has to compute
// what the reference evaluator computes, whatever the number of threads that
// the runtime gives.
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"
#include "KernelRunner.h"
#include "LoweringText.h"

#include "gtest/gtest.h"

#include <cstring>
#include <thread>

using namespace q;
using namespace q::test;
using q::kernel::test::LayerCase;

/// libgomp's and libomp's, as in Conversion/Threads.h.
extern "C" void GOMP_parallel(void (*fn)(void *), void *data,
                              unsigned numThreads, unsigned flags);

namespace {

std::string textOf(const LayerCase &layer, std::mt19937 &random) {
  return "module attributes {q.rounding = \"" + layer.rounding + "\"} {\n" +
         kernel::test::makeLayer(layer, "main", random).text + "}\n";
}

bool hasThreads(const CompiledModel &model, int64_t threads) {
  return model.getInfo().find("\"threads\":" + std::to_string(threads)) !=
         std::string::npos;
}

/// Compares for all numbers of threads.
void check(const LayerCase &layer) {
  std::mt19937 random(11);
  std::string text = textOf(layer, random);
  for (int64_t threads : {1, 2, 3, 5})
    expectSameBits(text, ModelSettings{true, threads, layer.winograd});
}

TEST(Threads, Pointwise) {
  LayerCase layer;
  // Even and odd numbers of pixels, so that blocks reach back or do not, and
  // inputs that are read in place or through scratch.
  for (auto [h, w] : {std::pair(8, 8), {7, 7}, {1, 3}, {13, 11}})
    for (auto [ic, oc] : {std::pair(16, 32), {31, 19}, {8, 100}}) {
      layer.h = h;
      layer.w = w;
      layer.ic = ic;
      layer.oc = oc;
      check(layer);
    }
}

TEST(Threads, FullyConnected) {
  LayerCase layer;
  layer.isGemm = true;
  layer.h = 1;
  for (int64_t rows : {1, 2, 9})
    for (int64_t oc : {16, 70, 100}) {
      layer.w = rows;
      layer.ic = 50;
      layer.oc = oc;
      check(layer);
    }
}

TEST(Threads, Dense) {
  LayerCase layer;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  layer.winograd = "off";
  for (int64_t stride : {1, 2})
    for (int64_t h : {5, 12, 17}) {
      layer.strideH = layer.strideW = stride;
      layer.h = h;
      layer.w = 9;
      layer.ic = 5;
      layer.oc = 40;
      check(layer);
    }
  layer.batch = 2;
  layer.hasResidual = true;
  check(layer);
  layer.hasResidual = false;
  layer.groups = 2;
  layer.ic = 10;
  check(layer);
}

TEST(Threads, Depthwise) {
  LayerCase layer;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  // Rows are shared where there are more of them than blocks of channels.
  for (int64_t stride : {1, 2})
    for (auto [h, c] : {std::pair(15, 24), {4, 200}, {6, 16}, {9, 90}}) {
      layer.strideH = layer.strideW = stride;
      layer.h = h;
      layer.w = 7;
      layer.ic = layer.oc = layer.groups = c;
      check(layer);
    }
}

TEST(Threads, Winograd) {
  LayerCase layer;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  layer.winograd = "always";
  // Several blocks of rows of tiles; rows and panels that reach back; fewer
  // panels than threads.
  for (auto [h, w, ic, oc] : {std::tuple(48, 44, 16, 48),
                              {14, 14, 32, 64},
                              {5, 7, 16, 40},
                              {9, 6, 48, 20},
                              {30, 50, 32, 16}}) {
    layer.h = h;
    layer.w = w;
    layer.ic = ic;
    layer.oc = oc;
    check(layer);
  }
  layer.batch = 2;
  layer.hasResidual = true;
  check(layer);
}

/// A network of layers that are shared and layers that are not, one after the
/// other, whose buffers take each other's place.
std::string makeNetwork() {
  return main("(%x: tensor<1x24x24x4xf32>) -> tensor<1x12x12x4xf32>",
              R"mlir(
  %q = q.quantize %x : tensor<1x24x24x4xf32> -> tensor<1x24x24x4x!a>
  %p = q.max_pool2d %q {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x24x24x4x!a>) -> tensor<1x12x12x4x!a>
  %s = q.unary sigmoid %p : (tensor<1x12x12x4x!a>) -> tensor<1x12x12x4x!c>
  %t = q.add %p, %s : (tensor<1x12x12x4x!a>, tensor<1x12x12x4x!c>) -> tensor<1x12x12x4x!b>
  %f = q.dequantize %t : tensor<1x12x12x4x!b> -> tensor<1x12x12x4xf32>
  return %f : tensor<1x12x12x4xf32>)mlir");
}

TEST(Threads, Network) {
  for (int64_t threads : {1, 2, 3, 5})
    expectSameBits(makeNetwork(), ModelSettings{true, threads});
}

bool isSame(const std::vector<eval::Tensor> &a,
            const std::vector<eval::Tensor> &b) {
  return a.size() == 1 && b.size() == 1 &&
         a[0].getNumElements() == b[0].getNumElements() &&
         std::memcmp(a[0].f().data(), b[0].f().data(),
                     a[0].getNumElements() * sizeof(float)) == 0;
}

/// Runs of one library from several threads of the program, each with an arena
/// of its own.
TEST(Threads, ConcurrentRuns) {
  CompiledModel single(makeNetwork(), ModelSettings{true, 1});
  CompiledModel model(makeNetwork(), ModelSettings{true, 2});
  ASSERT_TRUE(single.ok() && model.ok());
  EXPECT_TRUE(hasThreads(single, 1));
  EXPECT_TRUE(hasThreads(model, 2));
  std::mt19937 random(3);
  auto inputs = makeInputs(model.getSource(), Fill::Random, random);
  auto expected = single.run(inputs);
  int good[2] = {0, 0};
  std::thread users[2];
  for (int i = 0; i < 2; ++i)
    users[i] = std::thread([&, i] {
      for (int run = 0; run < 20; ++run)
        good[i] += isSame(expected, model.run(inputs));
    });
  for (std::thread &user : users)
    user.join();
  EXPECT_EQ(good[0], 20);
  EXPECT_EQ(good[1], 20);
}

/// In a parallel region of the caller a team has one thread: fewer than the
/// network was compiled for.
TEST(Threads, NestedTeamOfOne) {
  CompiledModel single(makeNetwork(), ModelSettings{true, 1});
  CompiledModel model(makeNetwork(), ModelSettings{true, 5});
  ASSERT_TRUE(single.ok() && model.ok());
  std::mt19937 random(4);
  struct Call {
    const CompiledModel &model;
    std::vector<eval::Tensor> inputs, expected;
    std::atomic<int> good{0};
  } call{model, makeInputs(model.getSource(), Fill::Random, random), {}};
  call.expected = single.run(call.inputs);
  GOMP_parallel(
      [](void *data) {
        auto &call = *static_cast<Call *>(data);
        call.good += isSame(call.expected, call.model.run(call.inputs));
      },
      &call, 2, 0);
  EXPECT_EQ(call.good, 2);
}

/// The library names its runtime and nothing else.
TEST(Threads, NeedsOnlyTheRuntime) {
  CompiledModel model(makeNetwork(), ModelSettings{true, 2});
  ASSERT_TRUE(model.ok());
  std::vector<std::string> symbols = model.getUndefinedSymbols();
  std::sort(symbols.begin(), symbols.end());
  EXPECT_EQ(symbols, (std::vector<std::string>{"GOMP_barrier", "GOMP_parallel",
                                               "omp_get_num_threads",
                                               "omp_get_thread_num"}));
}

} // namespace
