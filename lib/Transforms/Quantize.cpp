//===- Quantize.cpp - From quantizers to quantized types ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One walk in program order: when an op is reached, its operands are quantized
// already, and the quantizer of its result says the result's type.
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeights.h"

#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

namespace q {
#define GEN_PASS_DEF_QUANTIZEFUNCTION
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static RankedTensorType withElement(Type type, Type element) {
  return cast<RankedTensorType>(type).clone(element);
}

namespace {

enum class Borders { Float, Int8, UInt8 };

class FunctionQuantizer {
public:
  FunctionQuantizer(func::FuncOp function, Borders borders)
      : function(function), borders(borders), builder(function.getContext()) {}

  LogicalResult run();

private:
  LogicalResult checkOps();
  LogicalResult visit(Operation *op);
  LogicalResult visitQuantizer(QuantizerOp op);
  LogicalResult visitConstant(QuantizerOp op, ConstOp constant);
  LogicalResult visitQuantize(QuantizeOp op);
  LogicalResult visitDequantize(DequantizeOp op);
  LogicalResult visitMove(Operation *op);
  LogicalResult visitCompute(Operation *op);
  LogicalResult visitIsland(Operation *op);
  LogicalResult visitReturn(func::ReturnOp op);

  FailureOr<Type> getElementType(QuantizerOp op);
  FailureOr<Type> getResultElementType(Operation *op);
  LogicalResult storeSoftmax(SoftmaxOp op);
  LogicalResult quantizeArgument(Operation *op, BlockArgument argument,
                                 Type element);
  FailureOr<quant::UniformQuantizedType>
  getBorderType(Operation *op, quant::QuantizedType type);
  void describeBorder(bool isResult, unsigned index,
                      quant::UniformQuantizedType type);

