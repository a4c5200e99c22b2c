//===- qtranslate.cpp - ONNX to q IR and back -----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What mlir-translate does with one translation, but for the output, which
// appears whole or not at all.
//
//===----------------------------------------------------------------------===//

#include "Support/CommandLine.h"

#include "QDialect/Export/ExportOnnx.h"
#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/OutputFile.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/ToolUtilities.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

namespace cl = llvm::cl;

/// One stderr line; the exit code of a failure.
static int fail(llvm::StringRef message) {
  llvm::errs() << "qtranslate: error: " << message << "\n";
  return 1;
}

/// Translates one module. With `verify` it is its diagnostics that count: all
/// that the source expects must come, and no others.
static mlir::LogicalResult translate(const mlir::Translation &translation,
                                     std::unique_ptr<llvm::MemoryBuffer> buffer,
                                     bool verify, llvm::raw_ostream &os) {
  mlir::MLIRContext context;
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  if (!verify) {
    mlir::SourceMgrDiagnosticHandler handler(*sources, &context);
    return translation(sources, os, &context);
  }
  mlir::SourceMgrDiagnosticVerifierHandler handler(*sources, &context);
  context.printOpOnDiagnostic(false);
  (void)translation(sources, os, &context);
  return handler.verify();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  q::hideLibraryOptions();
  q::registerImportOnnx();
  q::registerExportOnnx();
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  cl::opt<std::string> input(cl::Positional, cl::desc("<input file>"),
                             cl::init("-"));
  cl::opt<std::string> output("o", cl::desc("Output file (default stdout)"),
                              cl::value_desc("file"), cl::init("-"));
  cl::opt<const mlir::Translation *, false, mlir::TranslationParser>
      translation("", cl::desc("Translation to perform"));
  cl::opt<bool> split("split-input-file",
                      cl::desc("Translate the parts of the input between "
                               "lines '// -----' one by one"));
  cl::opt<bool> verify("verify-diagnostics",
                       cl::desc("Check the diagnostics against the comments "
                                "'expected-error' of the input"));
  if (failed(q::parseCommandLine(
          argc, argv,
          "Translates networks from ONNX to q IR, and quantized ones back.\n\n"
          "  qtranslate --import-onnx model.onnx -o model.mlir\n"
          "  qtranslate --export-onnx-qdq model.mlir -o model_qdq.onnx\n")))
    return 1;
  if (!translation)
    return fail("needs --import-onnx or --export-onnx-qdq; see qtranslate "
                "--help");

  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      mlir::openInputFile(input, &error);
  if (!buffer)
    return fail(error);
  std::unique_ptr<q::OutputFile> file = q::OutputFile::open(output, error);
  if (!file)
    return fail(error);
  auto process = [&](std::unique_ptr<llvm::MemoryBuffer> part,
                     const llvm::MemoryBufferRef &, llvm::raw_ostream &os) {
    return translate(*translation, std::move(part), verify, os);
  };
  mlir::LogicalResult done =
      split
          ? mlir::splitAndProcessBuffer(std::move(buffer), process, file->os())
          : process(std::move(buffer), {}, file->os());
  if (failed(done))
    return 1;
  return succeeded(file->keep(error)) ? 0 : fail(error);
}
