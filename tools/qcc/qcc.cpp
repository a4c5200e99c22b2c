//===- qcc.cpp - Compiles a float network to an integer library -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"

#include "Support/CommandLine.h"
#include "Support/ProgressLine.h"

#include "QDialect/Conversion/Lowering.h"
#include "QDialect/LayerName.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace {

/// Everything that the command line says.
struct CommandLine {
  cl::OptionCategory category{"Compiling"};
  cl::OptionCategory quantization{"Quantization"};

  cl::opt<std::string> model{cl::Positional, cl::desc("<model.onnx or .mlir>"),
                             cl::cat(category)};
  cl::opt<std::string> directory{"o", cl::cat(category),
                                 cl::value_desc("folder"),
                                 cl::desc("Where the files go")};
  cl::opt<std::string> name{
      "name", cl::cat(category),
      cl::desc("Name of the files and C symbols (default: the model's)")};
  cl::opt<std::string> target{
      "target", cl::cat(category), cl::init("x86-64-v3"),
      cl::desc("x86-64-v3 (default), x86-64-v3+avxvnni, "
               "x86-64-v4+avx512vnni, aarch64, aarch64+dotprod, "
               "aarch64+dotprod+i8mm")};
  cl::opt<int64_t> batch{"batch", cl::cat(category), cl::init(1),
                         cl::desc("Samples per run, where the model leaves it "
                                  "open (default 1)")};
  cl::list<std::string> shapes{
      "shape", cl::cat(category), cl::value_desc("NAME:1x3x224x224"),
      cl::desc("Shape of an input, where the model leaves it open")};
  cl::opt<std::string> winograd{
      "winograd", cl::cat(category), cl::init("auto"),
      cl::desc("Winograd for 3x3 layers where it is proven exact: auto "
               "(default: if it is expected to be faster), always, off")};
  cl::opt<int64_t> threads{
      "threads", cl::cat(category), cl::init(1),
      cl::desc("Threads that share a run, 1 to 64 (default 1); with more than "
               "1 the library needs an OpenMP runtime (libgomp)")};
  cl::opt<std::string> optimize{
      "optimize", cl::cat(category), cl::init("speed"),
      cl::desc("speed (default), or memory: compute layers some rows at a time "
               "where that makes the arena smaller")};
  cl::opt<std::string> tune{
      "tune", cl::cat(category), cl::value_desc("file"),
      cl::desc("Time the kernels that are exact for each layer on this "
               "machine, take the fastest and keep them in a file; layers "
               "that are in it already are not timed again")};
  cl::opt<std::string> tuned{
      "tuned", cl::cat(category), cl::value_desc("file"),
      cl::desc("Take the kernels of such a file and time nothing")};
  cl::opt<q::Stage> emit{
      "emit", cl::cat(category), cl::init(q::Stage::Lib),
      cl::desc("Where to stop:"),
      cl::values(
          clEnumValN(q::Stage::Float, "float", "imported and simplified IR"),
          clEnumValN(q::Stage::Calibrated, "calibrated", "IR with ranges"),
          clEnumValN(q::Stage::Quantized, "quantized", "integer IR"),
          clEnumValN(q::Stage::Linalg, "linalg", "linalg and kernels"),
          clEnumValN(q::Stage::Llvm, "llvm", "LLVM dialect"),
          clEnumValN(q::Stage::Asm, "asm", "assembly"),
          clEnumValN(q::Stage::Obj, "obj", "object and header"),
          clEnumValN(q::Stage::Lib, "lib",
                     "libraries, header and report (default)"))};
  cl::opt<bool> profile{
      "profile", cl::cat(category),
      cl::desc("Count the time of each layer, for qrun --bench=N --per-layer; "
               "such a library keeps state")};
  cl::opt<bool> verbose{"v", cl::cat(category),
                        cl::desc("Say what is done and how long it takes")};
  cl::opt<bool> printPipeline{
      "print-pipeline", cl::cat(category),
      cl::desc("Print the pass pipelines for qopt and stop")};

