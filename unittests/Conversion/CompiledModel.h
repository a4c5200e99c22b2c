//===- CompiledModel.h - Compiles IR in a test and runs it ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lowers q IR to a shared library, loads it, and compares what it computes with
// the reference evaluator, element by element.
//
//===----------------------------------------------------------------------===//

#ifndef UNITTESTS_CONVERSION_COMPILEDMODEL_H
#define UNITTESTS_CONVERSION_COMPILEDMODEL_H

#include "QDialect/Evaluation/Tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <random>
#include <string>
#include <vector>

namespace q::test {

/// A context with every dialect of the lowering.
mlir::MLIRContext &getContext();

/// How a network is compiled.
struct ModelSettings {
  /// Layers become kernels, otherwise loops.
  bool kernels = false;
  /// With more than one, everything that can be shared is, however small.
  int64_t threads = 1;
  std::string winograd = "auto";
};

/// A library of one network, loaded into this process.
class CompiledModel {
public:
  /// Compiles the function `main` of `text` (q IR). On failure `ok()` is false
  /// and the test has failed with the diagnostics.
  explicit CompiledModel(const std::string &text,
                         const ModelSettings &settings = {});
  ~CompiledModel();
  CompiledModel(const CompiledModel &) = delete;
  CompiledModel &operator=(const CompiledModel &) = delete;

  bool ok() const { return entry != nullptr; }
  /// The text of model_info.
  std::string getInfo() const;
  /// The undefined symbols of the library.
  std::vector<std::string> getUndefinedSymbols() const;

  /// Runs on inputs like those of the reference evaluator.
  std::vector<eval::Tensor> run(llvm::ArrayRef<eval::Tensor> inputs) const;

  /// The q module as it was before lowering.
  mlir::ModuleOp getSource() { return *source; }

private:
  mlir::OwningOpRef<mlir::ModuleOp> source;
  std::string path;
  void *library = nullptr;
  int (*entry)(const void *const *, void *const *, void *) = nullptr;
};

/// How inputs are chosen.
enum class Fill { Random, Lowest, Highest, Alternating, Special };

/// Inputs for the function `main` of a q module. Floats are around the range of
/// the quantizer; `Special` holds NaN, infinities and ties.
std::vector<eval::Tensor> makeInputs(mlir::ModuleOp module, Fill fill,
                                     std::mt19937 &random);

/// Expects that the compiled network and the reference evaluator agree in every
/// element, for all fills and several random inputs. With `kernels` layers are
/// compiled as kernels, otherwise as loops; both for one thread and for three.
void expectSameBits(const std::string &text, bool kernels = false);

/// The same for one way to compile it.
void expectSameBits(const std::string &text, const ModelSettings &settings);

} // namespace q::test

#endif // UNITTESTS_CONVERSION_COMPILEDMODEL_H
