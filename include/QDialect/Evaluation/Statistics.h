//===- Statistics.h - What calibration remembers of a tensor ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statistics of the tensors that are to be quantized: collected while the
// float evaluator runs, of a size that does not depend on the number of
// samples, mergeable, so that calibration can be split over machines, and
// enough to choose a range by any of the methods.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_STATISTICS_H
#define QDIALECT_EVALUATION_STATISTICS_H

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Evaluation/Histogram.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <string>

namespace q::eval {

/// A range of real numbers, min <= max.
struct RealRange {
  double min = 0.0;
  double max = 0.0;
};

/// The statistics of one tensor. A *batch* is what counts once in an average
/// of extremes: one or several runs of the model.
struct Statistics {
  int64_t batches = 0;
  Histogram histogram;
  /// Sums over batches of their extremes.
  double sumMin = 0.0, sumMax = 0.0;
  /// Exponential moving averages of the extremes (rule N18), before division
  /// by their total weight 1 - decay^batches.
  double decay = 0.99;
  double emaMin = 0.0, emaMax = 0.0;
  /// Per-channel extremes, where the scheme has an axis.
  std::vector<RealRange> channels;

  /// The finite extremes of all values seen; [0, 0] if there were none.
  RealRange getRange() const {
    return {histogram.getMin(), histogram.getMax()};
  }

  /// Adds values to the current batch.
  void add(llvm::ArrayRef<float> values);
  /// Ends the current batch; nothing happens if it is empty.
  void endBatch();
  /// Adds per-channel extremes of a row-major tensor of shape `shape`.
  void addChannels(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape,
                   int64_t axis);

  /// As if the batches of `later` had followed. Fails without a message if the
  /// two cannot belong together: another decay or number of channels.
  mlir::LogicalResult merge(const Statistics &later);

private:
  /// The extremes of the batch that has not ended yet.
  std::optional<RealRange> pending;
};

/// By key of the quantizer; sorted, so that a saved file is reproducible.
using StatisticsMap = std::map<std::string, Statistics>;

/// A name for every quantizer of a function that stays the same as long as the
/// model does: the name in its own location, else in that of what produces its
/// operand ("argN" for a nameless argument, the op's name for a nameless
/// op), with "#1", "#2" ... for the second, third ... of the same name.
llvm::MapVector<mlir::Operation *, std::string>
getQuantizerKeys(mlir::func::FuncOp function);
/// One of them; walks the whole function.
std::string getQuantizerKey(QuantizerOp quantizer);

/// How to collect.
struct CollectOptions {
  /// Runs of the model whose extremes count as one in averages.
  int64_t runsPerBatch = 1;
  /// Rule N18.
  double decay = 0.99;
};

/// Called after every run with the number of samples done and of all.
using Progress = llvm::function_ref<void(int64_t done, int64_t all)>;

/// Runs the float evaluator over `data` and adds what every `q.quantizer` of
/// `function` sees to `statistics`. Constants under a quantizer are seen once.
/// Fails with a diagnostic at the quantizer that sees NaN.
mlir::LogicalResult collectStatistics(mlir::func::FuncOp function,
                                      DataSource &data,
                                      StatisticsMap &statistics,
                                      const CollectOptions &options,
                                      Progress progress);

/// The statistics of a constant: one batch, and per channel if axis >= 0.
mlir::FailureOr<Statistics> getConstantStatistics(mlir::Value constant,
                                                  int64_t axis);

/// How a range is chosen.
enum class RangeMethod {
  /// All that was seen.
  MinMax,
  /// Moving average of batch extremes (rule N18).
  Ema,
  /// Mean of batch extremes.
  Averaged,
  /// Cuts off `percentile` percent of the values at each end.
  Percentile,
  /// The clipped range of least mean squared error.
  Mse,
  /// The clipped range of least Kullback-Leibler divergence.
  Entropy,
};
/// "minmax", "ema", "averaged", "percentile", "mse", "entropy".
llvm::StringRef getRangeMethodName(RangeMethod method);
/// The method of such a name; nothing if there is none.
std::optional<RangeMethod> parseRangeMethod(llvm::StringRef name);

/// How the range of a tensor is chosen.
struct RangeOptions {
  RangeMethod method = RangeMethod::Averaged;
  /// Percent cut off at each end.
  double percentile = 0.01;
  /// Of the storage type; what mse and entropy need.
  unsigned bits = 8;
  bool isSigned = false;
  bool symmetric = false;
  bool narrow = false;
};
/// `base` with the bits, sign and symmetry of `scheme`.
RangeOptions withScheme(RangeOptions base, SchemeAttr scheme);

/// The range by `options.method`. It always contains 0 (rule N4); a symmetric
/// one is [-t, t]. A tensor that was never seen, or was always 0, gives [0, 0].
RealRange chooseRange(const Statistics &statistics,
                      const RangeOptions &options);
/// One range, or one per channel where there are per-channel statistics (their
/// extremes, whatever the method).
llvm::SmallVector<RealRange> chooseRanges(const Statistics &statistics,
                                          const RangeOptions &options);

/// Saves as JSON; loading gives back exactly the same statistics. A file that
/// cannot be read or is no such file is a diagnostic at `loc`.
mlir::LogicalResult saveStatistics(llvm::StringRef path,
                                   const StatisticsMap &statistics,
                                   mlir::Location loc);
mlir::FailureOr<StatisticsMap> loadStatistics(llvm::StringRef path,
                                              mlir::Location loc);
/// Merges key by key; a key that cannot be merged is a diagnostic at `loc`.
mlir::LogicalResult mergeStatistics(StatisticsMap &into,
                                    const StatisticsMap &from,
                                    mlir::Location loc);

} // namespace q::eval

#endif // QDIALECT_EVALUATION_STATISTICS_H
