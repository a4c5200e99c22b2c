//===- OutputErrors.cpp - What errors of weights do to results ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/OutputErrors.h"

#include <algorithm>

using namespace q::numerics;

std::vector<size_t> q::numerics::getBlockSizes(WeightRuns runs) {
  constexpr size_t largest = 512;
  if (runs.runs * runs.length <= largest)
    return {runs.runs * runs.length};
  std::vector<size_t> sizes;
  size_t runsPerBlock = std::max<size_t>(1, largest / runs.length);
  for (size_t run = 0; run < runs.runs; run += runsPerBlock) {
    size_t size = std::min(runsPerBlock, runs.runs - run) * runs.length;
    for (size_t done = 0; done < size; done += largest)
      sizes.push_back(std::min(largest, size - done));
  }
  return sizes;
}

void OutputErrors::addBlock(std::vector<float> covariance, size_t size) {
  size_t first = costs.size();
  auto at = [&](size_t row, size_t column) -> float & {
    return covariance[row * size + column];
  };
  double sum = 0;
  for (size_t i = 0; i < size; ++i)
    sum += at(i, i);
  constexpr double white = 0.5; // share of what the samples do not show
  double mean = sum / double(size);
  // Inputs that are always the same: no error matters more than another.
  if (!(mean > 0)) {
    costs.insert(costs.end(), size, 0.0);
    return;
  }
  for (float &value : covariance)
    value *= static_cast<float>(1 - white);
  for (size_t i = 0; i < size; ++i)
    at(i, i) += static_cast<float>(white * mean);
  total += sum;

  // From the last row up: a row of L, then what it explains is taken away.
  costs.resize(first + size);
  for (size_t k = size; k-- > 0;) {
    float cost = std::max(at(k, k), static_cast<float>(white * mean));
    costs[first + k] = cost;
    for (size_t j = 0; j < k; ++j)
      at(k, j) /= cost;
    for (size_t i = 0; i < k; ++i) {
      float own = at(k, i) * cost;
      const float *row = &at(k, 0);
      float *target = &at(i, 0);
      for (size_t j = 0; j <= i; ++j)
        target[j] -= own * row[j];
    }
  }
  Block block{first, size, std::vector<float>(size * size)};
  for (size_t i = 0; i < size; ++i)
    for (size_t j = i + 1; j < size; ++j)
      block.shares[i * size + j] = at(j, i);
  blocks.push_back(std::move(block));
}

const OutputErrors::Block *OutputErrors::find(size_t i) const {
  auto it = std::upper_bound(
      blocks.begin(), blocks.end(), i,
      [](size_t i, const Block &block) { return i < block.first; });
  if (it == blocks.begin())
    return nullptr;
  --it;
  return i < it->first + it->size ? &*it : nullptr;
}

void OutputErrors::makeUpFor(size_t i, float error, float *w) const {
  const Block *block = find(i);
  if (!block || error == 0.0f)
    return;
  const float *shares = &block->shares[(i - block->first) * block->size];
  float *target = w + block->first;
  for (size_t j = i - block->first + 1; j < block->size; ++j)
    target[j] -= error * shares[j];
}

float OutputErrors::getShare(size_t i) const {
  const Block *block = find(i);
  if (!block || i + 1 >= block->first + block->size)
    return 0;
  return block->shares[(i - block->first) * (block->size + 1) + 1];
}
