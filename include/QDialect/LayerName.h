//===- LayerName.h - Which layer of the model an op is of -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LAYERNAME_H
#define QDIALECT_LAYERNAME_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/StringRef.h"

namespace q {

/// The name of the layer that made an op: that of its location, or empty.
llvm::StringRef getLayerName(mlir::Location loc);

} // namespace q

#endif // QDIALECT_LAYERNAME_H
