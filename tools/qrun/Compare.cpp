//===- Compare.cpp - Compares two models element by element ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tasks.h"

#include "Support/ProgressLine.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace q;
using namespace q::qrun;

namespace {

/// What was found in one kind of inputs.
struct Difference {
  int64_t runs = 0, elements = 0, differing = 0;
  double largest = 0.0, relative = 0.0;
  size_t output = 0;
};

class Comparison {
public:
  Comparison(Model &a, Model &b, const CompareOptions &options, Location loc)
      : a(a), b(b), options(options), loc(loc) {}

  LogicalResult checkInterfaces();
  LogicalResult compareData(eval::DataSource &data);
  LogicalResult compareRandom();
  LogicalResult compareExtremes();
  bool isEqual() const { return worst <= options.tolerance; }

private:
  LogicalResult compareRun(ArrayRef<Tensor> inputs, Difference &difference);
  void compareOutput(size_t index, const Tensor &left, const Tensor &right,
                     Difference &difference);
  void report(StringRef what, const Difference &difference);
  /// The real values that input `index` can tell apart: what it is quantized
  /// to, else what the data held, else [-1, 1].
  std::pair<float, float> getRange(size_t index) const;
  /// The same, but far beyond what an integer model of unknown range can tell
  /// apart: it saturates.
  std::pair<float, float> getExtremes(size_t index) const;
  /// Inputs whose element i is `value(i, low, high)`.
  template <typename Range, typename Value>
  SmallVector<Tensor> makeInputs(Range range, Value value) const;
  std::optional<std::pair<float, float>> getKnownRange(size_t index) const;

  Model &a, &b;
  CompareOptions options;
  Location loc;
  double worst = 0.0;
  /// Extremes of the data, per input; empty without data.
  std::vector<std::pair<float, float>> seen;
};

} // namespace

LogicalResult Comparison::checkInterfaces() {
  auto check = [&](ArrayRef<TensorInfo> left, ArrayRef<TensorInfo> right,
                   StringRef what) -> LogicalResult {
    if (left.size() != right.size())
      return emitError(loc)
             << "cannot compare: the first model has " << left.size() << " "
             << what << "s, the second has " << right.size();
    for (auto [index, pair] : llvm::enumerate(llvm::zip_equal(left, right))) {
      auto [l, r] = pair;
      if (l.shape != r.shape)
        return emitError(loc)
               << "cannot compare: " << what << " " << index << " is ["
               << l.shape << "] in the first model, but [" << r.shape
               << "] in the second; import with the same --batch";
    }
    return success();
  };
  if (failed(check(a.getInputs(), b.getInputs(), "input")))
    return failure();
  return check(a.getOutputs(), b.getOutputs(), "output");
}

/// Two elements are the same if their bits are, or both are not numbers, or
/// they are zeros.
static double getDistance(float left, float right) {
  if (left == right || (std::isnan(left) && std::isnan(right)))
    return 0.0;
  double distance = std::fabs(double(left) - right);
  return std::isnan(distance) ? INFINITY : distance;
}

void Comparison::compareOutput(size_t index, const Tensor &left,
                               const Tensor &right, Difference &difference) {
  int64_t count = left.getNumElements();
  Tensor x = getReal(left, a.getOutputs()[index]);
  Tensor y = getReal(right, b.getOutputs()[index]);
  double largest = 0.0, magnitude = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    double distance = getDistance(x.f()[i], y.f()[i]);
    difference.differing += distance != 0.0;
    largest = std::max(largest, distance);
    if (std::isfinite(x.f()[i]))
      magnitude = std::max<double>(magnitude, std::fabs(x.f()[i]));
  }
  difference.elements += count;
  if (largest > difference.largest) {
    difference.largest = largest;
    difference.output = index;
  }
  double relative = largest == 0.0    ? 0.0
                    : magnitude > 0.0 ? largest / magnitude
                                      : INFINITY;
  difference.relative = std::max(difference.relative, relative);
}

LogicalResult Comparison::compareRun(ArrayRef<Tensor> inputs,
                                     Difference &difference) {
  auto left = a.runReal(inputs);
  if (failed(left))
    return failure();
  auto right = b.runReal(inputs);
  if (failed(right))
    return failure();
  ++difference.runs;
  for (size_t i = 0; i < left->size(); ++i)
    compareOutput(i, (*left)[i], (*right)[i], difference);
  return success();
}

