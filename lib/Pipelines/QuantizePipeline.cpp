//===- QuantizePipeline.cpp - From float to integers ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace q;

namespace {

/// `{name=value ...}` of one pass; only what is set is written.
class PassText {
public:
  explicit PassText(llvm::StringRef name) : text(name) {}
  PassText &set(llvm::StringRef name, llvm::StringRef value) {
    if (value.empty())
      return *this;
    options +=
        (options.empty() ? "" : " ") + name.str() + "='" + value.str() + "'";
    return *this;
  }
  PassText &set(llvm::StringRef name, const char *value) {
    return set(name, llvm::StringRef(value));
  }
  PassText &set(llvm::StringRef name, int64_t value) {
    return set(name, llvm::StringRef(std::to_string(value)));
  }
  PassText &flag(llvm::StringRef name, bool value) {
    return value ? set(name, "true") : *this;
  }
  std::string str() const {
    return options.empty() ? text : text + "{" + options + "}";
  }

private:
  std::string text, options;
};

std::string onFunctions(std::initializer_list<std::string> passes) {
  std::string text = "func.func(";
  for (const std::string &pass : passes)
    text += (text.back() == '(' ? "" : ",") + pass;
  return text + ")";
}

} // namespace

std::string q::getSimplifyPipeline(const QuantizeOptions &options) {
  return "canonicalize,cse," +
         onFunctions({"q-raise-patterns",
                      PassText("q-fold-batch-norm")
                          .set("mode", options.absorbBatchNorm ? "absorb" : "")
                          .str(),
                      "q-fuse-activations", "q-move-qdq"}) +
         ",canonicalize,cse";
}

/// A few samples tell how large channels get.
static std::string getEqualizer(const QuantizeOptions &options) {
  constexpr int64_t enough = 32;
  PassText equalize("q-equalize-channels");
  equalize.set("data", options.data)
      .set("preprocess", options.preprocessing)
      .set("samples",
           options.samples == 0 ? enough : std::min(options.samples, enough));
  return equalize.str();
}

std::string q::getCalibratePipeline(const QuantizeOptions &options) {
  std::string percentile;
  llvm::raw_string_ostream(percentile) << options.percentile;
  PassText insert("q-insert-quantizers");
  insert.set("activation-bits", options.activationBits)
      .set("weight-bits", options.weightBits)
      .flag("symmetric", options.symmetric)
      .flag("per-tensor", options.perTensor)
      .flag("power-of-two", options.powerOfTwo)
      .set("recipe", options.recipe);
  PassText calibrate("q-calibrate");
  calibrate.set("data", options.data)
      .set("preprocess", options.preprocessing)
      .set("method", options.method)
      .set("percentile", percentile)
      .set("weight-method", options.weightMethod)
      .set("load", options.loadStatistics)
      .set("save", options.saveStatistics);
  if (options.samples != 0)
    calibrate.set("samples", options.samples);
  std::string equalize;
  if (options.equalize && !options.data.empty() &&
      options.loadStatistics.empty() && options.saveStatistics.empty())
    equalize = onFunctions({getEqualizer(options)}) + ",";
  if (!options.floatIslands)
    return equalize + onFunctions({insert.str()}) + "," + calibrate.str();
  PassText keep("q-keep-float-islands");
  keep.flag("rest", options.data.empty() && options.loadStatistics.empty());
  return equalize + onFunctions({keep.str(), insert.str()}) + "," +
         calibrate.str();
}

/// How much the error of a panel's weights may grow by default, in units of
/// what rounding costs: docs/Accuracy.md has what that does to networks.
constexpr const char *kPairTolerance = "0.05";

std::string q::getParametersPipeline(const QuantizeOptions &options) {
  std::string pin =
      options.powerOfTwo ? onFunctions({"q-pin-power-of-two"}) + "," : "";
  bool corrects = options.correctBias && !options.data.empty();
  auto setData = [&](PassText &pass) {
    pass.set("data", options.data).set("preprocess", options.preprocessing);
    if (options.samples != 0)
      pass.set("samples", options.samples);
  };
  std::string clamps;
  if (options.clampChannels && !options.data.empty()) {
    PassText clamp("q-clamp-channels");
    setData(clamp);
    clamps = onFunctions({clamp.str()}) + ",";
  }
  std::string pairs;
  if (options.pairSafe != "off") {
    PassText safe("q-make-pairs-safe");
    if (options.pairSafe == "auto")
      safe.set("tolerance", kPairTolerance);
    if (corrects)
      setData(safe);
    pairs = onFunctions({"q-pair-channels", safe.str()}) + ",";
  }
  // Sharing comes last of all that changes the ranges of activations: it unites
  // them.
  std::string share = onFunctions({"q-share-parameters"});
  if (!corrects)
    return pin + clamps + pairs + share;
  PassText correct("q-correct-bias");
  setData(correct);
  return pin + clamps + pairs + share + "," + correct.str();
}

