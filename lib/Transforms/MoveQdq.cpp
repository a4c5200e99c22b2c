//===- MoveQdq.cpp - Brings given quantization to the ops that compute ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model that arrives quantized says with quantize and dequantize ops which
// tensors have which parameters. Here they move past everything that only moves
// bits, until they stand at ops that compute, where q-quantize reads them.
//
//===----------------------------------------------------------------------===//

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"
#include "QDialect/Transforms/Passes.h"
#include "QDialect/Transforms/Quantizers.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace q {
#define GEN_PASS_DEF_MOVEQDQ
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static Type withElement(Type type, Type element) {
  return cast<RankedTensorType>(type).clone(element);
}

/// Whether `op` moves the bits of float tensors (rule N13).
static bool movesFloats(Operation *op) {
  return op && movesBits(op) && op->getNumResults() == 1 &&
         isFloatTensor(op->getResult(0));
}

/// The same op over other operands, all of the element type `element`.
static Value cloneOver(PatternRewriter &rewriter, Operation *op,
                       ValueRange operands, Type element) {
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addAttributes(op->getAttrs());
  state.addTypes(withElement(op->getResult(0).getType(), element));
  return rewriter.create(state)->getResult(0);
}

/// Whether the border that `op` adds, if it is one, is a number of `type`: then
/// it is the same before the border is dequantized and after.
static bool holdsBorder(Operation *op, quant::UniformQuantizedType type) {
  auto pad = dyn_cast<PadOp>(op);
  if (!pad || pad.getMode() != PadMode::Constant)
    return true;
  numerics::QuantParams params = getQuantParams(type);
  float value = pad.getValue().convertToFloat();
  return numerics::dequantize(numerics::quantize(value, params), params) ==
         value;
}

namespace {

/// move(dequantize(x)) is dequantize(move(x)).
struct SinkDequantize : RewritePattern {
  explicit SinkDequantize(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!movesFloats(op) || op->getNumOperands() == 0)
      return failure();
    quant::UniformQuantizedType shared;
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      auto producer = operand.getDefiningOp<DequantizeOp>();
      auto own = producer ? getPerTensorType(producer.getInput())
                          : quant::UniformQuantizedType();
      if (!own || (shared && own != shared))
        return rewriter.notifyMatchFailure(op, "no operands of one type");
      shared = own;
      operands.push_back(producer.getInput());
    }
    if (!holdsBorder(op, shared))
      return rewriter.notifyMatchFailure(op, "its border is not of the type");
    Value moved = cloneOver(rewriter, op, operands, shared);
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, op->getResult(0).getType(),
                                              moved);
    return success();
  }
};

/// quantize(move(x)) is move(quantize(x)): rounding keeps the order, so this
/// holds for maxima too.
struct HoistQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *mover = op.getInput().getDefiningOp();
    auto type = getPerTensorType(op.getOutput());
    if (!type || !movesFloats(mover))
      return rewriter.notifyMatchFailure(op, "moves no bits in front");
    if (!llvm::all_of(mover->getUsers(), [&](Operation *user) {
          return isa<QuantizeOp>(user) &&
                 user->getResult(0).getType() == op.getType();
        }))
      return rewriter.notifyMatchFailure(op, "the unquantized is read as well");
    rewriter.setInsertionPoint(mover);
    SmallVector<Value> operands;
    for (Value operand : mover->getOperands())
      operands.push_back(
          QuantizeOp::create(rewriter, op.getLoc(),
                             withElement(operand.getType(), type), operand));
    rewriter.replaceOp(op, cloneOver(rewriter, mover, operands, type));
    return success();
  }
};

/// quantize(dequantize(x)) is x, or x with other parameters.
struct JoinBorders : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto producer = op.getInput().getDefiningOp<DequantizeOp>();
    if (!producer)
      return rewriter.notifyMatchFailure(op, "quantizes no integers");
    Value input = producer.getInput();
    if (input.getType() == op.getType()) {
      rewriter.replaceOp(op, input);
      return success();
    }
    auto from = getPerTensorType(input), to = getPerTensorType(op.getOutput());
    if (!from || !to || from.getStorageTypeIntegralWidth() > 16)
      return rewriter.notifyMatchFailure(op, "no types to requantize between");
    op.emitRemark("changes parameters in the model: it is requantized (rule "
                  "N13)");
    rewriter.replaceOpWithNewOp<RequantizeOp>(op, op.getType(), input);
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// What the quantizing pass can read
//===----------------------------------------------------------------------===//