void Comparison::report(StringRef what, const Difference &difference) {
  worst = std::max(worst, difference.relative);
  llvm::outs() << what << ": " << difference.differing << " of "
               << difference.elements << " elements differ in "
               << difference.runs << " runs";
  if (difference.differing > 0)
    llvm::outs() << llvm::format(", by at most %g (%.3g of the largest value), "
                                 "worst in output %zu",
                                 difference.largest, difference.relative,
                                 difference.output);
  llvm::outs() << "\n";
}

LogicalResult Comparison::compareData(eval::DataSource &data) {
  Difference difference;
  {
    ProgressLine progress("comparing");
    for (int64_t i = 0; i < data.getNumBatches(); ++i) {
      FailureOr<eval::Batch> batch = data.read(i);
      if (failed(batch))
        return failure();
      seen.resize(batch->inputs.size(), {INFINITY, -INFINITY});
      for (auto [tensor, range] : llvm::zip_equal(batch->inputs, seen))
        for (float value : tensor.f())
          range = {std::min(range.first, value), std::max(range.second, value)};
      if (failed(compareRun(batch->inputs, difference)))
        return failure();
      progress.update(i + 1, data.getNumBatches());
    }
  }
  report("data", difference);
  return success();
}

std::optional<std::pair<float, float>>
Comparison::getKnownRange(size_t index) const {
  for (const Model *model : {&a, &b}) {
    const TensorInfo &info = model->getInputs()[index];
    for (const auto &params : {info.params, info.quantizedAs})
      if (params)
        return std::make_pair(numerics::dequantize(params->qmin, *params),
                              numerics::dequantize(params->qmax, *params));
  }
  return std::nullopt;
}

std::pair<float, float> Comparison::getRange(size_t index) const {
  if (auto known = getKnownRange(index))
    return *known;
  if (index < seen.size() && seen[index].first < seen[index].second)
    return seen[index];
  return {-1.0f, 1.0f};
}

std::pair<float, float> Comparison::getExtremes(size_t index) const {
  if (!getKnownRange(index) && a.isInteger() && b.isInteger())
    return {-1e30f, 1e30f};
  return getRange(index);
}

template <typename Range, typename Value>
SmallVector<Tensor> Comparison::makeInputs(Range range, Value value) const {
  SmallVector<Tensor> inputs;
  for (auto [index, info] : llvm::enumerate(a.getInputs())) {
    auto [low, high] = range(index);
    Tensor tensor = Tensor::floats(info.shape);
    for (auto [i, element] : llvm::enumerate(tensor.f()))
      element = value(i, low, high);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

LogicalResult Comparison::compareRandom() {
  Difference difference;
  std::mt19937_64 generator(options.seed);
  // Made by hand, because std::uniform_real_distribution differs between
  // libraries.
  auto uniform = [&] { return (generator() >> 11) * 0x1p-53; };
  {
    ProgressLine progress("comparing");
    for (int64_t run = 0; run < options.random; ++run) {
      // A little beyond the range, so that saturation is tried too.
      auto range = [&](size_t index) { return getRange(index); };
      auto inputs = makeInputs(range, [&](size_t, float low, float high) {
        double margin = 0.05 * (double(high) - low);
        return float(low - margin +
                     uniform() * (double(high) - low + 2 * margin));
      });
      if (failed(compareRun(inputs, difference)))
        return failure();
      progress.update(run + 1, options.random);
    }
  }
  report("random", difference);
  return success();
}

LogicalResult Comparison::compareExtremes() {
  Difference difference;
  auto low = [](size_t, float low, float) { return low; };
  auto high = [](size_t, float, float high) { return high; };
  auto alternating = [](size_t i, float low, float high) {
    return i % 2 ? high : low;
  };
  auto opposite = [](size_t i, float low, float high) {
    return i % 2 ? low : high;
  };
  auto range = [&](size_t index) { return getExtremes(index); };
  if (failed(compareRun(makeInputs(range, low), difference)) ||
      failed(compareRun(makeInputs(range, high), difference)) ||
      failed(compareRun(makeInputs(range, alternating), difference)) ||
      failed(compareRun(makeInputs(range, opposite), difference)))
    return failure();
  report("extremes", difference);
  return success();
}

LogicalResult q::qrun::compareModels(Model &a, Model &b, eval::DataSource *data,
                                     const CompareOptions &options,
                                     Location loc) {
  Comparison comparison(a, b, options, loc);
  if (failed(comparison.checkInterfaces()) ||
      (data && failed(comparison.compareData(*data))) ||
      (options.random > 0 && failed(comparison.compareRandom())) ||
      (options.extremes && failed(comparison.compareExtremes())))
    return failure();
  return success(comparison.isEqual());
}
