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

memref::GlobalOp q::kernel::getTable(memref::LoadOp load) {
  auto get = load.getMemRef().getDefiningOp<memref::GetGlobalOp>();
  if (!get || load.getIndices().size() != 1)
    return nullptr;
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      get, get.getNameAttr());
  return global && global.getConstant() ? global : nullptr;
}

/// Whether `op` computes the place of an entry in a table. That is done for
/// each lane by itself, from integers that vectors hold.
static bool isAddressOp(Operation &op) {
  return isa<arith::ConstantOp, arith::IndexCastOp, arith::IndexCastUIOp,
             arith::AddIOp, arith::SubIOp>(op) &&
         op.getResult(0).getType().isIndex();
}

/// The integer by which `load` reads its table, if no arithmetic is between.
static Value getTableIndex(memref::LoadOp load) {
  auto cast = load.getIndices()[0].getDefiningOp<arith::IndexCastUIOp>();
  return cast ? cast.getIn() : nullptr;
}

/// The contents of a table of 256 bytes that is read by a byte.
static std::optional<ByteTable> getByteTable(memref::LoadOp load) {
  memref::GlobalOp global = getTable(load);
  auto values = dyn_cast_or_null<DenseIntElementsAttr>(
      global.getInitialValue().value_or(Attribute()));
  Value index = getTableIndex(load);
  if (!values || values.getNumElements() != 256 || !index ||
      !values.getElementType().isInteger(8) || !index.getType().isInteger(8))
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
      if (!getTable(load))
        return std::nullopt;
      if (std::optional<ByteTable> table = getByteTable(load))
        body.tables[&inner] = *table;
      else
        body.laneLoads = true;
      widen(load.getType());
      continue;
    }
    if (isAddressOp(inner)) {
      // Only on the way to a table.
      if (!llvm::all_of(inner.getUsers(), [](Operation *user) {
            return isa<memref::LoadOp>(user) || isAddressOp(*user);
          }))
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

bool VectorBody::isSum() const {
  BlockArgument sum = block->getArguments().back();
  auto add =
      block->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  return add && sum.hasOneUse() && *sum.user_begin() == add;
}

Value VectorBody::loadEach(KernelEmitter &e, memref::LoadOp load, int64_t lanes,
                           function_ref<Value(Value)> getVector) const {
  // What the place is computed from comes first, all lanes of it: LLVM then
  // loads single elements rather than taking a vector apart.
  SmallVector<Operation *> address;
  llvm::SetVector<Value> integers;
  auto visit = [&](Value value, auto &visit) -> void {
    Operation *op = value.getDefiningOp();
    if (!value.getType().isIndex()) {
      integers.insert(value);
    } else if (op && op->getBlock() == block &&
               !llvm::is_contained(address, op)) {
      for (Value operand : op->getOperands())
        visit(operand, visit);
      address.push_back(op);
    }
  };
  Value index = load.getIndices()[0];
  visit(index, visit);
  SmallVector<IRMapping> scalars(lanes);
  for (Value value : integers) {
    Value vector = getVector(value);
    for (int64_t lane = 0; lane < lanes; ++lane)
      scalars[lane].map(value, vector::ExtractOp::create(e.b, vector, lane));
  }
  Values entries;
  for (IRMapping &mapping : scalars) {
    for (Operation *op : address)
      e.b.clone(*op, mapping);
    entries.push_back(memref::LoadOp::create(e.b, load.getMemRef(),
                                             mapping.lookupOrDefault(index)));
  }
  return vector::FromElementsOp::create(e.b, e.vec(lanes, load.getType()),
                                        entries);
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
    if (isa<arith::ConstantOp>(inner) || isAddressOp(inner))
      continue;
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      auto getVector = [&](Value value) {
        use(value);
        return mapping.lookup(value);
      };
      auto table = tables.find(&inner);
      mapping.map(load.getResult(),
                  table == tables.end()
                      ? loadEach(e, load, lanes, getVector)
                      : emitTableLookup(e, set, getVector(getTableIndex(load)),
                                        table->second));
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
