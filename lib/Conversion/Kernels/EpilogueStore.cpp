//===- EpilogueStore.cpp - From integers to stored bytes ------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EpilogueStore.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace q::kernel;

/// Packs work inside of quarters of a vector, so that every fourth 32-bit word
/// belongs to the same vector of accumulators.
void StoreEmitter::storeWide(int64_t first, const Values &results) {
  auto resultAt = [&](size_t i) {
    return results[std::min(i, results.size() - 1)];
  };
  auto halves = [&](size_t i) {
    return addZeroPoint(e.intrinsic("llvm.x86.avx512.packssdw.512",
                                    e.vec(2 * lanes, e.i16()),
                                    {resultAt(i), resultAt(i + 1)}));
  };
  bool isSigned = spec.output.getIsSigned();
  Value low = halves(0);
  Value bytes = e.intrinsic(isSigned ? "llvm.x86.avx512.packsswb.512"
                                     : "llvm.x86.avx512.packuswb.512",
                            e.vec(4 * lanes, e.i8()),
                            {low, results.size() > 2 ? halves(2) : low});
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < lanes; ++i)
    order.push_back(i % 4 * 4 + i / 4);
  Value words = e.bitcast(bytes, lanes, e.i32());
  bytes = e.bitcast(e.shuffle(words, words, order), 4 * lanes, e.i8());
  bytes = clamp(bytes);
  // Vectors of one pixel lie side by side.
  for (int64_t i = 0, end = results.size(); i < end;) {
    int64_t pixel = (first + i) / tile.vectors;
    int64_t vector = (first + i) % tile.vectors;
    int64_t run = std::min(tile.vectors - vector, end - i);
    run = run == 3 ? 2 : run;
    Value part = boundChannels(e.slice(bytes, i * lanes, run * lanes),
                               vector * lanes, run * lanes);
    e.store(part, spec.outputBuffer,
            e.add(tile.outputAt[pixel], vector * lanes));
    i += run;
  }
}

void StoreEmitter::store(ArrayRef<Values> results) {
  int64_t width = tile.vectors * lanes, pixels = results.size();
  for (int64_t at = 0; at < width; at += tile.chunkAt(at, lanes)) {
    int64_t chunk = tile.chunkAt(at, lanes);
    if (spec.isX86 && chunk == lanes) {
      storeEights(results, at);
      continue;
    }
    for (int64_t p = 0; p < pixels; ++p) {
      ArrayRef<Value> values =
          ArrayRef<Value>(results[p]).slice(at / lanes, chunk / lanes);
      Value halves = addZeroPoint(toHalves(values));
      // Two pixels share one lane-wise pack.
      if (spec.isX86 && chunk == 16 && p + 1 < pixels) {
        ArrayRef<Value> next =
            ArrayRef<Value>(results[p + 1]).slice(at / lanes, chunk / lanes);
        Value both = e.intrinsic(packName(true), e.vec(32, e.i8()),
                                 {halves, addZeroPoint(toHalves(next))});
        // Undo the lane-wise order in quadwords.
        Value quads = e.bitcast(both, 4, e.i64());
        Value natural =
            e.bitcast(e.shuffle(quads, quads, {0, 2, 1, 3}), 32, e.i8());
        natural = boundChannels(clamp(natural), at, chunk);
        storeBytes(e.slice(natural, 0, 16), p, at);
        storeBytes(e.slice(natural, 16, 16), p + 1, at);
        ++p;
        continue;
      }
      storeBytes(boundChannels(clamp(toBytes(halves)), at, chunk), p, at);
    }
  }
}

void StoreEmitter::storeEights(ArrayRef<Values> results, int64_t at) {
  constexpr int64_t most = 4;
  for (int64_t first = 0; first < int64_t(results.size()); first += most) {
    int64_t here = std::min<int64_t>(most, results.size() - first);
    auto valueAt = [&](int64_t i) {
      return results[first + std::min(i, here - 1)][at / lanes];
    };
    auto halves = [&](int64_t i) {
      return addZeroPoint(e.intrinsic("llvm.x86.avx2.packssdw",
                                      e.vec(16, e.i16()),
                                      {valueAt(i), valueAt(i + 1)}));
    };
    Value low = halves(0);
    Value bytes = e.intrinsic(packName(true), e.vec(32, e.i8()),
                              {low, here > 2 ? halves(2) : low});
    // Undo the lane-wise order in words of four channels.
    Value words = e.bitcast(bytes, 8, e.i32());
    bytes = e.bitcast(e.shuffle(words, words, {0, 4, 1, 5, 2, 6, 3, 7}), 32,
                      e.i8());
    bytes = boundChannels(clamp(bytes), at, 8);
    for (int64_t i = 0; i < here; ++i)
      storeBytes(e.slice(bytes, i * 8, 8), first + i, at);
  }
}

