//===- DataNpy.cpp - Arrays in the format of numpy ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"
#include "QDialect/OutputFile.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace q;
using namespace q::eval;

//===----------------------------------------------------------------------===//
// Bytes and elements
//===----------------------------------------------------------------------===//

bool MappedBytes::read(uint64_t offset, MutableArrayRef<char> bytes) {
  if (offset > size || bytes.size() > size - offset)
    return false;
  if (!bytes.empty())
    std::memcpy(bytes.data(), buffer->getBufferStart() + begin + offset,
                bytes.size());
  return true;
}

FailureOr<std::shared_ptr<llvm::MemoryBuffer>> q::eval::openFile(StringRef path,
                                                                 Location loc) {
  if (llvm::sys::fs::is_directory(path))
    return emitError(loc) << "cannot read '" << path << "': it is a folder";
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return emitError(loc) << "cannot read '" << path
                          << "': " << buffer.getError().message();
  return std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer));
}

unsigned q::eval::getElementSize(ElementKind kind) {
  switch (kind) {
  case ElementKind::U8:
  case ElementKind::I8:
    return 1;
  case ElementKind::F16:
  case ElementKind::U16:
  case ElementKind::I16:
    return 2;
  case ElementKind::F32:
  case ElementKind::U32:
  case ElementKind::I32:
    return 4;
  case ElementKind::F64:
  case ElementKind::U64:
  case ElementKind::I64:
    return 8;
  }
  return 1;
}

