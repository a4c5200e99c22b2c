//===- KernelChoice.h - Which candidate a layer takes -----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_KERNELCHOICE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_KERNELCHOICE_H

#include "LayerConstants.h"
#include "QDialect/Conversion/KernelCandidates.h"
#include "QDialect/Conversion/TunedKernels.h"

namespace q::kernel {

/// What a layer is told to take.
struct KernelChoice {
  /// None if the rules of the pass decide.
  std::optional<KernelCandidate> candidate;
  /// The value of kTuningAttrName; null if nothing is being timed.
  mlir::DictionaryAttr tuning;
};

/// Tells layers what to take: by a file of measurements, by number, or as
/// asked.
class KernelChooser {
public:
  /// `target` is the kernel passes' name of it.
  explicit KernelChooser(std::string target) : target(std::move(target)) {}

  /// Follow what was measured; a diagnostic at `loc` if the file is not sound.
  mlir::LogicalResult readTuned(llvm::StringRef path, mlir::Location loc);
  /// Every layer for which this candidate is exact takes it; a diagnostic if
  /// it is no candidate's text.
  mlir::LogicalResult force(llvm::StringRef text, mlir::Location loc);
  /// Layers take the candidate of this number: 0 is what the rules take, then
  /// come the others in the order of their estimates. Those that have fewer,
  /// and those that were measured, take what they take else.
  void setRound(int64_t number) { round = number; }

  KernelChoice choose(WeightedOpInterface op, const CandidateRequest &request,
                      const LayerConstants &constants);

  /// One remark of the layers that the file does not know.
  void reportUnknown(mlir::Location loc) const;

private:
  bool findTuned(WeightedOpInterface op, const CandidateRequest &request,
                 llvm::StringRef key, KernelChoice &choice);

  std::string target;
  std::optional<TunedKernels> tuned;
  std::string tunedPath;
  std::optional<KernelCandidate> forced;
  std::optional<int64_t> round;
  int64_t known = 0, unknown = 0;
};

/// The key of a layer in a file of measurements: everything on which the time
/// of its candidates depends.
std::string getLayerKey(const CandidateRequest &request,
                        const LayerConstants &constants);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELCHOICE_H
