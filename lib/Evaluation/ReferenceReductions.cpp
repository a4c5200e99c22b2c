//===- ReferenceReductions.cpp - Pools and reductions ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceKernels.h"

#include <map>

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// Calls `visit` with the storage value of every element of the image that the
/// window of output element `index` (`[n, y, x, c]`) covers.
template <typename PoolOp>
static void forEachInWindow(PoolOp op, const Tensor &input, Index index,
                            function_ref<void(int32_t)> visit) {
  Index shape = input.getShape();
  for (int64_t ky = 0; ky < op.getKernel()[0]; ++ky)
    for (int64_t kx = 0; kx < op.getKernel()[1]; ++kx) {
      int64_t y = index[1] * op.getStrides()[0] - op.getPads()[0] +
                  ky * op.getDilations()[0];
      int64_t x = index[2] * op.getStrides()[1] - op.getPads()[1] +
                  kx * op.getDilations()[1];
      if (y >= 0 && y < shape[1] && x >= 0 && x < shape[2])
        visit(input.i()[((index[0] * shape[1] + y) * shape[2] + x) * shape[3] +
                        index[3]]);
    }
}

static FailureOr<Kernel> prepareMaxPool(MaxPool2DOp op) {
  FailureOr<numerics::QuantParams> params = getTensorParams(op, op.getOutput());
  if (failed(params))
    return failure();
  int32_t lowest = params->qmin;
  return Kernel([=](Operands operands, Tensor &output) {
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index index) {
      int32_t largest = lowest;
      forEachInWindow(op, *operands[0], index,
                      [&](int32_t q) { largest = std::max(largest, q); });
      output.i()[next++] = largest;
    });
    return success();
  });
}

/// Rule N14: windows that reach over the border may average over fewer
/// elements, so there is a requantizer for each count that occurs.
static FailureOr<Kernel> prepareAvgPool(AvgPool2DOp op) {
  FailureOr<numerics::QuantParams> input = getTensorParams(op, op.getInput());
  if (failed(input))
    return failure();
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  std::map<int64_t, Requantizer> requantizers;
  for (int64_t y = 0; y < output.getDimSize(1); ++y)
    for (int64_t x = 0; x < output.getDimSize(2); ++x) {
      int64_t count = getAverageCount(op, y, x);
      if (requantizers.count(count))
        continue;
      FailureOr<Requantizer> requantize =
          makeRequantizer(op, getMultiplier(op, count));
      if (failed(requantize))
        return failure();
      requantizers.insert({count, *requantize});
    }
  int64_t zeroPoint = input->zeroPoint;
  return Kernel([=](Operands operands, Tensor &output) -> LogicalResult {
    LogicalResult status = success();
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index index) {
      if (failed(status))
        return;
      int64_t sum = 0;
      forEachInWindow(op, *operands[0], index,
                      [&](int32_t q) { sum += q - zeroPoint; });
      status = checkAccumulator(op, sum);
      int64_t count = getAverageCount(op, index[1], index[2]);
      output.i()[next++] = requantizers.at(count)(sum);
    });
    return status;
  });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// The strides with which the result of a reduction is read at indices of its
/// input: reduced dimensions stand still, kept or not.
static SmallVector<int64_t> getReducedStrides(ReduceOp op) {
  Index shape = cast<RankedTensorType>(op.getInput().getType()).getShape();
  SmallVector<int64_t> kept(shape);
  for (int64_t axis : op.getAxes())
    kept[axis] = 1;
  return getBroadcastStrides(kept, shape);
}

static FailureOr<Kernel> prepareExtremum(ReduceOp op) {
  FailureOr<numerics::QuantParams> params = getTensorParams(op, op.getOutput());
  if (failed(params))
    return failure();
  bool isMax = op.getKind() == ReduceKind::Max;
  int32_t worst = isMax ? params->qmin : params->qmax;
  SmallVector<int64_t> strides = getReducedStrides(op);
  return Kernel([=](Operands operands, Tensor &output) {
    std::vector<int32_t> &best = output.i();
    best.assign(best.size(), worst);
    int64_t next = 0;
    forEachIndex(operands[0]->getShape(), [&](Index index) {
      int32_t q = operands[0]->i()[next++];
      int32_t &result = best[getOffset(index, strides)];
      result = isMax ? std::max(result, q) : std::min(result, q);
    });
    return success();
  });
}

static FailureOr<Kernel> prepareReduce(ReduceOp op) {
  if (op.getKind() == ReduceKind::Max || op.getKind() == ReduceKind::Min)
    return prepareExtremum(op);
  FailureOr<Requantizer> requantize = makeRequantizer(op, getMultiplier(op));
  if (failed(requantize))
    return failure();
  int64_t zeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
  SmallVector<int64_t> strides = getReducedStrides(op);
  return Kernel([=, requantize = *requantize](Operands operands,
                                              Tensor &output) -> LogicalResult {
    std::vector<int64_t> sums(output.getNumElements(), 0);
    int64_t next = 0;
    forEachIndex(operands[0]->getShape(), [&](Index index) {
      sums[getOffset(index, strides)] += operands[0]->i()[next++] - zeroPoint;
    });
    for (size_t i = 0; i < sums.size(); ++i) {
      if (failed(checkAccumulator(op, sums[i])))
        return failure();
      output.i()[i] = requantize(sums[i]);
    }
    return success();
  });
}

void reference::addReductionKernels(KernelTable &table) {
  addKernel(table, prepareMaxPool);
  addKernel(table, prepareAvgPool);
  addKernel(table, prepareReduce);
}
