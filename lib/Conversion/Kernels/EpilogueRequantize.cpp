//===- EpilogueRequantize.cpp - From sums to integers ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EpilogueRequantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace q::kernel;

void RequantizeEmitter::loadConstants(Value at) {
  if (spec.multipliers)
    multiplier = e.load(spec.multipliers, at, lanes);
  if (spec.form == Epilogue::Mixed && form == Epilogue::Float)
    multiplier = e.bitcast(multiplier, lanes, b.getF32Type());
  if (spec.shifts)
    shift =
        e.extend(e.load(spec.shifts, at, lanes), e.i32(), /*isSigned=*/true);
}

Value RequantizeEmitter::requantize(Value acc) {
  switch (form) {
  case Epilogue::Mixed:
  case Epilogue::Float:
    return requantizeFloat(acc);
  case Epilogue::Pow2:
    return shiftRight(acc, shift, spec.tiesAway);
  case Epilogue::Fixed64:
  case Epilogue::Fixed64Any:
    if (spec.isX86)
      return requantizeFixed64X86(acc, form == Epilogue::Fixed64);
    if (form == Epilogue::Fixed64 && !spec.tiesAway)
      return requantizeFixed64Neon(acc);
    return wide(acc, [&](Value x, Value m, Value s) {
      return requantizeFixed64(x, m, s);
    });
  case Epilogue::Gemmlowp:
    return requantizeGemmlowp(acc);
  }
  return acc;
}

Value RequantizeEmitter::requantizeFloat(Value acc) {
  auto floats = e.vec(lanes, b.getF32Type());
  constexpr int64_t magic = 12582912; // 1.5 * 2^23
  constexpr int64_t magicBits = 0x4B400000;
  Value offset = e.constant(magic);
  if (addsZeroPoint())
    offset = e.add(offset, spec.outputValues.zeroPoint);
  offset = e.splat(
      arith::SIToFPOp::create(b, b.getF32Type(), offset).getResult(), lanes);
  Value sum = vector::FMAOp::create(b, arith::SIToFPOp::create(b, floats, acc),
                                    multiplier, offset);
  return arith::SubIOp::create(b, e.bitcast(sum, lanes, e.i32()),
                               e.splat(magicBits, lanes, e.i32()));
}

Value RequantizeEmitter::shiftRight(Value x, Value amounts, bool tiesAway) {
  if (!spec.isX86) {
    Value left = arith::SubIOp::create(b, e.splat(0, lanes, e.i32()), amounts);
    if (tiesAway) {
      // -1 below zero, but for shifts of 0, which leave values as they are.
      Value sign = arith::ShRSIOp::create(b, arith::AndIOp::create(b, x, left),
                                          e.splat(31, lanes, e.i32()));
      x = arith::AddIOp::create(b, x, sign);
    }
    return shiftRounding(x, left);
  }
  // 2^s >> 1 is 0 for s = 0.
  Value half = arith::ShRUIOp::create(
      b, arith::ShLIOp::create(b, e.splat(1, lanes, e.i32()), amounts),
      e.splat(1, lanes, e.i32()));
  Value sum = arith::AddIOp::create(b, x, half);
  if (tiesAway) {
    Value sign = arith::ShRSIOp::create(b, x, e.splat(31, lanes, e.i32()));
    if (form == Epilogue::Gemmlowp) {
      // Where s = 0 the value must stay as it is.
      Value rounds = arith::SubIOp::create(
          b, e.splat(0, lanes, e.i32()),
          arith::MinUIOp::create(b, amounts, e.splat(1, lanes, e.i32())));
      sign = arith::AndIOp::create(b, sign, rounds);
    }
    sum = arith::AddIOp::create(b, sum, sign);
  }
  return arith::ShRSIOp::create(b, sum, amounts);
}

Value RequantizeEmitter::shiftRounding(Value x, Value amounts) {
  return neon("srshl", x, amounts);
}

Value RequantizeEmitter::requantizeFixed64Neon(Value acc) {
  Value left = arith::SubIOp::create(b, e.splat(31, lanes, e.i32()), shift);
  return shiftRounding(neon("sqdmulh", acc, multiplier), left);
}

Value RequantizeEmitter::requantizeFixed64(Value x, Value m, Value s) {
  Value product = arith::MulIOp::create(b, x, m);
  return arith::ShRSIOp::create(b, addHalf(product, s), s);
}

Value RequantizeEmitter::addHalf(Value product, Value s) {
  int64_t n = cast<VectorType>(product.getType()).getNumElements();
  auto constant = [&](int64_t value) { return e.splat(value, n, e.i64()); };
  Value half = arith::ShRUIOp::create(
      b, arith::ShLIOp::create(b, constant(1), s), constant(1));
  Value sum = arith::AddIOp::create(b, product, half);
  if (!spec.tiesAway)
    return sum;
  return arith::AddIOp::create(
      b, sum, arith::ShRSIOp::create(b, product, constant(63)));
}

