//===- Tasks.h - What qrun can do with a model ------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QRUN_TASKS_H
#define QDIALECT_TOOLS_QRUN_TASKS_H

#include "Model.h"

namespace q::qrun {

/// Runs `model` over all samples. Every output is concatenated along its first
/// dimension and written to `prefix`_<i>.npy as float32, unless `prefix` is
/// empty. With labels, prints how often the first output is right.
struct RunOptions {
  std::string prefix;
  std::string labels;
  /// Added to every label: models that have a class more in front.
  int64_t labelOffset = 0;
};
mlir::LogicalResult runOverData(Model &model, eval::DataSource &data,
                                const RunOptions &options, mlir::Location loc);

/// Counts the output elements in which two models differ on the same inputs:
/// samples of `data` (may be null), `random` sets of uniform values, and
/// constant and alternating extremes. Prints a line per kind of input; fails
/// silently if an element differs by more than `tolerance` times the largest
/// magnitude of its output, and with a diagnostic if the models cannot be
/// compared.
struct CompareOptions {
  int64_t random = 0;
  bool extremes = false;
  double tolerance = 0.0;
  uint64_t seed = 1;
};
mlir::LogicalResult compareModels(Model &a, Model &b, eval::DataSource *data,
                                  const CompareOptions &options,
                                  mlir::Location loc);

/// Prints the median time of `runs` runs in nanoseconds, after a few to warm
/// up. Runs on the first sample of `data`, or on zeros. With `perLayer` also
/// what each layer takes; a diagnostic if the model does not count it.
mlir::LogicalResult benchModel(Model &model, eval::DataSource *data,
                               int64_t runs, bool perLayer, mlir::Location loc);

/// Prints inputs and outputs.
void printInterface(const Model &model);

} // namespace q::qrun

#endif // QDIALECT_TOOLS_QRUN_TASKS_H
