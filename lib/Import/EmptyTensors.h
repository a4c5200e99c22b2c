//===- EmptyTensors.h - Ops on tensors without elements ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_EMPTYTENSORS_H
#define QDIALECT_LIB_IMPORT_EMPTYTENSORS_H

#include "Importer.h"

namespace q::onnx_import {

/// Computes a reduction, or a function of every element, of a float tensor that
/// has none. Gives false where the node is nothing of the kind.
mlir::FailureOr<bool> tryComputeEmpty(Node &node);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_EMPTYTENSORS_H
