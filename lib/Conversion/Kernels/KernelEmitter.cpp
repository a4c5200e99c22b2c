//===- KernelEmitter.cpp - Small words for writing loops ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/bit.h"

#include <numeric>

using namespace mlir;
using namespace q::kernel;

Value KernelEmitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value KernelEmitter::constant(int64_t value) {
  return arith::ConstantOp::create(
      b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value KernelEmitter::add(Value a, Value c) {
  return b.createOrFold<arith::AddIOp>(a, c);
}

Value KernelEmitter::add(Value a, int64_t c) {
  return c == 0 ? a : add(a, index(c));
}

Value KernelEmitter::mul(Value a, int64_t c) {
  return c == 1 ? a : b.createOrFold<arith::MulIOp>(a, index(c));
}

Value KernelEmitter::min(Value a, int64_t c) {
  return b.createOrFold<arith::MinSIOp>(a, index(c));
}

Value KernelEmitter::max(Value a, int64_t c) {
  return b.createOrFold<arith::MaxSIOp>(a, index(c));
}

VectorType KernelEmitter::vec(int64_t lanes, Type element) {
  return VectorType::get({lanes}, element);
}

Value KernelEmitter::load(Value buffer, Value offset, int64_t lanes) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  return vector::LoadOp::create(b, vec(lanes, element), buffer,
                                ValueRange{offset});
}

Value KernelEmitter::loadPlaces(Value buffer, Value offset,
                                ArrayRef<int64_t> places) {
  int64_t lanes = places.size();
  auto [lowest, highest] = std::minmax_element(places.begin(), places.end());
  int64_t first = *lowest, span = *highest - first + 1;
  int64_t length =
      std::min<int64_t>(lanes, llvm::bit_floor(static_cast<uint64_t>(span)));
  // As many vectors as the elements span; the last one reaches back.
  SmallVector<int64_t> starts;
  Values pieces;
  for (int64_t start = 0; start < span; start += length) {
    starts.push_back(std::min(start, span - length));
    pieces.push_back(load(buffer, add(offset, first + starts.back()), length));
  }
  SmallVector<int64_t> mask;
  for (int64_t place : places) {
    int64_t at = place - first, piece = at / length;
    mask.push_back(piece * length + at - starts[piece]);
  }
  if (pieces.size() == 1 && llvm::equal(mask, llvm::seq(lanes)))
    return pieces.front();
  return shuffle(concat(pieces), mask);
}

void KernelEmitter::store(Value vector, Value buffer, Value offset) {
  vector::StoreOp::create(b, vector, buffer, ValueRange{offset});
}

void KernelEmitter::prefetch(Value buffer, Value offset) {
  // Not through a memref: its element may be beyond the end.
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, buffer);
  int64_t bytes =
      cast<MemRefType>(buffer.getType()).getElementTypeBitWidth() / 8;
  Value at = arith::IndexCastOp::create(b, b.getI64Type(),
                                        add(start, mul(offset, bytes)));
  Value pointer = LLVM::IntToPtrOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()), at);
  LLVM::Prefetch::create(b, pointer, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

Value KernelEmitter::splat(int64_t value, int64_t lanes, Type element) {
  auto type = vec(lanes, element);
  unsigned width = element.getIntOrFloatBitWidth();
  auto bits = APInt(width, uint64_t(value), /*isSigned=*/true,
                    /*implicitTrunc=*/true);
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
}

Value KernelEmitter::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(b, vec(lanes, scalar.getType()), scalar);
}

Value KernelEmitter::extend(Value vector, Type element, bool isSigned) {
  auto type = vec(cast<VectorType>(vector.getType()).getNumElements(), element);
  if (isSigned)
    return arith::ExtSIOp::create(b, type, vector);
  return arith::ExtUIOp::create(b, type, vector);
}

Value KernelEmitter::shuffle(Value a, Value c, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, a, c, lanes);
}

Value KernelEmitter::shuffle(Value vector, ArrayRef<int64_t> lanes) {
  return shuffle(vector, vector, lanes);
}

Value KernelEmitter::slice(Value vector, int64_t first, int64_t count) {
  if (cast<VectorType>(vector.getType()).getNumElements() == count)
    return vector;
  SmallVector<int64_t> lanes(count);
  std::iota(lanes.begin(), lanes.end(), first);
  return shuffle(vector, vector, lanes);
}

Value KernelEmitter::concat(Value a, Value c) {
  int64_t count = cast<VectorType>(a.getType()).getNumElements() +
                  cast<VectorType>(c.getType()).getNumElements();
  SmallVector<int64_t> lanes(count);
  std::iota(lanes.begin(), lanes.end(), 0);
  return shuffle(a, c, lanes);
}

