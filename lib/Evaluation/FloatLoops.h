//===- FloatLoops.h - Loops over strided boxes ------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Broadcasting, transposing and reducing all walk several tensors at once with
// a stride per dimension, 0 where a tensor repeats.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_FLOATLOOPS_H
#define QDIALECT_LIB_EVALUATION_FLOATLOOPS_H

#include "QDialect/Shapes.h"

#include <array>
#include <cstdint>

namespace q::eval {

/// A loop nest over `extents` that keeps an offset into each of N tensors.
/// Dimensions that are contiguous in all of them become one.
template <size_t N> class StridedLoop {
public:
  StridedLoop(llvm::ArrayRef<int64_t> extents,
              const std::array<Shape, N> &strides) {
    for (size_t d = 0; d < extents.size(); ++d) {
      if (extents[d] == 1)
        continue;
      std::array<int64_t, N> step;
      bool joins = !dims.empty();
      for (size_t t = 0; t < N; ++t) {
        step[t] = strides[t][d];
        joins = joins && dims.back().step[t] == step[t] * extents[d];
      }
      if (joins)
        dims.back() = {dims.back().extent * extents[d], step};
      else
        dims.push_back({extents[d], step});
    }
    if (dims.empty())
      dims.push_back({1, {}});
  }

  /// Extent and strides of the innermost dimension.
  int64_t getRow() const { return dims.back().extent; }
  const std::array<int64_t, N> &getStep() const { return dims.back().step; }

  /// Calls `body` with the offsets of the first element of every row.
  template <typename Body> void forEachRow(Body body) const {
    std::array<int64_t, N> offsets{};
    visit(0, offsets, body);
  }

private:
  struct Dim {
    int64_t extent;
    std::array<int64_t, N> step;
  };

  template <typename Body>
  void visit(size_t d, std::array<int64_t, N> offsets, Body &body) const {
    if (d + 1 == dims.size()) {
      body(offsets);
      return;
    }
    for (int64_t i = 0; i < dims[d].extent; ++i) {
      visit(d + 1, offsets, body);
      for (size_t t = 0; t < N; ++t)
        offsets[t] += dims[d].step[t];
    }
  }

  llvm::SmallVector<Dim, 6> dims;
};

} // namespace q::eval

#endif // QDIALECT_LIB_EVALUATION_FLOATLOOPS_H
