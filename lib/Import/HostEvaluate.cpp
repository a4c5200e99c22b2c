//===- HostEvaluate.cpp - Arithmetic on known tensors ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What exporters write to compute shapes: `Shape`, constants, integer and
// float arithmetic, comparisons. Ops that move elements are in the handlers,
// which serve known tensors as well.
//
//===----------------------------------------------------------------------===//

#include "Importer.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;
using onnx::TensorProto;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static LogicalResult evaluateConstant(Node &node) {
  if (const onnx::AttributeProto *value = node.attribute("value")) {
    std::string reason;
    FailureOr<HostTensor> tensor =
        readTensor(value->t(), node.getImporter().getFolder(),
                   node.getImporter().getModel(), reason);
    if (failed(tensor))
      return node.error() << "its value cannot be read: " << reason;
    return node.define(0, *tensor);
  }
  if (const onnx::AttributeProto *value = node.attribute("value_float"))
    return node.define(
        0, HostTensor(TensorProto::FLOAT, {}, std::vector<float>{value->f()}));
  if (const onnx::AttributeProto *value = node.attribute("value_int"))
    return node.define(0, HostTensor::scalar(value->i()));
  if (const onnx::AttributeProto *value = node.attribute("value_floats"))
    return node.define(
        0, HostTensor(TensorProto::FLOAT, {int64_t(value->floats_size())},
                      std::vector<float>(value->floats().begin(),
                                         value->floats().end())));
  if (std::optional<Shape> value = node.getInts("value_ints"))
    return node.define(0, HostTensor::ints(*value));
  return node.error() << "has no dense numeric value; strings and sparse "
                         "tensors are not supported";
}

static LogicalResult evaluateShape(Node &node) {
  FailureOr<Shape> shape = node.shape(0);
  if (failed(shape))
    return failure();
  if (node.getOpType() == "Size")
    return node.define(0,
                       HostTensor::scalar(countElements(*shape).value_or(0)));
  int64_t rank = shape->size();
  auto clamp = [&](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + rank : index, 0, rank);
  };
  int64_t start = clamp(node.getInt("start", 0));
  int64_t end = clamp(node.getInt("end", rank));
  ArrayRef<int64_t> all = *shape;
  return node.define(
      0, HostTensor::ints(all.slice(start, std::max<int64_t>(0, end - start))));
}

/// Values computed for a shape that the model states must fit into memory.
static FailureOr<int64_t> checkCount(Node &node, ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = countElements(shape);
  if (!count || *count > kMaxComputedElements)
    return node.error() << "the constant of shape [" << shape
                        << "] that it makes is too large or negative";
  return *count;
}

static LogicalResult evaluateConstantOfShape(Node &node) {
  FailureOr<Shape> shape = node.ints(0, "the shape");
  if (failed(shape))
    return failure();
  FailureOr<int64_t> count = checkCount(node, *shape);
  if (failed(count))
    return failure();
  const onnx::AttributeProto *value = node.attribute("value");
  if (!value)
    return node.define(0, HostTensor(TensorProto::FLOAT, *shape,
                                     std::vector<float>(*count, 0.0f)));
  std::string reason;
  FailureOr<HostTensor> fill =
      readTensor(value->t(), node.getImporter().getFolder(), nullptr, reason);
  if (failed(fill) || fill->size() != 1)
    return node.error() << "its value is not one number" << reason;
  return node.define(0,
                     fill->gathered(*shape, std::vector<int64_t>(*count, 0)));
}