  func::FuncOp function;
  Borders borders;
  OpBuilder builder;
};

} // namespace

LogicalResult FunctionQuantizer::checkOps() {
  bool bad = false;
  function.walk([&](Operation *op) {
    if (!isa_and_nonnull<QDialect>(op->getDialect()))
      return;
    if (auto obstacle = getIntegerObstacle(op); obstacle && !staysFloat(op)) {
      op->emitOpError(*obstacle);
      bad = true;
    }
  });
  return failure(bad);
}

FailureOr<Type> FunctionQuantizer::getElementType(QuantizerOp op) {
  auto params = chooseParams(op);
  if (failed(params))
    return failure();
  if (op.getScheme().getAxis() >= 0)
    return op.emitOpError("is per channel, which only the weights of a layer "
                          "can be; set the scheme's axis to -1");
  return Type(makeQuantizedType(op.getContext(), op.getScheme(), *params));
}

//===----------------------------------------------------------------------===//
// Quantizers
//===----------------------------------------------------------------------===//

/// Whether `value` is a float that an island gives.
static bool isIslandResult(Value value) {
  Operation *source = value.getDefiningOp();
  return source && staysFloat(source) && isFloatTensor(value);
}

/// The quantizers that decide how the weights of some layer are stored.
static bool quantizesWeights(QuantizerOp op) {
  return llvm::any_of(op->getUses(), [](OpOperand &use) {
    if (isWeightFactor(use.getOwner()))
      return true;
    auto layer = dyn_cast<WeightedOpInterface>(use.getOwner());
    return layer && layer.getWeights() == use.get();
  });
}

LogicalResult FunctionQuantizer::visitConstant(QuantizerOp op,
                                               ConstOp constant) {
  auto element = getElementType(op);
  auto values = getConstantFloats(constant);
  if (failed(element) || failed(values))
    return failure();
  auto type = cast<quant::UniformQuantizedType>(*element);
  numerics::QuantParams params = getQuantParams(type);
  std::vector<int32_t> integers;
  for (float value : *values)
    integers.push_back(numerics::quantize(value, params));
  builder.setInsertionPoint(op);
  op.replaceAllUsesWith(createQuantizedConstant(
      builder, constant.getLoc(), withElement(op.getType(), type), integers));
  op.erase();
  return success();
}

LogicalResult FunctionQuantizer::quantizeArgument(Operation *op,
                                                  BlockArgument argument,
                                                  Type element) {
  builder.setInsertionPoint(op);
  Type type = withElement(op->getResult(0).getType(), element);
  if (borders == Borders::Float) {
    op->replaceAllUsesWith(
        QuantizeOp::create(builder, op->getLoc(), type, argument));
    op->erase();
    return success();
  }
  if (!argument.hasOneUse())
    return op->emitOpError("is not the only use of input ")
           << argument.getArgNumber()
           << ", which therefore has no one integer type; use io=float";
  auto border = getBorderType(op, cast<quant::QuantizedType>(element));
  if (failed(border))
    return failure();
  argument.setType(withElement(type, *border));
  describeBorder(/*isResult=*/false, argument.getArgNumber(), *border);
  Value value = argument;
  if (value.getType() != type)
    value = RequantizeOp::create(builder, op->getLoc(), type, value);
  op->replaceAllUsesWith(ValueRange(value));
  op->erase();
  return success();
}

LogicalResult FunctionQuantizer::visitQuantizer(QuantizerOp op) {
  if (quantizesWeights(op))
    return success(); // The layer decides, together with its bias.
  Value input = op.getInput();
  if (auto constant = input.getDefiningOp<ConstOp>())
    return visitConstant(op, constant);
  auto element = getElementType(op);
  if (failed(element))
    return failure();
  if (auto argument = dyn_cast<BlockArgument>(input))
    if (isFloatTensor(input))
      return quantizeArgument(op, argument, *element);
  if (isIslandResult(input)) {
    builder.setInsertionPoint(op);
    op.replaceAllUsesWith(
        QuantizeOp::create(builder, op.getLoc(),
                           withElement(op.getType(), *element), input)
            .getOutput());
    op.erase();
    return success();
  }
  if (!getQuantizedType(input))
    return op.emitOpError("reads a tensor that is not computed in integers");
  if (getElementTypeOrSelf(input.getType()) != *element) {
    builder.setInsertionPoint(op);
    input = RequantizeOp::create(builder, op.getLoc(),
                                 withElement(op.getType(), *element), input);
  }
  op.replaceAllUsesWith(input);
  op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Quantization that the model came with
//===----------------------------------------------------------------------===//

LogicalResult FunctionQuantizer::visitQuantize(QuantizeOp op) {
  Value input = op.getInput();
  auto type = getPerTensorType(op.getOutput());
  if (!type)
    return op.emitOpError("quantizes an activation per axis; only weights may "
                          "have a scale for each channel: quantize it per "
                          "tensor");
  if (auto constant = input.getDefiningOp<ConstOp>()) {
    auto values = getConstantFloats(constant);
    if (failed(values))
      return failure();
    std::vector<int32_t> integers;
    for (float value : *values)
      integers.push_back(numerics::quantize(value, getQuantParams(type)));
    builder.setInsertionPoint(op);
    op.replaceAllUsesWith(createQuantizedConstant(
        builder, constant.getLoc(), cast<RankedTensorType>(op.getType()),
        integers));
    op.erase();
    return success();
  }
  if (auto argument = dyn_cast<BlockArgument>(input))
    if (isFloatTensor(input))
      return borders == Borders::Float ? success()
                                       : quantizeArgument(op, argument, type);
  if (isIslandResult(input))
    return success();
  if (!getQuantizedType(input))
    return op.emitOpError("reads a tensor that is not computed in integers");
  if (input.getType() != op.getType()) {
    builder.setInsertionPoint(op);
    input = RequantizeOp::create(builder, op.getLoc(), op.getType(), input);
  }
  op.replaceAllUsesWith(input);
  op.erase();
  return success();
}

/// Ops read the integers behind it; a layer takes its weights and bias, and the
/// end of the function its floats, as they are.
LogicalResult FunctionQuantizer::visitDequantize(DequantizeOp op) {
  op.getOutput().replaceUsesWithIf(op.getInput(), [](OpOperand &use) {
    auto layer = dyn_cast<WeightedOpInterface>(use.getOwner());
    bool isParameter = layer && (use.get() == layer.getWeights() ||
                                 use.get() == layer.getBias());
    return !isParameter && !isa<func::ReturnOp>(use.getOwner()) &&
           !staysFloat(use.getOwner());
  });
  return success();
}

/// The type of what `op` computes: that of its quantizer, or that which the
/// model quantizes it to.
FailureOr<Type> FunctionQuantizer::getResultElementType(Operation *op) {
  Value result = op->getResult(0);
  Operation *reader = *result.getUsers().begin();
  if (auto given = dyn_cast<QuantizeOp>(reader))
    if (llvm::all_of(result.getUsers(), [&](Operation *user) {
          return isa<QuantizeOp>(user) &&
                 user->getResult(0).getType() == given.getType();
        }))
      return getElementTypeOrSelf(given.getType());
  auto quantizer = dyn_cast<QuantizerOp>(reader);
  if (!quantizer || !result.hasOneUse())
    return op->emitOpError("has no quantizer for its result alone; run "
                           "q-insert-quantizers first");
  return getElementType(quantizer);
}

/// Softmax has one type for each width (rule N15). Where the model wants
/// another, 16 bits in between keep the second rounding from being seen.
LogicalResult FunctionQuantizer::storeSoftmax(SoftmaxOp op) {
  auto wanted = getPerTensorType(op.getOutput());
  unsigned bits = wanted.getStorageTypeIntegralWidth();
  bool isSigned = wanted.isSigned();
  auto fixed = [&](unsigned width) {
    numerics::StorageRange range = numerics::storageRange(width, isSigned);
    return quant::UniformQuantizedType::get(
        isSigned ? quant::QuantizationFlags::Signed : 0,
        builder.getIntegerType(width), builder.getF32Type(),
        std::ldexp(1.0, -static_cast<int>(width)), range.qmin, range.qmin,
        range.qmax);
  };
  if (wanted == fixed(bits))
    return success();
  Value result = op.getOutput();
  Type type = result.getType();
  result.setType(withElement(type, fixed(16)));
  builder.setInsertionPointAfter(op);
  auto requantize = RequantizeOp::create(builder, op.getLoc(), type, result);
  result.replaceAllUsesExcept(requantize, requantize);
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static LogicalResult checkOperand(Operation *op, Value operand) {
  if (!isFloatTensor(operand))
    return success();
  return op->emitOpError("reads a float tensor without a quantizer (operand of "
                         "type ")
         << operand.getType() << "); run q-insert-quantizers first";
}

LogicalResult FunctionQuantizer::visitMove(Operation *op) {
  Type element;
  for (Value operand : op->getOperands()) {
    if (failed(checkOperand(op, operand)))
      return failure();
    Type own = getElementTypeOrSelf(operand.getType());
    if (element && own != element)
      return op->emitOpError("moves bits, but its operands have different "
                             "quantization parameters, ")
             << element << " and " << own
             << "; run q-share-parameters first (rule N13)";
    element = own;
  }
  Value result = op->getResult(0);
  result.setType(withElement(result.getType(), element));
  return success();
}

LogicalResult FunctionQuantizer::visitCompute(Operation *op) {
  if (auto layer = dyn_cast<WeightedOpInterface>(op)) {
    if (failed(checkOperand(op, layer.getInput())) ||
        failed(quantizeWeights(layer)))
      return failure();
  }
  // Scale and shift of a layer normalization stay float constants.
  size_t checked = isa<LayerNormOp>(op) ? 1 : op->getNumOperands();
  for (Value operand : op->getOperands().take_front(checked))
    if (failed(checkOperand(op, operand)))
      return failure();
  Value result = op->getResult(0);
  if (result.use_empty())
    return success();
  auto element = getResultElementType(op);
  if (failed(element))
    return failure();
  if (!isa<quant::UniformQuantizedType>(*element))
    return op->emitOpError("has a result that the model quantizes per axis; "
                           "only weights may have a scale for each channel");
  result.setType(withElement(result.getType(), *element));
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return storeSoftmax(softmax);
  return success();
}

/// Its operands are dequantized, its result is a float.
LogicalResult FunctionQuantizer::visitIsland(Operation *op) {
  builder.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands())
    if (getQuantizedType(operand.get()))
      operand.set(DequantizeOp::create(
          builder, op->getLoc(),
          withElement(operand.get().getType(), builder.getF32Type()),
          operand.get()));
  function->getParentOfType<ModuleOp>()->setAttr(kFloatIslandsAttrName,
                                                 builder.getUnitAttr());
  return success();
}

LogicalResult FunctionQuantizer::visit(Operation *op) {
  if (staysFloat(op))
    return visitIsland(op);
  if (auto quantizer = dyn_cast<QuantizerOp>(op))
    return visitQuantizer(quantizer);
  if (auto ret = dyn_cast<func::ReturnOp>(op))
    return visitReturn(ret);
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return visitQuantize(quantize);
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return visitDequantize(dequantize);
  if (isa<ConstOp, RequantizeOp>(op) || isWeightFactor(op))
    return success();
  if (!isa_and_nonnull<QDialect>(op->getDialect()))
    return op->emitOpError("is not of the q dialect, so it cannot be "
                           "quantized");
  if (op->getNumResults() != 1 || !isFloatTensor(op->getResult(0)))
    return success(); // Quantized already, or on integers.
  if (op->use_empty()) {
    op->erase();
    return success();
  }
  return movesBits(op) ? visitMove(op) : visitCompute(op);
}

//===----------------------------------------------------------------------===//
// Borders
//===----------------------------------------------------------------------===//

/// `type` with the signedness that the borders ask for: (q, Z) and
/// (q ^ 0x80, Z -+ 128) are the same numbers (rule N2).
FailureOr<quant::UniformQuantizedType>
FunctionQuantizer::getBorderType(Operation *op, quant::QuantizedType type) {
  auto tensor = dyn_cast<quant::UniformQuantizedType>(type);
  if (!tensor || tensor.getStorageTypeIntegralWidth() != 8)
    return op->emitOpError("meets the border of the network with type ")
           << type << "; io=int8 and io=uint8 need 8 bits per tensor there";
  bool wantsSigned = borders == Borders::Int8;
  if (tensor.isSigned() == wantsSigned)
    return tensor;
  int64_t shift = wantsSigned ? -128 : 128;
  return quant::UniformQuantizedType::get(
      wantsSigned ? quant::QuantizationFlags::Signed : 0,
      tensor.getStorageType(), tensor.getExpressedType(), tensor.getScale(),
      tensor.getZeroPoint() + shift, tensor.getStorageTypeMin() + shift,
      tensor.getStorageTypeMax() + shift);
}

void FunctionQuantizer::describeBorder(bool isResult, unsigned index,
                                       quant::UniformQuantizedType type) {
  auto scale = builder.getF64FloatAttr(type.getScale());
  auto zeroPoint = builder.getI64IntegerAttr(type.getZeroPoint());
  if (isResult) {
    function.setResultAttr(index, "q.scale", scale);
    function.setResultAttr(index, "q.zero_point", zeroPoint);
  } else {
    function.setArgAttr(index, "q.scale", scale);
    function.setArgAttr(index, "q.zero_point", zeroPoint);
  }
}

LogicalResult FunctionQuantizer::visitReturn(func::ReturnOp op) {
  builder.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (auto dequantize = value.getDefiningOp<DequantizeOp>())
      if (borders != Borders::Float)
        value = dequantize.getInput();
    auto type = getQuantizedType(value);
    if (!type)
      continue;
    operand.set(value);
    Type declared = function.getResultTypes()[operand.getOperandNumber()];
    if (value.getType() == declared)
      continue; // Quantized from the start.
    if (borders == Borders::Float) {
      operand.set(DequantizeOp::create(
          builder, op.getLoc(),
          withElement(value.getType(), builder.getF32Type()), value));
      continue;
    }
    auto border = getBorderType(op, type);
    if (failed(border))
      return failure();
    if (*border != type)
      operand.set(RequantizeOp::create(
          builder, op.getLoc(), withElement(value.getType(), *border), value));
    describeBorder(/*isResult=*/true, operand.getOperandNumber(), *border);
  }
  return success();
}

LogicalResult FunctionQuantizer::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("must have one block to be quantized");
  if (failed(checkOps()))
    return failure();
  Block &body = function.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(body))
    if (failed(visit(&op)))
      return failure();
  function.setType(FunctionType::get(function.getContext(),
                                     body.getArgumentTypes(),
                                     body.getTerminator()->getOperandTypes()));
  eraseDeadConstants(function);
  return success();
}

