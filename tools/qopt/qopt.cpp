//===- qopt.cpp - Runs passes and pipelines on IR -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support/CommandLine.h"

#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Import/Passes.h"
#include "QDialect/ModuleFile.h"
#include "QDialect/OutputFile.h"
#include "QDialect/Pipelines/Pipelines.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"

/// What MlirOptMain does with its file names, but with a buffer from which
/// bytecode with weights can be read.
static llvm::LogicalResult run(llvm::StringRef input, llvm::StringRef output,
                               mlir::DialectRegistry &registry,
                               const mlir::MlirOptMainConfig &config) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      q::openModuleFile(input, registry, &error);
  std::unique_ptr<q::OutputFile> file;
  if (buffer)
    file = q::OutputFile::open(output, error);
  if (!file) {
    llvm::errs() << "qopt: error: " << error << "\n";
    return llvm::failure();
  }
  if (failed(
          mlir::MlirOptMain(file->os(), std::move(buffer), registry, config)))
    return llvm::failure();
  if (succeeded(file->keep(error)))
    return llvm::success();
  llvm::errs() << "qopt: error: " << error << "\n";
  return llvm::failure();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  q::hideLibraryOptions();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<q::QDialect>();
  q::registerLoweringDialects(registry);
  mlir::registerAllPasses();
  q::registerQuantizePipelines();
  q::registerLowering();
  q::registerQLayoutPasses();
  q::registerQTransformsPasses();
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv,
      "Runs passes and pipelines on IR. The passes and pipelines named q-* are "
      "this\n"
      "compiler's own (docs/Passes.md), the others those of MLIR.\n",
      registry);
  mlir::MlirOptMainConfig config =
      mlir::MlirOptMainConfig::createFromCLOptions();
  return mlir::asMainReturnCode(
      config.shouldShowDialects() || config.shouldListPasses()
          ? mlir::MlirOptMain(argc, argv, input, output, registry)
          : run(input, output, registry, config));
}
