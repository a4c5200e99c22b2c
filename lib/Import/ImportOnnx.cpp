//===- ImportOnnx.cpp - ONNX models to the q dialect ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Import/ImportOnnx.h"
#include "Importer.h"
#include "InlineFunctions.h"
#include "OnnxFile.h"

#include "QDialect/Import/Passes.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace q;

namespace {
/// A refusal has the form `what is wrong; what to do about it`. What has no
/// second half says that the model contradicts itself or ONNX, and the remedy
/// is always the same.
class Remedy {
public:
  explicit Remedy(MLIRContext *context)
      : handler(context, [](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              !StringRef(diagnostic.str()).contains("; "))
            diagnostic << "; correct the model where it was made, "
                          "onnx.checker.check_model may say more";
          return failure(); // goes on to those who print it
        }) {}

private:
  ScopedDiagnosticHandler handler;
};
} // namespace

static InFlightDiagnostic errorAt(StringRef path, MLIRContext *context) {
  return emitError(FileLineColLoc::get(context, path, 0, 0));
}

bool q::parseShapeOption(StringRef text, ImportOptions &options) {
  auto [name, extents] = text.rsplit(':');
  SmallVector<StringRef> parts;
  extents.split(parts, 'x');
  SmallVector<int64_t> shape;
  bool good = !name.empty();
  for (StringRef part : parts)
    good &= !part.getAsInteger(10, shape.emplace_back());
  if (good)
    options.inputShapes[name] = shape;
  return good;
}

OwningOpRef<ModuleOp> q::importOnnxBuffer(llvm::MemoryBufferRef buffer,
                                          StringRef path, MLIRContext *context,
                                          const ImportOptions &options) {
  context->loadDialect<QDialect, func::FuncDialect, quant::QuantDialect>();
  Remedy remedy(context);
  bool text = options.textForm || path.ends_with(".pbtxt") ||
              path.ends_with(".onnxtxt") || path.ends_with(".textproto");
  std::string reason;
  std::shared_ptr<::onnx::ModelProto> model =
      onnx_import::parseModel(buffer.getBuffer(), text, reason);
  if (!model) {
    errorAt(path, context) << reason;
    return nullptr;
  }
  if (!onnx_import::inlineFunctions(*model, reason)) {
    errorAt(path, context) << reason;
    return nullptr;
  }
  onnx_import::Importer importer(std::move(model), path, context, options);
  OwningOpRef<ModuleOp> module = importer.run();
  if (!module)
    return nullptr;
  if (options.simplifyLayout)
    for (auto function : module->getOps<func::FuncOp>())
      simplifyLayout(function);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

OwningOpRef<ModuleOp> q::importOnnx(StringRef path, MLIRContext *context,
                                    const ImportOptions &options) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    errorAt(path, context) << "cannot read the model: "
                           << buffer.getError().message();
    return nullptr;
  }
  return importOnnxBuffer(**buffer, path, context, options);
}
