//===- ReferenceFunctions.cpp - Softmax, normalizations, resizing ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceKernels.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

//===----------------------------------------------------------------------===//
// Softmax and normalizations (rule N15)
//===----------------------------------------------------------------------===//

static FailureOr<Kernel> prepareSoftmax(SoftmaxOp op) {
  FailureOr<numerics::SoftmaxParams> params = getSoftmaxParams(op);
  if (failed(params))
    return failure();
  size_t axis = op.getAxis();
  return Kernel([=, params = std::move(*params)](Operands operands,
                                                 Tensor &output) {
    Index shape = output.getShape();
    int64_t length = shape[axis];
    int64_t stride = Tensor::count(shape.drop_front(axis + 1));
    int64_t outer = Tensor::count(shape.take_front(axis));
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t s = 0; s < stride; ++s) {
        int64_t row = o * length * stride + s;
        numerics::softmaxRow(operands[0]->i().data() + row,
                             output.i().data() + row, length, stride, params);
      }
    return success();
  });
}

/// The window of `size` channels around channel c has (size - 1) / 2 channels,
/// rounded down, before it.
static FailureOr<Kernel> prepareLrn(LrnOp op) {
  FailureOr<numerics::LrnParams> params = getLrnParams(op);
  if (failed(params))
    return failure();
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  int64_t inputZeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  int64_t size = op.getSize();
  return Kernel([=, params = std::move(*params),
                 bounds = *bounds](Operands operands, Tensor &output) {
    int64_t channels = output.getShape().back();
    for (int64_t i = 0; i < output.getNumElements(); ++i) {
      int64_t channel = i % channels;
      int64_t first = std::max<int64_t>(channel - (size - 1) / 2, 0);
      int64_t last = std::min(channel - (size - 1) / 2 + size, channels);
      auto distance = [&](int64_t c) {
        return operands[0]->i()[i - channel + c] - inputZeroPoint;
      };
      int64_t squares = 0;
      for (int64_t c = first; c < last; ++c)
        squares += distance(c) * distance(c);
      output.i()[i] = numerics::lrnElement(distance(channel), squares, params,
                                           zeroPoint, bounds.lo, bounds.hi);
    }
    return success();
  });
}

static FailureOr<Kernel> prepareLayerNorm(LayerNormOp op) {
  FailureOr<numerics::LayerNormParams> params = getLayerNormParams(op);
  if (failed(params))
    return failure();
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  int32_t inputZeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  int32_t zeroPoint = getTensorParams(op, op.getOutput())->zeroPoint;
  return Kernel([=, params = std::move(*params),
                 bounds = *bounds](Operands operands, Tensor &output) {
    std::vector<int32_t> distances = operands[0]->i();
    for (int32_t &distance : distances)
      distance -= inputZeroPoint;
    for (int64_t row = 0; row < output.getNumElements(); row += params.n)
      numerics::layerNormRow(&distances[row], &output.i()[row], params,
                             zeroPoint, bounds.lo, bounds.hi);
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Resizing
//===----------------------------------------------------------------------===//

/// The weighted sum over two rows and two columns is exact, its weights being
/// integers that add up to 2^22; the one rounding divides them out.
static FailureOr<Kernel> prepareLinearResize(ResizeOp op) {
  FailureOr<Requantizer> requantize = makeRequantizer(op, getMultiplier(op));
  if (failed(requantize))
    return failure();
  std::vector<numerics::LinearWeights> rows = getLinearWeights(op, 0);
  std::vector<numerics::LinearWeights> columns = getLinearWeights(op, 1);
  int64_t zeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  return Kernel([=, requantize = *requantize](Operands operands,
                                              Tensor &output) {
    const Tensor &input = *operands[0];
    Index shape = input.getShape();
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index index) {
      auto at = [&](int64_t y, int64_t x) {
        int64_t pixel = (index[0] * shape[1] + y) * shape[2] + x;
        return input.i()[pixel * shape[3] + index[3]] - zeroPoint;
      };
      const numerics::LinearWeights &r = rows[index[1]], &c = columns[index[2]];
      int64_t upper = c.w0 * at(r.i0, c.i0) + c.w1 * at(r.i0, c.i1);
      int64_t lower = c.w0 * at(r.i1, c.i0) + c.w1 * at(r.i1, c.i1);
      output.i()[next++] = requantize(r.w0 * upper + r.w1 * lower);
    });
    return success();
  });
}

/// Nearest resizing moves bits, but shares its op with linear.
static FailureOr<Kernel> prepareNearestResize(ResizeOp op) {
  std::vector<int64_t> rows = getNearestIndices(op, 0);
  std::vector<int64_t> columns = getNearestIndices(op, 1);
  SmallVector<int64_t> strides =
      getStrides(cast<RankedTensorType>(op.getInput().getType()).getShape());
  return makeMovement([=](Index index) {
    return getOffset({index[0], rows[index[1]], columns[index[2]], index[3]},
                     strides);
  });
}

static FailureOr<Kernel> prepareResize(ResizeOp op) {
  return op.getMode() == ResizeMode::Linear ? prepareLinearResize(op)
                                            : prepareNearestResize(op);
}

void reference::addFunctionKernels(KernelTable &table) {
  addKernel(table, prepareSoftmax);
  addKernel(table, prepareLrn);
  addKernel(table, prepareLayerNorm);
  addKernel(table, prepareResize);
}