Value StoreEmitter::toHalves(ArrayRef<Value> values) {
  if (!spec.isX86) {
    Values narrowed;
    for (Value value : values)
      for (int64_t first = 0; first < lanes; first += 4)
        narrowed.push_back(e.intrinsic("llvm.aarch64.neon.sqxtn.v4i16",
                                       e.vec(4, e.i16()),
                                       {e.slice(value, first, 4)}));
    return e.concat(narrowed);
  }
  return e.intrinsic("llvm.x86.avx2.packssdw", e.vec(16, e.i16()),
                     {values[0], values[1]});
}

Value StoreEmitter::addZeroPoint(Value halves) {
  if (!addsZeroPoint)
    return halves;
  auto type = cast<VectorType>(halves.getType());
  int64_t n = type.getNumElements();
  return e.intrinsic(
      "llvm.sadd.sat.v" + std::to_string(n) + "i16", type,
      {halves, e.splat(narrow(spec.outputValues.zeroPoint, e.i16()), n)});
}

Value StoreEmitter::narrow(Value number, Type type) {
  return b.createOrFold<arith::TruncIOp>(type, number);
}

std::string StoreEmitter::packName(bool is256) const {
  bool isSigned = spec.output.getIsSigned();
  std::string name = isSigned ? "packsswb" : "packuswb";
  return is256 ? "llvm.x86.avx2." + name : "llvm.x86.sse2." + name + ".128";
}

Value StoreEmitter::toBytes(Value halves) {
  if (spec.isX86)
    return e.intrinsic(packName(false), e.vec(16, e.i8()),
                       {e.slice(halves, 0, 8), e.slice(halves, 8, 8)});
  int64_t n = cast<VectorType>(halves.getType()).getNumElements();
  StringRef name = spec.output.getIsSigned() ? "llvm.aarch64.neon.sqxtn.v8i8"
                                             : "llvm.aarch64.neon.sqxtun.v8i8";
  auto narrow = [&](int64_t first) {
    return e.intrinsic(name, e.vec(8, e.i8()), {e.slice(halves, first, 8)});
  };
  return n == 16 ? e.concat(narrow(0), narrow(8)) : narrow(0);
}

Value StoreEmitter::clamp(Value bytes) {
  auto [hasLo, hasHi] = getClampedEnds(spec.output);
  bool isSigned = spec.output.getIsSigned();
  int64_t n = cast<VectorType>(bytes.getType()).getNumElements();
  if (hasLo) {
    Value bound = e.splat(narrow(spec.outputValues.lo, e.i8()), n);
    bytes = isSigned ? b.createOrFold<arith::MaxSIOp>(bytes, bound)
                     : b.createOrFold<arith::MaxUIOp>(bytes, bound);
  }
  if (hasHi && !spec.channelMax) {
    Value bound = e.splat(narrow(spec.outputValues.hi, e.i8()), n);
    bytes = isSigned ? b.createOrFold<arith::MinSIOp>(bytes, bound)
                     : b.createOrFold<arith::MinUIOp>(bytes, bound);
  }
  return bytes;
}

Value StoreEmitter::boundChannels(Value bytes, int64_t channel, int64_t count) {
  if (!spec.channelMax)
    return bytes;
  SmallVector<int64_t> order;
  for (int64_t i = 0, n = cast<VectorType>(bytes.getType()).getNumElements();
       i < n; ++i)
    order.push_back(i % count);
  Value bounds =
      e.load(spec.channelMax, e.add(tile.constantsAt, channel), count);
  bounds = e.shuffle(bounds, order);
  if (spec.output.getIsSigned())
    return arith::MinSIOp::create(b, bytes, bounds);
  return arith::MinUIOp::create(b, bytes, bounds);
}

void StoreEmitter::storeBytes(Value bytes, int64_t pixel, int64_t at) {
  Value to = e.add(tile.outputAt[pixel], at);
  int64_t n = cast<VectorType>(bytes.getType()).getNumElements();
  if (tile.channels - at >= n)
    return e.store(bytes, spec.outputBuffer, to);
  // Fewer than 8 channels: one by one.
  for (int64_t i = 0; i < tile.channels - at; ++i) {
    Value byte = vector::ExtractOp::create(b, bytes, ArrayRef<int64_t>{i});
    memref::StoreOp::create(b, byte, spec.outputBuffer,
                            ValueRange{e.add(to, i)});
  }
}
