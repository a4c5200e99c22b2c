//===- FloatElementwise.cpp - Elementwise ops in float --------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"
#include "FloatLoops.h"

#include "QDialect/FloatSemantics.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace q;
using namespace q::eval;

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

ClampBounds::ClampBounds(FusedClampOpInterface op)
    : low(-std::numeric_limits<float>::infinity()),
      high(std::numeric_limits<float>::infinity()) {
  if (FloatAttr bound = op.getClampMinAttr())
    low = bound.getValueAsDouble();
  if (FloatAttr bound = op.getClampMaxAttr())
    high = bound.getValueAsDouble();
  if (DenseF32ArrayAttr maxima = op.getChannelMaxAttr())
    channelHigh = maxima.asArrayRef().vec();
}

bool ClampBounds::isTrivial() const {
  return low == -std::numeric_limits<float>::infinity() &&
         high == std::numeric_limits<float>::infinity() && channelHigh.empty();
}

/// NaN stays NaN: the comparisons are false for it.
static float clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

void ClampBounds::apply(MutableArrayRef<float> values) const {
  if (isTrivial())
    return;
  for (float &value : values)
    value = clamp(value, low, high);
  if (channelHigh.empty())
    return;
  for (auto [i, value] : llvm::enumerate(values)) {
    float bound = channelHigh[i % channelHigh.size()];
    value = value > bound ? bound : value;
  }
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

namespace {

/// `Function` has `static float apply(float, float)`.
template <typename Function> class BinaryKernel : public FloatKernel {
public:
  explicit BinaryKernel(Operation *op)
      : loop(getShape(op->getResult(0)),
             {getStrides(getShape(op->getResult(0))),
              getBroadcastStrides(getShape(op->getOperand(0)),
                                  getShape(op->getResult(0))),
              getBroadcastStrides(getShape(op->getOperand(1)),
                                  getShape(op->getResult(0)))}) {
    if (auto clamped = dyn_cast<FusedClampOpInterface>(op))
      bounds.emplace(clamped);
  }

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const float *lhs = operands[0]->f().data(), *rhs = operands[1]->f().data();
    float *out = output.f().data();
    int64_t row = loop.getRow();
    const int64_t stepL = loop.getStep()[1], stepR = loop.getStep()[2];
    // A stride inside of a row is 0 or 1; the three loops let the compiler
    // vectorize each.
    loop.forEachRow([&](auto offsets) {
      float *y = out + offsets[0];
      const float *a = lhs + offsets[1], *b = rhs + offsets[2];
      if (stepL && stepR)
        for (int64_t i = 0; i < row; ++i)
          y[i] = Function::apply(a[i], b[i]);
      else if (stepL)
        for (int64_t i = 0; i < row; ++i)
          y[i] = Function::apply(a[i], *b);
      else
        for (int64_t i = 0; i < row; ++i)
          y[i] = Function::apply(*a, b[stepR * i]);
    });
    if (bounds)
      bounds->apply(output.f());
    return success();
  }

private:
  StridedLoop<3> loop;
  std::optional<ClampBounds> bounds;
};

struct Add {
  static float apply(float a, float b) { return a + b; }
};
struct Sub {
  static float apply(float a, float b) { return a - b; }
};
struct Mul {
  static float apply(float a, float b) { return a * b; }
};
struct Div {
  static float apply(float a, float b) { return a / b; }
};
struct Pow {
  static float apply(float a, float b) { return std::pow(a, b); }
};
struct Min {
  static float apply(float a, float b) { return b < a ? b : a; }
};
struct Max {
  static float apply(float a, float b) { return b > a ? b : a; }
};
struct PRelu {
  static float apply(float x, float slope) { return x < 0 ? x * slope : x; }
};

struct Equal {
  static float apply(float a, float b) { return a == b ? 1.0f : 0.0f; }
};
struct Less {
  static float apply(float a, float b) { return a < b ? 1.0f : 0.0f; }
};
struct LessOrEqual {
  static float apply(float a, float b) { return a <= b ? 1.0f : 0.0f; }
};

KernelOr createCompare(CompareOp op, KernelContext &) {
  std::unique_ptr<FloatKernel> kernel;
  switch (op.getKind()) {
  case CompareKind::Equal:
    kernel = std::make_unique<BinaryKernel<Equal>>(op);
    break;
  case CompareKind::Less:
    kernel = std::make_unique<BinaryKernel<Less>>(op);
    break;
  case CompareKind::LessOrEqual:
    kernel = std::make_unique<BinaryKernel<LessOrEqual>>(op);
    break;
  }
  return kernel;
}

class SelectKernel : public FloatKernel {
public:
  explicit SelectKernel(SelectOp op)
      : loop(getShape(op.getOutput()),
             {getStrides(getShape(op.getOutput())),
              getBroadcastStrides(getShape(op.getCondition()),
                                  getShape(op.getOutput())),
              getBroadcastStrides(getShape(op.getYes()),
                                  getShape(op.getOutput())),
              getBroadcastStrides(getShape(op.getNo()),
                                  getShape(op.getOutput()))}) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const float *condition = operands[0]->f().data();
    const float *yes = operands[1]->f().data(), *no = operands[2]->f().data();
    float *out = output.f().data();
    const auto &step = loop.getStep();
    loop.forEachRow([&](auto at) {
      for (int64_t i = 0; i < loop.getRow(); ++i)
        out[at[0] + i * step[0]] = condition[at[1] + i * step[1]] != 0.0f
                                       ? yes[at[2] + i * step[2]]
                                       : no[at[3] + i * step[3]];
    });
    return success();
  }

private:
  StridedLoop<4> loop;
};

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

