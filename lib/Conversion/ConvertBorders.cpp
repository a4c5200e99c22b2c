//===- ConvertBorders.cpp - Constants, quantize and dequantize ------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The borders of the integer part (rules N1, N3): the only float arithmetic in
// compiled code.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "LinalgBuilder.h"
#include "QDialect/Numerics/FloatQuantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace q;
using numerics::QuantParams;

namespace {

/// The payload becomes the value: it holds the storage integers already.
struct ConvertConst : OpConversionPattern<ConstOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConstOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
    if (resource && !resource.getRawHandle().getBlob())
      return op.emitOpError("has no data: its resource '")
             << resource.getRawHandle().getKey()
             << "' is missing; write the IR with its resources";
    auto value = dyn_cast<TypedAttr>(op.getValue());
    if (!value)
      return failure();
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, value);
    return success();
  }
};

/// Zero points and scales of the channels of a per-axis tensor, as inputs of a
/// generic op, beside the map that reads them.
struct ChannelParams {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
};

} // namespace

static Value makeFloat(OpBuilder &b, Location loc, double value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}

static ChannelParams
makeChannelParams(OpBuilder &b, Location loc, RankedTensorType type,
                  quant::UniformQuantizedPerAxisType axis) {
  SmallVector<float> scales;
  SmallVector<int64_t> zeroPoints(axis.getZeroPoints());
  for (double scale : axis.getScales())
    scales.push_back(static_cast<float>(scale));
  auto scaleType = RankedTensorType::get({static_cast<int64_t>(scales.size())},
                                         b.getF32Type());
  ChannelParams result;
  result.inputs.push_back(arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(scaleType, ArrayRef<float>(scales))));
  result.inputs.push_back(
      makeConstant(b, loc, scaleType.getShape(), zeroPoints, 32));
  result.maps.assign(2, getDimMap(b.getContext(), type.getRank(),
                                  axis.getQuantizedDimension()));
  return result;
}

/// Rule N3 where a reciprocal has been proven to give the bits of the division.
/// Adding 1.5 * 2^23 rounds half to even and leaves the integer in the low bits
/// of the sum.
static Value emitQuantize(OpBuilder &b, Location loc, Value real,
                          const numerics::QuantizeReciprocal &reciprocal,
                          quant::UniformQuantizedType type) {
  IntegerEmitter emit(b, loc);
  Value isNumber =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD, real, real);
  Value x =
      arith::SelectOp::create(b, loc, isNumber, real, makeFloat(b, loc, 0));
  auto clampTo = [&](arith::CmpFPredicate keep, float bound) {
    Value limit = makeFloat(b, loc, bound);
    Value kept = arith::CmpFOp::create(b, loc, keep, x, limit);
    x = arith::SelectOp::create(b, loc, kept, x, limit);
  };
  clampTo(arith::CmpFPredicate::OGT, reciprocal.least);
  clampTo(arith::CmpFPredicate::OLT, reciprocal.most);
  Value quotient;
  Value high = makeFloat(b, loc, reciprocal.high);
  if (reciprocal.low == 0.0f) {
    quotient = arith::MulFOp::create(b, loc, x, high);
  } else {
    Value correction =
        arith::MulFOp::create(b, loc, x, makeFloat(b, loc, reciprocal.low));
    quotient = math::FmaOp::create(b, loc, x, high, correction);
  }
  return emit.truncate(
      emit.clamp(emit.add(emit.roundToInteger(quotient), type.getZeroPoint()),
                 type.getStorageTypeMin(), type.getStorageTypeMax()),
      type);
}

/// Rule N3 for one element: divide, round half to even, saturate. The bounds
/// are applied to the rounded quotient, before the zero point is added, where
/// floats hold every integer exactly.
static Value emitQuantize(OpBuilder &b, Location loc, Value real, Value scale,
                          Value zeroPoint, int64_t qmin, int64_t qmax,
                          quant::QuantizedType type) {
  IntegerEmitter emit(b, loc);
  Value quotient = arith::DivFOp::create(b, loc, real, scale);
  Value rounded = math::RoundEvenOp::create(b, loc, quotient);
  Value isNumber = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD,
                                         rounded, rounded);
  rounded =
      arith::SelectOp::create(b, loc, isNumber, rounded, makeFloat(b, loc, 0));
  auto clampTo = [&](arith::CmpFPredicate keep, Value bound) {
    Value kept = arith::CmpFOp::create(b, loc, keep, rounded, bound);
    rounded = arith::SelectOp::create(b, loc, kept, rounded, bound);
  };
  // The bounds less the zero point are below 2^17 in magnitude: exact.
  auto bound = [&](int64_t q) -> Value {
    Value shifted =
        arith::SubIOp::create(b, loc, emit.constant(q, 32), zeroPoint);
    return arith::SIToFPOp::create(b, loc, b.getF32Type(), shifted);
  };
  clampTo(arith::CmpFPredicate::OGT, bound(qmin));
  clampTo(arith::CmpFPredicate::OLT, bound(qmax));
  Value integer = arith::FPToSIOp::create(b, loc, b.getI32Type(), rounded);
  return emit.truncate(arith::AddIOp::create(b, loc, integer, zeroPoint), type);
}

