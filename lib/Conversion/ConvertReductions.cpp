//===- ConvertReductions.cpp - Pools and reductions -----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rules N13 and N14 for ops that combine elements. Loops run in the order of
// the input's memory, so that the innermost one meets neighbours.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <array>
#include <map>

using namespace mlir;
using namespace q;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Shared pieces
//===----------------------------------------------------------------------===//

/// What sums of up to `count` distances can be (rule N8).
static FailureOr<IntRange> getSumRange(Operation *op, const QuantParams &input,
                                       int64_t count) {
  IntRange range = getDistanceRange(input) * IntRange{0, count};
  if (failed(checkAccumulators(op, range)))
    return failure();
  return range;
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// Combines the elements of every window of an already padded image. The loops
/// are n, y, x, ky, kx, c.
template <typename PoolOp>
static Value makeWindowReduction(OpBuilder &b, PoolOp op, Value image,
                                 Value init, ElementBody body) {
  MLIRContext *context = b.getContext();
  AffineExpr n, y, x, ky, kx, c;
  bindDims(context, n, y, x, ky, kx, c);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(6, 0, results, context);
  };
  // The window's extents come from a tensor that nobody reads.
  Value window = makeEmpty(b, op.getLoc(), op.getKernel(), b.getI8Type());
  return makeReduction(
      b, op.getLoc(), {image, window}, init,
      {map({n, y * op.getStrides()[0] + ky * op.getDilations()[0],
            x * op.getStrides()[1] + kx * op.getDilations()[1], c}),
       map({ky, kx}), map({n, y, x, c})},
      [&](OpBuilder &nested, Location loc, ValueRange in) {
        return body(nested, loc, {in[0], in[2]});
      });
}

/// The image with the pool's border around it.
template <typename PoolOp>
static Value makePooledImage(OpBuilder &b, PoolOp op, Value input,
                             int64_t fill) {
  ArrayRef<int64_t> pads = op.getPads();
  return makePadded(b, op.getLoc(), input, {0, pads[0], pads[1], 0},
                    {0, pads[2], pads[3], 0}, fill);
}

/// How the windows of a pool lie along its two axes.
struct PoolWindow {
  std::array<int64_t, 2> kernel, strides, dilations, outputs;

  template <typename PoolOp> static PoolWindow get(PoolOp op) {
    PoolWindow window;
    auto output = cast<RankedTensorType>(op.getOutput().getType());
    for (int axis : {0, 1}) {
      window.kernel[axis] = op.getKernel()[axis];
      window.strides[axis] = op.getStrides()[axis];
      window.dilations[axis] = op.getDilations()[axis];
      window.outputs[axis] = output.getDimSize(axis + 1);
    }
    return window;
  }
  int64_t getCount() const { return kernel[0] * kernel[1]; }
};

/// Up to so many elements meet in registers; more are accumulated in memory.
static constexpr int64_t mostInRegisters = 16;

/// For each place in the window, the elements that stand there, as views of the
/// padded image of the shape of the result.
static SmallVector<Value> makeWindowViews(OpBuilder &b, Location loc,
                                          Value image,
                                          const PoolWindow &window) {
  SmallVector<OpFoldResult> sizes, strides(4, b.getIndexAttr(1));
  ArrayRef<int64_t> shape = getTensorType(image).getShape();
  for (int64_t extent :
       {shape[0], window.outputs[0], window.outputs[1], shape[3]})
    sizes.push_back(b.getIndexAttr(extent));
  for (int axis : {0, 1})
    strides[axis + 1] = b.getIndexAttr(window.strides[axis]);
  SmallVector<Value> views;
  for (int64_t y = 0; y < window.kernel[0]; ++y)
    for (int64_t x = 0; x < window.kernel[1]; ++x) {
      SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0));
      offsets[1] = b.getIndexAttr(y * window.dilations[0]);
      offsets[2] = b.getIndexAttr(x * window.dilations[1]);
      views.push_back(tensor::ExtractSliceOp::create(b, loc, image, offsets,
                                                     sizes, strides));
    }
  return views;
}

