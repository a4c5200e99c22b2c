//===- Compile.cpp - From a model to files --------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"

#include "Tune.h"

#include "Support/ProgressLine.h"

#include "QDialect/CIdentifier.h"
#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/LayerName.h"
#include "QDialect/ModuleFile.h"
#include "QDialect/OutputFile.h"
#include "QDialect/QDialect.h"
#include "QDialect/Target/Header.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <optional>

using namespace mlir;
using namespace q;

namespace {

class Compiler {
public:
  Compiler(const CompileOptions &options, MLIRContext *context,
           Compilation &result)
      : options(options), context(context), result(result),
        loc(FileLineColLoc::get(context, options.model, 0, 0)) {}

  LogicalResult run();

private:
  LogicalResult checkOptions(const Target &target);
  LogicalResult read();
  LogicalResult makeDirectory();
  LogicalResult quantize();
  LogicalResult runText(StringRef what, const std::string &pipeline);
  LogicalResult lower(const Target &target);
  LogicalResult readInfo(StringRef symbol);
  void addFloatIslands();
  LogicalResult writeIR();
  LogicalResult writeFiles(const Target &target, StringRef symbol);
  /// Whether the IR has reached a stage already, when it was read from a file.
  bool isOnnx() const {
    StringRef model = options.model;
    return !model.ends_with(".mlir") && !model.ends_with(".mlirbc");
  }
  bool hasIntegers();
  bool isQuantized();
  bool isCalibrated();

  template <typename Function>
  LogicalResult timed(StringRef what, Function function) {
    auto start = std::chrono::steady_clock::now();
    LogicalResult status = [&] {
      std::optional<ProgressLine> progress;
      if (!options.verbose)
        progress.emplace(what);
      return function();
    }();
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    result.times.emplace_back(what.str(), time.count());
    if (options.verbose)
      llvm::errs() << llvm::format("%7.2f s  ", time.count()) << what << "\n";
    return status;
  }

  std::string path(StringRef suffix, StringRef prefix = "") {
    SmallString<128> file(options.directory);
    llvm::sys::path::append(file, prefix + options.name + suffix);
    result.files.push_back(file.str().str());
    return file.str().str();
  }

  const CompileOptions &options;
  MLIRContext *context;
  Compilation &result;
  Location loc;
  OwningOpRef<ModuleOp> module;
};

} // namespace

LogicalResult Compiler::read() {
  return timed("import", [&] {
    StringRef model = options.model;
    if (!isOnnx()) {
      module = readModule(model, context);
    } else {
      module = importOnnx(model, context, options.import);
    }
    return success(static_cast<bool>(module));
  });
}

LogicalResult Compiler::runText(StringRef what, const std::string &pipeline) {
  PassManager manager(context);
  std::string error;
  llvm::raw_string_ostream stream(error);
  if (failed(parsePassPipeline(pipeline, manager, stream)))
    return emitError(loc) << "bad pass pipeline '" << pipeline
                          << "': " << error;
  return timed(what, [&] { return manager.run(*module); });
}

/// Some op has integers as its result.
bool Compiler::hasIntegers() {
  return module
      ->walk([](Operation *op) {
        for (Type type : op->getResultTypes())
          if (getQuantizedType(type))
            return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

/// All that is left to do is to lower it: IR whose ops compute in integers.
bool Compiler::isQuantized() {
  auto functions = module->getOps<func::FuncOp>();
  return llvm::any_of(functions, eval::isQuantized);
}

bool Compiler::isCalibrated() {
  bool any = false, all = true;
  module->walk([&](QuantizerOp op) {
    any = true;
    all &= op.getMin().has_value();
  });
  return any && all;
}

/// `--emit` of a stage of IR: text that a person can read, weights at its end.
LogicalResult Compiler::writeIR() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, false));
  return writeFileAtomically(path(".mlir"), text, loc);
}

LogicalResult Compiler::lower(const Target &target) {
  LoweringOptions lowering;
  lowering.target = target.kernels;
  lowering.profile = options.profile;
  lowering.winograd = options.winograd;
  lowering.threads = options.threads;
  lowering.tuned = options.tuned;
  lowering.name = getCIdentifier(options.name);
  if (!options.tune.empty()) {
    if (failed(timed("tune", [&] {
          return tuneKernels(*module, target, lowering, options.tune, loc,
                             options.verbose);
        })))
      return failure();
    lowering.tuned = options.tune;
  }
  PassManager manager(context);
  if (options.stage == Stage::Linalg)
    buildLowerToLinalgPipeline(manager, lowering);
  else
    buildLowerToLLVMPipeline(manager, lowering);
  return timed("lower", [&] { return manager.run(*module); });
}

LogicalResult Compiler::readInfo(StringRef symbol) {
  auto global = module->lookupSymbol<LLVM::GlobalOp>((symbol + "_info").str());
  auto text = global ? dyn_cast_or_null<StringAttr>(global.getValueOrNull())
                     : StringAttr();
  if (!text)
    return emitError(loc) << "the lowering left no description '" << symbol
                          << "_info'";
  // The constant is a C string.
  auto parsed = llvm::json::parse(text.getValue().rtrim('\0'));
  if (!parsed)
    return emitError(loc) << "cannot read '" << symbol
                          << "_info': " << llvm::toString(parsed.takeError());
  if (llvm::json::Object *object = parsed->getAsObject())
    result.info = std::move(*object);
  return success();
}

