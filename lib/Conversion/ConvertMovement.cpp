//===- ConvertMovement.cpp - Ops that move bits, and linear resizing ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rule N13. Where a movement is a view of memory it becomes one; concat and pad
// become insertions into one tensor, so that producers may write in place.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace q;
using numerics::QuantParams;

static ArrayRef<int64_t> getResultShape(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getShape();
}

static Value passFirst(OpBuilder &, Location, ValueRange in) { return in[0]; }

/// An element of `source` for each index of `shape`, at the place that `place`
/// computes from that index.
static Value makeIndexed(
    OpBuilder &b, Location loc, ArrayRef<int64_t> shape, Value source,
    llvm::function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)>
        place) {
  return makeElementwise(
      b, loc, shape, getTensorType(source).getElementType(), {}, {},
      [&](OpBuilder &nested, Location at, ValueRange) -> Value {
        SmallVector<Value> index;
        for (size_t dim = 0; dim < shape.size(); ++dim)
          index.push_back(linalg::IndexOp::create(nested, at, dim));
        return tensor::ExtractOp::create(nested, at, source,
                                         place(nested, at, index));
      });
}

/// Entry `index` of a table of indices.
static Value emitLookup(OpBuilder &b, Location loc, Value table, Value index) {
  Value entry = tensor::ExtractOp::create(b, loc, table, index);
  return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), entry);
}

static Value makeIndexTable(OpBuilder &b, Location loc,
                            ArrayRef<int64_t> indices) {
  return makeConstant(b, loc, {static_cast<int64_t>(indices.size())}, indices,
                      32);
}

namespace {

struct ConvertConcat : OpConversionPattern<ConcatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConcatOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = getResultShape(op);
    Type element = getTensorType(adaptor.getInputs().front()).getElementType();
    Value result = makeEmpty(rewriter, loc, shape, element);
    SmallVector<OpFoldResult> offsets(shape.size(), rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(shape.size(), rewriter.getIndexAttr(1));
    int64_t begin = 0, axis = op.getAxis();
    for (Value input : adaptor.getInputs()) {
      ArrayRef<int64_t> extents = getTensorType(input).getShape();
      if (extents[axis] == 0)
        continue;
      offsets[axis] = rewriter.getIndexAttr(begin);
      result = tensor::InsertSliceOp::create(
          rewriter, loc, input, result, offsets,
          getAsIndexOpFoldResult(getContext(), extents), strides);
      begin += extents[axis];
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// A view where memory allows: positive steps, and neighbours stay neighbours.
/// Along other dimensions the view holds all that lies between the elements.
struct ConvertSlice : OpConversionPattern<SliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(SliceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = getResultShape(op);
    SmallVector<OpFoldResult> offsets, sizes, strides;
    SmallVector<AffineExpr> places;
    bool isView = true;
    for (auto [dim, start, size, step] :
         llvm::enumerate(op.getStarts(), op.getSizes(), op.getSteps())) {
      AffineExpr place = rewriter.getAffineDimExpr(dim);
      bool isOwnView = step == 1 || (step > 0 && dim + 1 < shape.size());
      int64_t span = (size - 1) * step, first = std::min<int64_t>(span, 0);
      isView &= isOwnView;
      places.push_back(isOwnView ? place : place * step - first);
      offsets.push_back(rewriter.getIndexAttr(start + first));
      sizes.push_back(
          rewriter.getIndexAttr(isOwnView ? size : std::abs(span) + 1));
      strides.push_back(rewriter.getIndexAttr(isOwnView ? step : 1));
    }
    Value view = tensor::ExtractSliceOp::create(
        rewriter, loc, adaptor.getInput(), offsets, sizes, strides);
    if (isView)
      rewriter.replaceOp(op, view);
    else
      rewriter.replaceOp(
          op,
          makeElementwise(
              rewriter, loc, shape, getTensorType(view).getElementType(),
              {view}, {AffineMap::get(shape.size(), 0, places, getContext())},
              passFirst));
    return success();
  }
};

struct ConvertPad : OpConversionPattern<PadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(PadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    if (op.getMode() != PadMode::Constant) {
      rewriter.replaceOp(op, makeMirrored(rewriter, op, adaptor.getInput()));
      return success();
    }
    if (!getQuantizedType(op.getOutput()))
      return convertFloat(op, adaptor, rewriter);
    FailureOr<int32_t> value = getPadValue(op);
    if (failed(value))
      return failure();
    rewriter.replaceOp(op, makePadded(rewriter, loc, adaptor.getInput(),
                                      op.getLow(), op.getHigh(), *value));
    return success();
  }

private:
  /// A border in front of q.quantize.
  LogicalResult convertFloat(PadOp op, OpAdaptor adaptor,
                             ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    RankedTensorType type = getTensorType(adaptor.getInput());
    auto element = dyn_cast<FloatType>(type.getElementType());
    if (!element)
      return op.emitOpError("has no compiled form for ") << type;
    Value scalar = arith::ConstantOp::create(
        rewriter, loc, FloatAttr::get(element, op.getValue().convertToFloat()));
    Value empty = makeEmpty(rewriter, loc, getResultShape(op), element);
    Value border =
        linalg::FillOp::create(rewriter, loc, scalar, empty).getResult(0);
    SmallVector<OpFoldResult> strides(type.getRank(), rewriter.getIndexAttr(1));
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, adaptor.getInput(), border,
        getAsIndexOpFoldResult(getContext(), op.getLow()),
        getAsIndexOpFoldResult(getContext(), type.getShape()), strides);
    return success();
  }

