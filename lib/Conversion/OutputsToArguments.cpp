//===- OutputsToArguments.cpp - Results that the caller allocates ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prepares functions on tensors for bufferization without copies: results go
// to the caller's buffers, and the tensors into which others are inserted are
// created before them.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

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

/// The place where the destination of `value` is created, if it is a tensor of
/// its own: its `tensor.empty`.
static Operation *getDestination(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<tensor::EmptyOp>(op))
      return op;
    if (auto style = dyn_cast<DestinationStyleOpInterface>(op)) {
      auto result = cast<OpResult>(value);
      value = style.getTiedOpOperand(result)->get();
    } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      value = insert.getDest();
    } else if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op)) {
      value = op->getOperand(0);
    } else {
      return nullptr;
    }
  }
  return nullptr;
}

/// The op that creates the tensor which a chain of insertions starts from: a
/// `tensor.empty`, perhaps with a fill of a constant. Null if it is another.
static Operation *getChainStart(tensor::InsertSliceOp insert) {
  Value value = insert.getDest();
  while (auto previous = value.getDefiningOp<tensor::InsertSliceOp>())
    value = previous.getDest();
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() ? fill
                                                                 : nullptr;
  return value.getDefiningOp<tensor::EmptyOp>();
}

/// Gives every use of a `tensor.empty` one of its own. The removal of common
/// subexpressions leaves one for all tensors of a shape, and bufferization one
/// buffer for it: two tensors that live at once would need copies.
static void unshareEmptyTensors(Block &block) {
  SmallVector<tensor::EmptyOp> shared(block.getOps<tensor::EmptyOp>());
  for (tensor::EmptyOp empty : shared)
    for (OpOperand &use : llvm::make_early_inc_range(
             llvm::drop_begin(empty.getResult().getUses()))) {
      OpBuilder b(use.getOwner());
      use.set(b.clone(*empty)->getResult(0));
    }
}

/// Whether the source takes a part of known place and the same rank.
static bool isWindow(tensor::InsertSliceOp insert) {
  return insert.getSourceType().getRank() == insert.getType().getRank() &&
         insert.hasUnitStride() &&
         llvm::none_of(insert.getStaticOffsets(), ShapedType::isDynamic);
}

/// What is put together in a tensor of its own and then inserted elsewhere is
/// put together there: the parts of a concatenation with a border around it.
static void insertPartsDirectly(Block &block) {
  SmallVector<tensor::InsertSliceOp> inserts(
      block.getOps<tensor::InsertSliceOp>());
  for (tensor::InsertSliceOp insert : inserts) {
    SmallVector<tensor::InsertSliceOp> parts;
    Value value = insert.getSource();
    while (auto part = value.getDefiningOp<tensor::InsertSliceOp>()) {
      if (!part->hasOneUse() || !isWindow(part))
        break;
      parts.push_back(part);
      value = part.getDest();
    }
    if (parts.empty() || !isWindow(insert) ||
        !value.getDefiningOp<tensor::EmptyOp>())
      continue;
    OpBuilder b(insert);
    Value whole = insert.getDest();
    for (tensor::InsertSliceOp part : llvm::reverse(parts)) {
      SmallVector<OpFoldResult> offsets;
      for (auto [outer, inner] :
           llvm::zip_equal(insert.getStaticOffsets(), part.getStaticOffsets()))
        offsets.push_back(b.getIndexAttr(outer + inner));
      whole = tensor::InsertSliceOp::create(
          b, insert.getLoc(), part.getSource(), whole, offsets,
          part.getMixedSizes(), part.getMixedStrides());
    }
    insert.replaceAllUsesWith(whole);
    insert.erase();
    for (tensor::InsertSliceOp part : parts)
      part.erase();
  }
}

/// Moves the destinations of insertions in front of the ops that compute what
/// is inserted. Bufferization can then let those write into the destination;
/// it does not move ops itself. A value that is inserted twice, or is inserted
/// and used elsewhere, works as well: all are views of one buffer.
static void hoistInsertionTargets(Block &block) {
  SmallVector<tensor::InsertSliceOp> inserts(
      block.getOps<tensor::InsertSliceOp>());
  for (tensor::InsertSliceOp insert : inserts) {
    Operation *start = getChainStart(insert);
    Operation *source = getDestination(insert.getSource());
    if (!start || !source || start->getBlock() != &block ||
        source->getBlock() != &block || start->isBeforeInBlock(source))
      continue;
    if (auto fill = dyn_cast<linalg::FillOp>(start)) {
      Operation *scalar = fill.getInputs()[0].getDefiningOp();
      Operation *empty = fill.getOutputs()[0].getDefiningOp();
      if (!isa_and_nonnull<arith::ConstantOp>(scalar) || !empty->hasOneUse())
        continue;
      scalar->moveBefore(&block, block.begin());
      empty->moveBefore(source);
    }
    start->moveBefore(source);
  }
}

namespace {

class OutputsToArgumentsPass
    : public q::impl::OutputsToArgumentsBase<OutputsToArgumentsPass> {
public:
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      for (Block &block : function.getBody()) {
        unshareEmptyTensors(block);
        insertPartsDirectly(block);
        hoistInsertionTargets(block);
      }
      if (function.isPublic() && failed(convert(function)))
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
