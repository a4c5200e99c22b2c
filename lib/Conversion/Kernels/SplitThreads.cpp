//===- SplitThreads.cpp - Layers that a team of threads shares ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The network's function is run by all threads of a team at once. What is here
// keeps that the same as one thread that runs it alone:
//
// - An op that writes is either left to thread 0 or shared; the parts of a
//   shared op write disjoint elements, and read nothing that it writes.
// - Between two ops there is a barrier, unless both are left to thread 0, which
//   runs them in order. So every op sees what those before it have written, and
//   two buffers whose lifetimes do not meet may share memory as ever.
// - LLVM must not believe that only one thread writes to the buffers, or it
//   would keep values in registers across a barrier. What runs between two
//   barriers it has to know all the better: loops go to functions of their own,
//   whose arguments do not overlap as long as the call lasts.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/CInterface.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/KernelPlan.h"
#include "QDialect/Conversion/Threads.h"
#include "QDialect/Conversion/WinogradPlan.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace q::kernel {
#define GEN_PASS_DEF_SPLITTHREADS
#include "QDialect/Conversion/KernelPasses.h.inc"
} // namespace q::kernel

using namespace mlir;
using namespace q;
using namespace q::kernel;

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

/// Core cycles that a layer is expected to take on one thread: AVX2 at about
/// 100 multiply-accumulates a cycle would be the least, 25 are usual.
template <typename OpTy> static int64_t estimateCycles(OpTy op, int64_t rate) {
  FailureOr<LayerGeometry> g = getGeometry(op);
  if (failed(g))
    return 0; // lower-kernels reports it
  int64_t outputs = g->batch * g->outH * g->outW * g->outC;
  int64_t macs = outputs * g->kernelH * g->kernelW * (g->inC / g->groups);
  return macs / rate + outputs / 4;
}

/// Whether the innermost loop does not walk along the memory of all operands.
static bool isStrided(linalg::LinalgOp op) {
  auto innermost = getAffineDimExpr(op.getNumLoops() - 1, op.getContext());
  return llvm::any_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    return map.getNumResults() > 0 && map.getResults().back() != innermost;
  });
}

/// Elementwise ops, pools, copies: with a vector of 16 elements an instruction
/// at best, and some shuffles an element where memory is walked through in
/// another order.
static int64_t estimateCycles(linalg::LinalgOp op) {
  int64_t points = 1;
  for (int64_t extent : op.getStaticLoopRanges())
    points *= std::max<int64_t>(extent, 1);
  if (isStrided(op))
    return points / 4;
  int64_t arithmetic = 0;
  op->walk([&](Operation *inner) {
    arithmetic += inner != op && !inner->hasTrait<OpTrait::IsTerminator>();
  });
  return points * (arithmetic + 1) / 16;
}

/// The loop that threads share and how many of its iterations are one step: the
/// outermost dimension of the result that has more than one element, in steps
/// that are worth a vector loop.
static std::optional<std::pair<unsigned, int64_t>>
findSharedLoop(linalg::LinalgOp op, int64_t threads, int64_t leastStep) {
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  if (op.getNumDpsInits() != 1 ||
      llvm::any_of(ranges, [](int64_t n) { return n <= 0; }))
    return std::nullopt;
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!map.isProjectedPermutation())
    return std::nullopt;
  int64_t points = 1;
  for (int64_t extent : ranges)
    points *= extent;
  for (AffineExpr result : map.getResults()) {
    unsigned i = cast<AffineDimExpr>(result).getPosition();
    if (ranges[i] == 1)
      continue;
    if (op.getIteratorTypesArray()[i] != utils::IteratorType::parallel)
      return std::nullopt;
    // The smallest divisor of the extent that is enough; for transpositions,
    // of square tiles.
    for (int64_t step = isStrided(op) ? std::min<int64_t>(16, ranges[i]) : 1;
         step * threads <= ranges[i]; ++step)
      if (ranges[i] % step == 0 && step * (points / ranges[i]) >= leastStep)
        return std::pair(i, step);
    return std::nullopt;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

class SplitThreadsPass
    : public q::kernel::impl::SplitThreadsBase<SplitThreadsPass> {
public:
  using SplitThreadsBase::SplitThreadsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (threads < 1 || threads > kMostThreads) {
      module.emitError("threads must be between 1 and ")
          << kMostThreads << ", but is " << threads.getValue();
      return signalPassFailure();
    }
    if (threads == 1)
      return;
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(split(function)))
        return signalPassFailure();
  }

