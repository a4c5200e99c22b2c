//===- LayerConstants.h - The integer constants of a layer ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_LAYERCONSTANTS_H
#define QDIALECT_LIB_CONVERSION_KERNELS_LAYERCONSTANTS_H

#include "QDialect/Conversion/KernelDialect.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/AccumulatorProof.h"

#include <vector>

namespace q::kernel {

/// Everything that a kernel op holds beside its geometry, per output channel
/// and not yet packed.
struct LayerConstants {
  StorageAttr input, output;
  ResidualAttr residual;       ///< null if there is none
  ChainAttr chain;             ///< null if the micro-kernel has none
  PanelChainsAttr panelChains; ///< instead, where panels differ
  SignedChainAttr signedChain; ///< likewise
  std::vector<int8_t> weights;
  std::vector<int32_t> bias; ///< with the zero point's cross-terms (rule N6)
  /// The upper bound of each channel; empty if that of `output` serves all.
  std::vector<int32_t> channelMax;
  /// The sum of each channel's weights.
  std::vector<int64_t> weightSums;
  /// The extremes of the accumulators of all channels (rule N8).
  numerics::AccumulatorBounds accumulators;

  /// What was chosen of a Winograd form, or why it was not; both may be empty.
  WinogradProofAttr winogradProof;
  std::string whyDirect;
  /// What goes with an op whose candidates are being timed (kTuningAttrName).
  mlir::DictionaryAttr tuning;

  /// The integer epilogue and its constants.
  Epilogue epilogue = Epilogue::Fixed64;
  bool tiesAway = false;
  /// The float epilogue's multiplier of each channel, NaN where there is none;
  /// empty if it is not to be used at all.
  std::vector<float> floatMultipliers;
  std::vector<int32_t> multipliers, shifts;
};

/// Which layers may take a float epilogue, if one is proven for them.
enum class FloatEpilogue {
  Never,
  /// All but those with shifts of 32 and more and ties upward, for which NEON
  /// needs two instructions instead of four.
  WhereNeeded,
  Always,
};

/// Reads the constants of a quantized layer and those of the epilogues that are
/// proven for it. Without a value, `reason` says why the layer has no kernel; a
/// failure was reported.
mlir::FailureOr<std::optional<LayerConstants>>
getLayerConstants(WeightedOpInterface op, FloatEpilogue floats,
                  std::string &reason);

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_LAYERCONSTANTS_H
