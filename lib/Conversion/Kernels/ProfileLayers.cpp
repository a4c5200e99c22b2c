//===- ProfileLayers.cpp - Time stamps between layers ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelReasons.h"

#include "QDialect/Conversion/CInterface.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/KernelPlan.h"
#include "QDialect/Conversion/TunedKernels.h"
#include "QDialect/Conversion/WinogradPlan.h"
#include "QDialect/LayerName.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

#include <numeric>

namespace q::kernel {
#define GEN_PASS_DEF_PROFILELAYERS
#include "QDialect/Conversion/KernelPasses.h.inc"
} // namespace q::kernel

using namespace mlir;
using namespace q;
using namespace q::kernel;

namespace {

/// Consecutive ops of one layer.
struct Interval {
  std::string name;
  std::string kernel; ///< of its one kernel op, or `loops`
  bool hasKernel = false;
  std::string why; ///< of the kernel, see explainKernel()
  int64_t macs = 0;
  /// Of a layer whose candidates are being timed; see kTuningAttrName.
  DictionaryAttr tuning;
  SmallVector<Operation *> ops;
};

} // namespace

/// Whether `op` takes time when the compiled network runs.
static bool takesTime(Operation *op) {
  return isa<ConvOp, DepthwiseOp, WinogradOp, linalg::LinalgOp, memref::CopyOp>(
      op);
}

static bool isKernel(Operation *op) {
  return isa<ConvOp, DepthwiseOp, WinogradOp>(op);
}

/// Whether `op` belongs to another layer than the ops before it. Layers have at
/// most one kernel, so those without names, and neighbours that were given one
/// name, are told apart too.
static bool startsLayer(Operation *op, StringRef name,
                        const Interval &interval) {
  if (isKernel(op) && interval.hasKernel)
    return true;
  return name.empty() ? isKernel(op) : interval.name != name;
}

/// The strategy of a kernel op, as in `pmaddwd 5x2, float`.
template <typename OpTy> static std::string describeKernel(OpTy op) {
  ArrayRef<int64_t> tile = op.getTile();
  std::string chains;
  if (PanelChainsAttr own = op.getPanelChainsAttr()) {
    // The steps that are added in int16 by the length of their chains.
    size_t lengths = own.getLengths().size();
    SmallVector<int64_t> steps(lengths);
    for (auto [i, count] : llvm::enumerate(own.getCounts()))
      steps[i % lengths] +=
          std::max<int64_t>(own.getLengths()[i % lengths], 1) * count;
    int64_t all = std::max<int64_t>(
        std::accumulate(steps.begin(), steps.end(), int64_t(0)), 1);
    for (auto [length, count] : llvm::zip(own.getLengths(), steps))
      chains += (" " + Twine(100 * count / all) + "%" +
                 (length ? "x" + Twine(length) : Twine(" wide")))
                    .str();
  }
  if (ChainAttr chain = op.getChainAttr())
    chains = (" x" + Twine(chain.getLength())).str();
  StringRef prefix = std::is_same_v<OpTy, WinogradOp> ? "winograd " : "";
  return (prefix + stringifyMicroKernel(op.getMicroKernel()) + " " +
          Twine(tile[0]) + "x" + Twine(tile[1]) + chains + ", " +
          stringifyEpilogue(op.getEpilogue()))
      .str();
}

template <typename OpTy>
static void describeLayer(OpTy op, Interval &interval) {
  interval.kernel = describeKernel(op);
  interval.why = explainKernel(op);
  interval.tuning = op->template getAttrOfType<DictionaryAttr>(kTuningAttrName);
  FailureOr<LayerGeometry> g = getGeometry(op);
  if (succeeded(g))
    interval.macs += g->batch * g->outH * g->outW * g->outC * g->kernelH *
                     g->kernelW * (g->inC / g->groups);
}

