//===- RegisterImportOnnx.cpp - qtranslate --import-onnx ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {
/// The options of the translation, which live as long as the registration.
struct Flags {
  cl::opt<int64_t> batch{
      "batch", cl::init(1), cl::value_desc("N"),
      cl::desc("extent of a dynamic first dimension of the model's inputs")};
  cl::list<std::string> shapes{
      "shape", cl::value_desc("NAME:1x3x224x224"),
      cl::desc("shape of an input, instead of the one in the model")};
  cl::list<std::string> constants{
      "input-constant", cl::value_desc("NAME=FILE.pb"),
      cl::desc(
          "turn an input into a constant with the value of a TensorProto")};
  cl::opt<bool> text{"import-onnx-text", cl::init(false),
                     cl::desc("the model is in protobuf text form")};
  cl::opt<bool> simplify{
      "import-simplify-layout", cl::init(true),
      cl::desc("move layout transposes out of the network (default on)")};
};
} // namespace

/// Splits NAME=VALUE at the last '='.
static bool splitPair(llvm::StringRef text, llvm::StringRef &name,
                      llvm::StringRef &value) {
  std::tie(name, value) = text.rsplit('=');
  return !name.empty() && !value.empty();
}

/// Options from flags; false with a message on stderr where one is malformed.
static bool readOptions(const Flags &flags, q::ImportOptions &options) {
  options.batch = flags.batch;
  options.textForm = flags.text;
  options.simplifyLayout = flags.simplify;
  llvm::StringRef name, value;
  for (const std::string &text : flags.shapes) {
    if (!parseShapeOption(text, options)) {
      llvm::errs() << "error: --shape=" << text
                   << " must have the form NAME:1x3x224x224\n";
      return false;
    }
  }
  for (const std::string &text : flags.constants) {
    if (!splitPair(text, name, value)) {
      llvm::errs() << "error: --input-constant=" << text
                   << " must have the form NAME=FILE.pb\n";
      return false;
    }
    options.inputConstants[name] = value.str();
  }
  return true;
}

void q::registerImportOnnx() {
  static Flags flags;
  static TranslateToMLIRRegistration registration(
      "import-onnx", "import an ONNX model into the q dialect",
      [](llvm::SourceMgr &sources,
         MLIRContext *context) -> OwningOpRef<Operation *> {
        ImportOptions options;
        if (!readOptions(flags, options))
          return nullptr;
        const llvm::MemoryBuffer *buffer =
            sources.getMemoryBuffer(sources.getMainFileID());
        OwningOpRef<ModuleOp> module = importOnnxBuffer(
            *buffer, buffer->getBufferIdentifier(), context, options);
        if (!module)
          return nullptr;
        return OwningOpRef<Operation *>(module.release().getOperation());
      },
      [](DialectRegistry &registry) {
        registry.insert<QDialect, func::FuncDialect, quant::QuantDialect>();
      });
}
