//===- QShapeInference.cpp - Result shapes of q ops -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per op computes the result shape or says what does not fit. The
// same functions serve builders, importer and verifier.
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"
#include "QDialect/Shapes.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace q;

using OptionalLoc = std::optional<Location>;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Shared pieces
//===----------------------------------------------------------------------===//

/// The two spatial extents after a window slides over `input` (`[N, H, W, C]`).
/// `window`, `strides` and `dilations` have two entries, `pads` is
/// `[top, left, bottom, right]`.
static FailureOr<std::array<int64_t, 2>>
slide(OptionalLoc loc, StringRef name, ArrayRef<int64_t> input,
      ArrayRef<int64_t> window, ArrayRef<int64_t> strides,
      ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations) {
  if (input.size() != 4)
    return emitOptionalError(loc, name, ": the input must be [N, H, W, C]");
  if (window.size() != 2 || strides.size() != 2 || pads.size() != 4 ||
      dilations.size() != 2)
    return emitOptionalError(loc, name,
                             ": a window has 2 extents, strides and dilations "
                             "and 4 pads");
  std::array<int64_t, 2> result;
  for (int d = 0; d < 2; ++d) {
    if (window[d] < 1 || strides[d] < 1 || dilations[d] < 1)
      return emitOptionalError(
          loc, name, ": extents, strides and dilations must be positive");
    if (pads[d] < 0 || pads[d + 2] < 0)
      return emitOptionalError(loc, name, ": pads must not be negative");
    int64_t reach = dilations[d] * (window[d] - 1) + 1;
    int64_t padded = input[d + 1] + pads[d] + pads[d + 2];
    if (padded < reach)
      return emitOptionalError(loc, name, ": a window that spans ", reach,
                               " does not fit into a padded input of ", padded);
    result[d] = (padded - reach) / strides[d] + 1;
  }
  return result;
}

/// Numpy broadcasting of two shapes.
static FailureOr<Shape> broadcast(OptionalLoc loc, StringRef name,
                                  ArrayRef<int64_t> lhs,
                                  ArrayRef<int64_t> rhs) {
  if (std::optional<Shape> shape = broadcastShapes(lhs, rhs))
    return *shape;
  return emitOptionalError(loc, name, ": shapes [", lhs, "] and [", rhs,
                           "] do not broadcast");
}

static LogicalResult checkBias(OptionalLoc loc, StringRef name, Value bias,
                               int64_t channels) {
  if (bias && shapeOf(bias) != ArrayRef<int64_t>{channels})
    return emitOptionalError(loc, name, ": the bias must have shape [",
                             channels, "], but has [", shapeOf(bias), "]");
  return success();
}

/// Weights `[O, KH, KW, C / groups]` against the input's channels.
static LogicalResult checkWeights(OptionalLoc loc, StringRef name,
                                  ArrayRef<int64_t> input,
                                  ArrayRef<int64_t> weights, int64_t groups) {
  if (input.size() != 4 || weights.size() != 4)
    return emitOptionalError(
        loc, name, ": input and weights must have 4 dimensions, but have ",
        input.size(), " and ", weights.size());
  if (groups < 1 || input[3] % groups || weights[0] % groups)
    return emitOptionalError(loc, name, ": ", groups, " groups do not divide ",
                             input[3], " input and ", weights[0],
                             " output channels");
  if (weights[3] != input[3] / groups)
    return emitOptionalError(loc, name, ": weights take ", weights[3],
                             " channels a group, but the input has ",
                             input[3] / groups);
  return success();
}

static bool isAxis(int64_t axis, size_t rank) {
  return axis >= 0 && axis < static_cast<int64_t>(rank);
}

//===----------------------------------------------------------------------===//
// One function per op
//===----------------------------------------------------------------------===//

