//===- ArenaPacking.cpp - Offsets for buffers of known lifetimes ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// First fit over an order of the buffers. The optimum is hard to find, but a
// good order is not: by size, by area, by time, and then exchanges in the best
// of them.
//
//===----------------------------------------------------------------------===//

#include "ArenaPacking.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

using namespace q;
using llvm::ArrayRef;
using llvm::MutableArrayRef;
using llvm::SmallVector;

int64_t q::getLargestLiveSet(ArrayRef<ArenaBuffer> buffers) {
  std::map<int64_t, int64_t> changes;
  for (const ArenaBuffer &buffer : buffers) {
    changes[buffer.begin] += buffer.size;
    changes[buffer.end + 1] -= buffer.size;
  }
  int64_t live = 0, largest = 0;
  for (auto [step, change] : changes) {
    live += change;
    largest = std::max(largest, live);
  }
  return largest;
}

using Order = SmallVector<unsigned>;

/// Gives every buffer, in that order, the lowest offset at which it meets none
/// of the earlier ones.
static int64_t firstFit(MutableArrayRef<ArenaBuffer> buffers,
                        ArrayRef<unsigned> order) {
  SmallVector<unsigned> placed;
  int64_t needed = 0;
  SmallVector<std::pair<int64_t, int64_t>> taken;
  for (unsigned i : order) {
    ArenaBuffer &buffer = buffers[i];
    taken.clear();
    for (unsigned j : placed)
      if (buffer.livesWith(buffers[j]))
        taken.emplace_back(buffers[j].offset,
                           buffers[j].offset + buffers[j].size);
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [from, to] : taken) {
      if (offset + buffer.size <= from)
        break;
      offset = std::max(offset, to);
    }
    buffer.offset = offset;
    needed = std::max(needed, offset + buffer.size);
    placed.push_back(i);
  }
  return needed;
}

int64_t q::packArena(MutableArrayRef<ArenaBuffer> buffers, int64_t goal) {
  Order identity(buffers.size());
  std::iota(identity.begin(), identity.end(), 0);
  auto bySize = [&](unsigned i, unsigned j) {
    return buffers[i].size > buffers[j].size;
  };
  auto byArea = [&](unsigned i, unsigned j) {
    auto area = [&](const ArenaBuffer &b) {
      return b.size * (b.end - b.begin + 1);
    };
    return area(buffers[i]) > area(buffers[j]);
  };
  auto byDuration = [&](unsigned i, unsigned j) {
    return buffers[i].end - buffers[i].begin >
           buffers[j].end - buffers[j].begin;
  };
  auto byTime = [&](unsigned i, unsigned j) {
    return buffers[i].begin < buffers[j].begin;
  };
  Order best = identity;
  int64_t least = firstFit(buffers, best);
  auto attempt = [&](const Order &order) {
    int64_t needed = firstFit(buffers, order);
    if (needed < least) {
      least = needed;
      best = order;
      return true;
    }
    return false;
  };
  auto attemptSorted = [&](auto compare) {
    Order order = identity;
    llvm::sort(order, [&](unsigned i, unsigned j) {
      bool before = compare(i, j), after = compare(j, i);
      return before != after ? before : i < j;
    });
    attempt(order);
  };
  attemptSorted(bySize);
  attemptSorted(byArea);
  attemptSorted(byDuration);
  attemptSorted(byTime);

  // A fixed seed and a fixed number of tries: the same plan on every machine.
  std::mt19937 random(1);
  int64_t tries = buffers.size() < 2 ? 0 : 400000 / (buffers.size() + 1);
  for (int64_t i = 0; i < tries && least > goal; ++i) {
    Order order = best;
    // std::uniform_int_distribution differs between standard libraries.
    auto pick = [&] { return random() % order.size(); };
    unsigned moved = order[pick()];
    llvm::erase(order, moved);
    order.insert(order.begin() + random() % (order.size() + 1), moved);
    attempt(order);
  }
  return buffers.empty() ? 0 : firstFit(buffers, best);
}
