//===- qrun.cpp - Runs, compares, scores and times models -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tasks.h"

#include "Support/CommandLine.h"

#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace q;
using namespace q::qrun;
namespace cl = llvm::cl;

static constexpr llvm::StringLiteral kOverview =
    R"(Runs a model, whichever form it has, on data.

A MODEL is
  x.onnx, float x.mlir or x.mlirbc   run by the float evaluator
  quantized x.mlir or x.mlirbc       run by the integer reference evaluator
  libx.so                            compiled for this machine
  libx.a                             compiled; aarch64 runs under qemu

DATA is a .npy with samples along axis 0, an .npz with an array per input, an
ONNX .pb file, or a folder of images or of .npy or input_N.pb files; several
inputs: one file each, separated by commas.

  qrun MODEL                              show inputs and outputs
  qrun MODEL DATA --labels=y.npy          accuracy
  qrun MODEL DATA OUT [BATCH]             write OUT_0.npy, OUT_1.npy ...
  qrun --compare MODEL MODEL [DATA]       count elements that differ
  qrun --bench=100 MODEL [DATA]           time per run
  qrun --bench=100 --per-layer MODEL      time per layer
)";

namespace {

struct Options {
  cl::list<std::string> arguments{
      cl::Positional, cl::desc("MODEL [MODEL] [DATA [OUT [BATCH]]]")};
  cl::opt<bool> compare{
      "compare",
      cl::desc("Compare two models on DATA, --random or --extremes; exit code "
               "1 if they differ")};
  cl::opt<int64_t> random{"random",
                          cl::desc("Compare on N sets of random inputs"),
                          cl::value_desc("N"), cl::init(0)};
  cl::opt<bool> extremes{
      "extremes",
      cl::desc("Compare on all-lowest, all-highest and alternating inputs")};
  cl::opt<double> tolerance{
      "tolerance",
      cl::desc("Largest difference that counts as equal, relative to the "
               "largest value of the output (default 0: the same bits)"),
      cl::value_desc("T"), cl::init(0.0)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of --random (default 1)"),
                         cl::value_desc("N"), cl::init(1)};
  cl::opt<std::string> labels{
      "labels",
      cl::desc("Class numbers of the samples; prints top-1 and top-5 accuracy "
               "of the first output"),
      cl::value_desc("FILE.npy")};
  cl::opt<int64_t> labelOffset{
      "label-offset",
      cl::desc("Add N to every label, for models with classes more in front"),
      cl::value_desc("N"), cl::init(0)};
  cl::opt<int64_t> bench{
      "bench", cl::desc("Time N runs on the first sample and print the median"),
      cl::value_desc("N"), cl::init(0)};
  cl::opt<bool> perLayer{
      "per-layer",
      cl::desc("With --bench: also time, multiply-accumulates a cycle and "
               "kernel of every layer (needs a .so of qcc --profile)")};
  cl::opt<std::string> preprocess{
      "preprocess",
      cl::desc("What happens to samples first: resize=N|HxW, crop=N|HxW, "
               "channels=rgb|bgr|gray, scale=S, mean=M|A:B:C, std=D|A:B:C, "
               "layout=nchw|nhwc (the model's), from=nchw|nhwc (the data's), "
               "separated by commas; (x * scale - mean) / std"),
      cl::value_desc("SPEC")};
  cl::opt<int64_t> limit{"limit", cl::desc("Use the first N samples only"),
                         cl::value_desc("N"), cl::init(0)};
  cl::opt<int64_t> batch{
      "batch",
      cl::desc("Batch of an ONNX model whose first dimension is symbolic "
               "(default 1)"),
      cl::value_desc("N"), cl::init(1)};
  cl::list<std::string> shapes{
      "shape",
      cl::desc("Shape of an input of an ONNX model, where it is dynamic"),
      cl::value_desc("NAME:1x3x224x224")};
  cl::opt<std::string> compiler{
      "cc",
      cl::desc("C compiler that links an archive (default by its "
               "processor)"),
      cl::value_desc("PROGRAM")};
  cl::opt<std::string> runner{
      "runner",
      cl::desc("Command that runs an archive's program (default for aarch64: "
               "'qemu-aarch64 -cpu max')"),
      cl::value_desc("COMMAND")};
};

/// The work of one call.
class Driver {
public:
  Driver(Options &options, MLIRContext &context)
      : options(options), context(context), loc(UnknownLoc::get(&context)) {}
  LogicalResult run();

private:
  LogicalResult readArguments();
  LogicalResult checkCombination();
  LogicalResult openDataFor(const Model &model);
  ModelOr open(StringRef path) {
    OpenOptions open;
    open.import.batch = batch;
    for (const std::string &text : options.shapes)
      if (!parseShapeOption(text, open.import))
        return emitError(loc)
               << "--shape=" << text << " must have the form NAME:1x3x224x224";
    open.compiler = options.compiler;
    open.runner = options.runner;
    return openModel(path, open, context);
  }

  Options &options;
  MLIRContext &context;
  Location loc;
  std::vector<std::string> models;
  std::string dataPath, prefix;
  int64_t batch = 1;
  std::unique_ptr<eval::DataSource> data;
};

} // namespace

