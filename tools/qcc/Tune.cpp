//===- Tune.cpp - Time the candidates of layers ---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tune.h"

#include "Support/ProgressLine.h"
#include "TimedLibrary.h"

#include "QDialect/Conversion/TunedKernels.h"
#include "QDialect/OutputFile.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <cmath>
#include <map>

using namespace mlir;
using namespace q;

namespace {

/// A kernel that was timed, in all layers of a kind.
struct Timing {
  std::string kernel, description;
  double nanoseconds = 0;
  int64_t layers = 0;
};

/// The candidates of one kind of layer, by their numbers.
using Timings = std::map<int64_t, Timing>;

class Tuner {
public:
  Tuner(ModuleOp quantized, const Target &target,
        const LoweringOptions &options, Location loc)
      : quantized(quantized), target(target), loc(loc) {
    lowering.copyOptionValuesFrom(options);
    lowering.name = "q_tune";
    lowering.profile = true;
    lowering.threads = 1;
  }
  ~Tuner() {
    if (!directory.empty())
      llvm::sys::fs::remove_directories(directory);
  }

  LogicalResult compileAll(const std::string &knownFile);
  LogicalResult compareOutputs();
  LogicalResult runAll();
  /// Of all kinds of layers that have something to time.
  std::map<std::string, Timings> collect() const;
  bool isEmpty() const { return most == 0; }
  size_t size() const { return libraries.size(); }

private:
  LogicalResult compile(int64_t number);

  ModuleOp quantized;
  const Target &target;
  Location loc;
  LoweringOptions lowering;
  SmallString<128> directory;
  NetworkMemory memory;
  std::vector<std::unique_ptr<TimedLibrary>> libraries;
  /// The largest number of candidates of a layer.
  int64_t most = 0;
};

} // namespace

LogicalResult Tuner::compile(int64_t number) {
  OwningOpRef<ModuleOp> module = quantized.clone();
  lowering.candidate = number;
  PassManager manager(module->getContext());
  buildLowerToLLVMPipeline(manager, lowering);
  if (failed(manager.run(*module)))
    return failure();
  SmallString<128> path(directory);
  llvm::sys::path::append(path, "lib" + Twine(number) + ".so");
  EmitPaths paths;
  paths.shared = path.str().str();
  if (failed(emitLibrary(*module, target, paths)))
    return failure();
  auto library = TimedLibrary::open(paths.shared, lowering.name, memory, loc);
  if (failed(library))
    return failure();
  for (const TimedLayer &layer : (*library)->getLayers())
    most = std::max(most, layer.candidates);
  libraries.push_back(std::move(*library));
  return success();
}

LogicalResult Tuner::compileAll(const std::string &knownFile) {
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("qcc-tune", directory))
    return emitError(loc) << "cannot make a temporary folder: "
                          << code.message();
  lowering.tuned = knownFile;
  ProgressLine progress("compiling kernels to time");
  // The first one tells how many there are.
  for (int64_t number = 0; number == 0 || number < most; ++number) {
    if (failed(compile(number)))
      return failure();
    progress.update(number + 1, std::max<int64_t>(most, 1));
  }
  return success();
}

/// Every library gives the results of the first one.
LogicalResult Tuner::compareOutputs() {
  std::vector<std::vector<char>> expected;
  for (auto &library : libraries) {
    if (failed(library->run(/*counts=*/false)))
      return failure();
    if (library == libraries.front())
      expected = memory.getResults();
    else if (memory.getResults() != expected)
      return emitError(loc)
             << "two exact kernels of a layer differ in a result: this is a "
                "bug of the compiler; please report it with the model";
  }
  return success();
}

LogicalResult Tuner::runAll() {
  using Clock = std::chrono::steady_clock;
  constexpr int leastPasses = 5, enoughPasses = 60;
  constexpr std::chrono::seconds enough(2), most(30);
  Clock::time_point begin = Clock::now();
  for (int pass = 0;; ++pass) {
    Clock::duration elapsed = Clock::now() - begin;
    if (pass >= leastPasses &&
        (elapsed > most || (elapsed > enough && pass >= enoughPasses)))
      return success();
    for (auto &library : libraries)
      // The first run brings the weights to where they lie between runs.
      for (bool counts : {false, true, true})
        if (failed(library->run(counts)))
          return failure();
  }
}

