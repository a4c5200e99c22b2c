//===- WriteInPlace.cpp - Producers that write where their result goes ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bufferization gives every `tensor.empty` a buffer, and copies what is
// inserted into another tensor. What is made here of the empty tensor is the
// place that its contents go to: a part of a concatenation, the inside of a
// border, or the caller's memory, through reshapes and through several of these
// at once. Where that is no place to write to after all, because something else
// is still read from there, bufferization finds out and copies; nothing is
// computed wrongly.
//
// So copies remain where the elements of a part come from a value that others
// read elsewhere: of two places for one value, it is written to the last.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"

namespace q {
#define GEN_PASS_DEF_WRITEINPLACE
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static bool isReshape(Operation *op) {
  return isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op);
}

//===----------------------------------------------------------------------===//
// Origins
//===----------------------------------------------------------------------===//

namespace {

/// Where a value gets its memory from.
struct Origin {
  OpOperand *use; ///< of the `tensor.empty`
  /// Those between the value and the use, beginning with the value's.
  SmallVector<Operation *> reshapes;

  Operation *getEmpty() const { return use->get().getDefiningOp(); }
};

} // namespace

/// The operand of `op` that has the memory of its result. Null if it has none.
static OpOperand *getTiedOperand(OpResult result) {
  Operation *op = result.getOwner();
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return style.getTiedOpOperand(result);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return &insert.getDestMutable();
  return isReshape(op) ? &op->getOpOperand(0) : nullptr;
}

