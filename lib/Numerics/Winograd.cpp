//===- Winograd.cpp - Exact integer Winograd convolution ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Winograd.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <limits>

using namespace q::numerics;

// The last row of G for infinity is half of what 24 y asks for, so that weights
// fit int16; the 2 at the end of A makes up for it.
static const WinogradForm forms[3] = {
    {2,
     4,
     {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}},
     {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
     {{1, 1, 1, 0}, {0, 1, -1, -1}},
     2},
    // The points are those of 4 outputs but -2, whose factor x + 2 is missing
    // in the denominators of G; the rows of B have it instead.
    {3,
     6,
     {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {0, 0, 0}, {0, 0, 12}},
     {{4, -2, -4, 2, 0},
      {0, -6, -3, 3, 0},
      {0, 2, -3, 1, 0},
      {0, -4, 0, 4, 0},
      {0, 0, 0, 0, 0},
      {0, 2, -1, -2, 1}},
     {{1, 1, 1, 1, 0, 0}, {0, 1, -1, 2, 0, 0}, {0, 1, 1, 4, 0, 2}},
     24},
    {4,
     6,
     {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}},
     {{4, 0, -5, 0, 1, 0},
      {0, -4, -4, 1, 1, 0},
      {0, 4, -4, -1, 1, 0},
      {0, -2, -1, 2, 1, 0},
      {0, 2, -1, -2, 1, 0},
      {0, 4, 0, -5, 0, 1}},
     {{1, 1, 1, 1, 1, 0},
      {0, 1, -1, 2, -2, 0},
      {0, 1, 1, 4, 4, 0},
      {0, 1, -1, 8, -8, 2}},
     24}};

const WinogradForm &q::numerics::getWinogradForm(unsigned outputs) {
  assert(outputs >= 2 && outputs <= 4);
  return forms[outputs - 2];
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

int64_t q::numerics::winogradDataBound(const WinogradForm &rows,
                                       const WinogradForm &columns,
                                       FactorRange range) {
  int64_t bound = 0;
  for (unsigned i = 0; i < rows.positions; ++i)
    for (unsigned j = 0; j < columns.positions; ++j) {
      // The extremes of a sum whose terms are independent.
      int64_t lo = 0, hi = 0;
      for (unsigned r = 0; r < rows.inputs(); ++r)
        for (unsigned c = 0; c < columns.inputs(); ++c) {
          int64_t factor = rows.data[i][r] * columns.data[j][c];
          lo += std::min(factor * range.lo, factor * range.hi);
          hi += std::max(factor * range.lo, factor * range.hi);
        }
      bound = std::max({bound, -lo, hi});
    }
  return bound;
}

int64_t q::numerics::winogradWeightBound(const WinogradForm &form, int maxAbs) {
  int64_t row = 0;
  for (unsigned i = 0; i < form.positions; ++i) {
    int64_t sum = 0;
    for (int factor : form.weights[i])
      sum += std::abs(factor);
    row = std::max(row, sum);
  }
  return row * row * maxAbs;
}

/// The forms that may share a tile with one.
static std::vector<const WinogradForm *> partners(const WinogradForm &form) {
  if (form.outputs == 2)
    return {&form};
  return {&forms[1], &forms[2]};
}

bool q::numerics::winogradOperandsFit(const WinogradForm &form,
                                      FactorRange range, int maxAbsWeight) {
  constexpr int64_t limit = std::numeric_limits<int16_t>::max();
  int64_t weights = winogradWeightBound(form, maxAbsWeight);
  for (const WinogradForm *rows : partners(form))
    for (const WinogradForm *columns : partners(form)) {
      int64_t data = winogradDataBound(*rows, *columns, range);
      if (data > limit || weights > limit ||
          2 * data * weights > std::numeric_limits<int32_t>::max())
        return false;
    }
  return true;
}

WinogradRecovery q::numerics::getWinogradRecovery(const WinogradForm &form) {
  uint32_t odd = static_cast<uint32_t>(form.scale * form.scale);
  unsigned shift = 0;
  for (; odd % 2 == 0; odd /= 2)
    ++shift;
  // Newton's iteration doubles the correct low bits; odd * odd is 1 modulo 8.
  uint32_t inverse = odd;
  for (int i = 0; i < 4; ++i)
    inverse *= 2 - odd * inverse;
  return {inverse, shift};
}

FactorRange q::numerics::winogradLimit(const WinogradForm &form) {
  int32_t half = int32_t(1) << (31 - getWinogradRecovery(form).shift);
  return {-half, half - 1};
}

bool q::numerics::isWinogradExact(const WinogradForm &form,
                                  const AccumulatorBounds &bounds) {
  FactorRange limit = winogradLimit(form);
  return bounds.min >= limit.lo && bounds.max <= limit.hi;
}

std::optional<int64_t>
q::numerics::winogradCentre(const WinogradForm &form,
                            const AccumulatorBounds &bounds) {
  FactorRange limit = winogradLimit(form);
  int64_t least = limit.lo - bounds.min, most = limit.hi - bounds.max;
  if (least > most)
    return std::nullopt;
  return std::clamp<int64_t>(0, least, most);
}

//===----------------------------------------------------------------------===//
// The transforms
//===----------------------------------------------------------------------===//

int32_t q::numerics::winogradRecover(const WinogradForm &form, uint32_t sum,
                                     int32_t bias) {
  WinogradRecovery recovery = getWinogradRecovery(form);
  uint32_t scaled =
      sum * recovery.factor + (static_cast<uint32_t>(bias) << recovery.shift);
  return static_cast<int32_t>(scaled) >> recovery.shift;
}

std::vector<int32_t>
q::numerics::winogradTile(const WinogradForm &rows, const WinogradForm &columns,
                          const std::vector<int32_t> &data,
                          const std::vector<int8_t> &weights, size_t channels,
                          int32_t bias) {
  assert(rows.scale == columns.scale && "tiles that do not share their G");
  std::array<std::array<uint32_t, 6>, 6> products{};
  for (size_t channel = 0; channel < channels; ++channel)
    for (unsigned i = 0; i < rows.positions; ++i)
      for (unsigned j = 0; j < columns.positions; ++j) {
        int64_t g = 0, d = 0;
        for (unsigned r = 0; r < 3; ++r)
          for (unsigned c = 0; c < 3; ++c)
            g += int64_t(rows.weights[i][r]) * columns.weights[j][c] *
                 weights[(r * 3 + c) * channels + channel];
        for (unsigned r = 0; r < rows.inputs(); ++r)
          for (unsigned c = 0; c < columns.inputs(); ++c)
            d += int64_t(rows.data[i][r]) * columns.data[j][c] *
                 data[(r * columns.inputs() + c) * channels + channel];
        products[i][j] += static_cast<uint32_t>(static_cast<int16_t>(g) *
                                                static_cast<int16_t>(d));
      }

  std::vector<int32_t> results;
  for (unsigned y = 0; y < rows.outputs; ++y)
    for (unsigned x = 0; x < columns.outputs; ++x) {
      uint32_t sum = 0;
      for (unsigned i = 0; i < rows.positions; ++i)
        for (unsigned j = 0; j < columns.positions; ++j)
          sum += static_cast<uint32_t>(rows.inverse[y][i] *
                                       columns.inverse[x][j]) *
                 products[i][j];
      results.push_back(winogradRecover(rows, sum, bias));
    }
  return results;
}
