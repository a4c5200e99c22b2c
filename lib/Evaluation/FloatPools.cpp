//===- FloatPools.cpp - Pools and reductions in float ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"
#include "FloatLoops.h"

#include "QDialect/IntegerSemantics.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

/// A window that slides over `[N, H, W, C]`; a window's part outside of the
/// image is skipped.
class Window {
public:
  template <typename PoolOp>
  explicit Window(PoolOp op)
      : in(getShape(op.getInput())), out(getShape(op.getOutput())),
        kernel(op.getKernel()), strides(op.getStrides()), pads(op.getPads()),
        dilations(op.getDilations()) {}

  /// Calls `begin(y, x, result)` before and `end(y, x, result)` after
  /// `element(input, result)` of every element of the window.
  template <typename Begin, typename Element, typename End>
  void slide(const Tensor &input, Tensor &output, Begin begin, Element element,
             End end) const {
    int64_t channels = in[3];
    float *result = output.f().data();
    for (int64_t n = 0; n < out[0]; ++n)
      for (int64_t y = 0; y < out[1]; ++y)
        for (int64_t x = 0; x < out[2]; ++x, result += channels) {
          begin(y, x, result);
          for (int64_t ky = 0; ky < kernel[0]; ++ky) {
            int64_t iy = y * strides[0] - pads[0] + ky * dilations[0];
            if (iy < 0 || iy >= in[1])
              continue;
            for (int64_t kx = 0; kx < kernel[1]; ++kx) {
              int64_t ix = x * strides[1] - pads[1] + kx * dilations[1];
              if (ix >= 0 && ix < in[2])
                element(input.f().data() +
                            ((n * in[1] + iy) * in[2] + ix) * channels,
                        result);
            }
          }
          end(y, x, result);
        }
  }

  int64_t getChannels() const { return in[3]; }

private:
  Shape in, out, kernel, strides, pads, dilations;
};

class MaxPoolKernel : public FloatKernel {
public:
  explicit MaxPoolKernel(MaxPool2DOp op) : window(op) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    int64_t channels = window.getChannels();
    window.slide(
        *operands[0], output,
        [&](int64_t, int64_t, float *y) {
          std::fill_n(y, channels, -std::numeric_limits<float>::infinity());
        },
        [&](const float *x, float *y) {
          for (int64_t c = 0; c < channels; ++c)
            y[c] = x[c] > y[c] ? x[c] : y[c];
        },
        [](int64_t, int64_t, float *) {});
    return success();
  }

private:
  Window window;
};

class AvgPoolKernel : public FloatKernel {
public:
  explicit AvgPoolKernel(AvgPool2DOp op)
      : window(op), bounds(cast<FusedClampOpInterface>(op.getOperation())),
        width(getShape(op.getOutput())[2]) {
    int64_t height = getShape(op.getOutput())[1];
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        factors.push_back(1.0f / getAverageCount(op, y, x));
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    int64_t channels = window.getChannels();
    window.slide(
        *operands[0], output,
        [&](int64_t, int64_t, float *y) { std::fill_n(y, channels, 0.0f); },
        [&](const float *x, float *y) {
          for (int64_t c = 0; c < channels; ++c)
            y[c] += x[c];
        },
        [&](int64_t row, int64_t column, float *y) {
          float factor = factors[row * width + column];
          for (int64_t c = 0; c < channels; ++c)
            y[c] *= factor;
        });
    bounds.apply(output.f());
    return success();
  }

private:
  Window window;
  ClampBounds bounds;
  int64_t width;
  /// 1 / count per output position.
  std::vector<float> factors;
};

/// The strides with which a reduction's result is walked along its input: 0 in
/// the reduced dimensions.
Shape getReducedStrides(ReduceOp op) {
  ArrayRef<int64_t> in = getShape(op.getInput());
  Shape kept(in), strides;
  for (int64_t axis : op.getAxes())
    kept[axis] = 1;
  return getBroadcastStrides(kept, in);
}

class ReduceKernel : public FloatKernel {
public:
  explicit ReduceKernel(ReduceOp op)
      : kind(op.getKind()),
        loop(getShape(op.getInput()),
             {getStrides(getShape(op.getInput())), getReducedStrides(op)}),
        count(Tensor::count(getShape(op.getInput())) /
              std::max<int64_t>(1, Tensor::count(getShape(op.getOutput())))) {}

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    switch (kind) {
    case ReduceKind::Max:
      reduce(*operands[0], output, -std::numeric_limits<double>::infinity(),
             [](double a, double b) { return b > a ? b : a; });
      break;
    case ReduceKind::Min:
      reduce(*operands[0], output, std::numeric_limits<double>::infinity(),
             [](double a, double b) { return b < a ? b : a; });
      break;
    case ReduceKind::Sum:
    case ReduceKind::Mean:
      reduce(*operands[0], output, 0.0,
             [](double a, double b) { return a + b; });
      break;
    }
    return success();
  }

private:
  template <typename Combine>
  void reduce(const Tensor &input, Tensor &output, double start,
              Combine combine) const {
    // In double, so that a mean over a large image is as exact as its inputs.
    std::vector<double> sums(output.getNumElements(), start);
    const float *x = input.f().data();
    const int64_t row = loop.getRow(), step = loop.getStep()[1];
    const int64_t stepX = loop.getStep()[0];
    loop.forEachRow([&](auto offsets) {
      double *sum = sums.data() + offsets[1];
      for (int64_t i = 0; i < row; ++i)
        sum[i * step] = combine(sum[i * step], x[offsets[0] + i * stepX]);
    });
    double factor = kind == ReduceKind::Mean ? 1.0 / count : 1.0;
    for (auto [sum, y] : llvm::zip_equal(sums, output.f()))
      y = sum * factor;
  }

  ReduceKind kind;
  StridedLoop<2> loop;
  int64_t count;
};

class ArgReduceKernel : public FloatKernel {
public:
  explicit ArgReduceKernel(ArgReduceOp op)
      : sign(op.getKind() == ReduceKind::Max ? 1.0f : -1.0f),
        last(op.getLast()) {
    ArrayRef<int64_t> shape = getShape(op.getInput());
    outer = Tensor::count(shape.take_front(op.getAxis()));
    extent = shape[op.getAxis()];
    inner = Tensor::count(shape.drop_front(op.getAxis() + 1));
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const float *x = operands[0]->f().data();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        const float *line = x + o * extent * inner + i;
        int64_t best = 0;
        for (int64_t k = 1; k < extent; ++k) {
          float now = sign * line[k * inner],
                before = sign * line[best * inner];
          if (now > before || (last && now == before))
            best = k;
        }
        output.f()[o * inner + i] = static_cast<float>(best);
      }
    return success();
  }

private:
  float sign;
  bool last;
  int64_t outer, extent, inner;
};

} // namespace

void q::eval::addPoolKernels(KernelTable &table) {
  table.add<MaxPool2DOp, MaxPoolKernel>();
  table.add<AvgPool2DOp, AvgPoolKernel>();
  table.add<ReduceOp, ReduceKernel>();
  table.add<ArgReduceOp, ArgReduceKernel>();
}
