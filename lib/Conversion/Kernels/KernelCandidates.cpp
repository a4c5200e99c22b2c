//===- KernelCandidates.cpp - Exact ways to compute a layer ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/KernelCandidates.h"

#include "KernelCosts.h"
#include "NeonChoice.h"
#include "Nests.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

std::string q::kernel::getText(const KernelCandidate &candidate) {
  std::string text;
  if (candidate.form == KernelForm::Depthwise)
    text = "depthwise ";
  if (candidate.form == KernelForm::Winograd)
    text = "winograd ";
  text +=
      llvm::formatv("{0} {1}x{2}", stringifyMicroKernel(candidate.microKernel),
                    candidate.tile.first, candidate.tile.second)
          .str();
  if (candidate.chain)
    text += " chain " + std::to_string(candidate.chain);
  if (candidate.hasOwnChains)
    text += " own chains";
  return text;
}

std::optional<KernelCandidate> q::kernel::parseKernelCandidate(StringRef text) {
  KernelCandidate candidate;
  if (text.consume_front("depthwise "))
    candidate.form = KernelForm::Depthwise;
  else if (text.consume_front("winograd "))
    candidate.form = KernelForm::Winograd;
  candidate.hasOwnChains = text.consume_back(" own chains");
  auto [name, rest] = text.split(' ');
  std::optional<MicroKernel> kernel = symbolizeMicroKernel(name);
  auto [tile, chain] = rest.split(" chain ");
  auto [first, second] = tile.split('x');
  constexpr int64_t most = 1 << 20;
  auto read = [&](StringRef from, int64_t &to) {
    return !from.getAsInteger(10, to) && to >= 1 && to <= most;
  };
  if (!kernel || !read(first, candidate.tile.first) ||
      !read(second, candidate.tile.second) ||
      (rest.contains(" chain ") && !read(chain, candidate.chain)))
    return std::nullopt;
  candidate.microKernel = *kernel;
  return candidate;
}

//===----------------------------------------------------------------------===//
// What is exact
//===----------------------------------------------------------------------===//

/// Vectors of sums that a tile keeps.
static int64_t countAccumulators(MicroKernel kernel, int64_t pixels,
                                 int64_t vectors) {
  switch (kernel) {
  case MicroKernel::Smull:
    // One vector of channels after the other, a channel a sum.
    return pixels * getTraits(kernel).lanes;
  case MicroKernel::Smmla:
  case MicroKernel::Usmmla:
    return ceilDiv(pixels, 2) * 2 * vectors;
  default:
    return pixels * vectors;
  }
}

static bool isDenseTile(const LayerGeometry &g, MicroKernel kernel,
                        int64_t pixels, int64_t vectors) {
  int64_t panel = vectors * getTraits(kernel).lanes;
  // Beyond 32 accumulators nothing stays in registers.
  return pixels >= 1 && vectors >= 1 &&
         countAccumulators(kernel, pixels, vectors) <= 32 && panel % 8 == 0 &&
         panel <= 128 && (panel <= 8 || panel <= g.outC / g.groups);
}

static bool isDepthwiseTile(const LayerGeometry &g, MicroKernel kernel,
                            int64_t rows, int64_t vectors) {
  int64_t channels = vectors * getTraits(kernel).lanes;
  return rows >= 1 && rows <= std::min<int64_t>(g.outH, 4) && vectors >= 1 &&
         channels % 8 == 0 && channels <= std::min<int64_t>(g.outC, 16) &&
         (rows == 1 || g.dilationH == 1);
}

