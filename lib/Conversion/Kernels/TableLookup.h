//===- TableLookup.h - 256-entry tables in registers ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_TABLELOOKUP_H
#define QDIALECT_LIB_CONVERSION_KERNELS_TABLELOOKUP_H

#include "KernelEmitter.h"

#include <array>

namespace q::kernel {

/// What an unsigned byte stands for.
using ByteTable = std::array<uint8_t, 256>;

/// Byte-wise shuffles, which look up 16 (x86) or 64 (NEON) entries at once.
enum class ShuffleSet { Ssse3ToAvx2, Avx512, Neon };

/// The shuffles of a target (avx2, avxvnni, avx512vnni, neon, dotprod, i8mm).
ShuffleSet getShuffleSet(llvm::StringRef target);

/// For each lane the byte that the low four bits of its index choose among the
/// sixteen of `table` around it; 0 where the index is 128. Vectors of 16 bytes,
/// or as many as a register of x86 holds.
Value emitByteShuffle(KernelEmitter &e, ShuffleSet set, Value table,
                      Value indices);

/// table[index] for each lane of a vector of i8. Pieces of the table that its
/// neighbours make redundant cost nothing.
Value emitTableLookup(KernelEmitter &e, ShuffleSet set, Value indices,
                      const ByteTable &table);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_TABLELOOKUP_H