  /// Modes edge and reflect: each index of the border has its element inside.
  static Value makeMirrored(OpBuilder &b, PadOp op, Value input) {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = getResultShape(op);
    ArrayRef<int64_t> extents = getTensorType(input).getShape();
    SmallVector<Value> tables;
    for (auto [dim, extent] : llvm::enumerate(extents)) {
      SmallVector<int64_t> sources;
      for (int64_t i = 0; i < shape[dim]; ++i) {
        int64_t at = i - op.getLow()[dim];
        if (op.getMode() == PadMode::Edge)
          at = std::clamp<int64_t>(at, 0, extent - 1);
        else if (at < 0)
          at = -at;
        else if (at >= extent)
          at = 2 * (extent - 1) - at;
        sources.push_back(at);
      }
      tables.push_back(shape[dim] == extent ? Value()
                                            : makeIndexTable(b, loc, sources));
    }
    return makeIndexed(b, loc, shape, input,
                       [&](OpBuilder &nested, Location at, ValueRange index) {
                         SmallVector<Value> result(index);
                         for (auto [place, table] :
                              llvm::zip_equal(result, tables))
                           if (table)
                             place = emitLookup(nested, at, table, place);
                         return result;
                       });
  }
};

struct ConvertTranspose : OpConversionPattern<TransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(TransposeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    // Behind a transpose that q.quantize has taken over.
    if (op->use_empty()) {
      rewriter.eraseOp(op);
      return success();
    }
    // Where only extents of 1 change places the memory stays as it is.
    SmallVector<int64_t> moved;
    ArrayRef<int64_t> from = getTensorType(adaptor.getInput()).getShape();
    for (int64_t dim : op.getPerm())
      if (from[dim] != 1)
        moved.push_back(dim);
    if (llvm::is_sorted(moved)) {
      rewriter.replaceOp(op,
                         makeReshaped(rewriter, op.getLoc(), adaptor.getInput(),
                                      getResultShape(op)));
      return success();
    }
    SmallVector<unsigned> perm(op.getPerm().begin(), op.getPerm().end());
    AffineMap map =
        inversePermutation(AffineMap::getPermutationMap(perm, getContext()));
    rewriter.replaceOp(
        op, makeElementwise(rewriter, op.getLoc(), getResultShape(op),
                            getTensorType(adaptor.getInput()).getElementType(),
                            {adaptor.getInput()}, {map}, passFirst));
    return success();
  }
};

