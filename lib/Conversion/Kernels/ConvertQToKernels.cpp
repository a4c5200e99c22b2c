//===- ConvertQToKernels.cpp - Quantized layers to kernel ops -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChainPlan.h"
#include "KernelChoice.h"
#include "KernelReasons.h"
#include "NeonChoice.h"
#include "PackedWeights.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/KernelPlan.h"
#include "QDialect/Conversion/StorageTypes.h"
#include "QDialect/Int16Chains.h"
#include "WinogradChoice.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/Sequence.h"

#include <cmath>
#include <cstring>

namespace q::kernel {
#define GEN_PASS_DEF_CONVERTQTOKERNELS
#include "QDialect/Conversion/KernelPasses.h.inc"
} // namespace q::kernel

using namespace mlir;
using namespace q;
using namespace q::kernel;

namespace {

/// Which micro-kernels a target has.
struct TargetKernels {
  MicroKernel dense, denseSigned, depthwise;
  /// That of depthwise layers with signed activations, if it is another.
  std::optional<MicroKernel> depthwiseSigned = std::nullopt;
  /// That of the products of Winograd, if there is a kernel.
  std::optional<MicroKernel> winograd = std::nullopt;
  /// For layers whose pairs of products are proven to fit int16.
  std::optional<MicroKernel> densePairs = std::nullopt;
  int64_t registers = 16; ///< of vectors, on x86
};

std::optional<TargetKernels> getTarget(StringRef name) {
  using MK = MicroKernel;
  if (name == "avx2")
    return TargetKernels{MK::Pmaddwd,  MK::Pmaddwd, MK::Pmaddwd,
                         std::nullopt, MK::Pmaddwd, MK::Pmaddubsw};
  if (name == "avxvnni")
    return TargetKernels{MK::Vpdpbusd, MK::Vpdpbusd, MK::Vpdpwssd, std::nullopt,
                         MK::Vpdpwssd};
  if (name == "avx512vnni")
    return TargetKernels{MK::Vpdpbusd,
                         MK::Vpdpbusd,
                         MK::Vpdpwssd,
                         std::nullopt,
                         MK::Vpdpwssd512,
                         std::nullopt,
                         32};
  if (name == "neon")
    return TargetKernels{MK::Smull, MK::Smull, MK::Smlal, std::nullopt,
                         MK::Smlal};
  if (name == "dotprod")
    return TargetKernels{MK::Sdot, MK::Sdot, MK::Sdot};
  if (name == "i8mm")
    return TargetKernels{MK::Usmmla, MK::Smmla, MK::Usdot, MK::Sdot};
  return std::nullopt;
}

/// The attributes of a layer that kernel ops take over.
struct LayerShape {
  SmallVector<int64_t> kernel{1, 1}, strides{1, 1}, pads{0, 0, 0, 0},
      dilations{1, 1};
  int64_t groups = 1;
};

LayerShape getShape(WeightedOpInterface op) {
  LayerShape shape;
  auto conv = dyn_cast<Conv2DOp>(op.getOperation());
  if (!conv)
    return shape;
  auto weights = cast<RankedTensorType>(conv.getWeights().getType());
  shape.kernel = {weights.getDimSize(1), weights.getDimSize(2)};
  shape.strides = llvm::to_vector(conv.getStrides());
  shape.pads = llvm::to_vector(conv.getPads());
  shape.dilations = llvm::to_vector(conv.getDilations());
  shape.groups = conv.getGroups();
  return shape;
}

LayerGeometry getLayerGeometry(WeightedOpInterface op,
                               const LayerShape &shape) {
  auto in = cast<RankedTensorType>(op.getInput().getType()).getShape();
  auto out = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  LayerGeometry g;
  bool isImage = in.size() == 4;
  g.batch = isImage ? in[0] : 1;
  g.inH = isImage ? in[1] : 1;
  g.inW = isImage ? in[2] : in[0];
  g.inC = in.back();
  g.outH = isImage ? out[1] : 1;
  g.outW = isImage ? out[2] : out[0];
  g.outC = out.back();
  g.kernelH = shape.kernel[0];
  g.kernelW = shape.kernel[1];
  g.strideH = shape.strides[0];
  g.strideW = shape.strides[1];
  g.padTop = shape.pads[0];
  g.padLeft = shape.pads[1];
  g.padBottom = shape.pads[2];
  g.padRight = shape.pads[3];
  g.dilationH = shape.dilations[0];
  g.dilationW = shape.dilations[1];
  g.groups = shape.groups;
  return g;
}

/// Packed constants and the tile that they are packed for.
struct Packed {
  std::vector<int8_t> weights;
  std::vector<int32_t> bias, multipliers;
  std::vector<int8_t> shifts, channelMax;
  std::vector<int32_t> chainTable;
  std::vector<float> floatMultipliers;
  Epilogue epilogue;
  SmallVector<int64_t> tile;
  int64_t weightBits = 8;
};

template <typename PackConstants>
void packAll(const LayerConstants &from, Packed &to, PackConstants pack) {
  to.bias = pack(ArrayRef<int32_t>(from.bias));
  if (!from.floatMultipliers.empty())
    to.floatMultipliers = pack(ArrayRef<float>(from.floatMultipliers));
  if (!from.multipliers.empty())
    to.multipliers = pack(ArrayRef<int32_t>(from.multipliers));
  if (!from.shifts.empty()) {
    std::vector<int32_t> shifts = pack(ArrayRef<int32_t>(from.shifts));
    to.shifts.assign(shifts.begin(), shifts.end());
  }
  if (!from.channelMax.empty()) {
    std::vector<int32_t> maxima =
        pack(ArrayRef<int32_t>(from.channelMax), /*asStored=*/true);
    to.channelMax.assign(maxima.begin(), maxima.end());
  }
}

/// Float for all panels of `width` channels, for none, or for those whose
/// channels are all proven. Code for both forms pays where the epilogue is a
/// large part of a layer's work: after few products per result.
void chooseEpilogue(const LayerConstants &from, Packed &to, int64_t width,
                    int64_t productsPerResult) {
  constexpr int64_t fewProducts = 100;
  to.epilogue = from.epilogue;
  std::vector<float> floats;
  std::swap(floats, to.floatMultipliers);
  if (floats.empty() || from.epilogue == Epilogue::Pow2)
    return;
  size_t panels = floats.size() / width;
  auto isProven = [&](size_t panel) {
    return llvm::none_of(ArrayRef<float>(floats).slice(panel * width, width),
                         [](float f) { return std::isnan(f); });
  };
  size_t proven = llvm::count_if(llvm::seq(panels), isProven);
  if (proven == panels) {
    to.epilogue = Epilogue::Float;
    to.floatMultipliers = std::move(floats);
    to.multipliers.clear();
    to.shifts.clear();
    return;
  }
  if (proven * 4 < panels || productsPerResult > fewProducts ||
      from.epilogue != Epilogue::Fixed64)
    return;
  to.epilogue = Epilogue::Mixed;
  for (size_t panel = 0; panel < panels; ++panel)
    if (isProven(panel))
      for (size_t i = panel * width; i < (panel + 1) * width; ++i) {
        std::memcpy(&to.multipliers[i], &floats[i], sizeof(float));
        to.shifts[i] = 0;
      }
}

struct ConvertQToKernelsPass
    : q::kernel::impl::ConvertQToKernelsBase<ConvertQToKernelsPass> {
  using ConvertQToKernelsBase::ConvertQToKernelsBase;

  void runOnOperation() override {
    std::optional<TargetKernels> kernels = getTarget(target);
    if (!kernels) {
      getOperation().emitError()
          << "unknown kernel target '" << target
          << "': use avx2, avxvnni, avx512vnni, neon, dotprod or i8mm";
      return signalPassFailure();
    }
    if (winograd != "auto" && winograd != "always" && winograd != "off") {
      getOperation().emitError() << "unknown choice of winograd '" << winograd
                                 << "': use auto, always or off";
      return signalPassFailure();
    }
    KernelChooser chooser(target);
    Location loc = getOperation().getLoc();
    if ((!tuned.empty() && failed(chooser.readTuned(tuned, loc))) ||
        (!kernel.empty() && failed(chooser.force(kernel, loc))))
      return signalPassFailure();
    if (candidate >= 0)
      chooser.setRound(candidate);
    SmallVector<WeightedOpInterface> layers;
    getOperation().walk([&](WeightedOpInterface op) {
      if (isa<Conv2DOp, GemmOp>(op.getOperation()))
        layers.push_back(op);
    });
    for (WeightedOpInterface op : layers)
      if (failed(convert(op, *kernels, chooser)))
        return signalPassFailure();
    chooser.reportUnknown(loc);
  }

private:
  LogicalResult convert(WeightedOpInterface op, const TargetKernels &kernels,
                        KernelChooser &chooser) {
    LayerShape shape = getShape(op);
    LayerGeometry geometry = getLayerGeometry(op, shape);
    bool isDepthwise = geometry.groups > 1 && geometry.groups == geometry.inC &&
                       geometry.groups == geometry.outC;
    StringRef geometryReason;
    if (isDepthwise ? !isDepthwiseSupported(geometry, geometryReason)
                    : !isDenseSupported(geometry, geometryReason))
      return success();
    std::string reason;
    FailureOr<std::optional<LayerConstants>> constants =
        getLayerConstants(op, getFloatEpilogue(kernels), reason);
    if (failed(constants))
      return failure();
    if (!*constants)
      return success();
    CandidateRequest request =
        describeProofs(op, geometry, **constants, kernels,
                       /*plansChains=*/chooser.isActive());
    KernelChoice told = chooser.choose(op, request, **constants);
    (*constants)->tuning = told.tuning;
    if (told.candidate) {
      buildCandidate(op, shape, geometry, **constants, request,
                     *told.candidate);
      return success();
    }
    WinogradChoice choice;
    if (winograd != "off" && kernels.winograd)
      choice = chooseWinograd(
          op->getContext(), geometry, **constants, *kernels.winograd,
          /*always=*/winograd == "always", estimateDirectCycles(request));
    (*constants)->winogradProof = choice.proof;
    (*constants)->whyDirect = choice.whyDirect;
    if (choice.proof)
      buildWinograd(op, shape, geometry, **constants, *kernels.winograd,
                    choice.tile);
    else if (isDepthwise)
      buildDepthwise(op, shape, geometry, **constants,
                     getDepthwiseKernel(op, kernels, geometry, **constants));
    else
      chooseDense(op, shape, geometry, **constants, kernels);
    return success();
  }

  FloatEpilogue getFloatEpilogue(const TargetKernels &kernels) const {
    if (fixedPoint)
      return FloatEpilogue::Never;
    return getTraits(kernels.dense).isX86 ? FloatEpilogue::Always
                                          : FloatEpilogue::WhereNeeded;
  }

  static MicroKernel getDepthwiseKernel(WeightedOpInterface op,
                                        const TargetKernels &kernels,
                                        const LayerGeometry &geometry,
                                        const LayerConstants &constants) {
    bool isSigned = constants.input.getIsSigned();
    return chooseNeonDepthwise(
        isSigned && kernels.depthwiseSigned ? *kernels.depthwiseSigned
                                            : kernels.depthwise,
        geometry, proveColumnChain(op, geometry, constants.weights));
  }

  /// What is proven of a layer, and which micro-kernels that allows.
  CandidateRequest describeProofs(WeightedOpInterface op,
                                  const LayerGeometry &geometry,
                                  const LayerConstants &constants,
                                  const TargetKernels &kernels,
                                  bool plansChains) {
    CandidateRequest request;
    request.geometry = geometry;
    request.isDepthwise = geometry.groups > 1 &&
                          geometry.groups == geometry.inC &&
                          geometry.groups == geometry.outC;
    request.input = constants.input;
    MicroKernel dense =
        constants.input.getIsSigned() ? kernels.denseSigned : kernels.dense;
    request.dense = {dense};
    MicroKernel wide = chooseDenseWidth(geometry, dense, kernels.registers);
    if (wide != dense)
      request.dense.push_back(wide);
    if (std::optional<MicroKernel> other = getNeonAlternative(dense))
      request.dense.push_back(*other);
    if (request.isDepthwise)
      request.depthwise = getDepthwiseKernel(op, kernels, geometry, constants);
    request.registers = kernels.registers;
    std::optional<Int16Chain> chain = getInt16Chain(op);
    if (kernels.densePairs && chain && !request.isDepthwise) {
      request.densePairs = kernels.densePairs;
      request.chain = chain->proof.length;
    }
    if (winograd != "off" && kernels.winograd &&
        chooseWinograd(op->getContext(), geometry, constants, *kernels.winograd,
                       /*always=*/true)
            .proof)
      request.winograd = kernels.winograd;
    request.alwaysWinograd = winograd == "always";
    // Chains of a panel's own take a while to plan.
    constexpr int64_t vectors = 2;
    if (request.densePairs && (plansChains || request.winograd) &&
        vectors * getTraits(*request.densePairs).lanes <=
            geometry.outC / geometry.groups)
      request.ownChainCycles =
          planOwnChains(getDensePlan(geometry, *request.densePairs, vectors),
                        constants, *chain)
              .cycles;
    return request;
  }

  static PanelChains planOwnChains(const DensePlan &plan,
                                   const LayerConstants &constants,
                                   const Int16Chain &chain) {
    SmallVector<int32_t> amax = chain.channelAmax;
    if (amax.empty())
      amax.push_back(static_cast<int32_t>(chain.amax));
    return planChains(plan, constants.weights, amax);
  }

  static PanelChainsAttr makePanelChains(MLIRContext *context,
                                         const PanelChains &chains) {
    return PanelChainsAttr::get(context, chains.lengths, chains.reach,
                                chains.counts);
  }

  /// The op of a candidate that is exact for the layer.
  void buildCandidate(WeightedOpInterface op, const LayerShape &shape,
                      const LayerGeometry &geometry, LayerConstants &constants,
                      const CandidateRequest &request,
                      const KernelCandidate &candidate) {
    MLIRContext *context = op->getContext();
    MicroKernel kernel = candidate.microKernel;
    std::pair<int64_t, int64_t> tile = candidate.tile;
    if (candidate.form == KernelForm::Winograd) {
      constants.winogradProof = WinogradProofAttr::get(
          context, constants.accumulators.min, constants.accumulators.max,
          candidate.cycles, estimateDirectCycles(request));
      return buildWinograd(op, shape, geometry, constants, kernel, tile);
    }
    if (request.winograd)
      constants.whyDirect = "winograd: another kernel was asked for, or "
                            "measured faster";
    if (candidate.form == KernelForm::Depthwise)
      return buildDepthwise(op, shape, geometry, constants, kernel, tile);
    if (kernel == MicroKernel::Smull)
      constants.signedChain = proveSignedChain(op, constants.weights);
    if (candidate.chain) {
      Int16Chain chain = *getInt16Chain(op);
      constants.chain =
          ChainAttr::get(context, candidate.chain, chain.amax,
                         chain.proof.pairSum, chain.proof.chainSum);
    }
    std::optional<PanelChains> own;
    if (candidate.hasOwnChains) {
      own = planOwnChains(getDensePlan(geometry, kernel, tile.second),
                          constants, *getInt16Chain(op));
      constants.panelChains = makePanelChains(context, *own);
    }
    buildDense(op, shape, geometry, constants, kernel, request.registers,
               own ? &*own : nullptr, tile);
  }

  void chooseDense(WeightedOpInterface op, const LayerShape &shape,
                   const LayerGeometry &geometry, LayerConstants &constants,
                   const TargetKernels &kernels) {
    std::optional<Int16Chain> chain = getInt16Chain(op);
    if (kernels.densePairs && chain &&
        choosePairs(op, shape, geometry, constants, *chain, kernels))
      return;
    MicroKernel kernel = chooseNeonKernel(
        constants.input.getIsSigned() ? kernels.denseSigned : kernels.dense,
        geometry);
    if (kernel == MicroKernel::Smull)
      constants.signedChain = proveSignedChain(op, constants.weights);
    buildDense(op, shape, geometry, constants, kernel, kernels.registers);
  }

  /// Takes vpmaddubsw if it is expected to be faster than what multiplies any
  /// weights: in chains of one length for all panels, or in chains of each
  /// panel's own.
  bool choosePairs(WeightedOpInterface op, const LayerShape &shape,
                   const LayerGeometry &geometry, LayerConstants &constants,
                   const Int16Chain &chain, const TargetKernels &kernels) {
    const numerics::ChainProof &proof = chain.proof;
    MicroKernel kernel = *kernels.densePairs;
    DenseTile tile = chooseDenseTile(geometry, kernel, kernels.registers);
    DensePlan plan = getDensePlan(geometry, kernel, tile.vectors);
    // Three instructions for four products against two for two.
    bool pairsPay = proof.length > 0 && 3 * ((plan.segmentLength + 3) / 4) <
                                            2 * ((plan.segmentLength + 1) / 2);
    PanelChains own = planOwnChains(plan, constants, chain);
    double others =
        pairsPay ? estimateChains(plan, proof.length) : estimatePmaddwd(plan);
    bool isPacked = unpacksInRegisters(plan) &&
                    chooseWeightBits(plan, constants.weights) < 8;
    // By what qcc --tune measures, they are a little better than estimated.
    if (own.cycles < 1.02 * others && !isPacked) {
      constants.panelChains = makePanelChains(op->getContext(), own);
      buildDense(op, shape, geometry, constants, kernel, kernels.registers,
                 &own);
      return true;
    }
    if (!pairsPay)
      return false;
    constants.chain = ChainAttr::get(op->getContext(), proof.length, chain.amax,
                                     proof.pairSum, proof.chainSum);
    buildDense(op, shape, geometry, constants, kernel, kernels.registers);
    return true;
  }

  /// Where a micro-kernel works on x + offset, the bias gives the difference
  /// back.
  static void takeOffset(LayerConstants &constants, MicroKernel kernel) {
    int64_t offset = getActivationOffset(kernel, constants.signedChain,
                                         constants.input.getIsSigned());
    for (auto [bias, sum] : llvm::zip(constants.bias, constants.weightSums))
      bias -= static_cast<int32_t>(offset * sum);
  }

  void buildDense(WeightedOpInterface op, const LayerShape &shape,
                  const LayerGeometry &geometry, LayerConstants &constants,
                  MicroKernel kernel, int64_t registers,
                  const PanelChains *chains = nullptr,
                  std::optional<std::pair<int64_t, int64_t>> told = {}) {
    if (!told)
      kernel = chooseDenseWidth(geometry, kernel, registers);
    takeOffset(constants, kernel);
    DenseTile tile = told ? DenseTile{told->first, told->second, 0}
                          : chooseDenseTile(geometry, kernel, registers);
    if (constants.signedChain && !told)
      tile.pixels = getSmullPixels(constants.signedChain.getLength());
    DensePlan plan = getDensePlan(geometry, kernel, tile.vectors);
    Packed packed;
    packed.tile = {tile.pixels, tile.vectors};
    packed.weights = chains
                         ? packArrangedWeights(plan, *chains, constants.weights)
                         : packDenseWeights(plan, constants.weights);
    // Steps that are unpacked in registers lie in their order.
    if (!chains || !unpacksInRegisters(plan))
      packed.weightBits = chooseWeightBits(plan, packed.weights);
    if (packed.weightBits < 8 && unpacksInRegisters(plan)) {
      if (kernel == MicroKernel::Pmaddubsw)
        constants.chain = getUnpackedChain(op->getContext(), packed.weightBits);
      if (constants.signedChain)
        constants.signedChain =
            getUnpackedChain(constants.signedChain, packed.weightBits);
    }
    if (packed.weightBits < 8)
      packed.weights = packSideBySide(plan, packed.weightBits, packed.weights);
    if (chains)
      packed.chainTable = makeChainTable(plan, *chains);
    packAll(constants, packed, [&](auto values, bool asStored = false) {
      return packDenseConstants(plan, values, asStored);
    });
    chooseEpilogue(constants, packed, plan.panelWidth,
                   plan.segments * plan.segmentLength);
    build<ConvOp>(op, shape, constants, packed, kernel);
  }

  void buildWinograd(WeightedOpInterface op, const LayerShape &shape,
                     const LayerGeometry &geometry,
                     const LayerConstants &constants, MicroKernel kernel,
                     std::pair<int64_t, int64_t> tile) {
    WinogradPlan plan =
        getWinogradPlan(geometry, tile.first, tile.second, kernel);
    Packed packed;
    packed.tile = {tile.first, tile.second};
    packed.weights = packWinogradWeights(plan, constants.weights);
    packAll(constants, packed, [&](auto values, bool asStored = false) {
      return packDenseConstants(plan.panels, values, asStored);
    });
    chooseEpilogue(constants, packed, plan.panels.panelWidth, 9 * geometry.inC);
    build<WinogradOp>(op, shape, constants, packed, kernel);
  }

  void buildDepthwise(WeightedOpInterface op, const LayerShape &shape,
                      const LayerGeometry &geometry, LayerConstants &constants,
                      MicroKernel kernel,
                      std::optional<std::pair<int64_t, int64_t>> tile = {}) {
    if (kernel == MicroKernel::SmullLanes)
      constants.signedChain = proveColumnChain(op, geometry, constants.weights);
    takeOffset(constants, kernel);
    auto [rows, vectors] = tile ? *tile : chooseDepthwiseTile(geometry, kernel);
    DepthwisePlan plan = getDepthwisePlan(geometry, kernel, rows, vectors);
    Packed packed;
    packed.tile = {rows, vectors};
    packed.weights = packDepthwiseWeights(plan, constants.weights);
    packAll(constants, packed, [&](auto values, bool asStored = false) {
      return packDepthwiseConstants(plan, values, asStored);
    });
    chooseEpilogue(constants, packed, plan.blockChannels,
                   geometry.kernelH * geometry.kernelW);
    build<DepthwiseOp>(op, shape, constants, packed, kernel);
  }

  /// A constant tensor; a blob, so that no pass copies or prints it.
  template <typename T>
  Value constant(ImplicitLocOpBuilder &b, ArrayRef<T> values, Type element) {
    if (values.empty())
      return {};
    auto type =
        RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
    constexpr size_t smallConstant = 4096;
    if (values.size() * sizeof(T) <= smallConstant)
      return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
    AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
        ArrayRef<char>(reinterpret_cast<const char *>(values.data()),
                       values.size() * sizeof(T)),
        /*align=*/16, /*dataIsMutable=*/false);
    return arith::ConstantOp::create(
        b,
        DenseResourceElementsAttr::get(type, "qk_constant", std::move(blob)));
  }

