//===- ExportOnnx.h - Quantized q modules as ONNX ---------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EXPORT_EXPORTONNX_H
#define QDIALECT_EXPORT_EXPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace q {

/// Writes the quantized function of `module` (`main`, or the only one) as an
/// ONNX model of opset 21 in QDQ form: every op in float between the
/// DequantizeLinear of its operands and the QuantizeLinear of its result, with
/// the scales and zero points of the types. A literal execution differs from
/// the integer one only where a float32 sum or a tie rounds otherwise.
///
/// Inputs and outputs keep their names and element types; layers name their
/// nodes. Fails with a diagnostic at the first op that ONNX has no form of.
mlir::LogicalResult exportOnnxQdq(mlir::ModuleOp module,
                                  llvm::raw_ostream &output);

/// Registers `--export-onnx-qdq` with the translation registry. Call it once,
/// before the command line is parsed.
void registerExportOnnx();

} // namespace q

#endif // QDIALECT_EXPORT_EXPORTONNX_H
