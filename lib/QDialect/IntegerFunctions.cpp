//===- IntegerFunctions.cpp - Tables and weights of quantized ops ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/FloatSemantics.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Numerics/Functions.h"

#include <cmath>

using namespace mlir;
using namespace q;
using numerics::QuantParams;

//===----------------------------------------------------------------------===//
// Functions of one element or one row (rule N15)
//===----------------------------------------------------------------------===//

FailureOr<std::vector<int32_t>> q::getTable(UnaryOp op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  if (input->qmax - input->qmin >= int64_t(1) << 16)
    return op.emitOpError("has no integer form for a table of ")
           << input->qmax - input->qmin + 1
           << " entries (rule N15); quantize its input to 16 bits or less";
  return numerics::makeTable(getNumericsKind(op.getKind()), *input, *output,
                             op.getAlpha().convertToFloat(),
                             op.getBeta().convertToFloat());
}

FailureOr<numerics::SoftmaxParams> q::getSoftmaxParams(SoftmaxOp op) {
  if (op.getLog())
    return op.emitOpError("has no integer form for the logarithm; keep it in "
                          "float behind the quantized part, or take the "
                          "softmax without 'log'");
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  quant::UniformQuantizedType inputType = getPerTensorType(op.getInput());
  quant::UniformQuantizedType outputType = getPerTensorType(op.getOutput());
  unsigned outBits = outputType.getStorageTypeIntegralWidth();
  int64_t row =
      cast<RankedTensorType>(op.getInput().getType()).getDimSize(op.getAxis());
  numerics::Result<numerics::SoftmaxParams> params = numerics::makeSoftmax(
      input->scale, inputType.getStorageTypeIntegralWidth(), row, outBits,
      outputType.isSigned());
  if (!params)
    return op.emitOpError("has no integer form: ") << params.reason();
  double scale = std::ldexp(1.0, -static_cast<int>(outBits));
  numerics::StorageRange range =
      numerics::storageRange(outBits, outputType.isSigned());
  QuantParams expected{scale, params->outZeroPoint, range.qmin, range.qmax};
  if (*output != expected)
    return op.emitOpError("must have a result of scale 2^-")
           << outBits << " and zero point " << params->outZeroPoint
           << " over the whole storage range (rule N15), but it has "
           << outputType
           << "; quantize its result so, and put a q.requantize behind it if "
              "need be";
  return *params;
}

FailureOr<numerics::LrnParams> q::getLrnParams(LrnOp op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  numerics::Result<numerics::LrnParams> params = numerics::makeLrn(
      op.getAlpha().convertToFloat(), op.getBeta().convertToFloat(),
      op.getBias().convertToFloat(), op.getSize(), input->scale, output->scale,
      getMaxDistance(*input));
  if (!params)
    return op.emitOpError("has no integer form: ") << params.reason();
  return *params;
}

/// The elements of a float constant that broadcasts to `shape`, in its order.
static FailureOr<std::vector<double>> getBroadcast(Value value,
                                                   ArrayRef<int64_t> shape) {
  FailureOr<std::vector<float>> given = getConstantFloats(value);
  if (failed(given))
    return failure();
  ArrayRef<int64_t> own = cast<RankedTensorType>(value.getType()).getShape();
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  std::vector<double> result(count);
  for (int64_t i = 0; i < count; ++i) {
    // Peel the index from its last dimension on.
    int64_t rest = i, offset = 0, stride = 1;
    for (size_t d = 0; d < std::min(own.size(), shape.size()); ++d) {
      int64_t extent = own[own.size() - 1 - d];
      int64_t index = rest % shape[shape.size() - 1 - d];
      rest /= shape[shape.size() - 1 - d];
      offset += extent == 1 ? 0 : index * stride;
      stride *= extent;
    }
    result[i] = (*given)[offset];
  }
  return result;
}

