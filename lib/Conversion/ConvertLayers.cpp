//===- ConvertLayers.cpp - Convolutions and matrix products ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layers as plain loops over int32 accumulators and a requantization behind
// them (rules N6, N8, N10 to N12). This is the path that is always there and
// that a person reads; kernels are chosen in front of it.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"

#include "QDialect/Numerics/AccumulatorProof.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace q;
using numerics::Multiplier;
using numerics::QuantParams;
using numerics::Rounding;

//===----------------------------------------------------------------------===//
// Accumulators
//===----------------------------------------------------------------------===//

namespace {

/// What one product of a layer is: (x - inputOffset) * (w - Zw[o]), and the
/// accumulators that its products add up to.
struct Products {
  quant::QuantizedType inputType;
  quant::QuantizedType weightType;
  int64_t inputOffset;
  SmallVector<int32_t> weightZeroPoints;
  IntRange range = {0, 0};

  /// Rule N8: the wider path where int32 is not proven to hold the sums.
  unsigned getWidth() const { return range.fits(32) ? 32 : 64; }
  bool hasEqualZeroPoints() const { return llvm::all_equal(weightZeroPoints); }
};

} // namespace

/// Rule N8: the accumulators that a layer's constants allow. Computed weights
/// and biases can be all that their types hold.
static FailureOr<IntRange> proveAccumulators(WeightedOpInterface op,
                                             const Products &products) {
  constexpr int64_t int32Min = std::numeric_limits<int32_t>::min();
  constexpr int64_t int32Max = std::numeric_limits<int32_t>::max();
  QuantParams input = *getTensorParams(op, op.getInput());
  auto type = cast<RankedTensorType>(op.getWeights().getType());
  size_t channels = products.weightZeroPoints.size();
  size_t perChannel = channels == 0 ? 0 : type.getNumElements() / channels;
  bool hasBias = static_cast<bool>(op.getBias());
  if (!op.getWeights().getDefiningOp<ConstOp>() ||
      (hasBias && !op.getBias().getDefiningOp<ConstOp>())) {
    int64_t count = static_cast<int64_t>(perChannel);
    IntRange weights{products.weightType.getStorageTypeMin(),
                     products.weightType.getStorageTypeMax()};
    for (int64_t zeroPoint : products.weightZeroPoints)
      weights = {std::min(weights.lo, weights.lo - zeroPoint),
                 std::max(weights.hi, weights.hi - zeroPoint)};
    IntRange sums = (getStorageRange(input) - products.inputOffset) * weights *
                    IntRange{0, count};
    return IntRange{sums.lo + (hasBias ? int32Min : 0),
                    sums.hi + (hasBias ? int32Max : 0)};
  }
  FailureOr<std::vector<int32_t>> weights = getConstantInts(op.getWeights());
  if (failed(weights))
    return failure();
  std::vector<int32_t> bias(channels, 0);
  if (hasBias) {
    FailureOr<std::vector<int32_t>> values = getConstantInts(op.getBias());
    if (failed(values))
      return failure();
    bias = std::move(*values);
  }
  numerics::FactorRange factor{
      static_cast<int32_t>(input.qmin - products.inputOffset),
      static_cast<int32_t>(input.qmax - products.inputOffset)};
  IntRange range{0, 0};
  for (size_t o = 0; o < channels; ++o) {
    int32_t *w = weights->data() + o * perChannel;
    for (size_t i = 0; i < perChannel; ++i)
      w[i] -= products.weightZeroPoints[o];
    numerics::AccumulatorBounds bounds =
        numerics::accumulatorBounds(w, perChannel, factor, bias[o]);
    // Partial sums may wrap: int32 arithmetic is exact modulo 2^32.
    range.lo = std::min(range.lo, bounds.min);
    range.hi = std::max(range.hi, bounds.max);
  }
  return range;
}

