//===- KernelChoice.cpp - Which candidate a layer takes -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelChoice.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// The form that the epilogue has, or that its panels may have.
static StringRef describeEpilogue(const LayerConstants &constants) {
  ArrayRef<float> floats = constants.floatMultipliers;
  auto isMissing = [](float value) { return std::isnan(value); };
  if (constants.epilogue == Epilogue::Pow2 || floats.empty() ||
      llvm::all_of(floats, isMissing))
    return stringifyEpilogue(constants.epilogue);
  return llvm::any_of(floats, isMissing) ? "partly float" : "float";
}

std::string q::kernel::getLayerKey(const CandidateRequest &request,
                                   const LayerConstants &constants) {
  const LayerGeometry &g = request.geometry;
  std::string key = llvm::formatv("{0}x{1}x{2}x{3} -> {0}x{4}x{5}x{6}, {7}x{8}",
                                  g.batch, g.inH, g.inW, g.inC, g.outH, g.outW,
                                  g.outC, g.kernelH, g.kernelW)
                        .str();
  if (g.strideH != 1 || g.strideW != 1)
    key += llvm::formatv(", stride {0}x{1}", g.strideH, g.strideW).str();
  if (g.padTop || g.padLeft || g.padBottom || g.padRight)
    key += llvm::formatv(", pads {0} {1} {2} {3}", g.padTop, g.padLeft,
                         g.padBottom, g.padRight)
               .str();
  if (g.dilationH != 1 || g.dilationW != 1)
    key += llvm::formatv(", dilation {0}x{1}", g.dilationH, g.dilationW).str();
  if (g.groups != 1)
    key += llvm::formatv(", groups {0}", g.groups).str();
  key += request.input.getIsSigned() ? ", signed" : ", unsigned";
  if (request.densePairs)
    key += llvm::formatv(", chain {0}", request.chain).str();
  if (request.winograd)
    key += ", winograd";
  key += llvm::formatv(", {0}", describeEpilogue(constants)).str();
  if (constants.residual)
    key += ", residual";
  return key;
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

LogicalResult KernelChooser::readTuned(StringRef path, Location loc) {
  FailureOr<TunedKernels> file = TunedKernels::read(path, loc);
  if (failed(file))
    return failure();
  tuned = std::move(*file);
  tunedPath = path.str();
  return success();
}

LogicalResult KernelChooser::force(StringRef text, Location loc) {
  forced = parseKernelCandidate(text);
  if (!forced)
    return emitError(loc) << "'" << text
                          << "' is no kernel; write it as 'pmaddwd 5x2', "
                             "'pmaddubsw 4x2 chain 8', 'depthwise pmaddwd 2x2' "
                             "or 'winograd pmaddwd 4x64'";
  return success();
}

/// True if the file knows the layer.
bool KernelChooser::findTuned(WeightedOpInterface op,
                              const CandidateRequest &request, StringRef key,
                              KernelChoice &choice) {
  const TunedKernel *entry = tuned ? tuned->find(target, key) : nullptr;
  if (!entry)
    return false;
  if (entry->kernel == kDefaultKernel)
    return true;
  std::optional<KernelCandidate> parsed = parseKernelCandidate(entry->kernel);
  std::string reason = parsed ? whyNotExact(request, *parsed)
                              : "this version of the compiler has no such";
  if (reason.empty()) {
    choice.candidate = parsed;
    choice.candidate->cycles = estimateCycles(request, *parsed);
    return true;
  }
  if (!round)
    emitRemark(op->getLoc())
        << "the kernel '" << entry->kernel << "' of '" << tunedPath
        << "' is not taken: " << reason << "; qcc --tune makes the entry anew";
  return false;
}

KernelChoice KernelChooser::choose(WeightedOpInterface op,
                                   const CandidateRequest &request,
                                   const LayerConstants &constants) {
  KernelChoice choice;
  if (forced) {
    if (whyNotExact(request, *forced).empty()) {
      choice.candidate = forced;
      choice.candidate->cycles = estimateCycles(request, *forced);
    }
    return choice;
  }
  if (!tuned && !round)
    return choice;
  std::string key = getLayerKey(request, constants);
  bool isKnown = findTuned(op, request, key, choice);
  ++(isKnown ? known : unknown);
  if (!round || isKnown)
    return choice;
  // What is expected to take much longer is not worth the time. The estimate of
  // chains of a panel's own is of another kind, and may be off.
  SmallVector<KernelCandidate> candidates, others;
  for (const KernelCandidate &each : getKernelCandidates(request))
    (each.hasOwnChains ? candidates : others).push_back(each);
  int64_t limit = others.empty() ? 0 : others.front().cycles * 3 / 2;
  llvm::erase_if(others, [&](const auto &c) { return c.cycles > limit; });
  candidates.append(others);
  constexpr size_t most = 11;
  candidates.truncate(std::min(candidates.size(), most));
  if (*round > 0 && *round <= static_cast<int64_t>(candidates.size()))
    choice.candidate = candidates[*round - 1];
  Builder b(op->getContext());
  StringRef name(kDefaultKernel);
  std::string text;
  if (choice.candidate)
    name = text = getText(*choice.candidate);
  choice.tuning = b.getDictionaryAttr(
      {b.getNamedAttr("layer", b.getStringAttr(key)),
       b.getNamedAttr("kernel", b.getStringAttr(name)),
       b.getNamedAttr(
           "candidates",
           b.getI64IntegerAttr(static_cast<int64_t>(candidates.size()) + 1))});
  return choice;
}

void KernelChooser::reportUnknown(Location loc) const {
  if (!tuned || round || unknown == 0)
    return;
  emitRemark(loc) << unknown << " of " << known + unknown << " layers are not "
                  << (tuned->hasTarget(target) ? "" : "timed for this target ")
                  << "in '" << tunedPath
                  << "'; rules choose their kernels, or qcc --tune adds them";
}
