//===- OutputsToArguments.cpp - Results that the caller allocates ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prepares functions on tensors for bufferization without copies: results go
// to the caller's buffers. Those of other ops: WriteInPlace.cpp.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace q {
#define GEN_PASS_DEF_OUTPUTSTOARGUMENTS
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;

/// Takes `value`, a result, through reshapes back to what was computed, and the
/// buffer that it goes to along with it.
static void undoReshapes(OpBuilder &b, Location loc, Value &value,
                         Value &buffer) {
  while (Operation *op = value.getDefiningOp()) {
    auto type = dyn_cast<MemRefType>(buffer.getType());
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      MemRefType expanded = MemRefType::get(collapse.getSrcType().getShape(),
                                            type.getElementType());
      buffer = memref::ExpandShapeOp::create(
          b, loc, expanded, buffer, collapse.getReassociationIndices());
      value = collapse.getSrc();
    } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      buffer = memref::CollapseShapeOp::create(
          b, loc, buffer, expand.getReassociationIndices());
      value = expand.getSrc();
    } else {
      return;
    }
  }
}

namespace {

class OutputsToArgumentsPass
    : public q::impl::OutputsToArgumentsBase<OutputsToArgumentsPass> {
public:
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPublic() && !function.isExternal() &&
          failed(convert(function)))
        return signalPassFailure();
    }
  }

private:
  LogicalResult convert(func::FuncOp function);
};

} // namespace

LogicalResult OutputsToArgumentsPass::convert(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have a body of one block to be compiled");
  Block &block = function.getBody().front();
  auto terminator = dyn_cast<func::ReturnOp>(block.getTerminator());
  if (!terminator)
    return function.emitOpError("must end in a func.return to be compiled");
  OpBuilder b(&getContext());
  UnitAttr unit = b.getUnitAttr();
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (isa<TensorType>(function.getArgument(i).getType()))
      function.setArgAttr(i, "bufferization.writable", b.getBoolAttr(false));

  Location loc = terminator.getLoc();
  SmallVector<DictionaryAttr> resultAttrs;
  function.getAllResultAttrs(resultAttrs);
  for (auto [i, operand] : llvm::enumerate(terminator.getOperands())) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || !type.hasStaticShape())
      return function.emitOpError("has a result of type ")
             << operand.getType()
             << "; only tensors of static shape can be "
                "compiled (import with --batch=N)";
    SmallVector<NamedAttribute> attributes{b.getNamedAttr("q.output", unit)};
    if (i < resultAttrs.size() && resultAttrs[i])
      llvm::append_range(attributes, resultAttrs[i].getValue());
    auto bufferType = MemRefType::get(type.getShape(), type.getElementType());
    if (failed(function.insertArgument(function.getNumArguments(), bufferType,
                                       b.getDictionaryAttr(attributes), loc)))
      return failure();
    Value buffer = block.getArguments().back(), value = operand;
    b.setInsertionPointToStart(&block);
    undoReshapes(b, loc, value, buffer);
    b.setInsertionPoint(terminator);
    auto materialize = bufferization::MaterializeInDestinationOp::create(
        b, loc, TypeRange(), value, buffer);
    materialize.setRestrict(true);
    materialize.setWritable(true);
  }
  b.setInsertionPoint(terminator);
  func::ReturnOp::create(b, loc);
  terminator.erase();
  function.setFunctionType(
      b.getFunctionType(function.getFunctionType().getInputs(), TypeRange()));
  function.removeResAttrsAttr();
  return success();
}
