//===- HostTensor.cpp - Constants known during import
//----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostTensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cstring>
#include <numeric>
#include <optional>

#include <onnx/onnx_pb.h>

using namespace llvm;
using namespace q::onnx_import;

static Error error(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

HostTensor HostTensor::ofInts(ArrayRef<int64_t> values) {
  HostTensor result;
  result.shape = {static_cast<int64_t>(values.size())};
  result.ints.assign(values.begin(), values.end());
  return result;
}

HostTensor HostTensor::scalar(int64_t value) {
  HostTensor result;
  result.ints = {value};
  return result;
}

HostTensor HostTensor::gather(ArrayRef<int64_t> newShape,
                              function_ref<int64_t(int64_t)> source) const {
  HostTensor result;
  result.shape = Shape(newShape);
  result.isFloat = isFloat;
  int64_t count = 1;
  for (int64_t extent : newShape)
    count *= extent;
  if (isFloat) {
    result.floats.resize(count);
    for (int64_t i = 0; i < count; ++i)
      result.floats[i] = floats[source(i)];
  } else {
    result.ints.resize(count);
    for (int64_t i = 0; i < count; ++i)
      result.ints[i] = ints[source(i)];
  }
  return result;
}

HostTensor HostTensor::reshaped(ArrayRef<int64_t> newShape) const {
  HostTensor result = *this;
  result.shape = Shape(newShape);
  return result;
}

Shape q::onnx_import::stridesOf(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

HostTensor HostTensor::transposed(ArrayRef<int64_t> perm) const {
  Shape newShape, strides = stridesOf(shape), moved;
  for (int64_t dim : perm) {
    newShape.push_back(shape[dim]);
    moved.push_back(strides[dim]);
  }
  Shape newStrides = stridesOf(newShape);
  return gather(newShape, [&](int64_t index) {
    int64_t source = 0;
    for (size_t d = 0; d < newShape.size(); ++d) {
      source += index / newStrides[d] * moved[d];
      index %= newStrides[d];
    }
    return source;
  });
}

HostTensor HostTensor::broadcastTo(ArrayRef<int64_t> newShape) const {
  Shape strides = stridesOf(shape), newStrides = stridesOf(newShape);
  size_t offset = newShape.size() - shape.size();
  return gather(newShape, [&](int64_t index) {
    int64_t source = 0;
    for (size_t d = 0; d < newShape.size(); ++d) {
      int64_t coordinate = index / newStrides[d];
      index %= newStrides[d];
      if (d >= offset && shape[d - offset] != 1)
        source += coordinate * strides[d - offset];
    }
    return source;
  });
}

Expected<int64_t> q::onnx_import::countElements(ArrayRef<int64_t> shape) {
  // No tensor of a network that fits a machine has more elements.
  constexpr int64_t limit = int64_t(1) << 34;
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 0)
      return error("has the negative extent " + Twine(extent));
    if (extent != 0 && count > limit / extent)
      return error("claims more than 2^34 elements");
    count *= extent;
  }
  return count;
}