static SmallVector<Interval> findIntervals(func::FuncOp function) {
  SmallVector<Interval> intervals;
  for (Operation &op : function.getBody().front()) {
    if (!takesTime(&op))
      continue;
    StringRef name = getLayerName(op.getLoc());
    if (intervals.empty() || startsLayer(&op, name, intervals.back())) {
      intervals.emplace_back();
      intervals.back().name = name.str();
    }
    Interval &interval = intervals.back();
    interval.ops.push_back(&op);
    interval.hasKernel |= isKernel(&op);
    if (auto conv = dyn_cast<ConvOp>(op))
      describeLayer(conv, interval);
    else if (auto depthwise = dyn_cast<DepthwiseOp>(op))
      describeLayer(depthwise, interval);
    else if (auto winograd = dyn_cast<WinogradOp>(op))
      describeLayer(winograd, interval);
    else if (interval.kernel.empty())
      interval.kernel = "loops";
  }
  return intervals;
}

namespace {

class ProfileLayersPass
    : public q::kernel::impl::ProfileLayersBase<ProfileLayersPass> {
public:
  using ProfileLayersBase::ProfileLayersBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        if (failed(instrument(module, function)))
          return signalPassFailure();
  }

private:
  LogicalResult instrument(ModuleOp module, func::FuncOp function) {
    if (module.lookupSymbol(kProfileSymbol))
      return function.emitOpError("is a second public function; a library has "
                                  "one network: make the others private");
    SmallVector<Interval> intervals = findIntervals(function);
    if (intervals.empty())
      return function.emitOpError("has no layers on buffers to time; run this "
                                  "after bufferization, before lower-kernels");
    OpBuilder b(&getContext());
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), intervals.size());
    auto global = LLVM::GlobalOp::create(
        b, function.getLoc(), type, /*isConstant=*/false,
        LLVM::Linkage::External, kProfileSymbol,
        b.getZeroAttr(RankedTensorType::get(
            {static_cast<int64_t>(intervals.size())}, b.getI64Type())),
        /*alignment=*/64);
    Value last;
    for (auto [index, interval] : llvm::enumerate(intervals)) {
      Location loc = interval.ops.front()->getLoc();
      if (!last) {
        b.setInsertionPoint(interval.ops.front());
        last = readCounter(b, loc);
      }
      b.setInsertionPointAfter(interval.ops.back());
      Value now = readCounter(b, loc);
      Value ticks = LLVM::SubOp::create(b, loc, now, last);
      Value base = LLVM::AddressOfOp::create(b, loc, global);
      Value slot = LLVM::GEPOp::create(
          b, loc, base.getType(), b.getI64Type(), base,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      Value before = LLVM::LoadOp::create(b, loc, b.getI64Type(), slot);
      LLVM::StoreOp::create(b, loc, LLVM::AddOp::create(b, loc, before, ticks),
                            slot);
      last = now;
    }
    module->setAttr(kProfileAttrName, b.getStringAttr(toJson(intervals)));
    return success();
  }

  /// The processor's counter of constant rate.
  Value readCounter(OpBuilder &b, Location loc) {
    bool isX86 = target != "neon" && target != "dotprod" && target != "i8mm";
    auto name = b.getStringAttr(isX86 ? "llvm.readcyclecounter"
                                      : "llvm.readsteadycounter");
    return LLVM::CallIntrinsicOp::create(b, loc, b.getI64Type(), name,
                                         ValueRange{})
        .getResult(0);
  }

  static std::string toJson(ArrayRef<Interval> intervals) {
    llvm::json::Array layers;
    for (const Interval &interval : intervals) {
      llvm::json::Object layer{{"name", interval.name},
                               {"kernel", interval.kernel},
                               {"macs", interval.macs}};
      if (!interval.why.empty())
        layer["why"] = interval.why;
      if (DictionaryAttr tuning = interval.tuning)
        layer["tuning"] = llvm::json::Object{
            {"layer", tuning.getAs<StringAttr>("layer").getValue()},
            {"kernel", tuning.getAs<StringAttr>("kernel").getValue()},
            {"candidates", tuning.getAs<IntegerAttr>("candidates").getInt()}};
      layers.push_back(std::move(layer));
    }
    std::string text;
    llvm::raw_string_ostream(text) << llvm::json::Value(std::move(layers));
    return text;
  }
};

} // namespace