static FailureOr<Products> getProducts(WeightedOpInterface op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  if (failed(input))
    return failure();
  quant::QuantizedType weights = getQuantizedType(op.getWeights());
  if (!weights)
    return op->emitOpError("has no integer form: its weights are ")
           << op.getWeights().getType() << "; run q-quantize";
  Products products{getQuantizedType(op.getInput()), weights,
                    op.getZeroPointFolded() ? 0 : input->zeroPoint,
                    getWeightZeroPoints(op)};
  FailureOr<IntRange> range = proveAccumulators(op, products);
  if (failed(range) || failed(checkAccumulators(op, *range)))
    return failure();
  products.range = *range;
  return products;
}

/// The accumulators before the first product: the bias of each channel, the
/// last dimension, or 0.
static Value makeInitialSums(OpBuilder &b, Location loc,
                             ArrayRef<int64_t> shape, Value bias,
                             unsigned width) {
  if (!bias)
    return makeFilled(b, loc, shape, width, 0);
  return makeElementwise(
      b, loc, shape, b.getIntegerType(width), {bias},
      {getDimMap(b.getContext(), shape.size(), shape.size() - 1)},
      [&](OpBuilder &nested, Location at, ValueRange in) {
        return IntegerEmitter(nested, at).resize(in[0], width);
      });
}

/// The zero points of the weights as an input of a generic op, or null if one
/// number serves all channels.
static Value makeWeightZeroPoints(OpBuilder &b, Location loc,
                                  const Products &products) {
  if (products.hasEqualZeroPoints())
    return {};
  SmallVector<int64_t> values(products.weightZeroPoints.begin(),
                              products.weightZeroPoints.end());
  return makeConstant(b, loc, {static_cast<int64_t>(values.size())}, values,
                      32);
}

/// acc + (x - Zx)(w - Zw) for values (x, w[, Zw], acc).
static Value emitProduct(OpBuilder &b, Location loc, ValueRange in,
                         const Products &products) {
  IntegerEmitter emit(b, loc);
  unsigned width = products.getWidth();
  Value x = emit.add(emit.extend(in[0], products.inputType, width),
                     -products.inputOffset);
  Value w = emit.extend(in[1], products.weightType, width);
  if (!products.hasEqualZeroPoints())
    w = arith::SubIOp::create(b, loc, w, emit.resize(in[2], width));
  else if (!products.weightZeroPoints.empty())
    w = emit.add(w, -int64_t(products.weightZeroPoints.front()));
  Value product = arith::MulIOp::create(b, loc, x, w);
  return arith::AddIOp::create(b, loc, in.back(), product);
}

//===----------------------------------------------------------------------===//
// What becomes of accumulators
//===----------------------------------------------------------------------===//

namespace {

/// The constants behind a layer's sums.
struct LayerEpilogue {
  SmallVector<Multiplier> multipliers;
  Rounding rounding;
  IntRange range;
  /// Of the requantized sum: the result, or the intermediate value in front of
  /// a residual.
  int32_t zeroPoint;
  IntegerBounds bounds;
  quant::QuantizedType resultType;
  /// The residual, if there is one.
  Value residual;
  quant::QuantizedType residualType;
  QuantParams residualParams;
  numerics::AddParams addition;
  int32_t resultZeroPoint;
  IntegerBounds resultBounds;
};

} // namespace

static FailureOr<LayerEpilogue> getEpilogue(WeightedOpInterface op,
                                            IntRange range, Value residual) {
  LayerEpilogue result;
  FailureOr<SmallVector<Multiplier>> multipliers = getMultipliers(op);
  FailureOr<Rounding> rounding = getRounding(op);
  FailureOr<QuantParams> output = getTensorParams(op, op->getResult(0));
  if (failed(multipliers) || failed(rounding) || failed(output))
    return failure();
  FailureOr<IntegerBounds> bounds =
      getIntegerBounds(cast<FusedClampOpInterface>(op.getOperation()));
  if (failed(bounds))
    return failure();
  result.multipliers = std::move(*multipliers);
  result.rounding = *rounding;
  result.range = range;
  result.zeroPoint = result.resultZeroPoint = output->zeroPoint;
  result.bounds = result.resultBounds = *bounds;
  result.resultType = getQuantizedType(op->getResult(0));
  if (!residual)
    return result;
  auto conv = cast<Conv2DOp>(op.getOperation());
  FailureOr<numerics::AddParams> addition = getResidualAddParams(conv);
  if (failed(addition))
    return failure();
  QuantParams intermediate = *output;
  if (conv.getIntermediate())
    if (auto type =
            dyn_cast<quant::UniformQuantizedType>(*conv.getIntermediate()))
      intermediate = getQuantParams(type);
  result.zeroPoint = intermediate.zeroPoint;
  result.bounds = getIntegerBounds(intermediate);
  result.residual = residual;
  result.residualType = getQuantizedType(conv.getResidual());
  result.residualParams = *getTensorParams(op, conv.getResidual());
  result.addition = *addition;
  return result;
}

