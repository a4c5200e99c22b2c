//===- ExpandQOperators.h - Integer operators as QDQ groups -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_EXPANDQOPERATORS_H
#define QDIALECT_LIB_IMPORT_EXPANDQOPERATORS_H

#include "mlir/IR/Diagnostics.h"

#include <onnx/onnx_pb.h>

namespace q::onnx_import {

/// What an expanded node is called in the file, for messages.
inline constexpr char kWrittenAs[] = "q.written_as";

/// Replaces the nodes of the QOperator form (QLinearConv, QGemm ...) by what
/// they are defined to compute: the float op between DequantizeLinear nodes and
/// a QuantizeLinear. Dynamic quantization becomes float ops over integer
/// weights, whose activations are to be calibrated; a remark says so. Nodes
/// keep their names, and get the attribute kWrittenAs. A diagnostic at `loc`
/// for attributes that no float op has.
mlir::LogicalResult expandQOperators(onnx::ModelProto &model,
                                     mlir::Location loc);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_EXPANDQOPERATORS_H
