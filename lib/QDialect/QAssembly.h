//===- QAssembly.h - Assembly of attributes that need their own -*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_QDIALECT_QASSEMBLY_H
#define QDIALECT_LIB_QDIALECT_QASSEMBLY_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

namespace q {

/// `[0.0, 1.5]`: the assembly of real numbers, which reads back the very same
/// numbers; that of upstream keeps six digits.
mlir::ParseResult parseReals(mlir::OpAsmParser &parser,
                             mlir::DenseF64ArrayAttr &values);
void printReals(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                mlir::DenseF64ArrayAttr values);

} // namespace q

#endif // QDIALECT_LIB_QDIALECT_QASSEMBLY_H
