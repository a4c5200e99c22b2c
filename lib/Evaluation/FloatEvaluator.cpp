//===- FloatEvaluator.cpp - Runs float q IR -------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The function becomes a list of nodes in program order. Everything that
// depends on constants alone is computed when the evaluator is created. Values
// are freed after their last use, and their memory is used again.
//
// A model that arrived quantized has quantized tensors between its float ops.
// They are held as the real numbers they mean: an op with a quantized result
// rounds it to the nearest of them (rule N3).
//
//===----------------------------------------------------------------------===//

#include "ElementParams.h"
#include "FloatKernel.h"

#include "QDialect/Evaluation/Data.h"
#include "QDialect/IntegerSemantics.h"

#include "mlir/IR/TypeUtilities.h"

#include <map>

using namespace mlir;
using namespace q;
using namespace q::eval;

KernelOr KernelTable::create(Operation *op, KernelContext &context) const {
  auto factory = factories.find(op->getName().getStringRef());
  if (factory == factories.end())
    return op->emitError("'")
           << op->getName()
           << "' has no float form; the float evaluator runs ops of the q "
              "dialect before q-quantize";
  return factory->second(op, context);
}

namespace {

/// Vectors that are free, by size, so that a run does not touch new pages for
/// every value.
class BufferPool {
public:
  Tensor take(ArrayRef<int64_t> shape) {
    std::vector<std::vector<float>> &list = free[Tensor::count(shape)];
    if (list.empty())
      return Tensor::floats(shape);
    Tensor tensor(shape, std::move(list.back()));
    list.pop_back();
    return tensor;
  }
  void give(Tensor &&tensor) {
    free[tensor.getNumElements()].push_back(std::move(tensor.f()));
  }

private:
  std::map<int64_t, std::vector<std::vector<float>>> free;
};

using Slot = std::shared_ptr<Tensor>;

/// An op ready to run. Constants and what follows from them have no kernel:
/// their slots are filled from the beginning.
struct Node {
  Operation *op;
  std::unique_ptr<FloatKernel> kernel;
  SmallVector<unsigned> operands;
  unsigned result;
  /// Values that no later node reads.
  SmallVector<unsigned> dead;
};

class FloatEvaluator : public Evaluator {
public:
  FloatEvaluator(func::FuncOp function, QuantizerMode quantizers)
      : function(function), quantizers(quantizers) {}

  LogicalResult initialize();
  FailureOr<SmallVector<Tensor>> run(ArrayRef<Tensor> inputs,
                                     Observer observer) override;

private:
  LogicalResult addNode(Operation *op, const KernelTable &table);
  LogicalResult execute(const Node &node, std::vector<Slot> &values);
  LogicalResult checkInputs(ArrayRef<Tensor> inputs);
  void findLastUses();
  unsigned number(Value value) {
    return numbers.try_emplace(value, numbers.size()).first->second;
  }

  func::FuncOp function;
  QuantizerMode quantizers;
  std::shared_ptr<DnnlContext> dnnl;
  DenseMap<Value, unsigned> numbers;
  std::vector<Node> nodes;
  /// The constant values, null elsewhere; one slot per number.
  std::vector<Slot> constants;
  SmallVector<unsigned> results;
  BufferPool pool;
};

} // namespace

static LogicalResult checkFloat(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && tensor.hasStaticShape() && tensor.getElementType().isF32())
    return success();
  if (tensor && tensor.hasStaticShape() && getQuantizedType(type) &&
      (isa<ConstOp, QuantizeOp, DequantizeOp, ResizeOp, ReduceOp>(op) ||
       op->hasTrait<SharesParameters>()))
    return success();
  return op->emitError("'") << op->getName() << "' works on " << type
                            << ", but the float evaluator runs static f32 "
                               "tensors; quantized IR is run by the reference "
                               "evaluator";
}

/// The real numbers that a quantized constant means.
static FailureOr<std::vector<float>> getRealConstant(ConstOp constant) {
  if (!getQuantizedType(constant))
    return getConstantFloats(constant);
  FailureOr<std::vector<int32_t>> integers = getConstantInts(constant);
  if (failed(integers))
    return failure();
  ElementParams params(cast<RankedTensorType>(constant.getType()));
  std::vector<float> reals;
  reals.reserve(integers->size());
  for (auto [i, integer] : llvm::enumerate(*integers))
    reals.push_back(numerics::dequantize(integer, params[i]));
  return reals;
}