namespace {

struct ConvertQuantize : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(QuantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    quant::QuantizedType quantized = getQuantizedType(op.getOutput());
    if (!quantized || quantized.getStorageTypeIntegralWidth() > 16)
      return op.emitOpError("to ")
             << type << " cannot be compiled; quantize to 16 bits or less";
    // A transpose in front, as imported models have it for their layout, costs
    // nothing here: its input is read in the other order.
    Value input = adaptor.getInput();
    AffineMap map = rewriter.getMultiDimIdentityMap(type.getRank());
    if (auto transpose = op.getInput().getDefiningOp<TransposeOp>();
        transpose && transpose->hasOneUse()) {
      input = rewriter.getRemappedValue(transpose.getInput());
      SmallVector<unsigned> perm(transpose.getPerm().begin(),
                                 transpose.getPerm().end());
      map = inversePermutation(
          AffineMap::getPermutationMap(perm, rewriter.getContext()));
    }
    SmallVector<Value> inputs{input};
    SmallVector<AffineMap> maps{map};
    auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(quantized);
    if (axis) {
      ChannelParams params = makeChannelParams(rewriter, loc, type, axis);
      llvm::append_range(inputs, params.inputs);
      llvm::append_range(maps, params.maps);
    }
    auto uniform = dyn_cast<quant::UniformQuantizedType>(quantized);
    std::optional<numerics::QuantizeReciprocal> reciprocal;
    if (uniform)
      reciprocal = numerics::findQuantizeReciprocal(
          static_cast<float>(uniform.getScale()),
          quantized.getStorageTypeMin() - uniform.getZeroPoint(),
          quantized.getStorageTypeMax() - uniform.getZeroPoint());
    Value result = makeElementwise(
        rewriter, loc, type.getShape(), getStorageInteger(quantized), inputs,
        maps, [&](OpBuilder &b, Location at, ValueRange in) {
          if (reciprocal)
            return emitQuantize(b, at, in[0], *reciprocal, uniform);
          IntegerEmitter emit(b, at);
          Value scale = axis ? in[1] : makeFloat(b, at, uniform.getScale());
          Value zeroPoint =
              axis ? in[2] : emit.constant(uniform.getZeroPoint(), 32);
          return emitQuantize(b, at, in[0], scale, zeroPoint,
                              quantized.getStorageTypeMin(),
                              quantized.getStorageTypeMax(), quantized);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ConvertDequantize : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(DequantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getInput().getType());
    quant::QuantizedType quantized = getQuantizedType(op.getInput());
    SmallVector<Value> inputs{adaptor.getInput()};
    SmallVector<AffineMap> maps{
        rewriter.getMultiDimIdentityMap(type.getRank())};
    auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(quantized);
    if (axis) {
      ChannelParams params = makeChannelParams(rewriter, loc, type, axis);
      llvm::append_range(inputs, params.inputs);
      llvm::append_range(maps, params.maps);
    }
    // The distance from the zero point may need 33 bits.
    unsigned width = quantized.getStorageTypeIntegralWidth() > 16 ? 64 : 32;
    Value result = makeElementwise(
        rewriter, loc, type.getShape(), rewriter.getF32Type(), inputs, maps,
        [&](OpBuilder &b, Location at, ValueRange in) -> Value {
          IntegerEmitter emit(b, at);
          auto uniform = dyn_cast<quant::UniformQuantizedType>(quantized);
          Value scale = axis ? in[1] : makeFloat(b, at, uniform.getScale());
          Value zeroPoint = axis ? emit.resize(in[2], width)
                                 : emit.constant(uniform.getZeroPoint(), width);
          Value distance = arith::SubIOp::create(
              b, at, emit.extend(in[0], quantized, width), zeroPoint);
          Value real = arith::SIToFPOp::create(b, at, b.getF32Type(), distance);
          return arith::MulFOp::create(b, at, real, scale);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void q::populateBorderPatterns(const TypeConverter &converter,
                               RewritePatternSet &patterns) {
  patterns.add<ConvertConst, ConvertQuantize, ConvertDequantize>(
      converter, patterns.getContext());
}
