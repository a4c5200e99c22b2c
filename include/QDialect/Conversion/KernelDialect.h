//===- KernelDialect.h - The kernel dialect ---------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_KERNELDIALECT_H
#define QDIALECT_CONVERSION_KERNELDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "QDialect/Conversion/KernelDialect.h.inc"
#include "QDialect/Conversion/KernelEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "QDialect/Conversion/KernelAttributes.h.inc"

#define GET_OP_CLASSES
#include "QDialect/Conversion/KernelOps.h.inc"

namespace q::kernel {

/// Makes the ops of the kernel dialect bufferizable: their init becomes the
/// buffer that they write.
void registerBufferizableOpInterfaceModels(mlir::DialectRegistry &registry);

} // namespace q::kernel

#endif // QDIALECT_CONVERSION_KERNELDIALECT_H