LogicalResult FloatEvaluator::addNode(Operation *op, const KernelTable &table) {
  for (Type type : op->getOperandTypes())
    if (failed(checkFloat(op, type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(checkFloat(op, type)))
      return failure();
  Node node;
  node.op = op;
  KernelContext context{dnnl, {}, quantizers};
  bool isConstant = true;
  for (Value operand : op->getOperands()) {
    node.operands.push_back(number(operand));
    const Tensor *constant = constants[node.operands.back()].get();
    context.constants.push_back(constant);
    isConstant &= constant != nullptr;
  }
  if (auto constant = dyn_cast<ConstOp>(op)) {
    FailureOr<std::vector<float>> data = getRealConstant(constant);
    if (failed(data))
      return failure();
    node.result = number(constant);
    constants.resize(numbers.size());
    constants[node.result] = std::make_shared<Tensor>(
        getShape(constant.getOutput()), std::move(*data));
    nodes.push_back(std::move(node));
    return success();
  }
  KernelOr kernel = table.create(op, context);
  if (failed(kernel))
    return failure();
  node.kernel = std::move(*kernel);
  node.result = number(op->getResult(0));
  constants.resize(numbers.size());
  if (isConstant) {
    if (failed(execute(node, constants)))
      return failure();
    node.kernel.reset();
  }
  nodes.push_back(std::move(node));
  return success();
}

LogicalResult FloatEvaluator::initialize() {
  if (function.isDeclaration() || !function.getBody().hasOneBlock())
    return function.emitError("must have a body of one block to be evaluated");
  dnnl = createDnnlContext();
  if (!dnnl)
    return function.emitError("cannot be evaluated: oneDNN gives no CPU "
                              "engine");
  KernelTable table;
  addLayerKernels(table);
  addElementwiseKernels(table);
  addPoolKernels(table);
  addNormalizationKernels(table);
  addMovementKernels(table);
  addQuantizerKernels(table);

  Block &block = function.getBody().front();
  for (BlockArgument argument : block.getArguments()) {
    if (failed(checkFloat(function, argument.getType())))
      return failure();
    number(argument);
  }
  constants.resize(numbers.size());
  for (Operation &op : block.without_terminator())
    if (failed(addNode(&op, table)))
      return failure();
  auto end = dyn_cast<func::ReturnOp>(block.getTerminator());
  if (!end)
    return block.getTerminator()->emitError("must be a return");
  for (Value value : end.getOperands()) {
    if (failed(checkFloat(end, value.getType())))
      return failure();
    results.push_back(number(value));
  }
  findLastUses();
  return success();
}

void FloatEvaluator::findLastUses() {
  std::vector<bool> seen(numbers.size());
  for (unsigned result : results)
    seen[result] = true;
  for (Node &node : llvm::reverse(nodes)) {
    // A result that nobody reads dies at once.
    if (!seen[node.result] && !constants[node.result])
      node.dead.push_back(node.result);
    for (unsigned operand : node.operands) {
      if (!seen[operand] && !constants[operand])
        node.dead.push_back(operand);
      seen[operand] = true;
    }
  }
}

LogicalResult FloatEvaluator::execute(const Node &node,
                                      std::vector<Slot> &values) {
  if (node.kernel->isIdentity()) {
    values[node.result] = values[node.operands.front()];
    return success();
  }
  SmallVector<const Tensor *> operands;
  for (unsigned operand : node.operands)
    operands.push_back(values[operand].get());
  auto output =
      std::make_shared<Tensor>(pool.take(getShape(node.op->getResult(0))));
  if (failed(node.kernel->forward(operands, *output)))
    return node.op->emitError("'")
           << node.op->getName() << "' failed in oneDNN; is there memory left?";
  values[node.result] = std::move(output);
  return success();
}

LogicalResult FloatEvaluator::checkInputs(ArrayRef<Tensor> inputs) {
  if (inputs.size() != function.getNumArguments())
    return function.emitError("takes ")
           << function.getNumArguments() << " inputs, but " << inputs.size()
           << " were given";
  for (auto [index, input] : llvm::enumerate(inputs)) {
    ArrayRef<int64_t> expected = getShape(function.getArgument(index));
    if (!input.isFloat())
      return function.emitError("takes float as input ")
             << index << ", but integers were given";
    if (input.getShape() != expected)
      return function.emitError("takes [")
             << expected << "] as input " << index << ", but ["
             << input.getShape() << "] was given";
  }
  return success();
}

FailureOr<SmallVector<Tensor>> FloatEvaluator::run(ArrayRef<Tensor> inputs,
                                                   Observer observer) {
  if (failed(checkInputs(inputs)))
    return failure();
  std::vector<Slot> values(constants);
  for (auto [argument, input] :
       llvm::zip_equal(function.getArguments(), inputs))
    values[numbers.lookup(argument)] = std::make_shared<Tensor>(input);
  for (const Node &node : nodes) {
    if (node.kernel && failed(execute(node, values)))
      return failure();
    observer(node.op->getResult(0), *values[node.result]);
    for (unsigned dead : node.dead) {
      // Identities share a slot: the last of them gives the memory back.
      if (values[dead] && values[dead].use_count() == 1)
        pool.give(std::move(*values[dead]));
      values[dead].reset();
    }
  }
  SmallVector<Tensor> outputs;
  for (unsigned result : results)
    outputs.push_back(*values[result]);
  for (Slot &slot : values)
    if (slot && slot.use_count() == 1)
      pool.give(std::move(*slot));
  return outputs;
}

FailureOr<std::unique_ptr<Evaluator>>
q::eval::createFloatEvaluator(func::FuncOp function, QuantizerMode quantizers) {
  auto evaluator = std::make_unique<FloatEvaluator>(function, quantizers);
  if (failed(evaluator->initialize()))
    return failure();
  return std::unique_ptr<Evaluator>(std::move(evaluator));
}

LogicalResult q::eval::observeFloats(func::FuncOp function, DataSource &data,
                                     Observer observer) {
  auto evaluator = createFloatEvaluator(function);
  if (failed(evaluator))
    return failure();
  for (int64_t i = 0; i < data.getNumBatches(); ++i) {
    auto batch = data.read(i);
    if (failed(batch) || failed((*evaluator)->run(batch->inputs, observer)))
      return failure();
  }
  return success();
}