private:
  LogicalResult split(func::FuncOp function);
  int64_t countThreads(Operation *op);
  FailureOr<Operation *> leaveToFirst(Operation *op);
  FailureOr<Operation *> share(Operation *op, int64_t parts);
  FailureOr<Operation *> cut(linalg::LinalgOp op);
  Operation *outline(Operation *op);
  std::optional<std::pair<unsigned, int64_t>> findLoop(linalg::LinalgOp op) {
    return findSharedLoop(op, threads, std::min<int64_t>(256, threadWork));
  }
  void guardTimeStamp(LLVM::StoreOp store);

  Value thread, team, isFirst;
  std::optional<SymbolTable> symbols;
};

} // namespace

/// How many threads are worth an op; 1 leaves it to one.
int64_t SplitThreadsPass::countThreads(Operation *op) {
  int64_t cycles = 0;
  if (auto conv = dyn_cast<ConvOp>(op))
    cycles = estimateCycles(conv, 25);
  else if (auto depthwise = dyn_cast<DepthwiseOp>(op))
    cycles = estimateCycles(depthwise, 10);
  else if (auto winograd = dyn_cast<WinogradOp>(op))
    cycles = estimateCycles(winograd, 60);
  else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    cycles = findLoop(linalgOp) ? estimateCycles(linalgOp) : 0;
  return std::clamp<int64_t>(cycles / std::max<int64_t>(threadWork, 1), 1,
                             threads);
}

LogicalResult SplitThreadsPass::split(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have a body of one block to be compiled");
  Block &block = function.getBody().front();
  bool isWorthIt =
      llvm::any_of(block, [&](Operation &op) { return countThreads(&op) > 1; });
  // A network of small layers is as fast without the runtime.
  if (!isWorthIt)
    return success();

  OpBuilder b(&getContext());
  Location loc = function.getLoc();
  for (StringRef name : {kThreadAttrName, kTeamAttrName})
    if (failed(function.insertArgument(
            function.getNumArguments(), b.getIndexType(),
            b.getDictionaryAttr(b.getNamedAttr(name, b.getUnitAttr())), loc)))
      return failure();
  thread = function.getArgument(function.getNumArguments() - 2);
  team = function.getArgument(function.getNumArguments() - 1);
  function->setAttr(kThreadsAttrName, b.getI64IntegerAttr(threads));
  b.setInsertionPointToStart(&block);
  isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, thread,
                                  arith::ConstantIndexOp::create(b, loc, 0));
  auto declaration =
      func::FuncOp::create(loc, kBarrierSymbol, b.getFunctionType({}, {}));
  declaration.setPrivate();
  getOperation().push_back(declaration);
  symbols.emplace(getOperation());

  // What ran last, as far as a barrier is concerned, and where it ends.
  enum { Nothing, First, All } last = Nothing;
  Operation *end = nullptr;
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    if (!isMemoryEffectFree(&op) &&
        !hasSingleEffect<MemoryEffects::Allocate>(&op))
      ops.push_back(&op);
  for (Operation *op : ops) {
    // The time stamps of q-profile-layers: every thread may read the clock.
    if (isa<LLVM::LLVMDialect>(op->getDialect())) {
      if (auto store = dyn_cast<LLVM::StoreOp>(op))
        guardTimeStamp(store);
      continue;
    }
    int64_t parts = countThreads(op);
    bool onlyReads = hasSingleEffect<MemoryEffects::Read>(op);
    bool isForAll = parts > 1 || onlyReads;
    if (last == All || (last == First && isForAll)) {
      // At once, so that a layer's time stamp is that of the last thread.
      b.setInsertionPointAfter(end);
      func::CallOp::create(b, end->getLoc(), declaration);
    }
    last = isForAll ? All : First;
    FailureOr<Operation *> done = op;
    if (parts > 1)
      done = share(op, parts);
    else if (!onlyReads)
      done = leaveToFirst(op);
    if (failed(done))
      return failure();
    end = *done;
  }
  return success();
}

/// Places `op` where only thread 0 runs it. Gives the op that it is in.
FailureOr<Operation *> SplitThreadsPass::leaveToFirst(Operation *op) {
  if (op->getNumResults() != 0)
    return op->emitOpError("cannot be left to one thread, because it has a "
                           "result beside what it writes; compile for one "
                           "thread");
  OpBuilder b(op);
  auto guard = scf::IfOp::create(b, op->getLoc(), isFirst);
  op->moveBefore(guard.thenBlock()->getTerminator());
  if (isa<linalg::LinalgOp>(op))
    outline(op);
  return guard.getOperation();
}

