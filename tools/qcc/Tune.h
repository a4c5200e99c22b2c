//===- Tune.h - Time the candidates of layers -------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QCC_TUNE_H
#define QDIALECT_TOOLS_QCC_TUNE_H

#include "Compile.h"

#include "QDialect/Conversion/Lowering.h"

namespace q {

/// What can be said of the options --tune and --tuned before anything is
/// compiled: a diagnostic at `loc` if the target's code cannot run here, if a
/// file is not sound, or if both are given.
mlir::LogicalResult checkTuning(const Target &target, const std::string &tune,
                                const std::string &tuned, mlir::Location loc);

/// Times the candidates of all kinds of layers of a quantized network that the
/// file `path` does not know for the target, and adds the fastest of each to
/// it; makes the file if it is not there. `lowering` is how the network will be
/// compiled.
///
/// The network is compiled once for every number of a candidate, with counters
/// between its layers, so that a candidate is timed where it will run: with its
/// neighbours, and with caches as they leave them. The libraries take turns,
/// and the fastest run of each layer counts, since other work on the machine
/// only ever slows one down.
///
/// Fails with a diagnostic if the file cannot be read or written, or if two
/// candidates differ in a bit of a result, which would be a bug of the
/// compiler.
mlir::LogicalResult tuneKernels(mlir::ModuleOp quantized, const Target &target,
                                const LoweringOptions &lowering,
                                const std::string &path, mlir::Location loc,
                                bool verbose);

} // namespace q

#endif // QDIALECT_TOOLS_QCC_TUNE_H
