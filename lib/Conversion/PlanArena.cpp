//===- PlanArena.cpp - One arena for all buffers --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A compiled network is a sequence of ops without branches, so a buffer lives
// from the first op that touches it, or a view of it, to the last.
//
//===----------------------------------------------------------------------===//

#include "ArenaPacking.h"
#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/Support/MathExtras.h"

namespace q {
#define GEN_PASS_DEF_PLANARENA
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// Bytes of a buffer of static shape.
static int64_t getNumBytes(MemRefType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// The ops of the function's block that touch `buffer`, itself or by a view.
static void collectUsers(Value buffer, Block &block,
                         SmallVectorImpl<Operation *> &users) {
  for (Operation *user : buffer.getUsers()) {
    if (Operation *ancestor = block.findAncestorOpInBlock(*user))
      users.push_back(ancestor);
    // Casts, subviews and reshapes, and whatever else yields a buffer: all are
    // taken for aliases.
    for (Value result : user->getResults())
      if (isa<BaseMemRefType>(result.getType()))
        collectUsers(result, block, users);
  }
}

namespace {

class PlanArenaPass : public q::impl::PlanArenaBase<PlanArenaPass> {
public:
  using PlanArenaBase::PlanArenaBase;

  void runOnOperation() override {
    if (!llvm::isPowerOf2_32(alignment)) {
      getOperation().emitError("alignment ")
          << alignment << " is not a power of two";
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(plan(function)))
        return signalPassFailure();
  }

private:
  LogicalResult plan(func::FuncOp function);
};

} // namespace

LogicalResult PlanArenaPass::plan(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have a body of one block to be compiled");
  Block &block = function.getBody().front();
  llvm::DenseMap<Operation *, int64_t> position;
  for (auto [i, op] : llvm::enumerate(block))
    position[&op] = i;

  SmallVector<memref::AllocOp> allocs;
  function.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
  SmallVector<ArenaBuffer> buffers;
  for (memref::AllocOp alloc : allocs) {
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() || !type.getLayout().isIdentity())
      return alloc.emitOpError("of type ")
             << type << " cannot be placed in the arena: its size is not known";
    ArenaBuffer buffer;
    buffer.size = llvm::alignTo(std::max<int64_t>(getNumBytes(type), 1),
                                alignment.getValue());
    // An allocation within a loop lives as long as the whole loop.
    Operation *own = block.findAncestorOpInBlock(*alloc);
    SmallVector<Operation *> users;
    collectUsers(alloc.getResult(), block, users);
    buffer.begin = own == alloc.getOperation()
                       ? std::numeric_limits<int64_t>::max()
                       : position[own];
    buffer.end = position[own];
    for (Operation *user : users) {
      // Making a view touches nothing.
      if (isa<ViewLikeOpInterface>(user))
        continue;
      buffer.begin = std::min(buffer.begin, position[user]);
      buffer.end = std::max(buffer.end, position[user]);
    }
    buffer.begin = std::min(buffer.begin, buffer.end);
    buffers.push_back(buffer);
  }
  int64_t liveMax = getLargestLiveSet(buffers);
  int64_t size = packArena(buffers, liveMax);
  numBuffers += buffers.size();

  OpBuilder b(&getContext());
  auto arenaType = MemRefType::get({size}, b.getI8Type());
  if (failed(function.insertArgument(
          function.getNumArguments(), arenaType,
          b.getDictionaryAttr(b.getNamedAttr("q.arena", b.getUnitAttr())),
          function.getLoc())))
    return failure();
  Value arena = block.getArguments().back();
  for (auto [alloc, buffer] : llvm::zip_equal(allocs, buffers)) {
    // The view must not lie within a loop that it is hoisted from: constants
    // and views are free, so each stays where its allocation was.
    b.setInsertionPoint(alloc);
    Value offset =
        arith::ConstantIndexOp::create(b, alloc.getLoc(), buffer.offset);
    Value view = memref::ViewOp::create(
        b, alloc.getLoc(),
        MemRefType::get(alloc.getType().getShape(),
                        alloc.getType().getElementType()),
        arena, offset, ValueRange());
    for (Operation *user :
         llvm::make_early_inc_range(alloc.getResult().getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
  function->setAttr("q.arena_size", b.getI64IntegerAttr(size));
  function->setAttr("q.arena_live_max", b.getI64IntegerAttr(liveMax));
  function->setAttr("q.arena_alignment", b.getI64IntegerAttr(alignment));
  return success();
}