std::string q::kernel::whyNotExact(const CandidateRequest &request,
                                   const KernelCandidate &candidate) {
  const LayerGeometry &g = request.geometry;
  auto [first, second] = candidate.tile;
  MicroKernel kernel = candidate.microKernel;
  bool fits = false;
  bool isProven = candidate.chain == 0 && !candidate.hasOwnChains;
  switch (candidate.form) {
  case KernelForm::Winograd:
    isProven &= request.winograd == kernel;
    fits =
        first >= 1 && second >= 16 && second % 16 == 0 && g.inC % second == 0;
    break;
  case KernelForm::Depthwise:
    isProven &= request.isDepthwise && kernel == request.depthwise;
    fits = isDepthwiseTile(g, kernel, first, second);
    break;
  case KernelForm::Dense:
    if (request.densePairs == kernel && candidate.hasOwnChains)
      // What no chain holds is widened.
      isProven =
          candidate.chain == 0 && request.ownChainCycles > 0 && second == 2;
    else if (request.densePairs == kernel)
      isProven = candidate.chain >= 1 && candidate.chain <= request.chain &&
                 llvm::isPowerOf2_64(candidate.chain);
    else
      isProven &= llvm::is_contained(request.dense, kernel);
    isProven &= !request.isDepthwise;
    fits = isDenseTile(g, kernel, first, second);
    break;
  }
  if (!isProven)
    return "it is not proven exact for the layer, or the target has it not";
  if (!fits)
    return "its tile does not fit the layer";
  return {};
}

//===----------------------------------------------------------------------===//
// Estimates
//===----------------------------------------------------------------------===//

namespace {

struct TileCost {
  double step, tile;
};

} // namespace

/// Bytes per cycle of a copy, and elements where it widens them.
constexpr double kBytesPerCycle = 16;

static bool hasDenseCosts(MicroKernel kernel, int64_t chain) {
  return llvm::any_of(getDenseCosts(), [&](const DenseCost &row) {
    return row.isOf(kernel, chain);
  });
}

/// What the table says of a tile. Without a row: what the ports of a core need,
/// with a little for the loads: four vector pipes of x86, two of NEON.
static TileCost getTileCost(MicroKernel kernel, int64_t chain, int64_t pixels,
                            int64_t vectors) {
  for (const DenseCost &row : getDenseCosts())
    if (row.isOf(kernel, chain) && row.pixels == pixels &&
        row.vectors == vectors)
      return {row.step, row.tile};
  int64_t lanes = getTraits(kernel).lanes;
  double of8 = double(vectors * lanes) / 8;
  if (!getTraits(kernel).isX86)
    return {countNeonInstructions(kernel, pixels, vectors, /*chain=*/2) / 2 +
                (double(pixels) + of8) / 16,
            10 + 6 * double(pixels) * of8};
  // Vectors of 512 bits save instructions, but few cores do two at a time.
  constexpr double wide = 0.85;
  if (lanes == 16)
    of8 *= wide;
  return {(2 * double(pixels) * of8 + of8 + 1) / 4 +
              (double(pixels) + of8) / 16,
          10 + 3 * double(pixels) * of8};
}

static double estimateDense(const CandidateRequest &request,
                            const KernelCandidate &candidate) {
  const LayerGeometry &g = request.geometry;
  int64_t pixels = candidate.tile.first, vectors = candidate.tile.second;
  DensePlan plan = getDensePlan(g, candidate.microKernel, vectors);
  KernelBuffers buffers;
  auto packed = [&](int64_t h, int64_t w, int64_t c) {
    return ActivationStrides{h * w * c, w * c, c};
  };
  buffers.inputStrides = packed(g.inH, g.inW, g.inC);
  buffers.outputStrides = packed(g.outH, g.outW, g.outC);
  buffers.residualStrides = buffers.outputStrides;
  DenseBlocking blocking =
      getDenseBlocking(plan, pixels, buffers, request.input);
  auto tiles = [&](int64_t count, int64_t size) {
    if (count == 0)
      return 0.0;
    if (candidate.hasOwnChains) {
      // Planned for tiles of four pixels.
      double around = getTileCost(candidate.microKernel, 1, size, vectors).tile;
      return double(count) * (request.ownChainCycles /
                                  double(plan.panelCount()) * double(size) / 4 +
                              around);
    }
    TileCost cost =
        getTileCost(candidate.microKernel, candidate.chain, size, vectors);
    return double(count) *
           (double(plan.segments * plan.steps) * cost.step + cost.tile);
  };
  const RowSplit &split = blocking.split;
  double row =
      tiles(split.countA, split.sizeA) + tiles(split.countB, split.sizeB);
  double blocks =
      double(blocking.isFlat ? blocking.blocks : g.batch * blocking.blocks);
  double rows = blocks * double(blocking.isFlat ? 1 : blocking.blockRows);
  double cycles = rows * double(plan.panelCount()) * row;
  if (!blocking.readsInput)
    cycles += blocks * double(blocking.scratchElements) / kBytesPerCycle;
  // A load and a store for each row of a pixel's taps.
  if (g.gathersTaps())
    cycles += blocks * double(blocking.blockRows * g.outW * g.kernelH);
  return cycles;
}

