//===- VectorizeTiles.h - Elementwise ops that transpose --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Elementwise ops whose input is contiguous along another loop than their
// output: tiles are read along the one and written along the other.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZETILES_H
#define QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZETILES_H

#include "LoopNest.h"
#include "VectorBody.h"

namespace q::kernel {

/// A nest whose operands have become flat buffers (or scalars).
struct FlatNest : LoopNest {
  FlatNest(KernelEmitter &e, const LoopNest &nest);

  KernelEmitter &e;
  /// One for each access, the output's last.
  Values buffers;

  /// Runs `body` with the counters of the first `count` loops.
  void
  forOuterLoops(size_t count,
                llvm::function_ref<void(llvm::ArrayRef<Value>)> body) const;
  /// Where each access is when the first loops have these counters and the
  /// others stand at 0. The output's comes last.
  Values getStarts(llvm::ArrayRef<Value> counters) const;
  /// One element of input `i`.
  Value loadScalar(size_t i, Value at) const;
};

/// How the two innermost loops of a nest transpose: inputs are contiguous along
/// the last but one, the output along the last one.
struct Tiling {
  enum Kind {
    /// The last loop is short, and the output one run of memory: rows of the
    /// input are interleaved.
    Interleave,
    /// Square tiles.
    Square
  } kind;
  /// The edge of square tiles, or the lanes along the long loop.
  int64_t lanes;
};

/// A way to transpose `nest` by tiles, for which its loops may change places.
/// None if it does not transpose. `lanes`: how many to take at most.
std::optional<Tiling> findTiling(LoopNest &nest, int64_t lanes);

void emitTiles(const FlatNest &nest, const VectorBody &body,
               const Tiling &tiling);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_VECTORIZETILES_H
