//===- WinogradBench.cpp - Winograd against the direct kernel -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: winograd-bench [--benchmark_... ] [NAME-PART]
//
// Compiles 3x3 layers of stride 1 for AVX2, directly and in Winograd form, and
// measures multiply-accumulates of the direct form per core cycle. `expected`
// is the cycles that the cost model expected, `text` the bytes of code. "hot"
// is one layer again and again; "in turn" is several of equal shape, whose
// weights do not stay in the caches. A program on Google Benchmark: --help
// lists its options.
//
//===----------------------------------------------------------------------===//

#include "../../unittests/Conversion/KernelRunner.h"
#include "LayerBenchmark.h"

#include <cmath>
#include <cstdio>
#include <memory>

using namespace q::kernel::test;

namespace {

struct Shape {
  int64_t h, w, ic, oc;
};

constexpr Shape kShapes[] = {
    {56, 56, 64, 64},  {28, 28, 128, 128}, {14, 14, 256, 256},
    {7, 7, 512, 512},  {32, 32, 16, 16},   {16, 16, 32, 32},
    {8, 8, 64, 64},    {55, 55, 16, 64},   {27, 27, 32, 128},
    {13, 13, 48, 192}, {13, 13, 64, 256},  {112, 112, 32, 32},
    {5, 5, 128, 128},  {10, 10, 96, 96}};

/// Weights of a Gaussian's spread, as trained ones have.
LayerCase makeLayer(const Shape &shape, const char *winograd) {
  LayerCase layer;
  layer.h = shape.h;
  layer.w = shape.w;
  layer.ic = shape.ic;
  layer.oc = shape.oc;
  layer.kh = layer.kw = 3;
  layer.top = layer.left = layer.bottom = layer.right = 1;
  layer.maxWeight = 64;
  layer.multiplierShift = 7 + int(std::log2(double(9 * shape.ic)) / 2);
  layer.winograd = winograd;
  return layer;
}

/// Several layers of one shape in machine code, with data to run on.
class CompiledLayers {
public:
  /// Null, with a message, if the layer cannot be compiled.
  static std::unique_ptr<CompiledLayers> compile(const LayerCase &layer) {
    auto result = std::make_unique<CompiledLayers>();
    std::mt19937 random(1);
    // Weights of 2.5 MB and more, but not too many layers to compile.
    int64_t bytes = 9 * layer.ic * layer.oc;
    int64_t copies = std::min<int64_t>(8, 1 + (5 << 19) / bytes);
    for (int64_t i = 0; i < copies; ++i)
      result->module.add(layer, random);
    ScratchDirectory directory;
    auto object = result->module.compile("avx2", directory.path);
    if (!object) {
      std::fprintf(stderr, "%s", result->module.errors.c_str());
      return nullptr;
    }
    result->library = std::make_unique<LoadedLibrary>(*object);
    for (int64_t i = 0; i < copies; ++i) {
      void *f = result->library->find("f" + std::to_string(i));
      if (!f)
        return nullptr;
      result->functions.push_back(reinterpret_cast<Function>(f));
    }
    result->textBytes = codeBytes(*object);
    result->output.resize(size_t(layer.outputSize()) + 64);
    return result;
  }

  int64_t count() const { return int64_t(functions.size()); }
  void run(int64_t index) {
    functions[index](module.getLayer(0).input.data(), output.data());
  }

  /// The number behind `key` in the IR of the kernels; 0 if there is none.
  double numberBehind(const std::string &key) const {
    size_t at = module.kernelIR.find(key);
    return at == std::string::npos
               ? 0.0
               : double(std::atol(&module.kernelIR[at + key.size()]));
  }

  int64_t textBytes = 0;

private:
  using Function = void (*)(const void *, void *);
  KernelModule module;
  std::unique_ptr<LoadedLibrary> library;
  std::vector<Function> functions;
  std::vector<uint8_t> output;
};

} // namespace

/// Registers a layer hot and in turn; it is compiled when one is run first.
static void registerLayer(const std::string &name, const LayerCase &layer) {
  auto compiled = std::make_shared<std::unique_ptr<CompiledLayers>>();
  for (bool inTurn : {false, true}) {
    auto run = [=](benchmark::State &state) {
      if (!*compiled)
        *compiled = CompiledLayers::compile(layer);
      if (!*compiled) {
        state.SkipWithError("it cannot be compiled");
        return;
      }
      CompiledLayers &layers = **compiled;
      int64_t runs = inTurn ? layers.count() : 1;
      q::bench::countCycles(state, double(runs * layer.macs()), [&] {
        for (int64_t i = 0; i < runs; ++i)
          layers.run(i);
      });
      state.counters["text"] = double(layers.textBytes);
      state.counters["expected"] =
          double(runs) * layers.numberBehind(" cycles = ");
    };
    benchmark::RegisterBenchmark(
        (name + (inTurn ? " in turn" : " hot")).c_str(), run)
        ->MinTime(0.2)
        ->Unit(benchmark::kMicrosecond);
  }
}

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  std::string part = argc > 1 ? argv[1] : "";
  for (const Shape &shape : kShapes) {
    char name[64];
    std::snprintf(name, sizeof name, "%dx%dx%d->%d", int(shape.h), int(shape.w),
                  int(shape.ic), int(shape.oc));
    if (std::string(name).find(part) == std::string::npos)
      continue;
    registerLayer(std::string(name) + " direct", makeLayer(shape, "off"));
    registerLayer(std::string(name) + " winograd", makeLayer(shape, "always"));
  }
  return q::bench::runRegistered();
}