static LogicalResult evaluateRange(Node &node) {
  if (failed(node.requireInputs(3)))
    return failure();
  FailureOr<double> start = node.scalar(0, "start"),
                    limit = node.scalar(1, "limit"),
                    delta = node.scalar(2, "delta");
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  double steps = std::ceil((*limit - *start) / *delta);
  if (!(std::abs(steps) <= kMaxComputedElements))
    return node.error() << "the range from " << *start << " to " << *limit
                        << " by " << *delta << " is too large or endless";
  int64_t count = std::max<int64_t>(0, static_cast<int64_t>(steps));
  int32_t dtype = node.host(0)->getType();
  if (!isFloatType(dtype)) {
    std::vector<int64_t> values(count);
    int64_t first = node.host(0)->getInts()[0], by = node.host(2)->getInts()[0];
    for (int64_t i = 0; i < count; ++i)
      values[i] = first + i * by;
    return node.define(0, HostTensor(dtype, {count}, std::move(values)));
  }
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(*start + i * *delta);
  return node.define(0, HostTensor(dtype, {count}, std::move(values)));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// One result element of a binary op; nothing for a division by zero or an op
/// that does not exist on this type.
static std::optional<int64_t> compute(StringRef op, int64_t a, int64_t b) {
  // Unsigned, so that overflow wraps instead of being undefined.
  uint64_t ua = a, ub = b;
  if (op == "Add")
    return ua + ub;
  if (op == "Sub")
    return ua - ub;
  if (op == "Mul")
    return ua * ub;
  if (op == "Min")
    return std::min(a, b);
  if (op == "Max")
    return std::max(a, b);
  if (op == "Div" || op == "Mod") {
    bool overflows = a == std::numeric_limits<int64_t>::min() && b == -1;
    if (b == 0 || overflows)
      return std::nullopt;
    int64_t remainder = a % b;
    // Integer Mod has the sign of the divisor.
    if (op == "Mod")
      return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b
                                                          : remainder;
    return a / b;
  }
  if (op == "Pow")
    return static_cast<int64_t>(std::pow(double(a), double(b)));
  if (op == "BitShift")
    return ub < 64 ? ua << ub : 0;
  if (op == "BitShiftRight")
    return ub < 64 ? ua >> ub : 0;
  if (op == "And")
    return a && b;
  if (op == "Or")
    return a || b;
  if (op == "Xor")
    return !a != !b;
  return std::nullopt;
}

static std::optional<float> compute(StringRef op, float a, float b) {
  if (op == "Add")
    return a + b;
  if (op == "Sub")
    return a - b;
  if (op == "Mul")
    return a * b;
  if (op == "Div")
    return a / b;
  if (op == "Min")
    return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b);
  if (op == "Max")
    return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
  if (op == "Pow")
    return std::pow(a, b);
  if (op == "Mod")
    return std::fmod(a, b);
  return std::nullopt;
}

template <typename T>
static std::optional<bool> compare(StringRef op, T a, T b) {
  if (op == "Equal")
    return a == b;
  if (op == "Less")
    return a < b;
  if (op == "LessOrEqual")
    return a <= b;
  if (op == "Greater")
    return a > b;
  if (op == "GreaterOrEqual")
    return a >= b;
  return std::nullopt;
}

/// Both operands under their common shape.
struct Pair {
  Shape shape;
  std::vector<int64_t> lhs, rhs;
};
static FailureOr<Pair> broadcastPair(Node &node, const HostTensor &lhs,
                                     const HostTensor &rhs) {
  std::optional<Shape> shape = broadcastShapes(lhs.getShape(), rhs.getShape());
  if (!shape)
    return node.error() << "shapes [" << lhs.getShape() << "] and ["
                        << rhs.getShape() << "] do not broadcast";
  if (failed(checkCount(node, *shape)))
    return failure();
  return Pair{
      *shape, makeIndexMap(*shape, getBroadcastStrides(lhs.getShape(), *shape)),
      makeIndexMap(*shape, getBroadcastStrides(rhs.getShape(), *shape))};
}

template <typename T, typename Function>
static FailureOr<HostTensor> apply(Node &node, int32_t dtype, const Pair &pair,
                                   ArrayRef<T> lhs, ArrayRef<T> rhs,
                                   Function function) {
  using Out = typename decltype(function(T(), T()))::value_type;
  using Stored = std::conditional_t<std::is_same_v<Out, bool>, int64_t, Out>;
  std::vector<Stored> values(pair.lhs.size());
  for (size_t i = 0; i < values.size(); ++i) {
    auto value = function(lhs[pair.lhs[i]], rhs[pair.rhs[i]]);
    if (!value)
      return node.error() << "cannot be computed on constants of type "
                          << getTypeName(dtype)
                          << " (a division by zero, or not defined on it)";
    values[i] = *value;
  }
  return HostTensor(dtype, pair.shape, std::move(values));
}

