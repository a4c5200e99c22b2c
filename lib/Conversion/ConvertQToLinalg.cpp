//===- ConvertQToLinalg.cpp - Spell out quantized ops as linalg -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pass: checks that everything has an integer form, records the types of
// the function's borders, and applies the patterns.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "LinalgBuilder.h"
#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"

namespace q {
#define GEN_PASS_DEF_CONVERTQTOLINALG
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

/// Why an op has no pattern, with the remedy.
static const char *getRemedy(Operation *op) {
  if (isa<QuantizerOp>(op))
    return "it only marks a place to quantize; run q-calibrate and q-quantize "
           "first";
  if (isa<BatchNormOp>(op))
    return "run q-fold-batch-norm first";
  if (isa<PowOp>(op))
    return "write a constant exponent as q.unary square or sqrt, or as a "
           "product";
  if (isa<CompareOp, SelectOp, ArgReduceOp>(op))
    return "cut the model in front of it and compute it in the application";
  return nullptr;
}

/// Ops that move values of any type, or convert between float and integer.
static bool worksOnFloats(Operation *op) {
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == ResizeMode::Nearest;
  return isa<ConstOp, QuantizeOp, DequantizeOp, ConcatOp, SliceOp, PadOp,
             TransposeOp, ReshapeOp, GatherOp, ExpandOp>(op);
}

/// Float constants that only decide the constants of the integer form.
static bool isParameter(Operation *op, Value value) {
  auto norm = dyn_cast<LayerNormOp>(op);
  return norm && (value == norm.getScale() || value == norm.getShift());
}

/// Reports ops that compute in float and shapes that are not static. The
/// patterns report the rest.
static LogicalResult checkOp(Operation *op) {
  bool isIsland = computesInFloat(op) && mayComputeInFloat(op);
  if (isIsland && !hasFloatForm(op))
    return op->emitOpError("cannot stay in float either; take it out of the "
                           "model, or cut the model in front of it");
  if (const char *remedy = isIsland ? nullptr : getRemedy(op))
    return op->emitOpError("has no integer form; ") << remedy;
  SmallVector<Value> values(op->getOperands());
  llvm::append_range(values, op->getResults());
  for (Value value : values) {
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (!tensor || !tensor.hasStaticShape())
      return op->emitOpError("works on ")
             << value.getType()
             << "; only tensors of static shape can be compiled "
                "(import with --batch=N)";
    if (isa<FloatType>(tensor.getElementType()) && !isIsland &&
        !worksOnFloats(op) && !isParameter(op, value))
      return op->emitOpError("computes in float between the borders of the "
                             "quantized network; quantize its operands and "
                             "its result (q-insert-quantizers, q-quantize), or "
                             "allow float islands");
  }
  return success();
}

/// The element types of arguments and results are lost in the conversion, but
/// who calls the compiled function needs them.
static void recordTypes(func::FuncOp function) {
  FunctionType type = function.getFunctionType();
  for (auto [i, input] : llvm::enumerate(type.getInputs()))
    if (!function.getArgAttr(i, kTypeAttrName))
      function.setArgAttr(i, kTypeAttrName, TypeAttr::get(input));
  for (auto [i, result] : llvm::enumerate(type.getResults()))
    if (!function.getResultAttr(i, kTypeAttrName))
      function.setResultAttr(i, kTypeAttrName, TypeAttr::get(result));
}

/// Upper bounds of channels become a minimum with a constant: the same integers
/// (rules N11 and N13), or the same floats.
static LogicalResult expandChannelMaxima(FusedClampOpInterface op) {
  DenseF32ArrayAttr reals = op.getChannelMaxAttr();
  Value result = op->getResult(0);
  OpBuilder b(op.getContext());
  b.setInsertionPointAfter(op);
  RankedTensorType type = RankedTensorType::get(
      {reals.size()}, getElementTypeOrSelf(result.getType()));
  Value bounds;
  if (quant::UniformQuantizedType quantized = getPerTensorType(result)) {
    FailureOr<SmallVector<int32_t>> maxima = getChannelMaxima(op);
    if (failed(maxima))
      return failure();
    unsigned width = quantized.getStorageTypeIntegralWidth() <= 8 ? 8 : 16;
    SmallVector<APInt> stored = llvm::map_to_vector(*maxima, [&](int32_t q) {
      return APInt(width, q, /*isSigned=*/true, /*implicitTrunc=*/true);
    });
    auto storage = RankedTensorType::get(reals.size(), b.getIntegerType(width));
    bounds = ConstOp::create(b, op.getLoc(), type,
                             DenseElementsAttr::get(storage, stored));
  } else {
    bounds = ConstOp::create(b, op.getLoc(), type,
                             DenseElementsAttr::get(type, reals.asArrayRef()));
  }
  op->removeAttr("channel_max");
  auto least = MinOp::create(b, op.getLoc(), result.getType(), result, bounds);
  result.replaceAllUsesExcept(least, least);
  return success();
}

namespace {

class ConvertQToLinalgPass
    : public q::impl::ConvertQToLinalgBase<ConvertQToLinalgPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    bool isBad = false;
    module.walk([&](Operation *op) {
      if (isa_and_nonnull<QDialect>(op->getDialect()))
        isBad |= failed(checkOp(op));
    });
    if (isBad)
      return signalPassFailure();
    SmallVector<FusedClampOpInterface> bounded;
    module.walk([&](FusedClampOpInterface op) {
      if (op.getChannelMaxAttr())
        bounded.push_back(op);
    });
    for (FusedClampOpInterface op : bounded)
      if (failed(expandChannelMaxima(op)))
        return signalPassFailure();
    module.walk([](func::FuncOp function) { recordTypes(function); });
    if (failed(convert(module)))
      signalPassFailure();
  }

private:
  LogicalResult convert(ModuleOp module);
};

} // namespace

LogicalResult ConvertQToLinalgPass::convert(ModuleOp module) {
  MLIRContext &context = getContext();
  StorageTypeConverter converter;
  ConversionTarget target(context);
  target.addIllegalDialect<QDialect>();
  target.addLegalDialect<arith::ArithDialect, linalg::LinalgDialect,
                         math::MathDialect, scf::SCFDialect,
                         tensor::TensorDialect>();
  target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp function) {
    return converter.isSignatureLegal(function.getFunctionType());
  });
  target.addDynamicallyLegalOp<func::ReturnOp, func::CallOp>(
      [&](Operation *op) { return converter.isLegal(op); });

  RewritePatternSet patterns(&context);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                 converter);
  populateReturnOpTypeConversionPattern(patterns, converter);
  populateCallOpTypeConversionPattern(patterns, converter);
  populateBorderPatterns(converter, patterns);
  populateElementwisePatterns(converter, patterns);
  populateFloatPatterns(converter, patterns);
  populateLayerPatterns(converter, patterns);
  populateReductionPatterns(converter, patterns);
  populateNormalizationPatterns(converter, patterns);
  populateMovementPatterns(converter, patterns);

  // A pattern that fails has said why, and where; that legalization failed
  // as well is no news.
  bool hasReason = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    bool isConsequence =
        llvm::StringRef(diagnostic.str()).starts_with("failed to legalize");
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && !isConsequence)
      hasReason = true;
    return success(isConsequence && hasReason);
  });
  return applyPartialConversion(module, target, std::move(patterns));
}
