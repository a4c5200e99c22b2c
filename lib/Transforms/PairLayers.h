//===- PairLayers.h - Layers whose products meet in pairs -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_PAIRLAYERS_H
#define QDIALECT_LIB_TRANSFORMS_PAIRLAYERS_H

#include "QDialect/Schemes.h"

#include <optional>
#include <vector>

namespace q {

/// The quantizer whose integers a layer reads as `input`, null if there is
/// none.
QuantizerOp getInputQuantizer(mlir::Value input);

/// The largest activation that the input's scheme allows, counted from the
/// smallest storage value of 8 bits; nothing if there are more bits.
std::optional<int> getLargestActivation(mlir::Value input);

/// The same for each input channel, or one number for all of them: what the
/// makers of the channels bound them by. Nothing if there are more bits.
std::optional<std::vector<int>> getLargestActivations(mlir::Value input);

/// What a layer's weights may meet of it, for the weights of any output channel
/// one after the other, or for as many as come again and again.
std::vector<int> getLargestFactors(WeightedOpInterface layer);

/// The quantizer of a layer's constant weights, if they have 8 bits or fewer
/// and none has factors or a zero point.
QuantizerOp getWeightQuantizer(WeightedOpInterface layer);

/// Whether vpmaddubsw could add neighbouring products of a layer: it is no
/// depthwise convolution, whose neighbours belong to different results.
bool addsProducts(WeightedOpInterface layer);

/// Whether a layer would rather be a Winograd convolution, which multiplies no
/// pairs of bytes: a dense 3x3 of stride 1 with whole vectors of channels.
bool suitsWinograd(WeightedOpInterface layer);

/// Whether a layer waits for its weights, whatever multiplies them: those of a
/// fully connected layer of more than four megabytes, each of which meets one
/// row of activations.
bool waitsForWeights(WeightedOpInterface layer);

/// Whether a layer adds products of constant weights and activations of 8 bits
/// or fewer.
bool hasBytePairs(WeightedOpInterface layer);

/// Whether it is of use to such a layer if its pairs of products fit int16: it
/// neither suits Winograd nor waits for its weights.
bool multipliesPairs(WeightedOpInterface layer);

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_PAIRLAYERS_H
