//===- KernelBench.cpp - Multiply-accumulates per cycle of one layer ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: kernel-bench [NAME-PART [TARGET]]
//
// Compiles typical layers for AVX2 (or another target that runs here) and
// prints multiply-accumulates per core cycle (fastest twentieth of many runs,
// hot caches) with weights that prove nothing and with weights that prove
// chains of 1, 2, 4 and 8 groups, then the bytes of code and the epilogue of
// the first.
//
//===----------------------------------------------------------------------===//

#include "../../unittests/Conversion/KernelRunner.h"
#include "CoreClock.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <x86intrin.h>

using namespace q::kernel::test;

namespace {

struct NamedCase {
  std::string name;
  LayerCase layer;
};

LayerCase pointwise(int64_t size, int64_t ic, int64_t oc) {
  LayerCase layer;
  layer.h = layer.w = size;
  layer.ic = ic;
  layer.oc = oc;
  return layer;
}

LayerCase window(int64_t size, int64_t ic, int64_t oc, int64_t kernel,
                 int64_t stride) {
  LayerCase layer = pointwise(size, ic, oc);
  layer.kh = layer.kw = kernel;
  layer.strideH = layer.strideW = stride;
  layer.top = layer.left = layer.bottom = layer.right = kernel / 2;
  return layer;
}

LayerCase depthwise(int64_t size, int64_t channels, int64_t stride,
                    int64_t kernel = 3) {
  LayerCase layer = window(size, channels, channels, kernel, stride);
  layer.groups = channels;
  return layer;
}

LayerCase gemm(int64_t rows, int64_t k, int64_t n) {
  LayerCase layer = pointwise(1, k, n);
  layer.isGemm = true;
  layer.w = rows;
  return layer;
}

std::vector<NamedCase> getCases() {
  std::vector<NamedCase> cases;
  auto add = [&](const char *kind, const LayerCase &layer) {
    char name[128];
    std::snprintf(name, sizeof name, "%s %dx%dx%d->%d k%d s%d", kind,
                  int(layer.h), int(layer.w), int(layer.ic), int(layer.oc),
                  int(layer.kh), int(layer.strideH));
    cases.push_back({name, layer});
  };
  add("stem", window(224, 3, 32, 3, 2));
  add("stem", window(224, 3, 64, 7, 2));
  add("stem", window(96, 3, 8, 3, 2));
  add("stem", window(32, 3, 16, 3, 1));
  LayerCase kws = window(49, 1, 64, 3, 2);
  kws.w = 10;
  kws.kh = 10;
  kws.kw = 4;
  kws.top = 4;
  kws.bottom = 5;
  kws.left = kws.right = 1;
  add("stem", kws);
  add("1x1", pointwise(48, 8, 16));
  add("1x1", pointwise(24, 16, 32));
  add("1x1", pointwise(112, 32, 16));
  add("1x1", pointwise(112, 16, 96));
  add("1x1", pointwise(56, 24, 144));
  add("1x1", pointwise(56, 144, 24));
  add("1x1", pointwise(28, 192, 32));
  add("1x1", pointwise(25, 64, 64));
  add("1x1", pointwise(14, 576, 96));
  add("1x1", pointwise(14, 96, 576));
  add("1x1", pointwise(7, 160, 960));
  add("1x1", pointwise(7, 960, 160));
  add("1x1", pointwise(28, 128, 512));
  add("1x1", pointwise(6, 256, 256));
  LayerCase down = pointwise(56, 64, 128);
  down.strideH = down.strideW = 2;
  add("1x1", down);
  add("3x3", window(32, 16, 16, 3, 1));
  add("3x3", window(16, 32, 32, 3, 1));
  add("3x3", window(8, 64, 64, 3, 1));
  add("3x3", window(56, 64, 64, 3, 1));
  add("3x3", window(28, 128, 128, 3, 1));
  add("3x3", window(14, 256, 256, 3, 1));
  add("3x3", window(7, 512, 512, 3, 1));
  add("3x3", window(54, 16, 64, 3, 1));
  add("3x3", window(32, 16, 32, 3, 2));
  add("dw", depthwise(112, 32, 1));
  add("dw", depthwise(112, 96, 2));
  add("dw", depthwise(56, 144, 1));
  add("dw", depthwise(56, 144, 2));
  add("dw", depthwise(28, 192, 1));
  add("dw", depthwise(14, 576, 1));
  add("dw", depthwise(14, 576, 2));
  add("dw", depthwise(7, 960, 1));
  add("dw", depthwise(48, 8, 1));
  add("dw", depthwise(25, 64, 1));
  add("dw", depthwise(22, 48, 1, 5));
  add("fc", gemm(1, 1280, 1000));
  add("fc", gemm(1, 64, 12));
  LayerCase residual = pointwise(14, 576, 96);
  residual.hasResidual = true;
  add("1x1+residual", residual);
  residual = window(32, 16, 16, 3, 1);
  residual.hasResidual = true;
  add("3x3+residual", residual);
  LayerCase exact = pointwise(14, 576, 96);
  exact.fixedPoint = true;
  add("1x1 fixed64", exact);
  exact = depthwise(14, 576, 1);
  exact.fixedPoint = true;
  add("dw fixed64", exact);
  return cases;
}

struct Measurement {
  double ticks;
  int64_t codeBytes;
  std::string epilogue;
};

/// Nothing, with a message, if the layer cannot be compiled.
std::optional<Measurement> measure(const LayerCase &layer,
                                   const std::string &target,
                                   std::mt19937 &random) {
  KernelModule module;
  module.add(layer, random);
  ScratchDirectory directory;
  auto object = module.compile(target, directory.path);
  if (!object) {
    std::fprintf(stderr, "%s", module.errors.c_str());
    return std::nullopt;
  }
  LoadedLibrary library(*object);
  void *f = library.find("f0");
  if (!f)
    return std::nullopt;
  std::vector<uint8_t> x = module.getLayer(0).input,
                       r = module.getLayer(0).residual,
                       y(size_t(layer.outputSize()) + 64);
  auto run = [&]() {
    if (layer.hasResidual)
      reinterpret_cast<void (*)(const void *, const void *, void *)>(f)(
          x.data(), r.data(), y.data());
    else
      reinterpret_cast<void (*)(const void *, void *)>(f)(x.data(), y.data());
  };
  std::vector<double> times;
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
  while (times.size() < 9 || std::chrono::steady_clock::now() < end) {
    uint64_t start = __rdtsc();
    run();
    times.push_back(double(__rdtsc() - start));
  }
  // The fastest twentieth: other processes share the machine.
  std::sort(times.begin(), times.end());
  size_t at = module.kernelIR.find("#qk.epilogue<");
  std::string epilogue = module.kernelIR.substr(at + 13, 12);
  epilogue.resize(epilogue.find('>'));
  return Measurement{times[times.size() / 20], codeBytes(*object), epilogue};
}

} // namespace