  cl::opt<std::string> calibrate{
      "calibrate", cl::cat(quantization), cl::value_desc("data"),
      cl::desc("Samples: .npy or .npz, ONNX .pb, or a folder of images")};
  cl::opt<std::string> preprocess{
      "preprocess", cl::cat(quantization), cl::value_desc("key=value,..."),
      cl::desc("From pixels to input, e.g. "
               "resize=256,crop=224,scale=1/255,mean=0.5,std=0.5")};
  cl::opt<int64_t> samples{"samples", cl::cat(quantization), cl::init(0),
                           cl::desc("Use only the first so many samples "
                                    "(default 0: all)")};
  cl::opt<std::string> method{
      "method", cl::cat(quantization), cl::init("mse"),
      cl::desc("How ranges are chosen: mse (default), minmax, averaged, ema, "
               "percentile, entropy")};
  cl::opt<double> percentile{
      "percentile", cl::cat(quantization), cl::init(0.01),
      cl::desc("With --method=percentile: percent cut off at each end (default "
               "0.01)")};
  cl::opt<std::string> weightMethod{
      "weight-method", cl::cat(quantization), cl::init("minmax"),
      cl::desc("How ranges of weights are chosen: minmax (default), mse")};
  cl::opt<bool> equalize{
      "equalize", cl::cat(quantization), cl::init(true),
      cl::desc("Even out the ranges of channels between layers, by the samples "
               "of --calibrate (default true); not with statistics that are "
               "saved or loaded")};
  cl::opt<bool> correctBias{
      "correct-bias", cl::cat(quantization), cl::init(true),
      cl::desc("Take the mean error of quantization out of the biases, with "
               "the samples of --calibrate (default true)")};
  cl::opt<bool> clampChannels{
      "clamp-channels", cl::cat(quantization),
      cl::desc("Bound channels from above by the samples of --calibrate, so "
               "that more products fit int16 (default false)")};
  cl::opt<bool> floatIslands{
      "allow-float-islands", cl::cat(quantization),
      cl::desc("Ops that cannot be quantized, and what a model that is "
               "quantized in part leaves in float, stay in float")};
  cl::opt<unsigned> bits{"bits", cl::cat(quantization), cl::init(8),
                         cl::desc("Bits of weights and activations")};
  cl::opt<unsigned> activationBits{"activation-bits", cl::cat(quantization),
                                   cl::desc("Bits of activations, 2 to 16")};
  cl::opt<unsigned> weightBits{"weight-bits", cl::cat(quantization),
                               cl::desc("Bits of weights, 2 to 8")};
  cl::opt<bool> symmetric{"symmetric", cl::cat(quantization),
                          cl::desc("Signed activations with zero point 0")};
  cl::opt<bool> perTensor{"per-tensor", cl::cat(quantization),
                          cl::desc("One weight scale per layer, not one per "
                                   "output channel")};
  cl::opt<bool> powerOfTwo{"power-of-two", cl::cat(quantization),
                           cl::desc("Scales are powers of two")};
  cl::opt<std::string> pairSafe{
      "pair-safe",
      cl::cat(quantization),
      cl::init("auto"),
      cl::ValueOptional,
      cl::value_desc("off|on|auto"),
      cl::desc("Order channels and change weights as little as lets x86-64-v3 "
               "multiply pairs of them in int16, exactly and faster: all (on), "
               "none (off), or, for that target alone, as far as costs next to "
               "nothing (auto, default)")};
  cl::opt<bool> absorb{"absorb-batch-norm", cl::cat(quantization),
                       cl::desc("Fold batch normalization into scales, not "
                                "weights")};
  cl::opt<std::string> recipe{"recipe", cl::cat(quantization),
                              cl::value_desc("file"),
                              cl::desc("Settings per layer (YAML or JSON)")};
  cl::opt<std::string> rounding{
      "rounding", cl::cat(quantization), cl::init("auto"),
      cl::desc("Requantization: single, gemmlowp (the bits of TFLite), pow2 "
               "(with --power-of-two), even (ties as ONNX has them); auto "
               "(default) is even for models that arrive quantized, else "
               "single")};
  cl::opt<std::string> io{"io", cl::cat(quantization), cl::init("float"),
                          cl::desc("Type of inputs and outputs: float "
                                   "(default), int8, uint8")};
  cl::opt<std::string> saveStatistics{"save-statistics", cl::cat(quantization),
                                      cl::value_desc("file"),
                                      cl::desc("Keep what calibration saw")};
  cl::opt<std::string> loadStatistics{
      "load-statistics", cl::cat(quantization), cl::value_desc("files"),
      cl::desc("Use such a file again; several are merged. Biases are only "
               "corrected with --calibrate")};

  /// What is wrong with the options as they stand together, or nothing.
  std::string findMistake() const {
    if (model.empty())
      return "needs a model; see --help";
    if (directory.empty() && !printPipeline)
      return "needs the folder of the results, -o DIR";
    if (std::string choice = getPairSafe();
        !is_contained({"off", "on", "auto"}, choice))
      return "--pair-safe=" + choice +
             " is unknown; there are off, on and auto";
    return q::findMisplacedOption(
        {{preprocess, !calibrate.empty(), "--calibrate=DATA"},
         {samples, !calibrate.empty(), "--calibrate=DATA"},
         {percentile, method == "percentile", "--method=percentile"}});
  }

  /// A default that only AVX2 without dot products gains by.
  std::string getPairSafe() const {
    if (pairSafe.empty())
      return "on";
    return pairSafe == "auto" && target != "x86-64-v3" ? "off"
                                                       : std::string(pairSafe);
  }

