//===- Histogram.h - A streaming histogram that merges exactly --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_HISTOGRAM_H
#define QDIALECT_EVALUATION_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace q::eval {

/// Counts of values in at most `maxBins` bins of equal width. The width is a
/// power of two and bin i is [i * width, (i + 1) * width), so when values leave
/// the bins, pairs of bins merge into bins of twice the width and nothing is
/// lost. The result depends on the values only, not on their order nor on how
/// they were split: merging two histograms gives exactly the histogram of all
/// values. Exact zeros are counted apart, because every quantizer represents
/// them exactly.
class Histogram {
public:
  static constexpr int64_t maxBins = 4096;

  /// Adds finite values and counts the others. Returns the extremes of the
  /// finite ones, if there are any.
  std::optional<std::pair<double, double>> add(llvm::ArrayRef<float> values);
  /// As if the values of `other` had been added as well, in any order.
  void merge(const Histogram &other);

  /// All that was added, finite or not.
  int64_t getCount() const { return state.count; }
  int64_t getZeros() const { return state.zeros; }
  int64_t getNans() const { return state.nans; }
  int64_t getInfinities() const { return state.infinities; }
  /// Finite values, zeros included.
  int64_t getFinite() const {
    return state.count - state.nans - state.infinities;
  }
  /// Extremes of the finite values, 0 if there are none.
  double getMin() const { return state.min; }
  double getMax() const { return state.max; }

  /// The bins: the first one covers [first * width, (first + 1) * width).
  llvm::ArrayRef<int64_t> getBins() const { return state.bins; }
  int64_t getFirst() const { return state.first; }
  double getWidth() const;
  /// log2 of the width.
  int getExponent() const { return state.exponent; }

  /// The state, for saving; see fromState().
  struct State {
    int64_t count = 0, zeros = 0, nans = 0, infinities = 0;
    double min = 0.0, max = 0.0;
    int exponent = 0;
    int64_t first = 0;
    std::vector<int64_t> bins;
  };
  const State &getState() const { return state; }
  /// Takes a state from outside: false, and nothing changed, if it is none
  /// that getState() could give.
  bool setState(State newState);

private:
  /// Makes the bins cover indices [low, high] of width 2^`binExponent` and the
  /// extremes.
  void cover(int binExponent, int64_t low, int64_t high);
  void updateExtremes(double low, double high);

  State state;
};

} // namespace q::eval

#endif // QDIALECT_EVALUATION_HISTOGRAM_H
