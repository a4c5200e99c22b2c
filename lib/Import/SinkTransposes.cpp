//===- SinkTransposes.cpp - Moves transposes behind an op -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SinkTransposes.h"
#include "Constants.h"
#include "QuantizedConstants.h"

using namespace mlir;
using namespace q;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static Dims inverse(ArrayRef<int64_t> perm) {
  Dims result(perm.size());
  for (auto [to, from] : llvm::enumerate(perm))
    result[from] = to;
  return result;
}

static Dims permuted(ArrayRef<int64_t> values, ArrayRef<int64_t> perm) {
  Dims result;
  for (int64_t from : perm)
    result.push_back(values[from]);
  return result;
}

Value LayoutState::build(OpBuilder &ops, Location loc, const View &view,
                         bool atOnce) {
  Value value = builder.build(ops, loc, view.getRoot(), view.plan(atOnce));
  if (value != view.getRoot())
    views.insert_or_assign(value, view);
  return value;
}

//===----------------------------------------------------------------------===//
// Which ops, and what changes in them
//===----------------------------------------------------------------------===//

/// Whether every element has the same parameters, or none.
static bool isPerTensor(Value value) {
  return !isa<quant::UniformQuantizedPerAxisType>(
      cast<RankedTensorType>(value.getType()).getElementType());
}

/// Ops whose operands broadcast to the result, element by element.
static bool isElementwise(Operation *op) {
  if (auto quantizer = dyn_cast<QuantizerOp>(op))
    return quantizer.getScheme().getAxis() < 0;
  if (isa<QuantizeOp, DequantizeOp>(op))
    return isPerTensor(op->getOperand(0)) && isPerTensor(op->getResult(0));
  return isa<UnaryOp, ClampOp, AddOp, SubOp, MulOp, DivOp, PowOp, MinOp, MaxOp,
             PReluOp, ExpandOp>(op);
}

/// The attributes and result shape of `op` when every operand has its
/// dimensions reordered: dimension `d` of the old operands is `perm[d]` of the
/// new ones. `resultPerm` is the transpose that gives the old result from the
/// new one.
struct Reordered {
  SmallVector<NamedAttribute> attributes;
  Dims shape, resultPerm;
};

static std::optional<Reordered> reorder(Operation *op, ArrayRef<int64_t> perm) {
  Builder builder(op->getContext());
  Reordered result;
  result.resultPerm.assign(perm.begin(), perm.end());
  llvm::append_range(result.attributes, op->getAttrDictionary().getValue());
  auto set = [&](StringRef name, Attribute value) {
    for (NamedAttribute &attribute : result.attributes)
      if (attribute.getName() == name)
        attribute.setValue(value);
  };
  Dims back = inverse(perm);
  if (auto concat = dyn_cast<ConcatOp>(op)) {
    set("axis", builder.getI64IntegerAttr(perm[concat.getAxis()]));
  } else if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    set("axis", builder.getI64IntegerAttr(perm[softmax.getAxis()]));
  } else if (auto pad = dyn_cast<PadOp>(op)) {
    set("low", builder.getDenseI64ArrayAttr(permuted(pad.getLow(), back)));
    set("high", builder.getDenseI64ArrayAttr(permuted(pad.getHigh(), back)));
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    Dims axes;
    for (int64_t axis : reduce.getAxes())
      axes.push_back(perm[axis]);
    llvm::sort(axes);
    set("axes", builder.getDenseI64ArrayAttr(axes));
    if (!reduce.getKeepDims()) {
      // What is left of the order when the reduced dimensions are gone.
      Dims left, ranks;
      for (auto [dim, from] : llvm::enumerate(perm))
        if (!llvm::is_contained(reduce.getAxes(), int64_t(dim)))
          left.push_back(from);
      Dims sorted = left;
      llvm::sort(sorted);
      for (int64_t from : left)
        ranks.push_back(llvm::find(sorted, from) - sorted.begin());
      result.resultPerm = ranks;
    }
  } else if (!isElementwise(op)) {
    return std::nullopt;
  }
  result.shape =
      permuted(shapeOf(op->getResult(0)), inverse(result.resultPerm));
  return result;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// A constant of floats, or one that a model brought quantized.
static bool isConstant(Value value) {
  return value.getDefiningOp<ConstOp>() || getDequantizedConstant(value);
}