struct ConvertReshape : OpConversionPattern<ReshapeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ReshapeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op,
                       makeReshaped(rewriter, op.getLoc(), adaptor.getInput(),
                                    getResultShape(op)));
    return success();
  }
};

struct ConvertGather : OpConversionPattern<GatherOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(GatherOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value table = makeIndexTable(rewriter, loc, op.getIndices());
    int64_t axis = op.getAxis();
    rewriter.replaceOp(
        op, makeIndexed(rewriter, loc, getResultShape(op), adaptor.getInput(),
                        [&](OpBuilder &b, Location at, ValueRange index) {
                          SmallVector<Value> result(index);
                          result[axis] = emitLookup(b, at, table, index[axis]);
                          return result;
                        }));
    return success();
  }
};

struct ConvertExpand : OpConversionPattern<ExpandOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ExpandOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType from = getTensorType(adaptor.getInput());
    ArrayRef<int64_t> shape = getResultShape(op);
    rewriter.replaceOp(
        op,
        makeElementwise(rewriter, op.getLoc(), shape, from.getElementType(),
                        {adaptor.getInput()},
                        {getBroadcastMap(getContext(), from.getShape(), shape)},
                        passFirst));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Resizing
//===----------------------------------------------------------------------===//

struct ConvertResize : OpConversionPattern<ResizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ResizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Value> result =
        op.getMode() == ResizeMode::Nearest
            ? makeNearest(rewriter, op, adaptor.getInput())
            : makeLinear(rewriter, op, adaptor.getInput());
    if (failed(result))
      return failure();
    rewriter.replaceOp(op, *result);
    return success();
  }

private:
  FailureOr<Value> makeNearest(OpBuilder &b, ResizeOp op, Value input) const {
    FailureOr<std::vector<int64_t>> rows = getNearestIndices(op, 0);
    FailureOr<std::vector<int64_t>> columns = getNearestIndices(op, 1);
    if (failed(rows) || failed(columns))
      return failure();
    Location loc = op.getLoc();
    Value rowTable = makeIndexTable(b, loc, *rows);
    Value columnTable = makeIndexTable(b, loc, *columns);
    return makeIndexed(
        b, loc, getResultShape(op), input,
        [&](OpBuilder &nested, Location at, ValueRange index) {
          return SmallVector<Value>{
              index[0], emitLookup(nested, at, rowTable, index[1]),
              emitLookup(nested, at, columnTable, index[2]), index[3]};
        });
  }

  FailureOr<Value> makeLinear(OpBuilder &b, ResizeOp op, Value input) const;
};

/// One axis of linear interpolation as tables.
struct LinearTables {
  Value i0, i1, w0, w1;

  /// With weights divided by 2^shift.
  LinearTables(OpBuilder &b, Location loc,
               ArrayRef<numerics::LinearWeights> weights, unsigned shift) {
    SmallVector<int64_t> values[4];
    for (const numerics::LinearWeights &entry : weights) {
      values[0].push_back(entry.i0);
      values[1].push_back(entry.i1);
      values[2].push_back(entry.w0 >> shift);
      values[3].push_back(entry.w1 >> shift);
    }
    i0 = makeIndexTable(b, loc, values[0]);
    i1 = makeIndexTable(b, loc, values[1]);
    w0 = makeIndexTable(b, loc, values[2]);
    w1 = makeIndexTable(b, loc, values[3]);
  }
};

} // namespace

/// The power of two that all weights of an axis are multiples of: a doubled
/// image has weights of quarters only.
static unsigned getCommonShift(ArrayRef<numerics::LinearWeights> weights) {
  unsigned shift = numerics::linearWeightBits;
  for (const numerics::LinearWeights &entry : weights)
    for (int32_t weight : {entry.w0, entry.w1})
      if (weight != 0)
        shift = std::min<unsigned>(shift, llvm::countr_zero(uint32_t(weight)));
  return shift;
}

