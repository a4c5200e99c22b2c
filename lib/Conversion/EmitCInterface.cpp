//===- EmitCInterface.cpp - The C entry point of a compiled model ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "QDialect/CIdentifier.h"
#include "QDialect/Conversion/CInterface.h"
#include "QDialect/Conversion/StorageTypes.h"
#include "QDialect/Conversion/Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/JSON.h"

namespace q {
#define GEN_PASS_DEF_EMITCINTERFACE
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// The description
//===----------------------------------------------------------------------===//

static std::string getTypeName(Type element) {
  if (auto quantized = dyn_cast<quant::QuantizedType>(element))
    return (quantized.isSigned() ? "int" : "uint") +
           std::to_string(getStorageInteger(quantized).getWidth());
  if (auto integer = dyn_cast<IntegerType>(element))
    return (integer.isUnsigned() ? "uint" : "int") +
           std::to_string(integer.getWidth());
  return "float" + std::to_string(element.getIntOrFloatBitWidth());
}

/// What a caller must know about one input or output.
static llvm::json::Object describe(DictionaryAttr attributes,
                                   RankedTensorType type, StringRef fallback) {
  llvm::json::Object result;
  auto name = attributes.getAs<StringAttr>(kNameAttrName);
  result["name"] = (name ? name.getValue() : fallback).str();
  result["shape"] = llvm::json::Array(type.getShape());
  Type element = type.getElementType();
  result["type"] = getTypeName(element);
  auto layout = attributes.getAs<StringAttr>("q.layout");
  result["layout"] = layout ? layout.getValue().str() : "row-major";
  auto quantized = dyn_cast<quant::QuantizedType>(element);
  if (!quantized)
    return result;
  result["qmin"] = quantized.getStorageTypeMin();
  result["qmax"] = quantized.getStorageTypeMax();
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(element)) {
    result["scale"] = uniform.getScale();
    result["zero_point"] = uniform.getZeroPoint();
  } else if (auto axis =
                 dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    result["scale"] = llvm::json::Array(axis.getScales());
    result["zero_point"] = llvm::json::Array(axis.getZeroPoints());
    result["axis"] = axis.getQuantizedDimension();
  }
  return result;
}

namespace {

/// Which arguments of the compiled function are what.
struct Interface {
  SmallVector<unsigned> inputs, outputs;
  std::optional<unsigned> arena, thread, team;
  llvm::json::Array describedInputs, describedOutputs;
  int64_t arenaSize = 0, arenaLiveMax = 0, arenaAlignment = 1;
  int64_t threads = 1;
};

class EmitCInterfacePass
    : public q::impl::EmitCInterfaceBase<EmitCInterfacePass> {
public:
  using EmitCInterfaceBase::EmitCInterfaceBase;
  void runOnOperation() override;

private:
  FailureOr<Interface> inspect(LLVM::LLVMFuncOp function);
  void emitRun(LLVM::LLVMFuncOp function, const Interface &interface,
               StringRef symbol);
  void emitTeamCall(OpBuilder &b, LLVM::LLVMFuncOp function,
                    const Interface &interface, ArrayRef<Value> arguments,
                    StringRef symbol);
  LLVM::LLVMFuncOp declareRuntime(StringRef symbol,
                                  LLVM::LLVMFunctionType type);
  void emitInfo(const Interface &interface, StringRef symbol);
};

} // namespace

