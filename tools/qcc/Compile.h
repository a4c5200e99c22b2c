//===- Compile.h - From a model to files ------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QCC_COMPILE_H
#define QDIALECT_TOOLS_QCC_COMPILE_H

#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/Pipelines/Pipelines.h"
#include "QDialect/Target/EmitLibrary.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <utility>
#include <vector>

namespace q {

/// Where compilation stops, in order.
enum class Stage { Float, Calibrated, Quantized, Linalg, Llvm, Asm, Obj, Lib };

struct CompileOptions {
  std::string model;
  std::string directory;
  /// Stem of the files, and, made an identifier, prefix of the C symbols.
  std::string name;
  std::string target = "x86-64-v3";
  ImportOptions import;
  Stage stage = Stage::Lib;
  /// auto, always or off: see LoweringOptions.
  std::string winograd = "auto";
  QuantizeOptions quantize;
  /// Threads that share a run, 1 to kMostThreads.
  int64_t threads = 1;
  /// Counts the time of each layer in the compiled code.
  bool profile = false;
  /// Says on stderr what is done and how long it took.
  bool verbose = false;
};

/// What was compiled, for the report.
struct Compilation {
  /// The quantized network, as it went into the lowering.
  mlir::OwningOpRef<mlir::ModuleOp> quantized;
  llvm::json::Object info;
  LibrarySizes sizes;
  /// Stages with their time in seconds.
  std::vector<std::pair<std::string, double>> times;
  std::vector<std::string> files;
};

/// Runs the stages up to `options.stage` and writes the files of the last one.
/// Fails after diagnostics; then no file has been written.
mlir::LogicalResult compile(const CompileOptions &options,
                            mlir::MLIRContext *context, Compilation &result);

/// `<name>.report.json`: sizes, times, inputs and outputs, and every layer with
/// its types and proofs.
std::string makeReport(const CompileOptions &options,
                       const Compilation &compilation);

/// Bytes of the weights of layers, as quantized.
int64_t countWeightBytes(mlir::ModuleOp quantized);

} // namespace q

#endif // QDIALECT_TOOLS_QCC_COMPILE_H
