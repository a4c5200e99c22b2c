//===- Schemes.h - From schemes and ranges to parameters --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_SCHEMES_H
#define QDIALECT_SCHEMES_H

#include "QDialect/Numerics/QuantParams.h"
#include "QDialect/QDialect.h"

namespace q {

/// Rules N2, N4 and N5: the parameters of `scheme` for the real range [min,
/// max].
numerics::Result<numerics::QuantParams> chooseParams(SchemeAttr scheme,
                                                     double min, double max);

/// The parameters of a calibrated quantizer, one per tensor or per channel, or
/// a diagnostic at the quantizer.
mlir::FailureOr<llvm::SmallVector<numerics::QuantParams>>
chooseParams(QuantizerOp op);

} // namespace q

#endif // QDIALECT_SCHEMES_H