static FailureOr<HostTensor> evaluateBinary(Node &node, const HostTensor &lhs,
                                            const HostTensor &rhs) {
  StringRef op = node.getOpType();
  // The one op whose attribute says what it computes.
  if (op == "BitShift" && node.getString("direction", "LEFT") == "RIGHT")
    op = "BitShiftRight";
  FailureOr<Pair> pair = broadcastPair(node, lhs, rhs);
  if (failed(pair))
    return failure();
  if (lhs.isFloat() != rhs.isFloat())
    return node.error() << "mixes the types " << getTypeName(lhs.getType())
                        << " and " << getTypeName(rhs.getType());
  bool isComparison = compare<int64_t>(op, 0, 0).has_value();
  if (lhs.isFloat() && isComparison)
    return apply(node, TensorProto::BOOL, *pair, lhs.getFloats(),
                 rhs.getFloats(),
                 [&](float a, float b) { return compare(op, a, b); });
  if (isComparison)
    return apply(node, TensorProto::BOOL, *pair, lhs.getInts(), rhs.getInts(),
                 [&](int64_t a, int64_t b) { return compare(op, a, b); });
  if (lhs.isFloat())
    return apply(node, lhs.getType(), *pair, lhs.getFloats(), rhs.getFloats(),
                 [&](float a, float b) { return compute(op, a, b); });
  FailureOr<HostTensor> result =
      apply(node, lhs.getType(), *pair, lhs.getInts(), rhs.getInts(),
            [&](int64_t a, int64_t b) { return compute(op, a, b); });
  if (failed(result))
    return failure();
  // Narrow types wrap where their arithmetic would.
  return result->converted(lhs.getType());
}

static LogicalResult evaluateVariadic(Node &node) {
  HostTensor result = *node.host(0);
  for (int i = 1; i < node.numInputs(); ++i) {
    FailureOr<HostTensor> next = evaluateBinary(node, result, *node.host(i));
    if (failed(next))
      return failure();
    result = *next;
  }
  return node.define(0, result);
}

static LogicalResult evaluateUnary(Node &node) {
  const HostTensor &input = *node.host(0);
  StringRef op = node.getOpType();
  if (input.isFloat()) {
    std::vector<float> values(input.getFloats());
    for (float &v : values)
      v = llvm::StringSwitch<float>(op)
              .Case("Neg", -v)
              .Case("Abs", std::abs(v))
              .Case("Sqrt", std::sqrt(v))
              .Case("Floor", std::floor(v))
              .Case("Ceil", std::ceil(v))
              .Case("Round", std::nearbyint(v))
              .Case("Reciprocal", 1.0f / v)
              .Default(v);
    return node.define(
        0, HostTensor(input.getType(), input.getShape(), std::move(values)));
  }
  std::vector<int64_t> values(input.getInts());
  for (int64_t &v : values) {
    int64_t negated = int64_t(-uint64_t(v));
    v = llvm::StringSwitch<int64_t>(op)
            .Case("Neg", negated)
            .Case("Abs", v < 0 ? negated : v)
            .Case("Not", !v)
            .Default(v);
  }
  return node.define(
      0, HostTensor(input.getType(), input.getShape(), std::move(values)));
}

static LogicalResult evaluateCast(Node &node) {
  int64_t to = node.getInt("to", 0);
  if (const HostTensor *like = node.host(1))
    to = like->getType();
  bool isNibble = to == kInt4 || to == kUInt4;
  if (isNibble || (!isFloatType(to) && !isIntegerType(to)))
    return node.error() << "casts to " << getTypeName(to)
                        << ", which is not supported; cast to a float "
                           "or integer type of 8 bits or more";
  return node.define(0, node.host(0)->converted(to));
}

