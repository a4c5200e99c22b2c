//===- ReferenceFloat.cpp - Ops that stay in float ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Float islands as QDialect/FloatSemantics.h defines them: every operation
// rounded to float32, sums in row-major order of what they add up.
//
//===----------------------------------------------------------------------===//

#include "ReferenceKernels.h"

#include "QDialect/FloatSemantics.h"
#include "QDialect/Numerics/FloatFunctions.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Emit = numerics::HostFloat;
using Functions = numerics::FloatFunctions<Emit>;
using Floats = ArrayRef<float>;
/// One element from those of the operands.
using Body = std::function<float(Emit &emit, Functions &f, Floats in)>;
/// The sum, or extremum, so far and the next element.
using Combine = float (*)(Functions &f, float so, float next);

/// The bounds of an op with a fused clamp that has some.
struct Clamp {
  explicit Clamp(Operation *op) {
    auto clamped = dyn_cast<FusedClampOpInterface>(op);
    if (!clamped)
      return;
    if (FloatAttr bound = clamped.getClampMinAttr())
      low = bound.getValueAsDouble();
    if (FloatAttr bound = clamped.getClampMaxAttr())
      high = bound.getValueAsDouble();
  }
  float operator()(Functions &f, float x) const {
    return f.clamp(x, low, high);
  }

  float low = -kInfinity, high = kInfinity;
};

} // namespace

static Index shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static float sum(Functions &, float so, float next) { return so + next; }
static float max(Functions &f, float so, float next) { return f.max(so, next); }
static float min(Functions &f, float so, float next) { return f.min(so, next); }

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// One result element from the elements that meet under numpy broadcasting.
static Kernel forEachElement(Operation *op, Body body) {
  return [body, clamp = Clamp(op)](Operands operands, Tensor &output) {
    Index shape = output.getShape();
    SmallVector<SmallVector<int64_t>> strides;
    for (const Tensor *operand : operands)
      strides.push_back(getBroadcastStrides(operand->getShape(), shape));
    Emit emit;
    Functions functions(emit);
    SmallVector<float> in(operands.size());
    int64_t next = 0;
    forEachIndex(shape, [&](Index index) {
      for (size_t i = 0; i < in.size(); ++i)
        in[i] = operands[i]->f()[getOffset(index, strides[i])];
      output.f()[next++] = clamp(functions, body(emit, functions, in));
    });
    return success();
  };
}

/// For each element of a tensor of shape `shape` the number of the element that
/// a reduction along `axes` puts it into.
static std::vector<int64_t> getTargets(Index shape, Index axes) {
  SmallVector<int64_t> kept(shape);
  for (int64_t axis : axes)
    kept[axis] = 1;
  SmallVector<int64_t> strides = getBroadcastStrides(kept, shape);
  std::vector<int64_t> targets;
  forEachIndex(shape, [&](Index index) {
    targets.push_back(getOffset(index, strides));
  });
  return targets;
}

