//===- ExportLayers.cpp - Layers with weights as ONNX ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Exporter.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_export;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// The integers of a tensor `shape` with its dimensions in the order `perm`.
static std::vector<int32_t> permute(ArrayRef<int32_t> values,
                                    ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> perm) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  std::vector<int32_t> result;
  result.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t rest = i, source = 0;
    for (size_t d = perm.size(); d-- > 0;) {
      source += rest % shape[perm[d]] * strides[perm[d]];
      rest /= shape[perm[d]];
    }
    result.push_back(values[source]);
  }
  return result;
}

FailureOr<std::string> Exporter::writeWeights(WeightedOpInterface op,
                                              ArrayRef<int64_t> shape,
                                              ArrayRef<int64_t> perm,
                                              ArrayRef<int64_t> finalShape,
                                              int64_t axis) {
  auto integers = getConstantInts(op.getWeights());
  if (failed(integers))
    return failure();
  quant::QuantizedType type = getQuantizedType(op.getWeights());
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    type = quant::UniformQuantizedPerAxisType::get(
        perAxis.getFlags(), perAxis.getStorageType(),
        perAxis.getExpressedType(), perAxis.getScales(),
        perAxis.getZeroPoints(), axis, perAxis.getStorageTypeMin(),
        perAxis.getStorageTypeMax());
  return graph.dequantize(
      graph.addStored(type, finalShape, permute(*integers, shape, perm)), type);
}

FailureOr<std::string> Exporter::writeBias(WeightedOpInterface op) {
  if (!op.getBias())
    return std::string();
  auto bias = getConstantInts(op.getBias());
  auto weights = getConstantInts(op.getWeights());
  auto input = getTensorParams(op, op.getInput());
  if (failed(bias) || failed(weights) || failed(input))
    return failure();
  SmallVector<int32_t> zeroPoints = getWeightZeroPoints(op);
  size_t perChannel = weights->size() / bias->size();
  // Undoes q-fold-zero-points: ONNX subtracts the zero point itself.
  if (op.getZeroPointFolded())
    for (size_t c = 0; c < bias->size(); ++c) {
      int64_t sum = 0;
      for (size_t i = 0; i < perChannel; ++i)
        sum += (*weights)[c * perChannel + i] - zeroPoints[c];
      int64_t plain = (*bias)[c] + input->zeroPoint * sum;
      if (plain != static_cast<int32_t>(plain))
        return op->emitOpError("has a bias in channel ")
               << c << " that int32 does not hold without its zero point; "
               << "export the module before q-fold-zero-points";
      (*bias)[c] = static_cast<int32_t>(plain);
    }
  quant::QuantizedType type = getQuantizedType(op.getBias());
  return graph.dequantize(graph.addStored(type, shapeOf(op.getBias()), *bias),
                          type);
}

/// The operands of a layer; a bias that is not there leaves none.
static SmallVector<std::string> operands(const std::string &input,
                                         const std::string &weights,
                                         const std::string &bias) {
  SmallVector<std::string> list = {input, weights};
  if (!bias.empty())
    list.push_back(bias);
  return list;
}

FailureOr<std::string> Exporter::writeConv(Conv2DOp op) {
  ArrayRef<int64_t> ohwi = shapeOf(op.getWeights());
  auto input = real(op.getInput());
  auto weights = writeWeights(op, ohwi, {0, 3, 1, 2},
                              {ohwi[0], ohwi[3], ohwi[1], ohwi[2]}, /*axis=*/0);
  auto bias = writeBias(op);
  if (failed(input) || failed(weights) || failed(bias))
    return failure();
  std::string sum =
      graph
          .add("Conv",
               operands(graph.transpose(*input, {0, 3, 1, 2}), *weights, *bias))
          .integers("strides", op.getStrides())
          .integers("pads", op.getPads())
          .integers("dilations", op.getDilations())
          .integer("group", op.getGroups());
  sum = graph.transpose(sum, {0, 2, 3, 1});
  if (!op.getResidual())
    return sum;
  // Rounded once before the addition, as the type in between says.
  auto between = cast<quant::UniformQuantizedType>(*op.getIntermediate());
  std::string rounded = graph.dequantize(
      store(sum, between, getIntegerBounds(getQuantParams(between))), between);
  auto residual = real(op.getResidual());
  if (failed(residual))
    return failure();
  return graph.add("Add", {rounded, *residual}).result();
}

FailureOr<std::string> Exporter::writeConvTranspose(ConvTranspose2DOp op) {
  // [M, KH, KW, C / groups] to [C, M / groups, KH, KW].
  ArrayRef<int64_t> mhwc = shapeOf(op.getWeights());
  int64_t groups = op.getGroups(), perGroup = mhwc[0] / groups;
  if (groups > 1 && isa<quant::UniformQuantizedPerAxisType>(
                        getQuantizedType(op.getWeights())))
    return op.emitOpError("is grouped and quantized per channel, for which "
                          "ONNX has no axis; quantize it per tensor");
  auto input = real(op.getInput());
  auto weights = writeWeights(
      op, {groups, perGroup, mhwc[1], mhwc[2], mhwc[3]}, {0, 4, 1, 2, 3},
      {groups * mhwc[3], perGroup, mhwc[1], mhwc[2]}, /*axis=*/1);
  auto bias = writeBias(op);
  if (failed(input) || failed(weights) || failed(bias))
    return failure();
  std::string sum =
      graph
          .add("ConvTranspose",
               operands(graph.transpose(*input, {0, 3, 1, 2}), *weights, *bias))
          .integers("strides", op.getStrides())
          .integers("pads", op.getPads())
          .integers("dilations", op.getDilations())
          .integers("output_padding", op.getOutputPadding())
          .integer("group", groups);
  return graph.transpose(sum, {0, 2, 3, 1});
}

FailureOr<std::string> Exporter::writeGemm(GemmOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getWeights());
  auto input = real(op.getInput());
  auto weights = writeWeights(op, shape, {0, 1}, shape, /*axis=*/0);
  auto bias = writeBias(op);
  if (failed(input) || failed(weights) || failed(bias))
    return failure();
  return graph.add("Gemm", operands(*input, *weights, *bias))
      .integer("transB", 1)
      .result();
}
