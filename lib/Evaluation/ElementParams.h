//===- ElementParams.h - Parameters of single elements ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_ELEMENTPARAMS_H
#define QDIALECT_LIB_EVALUATION_ELEMENTPARAMS_H

#include "QDialect/IntegerSemantics.h"

namespace q::eval {

/// The parameters of every element of a quantized tensor of static shape, one
/// for all or one a channel (rule N1).
class ElementParams {
public:
  explicit ElementParams(mlir::RankedTensorType type) {
    mlir::quant::QuantizedType element = getQuantizedType(type);
    auto perAxis =
        llvm::dyn_cast<mlir::quant::UniformQuantizedPerAxisType>(element);
    int64_t axis = perAxis ? perAxis.getQuantizedDimension() : 0;
    channels =
        getPerChannelParams(element, perAxis ? type.getDimSize(axis) : 1);
    for (int64_t extent : type.getShape().drop_front(perAxis ? axis + 1 : 0))
      stride *= extent;
  }

  const numerics::QuantParams &operator[](int64_t i) const {
    return channels[i / stride % channels.size()];
  }

private:
  llvm::SmallVector<numerics::QuantParams> channels;
  /// How many consecutive elements have the same channel.
  int64_t stride = 1;
};

} // namespace q::eval

#endif // QDIALECT_LIB_EVALUATION_ELEMENTPARAMS_H
