//===- OnnxFile.h - Bytes to an ONNX protobuf -------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_ONNXFILE_H
#define QDIALECT_LIB_IMPORT_ONNXFILE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace onnx {
class ModelProto;
class TensorProto;
} // namespace onnx

namespace q::onnx_import {

/// Parses a model in binary or text form. Null with `error` set where the bytes
/// are not one.
std::shared_ptr<onnx::ModelProto> parseModel(llvm::StringRef bytes,
                                             bool textForm, std::string &error);

/// Parses a TensorProto in binary form, e.g. a `.pb` file of test data.
std::shared_ptr<onnx::TensorProto> parseTensor(llvm::StringRef bytes,
                                               std::string &error);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_ONNXFILE_H