class ClampKernel : public FloatKernel {
public:
  explicit ClampKernel(ClampOp op)
      : bounds(cast<FusedClampOpInterface>(op.getOperation())) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const std::vector<float> &x = operands[0]->f();
    std::vector<float> &y = output.f();
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = clamp(x[i], bounds.low, bounds.high);
    return success();
  }

private:
  ClampBounds bounds;
};

class UnaryKernel : public FloatKernel {
public:
  explicit UnaryKernel(UnaryOp op)
      : kind(op.getKind()), alpha(op.getAlpha().convertToFloat()),
        beta(op.getBeta().convertToFloat()) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override;

private:
  template <typename Function>
  static LogicalResult map(const Tensor &input, Tensor &output, Function f) {
    const std::vector<float> &x = input.f();
    std::vector<float> &y = output.f();
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = f(x[i]);
    return success();
  }

  UnaryKind kind;
  float alpha, beta;
};

} // namespace

LogicalResult UnaryKernel::forward(ArrayRef<const Tensor *> operands,
                                   Tensor &output) {
  const Tensor &x = *operands[0];
  float a = alpha, b = beta;
  // The functions that networks apply to whole feature maps, in float32; the
  // others take the definition of lib/Numerics in double.
  switch (kind) {
  case UnaryKind::LeakyRelu:
    return map(x, output, [a](float v) { return v < 0 ? a * v : v; });
  case UnaryKind::HardSigmoid:
    return map(x, output, [a, b](float v) { return clamp(a * v + b, 0, 1); });
  case UnaryKind::HardSwish:
    return map(x, output,
               [](float v) { return v * clamp(v / 6.0f + 0.5f, 0, 1); });
  case UnaryKind::Sigmoid:
    return map(x, output, [](float v) { return 1.0f / (1.0f + std::exp(-v)); });
  case UnaryKind::Silu:
    return map(x, output, [](float v) { return v / (1.0f + std::exp(-v)); });
  case UnaryKind::Tanh:
    return map(x, output, [](float v) { return std::tanh(v); });
  case UnaryKind::Exp:
    return map(x, output, [](float v) { return std::exp(v); });
  case UnaryKind::Gelu:
    return map(x, output, [](float v) {
      return 0.5f * v * (1.0f + std::erf(v * 0.70710678118654752f));
    });
  case UnaryKind::Abs:
    return map(x, output, [](float v) { return std::fabs(v); });
  case UnaryKind::Neg:
    return map(x, output, [](float v) { return -v; });
  case UnaryKind::Sqrt:
    return map(x, output, [](float v) { return std::sqrt(v); });
  case UnaryKind::Square:
    return map(x, output, [](float v) { return v * v; });
  default:
    break;
  }
  numerics::UnaryKind function = getNumericsKind(kind);
  return map(x, output, [&](float v) {
    return static_cast<float>(numerics::evaluate(function, v, a, b));
  });
}

void q::eval::addElementwiseKernels(KernelTable &table) {
  table.add<AddOp, BinaryKernel<Add>>();
  table.add<SubOp, BinaryKernel<Sub>>();
  table.add<MulOp, BinaryKernel<Mul>>();
  table.add<DivOp, BinaryKernel<Div>>();
  table.add<PowOp, BinaryKernel<Pow>>();
  table.add<MinOp, BinaryKernel<Min>>();
  table.add<MaxOp, BinaryKernel<Max>>();
  table.add<PReluOp, BinaryKernel<PRelu>>();
  table.add<CompareOp>(createCompare);
  table.add<SelectOp, SelectKernel>();
  table.add<ClampOp, ClampKernel>();
  table.add<UnaryOp, UnaryKernel>();
}