std::string q::getQuantizePipeline(const QuantizeOptions &options) {
  PassText quantize("q-quantize");
  quantize.set("io", options.io).set("rounding", options.rounding);
  return quantize.str() + ",canonicalize,cse," +
         onFunctions({"q-fold-zero-points", "q-fuse-residual",
                      "q-prove-accumulators", "q-prove-int16-chains"});
}

std::string q::getMemoryPipeline() {
  return onFunctions({"q-compute-in-stripes"});
}

//===----------------------------------------------------------------------===//
// qopt
//===----------------------------------------------------------------------===//

namespace {

struct PipelineOptions : public PassPipelineOptions<PipelineOptions> {
  Option<unsigned> activationBits{*this, "activation-bits",
                                  llvm::cl::desc("Bits of activations"),
                                  llvm::cl::init(8)};
  Option<unsigned> weightBits{*this, "weight-bits",
                              llvm::cl::desc("Bits of weights"),
                              llvm::cl::init(8)};
  Option<bool> symmetric{*this, "symmetric",
                         llvm::cl::desc("Signed activations, zero point 0")};
  Option<bool> perTensor{*this, "per-tensor",
                         llvm::cl::desc("One weight scale per layer")};
  Option<std::string> pairSafe{
      *this, "pair-safe",
      llvm::cl::desc("Weights whose pairs fit int16 (N8): off, on, auto"),
      llvm::cl::init("off")};
  Option<bool> powerOfTwo{*this, "power-of-two",
                          llvm::cl::desc("Scales are powers of two (N5)")};
  Option<bool> absorb{*this, "absorb-batch-norm",
                      llvm::cl::desc("Batch norm into scales (N17)")};
  Option<std::string> recipe{*this, "recipe",
                             llvm::cl::desc("File with per-layer settings")};
  Option<std::string> data{*this, "data", llvm::cl::desc("Samples")};
  Option<std::string> preprocess{*this, "preprocess",
                                 llvm::cl::desc("What happens to samples")};
  Option<std::string> method{*this, "method",
                             llvm::cl::desc("How ranges are chosen"),
                             llvm::cl::init("mse")};
  Option<std::string> weightMethod{*this, "weight-method",
                                   llvm::cl::desc("Ranges of weights"),
                                   llvm::cl::init("minmax")};
  Option<bool> correctBias{*this, "correct-bias",
                           llvm::cl::desc("Correct biases, if there is data"),
                           llvm::cl::init(true)};
  Option<bool> equalize{*this, "equalize",
                        llvm::cl::desc("Equalize channels, if there is data"),
                        llvm::cl::init(true)};
  Option<bool> clampChannels{
      *this, "clamp-channels",
      llvm::cl::desc("Bound channels from above, if there is data")};
  Option<bool> floatIslands{
      *this, "allow-float-islands",
      llvm::cl::desc("Ops without an integer form stay in float")};
  Option<std::string> load{*this, "load", llvm::cl::desc("Statistics to use")};
  Option<std::string> save{*this, "save",
                           llvm::cl::desc("Where statistics are saved")};
  Option<std::string> io{*this, "io", llvm::cl::desc("float, int8 or uint8"),
                         llvm::cl::init("float")};
  Option<std::string> rounding{*this, "rounding",
                               llvm::cl::desc("single, gemmlowp, pow2, even"),
                               llvm::cl::init("single")};

  QuantizeOptions get() const {
    QuantizeOptions options;
    options.activationBits = activationBits;
    options.weightBits = weightBits;
    options.symmetric = symmetric;
    options.perTensor = perTensor;
    options.powerOfTwo = powerOfTwo;
    options.pairSafe = pairSafe;
    options.absorbBatchNorm = absorb;
    options.recipe = recipe;
    options.data = data;
    options.preprocessing = preprocess;
    options.method = method;
    options.weightMethod = weightMethod;
    options.correctBias = correctBias;
    options.equalize = equalize;
    options.clampChannels = clampChannels;
    options.floatIslands = floatIslands;
    options.loadStatistics = load;
    options.saveStatistics = save;
    options.io = io;
    options.rounding = rounding;
    return options;
  }
};

void registerStage(llvm::StringRef name, llvm::StringRef description,
                   std::string (*text)(const QuantizeOptions &)) {
  PassPipelineRegistration<PipelineOptions>(
      name, description,
      [text](OpPassManager &manager, const PipelineOptions &options) {
        (void)parsePassPipeline(text(options.get()), manager);
      });
}

} // namespace

void q::registerQuantizePipelines() {
  registerStage("q-simplify-pipeline",
                "Fold batch normalization, activations and padding",
                getSimplifyPipeline);
  registerStage("q-calibrate-pipeline", "Place and calibrate quantizers",
                getCalibratePipeline);
  registerStage("q-parameters-pipeline",
                "Fix the parameters of quantizers and correct biases",
                getParametersPipeline);
  registerStage("q-quantize-pipeline",
                "Float IR with fixed parameters to integers with all proofs",
                getQuantizePipeline);
}