/// The largest element of each window, whose elements meet in registers.
static Value makeWindowMaximum(OpBuilder &b, Location loc, Value image,
                               const PoolWindow &window,
                               quant::QuantizedType type) {
  return makeElementwise(
      b, loc, makeWindowViews(b, loc, image, window), getStorageInteger(type),
      [&](OpBuilder &nested, Location at, ValueRange in) {
        Value largest = in[0];
        for (Value next : in.drop_front())
          largest = IntegerEmitter(nested, at)
                        .extremum(largest, next, /*isMax=*/true, type);
        return largest;
      });
}

namespace {

struct ConvertMaxPool : OpConversionPattern<MaxPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(MaxPool2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
    if (failed(params))
      return failure();
    Location loc = op.getLoc();
    quant::QuantizedType type = getQuantizedType(op.getOutput());
    // The lowest value never wins against an element of the image.
    Value image =
        makePooledImage(rewriter, op, adaptor.getInput(), params->qmin);
    PoolWindow window = PoolWindow::get(op);
    if (window.getCount() <= mostInRegisters) {
      rewriter.replaceOp(op,
                         makeWindowMaximum(rewriter, loc, image, window, type));
      return success();
    }
    if (std::max(window.kernel[0], window.kernel[1]) <= mostInRegisters) {
      // The maxima of rows, then those of columns.
      PoolWindow rows = window, columns = window;
      rows.kernel[0] = rows.strides[0] = rows.dilations[0] = 1;
      rows.outputs[0] = getTensorType(image).getDimSize(1);
      columns.kernel[1] = columns.strides[1] = columns.dilations[1] = 1;
      Value ofRows = makeWindowMaximum(rewriter, loc, image, rows, type);
      rewriter.replaceOp(
          op, makeWindowMaximum(rewriter, loc, ofRows, columns, type));
      return success();
    }
    Value init =
        makeFilled(rewriter, loc,
                   cast<RankedTensorType>(op.getOutput().getType()).getShape(),
                   getStorageInteger(type).getWidth(), params->qmin);
    rewriter.replaceOp(
        op, makeWindowReduction(rewriter, op, image, init,
                                [&](OpBuilder &b, Location at, ValueRange in) {
                                  return IntegerEmitter(b, at).extremum(
                                      in[0], in[1], /*isMax=*/true, type);
                                }));
    return success();
  }
};

/// Rule N14. Padding holds the zero point, whose distance is 0; positions near
/// the border may have fewer elements and so another multiplier.
struct ConvertAvgPool : OpConversionPattern<AvgPool2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(AvgPool2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};

/// From sums to averages, by multipliers that differ between positions.
class AverageScaling {
public:
  /// Reports multipliers that do not exist.
  static FailureOr<AverageScaling> get(AvgPool2DOp op, IntRange range);

  /// Adds the constants of each position to the inputs of an elementwise op.
  void addInputs(OpBuilder &b, Location loc, SmallVector<Value> &inputs,
                 SmallVector<AffineMap> &maps) const;
  /// The average of a sum, given what addInputs() added.
  Value emit(IntegerEmitter &emit, Value sum, ValueRange constants) const;

private:
  Requantization how;
  SmallVector<int64_t> shape;
  /// By position, if there is more than one multiplier: either floats that are
  /// proven for all of them, or integers.
  SmallVector<float> factors;
  SmallVector<int64_t> m0s, shifts;
  bool meetsTies = false;
};

} // namespace

