//===- ChainArrangement.cpp - Which products meet in int16 ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/ChainArrangement.h"

#include <algorithm>
#include <cstdlib>

using namespace q::numerics;

constexpr int32_t kMostUp = 32767, kMostDown = 32768;

int32_t LaneReach::largest(size_t group) const {
  return *std::max_element(up(group), up(group) + 2 * lanes);
}

bool LaneReach::isSafe(size_t group) const {
  return *std::max_element(up(group), down(group)) <= kMostUp &&
         *std::max_element(down(group), down(group) + lanes) <= kMostDown;
}

namespace {

/// The sums of a chain that is being filled.
class Chain {
public:
  Chain(const LaneReach &reach, size_t first)
      : reach(reach),
        sums(reach.up(first), reach.up(first) + 2 * reach.getLanes()),
        members{first} {}

  /// The largest sum after adding a group, or -1 if it would not fit.
  int32_t with(size_t group) const {
    const int32_t *added = reach.up(group);
    size_t lanes = reach.getLanes();
    int32_t most = 0;
    for (size_t half = 0; half < 2; ++half) {
      int32_t limit = half ? kMostDown : kMostUp;
      constexpr size_t block =
          16; // long enough for vectors, short enough to stop
      for (size_t begin = 0; begin < lanes; begin += block) {
        int32_t here = 0;
        size_t end = std::min(begin + block, lanes);
        for (size_t i = half * lanes + begin; i < half * lanes + end; ++i)
          here = std::max(here, sums[i] + added[i]);
        if (here > limit)
          return -1;
        most = std::max(most, here);
      }
    }
    return most;
  }

  void add(size_t group) {
    const int32_t *added = reach.up(group);
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += added[i];
    members.push_back(group);
  }

  const std::vector<size_t> &getMembers() const { return members; }
  int32_t largest() const {
    return *std::max_element(sums.begin(), sums.end());
  }

private:
  const LaneReach &reach;
  std::vector<int32_t> sums; ///< up, then down
  std::vector<size_t> members;
};

/// Adds groups of `left` to a chain until it has `length`; false if too few
/// fit. Of those that fit it takes the one that fills the chain most evenly.
bool fill(Chain &chain, size_t length, const std::vector<size_t> &left,
          std::vector<bool> &isTaken) {
  while (chain.getMembers().size() < length) {
    auto target = int32_t(kMostUp * (chain.getMembers().size() + 1) / length);
    size_t best = left.size();
    int32_t bestDistance = 0;
    for (size_t i = 0; i < left.size(); ++i) {
      if (isTaken[left[i]])
        continue;
      int32_t sum = chain.with(left[i]);
      if (sum < 0)
        continue;
      int32_t distance = std::abs(sum - target);
      if (best == left.size() || distance < bestDistance) {
        best = i;
        bestDistance = distance;
      }
    }
    if (best == left.size())
      return false;
    chain.add(left[best]);
    isTaken[left[best]] = true;
  }
  return true;
}

} // namespace

ChainArrangement
q::numerics::arrangeChains(const LaneReach &reach,
                           const std::vector<unsigned> &lengths) {
  ChainArrangement result;
  std::vector<size_t> left, unsafe;
  for (size_t group = 0; group < reach.getGroups(); ++group)
    (reach.isSafe(group) ? left : unsafe).push_back(group);
  std::vector<int32_t> weight(reach.getGroups());
  for (size_t group : left)
    weight[group] = reach.largest(group);
  std::sort(left.begin(), left.end(), [&](size_t a, size_t b) {
    return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
  });

  std::vector<bool> isTaken(reach.getGroups());
  for (unsigned length : lengths) {
    size_t chains = 0;
    int64_t most = 0;
    if (length == 0) {
      chains = unsafe.size();
      result.order.insert(result.order.end(), unsafe.begin(), unsafe.end());
    }
    for (size_t i = 0; length > 0 && i < left.size(); ++i) {
      if (isTaken[left[i]])
        continue;
      isTaken[left[i]] = true;
      Chain chain(reach, left[i]);
      const std::vector<size_t> &members = chain.getMembers();
      if (fill(chain, length, left, isTaken)) {
        ++chains;
        most = std::max<int64_t>(most, chain.largest());
        result.order.insert(result.order.end(), members.begin(), members.end());
        continue;
      }
      for (size_t group : members)
        isTaken[group] = false;
    }
    left.erase(std::remove_if(left.begin(), left.end(),
                              [&](size_t group) { return isTaken[group]; }),
               left.end());
    result.chains.push_back(chains);
    result.reach.push_back(most);
  }
  return result;
}
