//===- TunedKernels.h - Kernels that were timed -----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The file that `qcc --tune` writes and later compilations read:
//
//   {"version": 1,
//    "targets": {"avx2": {
//      "1x56x56x64 -> 1x56x56x64, 3x3, ...": {
//        "kernel": "winograd pmaddwd 4x64", "nanoseconds": 401000,
//        "default_nanoseconds": 421000}}}}
//
// with an entry for every kind of layer that was timed. It only ever chooses
// among kernels that are exact for a layer.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_TUNEDKERNELS_H
#define QDIALECT_CONVERSION_TUNEDKERNELS_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <map>
#include <string>

namespace q::kernel {

/// In place of a candidate: what `convert-q-to-kernels` takes by its rules.
constexpr llvm::StringLiteral kDefaultKernel = "default";

/// What was measured of one kind of layer.
struct TunedKernel {
  /// The fastest candidate, as getText() writes it, or kDefaultKernel.
  std::string kernel;
  int64_t nanoseconds = 0;
  /// The time of what the rules take.
  int64_t defaultNanoseconds = 0;
};

/// What `qcc --tune` has measured: a file of kernels, by target (avx2, neon
/// ...) and kind of layer.
class TunedKernels {
public:
  /// Reads a file. Fails with a diagnostic at `loc` that says what is wrong
  /// with it.
  static mlir::FailureOr<TunedKernels> read(llvm::StringRef path,
                                            mlir::Location loc);
  /// Replaces the file, whole or not at all; entries in the order of their
  /// names.
  mlir::LogicalResult write(llvm::StringRef path, mlir::Location loc) const;

  /// Null if a kind of layer was not timed.
  const TunedKernel *find(llvm::StringRef target, llvm::StringRef layer) const;
  void set(llvm::StringRef target, llvm::StringRef layer, TunedKernel kernel);
  bool hasTarget(llvm::StringRef target) const {
    return targets.count(target.str());
  }

private:
  std::map<std::string, std::map<std::string, TunedKernel>> targets;
};

/// On kernel ops whose candidates are being timed: a dictionary of `layer` (the
/// key of TunedKernels), `kernel` (getText() of the candidate that it has) and
/// `candidates` (how many there are). ProfileLayers passes it on, and no code
/// depends on it.
constexpr llvm::StringLiteral kTuningAttrName = "q.tuning";

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_TUNEDKERNELS_H