/// Half precision is 1 sign, 5 exponent and 10 fraction bits.
static double decodeHalf(uint16_t bits) {
  llvm::APFloat value(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

double q::eval::readElement(ElementKind kind, const char *bytes) {
  using namespace llvm::support::endian;
  switch (kind) {
  case ElementKind::F16:
    return decodeHalf(read16le(bytes));
  case ElementKind::F32:
    return llvm::bit_cast<float>(read32le(bytes));
  case ElementKind::F64:
    return llvm::bit_cast<double>(read64le(bytes));
  case ElementKind::U8:
    return static_cast<uint8_t>(*bytes);
  case ElementKind::I8:
    return static_cast<int8_t>(*bytes);
  case ElementKind::U16:
    return read16le(bytes);
  case ElementKind::I16:
    return static_cast<int16_t>(read16le(bytes));
  case ElementKind::U32:
    return read32le(bytes);
  case ElementKind::I32:
    return static_cast<int32_t>(read32le(bytes));
  case ElementKind::U64:
    return read64le(bytes);
  case ElementKind::I64:
    return static_cast<int64_t>(read64le(bytes));
  }
  return 0.0;
}

//===----------------------------------------------------------------------===//
// The header
//===----------------------------------------------------------------------===//

namespace {

struct NpyHeader {
  ElementKind kind = ElementKind::F32;
  bool isBigEndian = false;
  bool isFortran = false;
  Shape shape;
  uint64_t dataOffset = 0;
};

/// Reads the header's Python dictionary, whose three keys come in any order.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : text(text) {}

  /// Null if all is well, otherwise what is wrong.
  const char *parse(NpyHeader &header) {
    StringRef descr = valueOf("descr"), order = valueOf("fortran_order"),
              shape = valueOf("shape");
    if (descr.empty() || order.empty() || shape.empty())
      return "its header is damaged";
    if (!parseType(descr, header))
      return "its element type is none of f2, f4, f8, u1 ... i8, b1; convert "
             "it with numpy's astype";
    header.isFortran = order.starts_with("True");
    return parseShape(shape, header.shape) ? nullptr
                                           : "its header's shape is damaged";
  }

private:
  StringRef valueOf(StringRef key) const {
    size_t at = text.find(("'" + key + "'").str());
    if (at == StringRef::npos)
      return {};
    StringRef rest = text.substr(at + key.size() + 2).ltrim();
    return rest.consume_front(":") ? rest.ltrim() : StringRef();
  }

  static bool parseType(StringRef value, NpyHeader &header) {
    if (!value.consume_front("'"))
      return false;
    value = value.take_until([](char c) { return c == '\''; });
    header.isBigEndian = value.consume_front(">");
    if (!header.isBigEndian)
      value = value.drop_while(
          [](char c) { return c == '<' || c == '|' || c == '='; });
    std::optional<ElementKind> kind =
        llvm::StringSwitch<std::optional<ElementKind>>(value)
            .Case("f2", ElementKind::F16)
            .Case("f4", ElementKind::F32)
            .Case("f8", ElementKind::F64)
            .Cases({"u1", "b1"}, ElementKind::U8)
            .Case("i1", ElementKind::I8)
            .Case("u2", ElementKind::U16)
            .Case("i2", ElementKind::I16)
            .Case("u4", ElementKind::U32)
            .Case("i4", ElementKind::I32)
            .Case("u8", ElementKind::U64)
            .Case("i8", ElementKind::I64)
            .Default(std::nullopt);
    if (!kind)
      return false;
    header.kind = *kind;
    return true;
  }

  static bool parseShape(StringRef value, Shape &shape) {
    if (!value.consume_front("("))
      return false;
    size_t end = value.find(')');
    if (end == StringRef::npos)
      return false;
    SmallVector<StringRef> parts;
    value.take_front(end).split(parts, ',', -1, /*KeepEmpty=*/false);
    for (StringRef part : parts) {
      part = part.trim();
      if (part.empty())
        continue;
      int64_t extent;
      part.consume_back("L");
      if (part.getAsInteger(10, extent) || extent < 0)
        return false;
      shape.push_back(extent);
    }
    return true;
  }

  StringRef text;
};

//===----------------------------------------------------------------------===//
// The array
//===----------------------------------------------------------------------===//

class NpyReader : public ArrayReader {
public:
  NpyReader(std::unique_ptr<ByteSource> bytes, NpyHeader header, StringRef name,
            Location loc)
      : bytes(std::move(bytes)), header(std::move(header)), name(name),
        loc(loc) {}

  ArrayRef<int64_t> getShape() const override { return header.shape; }
  bool isInteger() const override {
    return header.kind != ElementKind::F16 && header.kind != ElementKind::F32 &&
           header.kind != ElementKind::F64;
  }
  LogicalResult read(int64_t first, MutableArrayRef<float> values) override {
    return readAs(first, values);
  }
  LogicalResult read(int64_t first, MutableArrayRef<double> values) override {
    return readAs(first, values);
  }

private:
  template <typename T>
  LogicalResult readAs(int64_t first, MutableArrayRef<T> values);

  /// Where the element of row-major index `index` lies, counted in elements.
  int64_t getPosition(int64_t index) const {
    if (!header.isFortran)
      return index;
    int64_t position = 0, stride = Tensor::count(header.shape);
    for (int64_t extent : llvm::reverse(header.shape)) {
      stride /= extent;
      position += index % extent * stride;
      index /= extent;
    }
    return position;
  }

  std::unique_ptr<ByteSource> bytes;
  NpyHeader header;
  std::string name;
  Location loc;
  std::vector<char> scratch;
};

} // namespace

template <typename T>
LogicalResult NpyReader::readAs(int64_t first, MutableArrayRef<T> values) {
  unsigned size = getElementSize(header.kind);
  auto damaged = [&] {
    return emitError(loc) << "cannot read '" << name
                          << "': its data is damaged";
  };
  // Row-major elements lie side by side; column-major ones are fetched singly.
  size_t run = header.isFortran ? 1 : values.size();
  scratch.resize(run * size);
  for (size_t done = 0; done < values.size(); done += run) {
    uint64_t offset = header.dataOffset + getPosition(first + done) * size;
    if (!bytes->read(offset, scratch))
      return damaged();
    for (size_t i = 0; i < run; ++i) {
      char *element = scratch.data() + i * size;
      if (header.isBigEndian)
        std::reverse(element, element + size);
      values[done + i] = readElement(header.kind, element);
    }
  }
  return success();
}

ArrayOr q::eval::openNpy(std::unique_ptr<ByteSource> bytes, StringRef name,
                         Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc) << "cannot read '" << name << "': " << why;
  };
  char prefix[12] = {};
  if (!bytes->read(0, MutableArrayRef(prefix, 10)) ||
      StringRef(prefix, 6) != "\x93NUMPY")
    return fail("it is not a .npy file");
  // Version 1 has a length of 2 bytes, later versions one of 4.
  bool isShort = prefix[6] == 1;
  if (!isShort && !bytes->read(0, MutableArrayRef(prefix, 12)))
    return fail("its header is cut off");
  uint64_t length = isShort ? llvm::support::endian::read16le(prefix + 8)
                            : llvm::support::endian::read32le(prefix + 8);
  uint64_t begin = isShort ? 10 : 12;
  if (length > bytes->getSize())
    return fail("its header is cut off");
  std::string text(length, '\0');
  if (!bytes->read(begin, MutableArrayRef(text.data(), length)))
    return fail("its header is cut off");
  NpyHeader header;
  header.dataOffset = begin + length;
  if (const char *why = HeaderParser(text).parse(header))
    return fail(why);
  int64_t needed = getElementSize(header.kind);
  bool overflows = false;
  for (int64_t extent : header.shape)
    overflows |= llvm::MulOverflow(needed, extent, needed) != 0;
  uint64_t found = bytes->getSize() - header.dataOffset;
  if (overflows || uint64_t(needed) > found)
    return fail("it holds " + Twine(found) + " bytes of data, but its header " +
                "announces more; is it cut off?");
  return std::unique_ptr<ArrayReader>(std::make_unique<NpyReader>(
      std::move(bytes), std::move(header), name, loc));
}