static FailureOr<Shape> inferShape(OptionalLoc loc, Conv2DOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> weights = shapeOf(op.getWeights());
  if (failed(checkWeights(loc, "conv2d", input, weights, op.getGroups())) ||
      failed(checkBias(loc, "conv2d", op.getBias(), weights[0])))
    return failure();
  auto extent = slide(loc, "conv2d", input, weights.slice(1, 2),
                      op.getStrides(), op.getPads(), op.getDilations());
  if (failed(extent))
    return failure();
  Shape result = {input[0], (*extent)[0], (*extent)[1], weights[0]};
  if (op.getResidual() && shapeOf(op.getResidual()) != ArrayRef(result))
    return emitOptionalError(loc, "conv2d: the residual must have shape [",
                             ArrayRef(result), "]");
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc,
                                   ConvTranspose2DOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> weights = shapeOf(op.getWeights());
  StringRef name = "conv_transpose2d";
  if (failed(checkWeights(loc, name, input, weights, op.getGroups())) ||
      failed(checkBias(loc, name, op.getBias(), weights[0])))
    return failure();
  if (op.getStrides().size() != 2 || op.getPads().size() != 4 ||
      op.getDilations().size() != 2 || op.getOutputPadding().size() != 2)
    return emitOptionalError(loc, name,
                             ": needs 2 strides, dilations and output "
                             "paddings and 4 pads");
  Shape result = {input[0], 0, 0, weights[0]};
  for (int d = 0; d < 2; ++d) {
    int64_t stride = op.getStrides()[d], dilation = op.getDilations()[d];
    int64_t extra = op.getOutputPadding()[d];
    if (stride < 1 || dilation < 1 || extra < 0)
      return emitOptionalError(loc, name,
                               ": strides and dilations must be positive, "
                               "output paddings not negative");
    result[d + 1] = (input[d + 1] - 1) * stride - op.getPads()[d] -
                    op.getPads()[d + 2] + dilation * (weights[d + 1] - 1) + 1 +
                    extra;
    if (result[d + 1] < 1)
      return emitOptionalError(loc, name, ": the pads leave no output");
  }
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, GemmOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> weights = shapeOf(op.getWeights());
  if (input.size() != 2 || weights.size() != 2 || input[1] != weights[1])
    return emitOptionalError(loc, "gemm: input [", input, "] and weights [",
                             weights, "] must be [M, K] and [N, K]");
  if (failed(checkBias(loc, "gemm", op.getBias(), weights[0])))
    return failure();
  return Shape{input[0], weights[0]};
}

static FailureOr<Shape> inferShape(OptionalLoc loc, MatMulOp::Adaptor op) {
  ArrayRef<int64_t> lhs = shapeOf(op.getLhs()), rhs = shapeOf(op.getRhs());
  if (lhs.size() < 2 || rhs.size() < 2 || lhs.back() != rhs[rhs.size() - 2])
    return emitOptionalError(loc, "matmul: operands [", lhs, "] and [", rhs,
                             "] must be [..., M, K] and [..., K, N]");
  auto batch = broadcast(loc, "matmul", lhs.drop_back(2), rhs.drop_back(2));
  if (failed(batch))
    return failure();
  batch->push_back(lhs[lhs.size() - 2]);
  batch->push_back(rhs.back());
  return batch;
}

static FailureOr<Shape> sameAsInput(Value input) {
  return Shape(shapeOf(input));
}
static FailureOr<Shape> inferShape(OptionalLoc, BatchNormOp::Adaptor op) {
  return sameAsInput(op.getInput());
}
static FailureOr<Shape> inferShape(OptionalLoc, ClampOp::Adaptor op) {
  return sameAsInput(op.getInput());
}
static FailureOr<Shape> inferShape(OptionalLoc, UnaryOp::Adaptor op) {
  return sameAsInput(op.getInput());
}
static FailureOr<Shape> inferShape(OptionalLoc, LrnOp::Adaptor op) {
  return sameAsInput(op.getInput());
}
static FailureOr<Shape> inferShape(OptionalLoc, SoftmaxOp::Adaptor op) {
  return sameAsInput(op.getInput());
}
static FailureOr<Shape> inferShape(OptionalLoc, LayerNormOp::Adaptor op) {
  return sameAsInput(op.getInput());
}

static FailureOr<Shape> inferShape(OptionalLoc loc, PReluOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  auto result = broadcast(loc, "prelu", input, shapeOf(op.getSlope()));
  if (succeeded(result) && ArrayRef(*result) != input)
    return emitOptionalError(loc, "prelu: the slope [", shapeOf(op.getSlope()),
                             "] must broadcast to the input [", input, "]");
  return result;
}

