//===- VectorBody.cpp - The body of an elementwise op on vectors ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace q::kernel;

/// The contents of a constant buffer of 256 bytes.
static std::optional<ByteTable> getTable(Value buffer) {
  auto get = buffer.getDefiningOp<memref::GetGlobalOp>();
  if (!get)
    return std::nullopt;
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      get, get.getNameAttr());
  if (!global || !global.getConstant() || !global.getInitialValue())
    return std::nullopt;
  auto values = dyn_cast<DenseIntElementsAttr>(*global.getInitialValue());
  if (!values || values.getNumElements() != 256 ||
      !values.getElementType().isInteger(8))
    return std::nullopt;
  ByteTable table;
  for (auto [entry, value] : llvm::zip_equal(table, values.getValues<APInt>()))
    entry = static_cast<uint8_t>(value.getZExtValue());
  return table;
}

/// The byte by which `load` reads its table, if it does.
static Value getTableIndex(memref::LoadOp load) {
  if (load.getIndices().size() != 1)
    return nullptr;
  auto cast = load.getIndices()[0].getDefiningOp<arith::IndexCastUIOp>();
  return cast && cast.getIn().getType().isInteger(8) ? cast.getIn() : nullptr;
}

std::optional<VectorBody> VectorBody::get(linalg::LinalgOp op, ShuffleSet set) {
  VectorBody body;
  body.block = op.getBlock();
  body.set = set;
  for (Operation &inner : body.block->without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      std::optional<ByteTable> table = getTable(load.getMemRef());
      if (!table || !getTableIndex(load))
        return std::nullopt;
      body.tables[&inner] = *table;
      continue;
    }
    if (auto cast = dyn_cast<arith::IndexCastUIOp>(inner)) {
      // Only on the way to a table.
      if (!llvm::all_of(cast->getUsers(), llvm::IsaPred<memref::LoadOp>))
        return std::nullopt;
      continue;
    }
    if (inner.getNumResults() != 1 || inner.getNumRegions() != 0 ||
        !inner.getResult(0).getType().isIntOrFloat() ||
        !(isa<arith::ConstantOp>(inner) ||
          OpTrait::hasElementwiseMappableTraits(&inner)))
      return std::nullopt;
    body.widest = std::max(
        body.widest, inner.getResult(0).getType().getIntOrFloatBitWidth());
  }
  for (BlockArgument argument : body.block->getArguments()) {
    if (!argument.getType().isIntOrFloat())
      return std::nullopt;
    if (!argument.use_empty())
      body.widest =
          std::max(body.widest, argument.getType().getIntOrFloatBitWidth());
  }
  return body;
}

Value VectorBody::emit(KernelEmitter &e, ValueRange inputs,
                       int64_t lanes) const {
  IRMapping mapping;
  for (auto [argument, input] : llvm::zip(block->getArguments(), inputs))
    mapping.map(argument, input);
  // What comes from outside of the body is the same in all lanes.
  auto use = [&](Value value) {
    if (mapping.contains(value))
      return;
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant)))
      mapping.map(value,
                  arith::ConstantOp::create(
                      e.b, DenseElementsAttr::get(e.vec(lanes, value.getType()),
                                                  constant)));
    else
      mapping.map(value, e.splat(value, lanes));
  };
  for (Operation &inner : block->without_terminator()) {
    if (isa<arith::ConstantOp, arith::IndexCastUIOp>(inner))
      continue;
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      Value index = getTableIndex(load);
      use(index);
      mapping.map(load.getResult(),
                  emitTableLookup(e, set, mapping.lookup(index),
                                  tables.find(&inner)->second));
      continue;
    }
    for (Value operand : inner.getOperands())
      use(operand);
    Operation *copy = e.b.clone(inner, mapping);
    Value result = copy->getResult(0);
    result.setType(e.vec(lanes, result.getType()));
  }
  Value yielded = block->getTerminator()->getOperand(0);
  use(yielded);
  return mapping.lookup(yielded);
}

Value VectorBody::emitScalar(KernelEmitter &e, ValueRange inputs) const {
  IRMapping mapping;
  for (auto [argument, input] : llvm::zip(block->getArguments(), inputs))
    mapping.map(argument, input);
  for (Operation &inner : block->without_terminator())
    e.b.clone(inner, mapping);
  return mapping.lookupOrDefault(block->getTerminator()->getOperand(0));
}
