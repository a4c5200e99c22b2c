//===- DataOnnx.cpp - Tensors in files of ONNX's TensorProto --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"

#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

/// A tensor of a test: small, so it is held as a whole.
class ProtoReader : public ArrayReader {
public:
  ProtoReader(Shape shape, std::vector<double> values, bool integer)
      : shape(std::move(shape)), values(std::move(values)), integer(integer) {}

  ArrayRef<int64_t> getShape() const override { return shape; }
  bool isInteger() const override { return integer; }
  LogicalResult read(int64_t first, MutableArrayRef<float> out) override {
    std::copy_n(values.begin() + first, out.size(), out.begin());
    return success();
  }
  LogicalResult read(int64_t first, MutableArrayRef<double> out) override {
    std::copy_n(values.begin() + first, out.size(), out.begin());
    return success();
  }

private:
  Shape shape;
  std::vector<double> values;
  bool integer;
};

} // namespace

static std::optional<ElementKind> getKind(int type) {
  using Proto = onnx::TensorProto;
  switch (type) {
  case Proto::FLOAT16:
    return ElementKind::F16;
  case Proto::FLOAT:
    return ElementKind::F32;
  case Proto::DOUBLE:
    return ElementKind::F64;
  case Proto::BOOL:
  case Proto::UINT8:
    return ElementKind::U8;
  case Proto::INT8:
    return ElementKind::I8;
  case Proto::UINT16:
    return ElementKind::U16;
  case Proto::INT16:
    return ElementKind::I16;
  case Proto::UINT32:
    return ElementKind::U32;
  case Proto::INT32:
    return ElementKind::I32;
  case Proto::UINT64:
    return ElementKind::U64;
  case Proto::INT64:
    return ElementKind::I64;
  default:
    return std::nullopt;
  }
}

/// The elements, from whichever field holds them.
static std::vector<double> getValues(const onnx::TensorProto &tensor,
                                     ElementKind kind) {
  std::vector<double> values;
  if (tensor.has_raw_data()) {
    unsigned size = getElementSize(kind);
    const std::string &raw = tensor.raw_data();
    for (size_t at = 0; at + size <= raw.size(); at += size)
      values.push_back(readElement(kind, raw.data() + at));
    return values;
  }
  auto take = [&](const auto &field) {
    values.assign(field.begin(), field.end());
  };
  switch (kind) {
  case ElementKind::F32:
    take(tensor.float_data());
    break;
  case ElementKind::F64:
    take(tensor.double_data());
    break;
  case ElementKind::I64:
    take(tensor.int64_data());
    break;
  case ElementKind::U32:
  case ElementKind::U64:
    take(tensor.uint64_data());
    break;
  case ElementKind::F16:
    for (int32_t bits : tensor.int32_data()) {
      char bytes[2] = {char(bits), char(bits >> 8)};
      values.push_back(readElement(kind, bytes));
    }
    break;
  default:
    take(tensor.int32_data());
    break;
  }
  return values;
}

ArrayOr q::eval::openTensorProto(StringRef path, Location loc) {
  auto buffer = openFile(path, loc);
  if (failed(buffer))
    return failure();
  onnx::TensorProto tensor;
  size_t bytes = (*buffer)->getBufferSize();
  if (bytes > INT32_MAX ||
      !tensor.ParseFromArray((*buffer)->getBufferStart(), bytes))
    return emitError(loc) << "cannot read '" << path
                          << "': it is not a TensorProto of ONNX, or it is "
                             "cut off";
  std::optional<ElementKind> kind = getKind(tensor.data_type());
  if (!kind)
    return emitError(loc) << "cannot read '" << path
                          << "': its elements are neither real nor integer";
  Shape shape(tensor.dims().begin(), tensor.dims().end());
  std::vector<double> values = getValues(tensor, *kind);
  int64_t count = 1;
  bool isValid = true;
  for (int64_t extent : shape)
    isValid &= extent >= 0 && !llvm::MulOverflow(count, extent, count);
  if (!isValid || count != int64_t(values.size()))
    return emitError(loc) << "cannot read '" << path << "': it holds "
                          << values.size() << " elements, but has shape ["
                          << shape << "]";
  bool integer = *kind != ElementKind::F16 && *kind != ElementKind::F32 &&
                 *kind != ElementKind::F64;
  return std::unique_ptr<ArrayReader>(std::make_unique<ProtoReader>(
      std::move(shape), std::move(values), integer));
}