/// The origin of a tensor that an op creates. None if it is another's.
static std::optional<Origin> findOrigin(Value value) {
  Origin origin;
  while (auto result = dyn_cast<OpResult>(value)) {
    origin.use = getTiedOperand(result);
    if (!origin.use)
      return std::nullopt;
    if (isReshape(result.getOwner()))
      origin.reshapes.push_back(result.getOwner());
    value = origin.use->get();
    if (value.getDefiningOp<tensor::EmptyOp>())
      return origin;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

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

/// Moves reshapes to where their operands are computed.
static void hoistReshapes(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (isReshape(&op))
      if (Operation *source = op.getOperand(0).getDefiningOp())
        op.moveAfter(source);
}

namespace {

/// A value that is a part of a tensor: it begins at `offsets`.
struct Part {
  Value value;
  SmallVector<int64_t> offsets;

  ArrayRef<int64_t> sizes() const {
    return cast<RankedTensorType>(value.getType()).getShape();
  }
  bool contains(const Part &other) const {
    return llvm::all_of(llvm::seq(offsets.size()), [&](size_t i) {
      return offsets[i] <= other.offsets[i] &&
             other.offsets[i] + other.sizes()[i] <= offsets[i] + sizes()[i];
    });
  }
  bool overlaps(const Part &other) const {
    return llvm::all_of(llvm::seq(offsets.size()), [&](size_t i) {
      return offsets[i] < other.offsets[i] + other.sizes()[i] &&
             other.offsets[i] < offsets[i] + sizes()[i];
    });
  }
};

/// A tensor that insertions put together, some of them by way of others: the
/// parts of a concatenation that is a part of another one or has a border.
class Assembly {
public:
  explicit Assembly(tensor::InsertSliceOp last) : last(last) {}

  /// Inserts the parts one by one, each where it is computed, so that what an
  /// insertion gives can be the place of the next part. Reads of what was put
  /// together on the way become reads of the whole.
  /// Fails where that cannot be done; else gives the insertions that are gone.
  FailureOr<SmallVector<Operation *>> run() {
    SmallVector<int64_t> origin(last.getType().getRank(), 0);
    if (!collect(last.getResult(), origin, /*isWhole=*/true))
      return failure();
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (parts[i].overlaps(parts[j]))
          return failure();
    if (!hoistStart())
      return failure();
    llvm::sort(parts, [](const Part &a, const Part &b) {
      Operation *first = a.value.getDefiningOp();
      Operation *second = b.value.getDefiningOp();
      return second &&
             (!first || (first != second && first->isBeforeInBlock(second)));
    });
    rebuild();
    return replaced;
  }

private:
  /// Finds the parts and what they are inserted into first.
  bool collect(Value value, ArrayRef<int64_t> at, bool isWhole);
  bool hoistStart();
  void rebuild();

  tensor::InsertSliceOp last;
  Value start; ///< empty, or full of a constant
  SmallVector<Part> parts;
  SmallVector<Part> between; ///< what insertions give that others insert
  SmallVector<Operation *> replaced;
};

} // namespace

/// Whether the source takes a part of known place and the same rank.
static bool isWindow(tensor::InsertSliceOp insert) {
  return insert.getSourceType().getRank() == insert.getType().getRank() &&
         insert.hasUnitStride() &&
         llvm::none_of(insert.getStaticOffsets(), ShapedType::isDynamic);
}

bool Assembly::collect(Value value, ArrayRef<int64_t> at, bool isWhole) {
  auto insert = value.getDefiningOp<tensor::InsertSliceOp>();
  if (!insert) {
    auto fill = value.getDefiningOp<linalg::FillOp>();
    Value empty = isWhole && fill ? fill.getOutputs()[0] : value;
    if (!empty.getDefiningOp<tensor::EmptyOp>())
      return false;
    if (isWhole)
      start = value;
    return value.hasOneUse();
  }
  if (!isWindow(insert) || insert->getBlock() != last->getBlock())
    return false;
  Value destination = insert.getDest();
  if (!destination.hasOneUse() || !collect(destination, at, isWhole))
    return false;
  Part part{insert.getSource(), {}};
  for (auto [outer, inner] : llvm::zip_equal(at, insert.getStaticOffsets()))
    part.offsets.push_back(outer + inner);
  replaced.push_back(insert);
  size_t known[] = {parts.size(), between.size(), replaced.size()};
  if (part.value.getDefiningOp<tensor::InsertSliceOp>()) {
    if (collect(part.value, part.offsets, /*isWhole=*/false)) {
      between.push_back(part);
      return true;
    }
    parts.truncate(known[0]);
    between.truncate(known[1]);
    replaced.truncate(known[2]);
  }
  parts.push_back(part);
  return true;
}

/// Moves the start in front of what computes the first part.
bool Assembly::hoistStart() {
  Operation *first = start.getDefiningOp();
  for (const Part &part : parts)
    if (std::optional<Origin> origin = findOrigin(part.value)) {
      Operation *user = origin->use->getOwner();
      if (user->getBlock() == first->getBlock() && user->isBeforeInBlock(first))
        first = user;
    }
  Operation *op = start.getDefiningOp();
  if (first == op)
    return true;
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    Operation *scalar = fill.getInputs()[0].getDefiningOp();
    if (!isa_and_nonnull<arith::ConstantOp>(scalar))
      return false;
    scalar->moveBefore(op->getBlock(), op->getBlock()->begin());
    fill.getOutputs()[0].getDefiningOp()->moveBefore(first);
  }
  op->moveBefore(first);
  return true;
}

void Assembly::rebuild() {
  OpBuilder b(last);
  Value whole = start;
  auto getArray = [&](ArrayRef<int64_t> values) {
    return getAsIndexOpFoldResult(b.getContext(), values);
  };
  SmallVector<int64_t> ones(last.getType().getRank(), 1);
  size_t count = 0;
  for (const Part &part : parts) {
    Operation *after = whole.getDefiningOp();
    Operation *source = part.value.getDefiningOp();
    if (source && source->getBlock() == after->getBlock() &&
        after->isBeforeInBlock(source))
      after = source;
    b.setInsertionPointAfter(after);
    whole = tensor::InsertSliceOp::create(
        b, last.getLoc(), part.value, whole, getArray(part.offsets),
        getArray(part.sizes()), getArray(ones));
    ++count;
    // What is complete now can be read.
    llvm::erase_if(between, [&](Part &value) {
      if (llvm::any_of(llvm::drop_begin(parts, count), [&](const Part &later) {
            return value.contains(later);
          }))
        return false;
      if (llvm::all_of(value.value.getUsers(), [&](Operation *user) {
            return llvm::is_contained(replaced, user);
          }))
        return true;
      Value read = tensor::ExtractSliceOp::create(
          b, last.getLoc(), cast<RankedTensorType>(value.value.getType()),
          whole, getArray(value.offsets), getArray(value.sizes()),
          getArray(ones));
      value.value.replaceUsesWithIf(read, [&](OpOperand &use) {
        return !llvm::is_contained(replaced, use.getOwner());
      });
      return true;
    });
  }
  last.replaceAllUsesWith(whole);
  // Users before what they use.
  llvm::sort(replaced,
             [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : replaced)
    op->erase();
}

static void insertPartByPart(Block &block) {
  SmallVector<tensor::InsertSliceOp> ops(block.getOps<tensor::InsertSliceOp>());
  llvm::DenseSet<Operation *> gone;
  for (tensor::InsertSliceOp op : llvm::reverse(ops)) {
    if (gone.contains(op))
      continue;
    FailureOr<SmallVector<Operation *>> replaced = Assembly(op).run();
    if (succeeded(replaced))
      gone.insert(replaced->begin(), replaced->end());
  }
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// The steps in memory of a tensor that becomes a buffer of its own or a part
/// of one. None if reshapes hide them.
static std::optional<SmallVector<int64_t>> getStrides(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isReshape(op))
      return std::nullopt;
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      if (!slice.hasUnitStride() ||
          slice.getType().getRank() != slice.getSourceType().getRank())
        return std::nullopt;
      value = slice.getSource();
      continue;
    }
    OpOperand *tied = getTiedOperand(cast<OpResult>(value));
    if (!tied)
      break;
    value = tied->get();
  }
  return computeStrides(cast<RankedTensorType>(value.getType()).getShape());
}

