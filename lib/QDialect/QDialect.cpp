//===- QDialect.cpp - The q dialect, its attributes and constants ---------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/QDialect.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace q;

#include "QDialect/QDialect.cpp.inc"
#include "QDialect/QEnums.cpp.inc"
#include "QDialect/QInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "QDialect/QAttributes.cpp.inc"

void QDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "QDialect/QAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "QDialect/QOps.cpp.inc"
      >();
}

Operation *QDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                         Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || !isa<RankedTensorType>(type))
    return nullptr;
  return ConstOp::create(builder, loc, type, elements);
}

LogicalResult SchemeAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t bits, bool isSigned, bool symmetric,
                                 bool narrow, bool powerOfTwo, int64_t axis) {
  if (bits != 32 && (bits < 2 || bits > 16))
    return emitError() << "bits must be 2 to 16, or 32 for a bias, but is "
                       << bits;
  if (powerOfTwo && !symmetric)
    return emitError() << "a power-of-two scheme must be symmetric (rule N5)";
  if (narrow && !isSigned)
    return emitError() << "a narrow range needs signed storage (rule N2)";
  if (axis < -1)
    return emitError() << "axis must be a dimension, or -1 for one scale per "
                          "tensor, but is "
                       << axis;
  return success();
}

StringRef q::getRoundingName(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto name = op->getAttrOfType<StringAttr>(kRoundingAttrName))
      return name.getValue();
  return "single";
}