namespace {

/// All constants of a layer.
struct Layer {
  Products products;
  LayerEpilogue epilogue;
};

} // namespace

static FailureOr<Layer> getLayer(WeightedOpInterface op,
                                 Value residual = Value()) {
  FailureOr<Products> products = getProducts(op);
  if (failed(products))
    return failure();
  FailureOr<LayerEpilogue> epilogue =
      getEpilogue(op, products->range, residual);
  if (failed(epilogue))
    return failure();
  return Layer{std::move(*products), std::move(*epilogue)};
}

/// The addition of the residual (rule N12), if there is one.
static Value emitResidual(OpBuilder &b, Location loc, Value sum, Value residual,
                          const LayerEpilogue &epilogue) {
  IntegerEmitter emit(b, loc);
  if (!epilogue.residual)
    return sum;
  Value d1 = emit.add(sum, -int64_t(epilogue.zeroPoint));
  Value d2 =
      emit.distance(residual, epilogue.residualParams, epilogue.residualType);
  return emit.addRequantize(d1, d2, epilogue.addition, /*tiesAway=*/true,
                            epilogue.resultZeroPoint, epilogue.resultBounds);
}

/// The layer's result from its accumulators, whose last dimension counts
/// output channels.
static Value makeRequantized(OpBuilder &b, Location loc, Value sums,
                             const LayerEpilogue &epilogue) {
  RankedTensorType type = getTensorType(sums);
  MLIRContext *context = b.getContext();
  unsigned rank = type.getRank();
  bool isUniform = llvm::all_equal(epilogue.multipliers);
  SmallVector<Value> inputs{sums};
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank)};
  bool meetsTies = false;
  if (!isUniform) {
    SmallVector<int64_t> m0s, shifts;
    for (Multiplier multiplier : epilogue.multipliers) {
      m0s.push_back(multiplier.m0);
      shifts.push_back(epilogue.rounding == Rounding::Gemmlowp
                           ? multiplier.shift
                           : multiplier.totalShift());
      meetsTies |= !numerics::addHalfIsExact(
          multiplier, epilogue.range.lo, epilogue.range.hi, epilogue.rounding);
    }
    int64_t channels = type.getShape().back();
    inputs.push_back(makeConstant(b, loc, {channels}, m0s, 32));
    inputs.push_back(makeConstant(b, loc, {channels}, shifts, 32));
    maps.append(2, getDimMap(context, rank, rank - 1));
  }
  if (epilogue.residual) {
    inputs.push_back(epilogue.residual);
    maps.push_back(b.getMultiDimIdentityMap(rank));
  }
  return makeElementwise(
      b, loc, type.getShape(), getStorageInteger(epilogue.resultType), inputs,
      maps, [&](OpBuilder &nested, Location at, ValueRange in) {
        IntegerEmitter emit(nested, at);
        Value sum;
        if (isUniform)
          sum = emit.requantize(in[0], {epilogue.multipliers.front(),
                                        epilogue.rounding, epilogue.zeroPoint,
                                        epilogue.bounds, epilogue.range});
        else
          sum = emit.requantize(in[0], in[1], in[2], epilogue.rounding,
                                meetsTies, epilogue.zeroPoint, epilogue.bounds);
        sum = emitResidual(nested, at, sum, in.back(), epilogue);
        return emit.truncate(sum, epilogue.resultType);
      });
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// The sums of a convolution of an already padded image. Grouped ones run over
/// [N, OH, OW, G, O / G], so that every index is an affine one.
static Value makeConvSums(OpBuilder &b, Location loc, Value image,
                          Value weights, Value bias,
                          ArrayRef<int64_t> outputShape,
                          ArrayRef<int64_t> strides,
                          ArrayRef<int64_t> dilations, int64_t groups,
                          const Products &products) {
  MLIRContext *context = b.getContext();
  Value init = makeInitialSums(b, loc, outputShape, bias, products.getWidth());
  ArrayRef<int64_t> filter = getTensorType(weights).getShape();
  int64_t outputs = filter[0] / groups, channels = filter[3];
  SmallVector<int64_t> grouped(outputShape.drop_back());
  grouped.append({groups, outputs});
  init = makeReshaped(b, loc, init, grouped);
  weights = makeReshaped(b, loc, weights,
                         {groups, outputs, filter[1], filter[2], channels});
  AffineExpr n, y, x, g, o, ky, kx, c;
  bindDims(context, n, y, x, g, o, ky, kx, c);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(8, 0, results, context);
  };
  SmallVector<Value> inputs{image, weights};
  SmallVector<AffineMap> maps{
      map({n, y * strides[0] + ky * dilations[0],
           x * strides[1] + kx * dilations[1], g * channels + c}),
      map({g, o, ky, kx, c})};
  if (Value zeroPoints = makeWeightZeroPoints(b, loc, products)) {
    inputs.push_back(makeReshaped(b, loc, zeroPoints, {groups, outputs}));
    maps.push_back(map({g, o}));
  }
  maps.push_back(map({n, y, x, g, o}));
  Value sums =
      makeReduction(b, loc, inputs, init, maps,
                    [&](OpBuilder &nested, Location at, ValueRange in) {
                      return emitProduct(nested, at, in, products);
                    });
  return makeReshaped(b, loc, sums, outputShape);
}

