//===- KernelBench.cpp - Multiply-accumulates per cycle of one layer ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: kernel-bench [--benchmark_... ] [NAME-PART [TARGET]]
//
// Compiles typical layers for AVX2 (or another target that runs here), with
// weights that prove nothing ("any") and with weights that prove chains of 1,
// 2, 4 and 8 groups, and measures multiply-accumulates per core cycle with hot
// caches. A program on Google Benchmark: --help lists its options. `text` is
// bytes of code, and the label the epilogue.
//
//===----------------------------------------------------------------------===//

#include "../../unittests/Conversion/KernelRunner.h"
#include "LayerBenchmark.h"

#include <cmath>
#include <cstdio>
#include <memory>

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

/// A layer in machine code, with data to run on.
class CompiledLayer {
public:
  /// Null, with a message, if the layer cannot be compiled.
  static std::unique_ptr<CompiledLayer> compile(const LayerCase &layer,
                                                const std::string &target) {
    auto result = std::make_unique<CompiledLayer>();
    std::mt19937 random(1);
    result->module.add(layer, random);
    ScratchDirectory directory;
    auto object = result->module.compile(target, directory.path);
    if (!object) {
      std::fprintf(stderr, "%s", result->module.errors.c_str());
      return nullptr;
    }
    result->library = std::make_unique<LoadedLibrary>(*object);
    result->function = result->library->find("f0");
    if (!result->function)
      return nullptr;
    result->textBytes = codeBytes(*object);
    result->hasResidual = layer.hasResidual;
    result->output.resize(size_t(layer.outputSize()) + 64);
    return result;
  }

  void run() {
    const uint8_t *input = module.getLayer(0).input.data();
    const uint8_t *residual = module.getLayer(0).residual.data();
    if (hasResidual)
      reinterpret_cast<void (*)(const void *, const void *, void *)>(function)(
          input, residual, output.data());
    else
      reinterpret_cast<void (*)(const void *, void *)>(function)(input,
                                                                 output.data());
  }

  std::string epilogue() const {
    const std::string marker = "#qk.epilogue<";
    size_t at = module.kernelIR.find(marker) + marker.size();
    return module.kernelIR.substr(at, module.kernelIR.find('>', at) - at);
  }

  int64_t textBytes = 0;

private:
  KernelModule module;
  std::unique_ptr<LoadedLibrary> library;
  void *function = nullptr;
  bool hasResidual = false;
  std::vector<uint8_t> output;
};

} // namespace

/// Registers one layer; it is compiled when it is run first.
static void registerLayer(const std::string &name, const LayerCase &layer,
                          const std::string &target) {
  auto run = [layer, target, compiled = std::shared_ptr<CompiledLayer>()](
                 benchmark::State &state) mutable {
    if (!compiled)
      compiled = CompiledLayer::compile(layer, target);
    if (!compiled) {
      state.SkipWithError("it cannot be compiled");
      return;
    }
    q::bench::countCycles(state, double(layer.macs()),
                          [&] { compiled->run(); });
    state.counters["text"] = double(compiled->textBytes);
    state.SetLabel(compiled->epilogue());
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->MinTime(0.15)
      ->Unit(benchmark::kMicrosecond);
}

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  std::string part = argc > 1 ? argv[1] : "";
  std::string target = argc > 2 ? argv[2] : "avx2";
  if (std::string reason = whyCannotRun(target); !reason.empty()) {
    std::fprintf(stderr, "kernel-bench: %s\n", reason.c_str());
    return 1;
  }
  for (NamedCase &named : getCases()) {
    if (named.name.find(part) == std::string::npos)
      continue;
    LayerCase &layer = named.layer;
    layer.multiplierShift =
        7 + int(std::log2(double(layer.kh * layer.kw * layer.ic) /
                          double(layer.groups)) /
                2);
    registerLayer(named.name + " any", layer, target);
    if (layer.groups > 1 || target != "avx2")
      continue;
    for (int64_t chain : {1, 2, 4, 8}) {
      layer.chain = chain;
      registerLayer(named.name + " L=" + std::to_string(chain), layer, target);
    }
  }
  return q::bench::runRegistered();
}
