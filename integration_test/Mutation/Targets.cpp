//===- Targets.cpp - What untrusted bytes are fed to ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Targets.h"

#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/Import/Passes.h"
#include "QDialect/ModuleFile.h"
#include "QDialect/Pipelines/Pipelines.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace q;
using namespace q::mutation;

namespace {
/// Counts errors instead of printing them.
class Collector {
public:
  Collector(MLIRContext &context, Verdict &verdict)
      : handler(&context, [&verdict](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return success();
          if (verdict.errors++ == 0)
            verdict.message = diagnostic.str();
          return success();
        }) {}

private:
  ScopedDiagnosticHandler handler;
};
} // namespace

Verdict mutation::importModel(StringRef bytes) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  Verdict verdict;
  Collector collector(context, verdict);
  verdict.accepted = static_cast<bool>(importOnnxBuffer(
      llvm::MemoryBufferRef(bytes, "input.onnx"), "input.onnx", &context));
  return verdict;
}

/// Every pass that qopt has and the pipelines use, made known once.
static void registerOnce() {
  static bool done = [] {
    registerTransformsPasses();
    registerLowering();
    registerQLayoutPasses();
    registerQTransformsPasses();
    return true;
  }();
  (void)done;
}

static LogicalResult runText(ModuleOp module, StringRef text) {
  PassManager manager(module.getContext());
  std::string ignored;
  llvm::raw_string_ostream stream(ignored);
  if (failed(parsePassPipeline(text, manager, stream)))
    return emitError(module.getLoc()) << "bad pipeline: " << ignored;
  return manager.run(module);
}

static LogicalResult lower(ModuleOp module) {
  PassManager manager(module.getContext());
  buildLowerToLoopsPipeline(manager, LoweringOptions());
  return manager.run(module);
}

Verdict mutation::optimizeModule(StringRef bytes) {
  registerOnce();
  DialectRegistry registry;
  registry.insert<QDialect, func::FuncDialect, quant::QuantDialect>();
  registerLoweringDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  Verdict verdict;
  Collector collector(context, verdict);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      prepareModuleBuffer(llvm::MemoryBuffer::getMemBufferCopy(bytes, "input"),
                          context.getDialectRegistry(), &error);
  if (!buffer) {
    emitError(UnknownLoc::get(&context)) << error;
    return verdict;
  }
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return verdict;
  QuantizeOptions options;
  // Calibration needs data; quantizers that have ranges keep them.
  verdict.accepted =
      succeeded(runText(*module, getSimplifyPipeline(options))) &&
      succeeded(runText(*module, "func.func(q-insert-quantizers)")) &&
      succeeded(runText(*module, getQuantizePipeline(options))) &&
      succeeded(lower(*module));
  return verdict;
}