template <typename Adaptor>
static FailureOr<Shape> inferBinary(OptionalLoc loc, StringRef name,
                                    Adaptor op) {
  return broadcast(loc, name, shapeOf(op.getLhs()), shapeOf(op.getRhs()));
}
static FailureOr<Shape> inferShape(OptionalLoc loc, AddOp::Adaptor op) {
  return inferBinary(loc, "add", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, SubOp::Adaptor op) {
  return inferBinary(loc, "sub", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, MulOp::Adaptor op) {
  return inferBinary(loc, "mul", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, DivOp::Adaptor op) {
  return inferBinary(loc, "div", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, PowOp::Adaptor op) {
  return inferBinary(loc, "pow", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, MinOp::Adaptor op) {
  return inferBinary(loc, "min", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, MaxOp::Adaptor op) {
  return inferBinary(loc, "max", op);
}

static FailureOr<Shape> inferShape(OptionalLoc loc, CompareOp::Adaptor op) {
  return inferBinary(loc, "compare", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, SelectOp::Adaptor op) {
  auto values =
      broadcast(loc, "select", shapeOf(op.getYes()), shapeOf(op.getNo()));
  if (failed(values))
    return failure();
  return broadcast(loc, "select", shapeOf(op.getCondition()), *values);
}

template <typename Adaptor>
static FailureOr<Shape> inferPool(OptionalLoc loc, StringRef name, Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  auto extent = slide(loc, name, input, op.getKernel(), op.getStrides(),
                      op.getPads(), op.getDilations());
  if (failed(extent))
    return failure();
  return Shape{input[0], (*extent)[0], (*extent)[1], input[3]};
}
static FailureOr<Shape> inferShape(OptionalLoc loc, MaxPool2DOp::Adaptor op) {
  return inferPool(loc, "max_pool2d", op);
}
static FailureOr<Shape> inferShape(OptionalLoc loc, AvgPool2DOp::Adaptor op) {
  return inferPool(loc, "avg_pool2d", op);
}

static FailureOr<Shape> inferShape(OptionalLoc loc, ReduceOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  Shape result;
  for (int64_t axis : op.getAxes())
    if (!isAxis(axis, input.size()))
      return emitOptionalError(loc, "reduce: axis ", axis,
                               " of a tensor of rank ", input.size());
  for (auto [dim, extent] : llvm::enumerate(input)) {
    bool reduced = llvm::is_contained(op.getAxes(), static_cast<int64_t>(dim));
    if (!reduced)
      result.push_back(extent);
    else if (op.getKeepDims())
      result.push_back(1);
  }
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, ArgReduceOp::Adaptor op) {
  Shape result(shapeOf(op.getInput()));
  int64_t axis = op.getAxis();
  if (!isAxis(axis, result.size()))
    return emitOptionalError(loc, "arg_reduce: axis ", axis,
                             " of a tensor of rank ", result.size());
  result[axis] = 1;
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, ConcatOp::Adaptor op) {
  if (op.getInputs().empty())
    return emitOptionalError(loc, "concat: needs at least one input");
  Shape result(shapeOf(op.getInputs().front()));
  int64_t axis = op.getAxis();
  if (!isAxis(axis, result.size()))
    return emitOptionalError(loc, "concat: axis ", axis, " of tensors of rank ",
                             result.size());
  for (Value input : op.getInputs().drop_front()) {
    ArrayRef<int64_t> shape = shapeOf(input);
    Shape expected(result);
    if (shape.size() == result.size())
      expected[axis] = shape[axis];
    if (shape != ArrayRef(expected))
      return emitOptionalError(loc, "concat: [", shape, "] does not match [",
                               ArrayRef(result), "] outside of axis ", axis);
    result[axis] += shape[axis];
  }
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, SliceOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  size_t rank = input.size();
  if (op.getStarts().size() != rank || op.getSizes().size() != rank ||
      op.getSteps().size() != rank)
    return emitOptionalError(
        loc, "slice: needs a start, size and step for each of the ", rank,
        " dimensions");
  for (size_t d = 0; d < rank; ++d) {
    int64_t size = op.getSizes()[d], step = op.getSteps()[d];
    int64_t first = op.getStarts()[d], last = first + (size - 1) * step;
    if (size < 1 || step == 0 || !isAxis(first, input[d]) ||
        !isAxis(last, input[d]))
      return emitOptionalError(loc, "slice: elements ", first, " to ", last,
                               " of dimension ", d, " with ", input[d],
                               " elements");
  }
  return Shape(op.getSizes());
}

static FailureOr<Shape> inferShape(OptionalLoc loc, PadOp::Adaptor op) {
  Shape result(shapeOf(op.getInput()));
  if (op.getLow().size() != result.size() ||
      op.getHigh().size() != result.size())
    return emitOptionalError(loc,
                             "pad: needs a low and a high border for "
                             "each of the ",
                             result.size(), " dimensions");
  for (size_t d = 0; d < result.size(); ++d) {
    int64_t low = op.getLow()[d], high = op.getHigh()[d];
    if (low < 0 || high < 0)
      return emitOptionalError(
          loc, "pad: borders must not be negative; use q.slice to cut");
    if (op.getMode() == PadMode::Reflect && std::max(low, high) >= result[d] &&
        low + high > 0)
      return emitOptionalError(loc, "pad: cannot reflect ", std::max(low, high),
                               " elements of ", result[d]);
    result[d] += low + high;
  }
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, TransposeOp::Adaptor op) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> perm = op.getPerm();
  llvm::SmallBitVector seen(input.size());
  Shape result;
  for (int64_t dim : perm) {
    if (!isAxis(dim, input.size()) || seen.test(dim))
      break;
    seen.set(dim);
    result.push_back(input[dim]);
  }
  if (perm.size() != input.size() || result.size() != input.size())
    return emitOptionalError(loc, "transpose: [", perm, "] is not an order of ",
                             input.size(), " dimensions");
  return result;
}

static FailureOr<Shape> inferShape(OptionalLoc loc, GatherOp::Adaptor op) {
  Shape result(shapeOf(op.getInput()));
  int64_t axis = op.getAxis();
  if (!isAxis(axis, result.size()) || op.getIndices().empty())
    return emitOptionalError(loc, "gather: needs indices and an axis within ",
                             result.size(), " dimensions");
  for (int64_t index : op.getIndices())
    if (!isAxis(index, result[axis]))
      return emitOptionalError(loc, "gather: index ", index, " of dimension ",
                               axis, " with ", result[axis], " elements");
  result[axis] = op.getIndices().size();
  return result;
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

/// Shapes must agree; element types must agree unless quantization is involved,
/// where the op states its own.
static bool compatible(TypeRange inferred, TypeRange actual) {
  if (inferred.size() != actual.size())
    return false;
  for (auto [l, r] : llvm::zip_equal(inferred, actual)) {
    auto left = dyn_cast<RankedTensorType>(l);
    auto right = dyn_cast<RankedTensorType>(r);
    if (!left || !right || left.getShape() != right.getShape())
      return false;
    bool quantized = isa<quant::QuantizedType>(left.getElementType()) ||
                     isa<quant::QuantizedType>(right.getElementType());
    if (!quantized && left.getElementType() != right.getElementType())
      return false;
  }
  return true;
}

#define Q_INFER(OP)                                                            \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> loc, ValueRange operands,         \
      DictionaryAttr attributes, OpaqueProperties properties,                  \
      RegionRange regions, SmallVectorImpl<Type> &types) {                     \
    if (operands.empty() ||                                                    \
        !llvm::all_of(operands.getTypes(), llvm::IsaPred<RankedTensorType>))   \
      return emitOptionalError(loc, "needs ranked tensors as operands");       \
    Adaptor adaptor(operands, attributes, properties, regions);                \
    auto shape = inferShape(loc, adaptor);                                     \
    if (failed(shape))                                                         \
      return failure();                                                        \
    types.push_back(RankedTensorType::get(                                     \
        *shape, getElementTypeOrSelf(operands.front().getType())));            \
    return success();                                                          \
  }                                                                            \
  bool OP::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {     \
    return compatible(inferred, actual);                                       \
  }

Q_INFER(Conv2DOp)
Q_INFER(ConvTranspose2DOp)
Q_INFER(GemmOp)
Q_INFER(MatMulOp)
Q_INFER(BatchNormOp)
Q_INFER(AddOp)
Q_INFER(SubOp)
Q_INFER(MulOp)
Q_INFER(DivOp)
Q_INFER(PowOp)
Q_INFER(MinOp)
Q_INFER(MaxOp)
Q_INFER(CompareOp)
Q_INFER(SelectOp)
Q_INFER(ClampOp)
Q_INFER(UnaryOp)
Q_INFER(PReluOp)
Q_INFER(MaxPool2DOp)
Q_INFER(AvgPool2DOp)
Q_INFER(ReduceOp)
Q_INFER(ArgReduceOp)
Q_INFER(SoftmaxOp)
Q_INFER(LrnOp)
Q_INFER(LayerNormOp)
Q_INFER(ConcatOp)
Q_INFER(SliceOp)
Q_INFER(PadOp)
Q_INFER(TransposeOp)
Q_INFER(GatherOp)
