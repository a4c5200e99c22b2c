//===- KernelCandidates.h - Exact ways to compute a layer -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All candidates of a layer give the same bits; they differ in time alone. The
// estimates come from the table in lib/Conversion/Kernels/KernelCosts.inc,
// which bench/measure-kernel-costs has measured.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELCANDIDATES_H
#define QDIALECT_CONVERSION_KERNELCANDIDATES_H

#include "QDialect/Conversion/WinogradPlan.h"

#include <optional>
#include <string>

namespace q::kernel {

/// Which kernel op a layer becomes.
enum class KernelForm { Dense, Depthwise, Winograd };

/// One way to compute a layer.
struct KernelCandidate {
  KernelForm form = KernelForm::Dense;
  MicroKernel microKernel = MicroKernel::Pmaddwd;
  /// As in the op's `tile`: {pixels, vectors}, {rows, vectors} or
  /// {rows of tiles, channels}.
  std::pair<int64_t, int64_t> tile = {1, 1};
  /// Groups of four products that pmaddubsw adds in int16; 0 for the others.
  int64_t chain = 0;
  /// Of pmaddubsw, instead: chains of each panel's own (`#qk.panel_chains`).
  bool hasOwnChains = false;
  /// Estimated core cycles of one run of the layer.
  int64_t cycles = 0;

  /// The same kernel, whatever it is estimated to take.
  bool isSameAs(const KernelCandidate &other) const {
    return form == other.form && microKernel == other.microKernel &&
           tile == other.tile && chain == other.chain &&
           hasOwnChains == other.hasOwnChains;
  }
};

/// `pmaddwd 5x2`, `pmaddubsw 4x2 chain 8`, `pmaddubsw 4x2 own chains`,
/// `depthwise pmaddwd 2x2`, `winograd pmaddwd 4x64`.
std::string getText(const KernelCandidate &candidate);
/// The inverse; nothing for other texts.
std::optional<KernelCandidate> parseKernelCandidate(llvm::StringRef text);

/// A layer, the micro-kernels that a target has for it, and what is proven of
/// its numbers (rule N8).
struct CandidateRequest {
  LayerGeometry geometry;
  bool isDepthwise = false;
  /// The storage of its input.
  StorageAttr input;
  /// Exact whatever the weights.
  llvm::SmallVector<MicroKernel, 2> dense = {MicroKernel::Pmaddwd};
  MicroKernel depthwise = MicroKernel::Pmaddwd;
  /// Exact for chains of up to `chain` groups, if that is not 0, and for those
  /// of each panel's own.
  std::optional<MicroKernel> densePairs;
  int64_t chain = 0;
  /// Estimated cycles of a tile of 4 pixels and 2 vectors with chains of each
  /// panel's own, over all panels; 0 if they were not planned.
  double ownChainCycles = 0;
  /// The products of Winograd, where it is proven and wanted.
  std::optional<MicroKernel> winograd;
  /// Winograd it is, whatever the estimates.
  bool alwaysWinograd = false;
  int64_t registers = 16; ///< of vectors, on x86
};

/// The candidates of a layer that are worth timing beside what the rules of
/// `convert-q-to-kernels` take, the one of least estimate first.
llvm::SmallVector<KernelCandidate>
getKernelCandidates(const CandidateRequest &request);

/// Why a candidate, of whatever origin, is none for a layer; empty if its bits
/// are those of the others. It need not be among getKernelCandidates().
std::string whyNotExact(const CandidateRequest &request,
                        const KernelCandidate &candidate);

/// Estimated core cycles of one run.
int64_t estimateCycles(const CandidateRequest &request,
                       const KernelCandidate &candidate);

/// Where chains are proven, the least estimate of those that multiply directly,
/// without Winograd; 0 elsewhere, or if none of their tiles was measured.
int64_t estimateDirectCycles(const CandidateRequest &request);

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_KERNELCANDIDATES_H