std::optional<Shape> q::onnx_import::broadcastShapes(ArrayRef<int64_t> lhs,
                                                     ArrayRef<int64_t> rhs) {
  Shape result(std::max(lhs.size(), rhs.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t a = i < lhs.size() ? lhs[lhs.size() - 1 - i] : 1;
    int64_t b = i < rhs.size() ? rhs[rhs.size() - 1 - i] : 1;
    if (a != b && a != 1 && b != 1)
      return std::nullopt;
    result[result.size() - 1 - i] = a == 1 ? b : a;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// The bytes of a tensor kept in a file of its own beside the model.
static Expected<std::unique_ptr<MemoryBuffer>>
readExternal(const onnx::TensorProto &tensor, StringRef folder) {
  std::string location;
  int64_t offset = 0, length = -1;
  for (const auto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset" && value.getAsInteger(10, offset))
      return error("has the external offset '" + value + "'");
    else if (entry.key() == "length" && value.getAsInteger(10, length))
      return error("has the external length '" + value + "'");
  }
  // A model must not reach outside of its own folder.
  SmallString<128> clean(location);
  sys::path::remove_dots(clean, /*remove_dot_dot=*/true);
  if (clean.empty() || sys::path::is_absolute(clean) ||
      StringRef(clean).starts_with(".."))
    return error("keeps its data in '" + Twine(location) +
                 "', which is not inside of the model's folder");
  SmallString<128> path(folder);
  sys::path::append(path, clean);
  auto buffer = length < 0
                    ? MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false)
                    : MemoryBuffer::getFileSlice(path, length, offset);
  if (!buffer)
    return error("keeps its data in '" + Twine(path) +
                 "': " + buffer.getError().message());
  return std::move(*buffer);
}

/// Decodes little-endian elements of `bytes` one by one.
template <typename From, typename To>
static void decode(StringRef bytes, std::vector<To> &values) {
  for (size_t i = 0; i < values.size(); ++i) {
    From element;
    std::memcpy(&element, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(element);
  }
}

static float decodeSmallFloat(const fltSemantics &semantics, uint64_t bits) {
  APFloat value(semantics, APInt(16, bits));
  bool inexact;
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &inexact);
  return value.convertToFloat();
}

/// Bytes of one element in raw data; 0 for types that no importer takes.
static unsigned widthOf(int type) {
  switch (type) {
  case onnx::TensorProto::BOOL:
  case onnx::TensorProto::INT8:
  case onnx::TensorProto::UINT8:
    return 1;
  case onnx::TensorProto::INT16:
  case onnx::TensorProto::UINT16:
  case onnx::TensorProto::FLOAT16:
  case onnx::TensorProto::BFLOAT16:
    return 2;
  case onnx::TensorProto::FLOAT:
  case onnx::TensorProto::INT32:
  case onnx::TensorProto::UINT32:
    return 4;
  case onnx::TensorProto::DOUBLE:
  case onnx::TensorProto::INT64:
  case onnx::TensorProto::UINT64:
    return 8;
  default:
    return 0;
  }
}

static void decodeRaw(int type, StringRef bytes, HostTensor &result) {
  switch (type) {
  case onnx::TensorProto::FLOAT:
    return decode<float>(bytes, result.floats);
  case onnx::TensorProto::DOUBLE:
    return decode<double>(bytes, result.floats);
  case onnx::TensorProto::FLOAT16:
  case onnx::TensorProto::BFLOAT16:
    for (size_t i = 0; i < result.floats.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + 2 * i, 2);
      result.floats[i] = decodeSmallFloat(type == onnx::TensorProto::FLOAT16
                                              ? APFloat::IEEEhalf()
                                              : APFloat::BFloat(),
                                          bits);
    }
    return;
  case onnx::TensorProto::INT8:
    return decode<int8_t>(bytes, result.ints);
  case onnx::TensorProto::BOOL:
  case onnx::TensorProto::UINT8:
    return decode<uint8_t>(bytes, result.ints);
  case onnx::TensorProto::INT16:
    return decode<int16_t>(bytes, result.ints);
  case onnx::TensorProto::UINT16:
    return decode<uint16_t>(bytes, result.ints);
  case onnx::TensorProto::INT32:
    return decode<int32_t>(bytes, result.ints);
  case onnx::TensorProto::UINT32:
    return decode<uint32_t>(bytes, result.ints);
  default:
    return decode<int64_t>(bytes, result.ints);
  }
}

Expected<HostTensor> q::onnx_import::readTensor(const onnx::TensorProto &tensor,
                                                StringRef folder) {
  HostTensor result;
  result.shape.assign(tensor.dims().begin(), tensor.dims().end());
  Expected<int64_t> count = countElements(result.shape);
  if (!count)
    return count.takeError();
  int type = tensor.data_type();
  unsigned width = widthOf(type);
  if (!width)
    return error("has element type " + Twine(type) +
                 " of ONNX, which is not supported; float32, float16 and "
                 "integers of 8 to 64 bits are");
  result.isFloat =
      type == onnx::TensorProto::FLOAT || type == onnx::TensorProto::DOUBLE ||
      type == onnx::TensorProto::FLOAT16 || type == onnx::TensorProto::BFLOAT16;

  // The size is checked against what the file holds before memory is taken.
  auto sizeError = [&](int64_t found, const char *unit) {
    return error("holds " + Twine(found) + unit + ", but its shape needs " +
                 Twine(unit == StringRef(" bytes") ? *count * width : *count));
  };
  std::unique_ptr<MemoryBuffer> external;
  StringRef raw;
  bool isRaw = tensor.has_raw_data();
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    auto buffer = readExternal(tensor, folder);
    if (!buffer)
      return buffer.takeError();
    external = std::move(*buffer);
    raw = external->getBuffer();
    isRaw = true;
  } else if (isRaw) {
    raw = tensor.raw_data();
  }
  auto allocate = [&] {
    result.isFloat ? result.floats.resize(*count) : result.ints.resize(*count);
  };
  if (isRaw) {
    if (static_cast<int64_t>(raw.size()) != *count * width)
      return sizeError(raw.size(), " bytes");
    allocate();
    decodeRaw(type, raw, result);
    return result;
  }
  auto take = [&](const auto &field, auto convert) -> Error {
    if (field.size() != *count)
      return sizeError(field.size(), " elements");
    allocate();
    for (int64_t i = 0; i < *count; ++i)
      if (result.isFloat)
        result.floats[i] = convert(field[i]);
      else
        result.ints[i] = convert(field[i]);
    return Error::success();
  };
  auto same = [](auto value) { return value; };
  Error failed = Error::success();
  consumeError(std::move(failed));
  if (type == onnx::TensorProto::FLOAT)
    failed = take(tensor.float_data(), same);
  else if (type == onnx::TensorProto::DOUBLE)
    failed = take(tensor.double_data(), same);
  else if (type == onnx::TensorProto::INT64)
    failed = take(tensor.int64_data(), same);
  else if (type == onnx::TensorProto::UINT64 ||
           type == onnx::TensorProto::UINT32)
    failed = take(tensor.uint64_data(), same);
  else if (result.isFloat)
    failed = take(tensor.int32_data(), [&](int32_t bits) {
      return decodeSmallFloat(type == onnx::TensorProto::FLOAT16
                                  ? APFloat::IEEEhalf()
                                  : APFloat::BFloat(),
                              static_cast<uint16_t>(bits));
    });
  else
    failed = take(tensor.int32_data(), same);
  if (failed)
    return std::move(failed);
  return result;
}
