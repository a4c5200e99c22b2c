//===- DynamicQuantization.h - Scales that a network computes ---*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Integers whose scale or zero point is not known at import have no quantized
// type. They are whole numbers in float32, and the two ops that make and read
// them become the arithmetic that ONNX defines them by.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_DYNAMICQUANTIZATION_H
#define QDIALECT_LIB_IMPORT_DYNAMICQUANTIZATION_H

#include "Build.h"

namespace q::onnx_import {

/// Whether the scale or the zero point (inputs 1 and 2) of a QuantizeLinear or
/// DequantizeLinear is computed by the network, or the integers that a
/// DequantizeLinear reads are whole numbers in float32.
bool isQuantizedDynamically(Node &node);

/// QuantizeLinear: clamp(round(x / scale) + zero point), whole numbers of the
/// ONNX type `dtype`.
mlir::LogicalResult importDynamicQuantize(Node &node, int32_t dtype);

/// DequantizeLinear: (x - zero point) scale.
mlir::LogicalResult importDynamicDequantize(Node &node);

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_DYNAMICQUANTIZATION_H
