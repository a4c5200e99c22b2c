//===- Quantization.cpp - Scales and zero points of a model ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Quantization.h"

#include "QDialect/IntegerSemantics.h"
#include "QDialect/Transforms/Constants.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;
using onnx::TensorProto;

ElementParameters::ElementParameters(RankedTensorType type) {
  quant::QuantizedType element = getQuantizedType(type);
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
  int64_t axis = perAxis ? perAxis.getQuantizedDimension() : 0;
  channels = getPerChannelParams(element, perAxis ? type.getDimSize(axis) : 1);
  if (perAxis)
    stride = getStrides(type.getShape())[axis];
}

namespace {
struct Storage {
  unsigned bits;
  bool isSigned;
};
} // namespace

static std::optional<Storage> getStorage(int32_t dtype) {
  switch (dtype) {
  case kInt4:
    return Storage{4, true};
  case kUInt4:
    return Storage{4, false};
  case TensorProto::INT8:
    return Storage{8, true};
  case TensorProto::UINT8:
    return Storage{8, false};
  case TensorProto::INT16:
    return Storage{16, true};
  case TensorProto::UINT16:
    return Storage{16, false};
  case TensorProto::INT32:
    return Storage{32, true};
  default:
    return std::nullopt;
  }
}

/// The types that a tensor of the network may have.
static constexpr int32_t kTensorTypes[] = {kInt4,
                                           kUInt4,
                                           TensorProto::INT8,
                                           TensorProto::UINT8,
                                           TensorProto::INT16,
                                           TensorProto::UINT16};

/// One parameter or one for each index of the axis.
static LogicalResult checkCount(Node &node, StringRef what, int64_t count,
                                int64_t channels) {
  if (count == 1 || count == channels)
    return success();
  return node.error() << "has " << count << " " << what << " for an axis of "
                      << channels << " elements; give one, or one for each";
}

FailureOr<quant::QuantizedType>
onnx_import::readQuantizedType(Node &node, int scaleIndex, int zeroPointIndex,
                               int32_t dtype, ArrayRef<int64_t> shape,
                               int64_t axis) {
  std::optional<Storage> storage = getStorage(dtype);
  if (!storage)
    return node.error() << "uses integers of type " << getTypeName(dtype)
                        << "; int4, uint4, int8, uint8, int16, uint16 and, for "
                           "biases, int32 are supported";
  const HostTensor *scale = node.host(scaleIndex);
  if (!scale || !scale->isFloat())
    return node.error() << "its scale must be a float constant, but "
                        << (scale ? "has type " + getTypeName(scale->getType())
                                  : "depends on the input data")
                        << "; quantize the model statically";
  const HostTensor *zeroPoint = node.host(zeroPointIndex);
  if (node.hasInput(zeroPointIndex) && !zeroPoint)
    return node.error() << "its zero point must be constant, but depends on "
                           "the input data; quantize the model statically";
  if (zeroPoint && zeroPoint->getType() != dtype)
    return node.error() << "has a zero point of type "
                        << getTypeName(zeroPoint->getType())
                        << " for integers of type " << getTypeName(dtype);

  bool perAxis = scale->size() != 1 || (zeroPoint && zeroPoint->size() != 1);
  int64_t channels = 1;
  if (perAxis) {
    FailureOr<int64_t> normal = normalizeAxis(node, axis, shape.size());
    if (failed(normal))
      return failure();
    axis = *normal;
    channels = shape[axis];
  }
  if (failed(checkCount(node, "scales", scale->size(), channels)) ||
      (zeroPoint &&
       failed(checkCount(node, "zero points", zeroPoint->size(), channels))))
    return failure();

  numerics::StorageRange range =
      numerics::storageRange(storage->bits, storage->isSigned);
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (int64_t c = 0; c < channels; ++c) {
    float s = scale->getFloats()[scale->size() == 1 ? 0 : c];
    int64_t z =
        !zeroPoint ? 0 : zeroPoint->getInts()[zeroPoint->size() == 1 ? 0 : c];
    if (!std::isnormal(s) || s < 0)
      return node.error() << "has the scale " << s << " (element " << c
                          << "), but scales must be normal numbers above 0";
    if (z < range.qmin || z > range.qmax ||
        (dtype == TensorProto::INT32 && z != 0))
      return node.error() << "has the zero point " << z << " (element " << c
                          << "), which integers of type " << getTypeName(dtype)
                          << " cannot have";
    scales.push_back(s);
    zeroPoints.push_back(z);
  }
  Builder &builder = node.builder();
  unsigned flags = storage->isSigned ? quant::QuantizationFlags::Signed : 0;
  Type integer = builder.getIntegerType(storage->bits);
  if (!perAxis)
    return quant::QuantizedType(quant::UniformQuantizedType::get(
        flags, integer, builder.getF32Type(), scales.front(),
        zeroPoints.front(), range.qmin, range.qmax));
  return quant::QuantizedType(quant::UniformQuantizedPerAxisType::get(
      flags, integer, builder.getF32Type(), scales, zeroPoints, axis,
      range.qmin, range.qmax));
}

