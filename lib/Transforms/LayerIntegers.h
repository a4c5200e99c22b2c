//===- LayerIntegers.h - What a layer multiplies and adds -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_LAYERINTEGERS_H
#define QDIALECT_LIB_TRANSFORMS_LAYERINTEGERS_H

#include "QDialect/QDialect.h"

#include <cstdint>
#include <vector>

namespace q {

/// The constant integers of a layer's accumulators (rules N6 and N7).
struct LayerIntegers {
  /// Weights minus their zero points, `perChannel` of each output channel.
  std::vector<int32_t> weights;
  /// One for each output channel; zeros if the layer has no bias.
  std::vector<int32_t> bias;
  size_t perChannel = 0;

  const int32_t *getChannel(size_t c) const {
    return weights.data() + c * perChannel;
  }
};

/// Those of a layer with `channels` output channels; a diagnostic if its
/// weights or its bias are no integer constants.
mlir::FailureOr<LayerIntegers> getLayerIntegers(WeightedOpInterface layer,
                                                size_t channels);

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_LAYERINTEGERS_H
