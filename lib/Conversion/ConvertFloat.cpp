//===- ConvertFloat.cpp - Ops that stay in float --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Float islands as plain loops: the operations of QDialect/FloatSemantics.h in
// their order. No operation has fast-math flags, so LLVM keeps every rounding.
//
//===----------------------------------------------------------------------===//

#include "FloatEmitter.h"
#include "LinalgBuilder.h"

#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace q;

static constexpr float kInfinity = std::numeric_limits<float>::infinity();

namespace {

/// Emits the value of one element.
using FloatBody = llvm::function_ref<Value(FloatEmitter &emit, Functions &f,
                                           ValueRange inputs)>;

/// Converts one op; `operands` are its converted operands.
class FloatConverter {
public:
  FloatConverter(OpBuilder &b, Operation *op, ValueRange operands)
      : b(b), op(op), operands(operands), loc(op->getLoc()),
        shape(cast<RankedTensorType>(op->getResult(0).getType()).getShape()) {}

  /// The result, null for an op without a float form.
  Value convert();

private:
  Value convertPair(FloatBody body);
  Value convertReduce(ReduceOp reduce);
  Value convertArgReduce(ArgReduceOp reduce);
  Value convertSoftmax(SoftmaxOp softmax);
  Value convertLayerNorm(LayerNormOp norm);
  Value convertConv(Conv2DOp conv);
  Value convertGemm(GemmOp gemm);
  Value convertMatMul(MatMulOp product);
  Value convertMaxPool(MaxPool2DOp pool);
  Value convertAvgPool(AvgPool2DOp pool);

  Value filled(ArrayRef<int64_t> extents, float value);
  Value constant(ArrayRef<int64_t> extents, ArrayRef<float> values);
  Value padded(Value image, ArrayRef<int64_t> pads, float value);
  Value map(ArrayRef<int64_t> extents, ValueRange inputs,
            ArrayRef<AffineMap> maps, FloatBody body);
  Value reduce(ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
               FloatBody body);
  /// Combines the elements of `input` along `axes`, which the result lacks.
  Value fold(Value input, ArrayRef<int64_t> axes, float init, FloatBody body);
  /// An elementwise op over the shape of `input`, its other inputs lacking
  /// `axes`.
  Value spread(ValueRange inputs, ArrayRef<int64_t> axes, FloatBody body);
  /// The bias of the last dimension, or zeros.
  Value initialSums(ArrayRef<int64_t> extents, Value bias);
  template <typename PoolOp>
  Value combineWindows(PoolOp pool, Value image, float init, FloatBody body);
  Value clamped(Value value);
  Value emitClamp(FloatEmitter &emit, Functions &f, Value x);

  MLIRContext *context() { return b.getContext(); }
  AffineMap affine(unsigned dims, ArrayRef<AffineExpr> results) {
    return AffineMap::get(dims, 0, results, context());
  }

  OpBuilder &b;
  Operation *op;
  ValueRange operands;
  Location loc;
  ArrayRef<int64_t> shape;
};

} // namespace

//===----------------------------------------------------------------------===//
// Shared pieces
//===----------------------------------------------------------------------===//

/// Calls `body` with emitters at the place where a generic op's body is built.
static auto wrap(FloatBody body) {
  return [body](OpBuilder &nested, Location at, ValueRange inputs) {
    FloatEmitter emit(nested, at);
    Functions functions(emit);
    return body(emit, functions, inputs);
  };
}

Value FloatConverter::filled(ArrayRef<int64_t> extents, float value) {
  Value scalar = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  Value empty = makeEmpty(b, loc, extents, b.getF32Type());
  return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
}

Value FloatConverter::constant(ArrayRef<int64_t> extents,
                               ArrayRef<float> values) {
  auto type = RankedTensorType::get(extents, b.getF32Type());
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, values));
}

Value FloatConverter::padded(Value image, ArrayRef<int64_t> pads, float value) {
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return image;
  SmallVector<int64_t> extents(getTensorType(image).getShape());
  auto attrs = [&](ArrayRef<int64_t> values) {
    return getAsIndexOpFoldResult(context(), values);
  };
  SmallVector<OpFoldResult> sizes = attrs(extents);
  extents[1] += pads[0] + pads[2];
  extents[2] += pads[1] + pads[3];
  return tensor::InsertSliceOp::create(b, loc, image, filled(extents, value),
                                       attrs({0, pads[0], pads[1], 0}), sizes,
                                       attrs({1, 1, 1, 1}));
}

