//===- ImportElementwise.cpp - ONNX elementwise ops -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Build.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

static constexpr float kInfinity = std::numeric_limits<float>::infinity();

//===----------------------------------------------------------------------===//
// Functions of one element
//===----------------------------------------------------------------------===//

template <UnaryKind kind> static LogicalResult importUnary(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeUnary(node, kind, *data));
}

/// Functions with a parameter `alpha`; ONNX's default differs from op to op.
template <UnaryKind kind>
static LogicalResult importWithAlpha(Node &node, float fallback) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(
      makeUnary(node, kind, *data, node.getFloat("alpha", fallback)));
}
static LogicalResult importElu(Node &node) {
  return importWithAlpha<UnaryKind::Elu>(node, 1.0f);
}
static LogicalResult importCelu(Node &node) {
  return importWithAlpha<UnaryKind::Celu>(node, 1.0f);
}
static LogicalResult importLeakyRelu(Node &node) {
  return importWithAlpha<UnaryKind::LeakyRelu>(node, 0.01f);
}
static LogicalResult importThresholdedRelu(Node &node) {
  return importWithAlpha<UnaryKind::ThresholdedRelu>(node, 1.0f);
}

static LogicalResult importHardSigmoid(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeUnary(node, UnaryKind::HardSigmoid, *data,
                                      node.getFloat("alpha", 0.2f),
                                      node.getFloat("beta", 0.5f)));
}

static LogicalResult importSelu(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(
      makeUnary(node, UnaryKind::Selu, *data,
                node.getFloat("alpha", 1.67326319217681884765625f),
                node.getFloat("gamma", 1.05070102214813232421875f)));
}

/// x * sigmoid(alpha x).
static LogicalResult importSwish(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  float alpha = node.getFloat("alpha", 1.0f);
  if (alpha == 1.0f)
    return node.defineIfBuilt(makeUnary(node, UnaryKind::Silu, *data));
  Value scaled = make<MulOp>(node, {*data, makeScalar(node, alpha)});
  Value gate = scaled ? makeUnary(node, UnaryKind::Sigmoid, scaled) : scaled;
  return node.defineIfBuilt(make<MulOp>(node, {*data, gate}));
}

static LogicalResult importGelu(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  std::string form = node.getString("approximate", "none");
  if (form != "none" && form != "tanh")
    return node.error() << "approximate '" << form << "' is unknown";
  return node.defineIfBuilt(makeUnary(
      node, form == "tanh" ? UnaryKind::GeluTanh : UnaryKind::Gelu, *data));
}

static LogicalResult importRelu(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeClamp(node, *data, 0.0f, kInfinity));
}

static LogicalResult importClip(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  float low = node.getFloat("min", -kInfinity);
  float high = node.getFloat("max", kInfinity);
  for (int index : {1, 2}) {
    if (!node.hasInput(index))
      continue;
    FailureOr<double> bound = node.scalar(index, index == 1 ? "min" : "max");
    if (failed(bound))
      return failure();
    (index == 1 ? low : high) = static_cast<float>(*bound);
  }
  if (std::isnan(low) || std::isnan(high))
    return node.error() << "a bound is not a number";
  // ONNX: where the bounds cross, everything becomes the upper one.
  return node.defineIfBuilt(makeClamp(node, *data, std::min(low, high), high));
}

static LogicalResult importPRelu(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<SmallVector<Value>> inputs = node.allValues();
  if (failed(inputs))
    return failure();
  Value slope = (*inputs)[1];
  size_t rank = shapeOf((*inputs)[0]).size();
  // Before opset 7 the slopes were one per channel.
  if (node.opset() < 7 && shapeOf(slope).size() == 1 && rank > 2) {
    Shape shape(rank - 1, 1);
    shape[0] = shapeOf(slope)[0];
    slope = makeReshape(node, slope, shape);
  }
  return node.defineIfBuilt(make<PReluOp>(node, {(*inputs)[0], slope}));
}

