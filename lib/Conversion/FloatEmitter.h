//===- FloatEmitter.h - Float arithmetic as SSA values ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_FLOATEMITTER_H
#define QDIALECT_LIB_CONVERSION_FLOATEMITTER_H

#include "QDialect/Numerics/FloatFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace q {

/// The emitter of Numerics/FloatFunctions.h on SSA values.
struct FloatEmitter {
  using Value = mlir::Value;
  using Truth = mlir::Value;

  FloatEmitter(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  Value constant(float value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  Value add(Value x, Value y) {
    return mlir::arith::AddFOp::create(b, loc, x, y);
  }
  Value sub(Value x, Value y) {
    return mlir::arith::SubFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) {
    return mlir::arith::MulFOp::create(b, loc, x, y);
  }
  Value div(Value x, Value y) {
    return mlir::arith::DivFOp::create(b, loc, x, y);
  }
  Value sqrt(Value x) { return mlir::math::SqrtOp::create(b, loc, x); }
  Value floor(Value x) { return mlir::math::FloorOp::create(b, loc, x); }
  Value ceil(Value x) { return mlir::math::CeilOp::create(b, loc, x); }
  Value round(Value x) { return mlir::math::RoundEvenOp::create(b, loc, x); }
  Value abs(Value x) { return mlir::math::AbsFOp::create(b, loc, x); }
  Value neg(Value x) { return mlir::arith::NegFOp::create(b, loc, x); }
  Truth less(Value x, Value y) {
    return compare(mlir::arith::CmpFPredicate::OLT, x, y);
  }
  Truth lessEqual(Value x, Value y) {
    return compare(mlir::arith::CmpFPredicate::OLE, x, y);
  }
  Truth equal(Value x, Value y) {
    return compare(mlir::arith::CmpFPredicate::OEQ, x, y);
  }
  Value select(Truth truth, Value yes, Value no) {
    return mlir::arith::SelectOp::create(b, loc, truth, yes, no);
  }
  Value powerOfTwo(Value n) {
    Value whole = mlir::arith::FPToSIOp::create(b, loc, b.getI32Type(), n);
    Value biased = mlir::arith::AddIOp::create(b, loc, whole, integer(127));
    Value bits = mlir::arith::ShLIOp::create(b, loc, biased, integer(23));
    return mlir::arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
  }
  Value exponent(Value x) {
    Value shifted =
        mlir::arith::ShRUIOp::create(b, loc, bitsOf(x), integer(23));
    Value whole = mlir::arith::SubIOp::create(b, loc, shifted, integer(127));
    return mlir::arith::SIToFPOp::create(b, loc, b.getF32Type(), whole);
  }
  Value mantissa(Value x) {
    Value bits =
        mlir::arith::AndIOp::create(b, loc, bitsOf(x), integer(0x7FFFFF));
    bits = mlir::arith::OrIOp::create(b, loc, bits, integer(0x3F800000));
    return mlir::arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
  }

private:
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value integer(int32_t value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
  }
  Value bitsOf(Value x) {
    return mlir::arith::BitcastOp::create(b, loc, b.getI32Type(), x);
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
};

/// The functions of float islands as SSA values.
using Functions = numerics::FloatFunctions<FloatEmitter>;

} // namespace q

#endif // QDIALECT_LIB_CONVERSION_FLOATEMITTER_H