FailureOr<AverageScaling> AverageScaling::get(AvgPool2DOp op, IntRange range) {
  AverageScaling result;
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  result.shape = {output.getDimSize(1), output.getDimSize(2)};
  std::map<int64_t, numerics::Multiplier> multipliers;
  SmallVector<int64_t> counts;
  for (int64_t y = 0; y < result.shape[0]; ++y)
    for (int64_t x = 0; x < result.shape[1]; ++x) {
      int64_t count = getAverageCount(op, y, x);
      counts.push_back(count);
      if (multipliers.count(count))
        continue;
      FailureOr<numerics::Multiplier> multiplier = getMultiplier(op, count);
      if (failed(multiplier))
        return failure();
      multipliers.insert({count, *multiplier});
    }
  if (multipliers.empty()) {
    op.emitOpError("has an empty result");
    return failure();
  }
  FailureOr<Requantization> how =
      getRequantization(op, multipliers.begin()->second, range);
  if (failed(how))
    return failure();
  result.how = *how;
  if (multipliers.size() == 1)
    return result;
  std::map<int64_t, float> floats;
  for (auto [count, multiplier] : multipliers) {
    Requantization one = *how;
    one.multiplier = multiplier;
    if (std::optional<float> factor = findFusedFactor(one))
      floats[count] = *factor;
    result.meetsTies |= !numerics::addHalfIsExact(multiplier, range.lo,
                                                  range.hi, how->rounding);
  }
  for (int64_t count : counts) {
    numerics::Multiplier multiplier = multipliers.at(count);
    if (floats.size() == multipliers.size()) {
      result.factors.push_back(floats.at(count));
      continue;
    }
    result.m0s.push_back(multiplier.m0);
    result.shifts.push_back(how->rounding == numerics::Rounding::Gemmlowp
                                ? multiplier.shift
                                : multiplier.totalShift());
  }
  return result;
}

void AverageScaling::addInputs(OpBuilder &b, Location loc,
                               SmallVector<Value> &inputs,
                               SmallVector<AffineMap> &maps) const {
  if (!factors.empty()) {
    auto type = RankedTensorType::get(shape, b.getF32Type());
    inputs.push_back(arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, ArrayRef<float>(factors))));
  } else if (!m0s.empty()) {
    inputs.push_back(makeConstant(b, loc, shape, m0s, 32));
    inputs.push_back(makeConstant(b, loc, shape, shifts, 32));
  }
  AffineMap position = AffineMap::get(
      4, 0, {b.getAffineDimExpr(1), b.getAffineDimExpr(2)}, b.getContext());
  maps.resize(inputs.size(), position);
}

Value AverageScaling::emit(IntegerEmitter &emit, Value sum,
                           ValueRange constants) const {
  if (!factors.empty())
    return emit.requantizeFused(sum, constants[0], how.zeroPoint, how.bounds);
  if (!m0s.empty())
    return emit.requantize(sum, constants[0], constants[1], how.rounding,
                           meetsTies, how.zeroPoint, how.bounds);
  return emit.requantize(sum, how);
}

