//===- LowerKernels.cpp - Kernel ops to functions of loops and vectors ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Nests.h"
#include "PackedWeights.h"
#include "QDialect/Conversion/CInterface.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/TunedKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace q::kernel {
#define GEN_PASS_DEF_LOWERKERNELS
#include "QDialect/Conversion/KernelPasses.h.inc"
} // namespace q::kernel

using namespace mlir;
using namespace q::kernel;

namespace {

/// The scratch buffers of a layer, of one thread: each with its first byte.
struct Scratch {
  SmallVector<std::pair<memref::AllocOp, int64_t>> buffers;
  int64_t bytes = 0;
};

/// The roles of a kernel function's arguments, in order.
struct CallOperands {
  SmallVector<Value> values;
  ActivationStrides input{}, output{}, residual{};
  TeamPlan team;
  Scratch scratch;
};

/// A flat view of a buffer with static strides: all that its elements span.
FailureOr<Value> flatten(Operation *op, OpBuilder &builder, Value buffer,
                         ActivationStrides *strides) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type) {
    op->emitOpError("is lowered on buffers: bufferize it first");
    return failure();
  }
  SmallVector<int64_t> steps;
  int64_t offset;
  if (!type.hasStaticShape() ||
      failed(type.getStridesAndOffset(steps, offset)) ||
      llvm::any_of(steps, ShapedType::isDynamic) ||
      ShapedType::isDynamic(offset) || (!steps.empty() && steps.back() != 1)) {
    op->emitOpError("needs buffers with static strides and contiguous "
                    "channels, but has ")
        << type << "; copy it into a buffer of its own";
    return failure();
  }
  if (strides) {
    int64_t rank = type.getRank();
    *strides = {0, 0, steps[rank - 2]};
    if (rank == 4) {
      strides->image = steps[0];
      strides->row = steps[1];
    } else {
      strides->row = type.getDimSize(0) * steps[0];
      strides->image = strides->row;
    }
    // The stride of an extent of 1 means nothing; give it that of a row of
    // pixels, so that equal layouts look equal.
    if (rank == 4) {
      if (type.getDimSize(2) == 1 && type.getDimSize(1) == 1)
        strides->pixel = strides->row = std::min(strides->pixel, strides->row);
      if (type.getDimSize(0) == 1)
        strides->image = type.getDimSize(1) * strides->row;
    }
  }
  int64_t extent = 1;
  for (auto [size, step] : llvm::zip(type.getShape(), steps))
    extent += (size - 1) * step;
  Location loc = op->getLoc();
  if (type.getRank() == 1 && offset == 0)
    return buffer;
  if (type.getLayout().isIdentity()) {
    SmallVector<ReassociationIndices> all(1);
    for (int64_t i = 0; i < type.getRank(); ++i)
      all[0].push_back(i);
    return memref::CollapseShapeOp::create(builder, loc, buffer, all)
        .getResult();
  }
  auto flat =
      MemRefType::get({extent}, type.getElementType(),
                      StridedLayoutAttr::get(builder.getContext(), offset, {1}),
                      type.getMemorySpace());
  return memref::ReinterpretCastOp::create(builder, loc, flat, buffer, offset,
                                           ArrayRef<int64_t>{extent},
                                           ArrayRef<int64_t>{1})
      .getResult();
}

struct LowerKernelsPass : q::kernel::impl::LowerKernelsBase<LowerKernelsPass> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<Operation *> layers;
    module.walk([&](Operation *op) {
      if (isa<ConvOp, DepthwiseOp, WinogradOp>(op))
        layers.push_back(op);
    });
    for (Operation *op : layers) {
      LogicalResult lowered = success();
      if (auto conv = dyn_cast<ConvOp>(op))
        lowered = lower(conv, symbols);
      else if (auto winograd = dyn_cast<WinogradOp>(op))
        lowered = lower(winograd, symbols);
      else
        lowered = lower(cast<DepthwiseOp>(op), symbols);
      if (failed(lowered))
        return signalPassFailure();
    }
    for (auto &[function, scratch] : teams)
      placeScratch(function, scratch);
  }

