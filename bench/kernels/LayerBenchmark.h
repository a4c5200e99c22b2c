//===- LayerBenchmark.h - Google Benchmark in core cycles -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the benchmarks of kernels have in common: compiled layers run in Google
// Benchmark's loop, and its counters are in core cycles. Its wall clock time
// says little where the frequency changes and other processes share the
// machine.
//
//===----------------------------------------------------------------------===//

#ifndef BENCH_KERNELS_LAYERBENCHMARK_H
#define BENCH_KERNELS_LAYERBENCHMARK_H

#include "CoreClock.h"

#include <benchmark/benchmark.h>
#include <cstdio>
#include <string>

namespace q::bench {

/// Runs `run` as often as Google Benchmark asks for. Counters: `cycles` of the
/// fastest twentieth of the runs, and `MAC/cycle` where a run has `macs`.
template <typename Run>
void countCycles(benchmark::State &state, double macs, Run run) {
  double perCycle = ticksPerCycle();
  std::vector<double> ticks;
  for (auto _ : state) {
    uint64_t start = readTicks();
    run();
    ticks.push_back(double(readTicks() - start));
  }
  std::sort(ticks.begin(), ticks.end());
  double cycles = ticks[ticks.size() / 20] / perCycle;
  state.counters["cycles"] = cycles;
  state.counters["MAC/cycle"] = macs / cycles;
}

/// A console table that notes whether a benchmark could not be run.
class Table : public benchmark::ConsoleReporter {
public:
  Table() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run> &runs) override {
    for (const Run &run : runs)
      failed |= run.error_occurred;
    ConsoleReporter::ReportRuns(runs);
  }

  bool failed = false;
};

/// Runs what is registered and prints it as a table; the program's exit code.
inline int runRegistered() {
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
  return table.failed ? 1 : 0;
}

} // namespace q::bench

#endif // BENCH_KERNELS_LAYERBENCHMARK_H