std::map<std::string, Timings> Tuner::collect() const {
  std::map<std::string, Timings> result;
  for (auto [number, library] : llvm::enumerate(libraries))
    for (const TimedLayer &layer : library->getLayers()) {
      // Of layers with fewer candidates this is the first one again.
      auto index = static_cast<int64_t>(number);
      if (layer.candidates == 0)
        continue;
      if (index >= layer.candidates)
        index = 0;
      Timing &timing = result[layer.key][index];
      timing.kernel = layer.kernel;
      timing.description = layer.description;
      // Layers of one kind come in equal numbers in every library.
      if (index == static_cast<int64_t>(number)) {
        timing.nanoseconds += layer.nanoseconds;
        ++timing.layers;
      }
    }
  return result;
}

LogicalResult q::checkTuning(const Target &target, const std::string &tune,
                             const std::string &tuned, Location loc) {
  if (!tune.empty() && !tuned.empty())
    return emitError(loc) << "--tune and --tuned both name a file of kernels; "
                             "give one, --tune if layers are to be timed";
  if (!tuned.empty())
    return success(succeeded(kernel::TunedKernels::read(tuned, loc)));
  if (tune.empty())
    return success();
  std::string reason = whyCannotRunHere(target);
  if (!reason.empty())
    return emitError(loc) << "cannot time code for " << target.name
                          << " on this machine: " << reason
                          << "; run qcc --tune on one that runs it, and give "
                             "its file with --tuned";
  if (llvm::sys::fs::exists(tune))
    return success(succeeded(kernel::TunedKernels::read(tune, loc)));
  // That nothing is timed in vain.
  std::string error;
  if (!OutputFile::open(tune, error))
    return emitError(loc) << "cannot write '" << tune << "': " << error;
  return success();
}

LogicalResult q::tuneKernels(ModuleOp quantized, const Target &target,
                             const LoweringOptions &lowering,
                             const std::string &path, Location loc,
                             bool verbose) {
  bool exists = llvm::sys::fs::exists(path);
  kernel::TunedKernels file;
  if (exists) {
    auto known = kernel::TunedKernels::read(path, loc);
    if (failed(known))
      return failure();
    file = std::move(*known);
  }
  Tuner tuner(quantized, target, lowering, loc);
  if (failed(tuner.compileAll(exists ? path : std::string())))
    return failure();
  if (tuner.isEmpty())
    return file.write(path, loc);
  if (failed(tuner.compareOutputs()) || failed(tuner.runAll()))
    return failure();
  // What is hardly faster may be so by chance.
  constexpr double leastGain = 0.02;
  std::map<std::string, Timings> kinds = tuner.collect();
  int64_t changed = 0;
  double byRules = 0, byTiming = 0;
  for (auto &[layer, timings] : kinds) {
    const Timing *best = &timings.at(0);
    double limit = best->nanoseconds * (1 - leastGain);
    for (auto &[number, timing] : timings) {
      if (timing.nanoseconds < std::min(limit, best->nanoseconds))
        best = &timing;
      if (verbose)
        llvm::errs() << llvm::format("%12.0f ns  ", timing.nanoseconds)
                     << timing.kernel << " (" << timing.description
                     << "): " << layer << "\n";
    }
    const Timing &rule = timings.at(0);
    changed += best != &rule;
    byRules += rule.nanoseconds;
    byTiming += best->nanoseconds;
    auto ofOneLayer = [](const Timing &timing) {
      return std::llround(timing.nanoseconds / double(timing.layers));
    };
    file.set(target.kernels, layer,
             {best->kernel, ofOneLayer(*best), ofOneLayer(rule)});
  }
  emitRemark(loc) << llvm::formatv(
      "timed {0} kinds of layers with up to {1} kernels each; {2} take another "
      "one than by the rules, and all together {3:f1} us instead of {4:f1}; "
      "'{5}' keeps them",
      kinds.size(), tuner.size(), changed, byTiming / 1e3, byRules / 1e3, path);
  return file.write(path, loc);
}