LogicalResult
ConvertAvgPool::matchAndRewrite(AvgPool2DOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  if (failed(input))
    return failure();
  PoolWindow window = PoolWindow::get(op);
  FailureOr<IntRange> range = getSumRange(op, *input, window.getCount());
  if (failed(range))
    return failure();
  FailureOr<AverageScaling> scaling = AverageScaling::get(op, *range);
  if (failed(scaling))
    return failure();
  Location loc = op.getLoc();
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  quant::QuantizedType from = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  Value image =
      makePooledImage(rewriter, op, adaptor.getInput(), input->zeroPoint);
  unsigned width = range->fits(32) ? 32 : 64;

  // Few elements meet in registers, as plain storage values; the zero points
  // are subtracted from their sum.
  IntRange plain = getStorageRange(*input) * IntRange{0, window.getCount()};
  bool isDirect = window.getCount() <= mostInRegisters && plain.fits(31);
  SmallVector<Value> inputs;
  if (isDirect)
    inputs = makeWindowViews(rewriter, loc, image, window);
  else
    inputs.push_back(makeWindowReduction(
        rewriter, op, image,
        makeFilled(rewriter, loc, output.getShape(), width, 0),
        [&](OpBuilder &b, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(b, at);
          return arith::AddIOp::create(
              b, at, emit.distance(in[0], *input, from, width), in[1]);
        }));
  size_t elements = inputs.size();
  SmallVector<AffineMap> maps(elements, rewriter.getMultiDimIdentityMap(4));
  scaling->addInputs(rewriter, loc, inputs, maps);
  auto sumUp = [&](OpBuilder &b, Location at, ValueRange in) -> Value {
    IntegerEmitter emit(b, at);
    unsigned narrow = plain.fits(16) ? 16 : 32;
    Value sum = emit.extend(in[0], from, narrow);
    for (Value next : in.drop_front())
      sum = arith::AddIOp::create(b, at, sum, emit.extend(next, from, narrow));
    return emit.add(emit.resize(sum, 32),
                    -window.getCount() * input->zeroPoint);
  };
  rewriter.replaceOp(
      op, makeElementwise(
              rewriter, loc, output.getShape(), getStorageInteger(to), inputs,
              maps, [&](OpBuilder &b, Location at, ValueRange in) {
                IntegerEmitter emit(b, at);
                Value sum =
                    isDirect ? sumUp(b, at, in.take_front(elements)) : in[0];
                return emit.truncate(
                    scaling->emit(emit, sum, in.drop_front(elements)), to);
              }));
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {

struct ConvertReduce : OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ReduceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Value> result =
        op.getKind() == ReduceKind::Max || op.getKind() == ReduceKind::Min
            ? makeExtremum(rewriter, op, adaptor.getInput())
            : makeSum(rewriter, op, adaptor.getInput());
    if (failed(result))
      return failure();
    rewriter.replaceOp(
        op, makeReshaped(
                rewriter, op.getLoc(), *result,
                cast<RankedTensorType>(op.getOutput().getType()).getShape()));
    return success();
  }

private:
  FailureOr<Value> makeExtremum(OpBuilder &b, ReduceOp op, Value input) const {
    FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
    if (failed(params))
      return failure();
    bool isMax = op.getKind() == ReduceKind::Max;
    quant::QuantizedType type = getQuantizedType(op.getOutput());
    RankedTensorType from = getTensorType(input);
    Value init =
        makeFilled(b, op.getLoc(), getKeptShape(from.getShape(), op.getAxes()),
                   getStorageInteger(type).getWidth(),
                   isMax ? params->qmin : params->qmax);
    return makeAxisReduction(
        b, op.getLoc(), {input}, {b.getMultiDimIdentityMap(from.getRank())},
        init, op.getAxes(), [&](OpBuilder &nested, Location at, ValueRange in) {
          return IntegerEmitter(nested, at).extremum(in[0], in[1], isMax, type);
        });
  }

  FailureOr<Value> makeSum(OpBuilder &b, ReduceOp op, Value input) const {
    FailureOr<QuantParams> params = getTensorParams(op, op.getInput());
    if (failed(params))
      return failure();
    RankedTensorType from = getTensorType(input);
    int64_t count = 1;
    for (int64_t axis : op.getAxes())
      count *= from.getDimSize(axis);
    FailureOr<IntRange> range = getSumRange(op, *params, count);
    if (failed(range))
      return failure();
    FailureOr<Requantization> how =
        getRequantization(op, getMultiplier(op), *range);
    if (failed(how))
      return failure();
    Location loc = op.getLoc();
    quant::QuantizedType type = getQuantizedType(op.getInput());
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    // The sum of plain storage values, from which the zero points are taken at
    // once, has one addition an element.
    IntRange plain = getStorageRange(*params) * IntRange{0, count};
    bool isPlain = plain.fits(32) && range->fits(32);
    unsigned width = range->fits(32) ? 32 : 64;
    Value init = makeFilled(b, loc, getKeptShape(from.getShape(), op.getAxes()),
                            width, 0);
    Value sums = makeAxisReduction(
        b, loc, {input}, {b.getMultiDimIdentityMap(from.getRank())}, init,
        op.getAxes(),
        [&](OpBuilder &nested, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(nested, at);
          Value next = isPlain ? emit.extend(in[0], type, width)
                               : emit.distance(in[0], *params, type, width);
          return arith::AddIOp::create(nested, at, next, in[1]);
        });
    int64_t zeroPoints = isPlain ? count * params->zeroPoint : 0;
    return makeElementwise(b, loc, {sums}, getStorageInteger(to),
                           [&](OpBuilder &nested, Location at, ValueRange in) {
                             IntegerEmitter emit(nested, at);
                             Value sum = emit.add(in[0], -zeroPoints);
                             return emit.truncate(emit.requantize(sum, *how),
                                                  to);
                           });
  }
};

} // namespace

void q::populateReductionPatterns(const TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<ConvertMaxPool, ConvertAvgPool, ConvertReduce>(
      converter, patterns.getContext());
}