ArrayOr q::eval::openNpyFile(StringRef path, Location loc) {
  auto buffer = openFile(path, loc);
  if (failed(buffer))
    return failure();
  uint64_t size = (*buffer)->getBufferSize();
  return openNpy(std::make_unique<MappedBytes>(std::move(*buffer), 0, size),
                 path, loc);
}

//===----------------------------------------------------------------------===//
// Whole files
//===----------------------------------------------------------------------===//

FailureOr<Tensor> q::eval::readNpy(StringRef path, Location loc) {
  ArrayOr array = openNpyFile(path, loc);
  if (failed(array))
    return failure();
  Tensor tensor = Tensor::floats((*array)->getShape());
  if (failed((*array)->read(0, MutableArrayRef(tensor.f()))))
    return failure();
  return tensor;
}

FailureOr<std::vector<int64_t>> q::eval::readLabels(StringRef path,
                                                    Location loc) {
  ArrayOr array = openNpyFile(path, loc);
  if (failed(array))
    return failure();
  std::vector<double> values(Tensor::count((*array)->getShape()));
  if (failed((*array)->read(0, MutableArrayRef(values))))
    return failure();
  std::vector<int64_t> labels;
  for (double value : values) {
    if (!(value >= 0) || value > 1e15 || value != double(int64_t(value)))
      return emitError(loc)
             << "cannot use '" << path << "' as labels: it holds " << value
             << ", but labels are class numbers from 0 on";
    labels.push_back(value);
  }
  return labels;
}

LogicalResult q::eval::writeNpy(StringRef path, const Tensor &tensor,
                                Location loc) {
  std::string header = tensor.isFloat() ? "{'descr': '<f4'" : "{'descr': '<i4'";
  header += ", 'fortran_order': False, 'shape': (";
  for (int64_t extent : tensor.getShape())
    header += std::to_string(extent) + ", ";
  header += "), }";
  // The data begins at a multiple of 64; a newline ends the header.
  header.append(63 - (header.size() + 10) % 64, ' ');
  header += '\n';
  std::string error;
  std::unique_ptr<OutputFile> file = OutputFile::open(path, error);
  if (!file)
    return emitError(loc) << error;
  llvm::raw_ostream &out = file->os();
  char length[2];
  llvm::support::endian::write16le(length, header.size());
  out << StringRef("\x93NUMPY\x01\x00", 8) << StringRef(length, 2) << header;
  auto write = [&](auto &values) {
    out.write(reinterpret_cast<const char *>(values.data()),
              values.size() * sizeof(values[0]));
  };
  if (tensor.isFloat())
    write(tensor.f());
  else
    write(tensor.i());
  if (failed(file->keep(error)))
    return emitError(loc) << error;
  return success();
}
