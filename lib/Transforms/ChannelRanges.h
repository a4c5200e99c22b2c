//===- ChannelRanges.h - What values each channel can take ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_CHANNELRANGES_H
#define QDIALECT_LIB_TRANSFORMS_CHANNELRANGES_H

#include "ValueRanges.h"

#include <vector>

namespace q {

/// Whether the results of `op`, which may be null, have the channels of its
/// operands, each within the range that it has there: it chooses among elements
/// or gives them another shape, or puts channels side by side.
bool keepsChannelRanges(mlir::Operation *op);

/// What storage values each channel (the last dimension) of a tensor can take:
/// proven from the weights, the bias and the clamp of the layer that makes it,
/// tighter than ValueRanges where few products meet, as behind a depthwise
/// convolution (rule N8).
class ChannelRanges {
public:
  /// One entry per channel, or a single one for all of them.
  using Bounds = std::vector<IntegerBounds>;

  /// A diagnostic if the value is not quantized per tensor.
  mlir::FailureOr<Bounds> get(mlir::Value value);
  /// What the windows of a layer see: its input, and the zero point where they
  /// reach into padding.
  mlir::FailureOr<Bounds> getInput(WeightedOpInterface layer);

private:
  mlir::FailureOr<Bounds> compute(mlir::Value value, IntegerBounds all);
  mlir::FailureOr<Bounds> computeLayer(WeightedOpInterface layer,
                                       IntegerBounds all);

  ValueRanges ranges;
  llvm::DenseMap<mlir::Value, Bounds> known;
};

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_CHANNELRANGES_H
