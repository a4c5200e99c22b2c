//===- ReadTensor.cpp - ONNX TensorProto to host tensors ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nothing a file claims is believed before it is compared with the bytes that
// are there: sizes are checked before memory is taken.
//
//===----------------------------------------------------------------------===//

#include "HostTensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cstring>
#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;
using onnx::TensorProto;

static bool isFourBits(int32_t dtype) {
  return dtype == kInt4 || dtype == kUInt4;
}

/// Bytes that `count` elements take in raw data.
static int64_t getElementBytes(int32_t dtype);
static int64_t getBytes(int32_t dtype, int64_t count) {
  // Two to a byte, and a last one alone.
  return isFourBits(dtype) ? (count + 1) / 2 : count * getElementBytes(dtype);
}

/// Bytes that one element takes in raw data, 0 for types that are not read.
static int64_t getElementBytes(int32_t dtype) {
  switch (dtype) {
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
    return 1;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 2;
  case TensorProto::INT32:
  case TensorProto::UINT32:
  case TensorProto::FLOAT:
    return 4;
  case TensorProto::INT64:
  case TensorProto::UINT64:
  case TensorProto::DOUBLE:
    return 8;
  default:
    return 0;
  }
}

static float fromHalf(uint16_t bits) {
  return llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits))
      .convertToFloat();
}
static float fromBFloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Elements of type `Raw` widened to `Out`.
template <typename Raw, typename Out>
static std::vector<Out> widen(ArrayRef<char> bytes) {
  std::vector<Out> result(bytes.size() / sizeof(Raw));
  for (size_t i = 0; i < result.size(); ++i) {
    Raw value;
    std::memcpy(&value, bytes.data() + i * sizeof(Raw), sizeof(Raw));
    result[i] = static_cast<Out>(value);
  }
  return result;
}

/// The elements of bytes with two 4-bit integers each, the lower one first.
static HostTensor fromNibbles(int32_t dtype, ArrayRef<int64_t> shape,
                              ArrayRef<char> bytes) {
  std::vector<int64_t> values(countElements(shape).value_or(0));
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t nibble = (uint8_t(bytes[i / 2]) >> (i % 2 * 4)) & 15;
    values[i] = dtype == kInt4 && nibble > 7 ? nibble - 16 : nibble;
  }
  return HostTensor(dtype, shape, std::move(values));
}

/// Little-endian raw bytes, whose number has been checked, as a tensor.
static HostTensor fromBytes(int32_t dtype, ArrayRef<int64_t> shape,
                            ArrayRef<char> bytes,
                            std::shared_ptr<void> keepAlive) {
  if (isFourBits(dtype))
    return fromNibbles(dtype, shape, bytes);
  switch (dtype) {
  case TensorProto::FLOAT: {
    bool aligned =
        reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0;
    if (aligned && !bytes.empty())
      return HostTensor(
          dtype, shape,
          ArrayRef<float>(reinterpret_cast<const float *>(bytes.data()),
                          bytes.size() / sizeof(float)),
          std::move(keepAlive));
    return HostTensor(dtype, shape, widen<float, float>(bytes));
  }
  case TensorProto::DOUBLE:
    return HostTensor(dtype, shape, widen<double, float>(bytes));
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16: {
    std::vector<float> values;
    for (uint16_t bits : widen<uint16_t, uint16_t>(bytes))
      values.push_back(dtype == TensorProto::FLOAT16 ? fromHalf(bits)
                                                     : fromBFloat(bits));
    return HostTensor(dtype, shape, std::move(values));
  }
  case TensorProto::BOOL:
  case TensorProto::UINT8:
    return HostTensor(dtype, shape, widen<uint8_t, int64_t>(bytes));
  case TensorProto::INT8:
    return HostTensor(dtype, shape, widen<int8_t, int64_t>(bytes));
  case TensorProto::INT16:
    return HostTensor(dtype, shape, widen<int16_t, int64_t>(bytes));
  case TensorProto::UINT16:
    return HostTensor(dtype, shape, widen<uint16_t, int64_t>(bytes));
  case TensorProto::INT32:
    return HostTensor(dtype, shape, widen<int32_t, int64_t>(bytes));
  case TensorProto::UINT32:
    return HostTensor(dtype, shape, widen<uint32_t, int64_t>(bytes));
  default:
    return HostTensor(dtype, shape, widen<int64_t, int64_t>(bytes));
  }
}

/// Values in one of the typed fields of the proto, if the type's field has
/// `count` of them.
static std::optional<HostTensor>
fromFields(const TensorProto &proto, ArrayRef<int64_t> shape, int64_t count) {
  int32_t dtype = proto.data_type();
  auto take = [&](const auto &field,
                  auto convert) -> std::optional<HostTensor> {
    if (field.size() != count)
      return std::nullopt;
    using Out = decltype(convert(field.Get(0)));
    std::vector<Out> values;
    values.reserve(count);
    for (auto value : field)
      values.push_back(convert(value));
    return HostTensor(dtype, shape, std::move(values));
  };
  if (isFourBits(dtype)) {
    if (proto.int32_data_size() != getBytes(dtype, count))
      return std::nullopt;
    std::vector<char> bytes(proto.int32_data().begin(),
                            proto.int32_data().end());
    return fromNibbles(dtype, shape, bytes);
  }
  switch (dtype) {
  case TensorProto::FLOAT:
    return take(proto.float_data(), [](float v) { return v; });
  case TensorProto::DOUBLE:
    return take(proto.double_data(), [](double v) { return float(v); });
  case TensorProto::FLOAT16:
    return take(proto.int32_data(), [](int32_t v) { return fromHalf(v); });
  case TensorProto::BFLOAT16:
    return take(proto.int32_data(), [](int32_t v) { return fromBFloat(v); });
  case TensorProto::INT64:
    return take(proto.int64_data(), [](int64_t v) { return v; });
  case TensorProto::UINT64:
  case TensorProto::UINT32:
    return take(proto.uint64_data(), [](uint64_t v) { return int64_t(v); });
  default:
    return take(proto.int32_data(), [](int32_t v) { return int64_t(v); });
  }
}

