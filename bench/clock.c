/*===- clock.c - Core cycles a second -------------------------------------===*\
|*
|* Part of the QDialect project, under the Apache License v2.0 with LLVM
|* Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* A multiplication of 64-bit integers has a latency of three cycles on the x86
|* cores of the last fifteen years, so a chain of dependent ones counts cycles.
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>
#include <time.h>

double cycles_per_second(void) {
  const int multiplications = 2000000;
  double best = 0;
  for (int attempt = 0; attempt < 9; ++attempt) {
    struct timespec start, stop;
    uint64_t value = 3;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < multiplications; ++i)
      __asm__ volatile("imul %0, %0" : "+r"(value));
    clock_gettime(CLOCK_MONOTONIC, &stop);
    double seconds = (double)(stop.tv_sec - start.tv_sec) +
                     1e-9 * (double)(stop.tv_nsec - start.tv_nsec);
    double rate = 3.0 * multiplications / seconds;
    if (rate > best)
      best = rate;
  }
  return best;
}
