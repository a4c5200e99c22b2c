//===- DenseInput.h - What a dense kernel multiplies ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The scratch buffer of a block of output rows or pixels holds its input in the
// form that the micro-kernel multiplies, with the horizontal padding in place.
// Either it holds input rows: then a row of the kernel is one run of
// consecutive elements, which lie apart for the taps above and below. Or, where
// such runs are very short (q::gathersTaps()), it holds all taps of one output
// pixel after those of the other: longer runs have fewer unused products, and
// what neighbours have in common is not tempting to keep in registers that
// there are not. For micro-kernels that multiply two pixels, a second copy of
// the rows holds these side by side (emitPairedPixels()).
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_DENSEINPUT_H
#define QDIALECT_LIB_CONVERSION_KERNELS_DENSEINPUT_H

#include "Nests.h"

namespace q::kernel {

/// Emits what fills the scratch buffer of a dense nest.
class DenseInput {
public:
  DenseInput(KernelEmitter &e, const DensePlan &plan,
             const DenseBlocking &blocking, const NestSpec &spec)
      : e(e), plan(plan), g(plan.geometry), blocking(blocking), spec(spec),
        buffers(spec.buffers),
        rows(g.gathersTaps() ? buffers.inputScratch : buffers.scratch) {}

  /// Before the first block of rows: the padding left and right, which no row
  /// overwrites.
  void begin();
  /// For the block of output rows from `y` on.
  void bringRows(Value image, Value y);
  /// `count` pixels that lie side by side from `start` on.
  void bringPixels(Value start, int64_t count);
  /// Elements from an output pixel's first activation to the next one's.
  int64_t pixelPitch() const;

private:
  Value convert(Value bytes);
  int64_t padValue() const {
    return spec.inputStorage.getZeroPoint() + spec.activationOffset;
  }
  void copy(Value from, Value to, int64_t length);
  void copyPixels(Value from, Value to, int64_t count, int64_t step);
  int64_t copiedColumns() const;
  void fillRows(Value image, Value y);
  void gatherTaps();
  void pairPixels(Value from, int64_t length);
  void pairBlock();

  KernelEmitter &e;
  const DensePlan &plan;
  const LayerGeometry &g;
  const DenseBlocking &blocking;
  const NestSpec &spec;
  const KernelBuffers &buffers;
  Value rows; ///< where input rows are brought
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_DENSEINPUT_H
