/*===- time-runs.c - The fastest of many runs of a library ----------------===*\
|*
|* Part of the QDialect project, under the Apache License v2.0 with LLVM
|* Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* Other work on the machine only ever slows a run, so the fastest one says
most.
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>
#include <time.h>

typedef int run_function(const void *const *inputs, void *const *outputs,
                         void *arena);

/* Seconds of the fastest of `runs` runs. */
double fastest_run(run_function *run, const void *const *inputs,
                   void *const *outputs, void *arena, int runs) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    run(inputs, outputs, arena);
    clock_gettime(CLOCK_MONOTONIC, &stop);
    double seconds = (double)(stop.tv_sec - start.tv_sec) +
                     1e-9 * (double)(stop.tv_nsec - start.tv_nsec);
    if (seconds < best)
      best = seconds;
  }
  return best;
}