/// Gives every thread its part of `op`, where that is known here.
FailureOr<Operation *> SplitThreadsPass::share(Operation *op, int64_t parts) {
  ++numShared;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return cut(linalgOp);
  op->setAttr(kThreadsAttrName,
              IntegerAttr::get(IntegerType::get(op->getContext(), 64), parts));
  return op;
}

/// Makes a loop of `op` a loop over the part of a thread. Gives that loop.
FailureOr<Operation *> SplitThreadsPass::cut(linalg::LinalgOp op) {
  Location loc = op.getLoc();
  std::pair<unsigned, int64_t> found = *findLoop(op);
  unsigned dimension = found.first;
  int64_t step = found.second;
  int64_t count = op.getStaticLoopRanges()[dimension] / step;
  IRRewriter rewriter(op);
  scf::SCFTilingOptions options;
  SmallVector<OpFoldResult> sizes(op.getNumLoops(), rewriter.getIndexAttr(0));
  sizes[dimension] = rewriter.getIndexAttr(step);
  options.setTileSizes(sizes);
  FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(
      rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled) || tiled->loops.size() != 1)
    return op->emitOpError("cannot be cut into parts for threads");
  auto loop = cast<scf::ForOp>(tiled->loops.front());
  rewriter.setInsertionPoint(loop);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  };
  Value next = arith::AddIOp::create(rewriter, loc, thread, index(1));
  auto bound = [&](Value number) -> Value {
    Value product = arith::MulIOp::create(rewriter, loc, number, index(count));
    Value first = arith::DivUIOp::create(rewriter, loc, product, team);
    return arith::MulIOp::create(rewriter, loc, first, index(step));
  };
  loop.setLowerBound(bound(thread));
  loop.setUpperBound(bound(next));
  rewriter.eraseOp(op);
  return outline(loop);
}

/// The buffer that a value is a view of.
static Value getBase(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

/// Whether a function can make `value` anew: a number, or constant memory,
/// whose contents vectorization wants to see.
static bool isKnownEverywhere(Value value) {
  return matchPattern(value, m_Constant()) ||
         value.getDefiningOp<memref::GetGlobalOp>();
}

/// Moves `op` into a function of its own. Gives the call of it.
Operation *SplitThreadsPass::outline(Operation *op) {
  Location loc = op->getLoc();
  llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  SmallVector<Value> passed;
  SmallVector<Type> types;
  llvm::DenseMap<Value, unsigned> views;
  for (Value value : used) {
    if (isKnownEverywhere(value))
      continue;
    passed.push_back(value);
    types.push_back(value.getType());
    if (isa<MemRefType>(value.getType()))
      ++views[getBase(value)];
  }
  OpBuilder b(op);
  auto function = func::FuncOp::create(loc, "q_loops",
                                       b.getFunctionType(types, TypeRange()));
  function.setPrivate();
  function->setAttr("passthrough", b.getStrArrayAttr({"noinline", "nounwind"}));
  function->setAttr(kKeepsLoopsAttrName, b.getUnitAttr());
  symbols->insert(function);
  // Two views of one buffer may overlap.
  for (auto [i, value] : llvm::enumerate(passed))
    if (isa<MemRefType>(value.getType()) && views[getBase(value)] == 1)
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                          b.getUnitAttr());
  auto call = func::CallOp::create(b, loc, function, passed);
  Block *body = function.addEntryBlock();
  IRMapping inside;
  inside.map(passed, body->getArguments());
  b.setInsertionPointToStart(body);
  for (Value value : used)
    if (!inside.contains(value))
      b.clone(*value.getDefiningOp(), inside);
  b.clone(*op, inside);
  func::ReturnOp::create(b, loc);
  op->erase();
  return call;
}

/// Lets only thread 0 count: the load of a counter, the addition, the store.
void SplitThreadsPass::guardTimeStamp(LLVM::StoreOp store) {
  OpBuilder b(store);
  auto guard = scf::IfOp::create(b, store.getLoc(), isFirst);
  Operation *end = guard.thenBlock()->getTerminator();
  if (auto sum = store.getValue().getDefiningOp<LLVM::AddOp>()) {
    if (auto load = sum.getLhs().getDefiningOp<LLVM::LoadOp>())
      load->moveBefore(end);
    sum->moveBefore(end);
  }
  store->moveBefore(end);
}
