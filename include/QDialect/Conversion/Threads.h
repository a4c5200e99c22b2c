//===- Threads.h - Networks that several threads run ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A network for several threads is one function that a team of them runs
// together, as OpenMP means it: each thread is told its number and how many
// there are, takes its part of a layer, and waits at a barrier for the others.
// The functions of the runtime are those that GCC's compiler calls; libgomp and
// LLVM's libomp both have them.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_THREADS_H
#define QDIALECT_CONVERSION_THREADS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace q {

/// The most threads that a network can be compiled for.
constexpr int64_t kMostThreads = 64;

/// Core cycles that a part of a layer must be expected to take to be worth a
/// thread. A barrier of two threads that spin costs about 600 cycles.
constexpr int64_t kThreadWork = 20000;

/// Unit attributes of the arguments of the network's function that are the
/// number of the thread, from 0, and how many threads there are.
constexpr llvm::StringLiteral kThreadAttrName = "q.thread";
constexpr llvm::StringLiteral kTeamAttrName = "q.team";

/// An integer attribute: of the network's function, how many threads it is
/// compiled for; of a kernel op, how many may share it.
constexpr llvm::StringLiteral kThreadsAttrName = "q.threads";

/// void GOMP_parallel(void (*fn)(void *), void *data, unsigned num_threads,
///                    unsigned flags)
constexpr llvm::StringLiteral kParallelSymbol = "GOMP_parallel";
/// void GOMP_barrier(void)
constexpr llvm::StringLiteral kBarrierSymbol = "GOMP_barrier";
/// int omp_get_thread_num(void), int omp_get_num_threads(void)
constexpr llvm::StringLiteral kThreadNumSymbol = "omp_get_thread_num";
constexpr llvm::StringLiteral kNumThreadsSymbol = "omp_get_num_threads";

} // namespace q

#endif // QDIALECT_CONVERSION_THREADS_H