static LogicalResult evaluateWhere(Node &node) {
  const HostTensor &condition = *node.host(0), &yes = *node.host(1),
                   &no = *node.host(2);
  FailureOr<Pair> first = broadcastPair(node, yes, no);
  if (failed(first) || yes.isFloat() != no.isFloat() || condition.isFloat())
    return failed(first) ? failure()
                         : node.error() << "mixes types that do not fit";
  std::optional<Shape> shape =
      broadcastShapes(condition.getShape(), first->shape);
  if (!shape)
    return node.error() << "the condition does not broadcast";
  if (failed(checkCount(node, *shape)))
    return failure();
  auto mapOf = [&](const HostTensor &tensor) {
    return makeIndexMap(*shape, getBroadcastStrides(tensor.getShape(), *shape));
  };
  std::vector<int64_t> c = mapOf(condition), y = mapOf(yes), n = mapOf(no);
  auto select = [&](auto yesValues, auto noValues) {
    std::vector<std::decay_t<decltype(yesValues[0])>> values(c.size());
    for (size_t i = 0; i < c.size(); ++i)
      values[i] = condition.getInts()[c[i]] ? yesValues[y[i]] : noValues[n[i]];
    return node.define(0, HostTensor(yes.getType(), *shape, std::move(values)));
  };
  return yes.isFloat() ? select(yes.getFloats(), no.getFloats())
                       : select(yes.getInts(), no.getInts());
}

/// Integer bounds; those of floats stay with the run-time op.
static LogicalResult evaluateClip(Node &node) {
  const HostTensor &input = *node.host(0);
  std::vector<int64_t> values(input.getInts());
  for (int index : {1, 2}) {
    if (!node.hasInput(index))
      continue;
    FailureOr<Shape> bound = node.ints(index, "the bound");
    if (failed(bound))
      return failure();
    if (bound->size() != 1)
      return node.error() << "a bound must be one number";
    for (int64_t &v : values)
      v = index == 1 ? std::max(v, bound->front())
                     : std::min(v, bound->front());
  }
  return node.define(
      0, HostTensor(input.getType(), input.getShape(), std::move(values)));
}

/// Running sums along one dimension.
static LogicalResult evaluateCumSum(Node &node) {
  const HostTensor &input = *node.host(0);
  FailureOr<double> given = node.scalar(1, "the axis");
  if (failed(given))
    return failure();
  int64_t rank = input.getRank(), axis = static_cast<int64_t>(*given);
  if (axis < -rank || axis >= rank)
    return node.error() << "axis " << axis << " does not exist";
  axis += axis < 0 ? rank : 0;
  bool exclusive = node.getInt("exclusive", 0);
  bool backwards = node.getInt("reverse", 0);
  int64_t extent = input.getShape()[axis];
  int64_t stride = getStrides(input.getShape())[axis];
  auto sum = [&](auto values) {
    using T = typename decltype(values)::value_type;
    for (int64_t first = 0; first < int64_t(values.size()); ++first) {
      if (first / stride % extent != 0)
        continue;
      T total = 0;
      for (int64_t i = 0; i < extent; ++i) {
        T &value = values[first + (backwards ? extent - 1 - i : i) * stride];
        T before = total;
        if constexpr (std::is_integral_v<T>)
          total = static_cast<T>(uint64_t(total) + uint64_t(value));
        else
          total += value;
        value = exclusive ? before : total;
      }
    }
    return values;
  };
  if (input.isFloat())
    return node.define(0,
                       HostTensor(input.getType(), input.getShape(),
                                  sum(std::vector<float>(input.getFloats()))));
  HostTensor wide(input.getType(), input.getShape(),
                  sum(std::vector<int64_t>(input.getInts())));
  return node.define(0, wide.converted(input.getType()));
}

