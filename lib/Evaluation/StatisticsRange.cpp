//===- StatisticsRange.cpp - Chooses ranges from statistics ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Statistics.h"

#include "QDialect/Numerics/QuantParams.h"

#include "llvm/ADT/StringSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::eval;

StringRef q::eval::getRangeMethodName(RangeMethod method) {
  switch (method) {
  case RangeMethod::MinMax:
    return "minmax";
  case RangeMethod::Ema:
    return "ema";
  case RangeMethod::Averaged:
    return "averaged";
  case RangeMethod::Percentile:
    return "percentile";
  case RangeMethod::Mse:
    return "mse";
  case RangeMethod::Entropy:
    return "entropy";
  }
  return "";
}

std::optional<RangeMethod> q::eval::parseRangeMethod(StringRef name) {
  return llvm::StringSwitch<std::optional<RangeMethod>>(name)
      .Case("minmax", RangeMethod::MinMax)
      .Case("ema", RangeMethod::Ema)
      .Case("averaged", RangeMethod::Averaged)
      .Case("percentile", RangeMethod::Percentile)
      .Case("mse", RangeMethod::Mse)
      .Case("entropy", RangeMethod::Entropy)
      .Default(std::nullopt);
}

RangeOptions q::eval::withScheme(RangeOptions base, SchemeAttr scheme) {
  base.bits = scheme.getBits();
  base.isSigned = scheme.getIsSigned();
  base.symmetric = scheme.getSymmetric();
  base.narrow = scheme.getNarrow();
  return base;
}

/// Contains 0 (rule N4), and is centred on it if it must be.
static RealRange normalize(RealRange range, bool symmetric) {
  range.min = std::min(range.min, 0.0);
  range.max = std::max(range.max, 0.0);
  if (symmetric) {
    double largest = std::max(-range.min, range.max);
    range = {-largest, largest};
  }
  return range;
}

//===----------------------------------------------------------------------===//
// Percentile
//===----------------------------------------------------------------------===//

/// The value below which `below` of the finite values lie; within a bin the
/// values are taken to be spread evenly. Zeros are a step at 0.
static double getQuantile(const Histogram &histogram, double below) {
  double seen = 0.0, width = histogram.getWidth();
  bool zerosPassed = false;
  auto passZeros = [&] {
    zerosPassed = true;
    seen += histogram.getZeros();
    return seen >= below;
  };
  for (auto [i, count] : llvm::enumerate(histogram.getBins())) {
    int64_t index = histogram.getFirst() + i;
    if (index >= 0 && !zerosPassed && passZeros())
      return 0.0;
    if (count > 0 && seen + count >= below) {
      double inside = std::max(0.0, below - seen) / count;
      return std::clamp((index + inside) * width, histogram.getMin(),
                        histogram.getMax());
    }
    seen += count;
  }
  if (!zerosPassed && passZeros())
    return 0.0;
  return histogram.getMax();
}

//===----------------------------------------------------------------------===//
// Searches
//===----------------------------------------------------------------------===//

namespace {

/// The parameters that a range gives, as the compiler will choose them.
std::optional<numerics::QuantParams> getParams(RealRange range,
                                               const RangeOptions &options) {
  auto params = options.symmetric
                    ? numerics::chooseSymmetric(std::max(-range.min, range.max),
                                                options.bits, options.isSigned,
                                                options.narrow)
                    : numerics::chooseAsymmetric(
                          range.min, range.max, options.bits, options.isSigned);
  if (!params)
    return std::nullopt;
  return *params;
}

/// Index of the storage value of `real`, counted from the lowest.
int64_t getLevel(double real, const numerics::QuantParams &params) {
  double level = std::nearbyint(real / params.scale) + params.zeroPoint;
  return std::clamp<double>(level, params.qmin, params.qmax) - params.qmin;
}

/// Sum of squared errors if the histogram's values are quantized.
double getSquaredError(const Histogram &histogram,
                       const numerics::QuantParams &params) {
  double width = histogram.getWidth(), error = 0.0;
  double low = (params.qmin - params.zeroPoint) * params.scale;
  double high = (params.qmax - params.zeroPoint) * params.scale;
  // Steps finer than a bin cannot be told apart by it: there the error is that
  // of evenly spread values.
  bool isFine = params.scale < width;
  for (auto [i, count] : llvm::enumerate(histogram.getBins())) {
    if (count == 0)
      continue;
    double real = (histogram.getFirst() + double(i) + 0.5) * width, squared;
    if (isFine && real >= low && real <= high) {
      squared = params.scale * params.scale / 12.0;
    } else {
      int64_t q = getLevel(real, params) + params.qmin;
      double difference = real - (q - params.zeroPoint) * params.scale;
      squared = difference * difference;
    }
    error += squared * count;
  }
  return error;
}

/// Kullback-Leibler divergence of the quantized from the clipped distribution.
/// What is clipped counts to the outermost bins of the one, but is unknown to
/// the other, so that clipping costs. Zeros are exact and left out.
double getDivergence(const Histogram &histogram,
                     const numerics::QuantParams &params) {
  ArrayRef<int64_t> bins = histogram.getBins();
  double width = histogram.getWidth();
  double low = (params.qmin - params.zeroPoint) * params.scale;
  double high = (params.qmax - params.zeroPoint) * params.scale;
  auto getReal = [&](size_t i) {
    return (histogram.getFirst() + double(i) + 0.5) * width;
  };
  size_t begin = 0, end = bins.size();
  double below = 0.0, above = 0.0;
  for (; begin < end && getReal(begin) < low; ++begin)
    below += bins[begin];
  for (; end > begin && getReal(end - 1) > high; --end)
    above += bins[end - 1];
  if (begin == end)
    return std::numeric_limits<double>::infinity();

  // The distribution after quantization: each level's count, spread evenly
  // over the bins of that level that are not empty.
  size_t numLevels = params.qmax - params.qmin + 1;
  std::vector<double> counts(numLevels), occupied(numLevels);
  double total = below + above, inner = 0.0;
  for (size_t i = begin; i < end; ++i) {
    bool isEdge = (i == begin && below > 0) || (i + 1 == end && above > 0);
    if (bins[i] == 0 && !isEdge)
      continue;
    size_t level = getLevel(getReal(i), params);
    counts[level] += bins[i];
    occupied[level] += 1.0;
    inner += bins[i];
  }
  total += inner;
  if (inner == 0.0)
    return std::numeric_limits<double>::infinity();
  double divergence = 0.0;
  for (size_t i = begin; i < end; ++i) {
    double p = bins[i];
    p += i == begin ? below : 0.0;
    p += i + 1 == end ? above : 0.0;
    if (p == 0.0)
      continue;
    size_t level = getLevel(getReal(i), params);
    // An edge bin that was empty before clipping has a small probability
    // rather than none.
    double q = std::max(counts[level] / occupied[level], 1e-4);
    divergence += p / total * std::log((p / total) / (q / inner));
  }
  return divergence;
}

/// Looks for the range of least cost between [0, 0] and `full`: one end after
/// the other, coarsely and then finely.
class RangeSearch {
public:
  using Cost = llvm::function_ref<double(RealRange)>;
  RangeSearch(RealRange full, bool symmetric, Cost cost)
      : best(full), symmetric(symmetric), cost(cost), bestCost(cost(full)) {}

