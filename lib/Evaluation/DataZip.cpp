//===- DataZip.cpp - Zip archives, as numpy writes them -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DataReaders.h"

#include "llvm/Support/Endian.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

using namespace mlir;
using namespace q::eval;
using namespace llvm::support::endian;

namespace {

/// A deflated member, inflated as it is read. Reading forwards costs one pass
/// over the member; reading backwards starts anew.
class InflatedBytes : public ByteSource {
public:
  InflatedBytes(std::shared_ptr<llvm::MemoryBuffer> buffer, uint64_t begin,
                uint64_t compressed, uint64_t size)
      : buffer(std::move(buffer)), begin(begin), compressed(compressed),
        size(size) {}
  ~InflatedBytes() override { end(); }

  uint64_t getSize() const override { return size; }
  bool read(uint64_t offset, MutableArrayRef<char> bytes) override {
    if (offset > size || bytes.size() > size - offset)
      return false;
    if ((!isOpen || offset < position) && !start())
      return false;
    std::vector<char> skipped(std::min<uint64_t>(offset - position, 1 << 16));
    while (position < offset)
      if (!inflateInto(MutableArrayRef(skipped).take_front(
              std::min<uint64_t>(offset - position, skipped.size()))))
        return false;
    return inflateInto(bytes);
  }

private:
  bool start() {
    end();
    stream = {};
    // Negative window bits: raw deflate without zlib's header.
    isOpen = inflateInit2(&stream, -MAX_WBITS) == Z_OK;
    position = consumed = 0;
    return isOpen;
  }
  void end() {
    if (isOpen)
      inflateEnd(&stream);
    isOpen = false;
  }
  bool inflateInto(MutableArrayRef<char> bytes) {
    constexpr uint64_t most = 1u << 30;
    size_t done = 0;
    while (done < bytes.size()) {
      uint64_t room = std::min<uint64_t>(bytes.size() - done, most);
      uint64_t rest = std::min<uint64_t>(compressed - consumed, most);
      stream.next_out = reinterpret_cast<Bytef *>(bytes.data() + done);
      stream.avail_out = room;
      stream.next_in = reinterpret_cast<Bytef *>(
          const_cast<char *>(buffer->getBufferStart() + begin + consumed));
      stream.avail_in = rest;
      int status = inflate(&stream, Z_NO_FLUSH);
      uint64_t written = room - stream.avail_out;
      consumed += rest - stream.avail_in;
      done += written;
      if ((status != Z_OK && status != Z_STREAM_END) || written == 0)
        break;
    }
    position += done;
    return done == bytes.size();
  }

  std::shared_ptr<llvm::MemoryBuffer> buffer;
  uint64_t begin, compressed, size;
  z_stream stream = {};
  bool isOpen = false;
  uint64_t position = 0, consumed = 0;
};

/// The entries of the central directory.
class ZipParser {
public:
  explicit ZipParser(std::shared_ptr<llvm::MemoryBuffer> buffer)
      : buffer(std::move(buffer)), data(this->buffer->getBuffer()) {}

  /// Null if all is well, otherwise what is wrong.
  const char *parse(std::vector<ArchiveMember> &members) {
    uint64_t at, count;
    if (!findDirectory(at, count))
      return "it is not a zip archive, or it is cut off";
    for (uint64_t i = 0; i < count; ++i)
      if (const char *why = parseEntry(at, members))
        return why;
    return nullptr;
  }

private:
  bool has(uint64_t at, uint64_t size) const {
    return at <= data.size() && size <= data.size() - at;
  }
  bool isSignature(uint64_t at, uint32_t signature) const {
    return has(at, 4) && read32le(data.data() + at) == signature;
  }

  bool findDirectory(uint64_t &at, uint64_t &count) const {
    // The end record is 22 bytes and a comment of up to 64 KiB.
    if (data.size() < 22)
      return false;
    uint64_t lowest = data.size() > 65557 ? data.size() - 65557 : 0;
    for (uint64_t end = data.size() - 22;; --end) {
      if (isSignature(end, 0x06054b50)) {
        const char *record = data.data() + end;
        count = read16le(record + 10);
        at = read32le(record + 16);
        // Larger archives have a second record before this one.
        if (end >= 20 && isSignature(end - 20, 0x07064b50)) {
          uint64_t large = read64le(data.data() + end - 12);
          if (!isSignature(large, 0x06064b50) || !has(large, 56))
            return false;
          count = read64le(data.data() + large + 32);
          at = read64le(data.data() + large + 48);
        }
        return true;
      }
      if (end == lowest)
        return false;
    }
  }

  const char *parseEntry(uint64_t &at, std::vector<ArchiveMember> &members) {
    constexpr const char *damaged = "its directory is damaged";
    if (!isSignature(at, 0x02014b50) || !has(at, 46))
      return damaged;
    const char *entry = data.data() + at;
    uint16_t flags = read16le(entry + 8), method = read16le(entry + 10);
    uint64_t compressed = read32le(entry + 20), size = read32le(entry + 24);
    uint64_t nameSize = read16le(entry + 28), extraSize = read16le(entry + 30);
    uint64_t header = read32le(entry + 42);
    if (!has(at + 46, nameSize + extraSize))
      return damaged;
    StringRef name = data.substr(at + 46, nameSize);
    readLargeSizes(data.substr(at + 46 + nameSize, extraSize), size, compressed,
                   header);
    at += 46 + nameSize + extraSize + read16le(entry + 32);
    if (flags & 1)
      return "a member is encrypted";
    if (!isSignature(header, 0x04034b50) || !has(header, 30))
      return damaged;
    uint64_t begin = header + 30 + read16le(data.data() + header + 26) +
                     read16le(data.data() + header + 28);
    if (!has(begin, compressed))
      return "a member is cut off";
    if (method == 0 && size == compressed)
      members.push_back(
          {name.str(), std::make_unique<MappedBytes>(buffer, begin, size)});
    else if (method == 8)
      members.push_back({name.str(), std::make_unique<InflatedBytes>(
                                         buffer, begin, compressed, size)});
    else
      return "a member is compressed by another method than deflate";
    return nullptr;
  }

  /// Sizes beyond 32 bits are 0xffffffff in the entry and follow in its extra
  /// field, in this order, those that are needed.
  static void readLargeSizes(StringRef extra, uint64_t &size,
                             uint64_t &compressed, uint64_t &header) {
    while (extra.size() >= 4) {
      uint16_t id = read16le(extra.data()), length = read16le(extra.data() + 2);
      StringRef field = extra.substr(4, length);
      if (id == 1)
        for (uint64_t *value : {&size, &compressed, &header})
          if (*value == 0xffffffff && field.size() >= 8) {
            *value = read64le(field.data());
            field = field.drop_front(8);
          }
      extra = extra.substr(std::min<size_t>(extra.size(), 4 + length));
    }
  }

  std::shared_ptr<llvm::MemoryBuffer> buffer;
  StringRef data;
};

} // namespace

FailureOr<std::vector<ArchiveMember>> q::eval::openZip(StringRef path,
                                                       Location loc) {
  auto buffer = openFile(path, loc);
  if (failed(buffer))
    return failure();
  std::vector<ArchiveMember> members;
  if (const char *why = ZipParser(*buffer).parse(members))
    return emitError(loc) << "cannot read '" << path << "': " << why;
  return members;
}
