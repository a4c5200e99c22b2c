//===- InlineFunctions.h - Calls of model-local functions -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_INLINEFUNCTIONS_H
#define QDIALECT_LIB_IMPORT_INLINEFUNCTIONS_H

#include <string>

namespace onnx {
class ModelProto;
}

namespace q::onnx_import {

/// Replaces every node of the graph that calls a function of the model by the
/// function's nodes. Values inside are called after the call, `call/value`.
/// False, with the reason in `error`, where a call does not fit its function or
/// functions call each other without end.
bool inlineFunctions(onnx::ModelProto &model, std::string &error);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_INLINEFUNCTIONS_H
