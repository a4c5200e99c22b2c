//===- ChainArrangement.h - Which products meet in int16 --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// vpmaddubsw adds two products in an int16 lane, and chains of such sums are
// added up before they are widened (rule N8). In which order a panel of output
// channels takes its groups of products is free, so heavy groups can share a
// chain with light ones, and those that are not safe can be left out.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_CHAINARRANGEMENT_H
#define QDIALECT_NUMERICS_CHAINARRANGEMENT_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace q::numerics {

/// How far the sums of products of each group of a panel can reach in each
/// int16 lane, up and down, over all activations of 0 to their largest.
class LaneReach {
public:
  LaneReach(size_t groups, size_t lanes)
      : groups(groups), lanes(lanes), sums(2 * groups * lanes) {}

  /// A weight that meets activations of 0 to amax (at most 255).
  void add(size_t group, size_t lane, int weight, int amax) {
    sums[(2 * group + (weight < 0)) * lanes + lane] +=
        (weight < 0 ? -weight : weight) * amax;
  }

  size_t getGroups() const { return groups; }
  size_t getLanes() const { return lanes; }
  /// The reach of a group's lanes upwards; downwards, it follows.
  const int32_t *up(size_t group) const { return &sums[2 * group * lanes]; }
  const int32_t *down(size_t group) const { return up(group) + lanes; }
  /// The largest of them.
  int32_t largest(size_t group) const;
  /// Whether no pair of the group can saturate.
  bool isSafe(size_t group) const;

private:
  size_t groups, lanes;
  std::vector<int32_t> sums;
};

/// A panel's groups, cut into chains.
struct ChainArrangement {
  /// How many chains there are of each length asked for; of the length 0, how
  /// many groups must not be added in int16 at all.
  std::vector<size_t> chains;
  /// The groups in the order of the chains: those of the first length, ...
  std::vector<size_t> order;
  /// The largest magnitude that a lane's sum can reach in chains of a length:
  /// 32767, or 32768 downwards, at most; 0 where there are none.
  std::vector<int64_t> reach;
};

/// Cuts a panel into chains of the given lengths, which fall and end in 1, 0.
/// Long chains are filled first, each from the heaviest group that is left;
/// every group is in exactly one chain. No chain leaves int16 for any
/// activations (rule N8), and no pair in it saturates, since the products of
/// one sign of a whole chain fit.
ChainArrangement arrangeChains(const LaneReach &reach,
                               const std::vector<unsigned> &lengths);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_CHAINARRANGEMENT_H