Value FloatConverter::map(ArrayRef<int64_t> extents, ValueRange inputs,
                          ArrayRef<AffineMap> maps, FloatBody body) {
  return makeElementwise(b, loc, extents, b.getF32Type(), inputs, maps,
                         wrap(body));
}

Value FloatConverter::reduce(ValueRange inputs, Value init,
                             ArrayRef<AffineMap> maps, FloatBody body) {
  return makeReduction(b, loc, inputs, init, maps, wrap(body));
}

Value FloatConverter::fold(Value input, ArrayRef<int64_t> axes, float init,
                           FloatBody body) {
  RankedTensorType type = getTensorType(input);
  return makeAxisReduction(
      b, loc, {input}, {b.getMultiDimIdentityMap(type.getRank())},
      filled(getKeptShape(type.getShape(), axes), init), axes, wrap(body));
}

Value FloatConverter::spread(ValueRange inputs, ArrayRef<int64_t> axes,
                             FloatBody body) {
  RankedTensorType type = getTensorType(inputs.front());
  SmallVector<AffineMap> maps(inputs.size(),
                              getKeptMap(context(), type.getRank(), axes));
  maps.front() = b.getMultiDimIdentityMap(type.getRank());
  return map(type.getShape(), inputs, maps, body);
}

Value FloatConverter::initialSums(ArrayRef<int64_t> extents, Value bias) {
  if (!bias)
    return filled(extents, 0.0f);
  return map(extents, {bias},
             {getDimMap(context(), extents.size(), extents.size() - 1)},
             [](FloatEmitter &, Functions &, ValueRange in) { return in[0]; });
}

Value FloatConverter::emitClamp(FloatEmitter &emit, Functions &f, Value x) {
  auto clamped = dyn_cast<FusedClampOpInterface>(op);
  if (!clamped || (!clamped.getClampMinAttr() && !clamped.getClampMaxAttr()))
    return x;
  auto bound = [](FloatAttr attribute, float otherwise) {
    return attribute ? static_cast<float>(attribute.getValueAsDouble())
                     : otherwise;
  };
  return f.clamp(x, bound(clamped.getClampMinAttr(), -kInfinity),
                 bound(clamped.getClampMaxAttr(), kInfinity));
}

/// Behind sums, whose clamp cannot be part of them.
Value FloatConverter::clamped(Value value) {
  auto bounds = cast<FusedClampOpInterface>(op);
  if (!bounds.getClampMinAttr() && !bounds.getClampMaxAttr())
    return value;
  return map(shape, {value}, {b.getMultiDimIdentityMap(shape.size())},
             [&](FloatEmitter &emit, Functions &f, ValueRange in) {
               return emitClamp(emit, f, in[0]);
             });
}

//===----------------------------------------------------------------------===//
// One element at a time
//===----------------------------------------------------------------------===//