  /// The table of chains: 16 bits where they suffice.
  Value chainTable(ImplicitLocOpBuilder &b, ArrayRef<int32_t> table) {
    if (llvm::any_of(table, [](int32_t entry) { return entry > 0xffff; }))
      return constant<int32_t>(b, table, b.getI32Type());
    std::vector<int16_t> narrow(table.begin(), table.end());
    return constant<int16_t>(b, ArrayRef<int16_t>(narrow), b.getI16Type());
  }

  template <typename OpTy>
  void build(WeightedOpInterface op, const LayerShape &shape,
             const LayerConstants &constants, const Packed &packed,
             MicroKernel kernel) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    MLIRContext *context = op->getContext();
    auto asStorage = [&](Value value) -> Value {
      Type type = types.convertType(value.getType());
      return UnrealizedConversionCastOp::create(b, type, value).getResult(0);
    };
    Value result = op->getResult(0);
    auto resultType =
        cast<RankedTensorType>(types.convertType(result.getType()));
    Value input = asStorage(op.getInput());
    Value residual;
    if (constants.residual)
      residual = asStorage(cast<Conv2DOp>(op.getOperation()).getResidual());
    Value weights =
        constant<int8_t>(b, ArrayRef<int8_t>(packed.weights), b.getI8Type());
    Value bias =
        constant<int32_t>(b, ArrayRef<int32_t>(packed.bias), b.getI32Type());
    Value multipliers =
        packed.floatMultipliers.empty()
            ? constant<int32_t>(b, ArrayRef<int32_t>(packed.multipliers),
                                b.getI32Type())
            : constant<float>(b, ArrayRef<float>(packed.floatMultipliers),
                              b.getF32Type());
    Value shifts =
        constant<int8_t>(b, ArrayRef<int8_t>(packed.shifts), b.getI8Type());
    Value init =
        tensor::EmptyOp::create(b, resultType.getShape(), b.getI8Type());
    auto layer = OpTy::create(
        b, TypeRange(resultType), input, weights, bias, multipliers, shifts,
        constant<int8_t>(b, ArrayRef<int8_t>(packed.channelMax), b.getI8Type()),
        chainTable(b, packed.chainTable), residual, init,
        b.getDenseI64ArrayAttr(shape.kernel),
        b.getDenseI64ArrayAttr(shape.strides),
        b.getDenseI64ArrayAttr(shape.pads),
        b.getDenseI64ArrayAttr(shape.dilations),
        b.getI64IntegerAttr(shape.groups), constants.winogradProof,
        constants.whyDirect.empty() ? StringAttr()
                                    : b.getStringAttr(constants.whyDirect),
        constants.input, constants.output, constants.residual,
        MicroKernelAttr::get(context, kernel),
        EpilogueAttr::get(context, packed.epilogue), constants.chain,
        constants.panelChains, constants.signedChain,
        constants.tiesAway ? b.getUnitAttr() : UnitAttr(),
        b.getDenseI64ArrayAttr(packed.tile),
        packed.weightBits == 8 ? IntegerAttr()
                               : b.getI64IntegerAttr(packed.weightBits));
    if (constants.tuning)
      layer->setAttr(kTuningAttrName, constants.tuning);
    auto back = UnrealizedConversionCastOp::create(b, result.getType(),
                                                   layer->getResult(0));
    result.replaceAllUsesWith(back.getResult(0));
    if (kernel == MicroKernel::Pmaddwd && std::is_same_v<OpTy, ConvOp>)
      if (std::string why = explainWords(op); !why.empty())
        layer->setAttr(kWhyWordsAttrName, b.getStringAttr(why));
    op->erase();
  }

  StorageTypeConverter types;
};

} // namespace
