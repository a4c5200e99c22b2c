//===- KernelDialect.cpp - The kernel dialect and its verifiers -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/KernelDialect.h"

#include "QDialect/Conversion/WinogradPlan.h"
#include "QDialect/Numerics/Winograd.h"

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace q::kernel;

#include "QDialect/Conversion/KernelDialect.cpp.inc"
#include "QDialect/Conversion/KernelEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "QDialect/Conversion/KernelAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "QDialect/Conversion/KernelOps.cpp.inc"

void QKDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "QDialect/Conversion/KernelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "QDialect/Conversion/KernelOps.cpp.inc"
      >();
}

LogicalResult StorageAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  bool isSigned, int64_t zeroPoint, int64_t lo,
                                  int64_t hi) {
  int64_t min = isSigned ? -128 : 0, max = isSigned ? 127 : 255;
  if (lo < min || hi > max || lo > hi)
    return emitError() << "bounds [" << lo << ", " << hi
                       << "] do not lie in the 8-bit range [" << min << ", "
                       << max << "]";
  if (zeroPoint < min || zeroPoint > max)
    return emitError() << "zero point " << zeroPoint
                       << " is not in the 8-bit range [" << min << ", " << max
                       << "]";
  return success();
}

LogicalResult ChainAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t length, int64_t amax, int64_t pairSum,
                                int64_t chainSum) {
  if (length != 1 && length != 2 && length != 4 && length != 8)
    return emitError() << "chains have a length of 1, 2, 4 or 8, not "
                       << length;
  if (amax < 0 || amax > 255 || pairSum < 0 || chainSum < pairSum)
    return emitError() << "amax lies in [0, 255], and chain_sum is not smaller "
                          "than pair_sum";
  if (amax * chainSum > 32768)
    return emitError() << "a chain may leave int16: " << amax << " * "
                       << chainSum << " is more than 32768";
  return success();
}

LogicalResult
PanelChainsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        ArrayRef<int64_t> lengths, ArrayRef<int64_t> reach,
                        ArrayRef<int64_t> counts) {
  if (lengths.empty() || !llvm::is_sorted(lengths, std::greater_equal<>()) ||
      lengths.front() > 8 || lengths.back() < 0)
    return emitError() << "lengths of chains must fall, from 8 at most to 0";
  if (reach.size() != lengths.size() || counts.size() % lengths.size())
    return emitError() << "each length has a reach, and each panel a count";
  for (auto [length, most] : llvm::zip(lengths, reach))
    if (most < 0 || most > (length ? 32768 : 0))
      return emitError() << "a chain of length " << length
                         << " may leave int16: its sums reach " << most;
  if (llvm::any_of(counts, [](int64_t count) { return count < 0; }))
    return emitError() << "counts of chains cannot be negative";
  return success();
}

LogicalResult
SignedChainAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t length, int64_t lo, int64_t hi, int64_t sumMin,
                        int64_t sumMax) {
  if (length != 1 && length != 2 && length != 4 && length != 8)
    return emitError() << "chains have a length of 1, 2, 4 or 8, not "
                       << length;
  if (lo < -128 || hi > 127 || lo > hi || sumMin > sumMax)
    return emitError() << "activations lie in [-128, 127], and no lower end is "
                          "above the upper one";
  if (sumMin < -32768 || sumMax > 32767)
    return emitError() << "a chain may leave int16: its sums lie in [" << sumMin
                       << ", " << sumMax << "]";
  return success();
}

LogicalResult
WinogradProofAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                          int64_t accMin, int64_t accMax, int64_t cycles,
                          int64_t directCycles) {
  q::numerics::FactorRange limit =
      q::numerics::winogradLimit(q::numerics::getWinogradForm(4));
  if (accMin > accMax || accMin < limit.lo || accMax > limit.hi)
    return emitError() << "accumulators of [" << accMin << ", " << accMax
                       << "] do not lie in [" << limit.lo << ", " << limit.hi
                       << "], where Winograd is exact";
  return success();
}

//===----------------------------------------------------------------------===//
// Layer ops
//===----------------------------------------------------------------------===//

template <typename OpTy>
static void
getLayerEffects(OpTy op,
                SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  OpOperand &init = op.getInitMutable();
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<BaseMemRefType>(operand.get().getType()))
      continue;
    if (&operand == &init)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

void ConvOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getLayerEffects(*this, effects);
}
void DepthwiseOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getLayerEffects(*this, effects);
}
void WinogradOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getLayerEffects(*this, effects);
}

static LogicalResult verifyLength(Operation *op, StringRef name, Value vector,
                                  int64_t expected) {
  int64_t length = cast<ShapedType>(vector.getType()).getDimSize(0);
  if (length != expected)
    return op->emitOpError() << name << " must have " << expected
                             << " elements for this tile, but has " << length;
  return success();
}