FailureOr<Interface> EmitCInterfacePass::inspect(LLVM::LLVMFuncOp function) {
  Interface result;
  auto integer = [&](StringRef key, int64_t fallback) {
    auto attr = function->getAttrOfType<IntegerAttr>(key);
    return attr ? attr.getInt() : fallback;
  };
  result.arenaSize = integer("q.arena_size", 0);
  result.arenaLiveMax = integer("q.arena_live_max", 0);
  result.arenaAlignment = integer("q.arena_alignment", 1);
  result.threads = integer(kThreadsAttrName, 1);
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    DictionaryAttr attributes = function.getArgAttrDict(i);
    if (!attributes)
      attributes = DictionaryAttr::get(&getContext());
    if (attributes.contains("q.arena")) {
      result.arena = i;
      continue;
    }
    if (attributes.contains(kThreadAttrName)) {
      result.thread = i;
      continue;
    }
    if (attributes.contains(kTeamAttrName)) {
      result.team = i;
      continue;
    }
    auto type = attributes.getAs<TypeAttr>(kTypeAttrName);
    auto tensor =
        type ? dyn_cast<RankedTensorType>(type.getValue()) : RankedTensorType();
    if (!tensor)
      return function.emitOpError("argument ")
             << i << " has no attribute '" << kTypeAttrName
             << "' that says what the caller passes; run convert-q-to-linalg "
                "on the q dialect first";
    if (attributes.contains("q.output")) {
      std::string name = "output" + std::to_string(result.outputs.size());
      result.outputs.push_back(i);
      result.describedOutputs.push_back(describe(attributes, tensor, name));
    } else {
      std::string name = "input" + std::to_string(result.inputs.size());
      result.inputs.push_back(i);
      result.describedInputs.push_back(describe(attributes, tensor, name));
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// NAME_run
//===----------------------------------------------------------------------===//

/// A branch to a block that returns `code` if `condition` holds; the builder
/// goes on behind it.
static void emitReturnIf(OpBuilder &b, Location loc, Value condition,
                         int32_t code, LLVM::LLVMFuncOp function) {
  Block *fail = b.createBlock(&function.getBody());
  b.setInsertionPointToStart(fail);
  Value status = LLVM::ConstantOp::create(b, loc, b.getI32Type(),
                                          b.getI32IntegerAttr(code));
  LLVM::ReturnOp::create(b, loc, status);
  Block *next = b.createBlock(&function.getBody());
  b.setInsertionPointToEnd(condition.getParentBlock());
  LLVM::CondBrOp::create(b, loc, condition, fail, next);
  b.setInsertionPointToStart(next);
}

void EmitCInterfacePass::emitRun(LLVM::LLVMFuncOp function,
                                 const Interface &interface, StringRef symbol) {
  OpBuilder b(&getContext());
  Location loc = function.getLoc();
  b.setInsertionPointToEnd(getOperation().getBody());
  auto pointer = LLVM::LLVMPointerType::get(&getContext());
  auto type =
      LLVM::LLVMFunctionType::get(b.getI32Type(), {pointer, pointer, pointer});
  auto run = LLVM::LLVMFuncOp::create(b, loc, (symbol + "_run").str(), type);
  Block *entry = run.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value null = LLVM::ZeroOp::create(b, loc, pointer);
  auto isNull = [&](Value value) -> Value {
    return LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, value, null);
  };
  SmallVector<Value> arguments(function.getNumArguments());
  auto load = [&](ArrayRef<unsigned> places, Value table) {
    if (places.empty())
      return;
    emitReturnIf(b, loc, isNull(table), kStatusNullPointer, run);
    for (auto [i, place] : llvm::enumerate(places)) {
      Value slot =
          LLVM::GEPOp::create(b, loc, pointer, pointer, table,
                              ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
      arguments[place] = LLVM::LoadOp::create(b, loc, pointer, slot);
      emitReturnIf(b, loc, isNull(arguments[place]), kStatusNullPointer, run);
    }
  };
  load(interface.inputs, run.getArgument(0));
  load(interface.outputs, run.getArgument(1));
  if (interface.arena) {
    Value arena = run.getArgument(2);
    if (interface.arenaSize > 0) {
      emitReturnIf(b, loc, isNull(arena), kStatusNullPointer, run);
      Value address = LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), arena);
      Value mask = LLVM::ConstantOp::create(
          b, loc, b.getI64Type(),
          b.getI64IntegerAttr(interface.arenaAlignment - 1));
      Value low = LLVM::AndOp::create(b, loc, address, mask);
      Value zero = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                            b.getI64IntegerAttr(0));
      emitReturnIf(
          b, loc,
          LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, low, zero),
          kStatusMisalignedArena, run);
    }
    arguments[*interface.arena] = arena;
  }
  if (interface.thread)
    emitTeamCall(b, function, interface, arguments, symbol);
  else
    LLVM::CallOp::create(b, loc, function, arguments);
  Value status =
      LLVM::ConstantOp::create(b, loc, b.getI32Type(), b.getI32IntegerAttr(0));
  LLVM::ReturnOp::create(b, loc, status);
}

//===----------------------------------------------------------------------===//
// Teams of threads
//===----------------------------------------------------------------------===//