FailureOr<numerics::LayerNormParams> q::getLayerNormParams(LayerNormOp op) {
  FailureOr<QuantParams> input = getTensorParams(op, op.getInput());
  FailureOr<QuantParams> output = getTensorParams(op, op.getOutput());
  if (failed(input) || failed(output))
    return failure();
  ArrayRef<int64_t> row = cast<RankedTensorType>(op.getInput().getType())
                              .getShape()
                              .drop_front(op.getAxis());
  FailureOr<std::vector<double>> gamma = getBroadcast(op.getScale(), row);
  if (failed(gamma))
    return failure();
  FailureOr<std::vector<double>> beta = std::vector<double>(gamma->size(), 0.0);
  if (op.getShift())
    beta = getBroadcast(op.getShift(), row);
  if (failed(beta))
    return failure();
  numerics::Result<numerics::LayerNormParams> params = numerics::makeLayerNorm(
      *gamma, *beta, op.getEpsilon().convertToFloat(), input->scale,
      output->scale, getMaxDistance(*input));
  if (!params)
    return op.emitOpError("has no integer form: ") << params.reason();
  return *params;
}

//===----------------------------------------------------------------------===//
// Padding and resizing
//===----------------------------------------------------------------------===//

FailureOr<int32_t> q::getPadValue(PadOp op) {
  FailureOr<QuantParams> params = getTensorParams(op, op.getOutput());
  if (failed(params))
    return failure();
  return static_cast<int32_t>(
      numerics::quantize(op.getValue().convertToFloat(), *params));
}

namespace {

/// One axis of a resize in the terms of lib/Numerics.
struct ResizeAxis {
  int64_t in, out;
  /// 0 where it is the exact ratio of the extents: a float attribute could
  /// only hold that ratio rounded.
  double scale;
  numerics::CoordinateMode mode;
};

} // namespace

static numerics::CoordinateMode toNumerics(CoordinateMode mode) {
  switch (mode) {
  case CoordinateMode::HalfPixel:
    return numerics::CoordinateMode::HalfPixel;
  case CoordinateMode::Asymmetric:
    return numerics::CoordinateMode::Asymmetric;
  case CoordinateMode::AlignCorners:
    return numerics::CoordinateMode::AlignCorners;
  case CoordinateMode::PytorchHalfPixel:
    return numerics::CoordinateMode::PytorchHalfPixel;
  case CoordinateMode::HalfPixelSymmetric:
    return numerics::CoordinateMode::HalfPixelSymmetric;
  case CoordinateMode::TfHalfPixelForNn:
    return numerics::CoordinateMode::TfHalfPixelForNn;
  }
  return numerics::CoordinateMode::HalfPixel;
}

static ResizeAxis getResizeAxis(ResizeOp op, unsigned axis) {
  auto extentOf = [&](Value value) {
    return cast<RankedTensorType>(value.getType()).getDimSize(axis + 1);
  };
  int64_t in = extentOf(op.getInput()), out = extentOf(op.getOutput());
  float scale = op.getScales()[axis];
  bool isRatio = scale == static_cast<float>(static_cast<double>(out) / in);
  return {in, out, isRatio ? 0.0 : scale, toNumerics(op.getCoordinates())};
}

static numerics::NearestMode toNumerics(NearestMode mode) {
  switch (mode) {
  case NearestMode::RoundPreferFloor:
    return numerics::NearestMode::RoundPreferFloor;
  case NearestMode::RoundPreferCeil:
    return numerics::NearestMode::RoundPreferCeil;
  case NearestMode::Floor:
    return numerics::NearestMode::Floor;
  case NearestMode::Ceil:
    return numerics::NearestMode::Ceil;
  }
  return numerics::NearestMode::RoundPreferFloor;
}

std::vector<int64_t> q::getNearestIndices(ResizeOp op, unsigned axis) {
  ResizeAxis a = getResizeAxis(op, axis);
  return numerics::nearestIndices(a.in, a.out, a.mode,
                                  toNumerics(op.getNearest()), a.scale);
}

std::vector<numerics::LinearWeights> q::getLinearWeights(ResizeOp op,
                                                         unsigned axis) {
  ResizeAxis a = getResizeAxis(op, axis);
  return numerics::linearWeights(a.in, a.out, a.mode, a.scale);
}
