//===- DataReaders.h - Files that hold samples ------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The pieces behind openData(): bytes that are mapped or inflated on the fly,
// arrays over them, images, and readers that cut these into samples. Every
// function that can fail emits a diagnostic that names the file.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_DATAREADERS_H
#define QDIALECT_LIB_EVALUATION_DATAREADERS_H

#include "QDialect/Evaluation/Data.h"
#include "QDialect/Shapes.h"

#include "llvm/Support/MemoryBuffer.h"

namespace q::eval {

/// The bytes of a file or of a member of an archive.
class ByteSource {
public:
  virtual ~ByteSource() = default;
  virtual uint64_t getSize() const = 0;
  /// Fills `bytes` from `offset` on; false if there are not as many or they
  /// are damaged.
  virtual bool read(uint64_t offset, llvm::MutableArrayRef<char> bytes) = 0;
};

/// Part of a buffer, which is mapped if it is a large file.
class MappedBytes : public ByteSource {
public:
  MappedBytes(std::shared_ptr<llvm::MemoryBuffer> buffer, uint64_t begin,
              uint64_t size)
      : buffer(std::move(buffer)), begin(begin), size(size) {}
  uint64_t getSize() const override { return size; }
  bool read(uint64_t offset, llvm::MutableArrayRef<char> bytes) override;

private:
  std::shared_ptr<llvm::MemoryBuffer> buffer;
  uint64_t begin, size;
};

/// Opens a file, mapped where it is large.
mlir::FailureOr<std::shared_ptr<llvm::MemoryBuffer>>
openFile(llvm::StringRef path, mlir::Location loc);

/// The element types that arrays may have.
enum class ElementKind { F16, F32, F64, U8, I8, U16, I16, U32, I32, U64, I64 };
unsigned getElementSize(ElementKind kind);
/// The value of one element, little endian, at `bytes`.
double readElement(ElementKind kind, const char *bytes);

/// An array of numbers whose elements are read piecewise.
class ArrayReader {
public:
  virtual ~ArrayReader() = default;
  virtual llvm::ArrayRef<int64_t> getShape() const = 0;
  virtual bool isInteger() const = 0;
  /// Reads elements in row-major order from element `first` on, as T = float
  /// or double.
  virtual mlir::LogicalResult read(int64_t first,
                                   llvm::MutableArrayRef<float> values) = 0;
  virtual mlir::LogicalResult read(int64_t first,
                                   llvm::MutableArrayRef<double> values) = 0;
};
using ArrayOr = mlir::FailureOr<std::unique_ptr<ArrayReader>>;

/// An array in the format of numpy. `name` is what messages call it.
ArrayOr openNpy(std::unique_ptr<ByteSource> bytes, llvm::StringRef name,
                mlir::Location loc);
ArrayOr openNpyFile(llvm::StringRef path, mlir::Location loc);

/// A file of ONNX's TensorProto.
ArrayOr openTensorProto(llvm::StringRef path, mlir::Location loc);

/// A member of a zip archive.
struct ArchiveMember {
  std::string name;
  std::unique_ptr<ByteSource> bytes;
};
/// The members of a zip archive, stored or deflated.
mlir::FailureOr<std::vector<ArchiveMember>> openZip(llvm::StringRef path,
                                                    mlir::Location loc);

/// An image of 8 bits a channel, `[height, width, 3]`, red first.
struct Image {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;
};
bool isImagePath(llvm::StringRef path);
mlir::FailureOr<Image> readImage(llvm::StringRef path, mlir::Location loc);
/// Resizes and crops as the specification says.
mlir::FailureOr<Image> transformImage(Image image,
                                      const Preprocessing &preprocessing,
                                      llvm::StringRef path, mlir::Location loc);

/// The samples for one model input.
class SampleReader {
public:
  virtual ~SampleReader() = default;
  virtual int64_t getNumSamples() const = 0;
  /// Reads sample `index`, in the layout of the model and preprocessed;
  /// `values` has the size of a sample.
  virtual mlir::LogicalResult read(int64_t index,
                                   llvm::MutableArrayRef<float> values) = 0;
};
using SampleReaderOr = mlir::FailureOr<std::unique_ptr<SampleReader>>;

/// Cuts an array into samples for `input`, or says what does not fit.
SampleReaderOr makeArraySamples(std::unique_ptr<ArrayReader> array,
                                llvm::StringRef name, const InputSpec &input,
                                const Preprocessing &preprocessing,
                                mlir::Location loc);
/// One sample, an image.
SampleReaderOr makeImageSample(llvm::StringRef path, const InputSpec &input,
                               const Preprocessing &preprocessing,
                               mlir::Location loc);

} // namespace q::eval

#endif // QDIALECT_LIB_EVALUATION_DATAREADERS_H