LLVM::LLVMFuncOp
EmitCInterfacePass::declareRuntime(StringRef symbol,
                                   LLVM::LLVMFunctionType type) {
  OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
  return LLVM::LLVMFuncOp::create(b, getOperation().getLoc(), symbol, type);
}

/// Lets a team of threads call `function`, with the pointers of `arguments`
/// from a table, through a function that asks the runtime which thread it is.
void EmitCInterfacePass::emitTeamCall(OpBuilder &b, LLVM::LLVMFuncOp function,
                                      const Interface &interface,
                                      ArrayRef<Value> arguments,
                                      StringRef symbol) {
  Location loc = function.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(&getContext());
  auto none = LLVM::LLVMVoidType::get(&getContext());
  Type i32 = b.getI32Type();
  auto number = [&](OpBuilder &b, int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(value));
  };
  auto slotOf = [&](OpBuilder &b, Value table, unsigned i) -> Value {
    return LLVM::GEPOp::create(b, loc, pointer, pointer, table,
                               ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
  };
  auto isPointer = [&](unsigned i) {
    return i != *interface.thread && i != *interface.team;
  };
  LLVM::LLVMFuncOp parallel = declareRuntime(
      kParallelSymbol,
      LLVM::LLVMFunctionType::get(none, {pointer, pointer, i32, i32}));
  auto askType = LLVM::LLVMFunctionType::get(i32, {});
  LLVM::LLVMFuncOp askThread = declareRuntime(kThreadNumSymbol, askType);
  LLVM::LLVMFuncOp askTeam = declareRuntime(kNumThreadsSymbol, askType);

  OpBuilder atEnd = OpBuilder::atBlockEnd(getOperation().getBody());
  auto member = LLVM::LLVMFuncOp::create(
      atEnd, loc, (symbol + "_team").str(),
      LLVM::LLVMFunctionType::get(none, {pointer}), LLVM::Linkage::Internal);
  atEnd.setInsertionPointToStart(member.addEntryBlock(atEnd));
  SmallVector<Value> passed(arguments.size());
  for (unsigned i = 0; i < passed.size(); ++i)
    if (isPointer(i))
      passed[i] = LLVM::LoadOp::create(atEnd, loc, pointer,
                                       slotOf(atEnd, member.getArgument(0), i));
  auto ask = [&](unsigned i, LLVM::LLVMFuncOp runtime) {
    Value answer =
        LLVM::CallOp::create(atEnd, loc, runtime, ValueRange()).getResult();
    passed[i] = LLVM::ZExtOp::create(atEnd, loc, atEnd.getI64Type(), answer);
  };
  ask(*interface.thread, askThread);
  ask(*interface.team, askTeam);
  LLVM::CallOp::create(atEnd, loc, function, passed);
  LLVM::ReturnOp::create(atEnd, loc, ValueRange());

  Value table = LLVM::AllocaOp::create(b, loc, pointer, pointer,
                                       number(b, int64_t(arguments.size())));
  for (unsigned i = 0; i < arguments.size(); ++i)
    if (isPointer(i))
      LLVM::StoreOp::create(b, loc, arguments[i], slotOf(b, table, i));
  Value entry = LLVM::AddressOfOp::create(b, loc, member);
  LLVM::CallOp::create(
      b, loc, parallel,
      ValueRange{entry, table, number(b, interface.threads), number(b, 0)});
}

//===----------------------------------------------------------------------===//
// NAME_info
//===----------------------------------------------------------------------===//

void EmitCInterfacePass::emitInfo(const Interface &interface,
                                  StringRef symbol) {
  llvm::json::Object info;
  info["abi"] = 1;
  info["name"] = name.getValue();
  info["symbol"] = symbol.str();
  info["arena_bytes"] = interface.arenaSize;
  info["arena_live_bytes"] = interface.arenaLiveMax;
  info["arena_alignment"] = interface.arenaAlignment;
  info["threads"] = interface.threads;
  info["inputs"] = llvm::json::Array(interface.describedInputs);
  info["outputs"] = llvm::json::Array(interface.describedOutputs);
  if (auto profile =
          getOperation()->getAttrOfType<StringAttr>(kProfileAttrName)) {
    llvm::Expected<llvm::json::Value> layers =
        llvm::json::parse(profile.getValue());
    if (layers)
      info["profile"] = std::move(*layers);
    else
      llvm::consumeError(layers.takeError());
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(info));

  OpBuilder b(&getContext());
  getOperation()->setAttr(kInfoAttrName, b.getStringAttr(text));
  b.setInsertionPointToStart(getOperation().getBody());
  // With the terminating zero of a C string.
  text.push_back('\0');
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), text.size());
  LLVM::GlobalOp::create(b, getOperation().getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::External, (symbol + "_info").str(),
                         b.getStringAttr(text), /*alignment=*/16);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Asks LLVM not to unroll the loops of a function. Those of the body are
