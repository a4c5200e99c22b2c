//===- Build.cpp - Short ways to build q ops for a node -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Build.h"
#include "Constants.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

Attributes &Attributes::set(StringRef name, Attribute value) {
  list.push_back(builder.getNamedAttr(name, value));
  return *this;
}
Attributes &Attributes::ints(StringRef name, ArrayRef<int64_t> values) {
  return set(name, builder.getDenseI64ArrayAttr(values));
}
Attributes &Attributes::integer(StringRef name, int64_t value) {
  return set(name, builder.getI64IntegerAttr(value));
}
Attributes &Attributes::real(StringRef name, float value) {
  return set(name, builder.getF32FloatAttr(value));
}
Attributes &Attributes::unit(StringRef name, bool present) {
  return present ? set(name, builder.getUnitAttr()) : *this;
}

Value onnx_import::makeUnary(Node &node, UnaryKind kind, Value input,
                             float alpha, float beta) {
  Attributes attributes(node);
  attributes.set("kind", UnaryKindAttr::get(node.builder().getContext(), kind))
      .real("alpha", alpha)
      .real("beta", beta);
  return make<UnaryOp>(node, input, attributes);
}

Value onnx_import::makeClamp(Node &node, Value input, float low, float high) {
  // The largest finite numbers are how exporters write "no bound".
  constexpr float largest = std::numeric_limits<float>::max();
  Attributes attributes(node);
  if (low > -largest)
    attributes.real("clamp_min", low);
  if (high < largest)
    attributes.real("clamp_max", high);
  if (attributes.get().empty())
    return input;
  return make<ClampOp>(node, input, attributes);
}

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// An op whose result type is given rather than inferred.
template <typename OpTy>
static Value makeTyped(Node &node, Value input, ArrayRef<int64_t> shape) {
  if (!input)
    return {};
  if (ArrayRef(shapeOf(input)) == shape)
    return input;
  OpBuilder &builder = node.builder();
  auto op = OpTy::create(builder, node.getLoc(),
                         RankedTensorType::get(shape, elementOf(input)), input);
  if (failed(verify(op, /*verifyRecursively=*/false))) {
    op->erase();
    return {};
  }
  return op->getResult(0);
}

Value onnx_import::makeReshape(Node &node, Value input,
                               ArrayRef<int64_t> shape) {
  return makeTyped<ReshapeOp>(node, input, shape);
}
Value onnx_import::makeExpand(Node &node, Value input,
                              ArrayRef<int64_t> shape) {
  return makeTyped<ExpandOp>(node, input, shape);
}

Value onnx_import::makeTranspose(Node &node, Value input,
                                 ArrayRef<int64_t> perm) {
  return make<TransposeOp>(node, input, Attributes(node).ints("perm", perm));
}

Value onnx_import::makeReduce(Node &node, ReduceKind kind, Value input,
                              ArrayRef<int64_t> axes, bool keepDims) {
  MLIRContext *context = node.builder().getContext();
  return make<ReduceOp>(node, input,
                        Attributes(node)
                            .set("kind", ReduceKindAttr::get(context, kind))
                            .ints("axes", axes)
                            .unit("keep_dims", keepDims));
}

Value onnx_import::makeSlice(Node &node, Value input, ArrayRef<int64_t> starts,
                             ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) {
  if (!input)
    return {};
  bool forward = llvm::all_of(steps, [](int64_t step) { return step == 1; });
  if (forward && sizes == shapeOf(input))
    return input;
  return make<SliceOp>(node, input,
                       Attributes(node)
                           .ints("starts", starts)
                           .ints("sizes", sizes)
                           .ints("steps", steps));
}

Value onnx_import::makePad(Node &node, Value input, ArrayRef<int64_t> low,
                           ArrayRef<int64_t> high, PadMode mode, float value) {
  MLIRContext *context = node.builder().getContext();
  return make<PadOp>(node, input,
                     Attributes(node)
                         .ints("low", low)
                         .ints("high", high)
                         .set("mode", PadModeAttr::get(context, mode))
                         .real("value", value));
}

Value onnx_import::makeConstant(Node &node, StringRef name,
                                ArrayRef<int64_t> shape,
                                ArrayRef<float> values) {
  OpBuilder &builder = node.builder();
  return createConstant(builder, NameLoc::get(builder.getStringAttr(name)),
                        name, shape, values);
}
Value onnx_import::makeConstant(Node &node, StringRef name,
                                const HostTensor &tensor) {
  return makeConstant(node, name, tensor.getShape(), tensor.getFloats());
}
Value onnx_import::makeScalar(Node &node, float value) {
  return makeConstant(node, node.getName() + "/constant", {1}, value);
}

Value onnx_import::toNhwc(Node &node, Value input) {
  return makeTranspose(node, input, {0, 2, 3, 1});
}
Value onnx_import::toNchw(Node &node, Value input) {
  return makeTranspose(node, input, {0, 3, 1, 2});
}

FailureOr<int64_t> onnx_import::normalizeAxis(Node &node, int64_t axis,
                                              int64_t rank) {
  int64_t normal = axis < 0 ? axis + rank : axis;
  if (normal < 0 || normal >= rank)
    return node.error() << "axis " << axis
                        << " does not exist in a tensor of rank " << rank;
  return normal;
}

FailureOr<Shape> onnx_import::normalizeAxes(Node &node, ArrayRef<int64_t> axes,
                                            int64_t rank) {
  Shape result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normal = normalizeAxis(node, axis, rank);
    if (failed(normal))
      return failure();
    if (llvm::is_contained(result, *normal))
      return node.error() << "axis " << axis << " is given twice";
    result.push_back(*normal);
  }
  llvm::sort(result);
  return result;
}
