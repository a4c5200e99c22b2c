//===- ImportOnnx.h - ONNX networks to the q dialect -------------*- C++
//-*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_IMPORT_IMPORTONNX_H
#define QDIALECT_IMPORT_IMPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace q {

struct ImportOptions {
  /// What a symbolic first dimension of an input becomes.
  int64_t batch = 1;
};

/// Reads the ONNX file `path` (binary, or protobuf text if it ends in `.pbtxt`)
/// and returns a module with one function `@main` of float q ops. Arguments and
/// results keep the model's layout and carry its names as `q.name`; every op
/// has a NameLoc with the name of its node. Returns null after diagnostics that
/// name file, node and op; ops without an importer are all listed at once.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             mlir::MLIRContext *context,
                                             const ImportOptions &options = {});

/// Registers `--import-onnx` with qtranslate.
void registerImportOnnx();

} // namespace q

#endif // QDIALECT_IMPORT_IMPORTONNX_H
