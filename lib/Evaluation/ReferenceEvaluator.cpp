//===- ReferenceEvaluator.cpp - Runs quantized IR op by op ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Evaluator.h"

#include "ReferenceKernels.h"

#include "QDialect/FloatSemantics.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

//===----------------------------------------------------------------------===//
// Shared pieces of the kernels
//===----------------------------------------------------------------------===//

int64_t reference::getOffset(Index index, Index strides) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d)
    offset += index[d] * strides[d];
  return offset;
}

void reference::forEachIndex(Index shape, function_ref<void(Index)> visit) {
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t n = Tensor::count(shape); n > 0; --n) {
    visit(index);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d])
        break;
      index[d] = 0;
    }
  }
}

FailureOr<IntegerBounds> reference::getResultBounds(Operation *op) {
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op))
    return getIntegerBounds(clamped);
  FailureOr<numerics::QuantParams> params =
      getTensorParams(op, op->getResult(0));
  if (failed(params))
    return failure();
  return getIntegerBounds(*params);
}

FailureOr<Requantizer>
reference::makeRequantizer(Operation *op,
                           FailureOr<numerics::Multiplier> multiplier) {
  if (failed(multiplier))
    return failure();
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  FailureOr<numerics::QuantParams> output =
      getTensorParams(op, op->getResult(0));
  if (failed(rounding) || failed(output))
    return failure();
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(bounds))
    return failure();
  return Requantizer{*multiplier, *rounding,
                     static_cast<int32_t>(output->zeroPoint), *bounds};
}

LogicalResult reference::checkAccumulator(Operation *op, int64_t accumulator) {
  if (accumulator == static_cast<int32_t>(accumulator))
    return success();
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  if (succeeded(rounding) && *rounding != numerics::Rounding::Gemmlowp)
    return success();
  return op->emitOpError("has an accumulator of ")
         << accumulator
         << ", which gemmlowp's int32 does not hold (rule N8); use the "
            "rounding "
            "mode single, or quantize its input to fewer bits";
}

/// `kernel` and then the upper bounds of channels (rule N11), if `op` has them.
static FailureOr<Kernel> boundChannels(Operation *op, Kernel kernel) {
  auto clamped = dyn_cast<FusedClampOpInterface>(op);
  DenseF32ArrayAttr reals =
      clamped ? clamped.getChannelMaxAttr() : DenseF32ArrayAttr();
  if (!reals)
    return kernel;
  auto bound = [](auto &elements, auto maxima) {
    for (size_t i = 0; i < elements.size(); ++i)
      if (elements[i] > maxima[i % maxima.size()])
        elements[i] = maxima[i % maxima.size()];
  };
  SmallVector<int32_t> integers;
  if (getPerTensorType(op->getResult(0))) {
    FailureOr<SmallVector<int32_t>> maxima = getChannelMaxima(clamped);
    if (failed(maxima))
      return failure();
    integers = *maxima;
  }
  return Kernel([=](Operands operands, Tensor &output) {
    LogicalResult status = kernel(operands, output);
    if (output.isFloat())
      bound(output.f(), reals.asArrayRef());
    else
      bound(output.i(), ArrayRef<int32_t>(integers));
    return status;
  });
}

//===----------------------------------------------------------------------===//
// The evaluator
//===----------------------------------------------------------------------===//

namespace {

/// One op made ready to run.
struct Step {
  Operation *op;
  Kernel kernel;
  /// Values that no later op reads.
  SmallVector<Value> dying;
};

class ReferenceEvaluator : public Evaluator {
public:
  explicit ReferenceEvaluator(func::FuncOp function) : function(function) {}

  /// Reads constants and prepares kernels.
  LogicalResult prepare();

  FailureOr<SmallVector<Tensor>> run(ArrayRef<Tensor> inputs,
                                     Observer observer) override;

private:
  LogicalResult prepareConstant(ConstOp op);
  LogicalResult checkInput(unsigned number, const Tensor &input);
  const Tensor *lookup(Value value) const;

  func::FuncOp function;
  SmallVector<Step> steps;
  SmallVector<Value> returned;
  llvm::DenseMap<Value, Tensor> constants;
  /// The values of the run that is going on.
  llvm::DenseMap<Value, Tensor> values;
};

} // namespace

LogicalResult ReferenceEvaluator::prepareConstant(ConstOp op) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op.getOutput().getType()).getShape();
  if (op.getValue().getElementType().isF32()) {
    FailureOr<std::vector<float>> floats = getConstantFloats(op.getOutput());
    if (failed(floats))
      return failure();
    constants[op.getOutput()] = Tensor(shape, std::move(*floats));
    return success();
  }
  FailureOr<std::vector<int32_t>> ints = getConstantInts(op.getOutput());
  if (failed(ints))
    return failure();
  constants[op.getOutput()] = Tensor(shape, std::move(*ints));
  return success();
}