int main(int argc, char **argv) {
  std::vector<NamedCase> cases;
  for (const NamedCase &named : getCases())
    if (argc < 2 || named.name.find(argv[1]) != std::string::npos)
      cases.push_back(named);
  std::string target = argc > 2 ? argv[2] : "avx2";
  if (std::string reason = whyCannotRun(target); !reason.empty()) {
    std::fprintf(stderr, "kernel-bench: %s\n", reason.c_str());
    return 1;
  }
  std::mt19937 random(1);
  double perCycle = q::bench::ticksPerCycle();
  std::printf("%-32s %7s %7s %7s %7s %7s %10s %8s  %s\n", "layer, MAC/c", "any",
              "L=1", "L=2", "L=4", "L=8", "us", "text", "epilogue");
  for (NamedCase &named : cases) {
    LayerCase &layer = named.layer;
    layer.multiplierShift =
        7 + int(std::log2(double(layer.kh * layer.kw * layer.ic) /
                          double(layer.groups)) /
                2);
    std::printf("%-32s", named.name.c_str());
    Measurement any{};
    for (int64_t chain : {0, 1, 2, 4, 8}) {
      if (chain && (layer.groups > 1 || target != "avx2")) {
        std::printf(" %7s", "");
        continue;
      }
      layer.chain = chain;
      std::optional<Measurement> one = measure(layer, target, random);
      if (!one)
        return 1;
      if (chain == 0)
        any = *one;
      std::printf(" %7.1f", double(layer.macs()) / (one->ticks / perCycle));
      std::fflush(stdout);
    }
    std::printf(" %10.1f %8ld  %s\n", any.ticks / perCycle / 3.0e3,
                long(any.codeBytes), any.epilogue.c_str());
    std::fflush(stdout);
  }
  return 0;
}