FailureOr<Value>
onnx_import::makeQuantizedConstant(Node &node, int index,
                                   quant::QuantizedType element) {
  const HostTensor *tensor = node.host(index);
  const std::string &name = node.getProto().input(index);
  if (!tensor || tensor->isFloat() || tensor->size() == 0)
    return node.error() << "'" << name
                        << "' must be constant integers, and not empty";
  std::vector<int32_t> integers;
  integers.reserve(tensor->size());
  // The fields of a file can hold more than their type.
  for (int64_t value : tensor->getInts()) {
    if (value < element.getStorageTypeMin() ||
        value > element.getStorageTypeMax())
      return node.error() << "'" << name << "' holds " << value << ", which "
                          << getTypeName(tensor->getType())
                          << " cannot (the file is corrupt)";
    integers.push_back(static_cast<int32_t>(value));
  }
  OpBuilder &builder = node.builder();
  return createQuantizedConstant(
      builder, NameLoc::get(builder.getStringAttr(name)),
      RankedTensorType::get(tensor->getShape(), element), integers);
}

FailureOr<Value> onnx_import::readQuantizedInput(Node &node, int index,
                                                 int scaleIndex,
                                                 int zeroPointIndex) {
  FailureOr<Value> data = node.value(index);
  if (failed(data))
    return failure();
  auto type = cast<RankedTensorType>((*data).getType());
  auto own = dyn_cast<quant::QuantizedType>(type.getElementType());
  if (!own)
    return node.error() << "reads '" << node.getProto().input(index)
                        << "' as integers, but it is computed in float";
  int32_t dtype = TensorProto::UINT8;
  if (const HostTensor *zeroPoint = node.host(zeroPointIndex))
    dtype = zeroPoint->getType();
  else
    for (int32_t candidate : kTensorTypes) {
      Storage storage = *getStorage(candidate);
      if (storage.bits == own.getStorageTypeIntegralWidth() &&
          storage.isSigned == own.isSigned())
        dtype = candidate;
    }
  auto given = readQuantizedType(node, scaleIndex, zeroPointIndex, dtype,
                                 type.getShape(), node.getInt("axis", 1));
  if (failed(given))
    return failure();
  if (*given != own)
    return node.error() << "reads '" << node.getProto().input(index) << "' as "
                        << *given << ", but it was made as " << own
                        << "; give both ops the same scale and zero point";
  return *data;
}

//===----------------------------------------------------------------------===//
// Integer inputs of the model
//===----------------------------------------------------------------------===//

namespace {
/// Where an op has an integer input, its scale and its zero point.
struct QuantizedInput {
  StringRef opType;
  int data, scale, zeroPoint;
};
} // namespace

static constexpr QuantizedInput kQuantizedInputs[] = {
    {"DequantizeLinear", 0, 1, 2},
};

/// Ops that give their first input's elements on.
static constexpr StringRef kMovers[] = {
    "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze",
    "Slice",   "Identity",  "MaxPool", "Split",
};

FailureOr<Type> Importer::readIntegerInput(const onnx::ValueInfoProto &input) {
  int32_t dtype = input.type().tensor_type().elem_type();
  if (!llvm::is_contained(kTensorTypes, dtype))
    return Type();
  llvm::StringSet<> same = {input.name()};
  for (const onnx::NodeProto &proto : model->graph().node()) {
    std::string name = Node(*this, proto, fileLoc).getName();
    Node node(*this, proto, NameLoc::get(builder.getStringAttr(name)));
    if (node.hasInput(0) && same.contains(proto.input(0)) &&
        llvm::is_contained(kMovers, proto.op_type()))
      for (const std::string &output : proto.output())
        same.insert(output);
    for (const QuantizedInput &entry : kQuantizedInputs) {
      if (proto.op_type() != entry.opType || !node.hasInput(entry.data) ||
          !same.contains(proto.input(entry.data)))
        continue;
      const HostTensor *scale = node.host(entry.scale);
      if (!scale || scale->size() != 1)
        return error() << "input '" << input.name() << "' has integers of type "
                       << getTypeName(dtype) << ", but node '" << name
                       << "' does not give them one constant scale";
      Type type;
      LogicalResult read = explainErrors(node, [&]() -> LogicalResult {
        auto quantized =
            readQuantizedType(node, entry.scale, entry.zeroPoint, dtype, {}, 0);
        if (succeeded(quantized))
          type = *quantized;
        return quantized;
      });
      if (failed(read))
        return failure();
      return type;
    }
  }
  return Type();
}
