//===- CoreClock.h - Core cycles of a piece of code -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BENCH_KERNELS_CORECLOCK_H
#define BENCH_KERNELS_CORECLOCK_H

#include "QDialect/Target/Ticks.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace q::bench {

/// Time stamp ticks per core cycle now.
inline double ticksPerCycle() {
  constexpr int count = 200000;
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    uint64_t start = readTicks();
    multiplyInTurn(count);
    best = std::min(best, double(readTicks() - start));
  }
  return best / (3.0 * count);
}

/// Core cycles of one call of `run`: the fastest twentieth of at least 9 calls
/// in `milliseconds`, since other processes share the machine.
template <typename Run> double measureCycles(int milliseconds, Run run) {
  double perCycle = ticksPerCycle();
  std::vector<double> ticks;
  auto end = std::chrono::steady_clock::now() +
             std::chrono::milliseconds(milliseconds);
  while (ticks.size() < 9 || std::chrono::steady_clock::now() < end) {
    uint64_t start = readTicks();
    run();
    ticks.push_back(double(readTicks() - start));
  }
  std::sort(ticks.begin(), ticks.end());
  return ticks[ticks.size() / 20] / perCycle;
}

} // namespace q::bench

#endif // BENCH_KERNELS_CORECLOCK_H