Value KernelEmitter::concat(Values vectors) {
  while (vectors.size() > 1) {
    Values pairs;
    // Operands of a shuffle are of one length: an odd one meets itself.
    for (size_t i = 0; i < vectors.size(); i += 2)
      pairs.push_back(
          concat(vectors[i], vectors[std::min(i + 1, vectors.size() - 1)]));
    vectors = std::move(pairs);
  }
  return vectors.front();
}

Value KernelEmitter::bitcast(Value vector, int64_t lanes, Type element) {
  return b.createOrFold<vector::BitCastOp>(vec(lanes, element), vector);
}

Value KernelEmitter::intrinsic(StringRef name, Type result,
                               ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value KernelEmitter::addPairs(MicroKernel kernel, Value sum, Value lhs,
                              Value rhs) {
  if (kernel == MicroKernel::Vpdpwssd512)
    return intrinsic("llvm.x86.avx512.vpdpwssd.512", sum.getType(),
                     {sum, lhs, rhs});
  if (kernel == MicroKernel::Vpdpwssd)
    return intrinsic("llvm.x86.avx512.vpdpwssd.256", sum.getType(),
                     {sum, lhs, rhs});
  Value products =
      intrinsic("llvm.x86.avx2.pmadd.wd", sum.getType(), {lhs, rhs});
  return arith::AddIOp::create(b, sum, products);
}

Value KernelEmitter::addByteProducts(Value sum, Value a, Value c) {
  Value products =
      intrinsic("llvm.aarch64.neon.smull.v8i16", vec(8, i16()), {a, c});
  return sum ? Value(arith::AddIOp::create(b, sum, products)) : products;
}

Value KernelEmitter::addDotProducts(MicroKernel kernel, Value sum,
                                    Value activations, Value weights) {
  // The unsigned factor comes first.
  if (kernel == MicroKernel::Usdot)
    return intrinsic("llvm.aarch64.neon.usdot.v4i32.v16i8", sum.getType(),
                     {sum, activations, weights});
  return intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", sum.getType(),
                   {sum, weights, activations});
}

void KernelEmitter::loop(int64_t count, function_ref<void(Value)> body) {
  loop(count, {}, [&](Value iv, Values) {
    body(iv);
    return Values();
  });
}

void KernelEmitter::loop(Value from, Value to, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, from, to, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Values KernelEmitter::loop(int64_t count, Values initial,
                           function_ref<Values(Value, Values)> body) {
  if (count <= 0)
    return initial;
  if (count == 1)
    return body(index(0), std::move(initial));
  return loop(index(count), std::move(initial), body);
}

Values KernelEmitter::loop(Value count, Values initial,
                           function_ref<Values(Value, Values)> body) {
  auto loop = scf::ForOp::create(b, index(0), count, index(1), initial);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values yielded = body(loop.getInductionVar(),
                          llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
    // A loop without carried values has its terminator already.
    if (!initial.empty()) {
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, yielded);
    }
  }
  return llvm::to_vector_of<Value>(loop.getResults());
}

void KernelEmitter::branch(Value condition, function_ref<void()> thenBody,
                           function_ref<void()> elseBody) {
  if (std::optional<int64_t> known = getConstantIntValue(condition))
    return *known ? thenBody() : elseBody();
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  thenBody();
  b.setInsertionPointToStart(op.elseBlock());
  elseBody();
}

Values KernelEmitter::branch(Value condition, ValueRange values,
                             function_ref<Values()> thenBody,
                             function_ref<Values()> elseBody) {
  if (std::optional<int64_t> known = getConstantIntValue(condition))
    return *known ? thenBody() : elseBody();
  auto op = scf::IfOp::create(b, values.getTypes(), condition,
                              /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(b, thenBody());
  b.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(b, elseBody());
  return llvm::to_vector_of<Value>(op.getResults());
}

void KernelEmitter::forPieces(int64_t length, int64_t lanes,
                              function_ref<void(Value, int64_t)> piece) {
  if (length <= 0)
    return;
  while (lanes > length)
    lanes /= 2;
  loop(length / lanes, [&](Value iv) { piece(mul(iv, lanes), lanes); });
  if (length % lanes)
    piece(index(length - lanes), lanes);
}

void KernelEmitter::fill(Value buffer, Value offset, int64_t length,
                         int64_t value) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  forPieces(length, 16, [&](Value at, int64_t lanes) {
    store(splat(value, lanes, element), buffer, add(offset, at));
  });
}