namespace {

struct ConvertConv2D : OpConversionPattern<Conv2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(Conv2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Layer> layer = getLayer(op, adaptor.getResidual());
    if (failed(layer))
      return failure();
    Location loc = op.getLoc();
    int64_t zeroPoint = getTensorParams(op, op.getInput())->zeroPoint;
    ArrayRef<int64_t> pads = op.getPads();
    Value image =
        makePadded(rewriter, loc, adaptor.getInput(), {0, pads[0], pads[1], 0},
                   {0, pads[2], pads[3], 0}, zeroPoint);
    Value sums = makeConvSums(
        rewriter, loc, image, adaptor.getWeights(), adaptor.getBias(),
        cast<RankedTensorType>(op.getOutput().getType()).getShape(),
        op.getStrides(), op.getDilations(), op.getGroups(), layer->products);
    rewriter.replaceOp(op,
                       makeRequantized(rewriter, loc, sums, layer->epilogue));
    return success();
  }
};

} // namespace

/// The filter turned by 180 degrees; at compile time where it is constant.
static FailureOr<Value> makeTurnedFilter(OpBuilder &b, ConvTranspose2DOp op,
                                         Value converted) {
  Location loc = op.getLoc();
  RankedTensorType type = getTensorType(converted);
  ArrayRef<int64_t> shape = type.getShape();
  if (op.getWeights().getDefiningOp<ConstOp>()) {
    FailureOr<std::vector<int32_t>> values = getConstantInts(op.getWeights());
    if (failed(values))
      return failure();
    SmallVector<int64_t> turned;
    int64_t taps = shape[1] * shape[2], channels = shape[3];
    for (int64_t o = 0; o < shape[0]; ++o)
      for (int64_t tap = taps; tap-- > 0;)
        for (int64_t c = 0; c < channels; ++c)
          turned.push_back((*values)[(o * taps + tap) * channels + c]);
    return makeConstant(b, loc, shape, turned,
                        type.getElementType().getIntOrFloatBitWidth());
  }
  AffineExpr o, ky, kx, c;
  bindDims(b.getContext(), o, ky, kx, c);
  AffineMap map = AffineMap::get(
      4, 0, {o, shape[1] - 1 - ky, shape[2] - 1 - kx, c}, b.getContext());
  return makeElementwise(
      b, loc, shape, type.getElementType(), {converted}, {map},
      [](OpBuilder &, Location, ValueRange in) { return in[0]; });
}

