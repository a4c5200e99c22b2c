//===- CostBench.cpp - The table of the cost model ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: kernel-costs > lib/Conversion/Kernels/KernelCosts.inc
//
// Measures every tile of every micro-kernel that runs here, and prints the
// table from which compilations estimate. Of a dense tile, two lengths of the
// reduction tell the time of a step from that around the steps. Passes over all
// tiles are far apart in time, and the fastest counts: other work on the
// machine only ever slows one down. So does bad luck with the addresses of code
// and data, which every round has anew. bench/measure-kernel-costs calls this.
//
//===----------------------------------------------------------------------===//

#include "../../unittests/Conversion/KernelRunner.h"
#include "CoreClock.h"
#include "QDialect/Conversion/KernelCandidates.h"

#include <cmath>
#include <cstdio>
#include <memory>

using namespace q::kernel;
using namespace q::kernel::test;

namespace {

constexpr int kRounds = 4, kPasses = 12, kMilliseconds = 8;

/// A compiled layer and its least time so far.
class Subject {
public:
  Subject(const LayerCase &layer, const std::string &target) {
    std::mt19937 random(1);
    module.add(layer, random);
    auto object = module.compile(target, directory.path);
    if (!object) {
      std::fprintf(stderr, "%s", module.errors.c_str());
      return;
    }
    library = std::make_unique<LoadedLibrary>(*object);
    run = reinterpret_cast<void (*)(const void *, void *)>(library->find("f0"));
    output.resize(size_t(layer.outputSize()) + 64);
    // The kernel that was asked for, not the one that was chosen.
    const std::string &kernel = layer.kernel;
    int64_t first = 0, second = 0;
    size_t x = kernel.find('x');
    first = std::atoll(kernel.c_str() + kernel.rfind(' ', x) + 1);
    second = std::atoll(kernel.c_str() + x + 1);
    if (module.kernelIR.find("tile = array<i64: " + std::to_string(first) +
                             ", " + std::to_string(second) + ">") ==
        std::string::npos)
      run = nullptr;
  }

  bool isValid() const { return run; }
  void measure() {
    cycles = std::min(cycles, q::bench::measureCycles(kMilliseconds, [&] {
                        run(module.getLayer(0).input.data(), output.data());
                      }));
  }

  void keepFaster(const Subject &other) {
    cycles = std::min(cycles, other.cycles);
  }

