//===- HostTensor.cpp - Constants while a model is imported ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostTensor.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

std::optional<int64_t> q::onnx_import::countElements(ArrayRef<int64_t> shape) {
  constexpr int64_t limit = int64_t(1) << 40;
  // A zero anywhere makes the product zero, however large the others are.
  if (llvm::any_of(shape, [](int64_t extent) { return extent < 0; }))
    return std::nullopt;
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t product = 1;
  for (int64_t extent : shape) {
    if (extent > limit / product)
      return std::nullopt;
    product *= extent;
  }
  return product;
}

template <typename T>
static std::shared_ptr<void> own(std::vector<T> values, ArrayRef<T> &view) {
  auto shared = std::make_shared<std::vector<T>>(std::move(values));
  view = *shared;
  return shared;
}

HostTensor::HostTensor(int32_t dtype, ArrayRef<int64_t> shape,
                       std::vector<float> values)
    : dtype(dtype), isFloatingPoint(true), shape(shape),
      owner(own(std::move(values), floatValues)) {}

HostTensor::HostTensor(int32_t dtype, ArrayRef<int64_t> shape,
                       std::vector<int64_t> values)
    : dtype(dtype), isFloatingPoint(false), shape(shape),
      owner(own(std::move(values), intValues)) {}

HostTensor::HostTensor(int32_t dtype, ArrayRef<int64_t> shape,
                       ArrayRef<float> values, std::shared_ptr<void> owner)
    : dtype(dtype), isFloatingPoint(true), shape(shape), floatValues(values),
      owner(std::move(owner)) {}

HostTensor HostTensor::ints(ArrayRef<int64_t> values) {
  return HostTensor(onnx::TensorProto::INT64,
                    {static_cast<int64_t>(values.size())},
                    std::vector<int64_t>(values.begin(), values.end()));
}

HostTensor HostTensor::scalar(int64_t value) {
  return HostTensor(onnx::TensorProto::INT64, {}, std::vector<int64_t>{value});
}

HostTensor HostTensor::reshaped(ArrayRef<int64_t> newShape) const {
  HostTensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  return result;
}

template <typename T>
static std::vector<T> pick(ArrayRef<T> values, ArrayRef<int64_t> map) {
  std::vector<T> result(map.size());
  for (size_t i = 0; i < map.size(); ++i)
    result[i] = values[map[i]];
  return result;
}

HostTensor HostTensor::gathered(ArrayRef<int64_t> newShape,
                                ArrayRef<int64_t> map) const {
  if (isFloatingPoint)
    return HostTensor(dtype, newShape, pick(floatValues, map));
  return HostTensor(dtype, newShape, pick(intValues, map));
}

HostTensor HostTensor::transposed(ArrayRef<int64_t> perm) const {
  Shape strides = getStrides(shape), newShape, newStrides;
  for (int64_t dim : perm) {
    newShape.push_back(shape[dim]);
    newStrides.push_back(strides[dim]);
  }
  return gathered(newShape, makeIndexMap(newShape, newStrides));
}

/// Float to integer as a cast that is defined for every value.
static int64_t truncate(double value) {
  if (std::isnan(value))
    return 0;
  constexpr double limit = 9223372036854775808.0;
  if (value >= limit)
    return std::numeric_limits<int64_t>::max();
  if (value < -limit)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

/// An integer as the type of the model would hold it after a cast.
static int64_t wrap(int64_t value, int32_t dtype) {
  switch (dtype) {
  case onnx::TensorProto::BOOL:
    return value != 0;
  case onnx::TensorProto::INT8:
    return static_cast<int8_t>(value);
  case onnx::TensorProto::UINT8:
    return static_cast<uint8_t>(value);
  case onnx::TensorProto::INT16:
    return static_cast<int16_t>(value);
  case onnx::TensorProto::UINT16:
    return static_cast<uint16_t>(value);
  case onnx::TensorProto::INT32:
    return static_cast<int32_t>(value);
  case onnx::TensorProto::UINT32:
    return static_cast<uint32_t>(value);
  default:
    return value;
  }
}

HostTensor HostTensor::converted(int32_t newType) const {
  if (isFloatType(newType)) {
    if (isFloatingPoint) {
      HostTensor result = *this;
      result.dtype = newType;
      return result;
    }
    return HostTensor(newType, shape,
                      std::vector<float>(intValues.begin(), intValues.end()));
  }
  std::vector<int64_t> values(size());
  for (int64_t i = 0; i < size(); ++i) {
    bool isBool = newType == onnx::TensorProto::BOOL;
    if (isFloatingPoint)
      values[i] = isBool ? floatValues[i] != 0.0f
                         : wrap(truncate(floatValues[i]), newType);
    else
      values[i] = wrap(intValues[i], newType);
  }
  return HostTensor(newType, shape, std::move(values));
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

bool q::onnx_import::isFloatType(int32_t dtype) {
  switch (dtype) {
  case onnx::TensorProto::FLOAT:
  case onnx::TensorProto::DOUBLE:
  case onnx::TensorProto::FLOAT16:
  case onnx::TensorProto::BFLOAT16:
    return true;
  default:
    return false;
  }
}

bool q::onnx_import::isIntegerType(int32_t dtype) {
  switch (dtype) {
  case onnx::TensorProto::BOOL:
  case onnx::TensorProto::INT8:
  case onnx::TensorProto::UINT8:
  case onnx::TensorProto::INT16:
  case onnx::TensorProto::UINT16:
  case onnx::TensorProto::INT32:
  case onnx::TensorProto::UINT32:
  case onnx::TensorProto::INT64:
  case onnx::TensorProto::UINT64:
  case kInt4:
  case kUInt4:
    return true;
  default:
    return false;
  }
}

std::string q::onnx_import::getTypeName(int32_t dtype) {
  static constexpr const char *names[] = {
      "undefined",      "float32",      "uint8",          "int8",
      "uint16",         "int16",        "int32",          "int64",
      "string",         "bool",         "float16",        "float64",
      "uint32",         "uint64",       "complex64",      "complex128",
      "bfloat16",       "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",        "int4",           "float4e2m1"};
  if (dtype >= 0 && dtype < static_cast<int32_t>(std::size(names)))
    return names[dtype];
  return "number " + std::to_string(dtype);
}

//===----------------------------------------------------------------------===//
// Index maps
//===----------------------------------------------------------------------===//

std::vector<int64_t> q::onnx_import::makeIndexMap(ArrayRef<int64_t> shape,
                                                  ArrayRef<int64_t> strides,
                                                  int64_t offset) {
  std::vector<int64_t> map(countElements(shape).value_or(0));
  Shape index(shape.size(), 0);
  int64_t position = offset;
  for (int64_t &entry : map) {
    entry = position;
    // Like an odometer: the last dimension turns fastest.
    for (size_t d = shape.size(); d-- > 0;) {
      position += strides[d];
      if (++index[d] < shape[d])
        break;
      position -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return map;
}