namespace {

struct QuantizeFunctionPass
    : q::impl::QuantizeFunctionBase<QuantizeFunctionPass> {
  using QuantizeFunctionBase::QuantizeFunctionBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto borders = llvm::StringSwitch<std::optional<Borders>>(io)
                       .Case("float", Borders::Float)
                       .Case("int8", Borders::Int8)
                       .Case("uint8", Borders::UInt8)
                       .Default(std::nullopt);
    if (!borders) {
      emitError(module.getLoc())
          << "q-quantize has no io '" << io << "'; use float, int8 or uint8";
      return signalPassFailure();
    }
    if (failed(setRounding(module)))
      return signalPassFailure();
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() &&
          failed(FunctionQuantizer(function, *borders).run()))
        return signalPassFailure();
  }

  LogicalResult setRounding(ModuleOp module) {
    if (rounding.empty())
      return success();
    if (rounding != "single" && rounding != "gemmlowp" && rounding != "pow2" &&
        rounding != "even")
      return emitError(module.getLoc())
             << "q-quantize has no rounding '" << rounding
             << "'; use single, gemmlowp, pow2 or even (rule N10)";
    module->setAttr(kRoundingAttrName,
                    StringAttr::get(module.getContext(), rounding));
    if (rounding != "pow2")
      return success();
    WalkResult result = module.walk([](QuantizerOp op) {
      if (op.getScheme().getPowerOfTwo())
        return WalkResult::advance();
      op.emitOpError("has no power-of-two scale, which rounding=pow2 needs "
                     "(rule N10); run q-pin-power-of-two before q-quantize "
                     "(qcc --power-of-two)");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