/// vectorized all the same; unrolled they would be several times as large and
/// no faster. Most kernels are written for being unrolled and stay as they are.
static void disableUnrolling(LLVM::LLVMFuncOp function) {
  MLIRContext *context = function.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/BoolAttr::get(context, true), {}, {}, {}, {}, {},
      {});
  auto annotation = LLVM::LoopAnnotationAttr::get(
      context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});
  llvm::DenseSet<Block *> seen;
  for (Block &block : function.getBody()) {
    seen.insert(&block);
    // A branch back closes a loop.
    Operation *terminator = block.getTerminator();
    bool isBack = llvm::any_of(terminator->getSuccessors(), [&](Block *next) {
      return seen.contains(next);
    });
    if (auto branch = dyn_cast<LLVM::BrOp>(terminator); branch && isBack)
      branch.setLoopAnnotationAttr(annotation);
    if (auto branch = dyn_cast<LLVM::CondBrOp>(terminator); branch && isBack)
      branch.setLoopAnnotationAttr(annotation);
  }
}

void EmitCInterfacePass::runOnOperation() {
  ModuleOp module = getOperation();
  LLVM::LLVMFuncOp compiled;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (function.isExternal() ||
        function.getLinkage() != LLVM::Linkage::External ||
        SymbolTable::getSymbolVisibility(function) !=
            SymbolTable::Visibility::Public)
      continue;
    if (compiled) {
      function.emitOpError("is a second public function; a library has one "
                           "network: make the others private");
      return signalPassFailure();
    }
    compiled = function;
  }
  if (!compiled) {
    module.emitError("has no public function of the LLVM dialect to make an "
                     "entry point for");
    return signalPassFailure();
  }
  FailureOr<Interface> interface = inspect(compiled);
  if (failed(interface))
    return signalPassFailure();
  std::string symbol = getCIdentifier(name);
  OpBuilder b(&getContext());
  // What only this compiler understands stays out of LLVM IR.
  for (unsigned i = 0; i < compiled.getNumArguments(); ++i) {
    compiled.setArgAttrs(i, DictionaryAttr());
    // Of several threads, others write to the same buffers meanwhile.
    if (!interface->thread)
      compiled.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                          b.getUnitAttr());
    if (interface->arena == i)
      compiled.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                          b.getI64IntegerAttr(interface->arenaAlignment));
  }
  for (StringRef key :
       {StringRef("q.arena_size"), StringRef("q.arena_live_max"),
        StringRef("q.arena_alignment"), StringRef(kThreadsAttrName)})
    compiled->removeAttr(key);
  // The name `main`, say, must not leave the library.
  SymbolTable symbols(module);
  if (failed(symbols.rename(compiled, (symbol + "_body").c_str())))
    return signalPassFailure();
  if (Operation *profile = symbols.lookup(kProfileSymbol))
    if (failed(symbols.rename(profile, (symbol + "_profile").c_str())))
      return signalPassFailure();
  // Nothing but the interface leaves the library.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal())
      function.setLinkage(LLVM::Linkage::Internal);
  compiled.setNoInline(true);
  disableUnrolling(compiled);
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->removeAttr(kKeepsLoopsAttrName))
      disableUnrolling(function);
  emitRun(compiled, *interface, symbol);
  emitInfo(*interface, symbol);
  // Loops stay loops: no call of memset or memcpy is made of them.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    SmallVector<Attribute> passthrough{b.getStringAttr("no-builtins")};
    if (ArrayAttr present = function.getPassthroughAttr())
      llvm::append_range(passthrough, present);
    function.setPassthroughAttr(b.getArrayAttr(passthrough));
  }
}
