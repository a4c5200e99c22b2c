//===- ChannelClasses.cpp - Tensors whose channels go together ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelClasses.h"

#include "QDialect/Shapes.h"
#include "QDialect/Transforms/Constants.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace q;

//===----------------------------------------------------------------------===//
// Classes
//===----------------------------------------------------------------------===//

size_t ChannelClasses::find(size_t id) const {
  while (parents[id] != id)
    id = parents[id];
  return id;
}

size_t ChannelClasses::getExtent(ArrayRef<Segment> space) {
  size_t extent = 0;
  for (const Segment &segment : space)
    extent += segment.extent;
  return extent;
}

ChannelClasses::Space ChannelClasses::create(size_t extent) {
  size_t own = change == Change::Scale ? 1 : extent;
  Space space;
  for (size_t done = 0; done < extent; done += own) {
    parents.push_back(parents.size());
    extents.push_back(own);
    fixed.push_back(false);
    space.push_back({parents.back(), own});
  }
  return space;
}

ChannelClasses::Space ChannelClasses::createFor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() == 0 ||
      ShapedType::isDynamic(type.getShape().back()))
    return create(1);
  return create(type.getShape().back());
}

ChannelClasses::Space &ChannelClasses::get(Value value) {
  auto [it, isNew] = spaces.try_emplace(value);
  if (isNew) {
    // What nothing below has made is not ours to permute.
    Space space = createFor(value);
    fix(space);
    it->second = space;
  }
  return it->second;
}

void ChannelClasses::fix(ArrayRef<Segment> space) {
  for (const Segment &segment : space)
    fixed[find(segment.id)] = true;
}