/// The image of the convolution that a transposed one is: its pixels `stride`
/// apart, zero points between and around them. Pixels that no tap reaches are
/// left out.
static Value makeStuffedImage(OpBuilder &b, ConvTranspose2DOp op, Value input,
                              int64_t zeroPoint) {
  Location loc = op.getLoc();
  ArrayRef<int64_t> shape = getTensorType(input).getShape();
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  auto filter = cast<RankedTensorType>(op.getWeights().getType());
  SmallVector<int64_t> stuffed(shape), first(4, 0), count(shape);
  SmallVector<int64_t> offset(4, 0), step(4, 1);
  for (int axis : {0, 1}) {
    int64_t reach = op.getDilations()[axis] * (filter.getDimSize(axis + 1) - 1);
    int64_t stride = op.getStrides()[axis];
    int64_t low = reach - op.getPads()[axis];
    int64_t extent = output.getDimSize(axis + 1) + reach;
    // The pixels i with 0 <= low + i * stride < extent.
    int64_t from = low < 0 ? (-low + stride - 1) / stride : 0;
    int64_t to =
        std::min(shape[axis + 1], (extent - low + stride - 1) / stride);
    stuffed[axis + 1] = extent;
    first[axis + 1] = from;
    count[axis + 1] = std::max<int64_t>(to - from, 0);
    offset[axis + 1] = low + from * stride;
    step[axis + 1] = stride;
  }
  Value image = makeFilled(
      b, loc, stuffed,
      getTensorType(input).getElementType().getIntOrFloatBitWidth(), zeroPoint);
  if (llvm::is_contained(count, 0))
    return image;
  auto attrs = [&](ArrayRef<int64_t> values) {
    return getAsIndexOpFoldResult(b.getContext(), values);
  };
  if (ArrayRef<int64_t>(count) != shape)
    input = tensor::ExtractSliceOp::create(b, loc, input, attrs(first),
                                           attrs(count), attrs({1, 1, 1, 1}));
  return tensor::InsertSliceOp::create(b, loc, input, image, attrs(offset),
                                       attrs(count), attrs(step));
}

namespace {

struct ConvertConvTranspose2D : OpConversionPattern<ConvTranspose2DOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConvTranspose2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Layer> layer = getLayer(op);
    if (failed(layer))
      return failure();
    FailureOr<Value> filter =
        makeTurnedFilter(rewriter, op, adaptor.getWeights());
    if (failed(filter))
      return failure();
    Location loc = op.getLoc();
    Value image =
        makeStuffedImage(rewriter, op, adaptor.getInput(),
                         getTensorParams(op, op.getInput())->zeroPoint);
    Value sums = makeConvSums(
        rewriter, loc, image, *filter, adaptor.getBias(),
        cast<RankedTensorType>(op.getOutput().getType()).getShape(), {1, 1},
        op.getDilations(), op.getGroups(), layer->products);
    rewriter.replaceOp(op,
                       makeRequantized(rewriter, loc, sums, layer->epilogue));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

struct ConvertGemm : OpConversionPattern<GemmOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(GemmOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Layer> layer = getLayer(op);
    if (failed(layer))
      return failure();
    Location loc = op.getLoc();
    MLIRContext *context = getContext();
    Value init = makeInitialSums(
        rewriter, loc,
        cast<RankedTensorType>(op.getOutput().getType()).getShape(),
        adaptor.getBias(), layer->products.getWidth());
    AffineExpr m, n, k;
    bindDims(context, m, n, k);
    SmallVector<Value> inputs{adaptor.getInput(), adaptor.getWeights()};
    SmallVector<AffineMap> maps{AffineMap::get(3, 0, {m, k}, context),
                                AffineMap::get(3, 0, {n, k}, context)};
    if (Value zeroPoints =
            makeWeightZeroPoints(rewriter, loc, layer->products)) {
      inputs.push_back(zeroPoints);
      maps.push_back(AffineMap::get(3, 0, {n}, context));
    }
    maps.push_back(AffineMap::get(3, 0, {m, n}, context));
    Value sums = makeReduction(rewriter, loc, inputs, init, maps,
                               [&](OpBuilder &b, Location at, ValueRange in) {
                                 return emitProduct(b, at, in, layer->products);
                               });
    rewriter.replaceOp(op,
                       makeRequantized(rewriter, loc, sums, layer->epilogue));
    return success();
  }
};

