//===- ReferenceMovement.cpp - Ops that move bits (rule N13) --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These ops mean the same for floats, so a float border may lie on either side
// of them. The end of the file names the ops that have no integer form.
//
//===----------------------------------------------------------------------===//

#include "ReferenceKernels.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

static Index shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Copies to `to` at `toOffset` from `from` at `fromOffset`.
static void copyElement(const Tensor &from, int64_t fromOffset, Tensor &to,
                        int64_t toOffset) {
  if (from.isFloat())
    to.f()[toOffset] = from.f()[fromOffset];
  else
    to.i()[toOffset] = from.i()[fromOffset];
}

Kernel reference::makeMovement(std::function<int64_t(Index)> source) {
  return [source](Operands operands, Tensor &output) {
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index index) {
      copyElement(*operands[0], source(index), output, next++);
    });
    return success();
  };
}

static FailureOr<Kernel> prepareConcat(ConcatOp op) {
  size_t axis = op.getAxis();
  return Kernel([=](Operands operands, Tensor &output) {
    SmallVector<int64_t> strides = getStrides(output.getShape());
    int64_t begin = 0;
    for (const Tensor *input : operands) {
      int64_t next = 0;
      forEachIndex(input->getShape(), [&](Index index) {
        copyElement(*input, next++, output,
                    getOffset(index, strides) + begin * strides[axis]);
      });
      begin += input->getShape()[axis];
    }
    return success();
  });
}

static FailureOr<Kernel> prepareSlice(SliceOp op) {
  SmallVector<int64_t> strides = getStrides(shapeOf(op.getInput()));
  SmallVector<int64_t> starts(op.getStarts()), steps(op.getSteps());
  return makeMovement([=](Index index) {
    SmallVector<int64_t> from;
    for (size_t d = 0; d < index.size(); ++d)
      from.push_back(starts[d] + index[d] * steps[d]);
    return getOffset(from, strides);
  });
}

static FailureOr<Kernel> prepareTranspose(TransposeOp op) {
  SmallVector<int64_t> strides = getStrides(shapeOf(op.getInput()));
  SmallVector<int64_t> permuted;
  for (int64_t dim : op.getPerm())
    permuted.push_back(strides[dim]);
  return makeMovement([=](Index index) { return getOffset(index, permuted); });
}

static FailureOr<Kernel> prepareReshape(ReshapeOp op) {
  return Kernel([](Operands operands, Tensor &output) {
    for (int64_t i = 0; i < output.getNumElements(); ++i)
      copyElement(*operands[0], i, output, i);
    return success();
  });
}

static FailureOr<Kernel> prepareGather(GatherOp op) {
  SmallVector<int64_t> strides = getStrides(shapeOf(op.getInput()));
  SmallVector<int64_t> indices(op.getIndices());
  size_t axis = op.getAxis();
  return makeMovement([=](Index index) {
    SmallVector<int64_t> from(index);
    from[axis] = indices[index[axis]];
    return getOffset(from, strides);
  });
}

static FailureOr<Kernel> prepareExpand(ExpandOp op) {
  SmallVector<int64_t> strides =
      getBroadcastStrides(shapeOf(op.getInput()), shapeOf(op.getOutput()));
  return makeMovement([=](Index index) { return getOffset(index, strides); });
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

/// The input coordinate that a coordinate of the padded axis holds a copy of;
/// -1 where it is the border's constant. `at` counts from the input's start.
static int64_t getPadSource(PadMode mode, int64_t at, int64_t extent) {
  if (at >= 0 && at < extent)
    return at;
  switch (mode) {
  case PadMode::Constant:
    return -1;
  case PadMode::Edge:
    return at < 0 ? 0 : extent - 1;
  case PadMode::Reflect:
    return at < 0 ? -at : 2 * (extent - 1) - at;
  }
  return -1;
}

static FailureOr<Kernel> preparePad(PadOp op) {
  Index extents = shapeOf(op.getInput());
  SmallVector<int64_t> strides = getStrides(extents), low(op.getLow());
  PadMode mode = op.getMode();
  float real = op.getValue().convertToFloat();
  int32_t stored = static_cast<int32_t>(real);
  if (getQuantizedType(op.getOutput())) {
    FailureOr<int32_t> value = getPadValue(op);
    if (failed(value))
      return failure();
    stored = *value;
  }
  return Kernel([=, extents = llvm::to_vector(extents)](Operands operands,
                                                        Tensor &output) {
    int64_t next = 0;
    forEachIndex(output.getShape(), [&](Index index) {
      int64_t offset = 0;
      bool isBorder = false;
      for (size_t d = 0; d < index.size(); ++d) {
        int64_t from = getPadSource(mode, index[d] - low[d], extents[d]);
        isBorder |= from < 0;
        offset += from * strides[d];
      }
      if (!isBorder)
        copyElement(*operands[0], offset, output, next);
      else if (output.isFloat())
        output.f()[next] = real;
      else
        output.i()[next] = stored;
      ++next;
    });
    return success();
  });
}

void reference::addMovementKernels(KernelTable &table) {
  addKernel(table, prepareConcat);
  addKernel(table, prepareSlice);
  addKernel(table, preparePad);
  addKernel(table, prepareTranspose);
  addKernel(table, prepareReshape);
  addKernel(table, prepareGather);
  addKernel(table, prepareExpand);
}

//===----------------------------------------------------------------------===//
// Ops without an integer form
//===----------------------------------------------------------------------===//

template <typename OpTy>
static void addFloatOnlyOp(KernelTable &table, const char *remedy) {
  table[OpTy::getOperationName()] =
      [remedy](Operation *op) -> FailureOr<Kernel> {
    return op->emitOpError("has no integer form; ") << remedy;
  };
}

void reference::addFloatOnlyOps(KernelTable &table) {
  addFloatOnlyOp<QuantizerOp>(
      table, "it only marks a place to quantize: run q-calibrate and "
             "q-quantize first");
  addFloatOnlyOp<BatchNormOp>(table, "run q-fold-batch-norm first");
  addFloatOnlyOp<PowOp>(
      table, "write a constant exponent as q.unary square or sqrt, or as a "
             "product");
}
