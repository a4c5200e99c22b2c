//===- QuantizeWeights.h - Integer weights and biases of a layer ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_QUANTIZEWEIGHTS_H
#define QDIALECT_LIB_TRANSFORMS_QUANTIZEWEIGHTS_H

#include "QDialect/QDialect.h"

namespace q {

/// Makes the weights and the bias of `layer`, whose input is quantized already,
/// integer constants in front of it (rules N2, N7 and N17). Emits a remark for
/// each layer whose weight scales had to be raised for the bias, a diagnostic
/// where there is no integer form.
mlir::LogicalResult quantizeWeights(WeightedOpInterface layer);

/// The quantized constant that `value`, an operand of a layer, dequantizes: one
/// that the model came with. Null if it is none, or null.
ConstOp getGivenConstant(mlir::Value value);

/// The same as quantizeWeights() for weights that the model came with: their
/// integers and scales stay, unless a bias would not fit (rule N7).
mlir::LogicalResult takeGivenWeights(WeightedOpInterface layer);

/// int32 with the scale Sx * Sw of each channel, exact in double.
mlir::quant::QuantizedType getBiasType(mlir::MLIRContext *context,
                                       double inputScale,
                                       llvm::ArrayRef<double> scales);

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_QUANTIZEWEIGHTS_H
