//===- ExpandCopies.cpp - Copies of buffers as loops ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace q {
#define GEN_PASS_DEF_EXPANDCOPIES
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;

/// The buffer that views of shapes and windows are of. The layout in the type
/// of such a view counts from that buffer's first element.
static Value getBuffer(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<memref::SubViewOp, memref::CollapseShapeOp, memref::ExpandShapeOp>(
            op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Whether two views of one shape have the same elements of one buffer.
static bool isSameMemory(Value a, Value b) {
  auto first = cast<MemRefType>(a.getType()),
       second = cast<MemRefType>(b.getType());
  SmallVector<int64_t> steps, otherSteps;
  int64_t offset, otherOffset;
  if (getBuffer(a) != getBuffer(b) ||
      failed(first.getStridesAndOffset(steps, offset)) ||
      failed(second.getStridesAndOffset(otherSteps, otherOffset)) ||
      ShapedType::isDynamic(offset) || offset != otherOffset)
    return false;
  return llvm::all_of(llvm::seq(first.getRank()), [&](int64_t i) {
    return first.getDimSize(i) == 1 ||
           (!ShapedType::isDynamic(steps[i]) && steps[i] == otherSteps[i]);
  });
}

namespace {

class ExpandCopiesPass : public q::impl::ExpandCopiesBase<ExpandCopiesPass> {
public:
  void runOnOperation() override {
    getOperation()->walk([](memref::CopyOp copy) {
      OpBuilder b(copy);
      if (!isSameMemory(copy.getSource(), copy.getTarget()))
        linalg::CopyOp::create(b, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      copy.erase();
    });
  }
};

} // namespace
