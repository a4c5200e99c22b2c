//===- FloatNormalization.cpp - Normalizations and softmax in float -------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"
#include "FloatLoops.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

class BatchNormKernel : public FloatKernel {
public:
  explicit BatchNormKernel(BatchNormOp op)
      : epsilon(op.getEpsilon().convertToFloat()) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const std::vector<float> &x = operands[0]->f();
    const std::vector<float> &scale = operands[1]->f();
    const std::vector<float> &shift = operands[2]->f();
    const std::vector<float> &mean = operands[3]->f();
    const std::vector<float> &variance = operands[4]->f();
    size_t channels = scale.size();
    std::vector<float> factor(channels), offset(channels);
    for (size_t c = 0; c < channels; ++c) {
      double f = scale[c] / std::sqrt(double(variance[c]) + epsilon);
      factor[c] = f;
      offset[c] = shift[c] - mean[c] * f;
    }
    float *y = output.f().data();
    for (size_t i = 0; i < x.size(); i += channels)
      for (size_t c = 0; c < channels; ++c)
        y[i + c] = x[i + c] * factor[c] + offset[c];
    return success();
  }

private:
  float epsilon;
};

class SoftmaxKernel : public FloatKernel {
public:
  explicit SoftmaxKernel(SoftmaxOp op) : isLog(op.getLog()) {
    ArrayRef<int64_t> shape = getShape(op.getInput());
    size_t axis = op.getAxis();
    outer = Tensor::count(shape.take_front(axis));
    extent = shape[axis];
    inner = Tensor::count(shape.drop_front(axis + 1));
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        int64_t first = o * extent * inner + i;
        normalize(operands[0]->f().data() + first, output.f().data() + first);
      }
    return success();
  }

private:
  /// One line along the axis. The largest element is subtracted first, so that
  /// no exponential overflows.
  void normalize(const float *x, float *y) const {
    float largest = x[0];
    for (int64_t k = 1; k < extent; ++k)
      largest = std::max(largest, x[k * inner]);
    double sum = 0.0;
    for (int64_t k = 0; k < extent; ++k) {
      y[k * inner] = std::exp(x[k * inner] - largest);
      sum += y[k * inner];
    }
    if (isLog) {
      double logSum = std::log(sum);
      for (int64_t k = 0; k < extent; ++k)
        y[k * inner] = x[k * inner] - largest - logSum;
      return;
    }
    for (int64_t k = 0; k < extent; ++k)
      y[k * inner] /= sum;
  }

  bool isLog;
  int64_t outer, extent, inner;
};

class LrnKernel : public FloatKernel {
public:
  explicit LrnKernel(LrnOp op)
      : channels(getShape(op.getInput()).back()), size(op.getSize()),
        alpha(op.getAlpha().convertToFloat()),
        beta(op.getBeta().convertToFloat()),
        bias(op.getBias().convertToFloat()) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const std::vector<float> &input = operands[0]->f();
    for (size_t i = 0; i < input.size(); i += channels) {
      const float *x = input.data() + i;
      float *y = output.f().data() + i;
      for (int64_t c = 0; c < channels; ++c) {
        // An even size has its longer half above, as ONNX has it.
        int64_t first = std::max<int64_t>(0, c - (size - 1) / 2);
        int64_t last = std::min(channels - 1, c + size / 2);
        double sum = 0.0;
        for (int64_t k = first; k <= last; ++k)
          sum += double(x[k]) * x[k];
        y[c] = x[c] / std::pow(bias + alpha / size * sum, double(beta));
      }
    }
    return success();
  }

private:
  int64_t channels, size;
  double alpha, beta, bias;
};

class LayerNormKernel : public FloatKernel {
public:
  explicit LayerNormKernel(LayerNormOp op)
      : epsilon(op.getEpsilon().convertToFloat()) {
    ArrayRef<int64_t> shape = getShape(op.getInput());
    ArrayRef<int64_t> inner = shape.drop_front(op.getAxis());
    count = Tensor::count(inner);
    scaleIndices = getIndices(getShape(op.getScale()), inner);
    if (op.getShift())
      shiftIndices = getIndices(getShape(op.getShift()), inner);
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const std::vector<float> &input = operands[0]->f();
    const float *scale = operands[1]->f().data();
    const float *shift =
        shiftIndices.empty() ? nullptr : operands[2]->f().data();
    for (size_t i = 0; i < input.size(); i += count) {
      const float *x = input.data() + i;
      float *y = output.f().data() + i;
      double mean = 0.0, variance = 0.0;
      for (int64_t k = 0; k < count; ++k)
        mean += x[k];
      mean /= count;
      for (int64_t k = 0; k < count; ++k)
        variance += (x[k] - mean) * (x[k] - mean);
      double factor = 1.0 / std::sqrt(variance / count + epsilon);
      for (int64_t k = 0; k < count; ++k)
        y[k] = (x[k] - mean) * factor * scale[scaleIndices[k]] +
               (shift ? shift[shiftIndices[k]] : 0.0f);
    }
    return success();
  }

private:
  /// For each normalized element, the element of a parameter of `shape` that
  /// broadcasts to it.
  static std::vector<int64_t> getIndices(ArrayRef<int64_t> shape,
                                         ArrayRef<int64_t> inner) {
    // Leading dimensions of 1 beyond the normalized ones mean nothing.
    while (shape.size() > inner.size() && shape.front() == 1)
      shape = shape.drop_front();
    StridedLoop<1> loop(inner, {getBroadcastStrides(shape, inner)});
    std::vector<int64_t> indices;
    loop.forEachRow([&](auto offsets) {
      for (int64_t i = 0; i < loop.getRow(); ++i)
        indices.push_back(offsets[0] + i * loop.getStep()[0]);
    });
    return indices;
  }

  double epsilon;
  int64_t count;
  std::vector<int64_t> scaleIndices, shiftIndices;
};

} // namespace

/// A scale of higher rank than what is normalized would repeat along the outer
/// dimensions; no exporter writes that.
static KernelOr createLayerNorm(LayerNormOp op, KernelContext &) {
  ArrayRef<int64_t> shape = getShape(op.getInput());
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= int64_t(shape.size()))
    return op.emitOpError("has axis ")
           << axis << " for a tensor of rank " << shape.size();
  ArrayRef<int64_t> inner = shape.drop_front(axis);
  for (Value parameter : op->getOperands().drop_front()) {
    ArrayRef<int64_t> own = getShape(parameter);
    while (own.size() > inner.size() && own.front() == 1)
      own = own.drop_front();
    bool fits = own.size() <= inner.size();
    for (size_t d = 0; fits && d < own.size(); ++d) {
      int64_t extent = own[own.size() - 1 - d];
      fits = extent == 1 || extent == inner[inner.size() - 1 - d];
    }
    if (!fits)
      return op.emitOpError("has a parameter of shape [")
             << getShape(parameter) << "] that does not broadcast to the "
             << "normalized dimensions [" << inner << "]";
  }
  return std::unique_ptr<FloatKernel>(std::make_unique<LayerNormKernel>(op));
}

void q::eval::addNormalizationKernels(KernelTable &table) {
  table.add<BatchNormOp, BatchNormKernel>();
  table.add<SoftmaxOp, SoftmaxKernel>();
  table.add<LrnOp, LrnKernel>();
  table.add<LayerNormOp>(createLayerNorm);
}
