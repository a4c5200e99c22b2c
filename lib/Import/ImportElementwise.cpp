//===- ImportElementwise.cpp - Activations and arithmetic
//-------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The value as it lies, if it is one tensor; otherwise made so.
static Value anyLayout(const Node &node, const GraphValue &value,
                       bool &channelsLast) {
  GraphImporter &importer = node.importer;
  channelsLast = value.layout != GraphValue::Layout::Plain &&
                 value.shape.size() == 4 && !value.isConstant();
  return channelsLast ? importer.asChannelsLast(node.getLoc(), value)
                      : importer.asPlain(node.getLoc(), value);
}

static LogicalResult defineAs(const Node &node, Operation *op,
                              bool channelsLast) {
  if (!op)
    return failure();
  if (channelsLast)
    node.importer.defineChannelsLast(node, op->getResult(0));
  else
    node.importer.definePlain(node, op->getResult(0));
  return success();
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

static LogicalResult importUnary(const Node &node, UnaryKind kind,
                                 float alpha = 0, float beta = 0) {
  OpBuilder &builder = node.importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  bool channelsLast = false;
  Value data = input ? anyLayout(node, *input, channelsLast) : Value();
  if (!data)
    return failure();
  SmallVector<NamedAttribute> attributes = {builder.getNamedAttr(
      "kind", UnaryKindAttr::get(builder.getContext(), kind))};
  if (alpha != 0)
    attributes.push_back(
        builder.getNamedAttr("alpha", builder.getF32FloatAttr(alpha)));
  if (beta != 0)
    attributes.push_back(
        builder.getNamedAttr("beta", builder.getF32FloatAttr(beta)));
  return defineAs(node,
                  tryCreate<UnaryOp>(builder, node.getLoc(), data, attributes),
                  channelsLast);
}

template <UnaryKind kind>
static LogicalResult importPlainUnary(const Node &node) {
  return importUnary(node, kind);
}
static LogicalResult importLeakyRelu(const Node &node) {
  return importUnary(node, UnaryKind::LeakyRelu, node.getFloat("alpha", 0.01f));
}
static LogicalResult importElu(const Node &node) {
  return importUnary(node, UnaryKind::Elu, node.getFloat("alpha", 1.0f));
}
static LogicalResult importCelu(const Node &node) {
  return importUnary(node, UnaryKind::Celu, node.getFloat("alpha", 1.0f));
}
static LogicalResult importSelu(const Node &node) {
  return importUnary(node, UnaryKind::Selu,
                     node.getFloat("alpha", 1.67326319217681884765625f),
                     node.getFloat("gamma", 1.05070102214813232421875f));
}
static LogicalResult importThresholdedRelu(const Node &node) {
  return importUnary(node, UnaryKind::ThresholdedRelu,
                     node.getFloat("alpha", 1.0f));
}
static LogicalResult importHardSigmoid(const Node &node) {
  return importUnary(node, UnaryKind::HardSigmoid, node.getFloat("alpha", 0.2f),
                     node.getFloat("beta", 0.5f));
}
static LogicalResult importGelu(const Node &node) {
  bool tanh = node.getString("approximate", "none") == "tanh";
  return importUnary(node, tanh ? UnaryKind::GeluTanh : UnaryKind::Gelu);
}

static LogicalResult importClampTo(const Node &node, std::optional<float> low,
                                   std::optional<float> high) {
  OpBuilder &builder = node.importer.getBuilder();
  const GraphValue *input = node.getInput(0);
  bool channelsLast = false;
  Value data = input ? anyLayout(node, *input, channelsLast) : Value();
  if (!data)
    return failure();
  // ONNX: where the bounds cross, the upper one wins.
  if (low && high && *low > *high)
    low = high;
  SmallVector<NamedAttribute> attributes;
  // The extremes of float32 are how older exporters say "no bound".
  float limit = std::numeric_limits<float>::max();
  if (low && *low > -limit)
    attributes.push_back(
        builder.getNamedAttr("clamp_min", builder.getF32FloatAttr(*low)));
  if (high && *high < limit)
    attributes.push_back(
        builder.getNamedAttr("clamp_max", builder.getF32FloatAttr(*high)));
  return defineAs(node,
                  tryCreate<ClampOp>(builder, node.getLoc(), data, attributes),
                  channelsLast);
}

static LogicalResult importRelu(const Node &node) {
  return importClampTo(node, 0.0f, std::nullopt);
}

static LogicalResult importClip(const Node &node) {
  std::optional<float> bounds[2];
  const char *names[2] = {"min", "max"};
  for (int i = 0; i < 2; ++i) {
    if (node.hasAttr(names[i])) {
      bounds[i] = node.getFloat(names[i], 0);
    } else if (node.hasInput(i + 1)) {
      FailureOr<double> bound = node.getConstantScalar(i + 1);
      if (failed(bound))
        return failure();
      bounds[i] = static_cast<float>(*bound);
    }
  }
  return importClampTo(node, bounds[0], bounds[1]);
}

//===----------------------------------------------------------------------===//
// Two operands and more
//===----------------------------------------------------------------------===//

/// Both operands in one layout, ready for numpy broadcasting.
struct Operands {
  Value lhs, rhs;
  bool channelsLast = false;
};

static Value broadcastable(const Node &node, const GraphValue &value,
                           bool channelsLast) {
  GraphImporter &importer = node.importer;
  if (!channelsLast)
    return importer.asPlain(node.getLoc(), value);
  if (value.shape.size() == 4)
    return importer.asChannelsLast(node.getLoc(), value);
  // A lower rank broadcasts from the right: [C, 1, 1] is [1, C, 1, 1].
  Shape shape(4 - value.shape.size(), 1);
  shape.append(value.shape.begin(), value.shape.end());
  GraphValue expanded = value;
  expanded.shape = shape;
  if (value.isConstant()) {
    expanded.constant =
        std::make_shared<HostTensor>(value.constant->reshaped(shape));
  } else {
    Value plain = importer.asPlain(node.getLoc(), value);
    if (!plain)
      return {};
    auto type = RankedTensorType::get(
        shape, cast<RankedTensorType>(plain.getType()).getElementType());
    expanded.value =
        ReshapeOp::create(importer.getBuilder(), node.getLoc(), type, plain);
    expanded.layout = GraphValue::Layout::Plain;
    expanded.steps.clear();
  }
  return importer.asChannelsLast(node.getLoc(), expanded);
}

static FailureOr<Operands> readOperands(const Node &node, const GraphValue &lhs,
                                        const GraphValue &rhs) {
  auto isSpatial = [](const GraphValue &value) {
    return !value.isConstant() && value.shape.size() == 4 &&
           value.layout != GraphValue::Layout::Plain;
  };
  if (!broadcastShapes(lhs.shape, rhs.shape))
    return node.emitError()
           << "shapes [" << ArrayRef<int64_t>(lhs.shape) << "] and ["
           << ArrayRef<int64_t>(rhs.shape) << "] do not broadcast";
  Operands result;
  result.channelsLast = (isSpatial(lhs) || isSpatial(rhs)) &&
                        std::max(lhs.shape.size(), rhs.shape.size()) == 4;
  result.lhs = broadcastable(node, lhs, result.channelsLast);
  if (result.lhs)
    result.rhs = broadcastable(node, rhs, result.channelsLast);
  if (!result.rhs)
    return failure();
  return result;
}

/// Folds the inputs from the left with one binary op.
template <typename BinaryOp>
static LogicalResult importBinary(const Node &node) {
  const GraphValue *first = node.getInput(0);
  if (!first)
    return failure();
  if (node.getNumInputs() == 1)
    return importClampTo(node, std::nullopt, std::nullopt);
  GraphValue left = *first;
  bool channelsLast = false;
  for (size_t i = 1; i < node.getNumInputs(); ++i) {
    const GraphValue *right = node.getInput(i);
    if (!right)
      return failure();
    auto operands = readOperands(node, left, *right);
    if (failed(operands))
      return failure();
    auto op = tryCreate<BinaryOp>(node.importer.getBuilder(), node.getLoc(),
                                  {operands->lhs, operands->rhs});
    channelsLast = operands->channelsLast;
    if (failed(defineAs(node, op, channelsLast)))
      return failure();
    left = node.importer.getResult(node);
  }
  return success();
}

static LogicalResult importPRelu(const Node &node) {
  const GraphValue *input = node.getInput(0);
  const GraphValue *slope = input ? node.getInput(1) : nullptr;
  if (!slope)
    return failure();
  auto operands = readOperands(node, *input, *slope);
  if (failed(operands))
    return failure();
  return defineAs(node,
                  tryCreate<PReluOp>(node.importer.getBuilder(), node.getLoc(),
                                     {operands->lhs, operands->rhs}),
                  operands->channelsLast);
}

void q::onnx_import::registerElementwise(llvm::StringMap<Handler> &handlers) {
  handlers["Relu"] = importRelu;
  handlers["Clip"] = importClip;
  handlers["Add"] = importBinary<AddOp>;
  handlers["Sum"] = importBinary<AddOp>;
  handlers["Sub"] = importBinary<SubOp>;
  handlers["Mul"] = importBinary<MulOp>;
  handlers["Div"] = importBinary<DivOp>;
  handlers["Pow"] = importBinary<PowOp>;
  handlers["Min"] = importBinary<MinOp>;
  handlers["Max"] = importBinary<MaxOp>;
  handlers["PRelu"] = importPRelu;
  handlers["LeakyRelu"] = importLeakyRelu;
  handlers["Elu"] = importElu;
  handlers["Celu"] = importCelu;
  handlers["Selu"] = importSelu;
  handlers["ThresholdedRelu"] = importThresholdedRelu;
  handlers["HardSigmoid"] = importHardSigmoid;
  handlers["HardSwish"] = importPlainUnary<UnaryKind::HardSwish>;
  handlers["Gelu"] = importGelu;
  handlers["Abs"] = importPlainUnary<UnaryKind::Abs>;
  handlers["Neg"] = importPlainUnary<UnaryKind::Neg>;
  handlers["Exp"] = importPlainUnary<UnaryKind::Exp>;
  handlers["Log"] = importPlainUnary<UnaryKind::Log>;
  handlers["Sqrt"] = importPlainUnary<UnaryKind::Sqrt>;
  handlers["Reciprocal"] = importPlainUnary<UnaryKind::Reciprocal>;
  handlers["Sigmoid"] = importPlainUnary<UnaryKind::Sigmoid>;
  handlers["Tanh"] = importPlainUnary<UnaryKind::Tanh>;
  handlers["Erf"] = importPlainUnary<UnaryKind::Erf>;
  handlers["Softplus"] = importPlainUnary<UnaryKind::Softplus>;
  handlers["Softsign"] = importPlainUnary<UnaryKind::Softsign>;
  handlers["Mish"] = importPlainUnary<UnaryKind::Mish>;
  handlers["Floor"] = importPlainUnary<UnaryKind::Floor>;
  handlers["Ceil"] = importPlainUnary<UnaryKind::Ceil>;
  handlers["Round"] = importPlainUnary<UnaryKind::Round>;
  handlers["Sign"] = importPlainUnary<UnaryKind::Sign>;
  handlers["Sin"] = importPlainUnary<UnaryKind::Sin>;
  handlers["Cos"] = importPlainUnary<UnaryKind::Cos>;
}