  double cycles = 1e30;

private:
  ScratchDirectory directory;
  KernelModule module;
  std::unique_ptr<LoadedLibrary> library;
  void (*run)(const void *, void *) = nullptr;
  std::vector<uint8_t> output;
};

/// A row of the table.
struct Row {
  KernelCandidate candidate;
  int64_t window = 1, stride = 1;
  std::unique_ptr<Subject> shorter, longer;
};

/// Pixels and panels of the dense layers, and the channels of the two lengths.
constexpr int64_t kTiles = 12, kPanels = 6, kShort = 64, kLong = 320;
constexpr int64_t kSize = 28, kChannels = 64;

LayerCase makeDense(const KernelCandidate &candidate, int64_t channels) {
  LayerCase layer;
  layer.isGemm = true;
  layer.h = 1;
  layer.w = kTiles * candidate.tile.first;
  layer.ic = channels;
  layer.oc =
      kPanels * candidate.tile.second * getTraits(candidate.microKernel).lanes;
  layer.chain = candidate.chain;
  layer.kernel = getText(candidate);
  layer.multiplierShift = 7 + int(std::log2(double(channels)) / 2);
  return layer;
}

LayerCase makeDepthwise(const Row &row) {
  LayerCase layer;
  layer.h = layer.w = kSize;
  layer.ic = layer.oc = layer.groups = kChannels;
  layer.kh = layer.kw = row.window;
  layer.strideH = layer.strideW = row.stride;
  layer.top = layer.left = layer.bottom = layer.right = row.window / 2;
  layer.kernel = getText(row.candidate);
  return layer;
}

std::vector<Row> makeRows(const std::string &target) {
  std::vector<Row> rows;
  bool isVnni = target == "avx512vnni";
  auto addDense = [&](MicroKernel kernel, int64_t chain, int64_t registers,
                      int64_t mostVectors) {
    for (int64_t vectors = 1; vectors <= mostVectors; ++vectors)
      for (int64_t pixels = 1;
           pixels <= 16 && pixels * vectors + vectors < registers; ++pixels) {
        KernelCandidate candidate{
            KernelForm::Dense, kernel, {pixels, vectors}, chain};
        Row row;
        row.candidate = candidate;
        row.shorter =
            std::make_unique<Subject>(makeDense(candidate, kShort), target);
        row.longer =
            std::make_unique<Subject>(makeDense(candidate, kLong), target);
        if (row.shorter->isValid() && row.longer->isValid())
          rows.push_back(std::move(row));
      }
  };
  auto addDepthwise = [&](MicroKernel kernel) {
    for (int64_t window : {3, 5})
      for (int64_t stride : {1, 2})
        for (int64_t lines = 1; lines <= 4; ++lines)
          for (int64_t vectors = 1; vectors <= 2; ++vectors) {
            Row row;
            row.candidate = {KernelForm::Depthwise, kernel, {lines, vectors}};
            row.window = window;
            row.stride = stride;
            row.shorter = std::make_unique<Subject>(makeDepthwise(row), target);
            if (row.shorter->isValid())
              rows.push_back(std::move(row));
          }
  };
  if (isVnni) {
    addDense(MicroKernel::Vpdpbusd, 0, 32, 6);
    addDepthwise(MicroKernel::Vpdpwssd);
    return rows;
  }
  addDense(MicroKernel::Pmaddwd, 0, 16, 3);
  for (int64_t chain : {1, 2, 4, 8})
    addDense(MicroKernel::Pmaddubsw, chain, 16, 3);
  addDepthwise(MicroKernel::Pmaddwd);
  return rows;
}

/// The name of the enumerator.
std::string nameOf(MicroKernel kernel) {
  std::string name = stringifyMicroKernel(kernel).str();
  name[0] = char(name[0] - 'a' + 'A');
  return name;
}

void printDense(const Row &row) {
  const KernelCandidate &candidate = row.candidate;
  MicroKernelTraits traits = getTraits(candidate.microKernel);
  double tiles = double(kTiles * kPanels);
  double steps = double((kLong - kShort) / traits.depth);
  double step =
      std::max(0.0, (row.longer->cycles - row.shorter->cycles) / tiles / steps);
  double tile = std::max(0.0, row.shorter->cycles / tiles -
                                  double(kShort / traits.depth) * step);
  std::printf("DENSE(%s, %d, %d, %d, %d, %.2f, %.1f)\n",
              nameOf(candidate.microKernel).c_str(), int(traits.lanes),
              int(candidate.chain), int(candidate.tile.first),
              int(candidate.tile.second), step, tile);
}

void printDepthwise(const Row &row) {
  int64_t size = (kSize - 1) / row.stride + 1;
  std::printf("DEPTHWISE(%s, %d, %d, %d, %d, %.2f)\n",
              nameOf(row.candidate.microKernel).c_str(), int(row.window),
              int(row.stride), int(row.candidate.tile.first),
              int(row.candidate.tile.second),
              row.shorter->cycles / double(size * size * kChannels / 16));
}

/// The tiles of all targets; empty after a message if one does not run here.
std::vector<Row> makeAllRows() {
  std::vector<Row> rows;
  for (const char *target : {"avx2", "avx512vnni"}) {
    if (std::string reason = whyCannotRun(target); !reason.empty()) {
      std::fprintf(stderr, "kernel-costs: %s\n", reason.c_str());
      return {};
    }
    for (Row &row : makeRows(target))
      rows.push_back(std::move(row));
  }
  return rows;
}

void measureAll(std::vector<Row> &rows) {
  for (int pass = 0; pass < kPasses; ++pass)
    for (Row &row : rows) {
      row.shorter->measure();
      if (row.longer)
        row.longer->measure();
    }
}

} // namespace

int main() {
  std::vector<Row> rows;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Row> again = makeAllRows();
    if (again.empty())
      return 1;
    measureAll(again);
    std::fprintf(stderr, "round %d of %d: %d kernels\n", round + 1, kRounds,
                 int(again.size()));
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].shorter->keepFaster(*again[i].shorter);
      if (rows[i].longer)
        rows[i].longer->keepFaster(*again[i].longer);
    }
    if (rows.empty())
      rows = std::move(again);
  }
  std::printf("// Made by bench/measure-kernel-costs; core cycles. See "
              "KernelCosts.h.\n");
  std::printf("#ifdef DENSE\n");
  for (const Row &row : rows)
    if (row.longer)
      printDense(row);
  std::printf("#undef DENSE\n#endif\n#ifdef DEPTHWISE\n");
  for (const Row &row : rows)
    if (!row.longer)
      printDepthwise(row);
  std::printf("#undef DEPTHWISE\n#endif\n");
  return 0;
}
