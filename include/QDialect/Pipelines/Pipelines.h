//===- Pipelines.h - The order of the passes --------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one place that knows in which order passes run. Every stage is a textual
// pipeline, so that what qcc does can be repeated with qopt, one pass at a
// time.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_PIPELINES_PIPELINES_H
#define QDIALECT_PIPELINES_PIPELINES_H

#include <cstdint>
#include <string>

namespace q {

/// What a user chooses about quantization; the defaults are those of qcc.
struct QuantizeOptions {
  unsigned activationBits = 8;
  unsigned weightBits = 8;
  /// Signed activations with zero point 0.
  bool symmetric = false;
  /// One scale for all output channels of a layer.
  bool perTensor = false;
  /// Scales 2^-f (rule N5).
  bool powerOfTwo = false;
  /// Weights whose pairs of products fit int16, see q-pair-channels and
  /// q-make-pairs-safe: "off", "on" (all of them), or "auto" (as far as costs
  /// next to nothing).
  std::string pairSafe = "off";
  /// Per-layer settings, see q-insert-quantizers.
  std::string recipe;
  /// Fold batch normalization into scales instead of weights (rule N17).
  bool absorbBatchNorm = false;

  /// Samples, see QDialect/Evaluation/Data.h.
  std::string data;
  std::string preprocessing;
  int64_t samples = 0;
  std::string method = "mse";
  double percentile = 0.01;
  /// How the ranges of weights are chosen: "minmax" or "mse".
  std::string weightMethod = "minmax";
  /// Statistics files, comma-separated, to use instead of or besides data.
  std::string loadStatistics;
  std::string saveStatistics;
  /// Run q-correct-bias, if there is data.
  bool correctBias = true;
  /// Run q-equalize-channels, if there is data. Statistics that are loaded or
  /// saved are those of the network as it came, which rules it out.
  bool equalize = true;
  /// Run q-clamp-channels, if there is data.
  bool clampChannels = false;

  /// Ops that cannot be quantized stay in float, see q-keep-float-islands.
  bool floatIslands = false;

  /// Type of arguments and results: float, int8 or uint8.
  std::string io = "float";
  /// Rule N10: single, gemmlowp, pow2 or even.
  std::string rounding = "single";
};

/// Float IR to the form in which quantizers are placed.
std::string getSimplifyPipeline(const QuantizeOptions &options);
/// Places quantizers and calibrates them.
std::string getCalibratePipeline(const QuantizeOptions &options);
/// Fixes the parameters of calibrated quantizers and, if there is data,
/// corrects biases for them.
std::string getParametersPipeline(const QuantizeOptions &options);
/// Float IR with fixed parameters to integers with all proofs.
std::string getQuantizePipeline(const QuantizeOptions &options);
/// Integers to the same integers in less memory.
std::string getMemoryPipeline();

/// Registers `q-simplify-pipeline`, `q-calibrate-pipeline`,
/// `q-parameters-pipeline` and `q-quantize-pipeline` with qopt; their options
/// are those above.
void registerQuantizePipelines();

} // namespace q

#endif // QDIALECT_PIPELINES_PIPELINES_H