Value RequantizeEmitter::requantizeFixed64X86(Value acc, bool isHigh) {
  int64_t half = lanes / 2;
  auto constant = [&](int64_t value) { return e.splat(value, half, e.i64()); };
  // There is an arithmetic shift in AVX-512.
  Value offset = lanes == 16 ? Value() : constant(int64_t(1) << 62);
  auto shiftRight = [&](Value x, Value by) -> Value {
    if (offset)
      return arith::ShRUIOp::create(b, x, by);
    return arith::ShRSIOp::create(b, x, by);
  };
  auto sum = [&](Value x, Value m, Value s) -> Value {
    Value product = arith::MulIOp::create(b, x, m);
    // The constants first: they do not depend on the tile.
    Value start = arith::ShRUIOp::create(
        b, arith::ShLIOp::create(b, constant(1), s), constant(1));
    if (offset)
      start = arith::AddIOp::create(b, start, offset);
    if (spec.tiesAway)
      product = arith::AddIOp::create(
          b, product, arith::ShRSIOp::create(b, product, constant(63)));
    return arith::AddIOp::create(b, product, start);
  };
  // Shifts are positive, so that zeros extend them.
  Value shifts = e.bitcast(shift, half, e.i64());
  Value evenShift =
      arith::AndIOp::create(b, shifts, constant(0xffffffff)).getResult();
  Value oddShift = arith::ShRUIOp::create(b, shifts, constant(32)).getResult();
  Value evens =
      shiftRight(sum(even(acc), even(multiplier), evenShift), evenShift);
  Value odds = sum(odd(acc), odd(multiplier), oddShift);
  if (isHigh)
    odds = shiftRight(odds, arith::SubIOp::create(b, oddShift, constant(32)));
  else
    odds = arith::ShLIOp::create(b, shiftRight(odds, oddShift), constant(32));
  Value joined = join(evens, odds);
  if (!offset)
    return joined;
  Value offsets =
      join(arith::ShRUIOp::create(b, offset, evenShift),
           arith::ShLIOp::create(b, arith::ShRUIOp::create(b, offset, oddShift),
                                 constant(32)));
  return arith::SubIOp::create(b, joined, offsets);
}

Value RequantizeEmitter::even(Value v) {
  Value thirtyTwo = e.splat(32, lanes / 2, e.i64());
  Value up =
      arith::ShLIOp::create(b, e.bitcast(v, lanes / 2, e.i64()), thirtyTwo);
  return arith::ShRSIOp::create(b, up, thirtyTwo);
}

Value RequantizeEmitter::odd(Value v) {
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < lanes; ++lane)
    order.push_back(lane | 1);
  return even(e.shuffle(v, v, order));
}

Value RequantizeEmitter::join(Value evens, Value odds) {
  Value first = e.bitcast(evens, lanes, e.i32());
  Value second = e.bitcast(odds, lanes, e.i32());
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < lanes; ++lane)
    order.push_back(lane % 2 ? lanes + lane : lane);
  return e.shuffle(first, second, order);
}

Value RequantizeEmitter::requantizeGemmlowp(Value acc) {
  Value zero = e.splat(0, lanes, e.i32());
  Value left =
      arith::MaxSIOp::create(b, arith::SubIOp::create(b, zero, shift), zero);
  Value right = arith::MaxSIOp::create(b, shift, zero);
  acc = arith::ShLIOp::create(b, acc, left);
  if (!spec.isX86)
    return shiftRight(neon("sqrdmulh", acc, multiplier), right,
                      /*tiesAway=*/true);
  Value high = wide(acc, [&](Value x, Value m, Value) {
    int64_t n = cast<VectorType>(x.getType()).getNumElements();
    Value product = arith::MulIOp::create(b, x, m);
    Value sum = arith::AddIOp::create(b, product,
                                      e.splat(int64_t(1) << 30, n, e.i64()));
    return arith::ShRUIOp::create(b, sum, e.splat(31, n, e.i64())).getResult();
  });
  return shiftRight(high, right, /*tiesAway=*/true);
}

Value RequantizeEmitter::wide(
    Value acc, function_ref<Value(Value x, Value m, Value s)> compute) {
  if (!spec.isX86) {
    auto part = [&](int64_t first) {
      auto widen = [&](Value v) {
        return e.extend(e.slice(v, first, lanes / 2), e.i64(), true);
      };
      Value result = compute(widen(acc), widen(multiplier), widen(shift));
      return arith::TruncIOp::create(b, e.vec(lanes / 2, e.i32()), result)
          .getResult();
    };
    return e.concat(part(0), part(lanes / 2));
  }
  Value evens = compute(even(acc), even(multiplier), even(shift));
  Value odds = compute(odd(acc), odd(multiplier), odd(shift));
  return join(evens,
              arith::ShLIOp::create(b, odds, e.splat(32, lanes / 2, e.i64())));
}

Value RequantizeEmitter::neon(StringRef name, Value a, Value c) {
  std::string full = ("llvm.aarch64.neon." + name + ".v4i32").str();
  Values results;
  for (int64_t first = 0; first < lanes; first += 4)
    results.push_back(e.intrinsic(
        full, e.vec(4, e.i32()), {e.slice(a, first, 4), e.slice(c, first, 4)}));
  return e.concat(results);
}
