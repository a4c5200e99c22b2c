//===- Data.h - Samples for calibration and evaluation ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads samples one at a time, whatever form they have on disk, so that memory
// does not grow with their number:
//
//   x.npy            samples along axis 0; f16, f32, f64, u8, i8, u16, i16,
//                    u32, i32, i64, bool; C or Fortran order; mapped
//   x.npz            one array per model input, by input name or in order
//   x.pb             an ONNX TensorProto
//   folder           of JPEG and PNG images, in the order of their names; or of
//                    input_0.pb, input_1.pb ...; or of folders with such files,
//                    one per sample
//   a.npy,b.npy,...  one file per model input
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_DATA_H
#define QDIALECT_EVALUATION_DATA_H

#include "QDialect/Evaluation/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace q::eval {

/// A model input that samples must fit. Dimension 0 is the batch.
struct InputSpec {
  std::string name;
  llvm::SmallVector<int64_t> shape;
};

/// The inputs of a function. The name of an argument is that of its location,
/// or "argN" where it has none.
llvm::SmallVector<InputSpec> getInputSpecs(mlir::func::FuncOp function);

/// What happens to a sample between its file and the model. Written as
/// comma-separated `key=value`:
///
///   resize=256 | HxW     images: shorter side (or both) to this size, with a
///                        triangle filter that averages when shrinking
///   crop=224 | HxW       images: cut out the middle
///   channels=rgb|bgr|gray  order of the image's channels (default rgb)
///   scale=S              multiply by S; a fraction such as 1/255 is a number
///   mean=M | A:B:C       subtract after scaling, for all or per channel
///   std=D | A:B:C        divide after that
///   layout=nchw|nhwc     what the model takes (default nchw)
///   from=nchw|nhwc       what arrays have (default: as the model takes)
///
/// so a pixel becomes (x * scale - mean) / std.
struct Preprocessing {
  /// Height and width; 0 means not to resize. One number is the shorter side:
  /// the width is then 0.
  int64_t resizeHeight = 0, resizeWidth = 0;
  int64_t cropHeight = 0, cropWidth = 0;
  enum class Channels { Rgb, Bgr, Gray } channels = Channels::Rgb;
  double scale = 1.0;
  llvm::SmallVector<double> mean, stddev;
  bool modelIsNhwc = false;
  bool arraysAreNhwc = false;

  /// Whether values change at all.
  bool isAffine() const {
    return scale != 1.0 || !mean.empty() || !stddev.empty();
  }

  /// Reads a specification; an unknown key or a bad number is a diagnostic at
  /// `loc` that lists the keys.
  static mlir::FailureOr<Preprocessing> parse(llvm::StringRef text,
                                              mlir::Location loc);
};

/// What the model is run on once: a tensor per input with the input's shape.
struct Batch {
  llvm::SmallVector<Tensor> inputs;
  /// How many of the elements of the batch dimension are samples. The last
  /// batch of a source is filled up with copies of its last sample.
  int64_t valid = 0;
};

/// Samples that fit the inputs of a model.
class DataSource {
public:
  virtual ~DataSource() = default;
  /// The number of samples, each one element of the batch dimension.
  virtual int64_t getNumSamples() const = 0;
  /// Samples per batch: the model's batch dimension.
  virtual int64_t getBatchSize() const = 0;
  int64_t getNumBatches() const {
    return (getNumSamples() + getBatchSize() - 1) / getBatchSize();
  }
  /// Reads batch `index`; reading in ascending order is fastest. What cannot be
  /// read is a diagnostic that names the file.
  virtual mlir::FailureOr<Batch> read(int64_t index) = 0;
};

/// Opens what `path` names (see the top of this file) for a model with these
/// inputs. `limit` is the number of samples to use at most, 0 means all. Fails
/// with a diagnostic at `loc` that names the file, what was found and what is
/// needed.
mlir::FailureOr<std::unique_ptr<DataSource>>
openData(llvm::StringRef path, llvm::ArrayRef<InputSpec> inputs,
         const Preprocessing &preprocessing, mlir::Location loc,
         int64_t limit = 0);

/// The same for the inputs of `function` and preprocessing as it is written.
mlir::FailureOr<std::unique_ptr<DataSource>>
openData(llvm::StringRef path, mlir::func::FuncOp function,
         llvm::StringRef preprocessing, int64_t limit = 0);

/// Reads a whole .npy file, of any type and order, as float.
mlir::FailureOr<Tensor> readNpy(llvm::StringRef path, mlir::Location loc);
/// Reads class labels: a .npy of integers, in row-major order.
mlir::FailureOr<std::vector<int64_t>> readLabels(llvm::StringRef path,
                                                 mlir::Location loc);

/// Writes a .npy file: float32, or int32 for an integer tensor.
mlir::LogicalResult writeNpy(llvm::StringRef path, const Tensor &tensor,
                             mlir::Location loc);

} // namespace q::eval

#endif // QDIALECT_EVALUATION_DATA_H
