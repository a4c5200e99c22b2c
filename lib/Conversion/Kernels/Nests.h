//===- Nests.h - The loops around the micro-kernels -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H

#include "KernelEpilogue.h"
#include "MicroKernels.h"
#include "QDialect/Conversion/WinogradPlan.h"

namespace q::kernel {

/// Elements from one image, row or pixel of an activation to the next; the
/// channels of a pixel are consecutive.
struct ActivationStrides {
  int64_t image, row, pixel;
};

/// The flat buffers of a kernel function, and how its activations lie in them.
struct KernelBuffers {
  Value input, weights, bias, scratch, weightScratch;
  ActivationStrides inputStrides, outputStrides, residualStrides;
  /// Of the Winograd nest: input rows with their borders, and sums.
  Value inputScratch, sums;
};

/// Copies of the attributes that a nest needs.
struct NestSpec {
  MicroKernel microKernel;
  int64_t chain = 1; ///< see StepOperands
  /// What is added to storage values before they are multiplied.
  int64_t activationOffset = 0;
  StorageAttr inputStorage;
  EpilogueSpec epilogue;
  KernelBuffers buffers;
};

/// How the dense nest walks over a layer.
struct DenseBlocking {
  /// All pixels in one row of `blocks` blocks of `blockPixels`; else `blocks`
  /// blocks of `blockRows` output rows.
  bool isFlat = false;
  int64_t blocks = 1, blockPixels = 1, blockRows = 1;
  /// Only the columns that a 1-wide kernel looks at are in the scratch.
  bool skipsColumns = false;
  /// The input is multiplied where it lies: there is no scratch buffer.
  bool readsInput = false;
  int64_t scratchRows = 1, scratchColumns = 1;
  RowSplit split;
  int64_t scratchElements = 0;
};
DenseBlocking getDenseBlocking(const DensePlan &plan, int64_t maxPixels,
                               const KernelBuffers &buffers,
                               StorageAttr inputStorage);
void emitDenseNest(KernelEmitter &e, const DensePlan &plan,
                   const DenseBlocking &blocking, const NestSpec &spec);

/// Elements of the depthwise nest's scratch buffer for weights. The other one
/// holds a pixel of one block: bytes.
int64_t getDepthwiseWeightScratch(const DepthwisePlan &plan);
void emitDepthwiseNest(KernelEmitter &e, const DepthwisePlan &plan,
                       const NestSpec &spec);

void emitWinogradNest(KernelEmitter &e, const WinogradPlan &plan,
                      const NestSpec &spec);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_NESTS_H
