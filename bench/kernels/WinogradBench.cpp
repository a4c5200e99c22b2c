//===- WinogradBench.cpp - Winograd against the direct kernel -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: winograd-bench [NAME-PART]
//
// Compiles 3x3 layers of stride 1 for AVX2, directly and in Winograd form, and
// prints multiply-accumulates of the direct form per core cycle, the cycles
// that the cost model expected, and the bytes of code. "hot" is one layer again
// and again; "cold" is several of equal shape in turn, whose weights do not
// stay in the caches.
//
//===----------------------------------------------------------------------===//

#include "../../unittests/Conversion/KernelRunner.h"
#include "CoreClock.h"

#include <cmath>
#include <cstdio>
#include <optional>

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

struct Measurement {
  double hot, cold; ///< cycles of one layer
  int64_t codeBytes;
  std::string kernelIR;
};

std::optional<Measurement> measure(const LayerCase &layer) {
  std::mt19937 random(1);
  KernelModule module;
  // Weights of 2.5 MB and more, but not too many layers to compile.
  int64_t bytes = 9 * layer.ic * layer.oc;
  int64_t copies = std::min<int64_t>(8, 1 + (5 << 19) / bytes);
  for (int64_t i = 0; i < copies; ++i)
    module.add(layer, random);
  ScratchDirectory directory;
  auto object = module.compile("avx2", directory.path);
  if (!object) {
    std::fprintf(stderr, "%s", module.errors.c_str());
    return std::nullopt;
  }
  LoadedLibrary library(*object);
  using Function = void (*)(const void *, void *);
  std::vector<Function> functions;
  for (int64_t i = 0; i < copies; ++i) {
    void *f = library.find("f" + std::to_string(i));
    if (!f)
      return std::nullopt;
    functions.push_back(reinterpret_cast<Function>(f));
  }
  const std::vector<uint8_t> &x = module.getLayer(0).input;
  std::vector<uint8_t> y(size_t(layer.outputSize()) + 64);
  Measurement result;
  result.hot =
      q::bench::measureCycles(200, [&]() { functions[0](x.data(), y.data()); });
  result.cold = q::bench::measureCycles(300,
                                        [&]() {
                                          for (Function f : functions)
                                            f(x.data(), y.data());
                                        }) /
                double(copies);
  result.codeBytes = codeBytes(*object);
  result.kernelIR = module.kernelIR;
  return result;
}

/// The number behind `key` in IR; 0 if there is none.
long numberBehind(const std::string &text, const std::string &key) {
  size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atol(&text[at + key.size()]);
}

} // namespace

int main(int argc, char **argv) {
  std::printf("%-20s %14s %14s %22s %8s\n", "3x3 layer", "direct", "winograd",
              "kcycles (expected)", "text");
  std::printf("%-20s %7s%7s %7s%7s\n", "MAC/c", "hot", "cold", "hot", "cold");
  for (const Shape &shape : kShapes) {
    char name[64];
    std::snprintf(name, sizeof name, "%dx%dx%d->%d", int(shape.h), int(shape.w),
                  int(shape.ic), int(shape.oc));
    if (argc > 1 && std::string(name).find(argv[1]) == std::string::npos)
      continue;
    auto direct = measure(makeLayer(shape, "off"));
    auto winograd = measure(makeLayer(shape, "always"));
    if (!direct || !winograd)
      return 1;
    double macs = double(makeLayer(shape, "off").macs());
    std::printf("%-20s %7.1f%7.1f %7.1f%7.1f %10.1f (%9.1f) %8ld\n", name,
                macs / direct->hot, macs / direct->cold, macs / winograd->hot,
                macs / winograd->cold, winograd->cold / 1e3,
                double(numberBehind(winograd->kernelIR, " cycles = ")) / 1e3,
                long(winograd->codeBytes));
    std::fflush(stdout);
  }
  return 0;
}
