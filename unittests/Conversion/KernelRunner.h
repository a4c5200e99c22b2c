//===- KernelRunner.h - Compiles one-layer networks for a test --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A test describes layers; this builds their quantized IR, evaluates it with
// the reference evaluator, and compiles the same IR through the kernel passes
// to machine code.
//
//===----------------------------------------------------------------------===//

#ifndef UNITTESTS_CONVERSION_KERNELRUNNER_H
#define UNITTESTS_CONVERSION_KERNELRUNNER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace q::kernel::test {

/// One quantized convolution, and the data that runs through it.
struct LayerCase {
  int64_t batch = 1, h = 8, w = 8, ic = 16, oc = 16, kh = 1, kw = 1;
  int64_t strideH = 1, strideW = 1, dilationH = 1, dilationW = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0, groups = 1;
  bool inputSigned = false, outputSigned = false;
  int64_t inputZero = 3, outputZero = 10;
  /// Sx Sw / Sy of channel o is 2^-shift, or about that if not pow2.
  int multiplierShift = 8;
  bool isPow2 = false;
  std::string rounding = "single";
  bool fixedPoint = false;
  std::string winograd = "auto";
  /// The kernel to take, where it is exact; empty for the chosen one.
  std::string kernel;
  bool hasClamp = false;
  /// Each output channel has an upper bound of its own.
  bool hasChannelMax = false;
  bool isFolded = false;
  bool hasResidual = false;
  bool isGemm = false;
  /// Weights +-127 and inputs at the ends of their range only.
  bool isExtreme = false;
  /// Weights for which sums of so many groups of four products are exact in
  /// int16, and at the extremes come as close to its ends as any; 0 for any
  /// weights.
  int64_t chain = 0;
  /// The mean magnitude of weights that are spread as trained ones are, some
  /// of whose pairs are too large for int16; 0 for even ones.
  double spread = 0;
  /// The largest magnitude of other weights; 128 for all of int8.
  int64_t maxWeight = 127;

  int64_t oh() const {
    return (h + top + bottom - dilationH * (kh - 1) - 1) / strideH + 1;
  }
  int64_t ow() const {
    return (w + left + right - dilationW * (kw - 1) - 1) / strideW + 1;
  }
  int64_t inputSize() const { return batch * h * w * ic; }
  int64_t outputSize() const { return batch * oh() * ow() * oc; }
  int64_t macs() const {
    return batch * oh() * ow() * oc * kh * kw * (ic / groups);
  }
  /// Weights that meet in pairs, from the first one.
  int64_t runLength() const;
  std::string describe() const;
};

/// The IR of a layer as `func.func @NAME(%x, [%r]) -> %y`, and its data.
struct Layer {
  std::string text;
  std::vector<uint8_t> input, residual;
};
Layer makeLayer(const LayerCase &layer, const std::string &name,
                std::mt19937 &random);

/// Several layers as one module.
class KernelModule {
public:
  KernelModule();
  ~KernelModule();

  /// Adds function f0, f1, ...
  void add(const LayerCase &layer, std::mt19937 &random);
  size_t size() const { return cases.size(); }
  const LayerCase &getCase(size_t i) const { return cases[i]; }
  const Layer &getLayer(size_t i) const { return layers[i]; }

  /// The bytes that the reference evaluator computes for layer `i`; empty if
  /// it fails.
  std::vector<uint8_t> evaluate(size_t i);

  /// Compiles for a kernel target (avx2, avxvnni, avx512vnni, neon, dotprod,
  /// i8mm) into an object
  /// file in `directory`; its path, or none with messages in `errors`. Kernel
  /// functions are `void fN(const void *x, [const void *r,] void *y)`.
  std::optional<std::string> compile(const std::string &target,
                                     const std::string &directory);
  /// After compile(): the layers that have no kernel.
  std::vector<size_t> withoutKernel;
  std::string errors;
  /// The IR after `convert-q-to-kernels`.
  std::string kernelIR;

private:
  std::unique_ptr<mlir::MLIRContext> context;
  std::vector<LayerCase> cases;
  std::vector<Layer> layers;
};

/// A shared library of an object file for this machine, loaded.
class LoadedLibrary {
public:
  explicit LoadedLibrary(const std::string &object);
  ~LoadedLibrary();
  bool isValid() const { return handle != nullptr; }
  void *find(const std::string &name) const;

private:
  void *handle = nullptr;
};

/// What a compiled layer wrote.
struct RunResult {
  std::vector<uint8_t> output;
  /// The bytes before and behind the result are untouched.
  bool guardsIntact = false;
};

/// Why code for a target cannot run on this machine, empty if it can: AVX
/// natively, NEON with a cross compiler and qemu-aarch64.
std::string whyCannotRun(const std::string &target);

/// Runs every layer of a compiled module on its data; empty if the program
/// could not be linked or run.
std::vector<RunResult> runAll(const KernelModule &module,
                              const std::string &target,
                              const std::string &object,
                              const std::string &directory);

/// Bytes of machine code in an object file.
int64_t codeBytes(const std::string &object);

/// A fresh directory that is removed at the end.
class ScratchDirectory {
public:
  ScratchDirectory();
  ~ScratchDirectory();
  std::string path;
};

} // namespace q::kernel::test

#endif // UNITTESTS_CONVERSION_KERNELRUNNER_H