/// Ops that do nothing when the network runs.
static LogicalResult importIdentity(Node &node) {
  if (node.getOpType() == "Dropout") {
    const HostTensor *training = node.host(2), *ratio = node.host(1);
    bool dropsNothing = node.opset() >= 12 && ratio && ratio->size() == 1 &&
                        ratio->getReal(0) == 0;
    if (training && training->size() == 1 && training->getReal(0) != 0 &&
        !dropsNothing)
      return node.error() << "is in training mode; export the model for "
                             "inference";
    FailureOr<Shape> shape = node.shape(0);
    if (failed(shape))
      return failure();
    if (node.wantsOutput(1)) {
      std::optional<int64_t> count = countElements(*shape);
      if (!count || *count > kMaxComputedElements)
        return node.error() << "the mask is too large; export the model for "
                               "inference";
      // Everything is kept.
      HostTensor mask(onnx::TensorProto::BOOL, *shape,
                      std::vector<int64_t>(*count, 1));
      if (failed(node.define(1, std::move(mask))))
        return failure();
    }
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.define(0, *data);
}

static LogicalResult importCast(Node &node) {
  int64_t to = node.getInt("to", onnx::TensorProto::FLOAT);
  if (node.getOpType() == "CastLike" && node.hasInput(1))
    to = node.inputType(1);
  FailureOr<Value> data = node.numbers(0);
  if (failed(data))
    return failure();
  int32_t from = node.inputType(0);
  // Indices and truths are whole numbers already.
  bool keepsNumbers = to == onnx::TensorProto::FLOAT || to == from ||
                      (from == onnx::TensorProto::BOOL && isIntegerType(to)) ||
                      (isIntegerType(from) && to == onnx::TensorProto::INT64);
  if (keepsNumbers)
    return node.define(0, *data);
  if (to != onnx::TensorProto::BOOL)
    return node.error() << "casts data to " << getTypeName(to)
                        << ", but the network computes in float32; remove the "
                           "cast or export the model in float32";
  auto isZero = [&](Value value) {
    MLIRContext *context = node.builder().getContext();
    return make<CompareOp>(
        node, {value, makeScalar(node, 0.0f)},
        Attributes(node).set(
            "kind", CompareKindAttr::get(context, CompareKind::Equal)));
  };
  Value truth = isZero(isZero(*data));
  return node.defineIfBuilt(makeReshape(node, truth, shapeOf(*data)));
}

//===----------------------------------------------------------------------===//
// Functions of two and more
//===----------------------------------------------------------------------===//

/// Scalars next to tensors are one-element vectors, so that no later pass meets
/// tensors without dimensions.
static Value asVector(Node &node, Value value, Value other) {
  if (value && other && shapeOf(value).empty() && !shapeOf(other).empty())
    return makeReshape(node, value, {1});
  return value;
}

/// An operand, where a constant scalar is made a vector at once.
static FailureOr<Value> operandValue(Node &node, int index) {
  const HostTensor *tensor = node.host(index);
  if (tensor && tensor->isFloat() && tensor->getShape().empty())
    return makeConstant(node, node.getProto().input(index),
                        tensor->reshaped({1}));
  return node.value(index);
}

template <typename OpTy>
static Value makeBinary(Node &node, Value lhs, Value rhs) {
  Value left = asVector(node, lhs, rhs), right = asVector(node, rhs, lhs);
  return make<OpTy>(node, {left, right});
}

/// Before opset 7 broadcasting was asked for by attributes: the dimensions of
/// the second operand start at dimension `axis` of the first.
static Value alignToAxis(Node &node, Value lhs, Value rhs) {
  if (node.opset() >= 7 || !node.getInt("broadcast", 0) ||
      !node.attribute("axis"))
    return rhs;
  int64_t rank = shapeOf(lhs).size();
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), rank);
  if (failed(axis))
    return {};
  Shape shape(shapeOf(rhs));
  shape.resize(std::max<int64_t>(rank - *axis, shape.size()), 1);
  return makeReshape(node, rhs, shape);
}

template <typename OpTy> static LogicalResult importBinary(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Value> lhs = operandValue(node, 0), rhs = operandValue(node, 1);
  if (failed(lhs) || failed(rhs))
    return failure();
  Value result = makeBinary<OpTy>(node, *lhs, alignToAxis(node, *lhs, *rhs));
  // Two scalars stay a scalar.
  FailureOr<Shape> left = node.shape(0), right = node.shape(1);
  if (result && left->empty() && right->empty())
    result = makeReshape(node, result, {});
  return node.defineIfBuilt(result);
}

/// x^2, sqrt and 1/x have ops of their own that quantize better.
static LogicalResult importPow(Node &node) {
  const HostTensor *exponent = node.host(1);
  FailureOr<Shape> base = node.shape(0);
  if (failed(base))
    return failure();
  if (exponent && exponent->size() == 1 &&
      exponent->getRank() <= static_cast<int64_t>(base->size())) {
    double power = exponent->getReal(0);
    std::optional<UnaryKind> kind;
    if (power == 2.0)
      kind = UnaryKind::Square;
    else if (power == 0.5)
      kind = UnaryKind::Sqrt;
    else if (power == -1.0)
      kind = UnaryKind::Reciprocal;
    FailureOr<Value> data = node.value(0);
    if (failed(data))
      return failure();
    if (power == 1.0)
      return node.define(0, *data);
    if (kind)
      return node.defineIfBuilt(makeUnary(node, *kind, *data));
  }
  if (exponent && !exponent->isFloat()) {
    // Integer exponents are legal beside a float base.
    FailureOr<Value> data = node.value(0), power = node.numbers(1);
    if (failed(data) || failed(power))
      return failure();
    return node.defineIfBuilt(makeBinary<PowOp>(node, *data, *power));
  }
  return importBinary<PowOp>(node);
}