/// The bytes of external data. Only files below `folder` are read: a model must
/// not be able to make its reader open anything else.
static FailureOr<std::shared_ptr<llvm::MemoryBuffer>>
readExternal(const TensorProto &proto, StringRef folder, int64_t bytes,
             std::string &error) {
  std::string location;
  int64_t offset = 0, length = bytes;
  for (const onnx::StringStringEntryProto &entry : proto.external_data()) {
    bool isNumber = true;
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      isNumber = !StringRef(entry.value()).getAsInteger(10, offset);
    else if (entry.key() == "length")
      isNumber = !StringRef(entry.value()).getAsInteger(10, length);
    if (!isNumber) {
      error = "its external data has the " + entry.key() + " '" +
              entry.value() + "', which is not a number";
      return failure();
    }
  }
  SmallVector<StringRef> parts(llvm::sys::path::begin(location),
                               llvm::sys::path::end(location));
  if (location.empty() || llvm::sys::path::is_absolute(location) ||
      llvm::is_contained(parts, "..")) {
    error = "its external data lies in '" + location +
            "', which is not a file below the model's folder; move the data "
            "beside the model and save it with a relative location";
    return failure();
  }
  if (offset < 0 || length != bytes) {
    error = "its external data claims " + std::to_string(length) +
            " bytes at offset " + std::to_string(offset) +
            ", but the shape needs " + std::to_string(bytes);
    return failure();
  }
  SmallString<128> path(folder);
  llvm::sys::path::append(path, location);
  // A symbolic link may not lead out of the folder either.
  SmallString<128> realFile, realFolder;
  if (!llvm::sys::fs::real_path(path, realFile) &&
      !llvm::sys::fs::real_path(folder.empty() ? "." : folder, realFolder)) {
    StringRef inside = realFile;
    if (!inside.consume_front(realFolder) ||
        !(inside.starts_with("/") || realFolder.ends_with("/"))) {
      error =
          "its external data '" + location +
          "' is a link out of the model's folder; put the file itself there";
      return failure();
    }
  }
  uint64_t fileSize = 0;
  if (std::error_code code = llvm::sys::fs::file_size(path, fileSize)) {
    error = "its external data '" + path.str().str() +
            "' cannot be read: " + code.message() +
            "; it must lie beside the model as it was saved";
    return failure();
  }
  if (uint64_t(offset) > fileSize || uint64_t(bytes) > fileSize - offset) {
    error = "its external data '" + path.str().str() + "' has " +
            std::to_string(fileSize) + " bytes, but the tensor needs " +
            std::to_string(bytes) + " at offset " + std::to_string(offset) +
            " (the file is truncated)";
    return failure();
  }
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, bytes, offset);
  if (!buffer) {
    error = "its external data '" + path.str().str() +
            "' cannot be read: " + buffer.getError().message() +
            "; it must lie beside the model as it was saved";
    return failure();
  }
  return std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer));
}

FailureOr<HostTensor>
q::onnx_import::readTensor(const TensorProto &proto, StringRef folder,
                           std::shared_ptr<void> keepAlive,
                           std::string &error) {
  Shape shape(proto.dims().begin(), proto.dims().end());
  int32_t dtype = proto.data_type();
  if (!isFloatType(dtype) && !isIntegerType(dtype)) {
    error = "its element type " + getTypeName(dtype) +
            " is not supported; "
            "convert the tensor to float32, or to integers of 64 bits or less";
    return failure();
  }
  std::optional<int64_t> count = countElements(shape);
  if (!count) {
    error = "its shape is negative or too large to be a tensor";
    return failure();
  }
  int64_t bytes = getBytes(dtype, *count);
  if (proto.data_location() == TensorProto::EXTERNAL) {
    if (bytes == 0)
      return fromBytes(dtype, shape, {}, nullptr);
    auto buffer = readExternal(proto, folder, bytes, error);
    if (failed(buffer))
      return failure();
    ArrayRef<char> data((*buffer)->getBufferStart(),
                        (*buffer)->getBufferSize());
    return fromBytes(dtype, shape, data, *buffer);
  }
  if (proto.has_raw_data()) {
    const std::string &raw = proto.raw_data();
    if (static_cast<int64_t>(raw.size()) != bytes) {
      error = "it has " + std::to_string(raw.size()) +
              " bytes of data, but its shape needs " + std::to_string(bytes) +
              " (the file is corrupt)";
      return failure();
    }
    return fromBytes(dtype, shape, ArrayRef<char>(raw.data(), raw.size()),
                     std::move(keepAlive));
  }
  std::optional<HostTensor> tensor = fromFields(proto, shape, *count);
  if (!tensor) {
    error = "its data does not have the " + std::to_string(*count) +
            " elements of its shape (the file is corrupt)";
    return failure();
  }
  return *tensor;
}
