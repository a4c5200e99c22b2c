//===- ChannelPairs.h - Which channels share an int16 lane ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The order of the channels between two layers is free: outputs of the one and
// inputs of the other are permuted together, at compile time. vpmaddubsw adds
// the products of channels 2 i and 2 i + 1 in an int16 lane (rule N8), so a
// good order puts a channel of large weights beside one of small weights.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_CHANNELPAIRS_H
#define QDIALECT_NUMERICS_CHANNELPAIRS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace q::numerics {

/// What it costs to let two channels meet, over all weights that multiply them.
class PairCosts {
public:
  explicit PairCosts(size_t channels)
      : channels(channels), costs(channels * channels), weights(channels) {}

  /// Adds the integer weights [rows, total] of a layer that reads these
  /// channels at [first, first + channels) of its inputs (a row is an output
  /// channel at a tap) with activations of 0 to amax[c % amax.size()] in
  /// channel c. Where the products of one sign of two channels can exceed
  /// int16, the cost is the square of the excess in units of a weight, times
  /// the largest activation of all.
  void add(const int8_t *w, size_t rows, size_t total, size_t first,
           const std::vector<int> &amax);

  size_t getChannels() const { return channels; }
  int64_t get(size_t a, size_t b) const { return costs[a * channels + b]; }
  /// The sum of the magnitudes of a channel's weights.
  int64_t getWeight(size_t channel) const { return weights[channel]; }
  /// The cost of an order, in which 2 i and 2 i + 1 meet.
  int64_t total(const std::vector<size_t> &order) const;

private:
  size_t channels;
  std::vector<int64_t> costs; ///< symmetric
  std::vector<int64_t> weights;
};

/// An order of the channels of small cost: element i is the channel that comes
/// to place i. Greedy, then improved by exchanges between two pairs until none
/// helps; pairs that stay costly come first, beside one another, since four
/// channels make a group. The identity if it is as good.
std::vector<size_t> pairChannels(const PairCosts &costs);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_CHANNELPAIRS_H