template <typename OpTy> static Value foldVariadic(Node &node) {
  FailureOr<Value> result = operandValue(node, 0);
  for (int i = 1; succeeded(result) && *result && i < node.numInputs(); ++i) {
    FailureOr<Value> next = operandValue(node, i);
    if (failed(next))
      return {};
    result = makeBinary<OpTy>(node, *result, *next);
  }
  return succeeded(result) ? *result : Value();
}

template <typename OpTy> static LogicalResult importVariadic(Node &node) {
  if (failed(node.requireInputs(1)))
    return failure();
  return node.defineIfBuilt(foldVariadic<OpTy>(node));
}

/// Min or Max with a constant scalar is a clamp.
template <typename OpTy, bool isMin>
static LogicalResult importMinMax(Node &node) {
  for (int data : {0, 1}) {
    const HostTensor *bound = node.host(1 - data);
    if (node.numInputs() != 2 || !bound || !bound->isFloat() ||
        bound->size() != 1 || node.host(data))
      continue;
    FailureOr<Value> value = node.value(data);
    if (failed(value))
      return failure();
    float limit = bound->getFloats()[0];
    if (bound->getRank() > static_cast<int64_t>(shapeOf(*value).size()) ||
        std::isnan(limit))
      continue;
    return node.defineIfBuilt(isMin
                                  ? makeClamp(node, *value, -kInfinity, limit)
                                  : makeClamp(node, *value, limit, kInfinity));
  }
  return importVariadic<OpTy>(node);
}

static LogicalResult importMean(Node &node) {
  if (failed(node.requireInputs(1)))
    return failure();
  Value sum = foldVariadic<AddOp>(node);
  if (node.numInputs() == 1)
    return node.defineIfBuilt(sum);
  return node.defineIfBuilt(
      makeBinary<MulOp>(node, sum, makeScalar(node, 1.0f / node.numInputs())));
}

void onnx_import::addElementwiseHandlers(OpTable &table) {
  table["Abs"] = importUnary<UnaryKind::Abs>;
  table["Neg"] = importUnary<UnaryKind::Neg>;
  table["Exp"] = importUnary<UnaryKind::Exp>;
  table["Log"] = importUnary<UnaryKind::Log>;
  table["Sqrt"] = importUnary<UnaryKind::Sqrt>;
  table["Reciprocal"] = importUnary<UnaryKind::Reciprocal>;
  table["Sigmoid"] = importUnary<UnaryKind::Sigmoid>;
  table["Tanh"] = importUnary<UnaryKind::Tanh>;
  table["Erf"] = importUnary<UnaryKind::Erf>;
  table["HardSwish"] = importUnary<UnaryKind::HardSwish>;
  table["Mish"] = importUnary<UnaryKind::Mish>;
  table["Softplus"] = importUnary<UnaryKind::Softplus>;
  table["Softsign"] = importUnary<UnaryKind::Softsign>;
  table["Floor"] = importUnary<UnaryKind::Floor>;
  table["Ceil"] = importUnary<UnaryKind::Ceil>;
  table["Round"] = importUnary<UnaryKind::Round>;
  table["Sign"] = importUnary<UnaryKind::Sign>;
  table["Sin"] = importUnary<UnaryKind::Sin>;
  table["Cos"] = importUnary<UnaryKind::Cos>;
  table["Elu"] = importElu;
  table["Celu"] = importCelu;
  table["Selu"] = importSelu;
  table["LeakyRelu"] = importLeakyRelu;
  table["ThresholdedRelu"] = importThresholdedRelu;
  table["HardSigmoid"] = importHardSigmoid;
  table["Swish"] = importSwish;
  table["Gelu"] = importGelu;
  table["Relu"] = importRelu;
  table["Clip"] = importClip;
  table["PRelu"] = importPRelu;
  table["Identity"] = importIdentity;
  table["Dropout"] = importIdentity;
  table["Cast"] = importCast;
  table["CastLike"] = importCast;
  table["Add"] = importBinary<AddOp>;
  table["Sub"] = importBinary<SubOp>;
  table["Mul"] = importBinary<MulOp>;
  table["Div"] = importBinary<DivOp>;
  table["Pow"] = importPow;
  table["Sum"] = importVariadic<AddOp>;
  table["Mean"] = importMean;
  table["Min"] = importMinMax<MinOp, true>;
  table["Max"] = importMinMax<MaxOp, false>;
}
