//===- QFold.cpp - Folders of q ops
//----------------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"

using namespace mlir;
using namespace q;

/// The operand, if the op gives it back unchanged under the same type.
static OpFoldResult identityIf(bool unchanged, Value input, Value output) {
  if (unchanged && input.getType() == output.getType())
    return input;
  return {};
}

OpFoldResult QuantizeOp::fold(FoldAdaptor) {
  // quantize(dequantize(x)) is x when the types agree: dequantized values are
  // exactly the grid points.
  if (auto producer = getInput().getDefiningOp<DequantizeOp>())
    if (producer.getInput().getType() == getOutput().getType())
      return producer.getInput();
  return {};
}

OpFoldResult RequantizeOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult ClampOp::fold(FoldAdaptor) {
  bool unbounded = !getClampMin() && !getClampMax();
  return identityIf(unbounded, getInput(), getOutput());
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return identityIf(getInputs().size() == 1, getInputs().front(), getOutput());
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  // Equal types mean equal shapes, so only a reversal changes anything.
  return identityIf(llvm::all_of(getSteps(), [](int64_t s) { return s == 1; }),
                    getInput(), getOutput());
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> perm = getPerm();
  auto isIdentity = [](ArrayRef<int64_t> order) {
    for (auto [index, value] : llvm::enumerate(order))
      if (value != static_cast<int64_t>(index))
        return false;
    return true;
  };
  if (isIdentity(perm))
    return identityIf(true, getInput(), getOutput());
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t dim : perm)
      composed.push_back(inner.getPerm()[dim]);
    if (isIdentity(composed))
      return identityIf(true, inner.getInput(), getOutput());
    setPerm(composed);
    setOperand(inner.getInput());
    return getOutput();
  }
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getOutput();
  }
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult ExpandOp::fold(FoldAdaptor) {
  return identityIf(true, getInput(), getOutput());
}

OpFoldResult ResizeOp::fold(FoldAdaptor) {
  bool unscaled =
      llvm::all_of(getScales(), [](float scale) { return scale == 1.0f; });
  return identityIf(unscaled, getInput(), getOutput());
}