private:
  template <typename OpTy> LogicalResult lower(OpTy op, SymbolTable &symbols) {
    OpBuilder builder(op);
    CallOperands call;
    auto push = [&](Value buffer, ActivationStrides *strides) {
      if (!buffer)
        return success();
      FailureOr<Value> flat = flatten(op, builder, buffer, strides);
      if (succeeded(flat))
        call.values.push_back(*flat);
      return LogicalResult(flat);
    };
    if (failed(push(op.getInput(), &call.input)) ||
        failed(push(op.getWeights(), nullptr)) ||
        failed(push(op.getBias(), nullptr)) ||
        failed(push(op.getMultipliers(), nullptr)) ||
        failed(push(op.getShifts(), nullptr)) ||
        failed(push(op.getChannelMax(), nullptr)) ||
        failed(push(op.getChainTable(), nullptr)) ||
        failed(push(op.getResidual(), &call.residual)) ||
        failed(push(op.getInit(), &call.output)))
      return failure();
    if (!op.getResidual())
      call.residual = call.output;
    call.team = planTeam(op, call);
    pushScratch(op, builder, call);
    auto function = op->template getParentOfType<func::FuncOp>();
    if (call.scratch.bytes && getArgument(function, q::kThreadAttrName))
      teams[function].push_back(call.scratch);
    pushNumbers(op, builder, call);
    FailureOr<Value> isMember = pushTeam(op, builder, call);
    if (failed(isMember))
      return failure();

    func::FuncOp kernel = getKernel(op, call, symbols);
    if (*isMember) {
      auto guard = scf::IfOp::create(builder, op.getLoc(), *isMember);
      builder.setInsertionPointToStart(guard.thenBlock());
    }
    func::CallOp::create(builder, op.getLoc(), kernel, call.values);
    op->erase();
    return success();
  }

  //===--- Threads
  //---------------------------------------------------------===//

  static int64_t getThreads(Operation *op) {
    auto threads = op->getAttrOfType<IntegerAttr>(q::kThreadsAttrName);
    return threads ? threads.getInt() : 1;
  }

  static Value getArgument(func::FuncOp function, StringRef name) {
    for (BlockArgument argument : function.getArguments())
      if (function.getArgAttr(argument.getArgNumber(), name))
        return argument;
    return Value();
  }

  static TeamPlan planTeam(ConvOp op, const CallOperands &call) {
    return blockingOf(op, stridesOf(call)).second;
  }
  static TeamPlan planTeam(DepthwiseOp op, const CallOperands &) {
    return getDepthwiseTeam(planOf(op), getThreads(op));
  }
  static TeamPlan planTeam(WinogradOp op, const CallOperands &) {
    return blockingOf(op).second;
  }

  /// The thread and the number of threads that share the kernel, if there is a
  /// team. Gives the condition under which a thread calls it; null is always.
  FailureOr<Value> pushTeam(Operation *op, OpBuilder &builder,
                            CallOperands &call) {
    if (getThreads(op) == 1)
      return Value();
    auto function = op->getParentOfType<func::FuncOp>();
    Value thread = getArgument(function, q::kThreadAttrName);
    Value team = getArgument(function, q::kTeamAttrName);
    if (!thread || !team || getThreads(function) < getThreads(op)) {
      op->emitOpError("is for several threads, but its function is not; "
                      "q-split-threads makes both");
      return failure();
    }
    Location loc = op->getLoc();
    Value threads = arith::MinUIOp::create(
        builder, loc, team,
        arith::ConstantIndexOp::create(builder, loc, call.team.threads));
    if (call.team.loop != SharedLoop::None)
      call.values.append({thread, threads});
    if (call.team.threads == getThreads(function))
      return Value();
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                 thread, threads)
        .getResult();
  }

  //===--- Scratch
  //---------------------------------------------------------===//

  /// The largest scratch of a thread that is worth memory of its own for all
  /// layers: what stays in a second-level cache along with activations.
  static constexpr int64_t mostOwnBytes = 144 << 10;

  static void pushBuffer(Operation *op, OpBuilder &builder, CallOperands &call,
                         int64_t elements, unsigned bits) {
    auto type = MemRefType::get({elements}, builder.getIntegerType(bits));
    auto alloc = memref::AllocOp::create(builder, op->getLoc(), type,
                                         builder.getI64IntegerAttr(64));
    call.values.push_back(alloc);
    call.scratch.buffers.push_back({alloc, call.scratch.bytes});
    call.scratch.bytes += llvm::alignTo(elements * bits / 8, 64);
  }

  /// Gives every thread scratch of its own, most of it in the same memory for
  /// all layers, so that it stays in the thread's caches: to overwrite what
  /// another core has written takes longer than many layers compute.
  static void placeScratch(func::FuncOp function, ArrayRef<Scratch> layers) {
    int64_t most = 0;
    for (const Scratch &layer : layers)
      if (layer.bytes <= mostOwnBytes)
        most = std::max(most, layer.bytes);
    auto b = OpBuilder::atBlockBegin(&function.getBody().front());
    auto allocate = [&](Location loc, int64_t bytes) -> Value {
      auto type =
          MemRefType::get({getThreads(function) * bytes}, b.getI8Type());
      return memref::AllocOp::create(b, loc, type, b.getI64IntegerAttr(64));
    };
    Value common = most ? allocate(function.getLoc(), most) : Value();
    Value thread = getArgument(function, q::kThreadAttrName);
    for (const Scratch &layer : layers) {
      memref::AllocOp front = layer.buffers.front().first;
      b.setInsertionPoint(front);
      Location loc = front.getLoc();
      bool isCommon = layer.bytes <= mostOwnBytes;
      Value all = isCommon ? common : allocate(loc, layer.bytes);
      auto index = [&](int64_t value) -> Value {
        return arith::ConstantIndexOp::create(b, loc, value);
      };
      Value own = arith::MulIOp::create(b, loc, thread,
                                        index(isCommon ? most : layer.bytes));
      for (auto [alloc, first] : layer.buffers) {
        Value at = arith::AddIOp::create(b, loc, own, index(first));
        Value view = memref::ViewOp::create(b, loc, alloc.getType(), all, at,
                                            ValueRange());
        alloc.replaceAllUsesWith(view);
      }
      for (auto [alloc, first] : layer.buffers)
        alloc.erase();
    }
  }

  static DensePlan planOf(ConvOp op) {
    return getDensePlan(*getGeometry(op), op.getMicroKernel(), op.getTile()[1]);
  }

  static std::pair<DenseBlocking, TeamPlan>
  blockingOf(ConvOp op, const KernelBuffers &buffers) {
    return getDenseTeam(planOf(op), op.getTile()[0], buffers,
                        op.getInputStorage(), getThreads(op));
  }

  static bool unpacksPanels(ConvOp op) {
    return op.getWeightBits() && !unpacksInRegisters(planOf(op));
  }

  static void pushScratch(ConvOp op, OpBuilder &builder, CallOperands &call) {
    DenseBlocking blocking = blockingOf(op, stridesOf(call)).first;
    if (!blocking.readsInput)
      pushBuffer(op, builder, call, blocking.scratchElements,
                 planOf(op).traits.activationBits);
    if (blocking.rowElements)
      pushBuffer(op, builder, call, blocking.rowElements, 8);
    if (unpacksPanels(op))
      pushBuffer(op, builder, call,
                 getUnpackedPanelBytes(planOf(op), *op.getWeightBits()), 8);
  }

  static DepthwisePlan planOf(DepthwiseOp op) {
    return getDepthwisePlan(*getGeometry(op), op.getMicroKernel(),
                            op.getTile()[0], op.getTile()[1]);
  }

  static void pushScratch(DepthwiseOp op, OpBuilder &builder,
                          CallOperands &call) {
    DepthwisePlan plan = planOf(op);
    pushBuffer(op, builder, call, plan.blockChannels, 8);
    pushBuffer(op, builder, call, getDepthwiseWeightScratch(plan),
               plan.weightBits());
  }

  static std::pair<WinogradPlan, TeamPlan> blockingOf(WinogradOp op) {
    return getWinogradTeam(getWinogradPlan(*getGeometry(op), op.getTile()[0],
                                           op.getTile()[1],
                                           op.getMicroKernel()),
                           op.getMicroKernel(), getThreads(op));
  }

  static void pushScratch(WinogradOp op, OpBuilder &builder,
                          CallOperands &call) {
    WinogradPlan plan = blockingOf(op).first;
    constexpr int64_t positions = WinogradPlan::positions;
    pushBuffer(op, builder, call, positions * plan.dataPitch(), 16);
    pushBuffer(op, builder, call, positions * plan.weightPitch(), 16);
    pushBuffer(op, builder, call, plan.scratchBytes(), 8);
    pushBuffer(op, builder, call, plan.maxTiles() * plan.sumPitch(), 32);
  }

  /// The arguments for what pushScratch() pushes. Pointwise layers may read
  /// their input where it lies.
  static void takeScratch(ConvOp op, KernelBuffers &buffers,
                          function_ref<Value()> take) {
    DenseBlocking blocking = blockingOf(op, buffers).first;
    if (!blocking.readsInput)
      buffers.scratch = take();
    if (blocking.rowElements)
      buffers.inputScratch = take();
    if (unpacksPanels(op))
      buffers.weightScratch = take();
  }
  static void takeScratch(DepthwiseOp, KernelBuffers &buffers,
                          function_ref<Value()> take) {
    buffers.scratch = take();
    buffers.weightScratch = take();
  }
  static void takeScratch(WinogradOp, KernelBuffers &buffers,
                          function_ref<Value()> take) {
    buffers.scratch = take();
    buffers.weightScratch = take();
    buffers.inputScratch = take();
    buffers.sums = take();
  }

  static KernelBuffers stridesOf(const CallOperands &call) {
    KernelBuffers buffers;
    buffers.inputStrides = call.input;
    buffers.outputStrides = call.output;
    buffers.residualStrides = call.residual;
    return buffers;
  }

  //===--- Numbers
  //---------------------------------------------------------===//

  /// A storage's numbers share one argument: a byte each.
  static int64_t packStorage(StorageAttr storage) {
    auto byte = [](int64_t value) { return value & 0xff; };
    return byte(storage.getZeroPoint()) | byte(storage.getLo()) << 8 |
           byte(storage.getHi()) << 16;
  }

  static StorageValues unpackStorage(ImplicitLocOpBuilder &b, Value packed,
                                     bool isSigned) {
    Type i8 = b.getI8Type(), i32 = b.getI32Type();
    auto byte = [&](int32_t shift) -> Value {
      Value amount = arith::ConstantOp::create(b, b.getI32IntegerAttr(shift));
      Value value = arith::TruncIOp::create(
          b, i8, arith::ShRUIOp::create(b, packed, amount));
      if (isSigned)
        return arith::ExtSIOp::create(b, i32, value);
      return arith::ExtUIOp::create(b, i32, value);
    };
    return {byte(0), byte(8), byte(16)};
  }

  /// The numbers in which layers that share a function may differ.
  template <typename OpTy>
  static void pushNumbers(OpTy op, OpBuilder &builder, CallOperands &call) {
    auto push = [&](int64_t value) {
      call.values.push_back(arith::ConstantOp::create(
          builder, op.getLoc(),
          builder.getI32IntegerAttr(static_cast<int32_t>(value))));
    };
    push(packStorage(op.getOutputStorage()));
    if (std::optional<ResidualAttr> residual = op.getResidualAdd()) {
      push(packStorage(residual->getIntermediate()));
      push(packStorage(residual->getStorage()));
      push(residual->getK1());
      push(residual->getK2());
      push(residual->getShift());
    }
  }

  /// The attributes of an op without what no code depends on: the bounds of
  /// the input, without padding its zero point, those of a proof, and the
  /// numbers above.
  template <typename OpTy> static DictionaryAttr getCodeAttributes(OpTy op) {
    MLIRContext *context = op.getContext();
    StorageAttr input = op.getInputStorage();
    bool isPadded = llvm::any_of(op.getPads(), [](int64_t p) { return p; });
    NamedAttrList attributes(op->getAttrDictionary());
    attributes.set(op.getInputStorageAttrName(),
                   StorageAttr::get(context, input.getIsSigned(),
                                    isPadded ? input.getZeroPoint() : 0,
                                    input.getIsSigned() ? -128 : 0,
                                    input.getIsSigned() ? 127 : 255));
    if (ChainAttr chain = op.getChainAttr())
      attributes.set(op.getChainAttrName(),
                     ChainAttr::get(context, chain.getLength(), 0, 0, 0));
    // Counts are read from the table.
    if (PanelChainsAttr chains = op.getPanelChainsAttr())
      attributes.set(op.getPanelChainsAttrName(),
                     PanelChainsAttr::get(
                         context, chains.getLengths(),
                         SmallVector<int64_t>(chains.getLengths().size()), {}));
    if (SignedChainAttr chain = op.getSignedChainAttr())
      attributes.set(op.getSignedChainAttrName(),
                     SignedChainAttr::get(context, chain.getLength(),
                                          chain.getLo(), chain.getLo(), 0, 0));
    // Nor on the reasons of a choice.
    attributes.erase(op.getWinogradProofAttrName());
    attributes.erase(op.getWhyDirectAttrName());
    attributes.erase(kTuningAttrName);
    attributes.set(op.getOutputStorageAttrName(),
                   getCodeStorage(op.getOutputStorage()));
    if (op.getResidualAdd())
      attributes.set(
          op.getResidualAddAttrName(),
          getCodeResidual(*op.getResidualAdd(), op.getOutputStorage()));
    return attributes.getDictionary(context);
  }

  //===--- Functions
  //-------------------------------------------------------===//

  /// The function for an op: that of an earlier op with equal attributes and
  /// operand types, or a new one.
  template <typename OpTy>
  func::FuncOp getKernel(OpTy op, const CallOperands &call,
                         SymbolTable &symbols) {
    MLIRContext *context = op.getContext();
    Builder builder(context);
    // Strides are part of the key: flat types do not show them.
    SmallVector<Attribute> key = {
        builder.getStringAttr(OpTy::getOperationName()), getCodeAttributes(op)};
    for (Value operand : op->getOperands())
      key.push_back(TypeAttr::get(operand.getType()));
    func::FuncOp &kernel = kernels[builder.getArrayAttr(key)];
    if (kernel)
      return kernel;

    ModuleOp module = getOperation();
    OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<Type> types;
    for (Value value : call.values)
      types.push_back(value.getType());
    kernel = func::FuncOp::create(atEnd, op.getLoc(), kernelName(op),
                                  builder.getFunctionType(types, {}));
    kernel.setPrivate();
    // One copy per layer shape, however often it is called.
    kernel->setAttr("passthrough",
                    builder.getStrArrayAttr({"noinline", "nounwind"}));
    describeToLLVM(op, kernel);
    symbols.insert(kernel);
    fillBody(op, call, kernel);
    return kernel;
  }

  template <typename OpTy>
  static void describeToLLVM(OpTy op, func::FuncOp kernel) {
    if (keepsLoops(op.getMicroKernel()) ||
        (isa<WinogradOp>(op.getOperation()) &&
         op.getMicroKernel() == MicroKernel::Smlal))
      kernel->setAttr(q::kKeepsLoopsAttrName,
                      UnitAttr::get(kernel.getContext()));
    for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
      if (isa<MemRefType>(kernel.getArgumentTypes()[i]))
        kernel.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                          UnitAttr::get(kernel.getContext()));
  }

  /// That buffers do not overlap is not said: LLVM would bring all weights of a
  /// window before the loop, into registers that there are not, and from there
  /// onto the stack. Nor does it know better when to unroll: it would compute
  /// the widened weights of a layer with a function of its own, and store them.
  static void describeToLLVM(DepthwiseOp, func::FuncOp kernel) {
    kernel->setAttr(q::kKeepsLoopsAttrName, UnitAttr::get(kernel.getContext()));
  }

  static std::string kernelName(ConvOp) { return "qk_conv"; }
  static std::string kernelName(DepthwiseOp) { return "qk_depthwise"; }
  static std::string kernelName(WinogradOp) { return "qk_winograd"; }

  template <typename OpTy>
  void fillBody(OpTy op, const CallOperands &call, func::FuncOp kernel) {
    Block *block = kernel.addEntryBlock();
    ImplicitLocOpBuilder builder(op.getLoc(), op.getContext());
    builder.setInsertionPointToStart(block);
    KernelEmitter emitter(builder);

    unsigned next = 0;
    auto take = [&](bool exists) {
      return exists ? Value(block->getArgument(next++)) : Value();
    };
    NestSpec spec;
    spec.microKernel = op.getMicroKernel();
    if (ChainAttr chain = op.getChainAttr())
      spec.chain = chain.getLength();
    if (PanelChainsAttr chains = op.getPanelChainsAttr())
      spec.chainLengths = chains.getLengths();
    if (SignedChainAttr chain = op.getSignedChainAttr())
      spec.chain = chain.getLength();
    spec.inputStorage = op.getInputStorage();
    spec.activationOffset =
        getActivationOffset(op.getMicroKernel(), op.getSignedChainAttr(),
                            spec.inputStorage.getIsSigned());
    spec.weightBits = op.getWeightBits().value_or(8);
    spec.buffers = stridesOf(call);
    spec.buffers.input = take(true);
    spec.buffers.weights = take(true);
    spec.buffers.bias = take(true);
    EpilogueSpec &epilogue = spec.epilogue;
    epilogue.form = op.getEpilogue();
    epilogue.tiesAway = op.getTiesAway();
    epilogue.output = getCodeStorage(op.getOutputStorage());
    if (op.getResidualAdd())
      epilogue.residual =
          getCodeResidual(*op.getResidualAdd(), op.getOutputStorage());
    epilogue.traits = getTraits(op.getMicroKernel());
    epilogue.isX86 = epilogue.traits.isX86;
    epilogue.multipliers = take(bool(op.getMultipliers()));
    epilogue.shifts = take(bool(op.getShifts()));
    epilogue.channelMax = take(bool(op.getChannelMax()));
    spec.buffers.chainTable = take(bool(op.getChainTable()));
    epilogue.residualBuffer = take(bool(op.getResidual()));
    epilogue.outputBuffer = take(true);
    takeScratch(op, spec.buffers, [&]() { return take(true); });
    takeNumbers(builder, epilogue, [&]() { return take(true); });
    static_cast<TeamPlan &>(spec.team) = call.team;
    if (call.team.loop != SharedLoop::None) {
      spec.team.thread = take(true);
      spec.team.size = take(true);
    }
    emitBody(op, emitter, spec);
    func::ReturnOp::create(builder);
  }

  static void takeNumbers(ImplicitLocOpBuilder &b, EpilogueSpec &epilogue,
                          function_ref<Value()> take) {
    epilogue.outputValues =
        unpackStorage(b, take(), epilogue.output.getIsSigned());
    if (!epilogue.residual)
      return;
    ResidualValues &numbers = epilogue.residualValues;
    bool isSigned = epilogue.residual.getIntermediate().getIsSigned();
    numbers.intermediate = unpackStorage(b, take(), isSigned);
    isSigned = epilogue.residual.getStorage().getIsSigned();
    numbers.storage = unpackStorage(b, take(), isSigned);
    numbers.k1 = take();
    numbers.k2 = take();
    numbers.shift = take();
  }

  static void emitBody(ConvOp op, KernelEmitter &e, const NestSpec &spec) {
    emitDenseNest(e, planOf(op), blockingOf(op, spec.buffers).first, spec);
  }

  static void emitBody(DepthwiseOp op, KernelEmitter &e, const NestSpec &spec) {
    emitDepthwiseNest(e, planOf(op), spec);
  }

  static void emitBody(WinogradOp op, KernelEmitter &e, const NestSpec &spec) {
    emitWinogradNest(e, blockingOf(op).first, spec);
  }

  llvm::DenseMap<Attribute, func::FuncOp> kernels;
  /// Of the layers of functions that several threads run.
  llvm::MapVector<func::FuncOp, SmallVector<Scratch>> teams;
};

} // namespace