/// A constant read under `shape`, transposed, and given the shape `finalShape`
/// (null for the transposed one).
static Value transposeConstant(OpBuilder &ops, Value value,
                               ArrayRef<int64_t> shape, ArrayRef<int64_t> perm,
                               std::optional<ArrayRef<int64_t>> finalShape) {
  if (getDequantizedConstant(value))
    return permuteDequantized(ops, value, shape, perm,
                              finalShape.value_or(ArrayRef<int64_t>()));
  std::optional<FloatConstant> constant = matchConstant(value);
  if (!constant)
    return {};
  Dims strides(shape.size(), 1), newShape = permuted(shape, perm);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  Dims newStrides = permuted(strides, perm), index(shape.size(), 0);
  std::vector<float> values(constant->values.size());
  int64_t source = 0;
  for (float &element : values) {
    element = constant->values[source];
    for (size_t d = shape.size(); d-- > 0;) {
      source += newStrides[d];
      if (++index[d] < newShape[d])
        break;
      source -= newStrides[d] * newShape[d];
      index[d] = 0;
    }
  }
  return createConstant(ops, value.getLoc(), constant->name,
                        finalShape.value_or(newShape), values);
}

/// The operand `value` with its dimensions in the order `perm`, if that costs
/// no transpose that is not there already. `rank` is that of the result:
/// smaller operands are broadcast.
static Value getFreeTransposed(OpBuilder &ops, Value value,
                               ArrayRef<int64_t> perm, LayoutState &state,
                               bool broadcasts) {
  // The transpose that is to be undone: what it works on is there already.
  if (auto transpose = value.getDefiningOp<TransposeOp>())
    if (inverse(transpose.getPerm()) == Dims(perm))
      return transpose.getInput();
  Dims shape(shapeOf(value));
  if (shape.size() < perm.size()) {
    if (!broadcasts)
      return {};
    shape.insert(shape.begin(), perm.size() - shape.size(), 1);
  }
  // One element broadcasts the same from everywhere.
  if (broadcasts && shapeOf(value) == ArrayRef<int64_t>{1})
    return value;
  if (isConstant(value)) {
    // Leading ones are what broadcasting adds anyway.
    Dims newShape = permuted(shape, perm);
    ArrayRef<int64_t> shortest = newShape;
    while (broadcasts && shortest.size() > 1 && shortest.front() == 1)
      shortest = shortest.drop_front();
    return transposeConstant(ops, value, shape, perm, shortest);
  }
  View view = state.viewOf(value);
  if (!view.reshape(shape)) {
    view = View(value);
    view.reshape(shape);
  }
  view.transpose(perm);
  View::Plan plan = view.plan(/*atOnce=*/false);
  bool exists = plan.innerPerm.empty() &&
                plan.sorted == shapeOf(view.getRoot()) &&
                state.builder.findTranspose(view.getRoot(), plan.perm);
  if (plan.countTransposes() > 0 && !exists)
    return {};
  return state.build(ops, value.getLoc(), view);
}

Value q::sinkTransposes(OpBuilder &ops, Operation *op, LayoutState &state) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0)
    return {};
  bool broadcasts = isElementwise(op);
  int64_t rank = broadcasts ? shapeOf(op->getResult(0)).size()
                            : shapeOf(op->getOperand(0)).size();
  TransposeOp found;
  for (Value operand : op->getOperands()) {
    auto transpose = operand.getDefiningOp<TransposeOp>();
    if (transpose && static_cast<int64_t>(transpose.getPerm().size()) == rank) {
      found = transpose;
      break;
    }
  }
  if (!found)
    return {};
  Dims perm(found.getPerm()), back = inverse(perm);
  std::optional<Reordered> reordered = reorder(op, perm);
  if (!reordered)
    return {};
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value before = getFreeTransposed(ops, operand, back, state, broadcasts);
    if (!before)
      return {};
    operands.push_back(before);
  }
  OperationState opState(op->getLoc(), op->getName());
  opState.addOperands(operands);
  opState.addAttributes(reordered->attributes);
  opState.addTypes(RankedTensorType::get(
      reordered->shape,
      cast<RankedTensorType>(op->getResult(0).getType()).getElementType()));
  Value result = ops.create(opState)->getResult(0);
  View view(result);
  view.transpose(reordered->resultPerm);
  return state.build(ops, op->getLoc(), view);
}

Value q::permuteGemmWeights(OpBuilder &ops, Operation *op, LayoutState &state) {
  auto gemm = dyn_cast<GemmOp>(op);
  if (!gemm || !isConstant(gemm.getWeights()))
    return {};
  View view = state.viewOf(gemm.getInput());
  Dims extents, order;
  if (!view.sortColumns(extents, order))
    return {};
  Value weights = gemm.getWeights();
  Dims split = {shapeOf(weights)[0]}, perm = {0};
  llvm::append_range(split, extents);
  for (int64_t piece : order)
    perm.push_back(piece + 1);
  Value sorted = transposeConstant(ops, weights, split, perm, shapeOf(weights));
  if (!sorted)
    return {};
  Value input = state.build(ops, gemm.getLoc(), view);
  auto clone = cast<GemmOp>(ops.clone(*op));
  clone.getInputMutable().set(input);
  clone.getWeightsMutable().set(sorted);
  return clone.getOutput();
}
