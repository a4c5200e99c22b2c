//===- TableLookup.cpp - 256-entry tables in registers --------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TableLookup.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace q::kernel;

ShuffleSet q::kernel::getShuffleSet(StringRef target) {
  if (target == "neon" || target == "dotprod" || target == "i8mm")
    return ShuffleSet::Neon;
  return target == "avx512vnni" ? ShuffleSet::Avx512 : ShuffleSet::Ssse3ToAvx2;
}

/// A constant that repeats 16 bytes.
static Value repeat(KernelEmitter &e, ArrayRef<uint8_t> bytes, int64_t lanes) {
  SmallVector<APInt> values;
  for (int64_t i = 0; i < lanes; ++i)
    values.emplace_back(8, bytes[i % bytes.size()]);
  return arith::ConstantOp::create(
      e.b, DenseElementsAttr::get(e.vec(lanes, e.i8()), values));
}

Value q::kernel::emitByteShuffle(KernelEmitter &e, ShuffleSet set, Value table,
                                 Value indices) {
  int64_t lanes = cast<VectorType>(indices.getType()).getNumElements();
  StringRef shuffle = set == ShuffleSet::Neon ? "llvm.aarch64.neon.tbl1.v16i8"
                      : lanes == 64           ? "llvm.x86.avx512.pshuf.b.512"
                      : lanes == 32           ? "llvm.x86.avx2.pshuf.b"
                                              : "llvm.x86.ssse3.pshuf.b.128";
  return e.intrinsic(shuffle, table.getType(), {table, indices});
}

/// Sixteen entries at a time. A byte shuffle reads its table by the low four
/// bits of an index and gives 0 where bit 7 is set. Of an index below 128 and
/// the pieces T0 to T7 of the table, the xor of
///
///   shuffle(T0, x), shuffle(T0 ^ T1, x - 16), shuffle(T1 ^ T2, x - 32), ...
///
/// stops contributing where the index becomes negative, and so ends with the
/// right piece. An index from 128 on contributes from the step on that brings
/// it below 128. The steps from x - 128 on saturate, so that what was below 128
/// stays negative, and correct that.
static Value lookUpBySixteen(KernelEmitter &e, ShuffleSet set, Value x,
                             const ByteTable &table) {
  constexpr size_t size = 16;
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  VectorType type = e.vec(lanes, e.i8());
  auto piece = [&](size_t i) { return ArrayRef(table).slice(i * size, size); };
  Value result;
  int64_t at = 0; // how much x lies behind the index
  for (size_t i = 0; i < 16; ++i) {
    std::array<uint8_t, size> entries;
    for (size_t j = 0; j < size; ++j) {
      entries[j] = piece(i)[j];
      if (i > 0 && i != 8)
        entries[j] ^= piece(i - 1)[j];
      if (i == 8)
        entries[j] ^= piece(0)[j] ^ piece(7)[j];
      if (i > 8)
        entries[j] ^= piece(i - 8)[j] ^ piece(i - 9)[j];
    }
    if (llvm::all_of(entries, [](uint8_t entry) { return entry == 0; }))
      continue;
    int64_t wanted = 16 * static_cast<int64_t>(i);
    if (at < 128 && wanted >= 128) {
      x = arith::SubIOp::create(e.b, x, e.splat(128 - at, lanes, e.i8()));
      at = 128;
    }
    if (wanted > at) {
      Value step = e.splat(wanted - at, lanes, e.i8());
      x = at < 128 ? arith::SubIOp::create(e.b, x, step).getResult()
                   : LLVM::SSubSat::create(e.b, type, x, step).getResult();
      at = wanted;
    }
    Value found = emitByteShuffle(e, set, repeat(e, entries, lanes), x);
    result =
        result ? arith::XOrIOp::create(e.b, result, found).getResult() : found;
  }
  return result ? result : e.splat(0, lanes, e.i8());
}

/// 64 entries at a time: an index beyond them leaves the lane as it was.
static Value lookUpBySixtyFour(KernelEmitter &e, Value x,
                               const ByteTable &table) {
  constexpr int64_t lanes = 16;
  VectorType type = e.vec(lanes, e.i8());
  Value result;
  for (int64_t first = 0; first < 256; first += 64) {
    Values operands;
    if (result)
      operands.push_back(result);
    for (int64_t i = 0; i < 64; i += lanes)
      operands.push_back(
          repeat(e, ArrayRef(table).slice(first + i, lanes), lanes));
    if (first > 0)
      x = arith::SubIOp::create(e.b, x, e.splat(64, lanes, e.i8()));
    operands.push_back(x);
    result = e.intrinsic(result ? "llvm.aarch64.neon.tbx4.v16i8"
                                : "llvm.aarch64.neon.tbl4.v16i8",
                         type, operands);
  }
  return result;
}

Value q::kernel::emitTableLookup(KernelEmitter &e, ShuffleSet set,
                                 Value indices, const ByteTable &table) {
  int64_t lanes = cast<VectorType>(indices.getType()).getNumElements();
  int64_t most = set == ShuffleSet::Neon     ? 16
                 : set == ShuffleSet::Avx512 ? 64
                                             : 32;
  if (lanes > most) {
    Value result;
    for (int64_t first = 0; first < lanes; first += most) {
      Value piece =
          emitTableLookup(e, set, e.slice(indices, first, most), table);
      result = result ? e.concat(result, piece) : piece;
    }
    return result;
  }
  if (lanes < 16) {
    SmallVector<int64_t> widened(16, 0);
    std::iota(widened.begin(), widened.begin() + lanes, 0);
    Value wide = e.shuffle(indices, indices, widened);
    return e.slice(emitTableLookup(e, set, wide, table), 0, lanes);
  }
  if (set == ShuffleSet::Neon)
    return lookUpBySixtyFour(e, indices, table);
  return lookUpBySixteen(e, set, indices, table);
}
