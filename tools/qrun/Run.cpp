//===- Run.cpp - Runs and scores a model ----------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tasks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace q;
using namespace q::qrun;

//===----------------------------------------------------------------------===//
// Progress
//===----------------------------------------------------------------------===//

ProgressLine::ProgressLine(StringRef what)
    : what(what), isTerminal(llvm::sys::Process::StandardErrIsDisplayed()) {}

ProgressLine::~ProgressLine() {
  if (lastPercent >= 0)
    llvm::errs() << "\r\033[K";
}

void ProgressLine::update(int64_t done, int64_t all) {
  int64_t percent = all > 0 ? 100 * done / all : 100;
  if (!isTerminal || percent == lastPercent)
    return;
  lastPercent = percent;
  llvm::errs() << "\r" << what << ": " << done << " of " << all << " ("
               << percent << " %)";
}

//===----------------------------------------------------------------------===//
// Samples
//===----------------------------------------------------------------------===//

namespace {

/// The rows of one output, sample after sample.
class Collected {
public:
  explicit Collected(const TensorInfo &info) : info(info) {}

  /// Appends the first `valid` of the `batch` samples of a run.
  void append(const Tensor &tensor, int64_t valid, int64_t batch) {
    Tensor real = getReal(tensor, info);
    bool hasBatch = !info.shape.empty() && info.shape.front() == batch;
    int64_t row =
        hasBatch ? real.getNumElements() / batch : real.getNumElements();
    int64_t kept = hasBatch ? valid : 1;
    values.insert(values.end(), real.f().begin(),
                  real.f().begin() + kept * row);
  }

  /// The rows as one tensor. An output without the batch as its first
  /// dimension is concatenated along what it has there.
  Tensor take() {
    SmallVector<int64_t> shape(info.shape);
    if (shape.empty())
      shape.push_back(1);
    int64_t row = Tensor::count(ArrayRef(shape).drop_front());
    shape.front() = row > 0 ? int64_t(values.size()) / row : 0;
    return Tensor(shape, std::move(values));
  }

private:
  TensorInfo info;
  std::vector<float> values;
};

} // namespace

/// Whether the label is among the `k` largest of a row, which has a number for
/// it. One number alone is the probability of class 1.
static bool isAmongTop(ArrayRef<float> row, int64_t label, int64_t k) {
  if (row.size() == 1)
    return k > 1 || (row[0] > 0.5f) == (label == 1);
  // Of equal scores the first counts, as numpy's argmax has it.
  int64_t ahead = 0;
  for (auto [index, value] : llvm::enumerate(row))
    ahead +=
        value > row[label] || (value == row[label] && int64_t(index) < label);
  return ahead < k;
}

static LogicalResult printAccuracy(const Tensor &scores,
                                   const RunOptions &options, Location loc) {
  auto labels = eval::readLabels(options.labels, loc);
  if (failed(labels))
    return failure();
  int64_t count = scores.getShape().front();
  if (int64_t(labels->size()) < count)
    return emitError(loc) << "'" << options.labels << "' holds "
                          << labels->size() << " labels for " << count
                          << " samples";
  int64_t row = scores.getNumElements() / std::max<int64_t>(count, 1);
  ArrayRef<float> values(scores.f());
  int64_t top1 = 0, top5 = 0;
  for (int64_t i = 0; i < count; ++i) {
    ArrayRef<float> one = values.slice(i * row, row);
    int64_t label = (*labels)[i] + options.labelOffset;
    if (label < 0 || label >= std::max<int64_t>(row, 2))
      return emitError(loc)
             << "sample " << i << " has class " << label << " by '"
             << options.labels << "', but output 0 has " << row
             << " numbers, one for each class; should --label-offset=N be "
                "another?";
    top1 += isAmongTop(one, label, 1);
    top5 += isAmongTop(one, label, 5);
  }
  llvm::outs() << "samples " << count
               << llvm::format("  top-1 %.2f %%", 100.0 * top1 / count);
  if (row > 5)
    llvm::outs() << llvm::format("  top-5 %.2f %%", 100.0 * top5 / count);
  llvm::outs() << "\n";
  return success();
}

LogicalResult q::qrun::runOverData(Model &model, eval::DataSource &data,
                                   const RunOptions &options, Location loc) {
  std::vector<Collected> collected;
  for (const TensorInfo &output : model.getOutputs())
    collected.emplace_back(output);
  {
    ProgressLine progress("running");
    int64_t done = 0;
    for (int64_t i = 0; i < data.getNumBatches(); ++i) {
      FailureOr<eval::Batch> batch = data.read(i);
      if (failed(batch))
        return failure();
      auto results = model.runReal(batch->inputs);
      if (failed(results))
        return failure();
      for (auto [result, rows] : llvm::zip_equal(*results, collected))
        rows.append(result, batch->valid, data.getBatchSize());
      done += batch->valid;
      progress.update(done, data.getNumSamples());
    }
  }
  for (auto [index, rows] : llvm::enumerate(collected)) {
    Tensor tensor = rows.take();
    if (index == 0 && !options.labels.empty() &&
        failed(printAccuracy(tensor, options, loc)))
      return failure();
    std::string path = options.prefix + "_" + std::to_string(index) + ".npy";
    if (!options.prefix.empty() && failed(eval::writeNpy(path, tensor, loc)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

static void print(StringRef what, ArrayRef<TensorInfo> tensors) {
  for (auto [index, info] : llvm::enumerate(tensors)) {
    llvm::outs() << what << " " << index << " '" << info.name << "' [";
    llvm::interleaveComma(info.shape, llvm::outs());
    llvm::outs() << "] ";
    if (info.isFloat)
      llvm::outs() << "float32";
    else
      llvm::outs() << (info.isSigned ? "int" : "uint") << info.bits;
    if (info.params)
      llvm::outs() << llvm::format(" scale %.9g", info.params->scale)
                   << " zero point " << info.params->zeroPoint;
    llvm::outs() << "\n";
  }
}

void q::qrun::printInterface(const Model &model) {
  print("input", model.getInputs());
  print("output", model.getOutputs());
}