LogicalResult Driver::readArguments() {
  SmallVector<StringRef> rest(options.arguments.begin(),
                              options.arguments.end());
  auto take = [&]() -> std::string {
    if (rest.empty())
      return {};
    std::string first = rest.front().str();
    rest.erase(rest.begin());
    return first;
  };
  size_t numModels = options.compare ? 2 : 1;
  if (rest.size() < numModels)
    return emitError(loc) << "needs "
                          << (numModels == 2 ? "two models" : "a model")
                          << "; see --help";
  for (size_t i = 0; i < numModels; ++i)
    models.push_back(take());
  dataPath = take();
  prefix = take();
  std::string batchText = take();
  if (!rest.empty())
    return emitError(loc) << "does not know what to do with '" << rest.front()
                          << "'; see --help";
  batch = options.batch;
  if (!batchText.empty() && StringRef(batchText).getAsInteger(10, batch))
    return emitError(loc) << "the batch must be a number, not '" << batchText
                          << "'";
  if (batch < 1 || batch > 65536)
    return emitError(loc) << "the batch must be from 1 to 65536, not " << batch;
  if (options.random < 0 || !(options.tolerance >= 0))
    return emitError(loc) << "--random and --tolerance must not be negative";
  if (options.bench.getNumOccurrences() && options.bench < 1)
    return emitError(loc) << "--bench needs at least one run, not "
                          << int64_t(options.bench);
  return checkCombination();
}

/// Refuses what would be ignored or lacks what it works on.
LogicalResult Driver::checkCombination() {
  bool compare = options.compare, scores = !options.labels.empty();
  bool hasOnnx = llvm::any_of(
      models, [](StringRef path) { return path.ends_with(".onnx"); });
  std::string misplaced = findMisplacedOption(
      {{options.random, compare, "--compare"},
       {options.extremes, compare, "--compare"},
       {options.tolerance, compare, "--compare"},
       {options.seed, compare && options.random > 0, "--compare --random=N"},
       {options.labels, !compare && options.bench == 0,
        "neither --compare nor --bench"},
       {options.labelOffset, scores, "--labels"},
       {options.perLayer, options.bench > 0, "--bench=N"},
       {options.bench, !compare, "one model, not with --compare"},
       {options.limit, !dataPath.empty(), "DATA"},
       {options.preprocess, !dataPath.empty(), "DATA"},
       {options.shapes, hasOnnx, "a model in .onnx form"},
       {options.batch, hasOnnx, "a model in .onnx form"}});
  if (!misplaced.empty())
    return emitError(loc) << misplaced;
  if (options.compare && dataPath.empty() && options.random == 0 &&
      !options.extremes)
    return emitError(loc) << "--compare needs inputs: DATA, --random=N or "
                             "--extremes";
  if (options.compare && !prefix.empty())
    return emitError(loc) << "--compare takes two models and DATA only";
  if (!options.labels.empty() && dataPath.empty())
    return emitError(loc) << "--labels needs DATA to run on";
  return success();
}

LogicalResult Driver::openDataFor(const Model &model) {
  if (dataPath.empty())
    return success();
  auto preprocessing = eval::Preprocessing::parse(options.preprocess, loc);
  if (failed(preprocessing))
    return failure();
  auto source = eval::openData(dataPath, model.getInputSpecs(), *preprocessing,
                               loc, options.limit);
  if (failed(source))
    return failure();
  data = std::move(*source);
  return success();
}

LogicalResult Driver::run() {
  if (failed(readArguments()))
    return failure();
  ModelOr model = open(models.front());
  if (failed(model) || failed(openDataFor(**model)))
    return failure();
  if (options.compare) {
    ModelOr other = open(models.back());
    if (failed(other))
      return failure();
    return compareModels(
        **model, **other, data.get(),
        {options.random, options.extremes, options.tolerance, options.seed},
        loc);
  }
  if (options.bench > 0)
    return benchModel(**model, data.get(), options.bench, options.perLayer,
                      loc);
  if (!data) {
    printInterface(**model);
    return success();
  }
  if (prefix.empty() && options.labels.empty())
    return emitError(loc) << "nothing to do with the results: give OUT to "
                             "write them, or --labels, --bench or --compare";
  return runOverData(**model, *data,
                     {prefix, options.labels, options.labelOffset}, loc);
}

/// One line per diagnostic, with its place where it has one.
static void printDiagnostic(Diagnostic &diagnostic) {
  StringRef severity = "error";
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Note:
    severity = "note";
    break;
  case DiagnosticSeverity::Warning:
    severity = "warning";
    break;
  case DiagnosticSeverity::Remark:
    return;
  case DiagnosticSeverity::Error:
    break;
  }
  llvm::errs() << "qrun: " << severity << ": ";
  if (!isa<UnknownLoc>(diagnostic.getLocation()))
    llvm::errs() << diagnostic.getLocation() << ": ";
  llvm::errs() << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  hideLibraryOptions();
  Options options;
  if (failed(parseCommandLine(argc, argv, kOverview)))
    return 1;

  DialectRegistry registry;
  registry.insert<QDialect, func::FuncDialect, quant::QuantDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [](Diagnostic &diagnostic) {
    printDiagnostic(diagnostic);
    return success();
  });
  return failed(Driver(options, context).run()) ? 1 : 0;
}