  RealRange run() {
    RealRange full = best;
    for (double step : {1.0 / 32, 1.0 / 256}) {
      // The second time around the other end has settled.
      for (int round = 0; round < 2; ++round) {
        search(step, full, /*moveMax=*/true);
        if (!symmetric)
          search(step, full, /*moveMax=*/false);
      }
    }
    return best;
  }

private:
  void search(double step, RealRange full, bool moveMax) {
    double end = moveMax ? full.max : full.min;
    if (end == 0.0)
      return;
    double center = (moveMax ? best.max : best.min) / end;
    bool isCoarse = step > 1.0 / 100;
    int first = isCoarse ? 1 : std::floor((center - 1.0 / 32) / step);
    int last = isCoarse ? 32 : std::ceil((center + 1.0 / 32) / step);
    for (int i = std::max(first, 1); i * step <= 1.0 && i <= last; ++i) {
      RealRange candidate = best;
      (moveMax ? candidate.max : candidate.min) = end * i * step;
      if (symmetric)
        candidate.min = -candidate.max;
      double candidateCost = cost(candidate);
      if (candidateCost < bestCost) {
        best = candidate;
        bestCost = candidateCost;
      }
    }
  }

  RealRange best;
  bool symmetric;
  Cost cost;
  double bestCost;
};

} // namespace

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

static RealRange searchRange(const Histogram &histogram,
                             const RangeOptions &options) {
  RealRange full =
      normalize({histogram.getMin(), histogram.getMax()}, options.symmetric);
  bool isEntropy = options.method == RangeMethod::Entropy;
  auto cost = [&](RealRange range) {
    auto params = getParams(range, options);
    if (!params)
      return std::numeric_limits<double>::infinity();
    return isEntropy ? getDivergence(histogram, *params)
                     : getSquaredError(histogram, *params);
  };
  return RangeSearch(full, options.symmetric, cost).run();
}

RealRange q::eval::chooseRange(const Statistics &statistics,
                               const RangeOptions &options) {
  const Histogram &histogram = statistics.histogram;
  if (histogram.getFinite() == 0 || statistics.batches == 0)
    return {0.0, 0.0};
  RealRange range = statistics.getRange();
  switch (options.method) {
  case RangeMethod::MinMax:
    break;
  case RangeMethod::Ema: {
    double weight =
        1.0 - std::pow(statistics.decay, double(statistics.batches));
    range = {statistics.emaMin / weight, statistics.emaMax / weight};
    break;
  }
  case RangeMethod::Averaged:
    range = {statistics.sumMin / statistics.batches,
             statistics.sumMax / statistics.batches};
    break;
  case RangeMethod::Percentile: {
    double cut = histogram.getFinite() * options.percentile / 100.0;
    range = {getQuantile(histogram, cut),
             getQuantile(histogram, histogram.getFinite() - cut)};
    break;
  }
  case RangeMethod::Mse:
  case RangeMethod::Entropy:
    range = searchRange(histogram, options);
    break;
  }
  return normalize(range, options.symmetric);
}

SmallVector<RealRange> q::eval::chooseRanges(const Statistics &statistics,
                                             const RangeOptions &options) {
  if (statistics.channels.empty())
    return {chooseRange(statistics, options)};
  SmallVector<RealRange> ranges;
  for (const RealRange &channel : statistics.channels)
    ranges.push_back(normalize(channel, options.symmetric));
  return ranges;
}