/// Combines the elements with the same target, in their order.
static std::vector<float> fold(Floats values, ArrayRef<int64_t> targets,
                               float init, Combine combine) {
  Emit emit;
  Functions functions(emit);
  int64_t count = values.empty() ? 0 : *llvm::max_element(targets) + 1;
  std::vector<float> results(count, init);
  for (auto [value, target] : llvm::zip_equal(values, targets))
    results[target] = combine(functions, results[target], value);
  return results;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static Kernel makeReduce(ReduceOp op) {
  std::vector<int64_t> targets =
      getTargets(shapeOf(op.getInput()), op.getAxes());
  ReduceKind kind = op.getKind();
  float count = 1;
  for (int64_t axis : op.getAxes())
    count *= shapeOf(op.getInput())[axis];
  return [=](Operands operands, Tensor &output) {
    Floats input = operands[0]->f();
    bool isExtremum = kind == ReduceKind::Max || kind == ReduceKind::Min;
    bool isMax = kind == ReduceKind::Max;
    output.f() = isExtremum
                     ? fold(input, targets, isMax ? -kInfinity : kInfinity,
                            isMax ? max : min)
                     : fold(input, targets, 0.0f, sum);
    if (kind == ReduceKind::Mean)
      for (float &value : output.f())
        value /= count;
    return success();
  };
}

/// The first or last index of the extreme element; 0 where no element compares
/// equal to it.
static Kernel makeArgReduce(ArgReduceOp op) {
  Index shape = shapeOf(op.getInput());
  int64_t axis = op.getAxis(), extent = shape[axis];
  int64_t stride = getStrides(shape)[axis];
  std::vector<int64_t> targets = getTargets(shape, {axis});
  bool isMax = op.getKind() == ReduceKind::Max, isLast = op.getLast();
  return [=](Operands operands, Tensor &output) {
    Floats input = operands[0]->f();
    std::vector<float> best =
        fold(input, targets, isMax ? -kInfinity : kInfinity, isMax ? max : min);
    std::vector<bool> found(best.size());
    output.f().assign(best.size(), 0.0f);
    for (auto [i, value] : llvm::enumerate(input)) {
      int64_t target = targets[i];
      if (value != best[target] || (found[target] && !isLast))
        continue;
      found[target] = true;
      output.f()[target] = static_cast<float>(i / stride % extent);
    }
    return success();
  };
}

static Kernel makeSoftmax(SoftmaxOp op) {
  std::vector<int64_t> targets =
      getTargets(shapeOf(op.getInput()), {int64_t(op.getAxis())});
  bool isLog = op.getLog();
  return [=](Operands operands, Tensor &output) {
    Emit emit;
    Functions functions(emit);
    std::vector<float> shifted = operands[0]->f();
    std::vector<float> most = fold(shifted, targets, -kInfinity, max);
    for (auto [value, target] : llvm::zip_equal(shifted, targets))
      value -= most[target];
    std::vector<float> powers;
    for (float value : shifted)
      powers.push_back(functions.exp(value));
    std::vector<float> sums = fold(powers, targets, 0.0f, sum);
    for (auto [i, target] : llvm::enumerate(targets))
      output.f()[i] = isLog ? shifted[i] - functions.log(sums[target])
                            : powers[i] / sums[target];
    return success();
  };
}

static Kernel makeLayerNorm(LayerNormOp op) {
  SmallVector<int64_t> shape(shapeOf(op.getInput())), axes;
  float count = 1, epsilon = op.getEpsilon().convertToFloat();
  for (int64_t d = op.getAxis(); d < int64_t(shape.size()); ++d) {
    axes.push_back(d);
    count *= shape[d];
  }
  std::vector<int64_t> targets = getTargets(shape, axes);
  return [=](Operands operands, Tensor &output) {
    std::vector<float> centred = operands[0]->f(), squares;
    std::vector<float> means = fold(centred, targets, 0.0f, sum);
    for (auto [value, target] : llvm::zip_equal(centred, targets))
      value -= means[target] / count;
    for (float value : centred)
      squares.push_back(value * value);
    std::vector<float> variances = fold(squares, targets, 0.0f, sum);
    SmallVector<SmallVector<int64_t>> strides;
    for (const Tensor *operand : operands)
      strides.push_back(getBroadcastStrides(operand->getShape(), shape));
    int64_t next = 0;
    forEachIndex(shape, [&](Index index) {
      float root = std::sqrt(variances[targets[next]] / count + epsilon);
      float y = centred[next] / root;
      y *= operands[1]->f()[getOffset(index, strides[1])];
      if (operands.size() > 2)
        y += operands[2]->f()[getOffset(index, strides[2])];
      output.f()[next++] = y;
    });
    return success();
  };
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// One more product; the compiler must not join the two operations.
static float addProduct(Emit &emit, float acc, float x, float w) {
  return emit.add(acc, emit.mul(x, w));
}

/// Padding takes part as zeros.
static Kernel makeConv(Conv2DOp op) {
  return [op, clamp = Clamp(op)](Operands operands, Tensor &output) mutable {
    Emit emit;
    Functions functions(emit);
    const Tensor &image = *operands[0], &weights = *operands[1];
    const Tensor *bias = op.getBias() ? operands[2] : nullptr;
    Index in = image.getShape(), filter = weights.getShape();
    int64_t outputs = filter[0] / int64_t(op.getGroups()), next = 0;
    forEachIndex(output.getShape(), [&](Index at) {
      int64_t o = at[3], first = o / outputs * filter[3];
      float acc = bias ? bias->f()[o] : 0.0f;
      const float *w = &weights.f()[o * filter[1] * filter[2] * filter[3]];
      for (int64_t ky = 0; ky < filter[1]; ++ky)
        for (int64_t kx = 0; kx < filter[2]; ++kx) {
          int64_t y = at[1] * op.getStrides()[0] - op.getPads()[0] +
                      ky * op.getDilations()[0];
          int64_t x = at[2] * op.getStrides()[1] - op.getPads()[1] +
                      kx * op.getDilations()[1];
          bool isInside = y >= 0 && y < in[1] && x >= 0 && x < in[2];
          int64_t pixel = ((at[0] * in[1] + y) * in[2] + x) * in[3] + first;
          for (int64_t c = 0; c < filter[3]; ++c)
            acc = addProduct(emit, acc, isInside ? image.f()[pixel + c] : 0.0f,
                             *w++);
        }
      output.f()[next++] = clamp(functions, acc);
    });
    return success();
  };
}

static Kernel makeGemm(GemmOp op) {
  return [op, clamp = Clamp(op)](Operands operands, Tensor &output) mutable {
    Emit emit;
    Functions functions(emit);
    int64_t depth = operands[0]->getShape()[1], next = 0;
    forEachIndex(output.getShape(), [&](Index at) {
      float acc = op.getBias() ? operands[2]->f()[at[1]] : 0.0f;
      for (int64_t k = 0; k < depth; ++k)
        acc = addProduct(emit, acc, operands[0]->f()[at[0] * depth + k],
                         operands[1]->f()[at[1] * depth + k]);
      output.f()[next++] = clamp(functions, acc);
    });
    return success();
  };
}

static Kernel makeMatMul(MatMulOp op) {
  return [clamp = Clamp(op)](Operands operands, Tensor &output) {
    Emit emit;
    Functions functions(emit);
    Index lhs = operands[0]->getShape(), rhs = operands[1]->getShape();
    int64_t depth = lhs.back(), columns = rhs.back(), next = 0;
    // Where the matrix of either operand starts.
    SmallVector<int64_t> lead(output.getShape().drop_back(2));
    auto stridesOf = [&](Index shape) {
      SmallVector<int64_t> strides =
          getBroadcastStrides(shape.drop_back(2), lead);
      for (int64_t &stride : strides)
        stride *= shape[shape.size() - 2] * shape.back();
      return strides;
    };
    SmallVector<int64_t> lhsStrides = stridesOf(lhs),
                         rhsStrides = stridesOf(rhs);
    forEachIndex(output.getShape(), [&](Index at) {
      int64_t row = at[at.size() - 2], column = at.back();
      const float *a = operands[0]->f().data() +
                       getOffset(at.drop_back(2), lhsStrides) + row * depth;
      const float *b = operands[1]->f().data() +
                       getOffset(at.drop_back(2), rhsStrides) + column;
      float acc = 0.0f;
      for (int64_t k = 0; k < depth; ++k)
        acc = addProduct(emit, acc, a[k], b[k * columns]);
      output.f()[next++] = clamp(functions, acc);
    });
    return success();
  };
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// Combines the elements of each window, `border` standing for those outside.
template <typename PoolOp>
static Kernel makePool(PoolOp op, float border, Combine combine,
                       std::function<float(float, int64_t, int64_t)> finish) {
  return [=, clamp = Clamp(op)](Operands operands, Tensor &output) mutable {
    Emit emit;
    Functions functions(emit);
    const Tensor &image = *operands[0];
    Index in = image.getShape();
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index at) {
      float acc = border;
      for (int64_t ky = 0; ky < op.getKernel()[0]; ++ky)
        for (int64_t kx = 0; kx < op.getKernel()[1]; ++kx) {
          int64_t y = at[1] * op.getStrides()[0] - op.getPads()[0] +
                      ky * op.getDilations()[0];
          int64_t x = at[2] * op.getStrides()[1] - op.getPads()[1] +
                      kx * op.getDilations()[1];
          bool isInside = y >= 0 && y < in[1] && x >= 0 && x < in[2];
          int64_t pixel = ((at[0] * in[1] + y) * in[2] + x) * in[3] + at[3];
          acc = combine(functions, acc, isInside ? image.f()[pixel] : border);
        }
      output.f()[next++] = clamp(functions, finish(acc, at[1], at[2]));
    });
    return success();
  };
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

FailureOr<Kernel> reference::prepareFloat(Operation *op) {
  if (!mayComputeInFloat(op))
    return op->emitOpError("computes in float in a quantized network; allow "
                           "float islands (--allow-float-islands)");
  auto each = [&](Body body) { return forEachElement(op, std::move(body)); };
  Kernel kernel =
      llvm::TypeSwitch<Operation *, Kernel>(op)
          .Case([&](AddOp) {
            return each([](Emit &emit, Functions &, Floats in) {
              return emit.add(in[0], in[1]);
            });
          })
          .Case([&](SubOp) {
            return each([](Emit &emit, Functions &, Floats in) {
              return emit.sub(in[0], in[1]);
            });
          })
          .Case([&](MulOp) {
            return each([](Emit &emit, Functions &, Floats in) {
              return emit.mul(in[0], in[1]);
            });
          })
          .Case([&](DivOp) {
            return each([](Emit &emit, Functions &, Floats in) {
              return emit.div(in[0], in[1]);
            });
          })
          .Case([&](MinOp) {
            return each([](Emit &, Functions &f, Floats in) {
              return f.min(in[0], in[1]);
            });
          })
          .Case([&](MaxOp) {
            return each([](Emit &, Functions &f, Floats in) {
              return f.max(in[0], in[1]);
            });
          })
          .Case([&](PReluOp) {
            return each([](Emit &emit, Functions &, Floats in) {
              return in[0] < 0.0f ? emit.mul(in[0], in[1]) : in[0];
            });
          })
          .Case([&](CompareOp compare) {
            CompareKind kind = compare.getKind();
            return each([kind](Emit &, Functions &, Floats in) {
              bool holds = kind == CompareKind::Equal  ? in[0] == in[1]
                           : kind == CompareKind::Less ? in[0] < in[1]
                                                       : in[0] <= in[1];
              return holds ? 1.0f : 0.0f;
            });
          })
          .Case([&](SelectOp) {
            return each([](Emit &, Functions &, Floats in) {
              return in[0] == 0.0f ? in[2] : in[1];
            });
          })
          .Case([&](ClampOp) {
            return each([](Emit &, Functions &, Floats in) { return in[0]; });
          })
          .Case([&](UnaryOp unary) {
            numerics::UnaryKind kind = getNumericsKind(unary.getKind());
            float alpha = unary.getAlpha().convertToFloat();
            float beta = unary.getBeta().convertToFloat();
            return each([=](Emit &, Functions &f, Floats in) {
              return f.evaluate(kind, in[0], alpha, beta);
            });
          })
          .Case([&](ReduceOp reduce) { return makeReduce(reduce); })
          .Case([&](ArgReduceOp reduce) { return makeArgReduce(reduce); })
          .Case([&](SoftmaxOp softmax) { return makeSoftmax(softmax); })
          .Case([&](LayerNormOp norm) { return makeLayerNorm(norm); })
          .Case([&](Conv2DOp conv) { return makeConv(conv); })
          .Case([&](GemmOp gemm) { return makeGemm(gemm); })
          .Case([&](MatMulOp product) { return makeMatMul(product); })
          .Case([&](MaxPool2DOp pool) {
            return makePool(pool, -kInfinity, max,
                            [](float best, int64_t, int64_t) { return best; });
          })
          .Case([&](AvgPool2DOp pool) {
            return makePool(pool, 0.0f, sum,
                            [pool](float total, int64_t y, int64_t x) mutable {
                              return total / float(getAverageCount(pool, y, x));
                            });
          })
          .Default([](Operation *) { return Kernel(); });
  if (!kernel || !hasFloatForm(op))
    return op->emitOpError("has neither an integer form nor one in float; cut "
                           "the model in front of it");
  return kernel;
}