static double estimateDepthwise(const CandidateRequest &request,
                                const KernelCandidate &candidate) {
  const LayerGeometry &g = request.geometry;
  auto [rows, vectors] = candidate.tile;
  double results = double(g.batch * ceilDiv(g.outH, rows) * rows * g.outW) *
                   double(ceilDiv(g.outC, 8)) / 2;
  for (const DepthwiseCost &row : getDepthwiseCosts())
    if (row.kernel == candidate.microKernel && row.window == g.kernelH &&
        row.window == g.kernelW && row.stride == g.strideH &&
        row.stride == g.strideW && g.dilationH == 1 && g.dilationW == 1 &&
        row.rows == rows && row.vectors == vectors)
      return results * row.results;
  // The rule's tile, where nothing was measured.
  bool isRule = candidate.tile == chooseDepthwiseTile(g, candidate.microKernel);
  return results * (double(g.kernelH * g.kernelW) * 1.5 + 6) *
         (isRule ? 1 : 1.1);
}

int64_t q::kernel::estimateCycles(const CandidateRequest &request,
                                  const KernelCandidate &candidate) {
  switch (candidate.form) {
  case KernelForm::Dense:
    return std::llround(estimateDense(request, candidate));
  case KernelForm::Depthwise:
    return std::llround(estimateDepthwise(request, candidate));
  case KernelForm::Winograd:
    return estimateWinograd(
               getWinogradPlan(request.geometry, candidate.tile.first,
                               candidate.tile.second, candidate.microKernel),
               candidate.microKernel)
        .cycles;
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// The list
//===----------------------------------------------------------------------===//

namespace {

/// Collects candidates, each once, by their estimates.
class CandidateList {
public:
  explicit CandidateList(const CandidateRequest &request)
      : request(request), g(request.geometry) {}

  void addDense(MicroKernel kernel, int64_t chain) {
    if (hasDenseCosts(kernel, chain)) {
      for (const DenseCost &row : getDenseCosts())
        if (row.isOf(kernel, chain) &&
            row.pixels * row.vectors + row.vectors < request.registers)
          addDenseTile(kernel, row.pixels, row.vectors, chain);
      return;
    }
    // Some registers remain for the operands.
    constexpr int64_t mostVectors = 6, mostPixels = 8, mostAccumulators = 24;
    for (int64_t vectors = 1; vectors <= mostVectors; ++vectors)
      for (int64_t pixels = 1; pixels <= mostPixels; ++pixels)
        if (countAccumulators(kernel, pixels, vectors) <= mostAccumulators)
          addDenseTile(kernel, pixels, vectors, chain);
  }

  /// In panels of two vectors, with some of the tiles that fit registers.
  void addOwnChains(MicroKernel kernel) {
    if (request.ownChainCycles > 0)
      for (int64_t pixels : {4, 3, 5})
        addDenseTile(kernel, pixels, /*vectors=*/2, /*chain=*/0,
                     /*hasOwnChains=*/true);
  }

  void addDepthwise(MicroKernel kernel) {
    for (int64_t rows = 1; rows <= 4; ++rows)
      for (int64_t vectors = 1; vectors * getTraits(kernel).lanes <= 16;
           ++vectors)
        // Without rows in common, more of them only take registers.
        if (rows == 1 || g.strideH < g.kernelH)
          add(KernelForm::Depthwise, kernel, {rows, vectors});
  }

  void addWinograd(MicroKernel kernel) {
    auto rule = chooseWinogradTile(g);
    add(KernelForm::Winograd, kernel, rule);
    int64_t tileRows = splitWinogradAxis(g.outH).tiles();
    for (int64_t blocks = 1; blocks <= tileRows; ++blocks)
      for (int64_t chunk = 16; chunk <= 64; chunk += 16)
        if (isWinogradTile(ceilDiv(tileRows, blocks), chunk, rule))
          add(KernelForm::Winograd, kernel, {ceilDiv(tileRows, blocks), chunk});
  }

  SmallVector<KernelCandidate> take() { return std::move(candidates); }

private:
  /// As in splitRow(): tiles that cut a row alike are one.
  void addDenseTile(MicroKernel kernel, int64_t pixels, int64_t vectors,
                    int64_t chain, bool hasOwnChains = false) {
    if (!isDenseTile(g, kernel, pixels, vectors))
      return;
    int64_t width = g.isOneRow() ? g.batch * g.outH * g.outW : g.outW;
    int64_t of8 = ceilDiv(vectors * getTraits(kernel).lanes, 8);
    if (splitRow(std::min<int64_t>(width, 240), pixels, of8).sizeA == pixels)
      add(KernelForm::Dense, kernel, {pixels, vectors}, chain, hasOwnChains);
  }

  /// Blocks of at most 1 MB of transformed data, near the rule's size.
  bool isWinogradTile(int64_t rows, int64_t chunk,
                      std::pair<int64_t, int64_t> rule) const {
    constexpr int64_t mostBytes = 1 << 20;
    if (g.inC % chunk)
      return false;
    WinogradPlan plan = getWinogradPlan(g, rows, chunk, *request.winograd);
    return rows == rule.first ||
           (chunk == rule.second && rows <= 2 * rule.first &&
            2 * rows >= rule.first &&
            2 * WinogradPlan::positions * plan.dataPitch() <= mostBytes);
  }

  void add(KernelForm form, MicroKernel kernel,
           std::pair<int64_t, int64_t> tile, int64_t chain = 0,
           bool hasOwnChains = false) {
    KernelCandidate candidate{form, kernel, tile, chain, hasOwnChains};
    auto isSame = [&](const auto &other) { return other.isSameAs(candidate); };
    if (!whyNotExact(request, candidate).empty() ||
        llvm::any_of(candidates, isSame))
      return;
    candidate.cycles = estimateCycles(request, candidate);
    // Equal estimates keep the order in which they were added.
    auto isLater = [&](const auto &other) {
      return other.cycles > candidate.cycles;
    };
    candidates.insert(llvm::find_if(candidates, isLater), candidate);
  }

  const CandidateRequest &request;
  const LayerGeometry &g;
  SmallVector<KernelCandidate> candidates;
};

} // namespace

SmallVector<KernelCandidate>
q::kernel::getKernelCandidates(const CandidateRequest &request) {
  CandidateList list(request);
  if (request.winograd)
    list.addWinograd(*request.winograd);
  if (request.winograd && request.alwaysWinograd)
    return list.take();
  if (request.isDepthwise) {
    list.addDepthwise(request.depthwise);
    return list.take();
  }
  for (MicroKernel kernel : request.dense)
    list.addDense(kernel, /*chain=*/0);
  if (request.densePairs)
    list.addOwnChains(*request.densePairs);
  if (request.densePairs)
    for (int64_t chain = int64_t(llvm::bit_floor(uint64_t(request.chain)));
         chain >= 1; chain /= 2)
      list.addDense(*request.densePairs, chain);
  return list.take();
}

int64_t q::kernel::estimateDirectCycles(const CandidateRequest &request) {
  if (!request.densePairs)
    return 0;
  CandidateRequest direct = request;
  direct.winograd = std::nullopt;
  for (const KernelCandidate &candidate : getKernelCandidates(direct))
    if (candidate.form == KernelForm::Dense &&
        hasDenseCosts(candidate.microKernel, candidate.chain))
      return candidate.cycles;
  return 0;
}
