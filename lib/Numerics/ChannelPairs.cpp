//===- ChannelPairs.cpp - Which channels share an int16 lane --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/ChannelPairs.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

using namespace q::numerics;

void PairCosts::add(const int8_t *w, size_t rows, size_t total, size_t first,
                    const std::vector<int> &amax) {
  int largest = *std::max_element(amax.begin(), amax.end());
  if (largest <= 0)
    return;
  // Where all pairs of very many weights may be too heavy, some rows tell
  // enough.
  constexpr size_t mostWork = size_t(1) << 31;
  size_t step = std::max<size_t>(
      1, rows / std::max<size_t>(1, mostWork / channels / channels));
  std::vector<std::pair<int, size_t>> products; ///< the largest, of one sign
  for (size_t row = 0; row < rows; row += step) {
    const int8_t *at = w + row * total + first;
    auto productOf = [&](size_t c) { return at[c] * amax[c % amax.size()]; };
    for (size_t c = 0; c < channels; ++c)
      weights[c] += std::abs(productOf(c)) / largest;
    for (int sign : {1, -1}) {
      int limit = sign < 0 ? 32768 : 32767;
      products.clear();
      for (size_t c = 0; c < channels; ++c)
        if (sign * at[c] > 0)
          products.push_back({sign * productOf(c), c});
      std::sort(products.rbegin(), products.rend());
      // Falling products: the partners of each one that is too heavy are at the
      // front.
      for (size_t i = 1; i < products.size(); ++i) {
        auto [own, a] = products[i];
        if (own + products[0].first <= limit)
          break;
        for (size_t j = 0; j < i; ++j) {
          auto [other, b] = products[j];
          if (own + other <= limit)
            break;
          int64_t excess = (own + other - limit + largest - 1) / largest;
          costs[a * channels + b] += excess * excess;
          costs[b * channels + a] += excess * excess;
        }
      }
    }
  }
}

int64_t PairCosts::total(const std::vector<size_t> &order) const {
  int64_t sum = 0;
  for (size_t i = 0; i + 1 < order.size(); i += 2)
    sum += get(order[i], order[i + 1]);
  return sum;
}

namespace {

struct ChannelPair {
  size_t first, second;
};

/// The heaviest channels choose first.
std::vector<ChannelPair> pairGreedily(const PairCosts &costs) {
  size_t channels = costs.getChannels();
  std::vector<int64_t> sums(channels);
  for (size_t a = 0; a < channels; ++a)
    for (size_t b = 0; b < channels; ++b)
      sums[a] += costs.get(a, b);
  std::vector<size_t> order(channels);
  std::iota(order.begin(), order.end(), size_t(0));
  auto isHeavier = [&](size_t a, size_t b) {
    if (sums[a] != sums[b])
      return sums[a] > sums[b];
    if (costs.getWeight(a) != costs.getWeight(b))
      return costs.getWeight(a) > costs.getWeight(b);
    return a < b;
  };
  std::sort(order.begin(), order.end(), isHeavier);
  std::vector<bool> isTaken(channels);
  std::vector<ChannelPair> pairs;
  for (size_t a : order) {
    if (isTaken[a])
      continue;
    isTaken[a] = true;
    // Of equally good partners the lightest.
    size_t best = channels;
    for (auto it = order.rbegin(); it != order.rend(); ++it)
      if (!isTaken[*it] &&
          (best == channels || costs.get(a, *it) < costs.get(a, best)))
        best = *it;
    if (best != channels)
      isTaken[best] = true;
    pairs.push_back({a, best});
  }
  return pairs;
}

/// Exchanges partners between a costly pair and any other one. True if one of
/// the two other ways to pair four channels was better.
bool exchange(const PairCosts &costs, ChannelPair &p, ChannelPair &o) {
  int64_t now = costs.get(p.first, p.second) + costs.get(o.first, o.second);
  int64_t across = costs.get(p.first, o.first) + costs.get(p.second, o.second);
  int64_t swapped = costs.get(p.first, o.second) + costs.get(p.second, o.first);
  if (across >= now && swapped >= now)
    return false;
  std::swap(p.second, across <= swapped ? o.first : o.second);
  return true;
}

} // namespace

std::vector<size_t> q::numerics::pairChannels(const PairCosts &costs) {
  size_t channels = costs.getChannels();
  std::vector<size_t> identity(channels);
  std::iota(identity.begin(), identity.end(), size_t(0));
  if (channels < 4 || channels % 2)
    return identity;

  std::vector<ChannelPair> pairs = pairGreedily(costs);
  auto costOf = [&](const ChannelPair &pair) {
    return costs.get(pair.first, pair.second);
  };
  bool hasImproved = true;
  while (hasImproved) {
    hasImproved = false;
    for (size_t i = 0; i < pairs.size(); ++i)
      for (size_t j = 0; j < pairs.size() && costOf(pairs[i]); ++j)
        if (i != j)
          hasImproved |= exchange(costs, pairs[i], pairs[j]);
  }
  auto weightOf = [&](const ChannelPair &pair) {
    return costs.getWeight(pair.first) + costs.getWeight(pair.second);
  };
  std::sort(pairs.begin(), pairs.end(),
            [&](const ChannelPair &a, const ChannelPair &b) {
              if (costOf(a) != costOf(b))
                return costOf(a) > costOf(b);
              if (weightOf(a) != weightOf(b))
                return weightOf(a) > weightOf(b);
              return a.first < b.first;
            });
  std::vector<size_t> order;
  for (const ChannelPair &pair : pairs) {
    order.push_back(pair.first);
    order.push_back(pair.second);
  }
  return costs.total(order) < costs.total(identity) ? order : identity;
}
