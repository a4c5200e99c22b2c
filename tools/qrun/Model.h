//===- Model.h - A network in whichever form it has -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An ONNX file, IR, a shared library and an archive for another processor are
// all run through one interface, so that they can be compared.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QRUN_MODEL_H
#define QDIALECT_TOOLS_QRUN_MODEL_H

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Evaluation/Tensor.h"
#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/Numerics/QuantParams.h"

#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/JSON.h"

#include <memory>
#include <optional>
#include <string>

namespace q::qrun {

using eval::Tensor;

/// An input or output of a model.
struct TensorInfo {
  std::string name;
  llvm::SmallVector<int64_t> shape;
  /// Float32, or integers of `bits` bits.
  bool isFloat = true;
  unsigned bits = 32;
  bool isSigned = true;
  /// What integers mean; none where the model does not say.
  std::optional<numerics::QuantParams> params;
  /// Of a float input: the parameters with which the model quantizes it, if
  /// known.
  std::optional<numerics::QuantParams> quantizedAs;

  int64_t getNumElements() const { return Tensor::count(shape); }
};

/// A layer of a library that was compiled for profiling.
struct ProfiledLayer {
  std::string name, kernel;
  std::string why; ///< what was proven for the kernel, or for no better one
  int64_t macs = 0;
};

class Model {
public:
  virtual ~Model() = default;
  llvm::ArrayRef<TensorInfo> getInputs() const { return inputs; }
  llvm::ArrayRef<TensorInfo> getOutputs() const { return outputs; }

  /// Whether it computes in integers, so that float inputs saturate.
  virtual bool isInteger() const { return true; }

  /// Runs once, on tensors of the kinds that getInputs() tells.
  virtual mlir::FailureOr<llvm::SmallVector<Tensor>>
  run(llvm::ArrayRef<Tensor> tensors) = 0;

  /// How many threads may share a run.
  int64_t getThreads() const { return threads; }

  /// The layers that are timed one by one, and what they have taken so far in
  /// ticks of the processor's counter; none unless compiled with --profile.
  llvm::ArrayRef<ProfiledLayer> getProfiledLayers() const { return layers; }
  virtual const uint64_t *getLayerTicks() const { return nullptr; }

  /// What float samples must look like.
  llvm::SmallVector<eval::InputSpec> getInputSpecs() const;
  /// Runs on real values: integer inputs are quantized first (rule N3).
  mlir::FailureOr<llvm::SmallVector<Tensor>>
  runReal(llvm::ArrayRef<Tensor> tensors);

protected:
  std::vector<TensorInfo> inputs, outputs;
  std::vector<ProfiledLayer> layers;
  int64_t threads = 1;
};
using ModelOr = mlir::FailureOr<std::unique_ptr<Model>>;

struct OpenOptions {
  /// What dynamic dimensions of an ONNX file become.
  ImportOptions import;
  /// Compiler and emulator for archives; empty chooses by their processor.
  std::string compiler, runner;
};

/// Opens a model by its file's suffix: .onnx, .mlir, .mlirbc, .so, .a. Fails
/// with a diagnostic.
ModelOr openModel(llvm::StringRef path, const OpenOptions &options,
                  mlir::MLIRContext &context);
ModelOr openSharedLibrary(llvm::StringRef path, mlir::Location loc);
ModelOr openArchive(llvm::StringRef path, const OpenOptions &options,
                    mlir::Location loc);

/// The real values of an output; float tensors as they are.
Tensor getReal(const Tensor &tensor, const TensorInfo &info);

/// What a compiled model says of itself (NAME_info; see CInterface.h).
struct CompiledInfo {
  std::vector<TensorInfo> inputs, outputs;
  std::vector<ProfiledLayer> layers;
  int64_t arenaBytes = 0, arenaAlignment = 64;
  int64_t threads = 1;
};
mlir::FailureOr<CompiledInfo>
parseInfo(llvm::StringRef text, llvm::StringRef path, mlir::Location loc);
/// What can be seen of a model without running it.
struct FoundModel {
  /// The prefix NAME of NAME_run and NAME_info.
  std::string name;
  bool isAArch64 = false;
  /// It calls an OpenMP runtime.
  bool needsRuntime = false;
};
/// The one model that an object file or library holds; an archive's members are
/// all looked at.
mlir::FailureOr<FoundModel> findModel(llvm::StringRef path, mlir::Location loc);

/// The bytes of a tensor as compiled code takes and gives them.
void packTensor(const Tensor &tensor, const TensorInfo &info, char *bytes);
Tensor unpackTensor(const char *bytes, const TensorInfo &info);
size_t getNumBytes(const TensorInfo &info);

} // namespace q::qrun

#endif // QDIALECT_TOOLS_QRUN_MODEL_H
