//===- Bench.cpp - How long a model and its layers take -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tasks.h"

#include "Support/ProgressLine.h"

#include "QDialect/Target/Ticks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace q;
using namespace q::qrun;
using Clock = std::chrono::steady_clock;

static int64_t toNanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

template <typename T> static T takeMedian(std::vector<T> &values) {
  llvm::sort(values);
  return values[values.size() / 2];
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

/// Core cycles a nanosecond now; 0 on processors other than x86-64, where no
/// instruction is known to count them.
static double measureClock() {
#if defined(__x86_64__)
  constexpr int count = 300000;
  int64_t best = INT64_MAX;
  for (int attempt = 0; attempt < 9; ++attempt) {
    Clock::time_point begin = Clock::now();
    multiplyInTurn(count);
    best = std::min(best, toNanoseconds(Clock::now() - begin));
  }
  return 3.0 * count / static_cast<double>(best);
#else
  return 0.0;
#endif
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

namespace {

/// Ticks of every layer in every run.
class LayerTimes {
public:
  explicit LayerTimes(const Model &model)
      : model(model), ticks(model.getProfiledLayers().size()) {}

  /// To be called around each run that counts.
  void begin() {
    const uint64_t *counters = model.getLayerTicks();
    before.assign(counters, counters + ticks.size());
  }
  void end() {
    const uint64_t *counters = model.getLayerTicks();
    for (size_t i = 0; i < ticks.size(); ++i)
      ticks[i].push_back(counters[i] - before[i]);
  }

  /// A line a layer, the slowest ones recognizable by their share.
  void print(double nanosecondsPerTick, double cyclesPerNanosecond);

private:
  const Model &model;
  std::vector<std::vector<uint64_t>> ticks;
  std::vector<uint64_t> before;
};

} // namespace

void LayerTimes::print(double nanosecondsPerTick, double cyclesPerNanosecond) {
  std::vector<double> times;
  double all = 0.0;
  for (std::vector<uint64_t> &ofLayer : ticks) {
    double ticks = static_cast<double>(takeMedian(ofLayer));
    times.push_back(ticks * nanosecondsPerTick);
    all += times.back();
  }
  bool hasClock = cyclesPerNanosecond > 0;
  llvm::outs() << llvm::format("%10s %7s %12s %9s  %-28s %s\n", "us", "share",
                               "MACs", hasClock ? "MAC/cycle" : "MAC/ns",
                               "kernel", "layer, and why it has that kernel");
  for (auto [layer, time] : llvm::zip_equal(model.getProfiledLayers(), times)) {
    double rate = static_cast<double>(layer.macs) /
                  std::max(time * (hasClock ? cyclesPerNanosecond : 1.0), 1.0);
    llvm::outs() << llvm::format("%10.2f %6.1f%% %12lld ", time / 1e3,
                                 all > 0 ? 100 * time / all : 0.0,
                                 static_cast<long long>(layer.macs));
    if (layer.macs > 0)
      llvm::outs() << llvm::format("%9.1f", rate);
    else
      llvm::outs() << llvm::format("%9s", "");
    llvm::outs() << llvm::format("  %-28s ", layer.kernel.c_str())
                 << layer.name;
    if (!layer.why.empty())
      llvm::outs() << ": " << layer.why;
    llvm::outs() << "\n";
  }
}

//===----------------------------------------------------------------------===//
// The bench
//===----------------------------------------------------------------------===//

LogicalResult q::qrun::benchModel(Model &model, eval::DataSource *data,
                                  int64_t runs, bool perLayer, Location loc) {
  if (perLayer && !model.getLayerTicks())
    return emitError(loc) << "the model does not count the time of its layers; "
                             "compile it with qcc --profile and give the .so";
  SmallVector<Tensor> inputs;
  for (const TensorInfo &input : model.getInputs())
    inputs.push_back(Tensor::floats(input.shape));
  if (data) {
    FailureOr<eval::Batch> batch = data->read(0);
    if (failed(batch))
      return failure();
    inputs = std::move(batch->inputs);
  }
  std::vector<int64_t> times;
  LayerTimes layers(model);
  double clock = perLayer ? measureClock() : 0.0;
  uint64_t firstTick = readTicks();
  Clock::time_point first = Clock::now();
  ProgressLine progress("timing");
  int64_t warmUp = std::max<int64_t>(1, std::min<int64_t>(10, runs / 10));
  for (int64_t i = 0; i < warmUp + runs; ++i) {
    if (perLayer)
      layers.begin();
    Clock::time_point begin = Clock::now();
    if (failed(model.runReal(inputs)))
      return failure();
    int64_t time = toNanoseconds(Clock::now() - begin);
    if (i >= warmUp) {
      times.push_back(time);
      if (perLayer)
        layers.end();
    }
    progress.update(i + 1, warmUp + runs);
  }
  double elapsed = static_cast<double>(toNanoseconds(Clock::now() - first));
  if (perLayer)
    layers.print(elapsed / static_cast<double>(readTicks() - firstTick), clock);
  int64_t median = takeMedian(times);
  llvm::outs() << "median " << median << " ns  fastest " << times.front()
               << " ns  runs " << runs << "  threads " << model.getThreads()
               << "\n";
  return success();
}
