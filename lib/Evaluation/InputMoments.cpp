//===- InputMoments.cpp - What the windows of a layer see -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/InputMoments.h"

#include "FloatDnnl.h"
#include "QDialect/Evaluation/Evaluator.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

/// Reads the windows of a layer from its input.
class WindowReader {
public:
  explicit WindowReader(WeightedOpInterface layer)
      : conv(dyn_cast<Conv2DOp>(layer.getOperation())),
        in(cast<RankedTensorType>(layer.getInput().getType()).getShape()),
        out(cast<RankedTensorType>(layer->getResult(0).getType()).getShape()),
        weights(
            cast<RankedTensorType>(layer.getWeights().getType()).getShape()) {}

  int64_t count() const { return Tensor::count(out.drop_back()); }
  int64_t size() const { return Tensor::count(weights.drop_front()); }

  /// Appends window `i` to `row`.
  void read(const Tensor &input, int64_t i, std::vector<float> &row) const {
    auto append = [&](int64_t pixel) {
      auto first = input.f().begin() + pixel * in.back();
      row.insert(row.end(), first, first + in.back());
    };
    if (!conv)
      return append(i);
    int64_t x = i % out[2], y = i / out[2] % out[1], n = i / out[2] / out[1];
    for (int64_t ky = 0; ky < weights[1]; ++ky)
      for (int64_t kx = 0; kx < weights[2]; ++kx) {
        int64_t inY = at(y, ky, 0), inX = at(x, kx, 1);
        if (inY >= 0 && inY < in[1] && inX >= 0 && inX < in[2])
          append((n * in[1] + inY) * in[2] + inX);
        else
          row.resize(row.size() + in.back());
      }
  }

private:
  int64_t at(int64_t place, int64_t tap, unsigned axis) const {
    Conv2DOp op = conv;
    return place * op.getStrides()[axis] - op.getPads()[axis] +
           tap * op.getDilations()[axis];
  }

  Conv2DOp conv;
  ArrayRef<int64_t> in, out, weights;
};

} // namespace

std::vector<float> InputMoments::getCovariance(size_t block) const {
  size_t first = 0, size = blocks[block];
  for (size_t i = 0; i < block; ++i)
    first += blocks[i];
  std::vector<float> covariance(size * size);
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      covariance[i * size + j] = static_cast<float>(
          double(products[block][i * size + j]) / double(windows) -
          getMean(first + i) * getMean(first + j));
  return covariance;
}

/// Adds `rows` windows.
static LogicalResult addWindows(InputMoments &moments,
                                const std::vector<float> &rows) {
  auto size = static_cast<int64_t>(moments.sums.size());
  int64_t count = static_cast<int64_t>(rows.size()) / size;
  moments.windows += count;
  for (size_t i = 0; i < rows.size(); ++i)
    moments.sums[i % size] += double(rows[i]);
  int64_t first = 0;
  std::string message;
  for (auto [block, products] :
       llvm::zip_equal(moments.blocks, moments.products)) {
    auto extent = static_cast<int64_t>(block);
    const float *from = rows.data() + first;
    bool works = runDnnl(
        [&, &products = products] {
          dnnl::error::wrap_c_api(dnnl_sgemm('T', 'N', extent, extent, count,
                                             1.0f, from, size, from, size, 1.0f,
                                             products.data(), extent),
                                  "a matrix product failed");
        },
        message);
    if (!works)
      return moments.layer->emitOpError("has inputs whose products cannot be "
                                        "added up in oneDNN: ")
             << message;
    first += extent;
  }
  return success();
}

LogicalResult q::eval::collectInputMoments(func::FuncOp function,
                                           DataSource &data,
                                           std::vector<InputMoments> &all) {
  auto evaluator = createFloatEvaluator(function, QuantizerMode::Simulate);
  if (failed(evaluator))
    return failure();
  llvm::DenseMap<Value, SmallVector<InputMoments *>> byInput;
  for (InputMoments &moments : all) {
    auto conv = dyn_cast<Conv2DOp>(moments.layer.getOperation());
    if (conv && conv.getGroups() != 1)
      continue;
    moments.sums.resize(WindowReader(moments.layer).size());
    for (size_t block : moments.blocks)
      moments.products.emplace_back(block * block);
    byInput[moments.layer.getInput()].push_back(&moments);
  }
  // Of all windows, evenly spread ones, in steps that fit no extent.
  constexpr int64_t enough = 8192;
  constexpr double golden = 0.6180339887498949;
  LogicalResult result = success();
  int64_t run = 0;
  auto observe = [&](Value value, const Tensor &tensor) {
    for (InputMoments *moments : byInput.lookup(value)) {
      WindowReader reader(moments->layer);
      double share =
          double(enough) / double(data.getNumBatches() * reader.count());
      std::vector<float> rows;
      for (int64_t i = 0; i < reader.count(); ++i) {
        double place = golden * double(run * reader.count() + i);
        if (place - std::floor(place) < share)
          reader.read(tensor, i, rows);
      }
      if (succeeded(result))
        result = addWindows(*moments, rows);
    }
  };
  for (; run < data.getNumBatches() && succeeded(result); ++run) {
    auto batch = data.read(run);
    if (failed(batch) || failed((*evaluator)->run(batch->inputs, observe)))
      return failure();
  }
  return result;
}