/// Sums, products and extremes of shape entries; floats stay with the run-time
/// ops.
static LogicalResult evaluateReduction(Node &node) {
  const HostTensor &input = *node.host(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("axes", 1);
  if (failed(given))
    return failure();
  int64_t rank = input.getRank();
  std::vector<bool> reduced(rank, !*given || (*given)->empty());
  if (*given)
    for (int64_t axis : **given) {
      if (axis < -rank || axis >= rank)
        return node.error() << "axis " << axis << " does not exist";
      reduced[axis < 0 ? axis + rank : axis] = true;
    }
  bool keepDims = node.getInt("keepdims", 1);
  Shape resultShape, kept, keptStrides(rank, 0);
  for (int64_t d = 0; d < rank; ++d) {
    kept.push_back(reduced[d] ? 1 : input.getShape()[d]);
    if (!reduced[d] || keepDims)
      resultShape.push_back(kept.back());
  }
  StringRef op = node.getOpType();
  std::vector<int64_t> target = makeIndexMap(
      input.getShape(), getBroadcastStrides(kept, input.getShape()));
  std::vector<std::optional<int64_t>> values(countElements(kept).value_or(0));
  for (size_t i = 0; i < target.size(); ++i) {
    std::optional<int64_t> &value = values[target[i]];
    int64_t element = input.getInts()[i];
    StringRef binary = op == "ReduceProd"  ? "Mul"
                       : op == "ReduceMax" ? "Max"
                       : op == "ReduceMin" ? "Min"
                                           : "Add";
    value = value ? compute(binary, *value, element) : element;
  }
  std::vector<int64_t> result;
  for (const std::optional<int64_t> &value : values)
    result.push_back(value.value_or(op == "ReduceProd" ? 1 : 0));
  return node.define(
      0, HostTensor(input.getType(), resultShape, std::move(result)));
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static constexpr StringRef kMakers[] = {"Constant", "Shape", "Size"};
static constexpr StringRef kHostOnly[] = {"ConstantOfShape", "Range", "Mod",
                                          "BitShift", "CumSum"};

bool onnx_import::isHostOnlyOp(StringRef opType) {
  return llvm::is_contained(kMakers, opType) ||
         llvm::is_contained(kHostOnly, opType);
}

FailureOr<bool> onnx_import::tryEvaluateOnHost(Node &node) {
  StringRef op = node.getOpType();
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    return failed(result) ? FailureOr<bool>(failure()) : true;
  };
  if (op == "Constant")
    return done(evaluateConstant(node));
  if (op == "Shape" || op == "Size")
    return done(evaluateShape(node));
  if (node.numInputs() == 0)
    return false;
  // The type of a value that is not known is float32.
  if (op == "CastLike" && node.host(0) && !node.host(1))
    return done(node.define(0, node.host(0)->converted(TensorProto::FLOAT)));
  bool allFloat = true;
  for (int i = 0; i < node.numInputs(); ++i) {
    if (!node.hasInput(i))
      continue;
    const HostTensor *tensor = node.host(i);
    if (!tensor)
      return false;
    allFloat &= tensor->isFloat();
  }
  if (!node.hasInput(0))
    return false;
  if (op == "ConstantOfShape")
    return done(evaluateConstantOfShape(node));
  if (op == "Range")
    return done(evaluateRange(node));
  if (op == "Cast" || op == "CastLike")
    return done(evaluateCast(node));
  if (op == "Where")
    return done(failed(node.requireInputs(3)) ? failure()
                                              : evaluateWhere(node));
  if (op == "Identity")
    return done(node.define(0, *node.host(0)));
  if (op == "Clip" && !node.host(0)->isFloat())
    return done(evaluateClip(node));
  if (op == "CumSum")
    return done(failed(node.requireInputs(2)) ? failure()
                                              : evaluateCumSum(node));
  static constexpr StringRef unary[] = {"Neg",  "Abs",   "Sqrt",       "Floor",
                                        "Ceil", "Round", "Reciprocal", "Not"};
  if (llvm::is_contained(unary, op))
    return done(evaluateUnary(node));
  bool isBinary = compare<int64_t>(op, 0, 0) || compute(op, 1.0f, 1.0f) ||
                  compute(op, int64_t(1), int64_t(1));
  // Negative integer exponents and mixed types stay with the run-time op.
  if (isBinary && (op != "Pow" || allFloat))
    return done(failed(node.requireInputs(node.numInputs()))
                    ? failure()
                    : evaluateVariadic(node));
  if (op.starts_with("Reduce") && !node.host(0)->isFloat() &&
      llvm::is_contained<StringRef>(
          {"ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"}, op))
    return done(evaluateReduction(node));
  return false;
}