template <typename OpTy> static LogicalResult verifyLayer(OpTy op) {
  FailureOr<LayerGeometry> geometry = getGeometry(op);
  if (failed(geometry))
    return failure();
  if (op.getTile().size() != 2)
    return op.emitOpError("tile must have two entries");
  if (std::optional<int64_t> bits = op.getWeightBits())
    if (!std::is_same_v<OpTy, ConvOp> || (*bits != 4 && *bits != 2))
      return op.emitOpError("weight_bits must be 4 or 2, and of a qk.conv");
  bool needsMultipliers = op.getEpilogue() != Epilogue::Pow2;
  bool needsShifts = op.getEpilogue() != Epilogue::Float;
  if (needsMultipliers != bool(op.getMultipliers()))
    return op.emitOpError()
           << "the epilogue " << stringifyEpilogue(op.getEpilogue())
           << (needsMultipliers ? " needs" : " takes no") << " multipliers";
  if (needsShifts != bool(op.getShifts()))
    return op.emitOpError()
           << "the epilogue " << stringifyEpilogue(op.getEpilogue())
           << (needsShifts ? " needs" : " takes no") << " shifts";
  if (op.getMultipliers() &&
      isa<FloatType>(getElementTypeOrSelf(op.getMultipliers().getType())) !=
          (op.getEpilogue() == Epilogue::Float))
    return op.emitOpError("multipliers are f32 for the float epilogue and i32 "
                          "for the others");
  if (bool(op.getResidual()) != op.getResidualAdd().has_value())
    return op.emitOpError("a residual operand and residual_add go together");
  if (op.getResidual() &&
      cast<ShapedType>(op.getResidual().getType()).getShape() !=
          cast<ShapedType>(op.getInit().getType()).getShape())
    return op.emitOpError("the residual must have the shape of the result");

  if (op.getChain().has_value() + op.getPanelChains().has_value() !=
      (op.getMicroKernel() == MicroKernel::Pmaddubsw))
    return op.emitOpError("one of chain and panel_chains goes with the "
                          "micro-kernel pmaddubsw, none with the others");
  if (bool(op.getChainTable()) != op.getPanelChains().has_value())
    return op.emitOpError("panel_chains and a table of chains go together");
  if (op.getSignedChain().has_value() !=
      (op.getMicroKernel() == MicroKernel::Smull ||
       op.getMicroKernel() == MicroKernel::SmullLanes))
    return op.emitOpError("a signed_chain and the micro-kernels smull and "
                          "smull_lanes go together");
  if (op.getWinogradProof().has_value() != std::is_same_v<OpTy, WinogradOp>)
    return op.emitOpError("a winograd_proof belongs to every qk.winograd, and "
                          "to no other layer");

  FailureOr<PackedSizes> sizes = getPackedSizes(op);
  if (failed(sizes))
    return failure();
  if (failed(verifyLength(op, "weights", op.getWeights(), sizes->weights)) ||
      failed(verifyLength(op, "bias", op.getBias(), sizes->constants)))
    return failure();
  if (op.getMultipliers() &&
      failed(verifyLength(op, "multipliers", op.getMultipliers(),
                          sizes->constants)))
    return failure();
  if (op.getShifts() &&
      failed(verifyLength(op, "shifts", op.getShifts(), sizes->constants)))
    return failure();
  if (op.getChannelMax() &&
      failed(verifyLength(op, "bounds", op.getChannelMax(), sizes->constants)))
    return failure();
  return success();
}

/// Whether every panel takes each of its steps once.
static LogicalResult verifyPanelChains(ConvOp op) {
  std::optional<PanelChainsAttr> chains = op.getPanelChains();
  if (!chains)
    return success();
  DensePlan plan =
      getDensePlan(*getGeometry(op), op.getMicroKernel(), op.getTile()[1]);
  size_t lengths = chains->getLengths().size();
  if (chains->getCounts().size() != plan.panelCount() * lengths)
    return op.emitOpError() << "panel_chains must have counts for "
                            << plan.panelCount() << " panels";
  for (int64_t panel = 0; panel < plan.panelCount(); ++panel) {
    int64_t steps = 0;
    for (auto [length, count] :
         llvm::zip(chains->getLengths(),
                   chains->getCounts().slice(panel * lengths, lengths)))
      steps += std::max<int64_t>(length, 1) * count;
    if (steps != plan.stepCount())
      return op.emitOpError()
             << "panel " << panel << " has " << steps
             << " steps in its chains instead of " << plan.stepCount();
  }
  return verifyLength(op, "chains", op.getChainTable(),
                      plan.panelCount() *
                          (int64_t(lengths) + plan.stepCount()));
}

LogicalResult ConvOp::verify() {
  if (failed(verifyLayer(*this)))
    return failure();
  return verifyPanelChains(*this);
}
LogicalResult DepthwiseOp::verify() { return verifyLayer(*this); }
LogicalResult WinogradOp::verify() { return verifyLayer(*this); }

//===----------------------------------------------------------------------===//
// Bufferization
//===----------------------------------------------------------------------===//

namespace {
/// The op on buffers is the op on tensors without a result.
template <typename OpTy>
struct LayerBufferization
    : bufferization::DstBufferizableOpInterfaceExternalModel<
          LayerBufferization<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const bufferization::AnalysisState &) const {
    // Every element of the init is overwritten.
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const bufferization::BufferizationOptions &options,
                          bufferization::BufferizationState &state) const {
    auto layer = cast<OpTy>(op);
    SmallVector<Value> operands;
    for (Value operand : layer->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer =
          bufferization::getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    rewriter.setInsertionPoint(op);
    OpTy::create(rewriter, op->getLoc(), TypeRange(), operands, op->getAttrs());
    Value init = operands[layer.getInitMutable().getOperandNumber()];
    bufferization::replaceOpWithBufferizedValues(rewriter, op, init);
    return success();
  }
};
} // namespace

void q::kernel::registerBufferizableOpInterfaceModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, QKDialect *) {
    ConvOp::attachInterface<LayerBufferization<ConvOp>>(*context);
    DepthwiseOp::attachInterface<LayerBufferization<DepthwiseOp>>(*context);
    WinogradOp::attachInterface<LayerBufferization<WinogradOp>>(*context);
  });
}
