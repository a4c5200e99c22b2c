//===- QDialect.h - The q dialect -------------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Declares the dialect, its ops, and the few helpers by which every layer above
// builds ops and reads quantized types.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QDIALECT_H
#define QDIALECT_QDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "QDialect/QDialect.h.inc"
#include "QDialect/QEnums.h.inc"
#include "QDialect/QTraits.h"

#define GET_ATTRDEF_CLASSES
#include "QDialect/QAttributes.h.inc"

#include "QDialect/QInterfaces.h.inc"

#define GET_OP_CLASSES
#include "QDialect/QOps.h.inc"

namespace q {

/// The value of the module attribute `q.rounding` around `op` (rule N10):
/// "single" where it is absent.
llvm::StringRef getRoundingName(mlir::Operation *op);

/// The name of that module attribute.
constexpr llvm::StringLiteral kRoundingAttrName = "q.rounding";

/// Creates an op with an inferred result type. Unlike `OpTy::create` without
/// result types, a shape error is a diagnostic at `loc` and a null op, never an
/// abort: this is how input that nobody has checked becomes ops.
template <typename OpTy>
OpTy tryCreate(mlir::OpBuilder &builder, mlir::Location loc,
               mlir::ValueRange operands,
               llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
  mlir::MLIRContext *context = builder.getContext();
  mlir::DictionaryAttr dictionary =
      mlir::DictionaryAttr::get(context, attributes);
  typename OpTy::Properties properties;
  auto emitError = [&]() { return mlir::emitError(loc); };
  if (mlir::failed(
          OpTy::setPropertiesFromAttr(properties, dictionary, emitError)))
    return {};
  llvm::SmallVector<mlir::Type> types;
  if (mlir::failed(OpTy::inferReturnTypes(context, loc, operands, dictionary,
                                          mlir::OpaqueProperties(&properties),
                                          {}, types)))
    return {};
  mlir::OperationState state(loc, OpTy::getOperationName());
  state.addOperands(operands);
  state.addAttributes(attributes);
  state.addTypes(types);
  auto op = mlir::cast<OpTy>(builder.create(state));
  // The op is verified at once, so that a bad attribute is reported where the
  // input is still known.
  if (mlir::failed(mlir::verify(op, /*verifyRecursively=*/false))) {
    op->erase();
    return {};
  }
  return op;
}

} // namespace q

#endif // QDIALECT_QDIALECT_H
