//===- ArenaPacking.h - Offsets for buffers of known lifetimes --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_ARENAPACKING_H
#define QDIALECT_LIB_CONVERSION_ARENAPACKING_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace q {

/// A buffer that lives from step `begin` to step `end`, both included.
struct ArenaBuffer {
  int64_t size = 0;
  int64_t begin = 0;
  int64_t end = 0;
  /// The result of packing.
  int64_t offset = 0;

  bool livesWith(const ArenaBuffer &other) const {
    return begin <= other.end && other.begin <= end;
  }
};

/// The most bytes that live at any one step: no packing needs less.
int64_t getLargestLiveSet(llvm::ArrayRef<ArenaBuffer> buffers);

/// Chooses offsets so that no two buffers that live together overlap, and
/// returns the bytes needed. Sizes should be multiples of the alignment.
/// Several orders are tried, and the best is improved upon until it needs
/// `goal` bytes or a fixed effort is spent; the result is deterministic.
int64_t packArena(llvm::MutableArrayRef<ArenaBuffer> buffers, int64_t goal);

} // namespace q

#endif // QDIALECT_LIB_CONVERSION_ARENAPACKING_H