static bool isWeightsOrBias(OpOperand &use) {
  auto layer = dyn_cast<WeightedOpInterface>(use.getOwner());
  return layer &&
         (use.get() == layer.getWeights() || use.get() == layer.getBias());
}

/// A dequantized constant that no op can compute with as it is becomes a
/// constant of floats: q-quantize knows how to store that.
static LogicalResult makeFloatConstant(DequantizeOp op) {
  auto constant = op.getInput().getDefiningOp<ConstOp>();
  auto type = getPerTensorType(op.getInput());
  if (!constant || (type && type.getStorageTypeIntegralWidth() <= 16))
    return success();
  if (llvm::all_of(op->getUses(), isWeightsOrBias))
    return success();
  FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
  if (failed(integers))
    return failure();
  auto tensor = cast<RankedTensorType>(op.getType());
  quant::QuantizedType element = getQuantizedType(op.getInput());
  int64_t channels = 1, stride = tensor.getNumElements();
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    channels = tensor.getDimSize(perAxis.getQuantizedDimension());
    stride = 1;
    for (int64_t extent :
         tensor.getShape().drop_front(perAxis.getQuantizedDimension() + 1))
      stride *= extent;
  }
  auto params = getPerChannelParams(element, channels);
  std::vector<float> reals;
  for (auto [i, integer] : llvm::enumerate(*integers))
    reals.push_back(
        numerics::dequantize(integer, params[i / stride % channels]));
  OpBuilder builder(op);
  Value floats =
      createFloatConstant(builder, constant.getLoc(), tensor.getShape(), reals);
  op.getOutput().replaceUsesWithIf(
      floats, [](OpOperand &use) { return !isWeightsOrBias(use); });
  return success();
}

/// Gives the result of an op one type: whoever reads it in float reads the
/// quantized values, and an op whose result is quantized in several ways is
/// computed once for each. An argument of the function is floats anyway.
static void settle(Value result) {
  SmallVector<QuantizeOp> readers;
  for (Operation *user : result.getUsers())
    if (auto quantize = dyn_cast<QuantizeOp>(user))
      readers.push_back(quantize);
  // The order of uses is nobody's; that of the program is.
  llvm::sort(readers,
             [](QuantizeOp a, QuantizeOp b) { return a->isBeforeInBlock(b); });
  llvm::MapVector<Type, SmallVector<QuantizeOp>> byType;
  for (QuantizeOp quantize : readers)
    byType[quantize.getType()].push_back(quantize);
  if (byType.empty())
    return;
  OpBuilder builder(result.getContext());
  if (Operation *op = result.getDefiningOp())
    for (auto &[type, group] : llvm::drop_begin(byType)) {
      builder.setInsertionPoint(op);
      Value copy = builder.clone(*op)->getResult(0);
      for (QuantizeOp quantize : group)
        quantize.getInputMutable().set(copy);
    }
  auto &[type, group] = byType.front();
  bool isAlone = llvm::all_of(
      result.getUsers(), [](Operation *user) { return isa<QuantizeOp>(user); });
  if (isAlone)
    return;
  group.front().emitRemark("quantizes a tensor that the model also reads in "
                           "float: there too it is read quantized");
  builder.setInsertionPointAfterValue(result);
  auto quantize =
      QuantizeOp::create(builder, group.front().getLoc(), type, result);
  auto dequantize = DequantizeOp::create(builder, quantize.getLoc(),
                                         result.getType(), quantize);
  result.replaceUsesWithIf(dequantize, [](OpOperand &use) {
    return !isa<QuantizeOp>(use.getOwner());
  });
}

namespace {

struct MoveQdqPass : q::impl::MoveQdqBase<MoveQdqPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkDequantize, HoistQuantize, JoinBorders>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa_and_nonnull<QDialect>(op->getDialect()))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      auto dequantize = dyn_cast<DequantizeOp>(op);
      if (dequantize && failed(makeFloatConstant(dequantize)))
        return signalPassFailure();
      if (!isa<ConstOp, DequantizeOp>(op) && op->getNumResults() == 1 &&
          isFloatTensor(op->getResult(0)))
        settle(op->getResult(0));
    }
    for (BlockArgument argument : getOperation().getArguments())
      if (isFloatTensor(argument))
        settle(argument);
    for (Operation *op : llvm::reverse(ops))
      if (isa<ConstOp, DequantizeOp>(op) && op->use_empty())
        op->erase();
  }
};

} // namespace