Value FloatConverter::convertPair(FloatBody body) {
  SmallVector<AffineMap> maps;
  for (Value operand : operands)
    maps.push_back(
        getBroadcastMap(context(), getTensorType(operand).getShape(), shape));
  return map(shape, operands, maps,
             [&](FloatEmitter &emit, Functions &f, ValueRange in) {
               return emitClamp(emit, f, body(emit, f, in));
             });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static Value emitSum(FloatEmitter &emit, Functions &, ValueRange in) {
  return emit.add(in.back(), in[0]);
}
static Value emitMax(FloatEmitter &, Functions &f, ValueRange in) {
  return f.max(in.back(), in[0]);
}
static Value emitMin(FloatEmitter &, Functions &f, ValueRange in) {
  return f.min(in.back(), in[0]);
}

Value FloatConverter::convertReduce(ReduceOp reduce) {
  Value input = operands[0], result;
  ArrayRef<int64_t> axes = reduce.getAxes();
  switch (reduce.getKind()) {
  case ReduceKind::Max:
    result = fold(input, axes, -kInfinity, emitMax);
    break;
  case ReduceKind::Min:
    result = fold(input, axes, kInfinity, emitMin);
    break;
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    result = fold(input, axes, 0.0f, emitSum);
    break;
  }
  if (reduce.getKind() == ReduceKind::Mean) {
    float count = 1;
    for (int64_t axis : axes)
      count *= getTensorType(input).getDimSize(axis);
    result = spread({result}, {},
                    [&](FloatEmitter &emit, Functions &, ValueRange in) {
                      return emit.div(in[0], emit.constant(count));
                    });
  }
  return makeReshaped(b, loc, result, shape);
}

/// The extreme element, and then the first or last index that has it; 0 where
/// no element compares equal.
Value FloatConverter::convertArgReduce(ArgReduceOp reduce) {
  Value input = operands[0];
  RankedTensorType type = getTensorType(input);
  int64_t axis = reduce.getAxis(), count = type.getDimSize(axis);
  bool isMax = reduce.getKind() == ReduceKind::Max, isLast = reduce.getLast();
  Value best = isMax ? fold(input, {axis}, -kInfinity, emitMax)
                     : fold(input, {axis}, kInfinity, emitMin);
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  float none = isLast ? -1.0f : static_cast<float>(count);
  AffineMap kept = getKeptMap(context(), type.getRank(), {axis});
  Value index = this->reduce(
      {input, best, constant({count}, numbers)},
      filled(getKeptShape(type.getShape(), {axis}), none),
      {b.getMultiDimIdentityMap(type.getRank()), kept,
       getDimMap(context(), type.getRank(), axis), kept},
      [&](FloatEmitter &emit, Functions &f, ValueRange in) {
        Value candidate =
            emit.select(emit.equal(in[0], in[1]), in[2], emit.constant(none));
        return isLast ? f.max(in[3], candidate) : f.min(in[3], candidate);
      });
  index =
      spread({index}, {}, [&](FloatEmitter &emit, Functions &, ValueRange in) {
        return emit.select(emit.equal(in[0], emit.constant(none)),
                           emit.constant(0.0f), in[0]);
      });
  return makeReshaped(b, loc, index, shape);
}

Value FloatConverter::convertSoftmax(SoftmaxOp softmax) {
  SmallVector<int64_t> axes = {int64_t(softmax.getAxis())};
  Value input = operands[0];
  Value most = fold(input, axes, -kInfinity, emitMax);
  Value shifted = spread({input, most}, axes,
                         [](FloatEmitter &emit, Functions &, ValueRange in) {
                           return emit.sub(in[0], in[1]);
                         });
  Value powers =
      spread({shifted}, {}, [](FloatEmitter &, Functions &f, ValueRange in) {
        return f.exp(in[0]);
      });
  Value sum = fold(powers, axes, 0.0f, emitSum);
  if (softmax.getLog())
    return spread({shifted, sum}, axes,
                  [](FloatEmitter &emit, Functions &f, ValueRange in) {
                    return emit.sub(in[0], f.log(in[1]));
                  });
  return spread({powers, sum}, axes,
                [](FloatEmitter &emit, Functions &, ValueRange in) {
                  return emit.div(in[0], in[1]);
                });
}

Value FloatConverter::convertLayerNorm(LayerNormOp norm) {
  SmallVector<int64_t> axes;
  float count = 1;
  for (int64_t d = norm.getAxis(); d < int64_t(shape.size()); ++d) {
    axes.push_back(d);
    count *= shape[d];
  }
  float epsilon = norm.getEpsilon().convertToFloat();
  Value sum = fold(operands[0], axes, 0.0f, emitSum);
  Value centred =
      spread({operands[0], sum}, axes,
             [&](FloatEmitter &emit, Functions &, ValueRange in) {
               return emit.sub(in[0], emit.div(in[1], emit.constant(count)));
             });
  Value squares = fold(centred, axes, 0.0f,
                       [](FloatEmitter &emit, Functions &, ValueRange in) {
                         return emit.add(in[1], emit.mul(in[0], in[0]));
                       });
  SmallVector<Value> inputs = {centred, squares};
  SmallVector<AffineMap> maps = {b.getMultiDimIdentityMap(shape.size()),
                                 getKeptMap(context(), shape.size(), axes)};
  for (Value parameter : operands.drop_front()) {
    inputs.push_back(parameter);
    maps.push_back(
        getBroadcastMap(context(), getTensorType(parameter).getShape(), shape));
  }
  return map(
      shape, inputs, maps, [&](FloatEmitter &emit, Functions &, ValueRange in) {
        Value variance = emit.div(in[1], emit.constant(count));
        Value root = emit.sqrt(emit.add(variance, emit.constant(epsilon)));
        Value y = emit.mul(emit.div(in[0], root), in[2]);
        return in.size() > 3 ? emit.add(y, in[3]) : y;
      });
}

//===----------------------------------------------------------------------===//
// Layers and pools
//===----------------------------------------------------------------------===//

/// acc + x w for values (x, w, acc).
static Value emitProduct(FloatEmitter &emit, Functions &, ValueRange in) {
  return emit.add(in[2], emit.mul(in[0], in[1]));
}

Value FloatConverter::convertConv(Conv2DOp conv) {
  ArrayRef<int64_t> filter =
      cast<RankedTensorType>(conv.getWeights().getType()).getShape();
  int64_t groups = conv.getGroups(), outputs = filter[0] / groups;
  ArrayRef<int64_t> strides = conv.getStrides(),
                    dilations = conv.getDilations();
  Value image = padded(operands[0], conv.getPads(), 0.0f);
  Value weights = makeReshaped(
      b, loc, operands[1], {groups, outputs, filter[1], filter[2], filter[3]});
  SmallVector<int64_t> grouped(shape.drop_back());
  grouped.append({groups, outputs});
  Value init = makeReshaped(
      b, loc, initialSums(shape, conv.getBias() ? operands[2] : Value()),
      grouped);
  AffineExpr n, y, x, g, o, ky, kx, c;
  bindDims(context(), n, y, x, g, o, ky, kx, c);
  Value sums = reduce(
      {image, weights}, init,
      {affine(8, {n, y * strides[0] + ky * dilations[0],
                  x * strides[1] + kx * dilations[1], g * filter[3] + c}),
       affine(8, {g, o, ky, kx, c}), affine(8, {n, y, x, g, o})},
      emitProduct);
  return clamped(makeReshaped(b, loc, sums, shape));
}

Value FloatConverter::convertGemm(GemmOp gemm) {
  AffineExpr m, n, k;
  bindDims(context(), m, n, k);
  Value init = initialSums(shape, gemm.getBias() ? operands[2] : Value());
  return clamped(reduce(
      {operands[0], operands[1]}, init,
      {affine(3, {m, k}), affine(3, {n, k}), affine(3, {m, n})}, emitProduct));
}

Value FloatConverter::convertMatMul(MatMulOp product) {
  unsigned rank = shape.size();
  AffineExpr k = getAffineDimExpr(rank, context());
  // The leading dimensions broadcast; the last two are [M, K] and [K, N].
  auto mapOf = [&](Value operand, AffineExpr row, AffineExpr column) {
    ArrayRef<int64_t> own = getTensorType(operand).getShape();
    SmallVector<AffineExpr> results;
    for (size_t d = 0; d + 2 < own.size(); ++d)
      results.push_back(
          own[d] == 1 ? getAffineConstantExpr(0, context())
                      : getAffineDimExpr(rank - own.size() + d, context()));
    results.append({row, column});
    return affine(rank + 1, results);
  };
  AffineExpr m = getAffineDimExpr(rank - 2, context());
  AffineExpr n = getAffineDimExpr(rank - 1, context());
  SmallVector<AffineExpr> result;
  for (unsigned d = 0; d < rank; ++d)
    result.push_back(getAffineDimExpr(d, context()));
  return clamped(reduce(operands, filled(shape, 0.0f),
                        {mapOf(operands[0], m, k), mapOf(operands[1], k, n),
                         affine(rank + 1, result)},
                        emitProduct));
}

template <typename PoolOp>
Value FloatConverter::combineWindows(PoolOp pool, Value image, float init,
                                     FloatBody body) {
  ArrayRef<int64_t> strides = pool.getStrides(),
                    dilations = pool.getDilations();
  AffineExpr n, y, x, ky, kx, c;
  bindDims(context(), n, y, x, ky, kx, c);
  // The window's extents come from a tensor that nobody reads.
  Value window = makeEmpty(b, loc, pool.getKernel(), b.getF32Type());
  return reduce({image, window}, filled(shape, init),
                {affine(6, {n, y * strides[0] + ky * dilations[0],
                            x * strides[1] + kx * dilations[1], c}),
                 affine(6, {ky, kx}), affine(6, {n, y, x, c})},
                body);
}

Value FloatConverter::convertMaxPool(MaxPool2DOp pool) {
  return combineWindows(pool, padded(operands[0], pool.getPads(), -kInfinity),
                        -kInfinity, emitMax);
}

Value FloatConverter::convertAvgPool(AvgPool2DOp pool) {
  Value sums = combineWindows(pool, padded(operands[0], pool.getPads(), 0.0f),
                              0.0f, emitSum);
  std::vector<float> counts;
  for (int64_t y = 0; y < shape[1]; ++y)
    for (int64_t x = 0; x < shape[2]; ++x)
      counts.push_back(static_cast<float>(getAverageCount(pool, y, x)));
  AffineExpr n, y, x, c;
  bindDims(context(), n, y, x, c);
  return map(shape, {sums, constant({shape[1], shape[2]}, counts)},
             {b.getMultiDimIdentityMap(4), affine(4, {y, x})},
             [&](FloatEmitter &emit, Functions &f, ValueRange in) {
               return emitClamp(emit, f, emit.div(in[0], in[1]));
             });
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

Value FloatConverter::convert() {
  using Emit = FloatEmitter;
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](AddOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.add(in[0], in[1]);
        });
      })
      .Case([&](SubOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.sub(in[0], in[1]);
        });
      })
      .Case([&](MulOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.mul(in[0], in[1]);
        });
      })
      .Case([&](DivOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.div(in[0], in[1]);
        });
      })
      .Case([&](MinOp) {
        return convertPair([](Emit &, Functions &f, ValueRange in) {
          return f.min(in[0], in[1]);
        });
      })
      .Case([&](MaxOp) {
        return convertPair([](Emit &, Functions &f, ValueRange in) {
          return f.max(in[0], in[1]);
        });
      })
      .Case([&](PReluOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.select(emit.less(in[0], emit.constant(0.0f)),
                             emit.mul(in[0], in[1]), in[0]);
        });
      })
      .Case([&](CompareOp compare) {
        CompareKind kind = compare.getKind();
        return convertPair([kind](Emit &emit, Functions &, ValueRange in) {
          Value truth = kind == CompareKind::Equal ? emit.equal(in[0], in[1])
                        : kind == CompareKind::Less
                            ? emit.less(in[0], in[1])
                            : emit.lessEqual(in[0], in[1]);
          return emit.select(truth, emit.constant(1.0f), emit.constant(0.0f));
        });
      })
      .Case([&](SelectOp) {
        return convertPair([](Emit &emit, Functions &, ValueRange in) {
          return emit.select(emit.equal(in[0], emit.constant(0.0f)), in[2],
                             in[1]);
        });
      })
      .Case([&](ClampOp) {
        return convertPair(
            [](Emit &, Functions &, ValueRange in) { return in[0]; });
      })
      .Case([&](UnaryOp unary) {
        numerics::UnaryKind kind = getNumericsKind(unary.getKind());
        float alpha = unary.getAlpha().convertToFloat();
        float beta = unary.getBeta().convertToFloat();
        return convertPair([=](Emit &, Functions &f, ValueRange in) {
          return f.evaluate(kind, in[0], alpha, beta);
        });
      })
      .Case([&](ReduceOp reduce) { return convertReduce(reduce); })
      .Case([&](ArgReduceOp reduce) { return convertArgReduce(reduce); })
      .Case([&](SoftmaxOp softmax) { return convertSoftmax(softmax); })
      .Case([&](LayerNormOp norm) { return convertLayerNorm(norm); })
      .Case([&](Conv2DOp conv) { return convertConv(conv); })
      .Case([&](GemmOp gemm) { return convertGemm(gemm); })
      .Case([&](MatMulOp product) { return convertMatMul(product); })
      .Case([&](MaxPool2DOp pool) { return convertMaxPool(pool); })
      .Case([&](AvgPool2DOp pool) { return convertAvgPool(pool); })
      .Default([](Operation *) { return Value(); });
}

namespace {

/// Goes before the patterns of the integer forms.
struct ConvertFloatOp : ConversionPattern {
  ConvertFloatOp(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/10,
                          context) {}
  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!computesInFloat(op) || !hasFloatForm(op))
      return rewriter.notifyMatchFailure(op, "computes in integers");
    Value result = FloatConverter(rewriter, op, operands).convert();
    if (!result)
      return failure();
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void q::populateFloatPatterns(const TypeConverter &converter,
                              RewritePatternSet &patterns) {
  patterns.add<ConvertFloatOp>(converter, patterns.getContext());
}