/// Header and report say what the library computes in float.
void Compiler::addFloatIslands() {
  llvm::json::Array islands;
  result.quantized->walk([&](Operation *op) {
    if (computesInFloat(op))
      islands.push_back(getLayerName(op->getLoc()));
  });
  if (!islands.empty())
    result.info["float_islands"] = std::move(islands);
}

LogicalResult Compiler::writeFiles(const Target &target, StringRef symbol) {
  EmitPaths paths;
  if (options.stage == Stage::Asm) {
    paths.assembly = path(".s");
  } else {
    paths.object = path(".o");
    if (options.stage == Stage::Lib) {
      paths.archive = path(".a", "lib");
      paths.shared = path(".so", "lib");
    }
  }
  OutputFiles files;
  LogicalResult status = timed("generate code", [&]() -> LogicalResult {
    auto sizes = emitLibrary(*module, target, paths, files);
    if (succeeded(sizes))
      result.sizes = *sizes;
    return sizes;
  });
  if (failed(status) ||
      failed(files.write(path(".h"),
                         makeHeader(result.info, symbol, target.name), loc)) ||
      failed(
          files.write(path(".report.json"), makeReport(options, result), loc)))
    return failure();
  return files.keep(loc);
}

LogicalResult Compiler::checkOptions(const Target &target) {
  if (!llvm::is_contained({"auto", "always", "off"}, options.winograd))
    return emitError(loc) << "unknown choice of winograd '" << options.winograd
                          << "'; there are auto, always and off";
  if (options.threads < 1 || options.threads > kMostThreads)
    return emitError(loc) << "threads must be between 1 and " << kMostThreads
                          << ", but --threads=" << options.threads
                          << " was given";
  if (!llvm::is_contained({"speed", "memory"}, options.optimize))
    return emitError(loc) << "unknown goal '" << options.optimize
                          << "' of --optimize; there are speed and memory";
  return checkTuning(target, options.tune, options.tuned, loc);
}

LogicalResult Compiler::makeDirectory() {
  namespace fs = llvm::sys::fs;
  if (fs::exists(options.directory) && !fs::is_directory(options.directory))
    return emitError(loc) << "'" << options.directory
                          << "' is a file; give a folder with -o";
  if (std::error_code code = fs::create_directories(
          options.directory, /*IgnoreExisting=*/true, fs::all_all))
    return emitError(loc) << "cannot make the folder '" << options.directory
                          << "': " << code.message();
  return success();
}

/// From float to the integers of rule N2, or to an earlier stage that is the
/// last one asked for.
LogicalResult Compiler::quantize() {
  QuantizeOptions quantize = options.quantize;
  // A model that comes with its own borders expects them to round as ONNX does.
  if (quantize.rounding == "auto")
    quantize.rounding = hasIntegers() ? "even" : "single";
  bool calibrated = isCalibrated();
  // A model that arrives quantized may need none; q-calibrate finds out.
  bool needsSamples =
      options.stage != Stage::Float && !calibrated && !hasIntegers();
  if (needsSamples && quantize.data.empty() && quantize.loadStatistics.empty())
    return emitError(loc)
           << "no samples to calibrate with; give --calibrate=DATA (a .npy "
              "file, a folder of images ...) or --load-statistics=FILE";
  if (!calibrated && failed(runText("simplify", getSimplifyPipeline(quantize))))
    return failure();
  if (options.stage == Stage::Float)
    return success();
  if (!calibrated &&
      failed(runText("calibrate", getCalibratePipeline(quantize))))
    return failure();
  if (options.stage == Stage::Calibrated)
    return success();
  if (quantize.correctBias && quantize.data.empty() &&
      (calibrated || !quantize.loadStatistics.empty()))
    emitRemark(loc) << "biases are not corrected: that takes samples "
                       "(--calibrate=DATA), which neither statistics nor "
                       "calibrated IR can replace";
  if (failed(runText("parameters", getParametersPipeline(quantize))))
    return failure();
  return runText("quantize", getQuantizePipeline(quantize));
}

LogicalResult Compiler::run() {
  auto target = parseTarget(options.target, loc);
  if (failed(target) || failed(checkOptions(*target)) || failed(read()) ||
      failed(makeDirectory()))
    return failure();
  if ((isOnnx() || !isQuantized()) && failed(quantize()))
    return failure();
  if (options.stage <= Stage::Quantized)
    return writeIR();
  result.quantized = module->clone();
  if (options.optimize == "memory" &&
      failed(runText("save memory", getMemoryPipeline())))
    return failure();
  if (failed(lower(*target)))
    return failure();
  if (options.stage <= Stage::Llvm)
    return writeIR();
  std::string symbol = getCIdentifier(options.name);
  if (failed(readInfo(symbol)))
    return failure();
  addFloatIslands();
  return writeFiles(*target, symbol);
}

LogicalResult q::compile(const CompileOptions &options, MLIRContext *context,
                         Compilation &result) {
  return Compiler(options, context, result).run();
}
