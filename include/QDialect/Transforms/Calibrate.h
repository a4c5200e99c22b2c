//===- Calibrate.h - Ranges of quantizers from sample data ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TRANSFORMS_CALIBRATE_H
#define QDIALECT_TRANSFORMS_CALIBRATE_H

#include "QDialect/Evaluation/Statistics.h"

namespace q {

/// Where statistics come from, where they go, and how they become ranges.
struct CalibrationOptions {
  /// What eval::openData() takes; empty if statistics are only loaded.
  std::string data;
  /// What eval::Preprocessing::parse() takes.
  std::string preprocess;
  /// At most this many samples; 0 means all.
  int64_t samples = 0;
  /// Samples whose extremes count as one in averages of extremes.
  int64_t samplesPerAverage = 32;
  /// "minmax", "averaged", "ema", "percentile", "mse" or "entropy".
  std::string method = "mse";
  /// Percent cut off at each end.
  double percentile = 0.01;
  /// Rule N18.
  double decay = 0.99;
  /// "minmax" or "mse".
  std::string weightMethod = "minmax";
  /// Files of statistics, comma-separated, that are merged.
  std::string load;
  /// A file that all statistics are written to.
  std::string save;
};

/// Gives every quantizer of `function` that is not marked `q.fixed` its range.
/// Fails with a diagnostic that says what to do.
mlir::LogicalResult calibrate(mlir::func::FuncOp function,
                              const CalibrationOptions &options,
                              eval::Progress progress);

/// The range [-t, t] of a scheme's symmetric quantizer with the least squared
/// error over `values`.
double chooseLeastErrorThreshold(llvm::ArrayRef<float> values,
                                 SchemeAttr scheme);

} // namespace q

#endif // QDIALECT_TRANSFORMS_CALIBRATE_H
