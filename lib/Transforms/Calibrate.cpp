//===- Calibrate.cpp - Ranges of quantizers from sample data --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Transforms/Calibrate.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "llvm/Support/FormatVariadic.h"

#include <array>
#include <cmath>
#include <limits>

namespace q {
#define GEN_PASS_DEF_CALIBRATE
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static void setRanges(QuantizerOp op, ArrayRef<eval::RealRange> ranges) {
  SmallVector<double> low, high;
  for (eval::RealRange range : ranges) {
    low.push_back(range.min);
    high.push_back(range.max);
  }
  Builder builder(op.getContext());
  op.setMinAttr(builder.getDenseF64ArrayAttr(low));
  op.setMaxAttr(builder.getDenseF64ArrayAttr(high));
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The squared error that the quantizer of `params` makes of `values`.
static double getSquaredError(ArrayRef<float> values,
                              const numerics::QuantParams &params,
                              MutableArrayRef<float> buffer) {
  double error = 0.0;
  for (; !values.empty(); values = values.drop_front(buffer.size())) {
    buffer = buffer.take_front(values.size());
    numerics::simulate(params, values.data(), buffer.data(), buffer.size());
    for (size_t i = 0; i < buffer.size(); ++i) {
      double difference = double(values[i]) - double(buffer[i]);
      error += difference * difference;
    }
  }
  return error;
}

double q::chooseLeastErrorThreshold(ArrayRef<float> values, SchemeAttr scheme) {
  double low = 0.0, high = 0.0;
  for (float value : values) {
    low = std::min<double>(low, value);
    high = std::max<double>(high, value);
  }
  double largest = std::max(-low, high);
  std::array<float, 512> buffer;
  double best = largest, leastError = std::numeric_limits<double>::infinity();
  // False where clipping alone costs more than the best threshold does.
  auto consider = [&](double threshold) {
    auto params = chooseParams(scheme, -threshold, threshold);
    if (!params)
      return false;
    double lost = std::max({0.0, high - params->scale * params->qmax,
                            params->scale * params->qmin - low});
    if (lost * lost >= leastError)
      return false;
    double error = getSquaredError(values, *params, buffer);
    if (error < leastError) {
      leastError = error;
      best = threshold;
    }
    return true;
  };
  consider(largest);
  // Where the values fall between the integers changes when the largest of
  // them moves by a fraction of a step. Thresholds above it gain by that, too,
  // most of all for few values, such as those of a depthwise channel.
  int64_t steps = std::min<int64_t>(
      8 * numerics::storageRange(scheme.getBits(), true).qmax, 1024);
  for (int64_t i = 1; i <= steps / 4; ++i)
    consider(largest * (steps + i) / steps);
  for (int64_t i = 1; i < steps && consider(largest * (steps - i) / steps); ++i)
    ;
  return best;
}

/// The ranges of a constant: its extremes, or, for symmetric schemes with the
/// method `mse`, those of least error.
static LogicalResult calibrateConstant(QuantizerOp op, StringRef method) {
  SchemeAttr scheme = op.getScheme();
  auto values = getConstantFloats(op.getInput());
  if (failed(values))
    return failure();
  auto type = cast<RankedTensorType>(op.getType());
  for (float value : *values)
    if (!std::isfinite(value))
      return op.emitOpError("quantizes a constant that holds ")
             << value << "; repair the model's weights";
  SmallVector<eval::RealRange> ranges;
  if (scheme.getAxis() > 0 && type.getRank() > 1)
    return op.emitOpError("quantizes a constant along axis ")
           << scheme.getAxis() << "; only axis 0 is supported";
  size_t channels = scheme.getAxis() == 0 ? type.getDimSize(0) : 1;
  size_t perChannel = channels ? values->size() / channels : 0;
  for (size_t c = 0; c < channels; ++c) {
    ArrayRef<float> own = ArrayRef(*values).slice(c * perChannel, perChannel);
    eval::RealRange range;
    for (float value : own) {
      range.min = std::min<double>(range.min, value);
      range.max = std::max<double>(range.max, value);
    }
    if (scheme.getSymmetric()) {
      double bound = method == "mse" ? chooseLeastErrorThreshold(own, scheme)
                                     : std::max(-range.min, range.max);
      range = {scheme.getIsSigned() ? -bound : 0.0, bound};
    }
    ranges.push_back(range);
  }
  setRanges(op, ranges);
  return success();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static FailureOr<eval::StatisticsMap>
gatherStatistics(func::FuncOp function, const CalibrationOptions &options,
                 eval::Progress progress) {
  Location loc = function.getLoc();
  eval::StatisticsMap statistics;
  SmallVector<StringRef> files;
  StringRef(options.load).split(files, ',', -1, /*KeepEmpty=*/false);
  for (StringRef file : files) {
    auto loaded = eval::loadStatistics(file, loc);
    if (failed(loaded) ||
        failed(eval::mergeStatistics(statistics, *loaded, loc)))
      return failure();
  }
  if (!options.data.empty()) {
    auto data = eval::openData(options.data, function, options.preprocess,
                               options.samples);
    if (failed(data))
      return failure();
    eval::CollectOptions collect;
    collect.decay = options.decay;
    int64_t batch = std::max<int64_t>((*data)->getBatchSize(), 1);
    collect.runsPerBatch =
        std::max<int64_t>(1, options.samplesPerAverage / batch);
    if (failed(eval::collectStatistics(function, **data, statistics, collect,
                                       progress)))
      return failure();
  }
  if (!options.save.empty() &&
      failed(eval::saveStatistics(options.save, statistics, loc)))
    return failure();
  return statistics;
}

static LogicalResult checkOptions(func::FuncOp function,
                                  const CalibrationOptions &options) {
  Location loc = function.getLoc();
  if (!eval::parseRangeMethod(options.method))
    return emitError(loc) << "calibration has no method '" << options.method
                          << "'; use minmax, averaged, ema, percentile, mse or "
                             "entropy";
  if (options.weightMethod != "minmax" && options.weightMethod != "mse")
    return emitError(loc) << "weights have no calibration method '"
                          << options.weightMethod << "'; use minmax or mse";
  if (!(options.percentile >= 0.0 && options.percentile < 50.0))
    return emitError(loc) << "calibration cannot cut off "
                          << llvm::formatv("{0}", options.percentile)
                          << " percent at each end; choose 0 to below 50";
  if (!(options.decay > 0.0 && options.decay < 1.0))
    return emitError(loc) << "the decay of moving averages cannot be "
                          << llvm::formatv("{0}", options.decay)
                          << "; choose between 0 and 1";
  if (options.samplesPerAverage < 1)
    return emitError(loc) << "an average of extremes needs at least 1 sample";
  return success();
}

/// Whether the model brought scales of its own.
static bool arrivedQuantized(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        return isa<QuantizeOp, DequantizeOp>(op) ? WalkResult::interrupt()
                                                 : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult q::calibrate(func::FuncOp function,
                           const CalibrationOptions &options,
                           eval::Progress progress) {
  if (failed(checkOptions(function, options)))
    return failure();
  SmallVector<QuantizerOp> activations;
  WalkResult result = function.walk([&](QuantizerOp op) {
    if (op->hasAttr(kFixedAttrName))
      return WalkResult::advance();
    if (!op.getInput().getDefiningOp<ConstOp>())
      activations.push_back(op);
    else if (failed(calibrateConstant(op, options.weightMethod)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (activations.empty())
    return success();
  if (options.data.empty() && options.load.empty() &&
      arrivedQuantized(function))
    return activations.front()->emitError(
               "is not quantized in a model that is quantized in part (such "
               "tensors: ")
           << activations.size()
           << "); quantize it in the model, or give samples to calibrate the "
              "rest with (--calibrate=DATA, or data=FILE of q-calibrate)";
  if (options.data.empty() && options.load.empty())
    return function.emitOpError(
        "cannot be calibrated without data; give sample inputs (data=FILE or "
        "FOLDER) or saved statistics (load=FILE)");

  auto statistics = gatherStatistics(function, options, progress);
  if (failed(statistics))
    return failure();
  eval::RangeOptions rangeOptions;
  rangeOptions.method = *eval::parseRangeMethod(options.method);
  rangeOptions.percentile = options.percentile;
  llvm::MapVector<Operation *, std::string> keys =
      eval::getQuantizerKeys(function);
  for (QuantizerOp op : activations) {
    auto found = statistics->find(keys[op]);
    if (found == statistics->end())
      return op.emitOpError("has no statistics under the name '")
             << keys[op]
             << "'; those that were loaded are of another model or of another "
                "version of it: calibrate with data";
    setRanges(
        op, eval::chooseRanges(found->second,
                               eval::withScheme(rangeOptions, op.getScheme())));
  }
  uniteGroupRanges(function);
  return success();
}

namespace {

struct CalibratePass : q::impl::CalibrateBase<CalibratePass> {
  using CalibrateBase::CalibrateBase;

  void runOnOperation() override {
    func::FuncOp function;
    for (auto candidate : getOperation().getOps<func::FuncOp>()) {
      bool quantizes = false;
      candidate.walk([&](QuantizerOp) { quantizes = true; });
      if (!quantizes)
        continue;
      if (function) {
        candidate.emitOpError("is the second function with quantizers; "
                              "calibrate modules with one network each");
        return signalPassFailure();
      }
      function = candidate;
    }
    if (!function)
      return;
    CalibrationOptions options;
    options.data = data;
    options.preprocess = preprocess;
    options.samples = samples;
    options.samplesPerAverage = samplesPerAverage;
    options.method = method;
    options.percentile = percentile;
    options.decay = decay;
    options.weightMethod = weightMethod;
    options.load = load;
    options.save = save;
    if (failed(calibrate(function, options, [](int64_t, int64_t) {})))
      signalPassFailure();
  }
};

} // namespace