LogicalResult ReferenceEvaluator::prepare() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have a body of one block to be "
                                "evaluated");
  KernelTable table;
  addLayerKernels(table);
  addElementwiseKernels(table);
  addReductionKernels(table);
  addFunctionKernels(table);
  addMovementKernels(table);
  addFloatOnlyOps(table);

  llvm::DenseMap<Value, size_t> lastUse;
  for (Operation &op : function.getBody().front()) {
    if (auto end = dyn_cast<func::ReturnOp>(op)) {
      returned.assign(end.operand_begin(), end.operand_end());
      break;
    }
    for (Type type : op.getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          !tensor || !tensor.hasStaticShape())
        return op.emitOpError("has a result of type ")
               << type
               << "; only tensors of static shape can be evaluated (import "
                  "with --batch=N)";
    if (auto constant = dyn_cast<ConstOp>(op)) {
      if (failed(prepareConstant(constant)))
        return failure();
      steps.push_back({&op, nullptr, {}});
      continue;
    }
    auto entry = table.find(op.getName().getStringRef());
    if (entry == table.end() && !computesInFloat(&op))
      return op.emitOpError("cannot be evaluated: it is not an op that "
                            "computes; run the passes that lower or remove it "
                            "first");
    bool isIsland = computesInFloat(&op) && mayComputeInFloat(&op);
    FailureOr<Kernel> kernel = isIsland || entry == table.end()
                                   ? prepareFloat(&op)
                                   : entry->second(&op);
    if (failed(kernel) ||
        failed(kernel = boundChannels(&op, std::move(*kernel))))
      return failure();
    for (Value operand : op.getOperands())
      lastUse[operand] = steps.size();
    steps.push_back({&op, *kernel, {}});
  }
  for (Value value : returned)
    lastUse.erase(value);
  for (auto [value, step] : lastUse)
    steps[step].dying.push_back(value);
  return success();
}

LogicalResult ReferenceEvaluator::checkInput(unsigned number,
                                             const Tensor &input) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[number]);
  if (!type || type.getShape() != input.getShape())
    return function.emitOpError("takes ")
           << function.getArgumentTypes()[number] << " as input " << number
           << ", but was given shape [" << input.getShape() << "]";
  if (isa<FloatType>(type.getElementType()) != input.isFloat())
    return function.emitOpError("takes ")
           << type << " as input " << number << ", but was given "
           << (input.isFloat() ? "floats" : "integers");
  auto quantized = getQuantizedType(type);
  if (!quantized)
    return success();
  for (int32_t element : input.i())
    if (element < quantized.getStorageTypeMin() ||
        element > quantized.getStorageTypeMax())
      return function.emitOpError("was given ")
             << element << " in input " << number
             << ", which is outside of the storage range of " << quantized;
  return success();
}

const Tensor *ReferenceEvaluator::lookup(Value value) const {
  auto constant = constants.find(value);
  return constant != constants.end() ? &constant->second
                                     : &values.find(value)->second;
}

/// A zero-filled tensor for a value of that type.
static Tensor makeResult(RankedTensorType type) {
  return isa<FloatType>(type.getElementType())
             ? Tensor::floats(type.getShape())
             : Tensor::integers(type.getShape());
}

FailureOr<SmallVector<Tensor>> ReferenceEvaluator::run(ArrayRef<Tensor> inputs,
                                                       Observer observer) {
  if (inputs.size() != function.getNumArguments())
    return function.emitOpError("takes ")
           << function.getNumArguments() << " inputs, but was given "
           << inputs.size();
  values.clear();
  for (auto [number, input] : llvm::enumerate(inputs)) {
    if (failed(checkInput(number, input)))
      return failure();
    values[function.getArgument(number)] = input;
  }
  for (Step &step : steps) {
    Value output = step.op->getResult(0);
    if (step.kernel) {
      SmallVector<const Tensor *> operands;
      for (Value operand : step.op->getOperands())
        operands.push_back(lookup(operand));
      Tensor result = makeResult(cast<RankedTensorType>(output.getType()));
      if (failed(step.kernel(operands, result)))
        return failure();
      values[output] = std::move(result);
    }
    observer(output, *lookup(output));
    for (Value value : step.dying)
      values.erase(value);
  }
  SmallVector<Tensor> outputs;
  for (Value value : returned)
    outputs.push_back(*lookup(value));
  values.clear();
  return outputs;
}

FailureOr<std::unique_ptr<Evaluator>>
eval::createReferenceEvaluator(func::FuncOp function) {
  auto evaluator = std::make_unique<ReferenceEvaluator>(function);
  if (failed(evaluator->prepare()))
    return failure();
  return std::unique_ptr<Evaluator>(std::move(evaluator));
}

bool eval::isQuantized(func::FuncOp function) {
  bool hasIntegers = false, computesFloats = false;
  function.walk([&](Operation *op) {
    if (!isa_and_nonnull<QDialect>(op->getDialect()))
      return;
    auto isQuantizedType = [](Type type) {
      return static_cast<bool>(getQuantizedType(type));
    };
    bool givesIntegers = llvm::any_of(op->getResultTypes(), isQuantizedType);
    hasIntegers |=
        givesIntegers || llvm::any_of(op->getOperandTypes(), isQuantizedType);
    // Floats may be moved on their way in and out.
    // An island computes floats where its module says that it may.
    computesFloats |= !givesIntegers && !isa<ConstOp, DequantizeOp>(op) &&
                      !op->hasTrait<SharesParameters>() &&
                      !mayComputeInFloat(op);
  });
  // Islands alone, as in a network without an op that can be quantized.
  hasIntegers |= mayComputeInFloat(function);
  return hasIntegers && !computesFloats;
}