/// Whether memory of `shape` and `strides`, which `reshapes` give a value, has
/// a view of each shape that they go through.
static bool canUndo(ArrayRef<Operation *> reshapes, SmallVector<int64_t> shape,
                    SmallVector<int64_t> strides) {
  for (Operation *op : reshapes) {
    auto from = cast<RankedTensorType>(op->getOperand(0).getType());
    auto expand = dyn_cast<tensor::ExpandShapeOp>(op);
    SmallVector<ReassociationIndices> groups =
        expand ? expand.getReassociationIndices()
               : cast<tensor::CollapseShapeOp>(op).getReassociationIndices();
    SmallVector<int64_t> result(from.getRank(), 1);
    for (auto [dim, group] : llvm::enumerate(groups)) {
      if (!expand) {
        int64_t step = strides[dim];
        for (int64_t i : llvm::reverse(group)) {
          result[i] = step;
          step *= from.getDimSize(i);
        }
        continue;
      }
      // Several dimensions become one of even steps.
      std::optional<int64_t> next;
      for (int64_t i : llvm::reverse(group)) {
        if (shape[i] == 1)
          continue;
        if (!next)
          result[dim] = strides[i];
        else if (strides[i] != *next)
          return false;
        next = strides[i] * shape[i];
      }
    }
    shape = llvm::to_vector(from.getShape());
    strides = std::move(result);
  }
  return true;
}

/// `value`, of the type of what `reshapes` give, as what they start from.
static Value undoReshapes(OpBuilder &b, Value value,
                          ArrayRef<Operation *> reshapes) {
  for (Operation *op : reshapes) {
    Type type = op->getOperand(0).getType();
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      value = tensor::CollapseShapeOp::create(b, op->getLoc(), type, value,
                                              expand.getReassociationIndices());
    else
      value = tensor::ExpandShapeOp::create(
          b, op->getLoc(), type, value,
          cast<tensor::CollapseShapeOp>(op).getReassociationIndices());
  }
  return value;
}

/// Whether what `insert` inserts, and `reshapes` give, can be computed there.
static bool canWrite(tensor::InsertSliceOp insert,
                     ArrayRef<Operation *> reshapes) {
  if (reshapes.empty())
    return true;
  std::optional<SmallVector<int64_t>> strides = getStrides(insert.getDest());
  return isWindow(insert) && strides &&
         canUndo(reshapes, llvm::to_vector(insert.getSourceType().getShape()),
                 std::move(*strides));
}

/// The earliest place where `value` can be used.
static OpBuilder getBuilderBehind(Value value) {
  OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  return b;
}

/// Computes what is inserted in the place that it is inserted at.
static void writeInPlace(tensor::InsertSliceOp insert) {
  std::optional<Origin> origin = findOrigin(insert.getSource());
  if (!origin || !canWrite(insert, origin->reshapes))
    return;
  OpBuilder b = getBuilderBehind(insert.getDest());
  Operation *user = origin->use->getOwner();
  Operation *destination = insert.getDest().getDefiningOp();
  if (user->getBlock() != b.getInsertionBlock() ||
      (destination && !destination->isBeforeInBlock(user)))
    return;
  Value place = tensor::ExtractSliceOp::create(
      b, insert.getLoc(), insert.getSourceType(), insert.getDest(),
      insert.getMixedOffsets(), insert.getMixedSizes(),
      insert.getMixedStrides());
  origin->use->set(undoReshapes(b, place, origin->reshapes));
}

/// Computes a result of the network in the caller's memory.
static void writeInPlace(bufferization::MaterializeInDestinationOp result) {
  std::optional<Origin> origin = findOrigin(result.getSource());
  if (!origin || origin->use->getOwner()->getBlock() != result->getBlock())
    return;
  OpBuilder b = getBuilderBehind(result.getDest());
  Value place = bufferization::ToTensorOp::create(
      b, result.getLoc(), result.getSource().getType(), result.getDest(),
      /*restrict=*/true, /*writable=*/true);
  origin->use->set(undoReshapes(b, place, origin->reshapes));
}

namespace {

class WriteInPlacePass : public q::impl::WriteInPlaceBase<WriteInPlacePass> {
public:
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        unshareEmptyTensors(block);
        hoistReshapes(block);
        insertPartByPart(block);
        // From the outermost place to those within it.
        SmallVector<Operation *> ops;
        for (Operation &op : block)
          ops.push_back(&op);
        for (Operation *op : llvm::reverse(ops))
          llvm::TypeSwitch<Operation *>(op)
              .Case<tensor::InsertSliceOp,
                    bufferization::MaterializeInDestinationOp>(
                  [](auto typed) { writeInPlace(typed); });
      }
  }
};

} // namespace