void ChannelClasses::unite(ArrayRef<Segment> a, ArrayRef<Segment> b) {
  if (!llvm::equal(a, b, [](const Segment &x, const Segment &y) {
        return x.extent == y.extent;
      })) {
    fix(a);
    return fix(b);
  }
  for (auto [x, y] : llvm::zip(a, b)) {
    size_t from = find(x.id), to = find(y.id);
    fixed[to] = fixed[to] || fixed[from];
    parents[from] = to;
  }
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Whether a value is a constant that can be changed here: of floats or, if
/// only permuted, also behind a quantizer, or of given integers that are
/// dequantized.
bool ChannelClasses::isChangeable(Value value) const {
  Operation *op = value.getDefiningOp();
  if (change == Change::Order && isa_and_nonnull<QuantizerOp, DequantizeOp>(op))
    return isa_and_nonnull<ConstOp>(op->getOperand(0).getDefiningOp());
  return isFloatConstant(value);
}

/// Whether factors of channels, if that is the change, go through `op`: it is
/// no clamp but at 0.
bool ChannelClasses::allows(Operation *op) const {
  if (change == Change::Order)
    return true;
  if (auto clamp = dyn_cast<FusedClampOpInterface>(op)) {
    FloatAttr low = clamp.getClampMinAttr();
    if (clamp.getClampMaxAttr() || clamp.getChannelMaxAttr() ||
        (low && !low.getValue().isZero()))
      return false;
  }
  if (auto pad = dyn_cast<PadOp>(op))
    return pad.getMode() != PadMode::Constant || pad.getValue().isZero();
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Mean;
  return !isa<UnaryOp, MulOp, DivOp, QuantizerOp, QuantizeOp, DequantizeOp>(op);
}

static bool isConstant(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<QuantizerOp, DequantizeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return isa_and_nonnull<ConstOp>(op);
}

/// The extent of the last dimension; of a scalar, 1.
static int64_t getChannels(Value value) {
  ArrayRef<int64_t> shape = getShape(value);
  return shape.empty() ? 1 : shape.back();
}

/// Whether `op` treats every channel of its first operand alike and apart from
/// the others.
static bool keepsChannels(Operation *op) {
  auto isSame = [](Operation *op) {
    return getChannels(op->getOperand(0)) == getChannels(op->getResult(0));
  };
  return TypeSwitch<Operation *, bool>(op)
      .Case<UnaryOp, ClampOp, MaxPool2DOp, AvgPool2DOp, ResizeOp>(
          [&](auto op) { return isSame(op); })
      .Case([&](QuantizerOp op) {
        int64_t axis = op.getScheme().getAxis();
        return axis < 0 ||
               axis + 1 < cast<RankedTensorType>(op.getType()).getRank();
      })
      .Case<QuantizeOp, DequantizeOp>([](Operation *op) {
        // One of the two is float.
        return !isa<quant::UniformQuantizedPerAxisType>(
                   getElementTypeOrSelf(op->getOperand(0).getType())) &&
               !isa<quant::UniformQuantizedPerAxisType>(
                   getElementTypeOrSelf(op->getResult(0).getType()));
      })
      .Case([](PadOp op) {
        return !op.getLow().empty() && op.getLow().back() == 0 &&
               op.getHigh().back() == 0;
      })
      .Case([](SliceOp op) {
        return !op.getStarts().empty() && op.getStarts().back() == 0 &&
               op.getSteps().back() == 1 &&
               op.getSizes().back() == getChannels(op.getInput());
      })
      .Case([&](ReduceOp op) {
        auto rank = static_cast<int64_t>(getShape(op.getInput()).size());
        return !llvm::is_contained(op.getAxes(), rank - 1) && isSame(op);
      })
      // In row-major order the last dimension stays what it is.
      .Case([&](ReshapeOp op) {
        return !getShape(op.getInput()).empty() &&
               !getShape(op.getResult()).empty() && isSame(op);
      })
      .Default([](Operation *) { return false; });
}

void ChannelClasses::visitLayer(WeightedOpInterface op) {
  Value input = op.getInput(), result = op->getResult(0);
  Space inputs = get(input);
  auto conv = dyn_cast<Conv2DOp>(op.getOperation());
  bool isOurs = isa<Conv2DOp, GemmOp>(op.getOperation()) &&
                isChangeable(op.getWeights()) &&
                (!op.getBias() || isChangeable(op.getBias()));
  int64_t groups = conv ? conv.getGroups() : 1;
  bool isDepthwise = groups > 1 && groups == getChannels(input) &&
                     groups == getChannels(result);
  if (!isOurs || (groups > 1 && !isDepthwise)) {
    fix(inputs);
    fix(get(result));
    if (conv && conv.getResidual())
      fix(get(conv.getResidual()));
    return;
  }
  bool isOneOrder = isDepthwise && change == Change::Order;
  Space outputs = isOneOrder ? inputs : createFor(result);
  spaces[result] = outputs;
  if (!allows(op))
    fix(outputs);
  if (conv && conv.getResidual())
    unite(get(conv.getResidual()), outputs);
  layers.push_back({op, inputs, outputs, isDepthwise});
}

bool ChannelClasses::visitElementwise(Operation *op) {
  if (!isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp>(op))
    return false;
  bool isScalarFree = change == Change::Order;
  int64_t extent = getChannels(op->getResult(0));
  std::optional<Space> space;
  for (Value operand : op->getOperands()) {
    ArrayRef<int64_t> shape = getShape(operand);
    if (isScalarFree && (shape.empty() || shape.back() == 1))
      continue; // the same for all channels
    if (shape.empty() || shape.back() != extent || isConstant(operand))
      return false;
    Space own = get(operand);
    if (space)
      unite(own, *space);
    space = own;
  }
  if (!space)
    return false;
  spaces[op->getResult(0)] = *space;
  return true;
}

bool ChannelClasses::visitConcat(Operation *op) {
  auto concat = dyn_cast<ConcatOp>(op);
  if (!concat)
    return false;
  auto rank = static_cast<int64_t>(getShape(concat.getResult()).size());
  Space space;
  if (static_cast<int64_t>(concat.getAxis()) == rank - 1) {
    for (Value operand : concat.getInputs())
      space.append(Space(get(operand)));
  } else {
    space = get(concat.getInputs().front());
    for (Value operand : concat.getInputs().drop_front())
      unite(Space(get(operand)), space);
  }
  spaces[concat.getResult()] = space;
  return true;
}

/// Some of the channels, where each is a class.
bool ChannelClasses::visitSlice(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  if (!slice || change == Change::Order || slice.getStarts().empty())
    return false;
  Space &all = get(slice.getInput()), space;
  for (int64_t i = 0; i < slice.getSizes().back(); ++i)
    space.push_back(
        all[slice.getStarts().back() + i * slice.getSteps().back()]);
  spaces[slice.getResult()] = space;
  return true;
}

void ChannelClasses::visit(Operation *op) {
  if (isa<ConstOp>(op))
    return;
  if (auto layer = dyn_cast<WeightedOpInterface>(op))
    return visitLayer(layer);
  if (isa<QuantizerOp, DequantizeOp>(op) && isConstant(op->getOperand(0)))
    return;
  if (keepsChannels(op) && allows(op)) {
    Space space = get(op->getOperand(0));
    spaces[op->getResult(0)] = space;
    return;
  }
  if (allows(op) && (visitElementwise(op) || visitConcat(op) || visitSlice(op)))
    return;
  // Everything else may look at the order of channels.
  for (Value operand : op->getOperands())
    fix(get(operand));
}

ChannelClasses::ChannelClasses(func::FuncOp function, Change change)
    : change(change) {
  function.walk([&](Operation *op) {
    if (op != function)
      visit(op);
  });
}