/// [..., M, K] x [..., K, N]; leading dimensions broadcast.
struct ConvertMatMul : OpConversionPattern<MatMulOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(MatMulOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<QuantParams> lhs = getTensorParams(op, op.getLhs());
    FailureOr<QuantParams> rhs = getTensorParams(op, op.getRhs());
    if (failed(lhs) || failed(rhs))
      return failure();
    int64_t depth = getTensorType(adaptor.getLhs()).getShape().back();
    IntRange range = getDistanceRange(*lhs) * getDistanceRange(*rhs);
    range = range * IntRange{0, depth};
    if (failed(checkAccumulators(op, range)))
      return failure();
    FailureOr<Requantization> how =
        getRequantization(op, getMultiplier(op), range);
    if (failed(how))
      return failure();
    Location loc = op.getLoc();
    Value sums = makeSums(rewriter, loc, op, adaptor.getLhs(), adaptor.getRhs(),
                          *lhs, *rhs, range.fits(32) ? 32 : 64);
    quant::QuantizedType to = getQuantizedType(op.getOutput());
    rewriter.replaceOp(
        op, makeElementwise(rewriter, loc, {sums}, getStorageInteger(to),
                            [&](OpBuilder &b, Location at, ValueRange in) {
                              IntegerEmitter emit(b, at);
                              return emit.truncate(emit.requantize(in[0], *how),
                                                   to);
                            }));
    return success();
  }

private:
  Value makeSums(OpBuilder &b, Location loc, MatMulOp op, Value lhs, Value rhs,
                 const QuantParams &lhsParams, const QuantParams &rhsParams,
                 unsigned width) const {
    MLIRContext *context = b.getContext();
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(op.getOutput().getType()).getShape();
    // Loops: the batch dimensions, m, k, n; rows of the right side are read in
    // order.
    unsigned batch = shape.size() - 2, loops = shape.size() + 1;
    AffineExpr m = getAffineDimExpr(batch, context);
    AffineExpr k = getAffineDimExpr(batch + 1, context);
    AffineExpr n = getAffineDimExpr(batch + 2, context);
    auto map = [&](ArrayRef<int64_t> from, AffineExpr row, AffineExpr column) {
      SmallVector<AffineExpr> results(
          getBroadcastMap(context, from.drop_back(2), shape.drop_back(2))
              .getResults());
      results.append({row, column});
      return AffineMap::get(loops, 0, results, context);
    };
    quant::QuantizedType lhsType = getQuantizedType(op.getLhs());
    quant::QuantizedType rhsType = getQuantizedType(op.getRhs());
    return makeReduction(
        b, loc, {lhs, rhs}, makeFilled(b, loc, shape, width, 0),
        {map(getTensorType(lhs).getShape(), m, k),
         map(getTensorType(rhs).getShape(), k, n), map(shape, m, n)},
        [&](OpBuilder &nested, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(nested, at);
          Value product = arith::MulIOp::create(
              nested, at, emit.distance(in[0], lhsParams, lhsType, width),
              emit.distance(in[1], rhsParams, rhsType, width));
          return arith::AddIOp::create(nested, at, in[2], product);
        });
  }
};

} // namespace

void q::populateLayerPatterns(const TypeConverter &converter,
                              RewritePatternSet &patterns) {
  patterns
      .add<ConvertConv2D, ConvertConvTranspose2D, ConvertGemm, ConvertMatMul>(
          converter, patterns.getContext());
}
