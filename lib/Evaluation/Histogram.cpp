//===- Histogram.cpp - A streaming histogram that merges exactly ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The exponent is the least one that fits the bins to all nonzero values, but
// not less than float32's precision at the largest value asks for. It is thus a
// function of the values seen, and only grows.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Histogram.h"

#include <algorithm>
#include <cmath>

using namespace q::eval;

/// Finer bins than this would tell apart what float32 cannot.
static int getLeastExponent(double low, double high) {
  double largest = std::max(std::fabs(low), std::fabs(high));
  return largest > 0.0 ? std::max(std::ilogb(largest) - 23, -160) : -160;
}

/// floor(x / 2^exponent), where 2^-exponent is `inverse`. Both steps are exact.
static int64_t getIndex(double x, double inverse) {
  double scaled = x * inverse;
  auto index = static_cast<int64_t>(scaled);
  return index - (static_cast<double>(index) > scaled);
}

/// floor(index / 2^shift)
static int64_t coarsen(int64_t index, int shift) {
  return index >> std::min(shift, 63);
}

double Histogram::getWidth() const { return std::ldexp(1.0, state.exponent); }

void Histogram::updateExtremes(double low, double high) {
  bool isFirst = getFinite() == 0;
  state.min = isFirst ? low : std::min(state.min, low);
  state.max = isFirst ? high : std::max(state.max, high);
}

void Histogram::cover(int binExponent, int64_t low, int64_t high) {
  int exponent = std::max(binExponent, getLeastExponent(state.min, state.max));
  if (!state.bins.empty())
    exponent = std::max(exponent, state.exponent);
  low = coarsen(low, exponent - binExponent);
  high = coarsen(high, exponent - binExponent);
  int64_t ownSize = state.bins.size();
  if (ownSize > 0) {
    int shift = exponent - state.exponent;
    low = std::min(low, coarsen(state.first, shift));
    high = std::max(high, coarsen(state.first + ownSize - 1, shift));
  }
  for (; high - low >= maxBins; ++exponent) {
    low = coarsen(low, 1);
    high = coarsen(high, 1);
  }
  std::vector<int64_t> bins(high - low + 1);
  for (int64_t i = 0; i < ownSize; ++i)
    bins[coarsen(state.first + i, exponent - state.exponent) - low] +=
        state.bins[i];
  state.bins = std::move(bins);
  state.first = low;
  state.exponent = exponent;
}

std::optional<std::pair<double, double>>
Histogram::add(llvm::ArrayRef<float> values) {
  int64_t nans = 0, infinities = 0, zeros = 0;
  float low = INFINITY, high = -INFINITY;
  // The extremes of the nonzero values, which are what bins must cover.
  float nonzeroLow = INFINITY, nonzeroHigh = -INFINITY;
  for (float value : values) {
    if (!std::isfinite(value)) {
      ++(std::isnan(value) ? nans : infinities);
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    if (value == 0.0f) {
      ++zeros;
      continue;
    }
    nonzeroLow = std::min(nonzeroLow, value);
    nonzeroHigh = std::max(nonzeroHigh, value);
  }
  bool hasFinite = low <= high;
  if (hasFinite)
    updateExtremes(low, high);
  state.count += values.size();
  state.zeros += zeros;
  state.nans += nans;
  state.infinities += infinities;
  if (nonzeroLow <= nonzeroHigh) {
    int exponent = getLeastExponent(state.min, state.max);
    if (!state.bins.empty())
      exponent = std::max(exponent, state.exponent);
    double inverse = std::ldexp(1.0, -exponent);
    int64_t lowIndex = getIndex(nonzeroLow, inverse);
    int64_t highIndex = getIndex(nonzeroHigh, inverse);
    int64_t end = state.first + static_cast<int64_t>(state.bins.size());
    if (state.bins.empty() || exponent != state.exponent ||
        lowIndex < state.first || highIndex >= end)
      cover(exponent, lowIndex, highIndex);
    inverse = std::ldexp(1.0, -state.exponent);
    for (float value : values)
      if (value != 0.0f && std::isfinite(value))
        ++state.bins[getIndex(value, inverse) - state.first];
  }
  if (!hasFinite)
    return std::nullopt;
  return std::make_pair<double, double>(low, high);
}

void Histogram::merge(const Histogram &other) {
  const State &o = other.state;
  if (other.getFinite() > 0)
    updateExtremes(o.min, o.max);
  state.count += o.count;
  state.zeros += o.zeros;
  state.nans += o.nans;
  state.infinities += o.infinities;
  if (o.bins.empty())
    return;
  auto size = static_cast<int64_t>(o.bins.size());
  cover(o.exponent, o.first, o.first + size - 1);
  int shift = state.exponent - o.exponent;
  for (int64_t i = 0; i < size; ++i)
    state.bins[coarsen(o.first + i, shift) - state.first] += o.bins[i];
}

bool Histogram::setState(State newState) {
  const State &s = newState;
  int64_t sum = s.zeros;
  bool isValid = s.zeros >= 0 && s.nans >= 0 && s.infinities >= 0 &&
                 std::isfinite(s.min) && std::isfinite(s.max) &&
                 s.min <= s.max && s.exponent >= -160 && s.exponent <= 128 &&
                 std::llabs(s.first) <= (int64_t(1) << 40) &&
                 static_cast<int64_t>(s.bins.size()) <= maxBins;
  for (int64_t bin : s.bins) {
    isValid = isValid && bin >= 0 && bin <= INT64_MAX - sum;
    if (!isValid)
      return false;
    sum += bin;
  }
  if (!isValid || s.count - s.nans - s.infinities != sum)
    return false;
  state = std::move(newState);
  return true;
}
