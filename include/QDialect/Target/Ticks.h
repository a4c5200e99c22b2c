//===- Ticks.h - Counters of time and of core cycles ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TARGET_TICKS_H
#define QDIALECT_TARGET_TICKS_H

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace q {

/// The counter of constant rate that profiled libraries read
/// (q-profile-layers); elsewhere than on x86-64 and aarch64 that of a steady
/// clock.
inline uint64_t readTicks() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return static_cast<uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

#if defined(__x86_64__)
/// Takes three core cycles for each of `count`: a multiplication of 64-bit
/// integers has that latency on the x86 cores of the last fifteen years, and
/// each one waits for the one before.
inline void multiplyInTurn(int64_t count) {
  uint64_t value = 3;
  for (int64_t i = 0; i < count; ++i)
    asm volatile("imul %0, %0" : "+r"(value));
}
#endif

} // namespace q

#endif // QDIALECT_TARGET_TICKS_H
