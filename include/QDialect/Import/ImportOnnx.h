//===- ImportOnnx.h - ONNX models to the q dialect --------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The importer's public face: one function per kind of source, and the
// translation that makes it a flag of qtranslate.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_IMPORT_IMPORTONNX_H
#define QDIALECT_IMPORT_IMPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdint>
#include <string>

namespace q {

/// How a model is imported.
struct ImportOptions {
  /// The extent of a symbolic first dimension of the model's inputs, and of
  /// every other dimension that bears the same symbol.
  int64_t batch = 1;
  /// Full shapes that replace those of inputs, by the inputs' names.
  llvm::StringMap<llvm::SmallVector<int64_t>> inputShapes = {};
  /// Files (ONNX TensorProto) whose values turn inputs into constants, by the
  /// inputs' names: for shapes, axes and the like that a model takes as inputs.
  llvm::StringMap<std::string> inputConstants = {};
  /// Reads the protobuf text form. Text is also assumed for files whose names
  /// end in .pbtxt, .onnxtxt or .textproto.
  bool textForm = false;
  /// Moves layout transposes out of the network. Without it every NHWC op has
  /// its own pair of transposes, which is what the ONNX graph says literally.
  bool simplifyLayout = true;
};

/// Reads `--shape=NAME:1x3x224x224` into `options`; false if it has another
/// form. The name may contain colons.
bool parseShapeOption(llvm::StringRef text, ImportOptions &options);

/// Imports the ONNX model in `buffer`. `path` is its file's name, for messages,
/// for the detection of the text form and to find external data beside it.
///
/// The result holds `func.func @main` with static f32 types in the model's own
/// (NCHW) layout, `q.name` attributes with the ONNX names of arguments and
/// results, and NHWC `q` ops whose NameLocs are the names of the ONNX nodes.
/// Model-local functions are inlined, and so is the branch of an If whose
/// condition is known. Booleans and integers that depend on the data (results
/// of comparisons, indices) are whole numbers in float32. On failure there is
/// one diagnostic, which names the file and, where one is at fault, the node
/// and the op, and the result is null.
mlir::OwningOpRef<mlir::ModuleOp>
importOnnxBuffer(llvm::MemoryBufferRef buffer, llvm::StringRef path,
                 mlir::MLIRContext *context, const ImportOptions &options = {});

/// Imports the ONNX model in the file `path`.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             mlir::MLIRContext *context,
                                             const ImportOptions &options = {});

/// Registers `--import-onnx` and its options with the translation registry.
/// Call it once, before the command line is parsed.
void registerImportOnnx();

} // namespace q

#endif // QDIALECT_IMPORT_IMPORTONNX_H
