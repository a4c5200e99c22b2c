//===- VectorBody.cpp - The body of an elementwise op on vectors ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace q::kernel;

/// The constant buffer that `load` reads at one place.
static memref::GlobalOp getTable(memref::LoadOp load) {
  auto get = load.getMemRef().getDefiningOp<memref::GetGlobalOp>();
  if (!get || load.getIndices().size() != 1)
    return nullptr;
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      get, get.getNameAttr());
  return global && global.getConstant() ? global : nullptr;
}

/// The integer by which `load` reads its table, if it does.
static Value getTableIndex(memref::LoadOp load) {
  auto cast = load.getIndices()[0].getDefiningOp<arith::IndexCastUIOp>();
  return cast ? cast.getIn() : nullptr;
}

/// The contents of a table of 256 bytes that is read by a byte.
static std::optional<ByteTable> getByteTable(memref::LoadOp load) {
  memref::GlobalOp global = getTable(load);
  auto values = dyn_cast_or_null<DenseIntElementsAttr>(
      global.getInitialValue().value_or(Attribute()));
  if (!values || values.getNumElements() != 256 ||
      !values.getElementType().isInteger(8) ||
      !getTableIndex(load).getType().isInteger(8))
    return std::nullopt;
  ByteTable table;
  for (auto [entry, value] : llvm::zip_equal(table, values.getValues<APInt>()))
    entry = static_cast<uint8_t>(value.getZExtValue());
  return table;
}

std::optional<VectorBody> VectorBody::get(linalg::LinalgOp op, ShuffleSet set) {
  VectorBody body;
  body.block = op.getBlock();
  body.set = set;
  auto widen = [&](Type type) {
    body.widest = std::max(body.widest, type.getIntOrFloatBitWidth());
  };
  for (Operation &inner : body.block->without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      if (!getTable(load) || !getTableIndex(load))
        return std::nullopt;
      if (std::optional<ByteTable> table = getByteTable(load))
        body.tables[&inner] = *table;
      widen(load.getType());
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
    widen(inner.getResult(0).getType());
  }
  for (BlockArgument argument : body.block->getArguments()) {
    if (!argument.getType().isIntOrFloat())
      return std::nullopt;
    if (!argument.use_empty())
      widen(argument.getType());
  }
  return body;
}

/// One load a lane: the processors that have an instruction for it are no
/// faster with it.
static Value loadEach(KernelEmitter &e, Value table, Value indices) {
  auto type = cast<VectorType>(indices.getType());
  Values entries;
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
    Value index = vector::ExtractOp::create(e.b, indices, lane);
    Value at = arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), index);
    entries.push_back(memref::LoadOp::create(e.b, table, at));
  }
  return vector::FromElementsOp::create(
      e.b, e.vec(type.getNumElements(), entries.front().getType()), entries);
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
      auto table = tables.find(&inner);
      mapping.map(
          load.getResult(),
          table == tables.end()
              ? loadEach(e, load.getMemRef(), mapping.lookup(index))
              : emitTableLookup(e, set, mapping.lookup(index), table->second));
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