/// The exact weighted sum of four elements, and one rounding.
FailureOr<Value> ConvertResize::makeLinear(OpBuilder &b, ResizeOp op,
                                           Value input) const {
  FailureOr<std::vector<numerics::LinearWeights>> rows =
      getLinearWeights(op, 0);
  FailureOr<std::vector<numerics::LinearWeights>> columns =
      getLinearWeights(op, 1);
  FailureOr<QuantParams> params = getTensorParams(op, op.getInput());
  if (failed(rows) || failed(columns) || failed(params))
    return failure();
  FailureOr<numerics::Multiplier> multiplier = getMultiplier(op);
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  if (failed(multiplier) || failed(rounding))
    return failure();
  // What the weights have in common goes into the multiplier, which leaves
  // sums short enough for cheaper arithmetic. `gemmlowp` rounds twice, and so
  // not the same.
  unsigned rowShift = getCommonShift(*rows);
  unsigned columnShift = getCommonShift(*columns);
  if (*rounding == numerics::Rounding::Gemmlowp ||
      multiplier->shift < static_cast<int32_t>(rowShift + columnShift))
    rowShift = columnShift = 0;
  unsigned common = rowShift + columnShift;
  multiplier->shift -= static_cast<int32_t>(common);
  int64_t unit = int64_t(1) << (2 * numerics::linearWeightBits - common);
  IntRange range = getDistanceRange(*params) * IntRange{unit, unit};
  FailureOr<Requantization> how = getRequantization(op, multiplier, range);
  if (failed(how))
    return failure();
  Location loc = op.getLoc();
  LinearTables row(b, loc, *rows, rowShift);
  LinearTables column(b, loc, *columns, columnShift);
  quant::QuantizedType from = getQuantizedType(op.getInput());
  quant::QuantizedType to = getQuantizedType(op.getOutput());
  unsigned width = range.fits(32) ? 32 : 64;
  ArrayRef<int64_t> shape = getResultShape(op);
  return makeElementwise(
      b, loc, shape, getStorageInteger(to), {}, {},
      [&](OpBuilder &nested, Location at, ValueRange) {
        IntegerEmitter emit(nested, at);
        Value n = linalg::IndexOp::create(nested, at, 0);
        Value y = linalg::IndexOp::create(nested, at, 1);
        Value x = linalg::IndexOp::create(nested, at, 2);
        Value c = linalg::IndexOp::create(nested, at, 3);
        auto element = [&](Value i, Value j) {
          Value q = tensor::ExtractOp::create(nested, at, input,
                                              ValueRange{n, i, j, c});
          return emit.distance(q, *params, from, width);
        };
        auto weight = [&](Value table, Value index) {
          Value w = tensor::ExtractOp::create(nested, at, table, index);
          return emit.resize(w, width);
        };
        auto blend = [&](Value a, Value wa, Value z, Value wz) -> Value {
          return arith::AddIOp::create(
              nested, at, arith::MulIOp::create(nested, at, a, wa),
              arith::MulIOp::create(nested, at, z, wz));
        };
        Value left = emitLookup(nested, at, column.i0, x);
        Value right = emitLookup(nested, at, column.i1, x);
        Value wLeft = weight(column.w0, x), wRight = weight(column.w1, x);
        auto line = [&](Value i) {
          return blend(element(i, left), wLeft, element(i, right), wRight);
        };
        Value sum =
            blend(line(emitLookup(nested, at, row.i0, y)), weight(row.w0, y),
                  line(emitLookup(nested, at, row.i1, y)), weight(row.w1, y));
        return emit.truncate(emit.requantize(sum, *how), to);
      });
}

void q::populateMovementPatterns(const TypeConverter &converter,
                                 RewritePatternSet &patterns) {
  patterns.add<ConvertConcat, ConvertSlice, ConvertPad, ConvertTranspose,
               ConvertReshape, ConvertGather, ConvertExpand, ConvertResize>(
      converter, patterns.getContext());
}
