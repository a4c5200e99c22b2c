//===- Schemes.cpp - From schemes and ranges to parameters ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Schemes.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace q;

numerics::Result<numerics::QuantParams>
q::chooseParams(SchemeAttr scheme, double min, double max) {
  unsigned bits = scheme.getBits();
  double absMax = std::max(std::abs(min), std::abs(max));
  if (scheme.getPowerOfTwo()) {
    auto params =
        numerics::choosePowerOfTwo(absMax, bits, scheme.getIsSigned());
    if (params && scheme.getNarrow() && scheme.getIsSigned())
      (*params).qmin = -params->qmax;
    return params;
  }
  if (scheme.getSymmetric())
    return numerics::chooseSymmetric(absMax, bits, scheme.getIsSigned(),
                                     scheme.getNarrow());
  return numerics::chooseAsymmetric(min, max, bits, scheme.getIsSigned());
}

FailureOr<SmallVector<numerics::QuantParams>> q::chooseParams(QuantizerOp op) {
  if (!op.getMin())
    return op.emitOpError(
        "has no range; run q-calibrate with sample data, or give the layer a "
        "'range' in a recipe");
  SmallVector<numerics::QuantParams> params;
  for (auto [low, high] : llvm::zip_equal(*op.getMin(), *op.getMax())) {
    auto channel = chooseParams(op.getScheme(), low, high);
    if (!channel)
      return op.emitOpError("cannot be given parameters: ") << channel.reason();
    params.push_back(*channel);
  }
  return params;
}