  q::CompileOptions get() const {
    q::CompileOptions options;
    options.model = model;
    options.directory = directory;
    options.name =
        name.empty() ? sys::path::stem(model).str() : std::string(name);
    options.target = target;
    options.import.batch = batch;
    options.stage = emit;
    options.profile = profile;
    options.winograd = winograd;
    options.threads = threads;
    options.optimize = optimize;
    options.tune = tune;
    options.tuned = tuned;
    options.verbose = verbose;
    q::QuantizeOptions &quantize = options.quantize;
    quantize.activationBits = activationBits ? activationBits : bits;
    quantize.weightBits = weightBits ? weightBits : bits;
    quantize.symmetric = symmetric;
    quantize.perTensor = perTensor;
    quantize.powerOfTwo = powerOfTwo;
    quantize.pairSafe = getPairSafe();
    quantize.recipe = recipe;
    quantize.absorbBatchNorm = absorb;
    quantize.data = calibrate;
    quantize.preprocessing = preprocess;
    quantize.samples = samples;
    quantize.method = method;
    quantize.percentile = percentile;
    quantize.weightMethod = weightMethod;
    quantize.correctBias = correctBias;
    quantize.equalize = equalize;
    quantize.clampChannels = clampChannels;
    quantize.floatIslands = floatIslands;
    quantize.loadStatistics = loadStatistics;
    quantize.saveStatistics = saveStatistics;
    quantize.io = io;
    quantize.rounding = rounding;
    return options;
  }
};

/// `file: severity: layer 'name': what`, a line each.
void printDiagnostic(mlir::Diagnostic &diagnostic, StringRef model) {
  q::ProgressLine::erase();
  mlir::Location loc = diagnostic.getLocation();
  auto file = loc->findInstanceOf<mlir::FileLineColLoc>();
  errs() << (file ? file.getFilename().getValue() : model) << ":";
  if (file && file.getLine())
    errs() << file.getLine() << ":" << file.getColumn() << ":";
  errs() << " ";
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Note:
    errs() << "note: ";
    break;
  case mlir::DiagnosticSeverity::Warning:
    errs() << "warning: ";
    break;
  case mlir::DiagnosticSeverity::Error:
    errs() << "error: ";
    break;
  case mlir::DiagnosticSeverity::Remark:
    errs() << "remark: ";
    break;
  }
  // The module is named by its file and its function `main`; both are the whole
  // model, which is named already.
  StringRef layer = q::getLayerName(loc);
  if (!layer.empty() && layer != "main" && layer != sys::path::filename(model))
    errs() << "layer '" << layer << "': ";
  errs() << diagnostic.str() << "\n";
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note, model);
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  // LLVM's code for link-time optimization, which is not used here, registers
  // an option of that name.
  if (cl::Option *other = cl::getRegisteredOptions().lookup("threads"))
    other->removeArgument();
  q::hideLibraryOptions();
  CommandLine commandLine;
  if (failed(q::parseCommandLine(
          argc, argv,
          "Compiles a trained float ONNX network to an integer-only C "
          "library.\n\n"
          "  qcc model.onnx --calibrate=samples.npy -o out\n\n"
          "writes out/libmodel.so, out/libmodel.a, out/model.h and a report. "
          "The\n"
          "samples are some inputs as the network sees them in use, a hundred "
          "or\n"
          "so; they decide the ranges of the integers. A model that arrives\n"
          "quantized (QuantizeLinear, DequantizeLinear) keeps its own and "
          "needs "
          "none.\n")))
    return 1;
  if (std::string mistake = commandLine.findMistake(); !mistake.empty()) {
    errs() << "qcc: error: " << mistake << "\n";
    return 1;
  }
  q::CompileOptions options = commandLine.get();
  for (const std::string &text : commandLine.shapes)
    if (!q::parseShapeOption(text, options.import)) {
      errs() << "qcc: error: --shape=" << text
             << " must have the form NAME:1x3x224x224\n";
      return 1;
    }
  if (commandLine.printPipeline) {
    q::QuantizeOptions quantize = options.quantize;
    if (quantize.rounding == "auto")
      quantize.rounding = "single";
    outs() << "simplify:   " << q::getSimplifyPipeline(quantize) << "\n"
           << "calibrate:  " << q::getCalibratePipeline(quantize) << "\n"
           << "parameters: " << q::getParametersPipeline(quantize) << "\n"
           << "quantize:   " << q::getQuantizePipeline(quantize) << "\n"
           << "memory:     " << q::getMemoryPipeline() << "\n";
    return 0;
  }

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<q::QDialect>();
  q::registerLoweringDialects(registry);
  mlir::registerTransformsPasses();
  q::registerQTransformsPasses();
  mlir::MLIRContext context(registry);
  // What comes out must not depend on the number of cores.
  context.disableMultithreading();
  // A user knows layers by name; the IR around them is for qopt.
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    printDiagnostic(diagnostic, options.model);
  });

  q::Compilation result;
  if (failed(q::compile(options, &context, result)))
    return 1;
  for (const std::string &file : result.files)
    outs() << file << "\n";
  return 0;
}
