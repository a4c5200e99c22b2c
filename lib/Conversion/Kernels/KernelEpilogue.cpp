//===- KernelEpilogue.cpp - From accumulators to stored bytes -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEpilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace q::kernel;

namespace {

class EpilogueWriter {
public:
  EpilogueWriter(KernelEmitter &e, const EpilogueSpec &spec,
                 const EpilogueTile &tile)
      : e(e), b(e.b), spec(spec), tile(tile), lanes(spec.traits.lanes),
        type(e.vec(lanes, e.i32())), form(spec.form) {}

  void write(Values accumulators) {
    if (spec.form != Epilogue::Mixed)
      return writeAs(spec.form, accumulators);
    // A panel whose first shift is 0 has proven float multipliers.
    Value first =
        memref::LoadOp::create(b, spec.shifts, ValueRange{tile.constantsAt});
    Value isFloat = arith::CmpIOp::create(
        b, arith::CmpIPredicate::eq, first,
        arith::ConstantOp::create(b, b.getI8IntegerAttr(0)));
    e.branch(
        isFloat, [&]() { writeAs(Epilogue::Float, accumulators); },
        [&]() { writeAs(Epilogue::Fixed64, accumulators); });
  }

private:
  void writeAs(Epilogue as, const Values &accumulators) {
    form = as;
    if (isWide())
      return writeWide(accumulators);
    int64_t pixels = tile.outputAt.size();
    SmallVector<Values> results(pixels);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      loadConstants(v);
      for (int64_t p = 0; p < pixels; ++p)
        results[p].push_back(requantize(accumulators[p * tile.vectors + v]));
    }
    if (spec.residual)
      for (int64_t p = 0; p < pixels; ++p)
        addResidual(p, results[p]);
    store(results);
  }

  //===--- Requantization
  //--------------------------------------------------===//

  void loadConstants(int64_t vector) {
    Value at = e.add(tile.constantsAt, vector * lanes);
    if (spec.multipliers)
      multiplier = e.load(spec.multipliers, at, lanes);
    if (spec.form == Epilogue::Mixed && form == Epilogue::Float)
      multiplier = e.bitcast(multiplier, lanes, b.getF32Type());
    if (spec.shifts)
      shift =
          e.extend(e.load(spec.shifts, at, lanes), e.i32(), /*isSigned=*/true);
  }

  Value requantize(Value acc) {
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
      return wide(acc, [&](Value x, Value m, Value s) {
        return requantizeFixed64(x, m, s);
      });
    case Epilogue::Gemmlowp:
      return requantizeGemmlowp(acc);
    }
    return acc;
  }

  /// The low mantissa bits of fma(float32(acc), multiplier, 1.5 * 2^23 + zp):
  /// one rounding of the exact product. The multiplier was chosen so that this
  /// is rule N10 for every accumulator.
  Value requantizeFloat(Value acc) {
    auto floats = e.vec(lanes, b.getF32Type());
    constexpr int64_t magic = 12582912; // 1.5 * 2^23
    constexpr int64_t magicBits = 0x4B400000;
    Value offset = scalar(magic);
    if (addsZeroPoint())
      offset = e.add(offset, spec.outputValues.zeroPoint);
    offset = e.splat(
        arith::SIToFPOp::create(b, b.getF32Type(), offset).getResult(), lanes);
    Value sum = vector::FMAOp::create(
        b, arith::SIToFPOp::create(b, floats, acc), multiplier, offset);
    return arith::SubIOp::create(b, e.bitcast(sum, lanes, e.i32()),
                                 constant(magicBits));
  }

  /// Whether requantization adds the zero point on the way.
  bool addsZeroPoint() const {
    return form == Epilogue::Float && !spec.residual;
  }

  /// (x + 2^(s-1) - (x < 0)) >> s in int32; without the middle term ties go
  /// upward. `amounts` may be 0, which is no shift and no rounding.
  Value shiftRight(Value x, Value amounts, bool tiesAway) {
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

  /// The exact 64-bit product, one rounding: (x * m + 2^(s-1)) >> s.
  Value requantizeFixed64(Value x, Value m, Value s) {
    Value product = arith::MulIOp::create(b, x, m);
    return arith::ShRSIOp::create(b, addHalf(product, s), s);
  }

  /// product + 2^(s-1), and - 1 below zero where ties go away from zero.
  Value addHalf(Value product, Value s) {
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

  /// The same on x86, which multiplies the even lanes of a vector (vpmuldq)
  /// and has no arithmetic 64-bit shift: 2^62 makes the sum positive and is
  /// taken off again behind a logical shift, of which it is a multiple. With
  /// shifts of 32 and more (`isHigh`), the odd results are shifted right into
  /// the upper halves, where they belong.
  Value requantizeFixed64X86(Value acc, bool isHigh) {
    int64_t half = lanes / 2;
    auto constant = [&](int64_t value) {
      return e.splat(value, half, e.i64());
    };
    // There is an arithmetic shift in AVX-512.
    Value offset = isWide() ? Value() : constant(int64_t(1) << 62);
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
    Value oddShift =
        arith::ShRUIOp::create(b, shifts, constant(32)).getResult();
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
             arith::ShLIOp::create(
                 b, arith::ShRUIOp::create(b, offset, oddShift), constant(32)));
    return arith::SubIOp::create(b, joined, offsets);
  }

  //===--- Even and odd lanes of x86
  //---------------------------------------===//

  Value even(Value v) {
    Value thirtyTwo = e.splat(32, lanes / 2, e.i64());
    Value up =
        arith::ShLIOp::create(b, e.bitcast(v, lanes / 2, e.i64()), thirtyTwo);
    return arith::ShRSIOp::create(b, up, thirtyTwo);
  }

  /// Moved to the even lanes first: where the extension is computed outside of
  /// a loop, LLVM knows vpmuldq only by the form that even() has.
  Value odd(Value v) {
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < lanes; ++lane)
      order.push_back(lane | 1);
    return even(e.shuffle(v, v, order));
  }

  /// The low halves of `evens` and the high halves of `odds`.
  Value join(Value evens, Value odds) {
    Value first = e.bitcast(evens, lanes, e.i32());
    Value second = e.bitcast(odds, lanes, e.i32());
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < lanes; ++lane)
      order.push_back(lane % 2 ? lanes + lane : lane);
    return e.shuffle(first, second, order);
  }

  /// SQRDMULH, then a rounding shift. gemmlowp's nudge and truncation come to
  /// (2^30 + product) >> 31 for both signs.
  Value requantizeGemmlowp(Value acc) {
    Value zero = e.splat(0, lanes, e.i32());
    Value left =
        arith::MaxSIOp::create(b, arith::SubIOp::create(b, zero, shift), zero);
    Value right = arith::MaxSIOp::create(b, shift, zero);
    acc = arith::ShLIOp::create(b, acc, left);
    Value high = wide(acc, [&](Value x, Value m, Value) {
      int64_t n = cast<VectorType>(x.getType()).getNumElements();
      Value product = arith::MulIOp::create(b, x, m);
      Value sum = arith::AddIOp::create(b, product,
                                        e.splat(int64_t(1) << 30, n, e.i64()));
      return arith::ShRUIOp::create(b, sum, e.splat(31, n, e.i64()))
          .getResult();
    });
    return shiftRight(high, right, /*tiesAway=*/true);
  }

  /// Computes in int64 and keeps the low halves. x86 multiplies the even lanes
  /// of a vector, so there even and odd lanes are the two halves.
  Value wide(Value acc,
             function_ref<Value(Value x, Value m, Value s)> compute) {
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
    return join(
        evens, arith::ShLIOp::create(b, odds, e.splat(32, lanes / 2, e.i64())));
  }

  //===--- Residual
  //--------------------------------------------------------===//

  int64_t channelOf(int64_t vector, int64_t lane) const {
    if (spec.traits.permutesPanel && vector / 2 * 2 + 1 < tile.vectors)
      return (vector / 2) * 16 + (lane / 4) * 8 + (vector % 2) * 4 + lane % 4;
    return vector * lanes + lane;
  }

  /// Rule N12 for one vector of sums and one of operands.
  Value addResidual(Value value, Value other) {
    const ResidualValues &numbers = spec.residualValues;
    const StorageValues &middle = numbers.intermediate;
    Value lo = splat(sub(middle.lo, middle.zeroPoint));
    Value hi = splat(sub(middle.hi, middle.zeroPoint));
    Value k1 = splat(numbers.k1), k2 = splat(numbers.k2);
    Value offset =
        splat(sub(scalar(0), b.createOrFold<arith::MulIOp>(
                                 numbers.storage.zeroPoint, numbers.k2)));
    Value bits = splat(numbers.shift);
    Value half = splat(b.createOrFold<arith::ShLIOp>(
        scalar(1), sub(numbers.shift, scalar(1))));
    // The intermediate result minus its zero point, within its storage.
    value = arith::MaxSIOp::create(b, value, lo);
    value = arith::MinSIOp::create(b, value, hi);
    // Sums wrap: only the whole one need fit.
    Value first = arith::MulIOp::create(b, value, k1);
    Value second = arith::MulIOp::create(b, other, k2);
    Value sum = arith::AddIOp::create(b, first, second);
    auto shift = static_cast<CodeShift>(spec.residual.getShift());
    if (shift == CodeShift::Upward) {
      Value start = arith::AddIOp::create(b, offset, half);
      return arith::ShRSIOp::create(b, arith::AddIOp::create(b, sum, start),
                                    bits);
    }
    sum = arith::AddIOp::create(b, sum, offset);
    if (shift == CodeShift::None)
      return sum;
    Value sign = arith::ShRSIOp::create(b, sum, constant(31));
    sum = arith::AddIOp::create(b, sum, half);
    sum = arith::AddIOp::create(b, sum, sign);
    return arith::ShRSIOp::create(b, sum, bits);
  }

  void addResidual(int64_t pixel, Values &values) {
    bool isSigned = spec.residual.getStorage().getIsSigned();
    Values bytes;
    for (int64_t at = 0; at < tile.channels; at += chunkAt(at))
      bytes.push_back(loadResidual(pixel, at));
    for (auto [v, value] : llvm::enumerate(values)) {
      SmallVector<int64_t> from;
      int64_t chunk = channelOf(v, 0) / 16;
      for (int64_t lane = 0; lane < lanes; ++lane)
        from.push_back(channelOf(v, lane) - chunk * 16);
      Value other = e.extend(e.shuffle(bytes[chunk], bytes[chunk], from),
                             e.i32(), isSigned);
      value = addResidual(value, other);
    }
  }

  /// Bytes [at, at + 16), or + 8 for a last half chunk, of a pixel's residual.
  Value loadResidual(int64_t pixel, int64_t at) {
    Value from = e.add(tile.residualAt[pixel], at);
    int64_t exist = std::min(tile.channels - at, chunkAt(at));
    if (exist >= 8)
      return e.load(spec.residualBuffer, from, exist);
    Value all = e.splat(0, 8, e.i8());
    for (int64_t i = 0; i < exist; ++i) {
      Value byte = memref::LoadOp::create(b, spec.residualBuffer,
                                          ValueRange{e.add(from, i)});
      all = vector::InsertOp::create(b, byte, all, ArrayRef<int64_t>{i});
    }
    return all;
  }

  /// Panels are stored 16 channels at a time, and a last 8.
  int64_t chunkAt(int64_t channel) const {
    return tile.vectors * lanes - channel >= 16 ? 16 : 8;
  }

  //===--- Vectors of 512 bits
  //---------------------------------------------===//

  bool isWide() const { return spec.isX86 && lanes == 16; }

  /// Four vectors at a time, from sums to stored bytes, so that their registers
  /// are free again.
  void writeWide(const Values &accumulators) {
    constexpr int64_t most = 4;
    int64_t count = accumulators.size();
    for (int64_t first = 0; first < count; first += most) {
      int64_t here = std::min(most, count - first);
      Values results;
      for (int64_t i = first; i < first + here; ++i) {
        loadConstants(i % tile.vectors);
        results.push_back(requantize(accumulators[i]));
        if (spec.residual)
          results.back() =
              addResidual(results.back(), i / tile.vectors, i % tile.vectors);
      }
      storeWide(first, results);
    }
  }

  Value addResidual(Value value, int64_t pixel, int64_t vector) {
    bool isSigned = spec.residual.getStorage().getIsSigned();
    Value from = e.add(tile.residualAt[pixel], vector * lanes);
    Value other = e.load(spec.residualBuffer, from, lanes);
    return addResidual(value, e.extend(other, e.i32(), isSigned));
  }

  /// Up to four vectors of 16 channels, from the one of index `first` on. Packs
  /// work inside of quarters of a vector, so that every fourth 32-bit word
  /// belongs to the same vector of accumulators.
  void storeWide(int64_t first, const Values &results) {
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
      e.store(e.slice(bytes, i * lanes, run * lanes), spec.outputBuffer,
              e.add(tile.outputAt[pixel], vector * lanes));
      i += run;
    }
  }

  //===--- Stores
  //----------------------------------------------------------===//

  Value constant(int64_t value) { return e.splat(value, lanes, e.i32()); }
  Value splat(Value number) { return e.splat(number, lanes); }
  Value scalar(int64_t value) {
    return arith::ConstantOp::create(
        b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value sub(Value a, Value c) { return b.createOrFold<arith::SubIOp>(a, c); }

  void store(ArrayRef<Values> results) {
    int64_t width = tile.vectors * lanes, pixels = results.size();
    for (int64_t at = 0; at < width; at += chunkAt(at)) {
      int64_t chunk = chunkAt(at);
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
          natural = clamp(natural);
          storeBytes(e.slice(natural, 0, 16), p, at);
          storeBytes(e.slice(natural, 16, 16), p + 1, at);
          ++p;
          continue;
        }
        storeBytes(clamp(toBytes(halves)), p, at);
      }
    }
  }

  /// Bytes [at, at + 8) of all pixels, which share packs by four.
  void storeEights(ArrayRef<Values> results, int64_t at) {
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
      bytes = clamp(bytes);
      for (int64_t i = 0; i < here; ++i)
        storeBytes(e.slice(bytes, i * 8, 8), first + i, at);
    }
  }

  /// int32 accumulators of a chunk as int16, saturated, in natural order.
  Value toHalves(ArrayRef<Value> values) {
    if (!spec.isX86) {
      Value all;
      for (Value value : values) {
        for (int64_t first = 0; first < lanes; first += 4) {
          Value part =
              e.intrinsic("llvm.aarch64.neon.sqxtn.v4i16", e.vec(4, e.i16()),
                          {e.slice(value, first, 4)});
          pending.push_back(part);
        }
      }
      while (pending.size() > 1) {
        Values joined;
        for (size_t i = 0; i < pending.size(); i += 2)
          joined.push_back(e.concat(pending[i], pending[i + 1]));
        pending = joined;
      }
      all = pending.front();
      pending.clear();
      return all;
    }
    return e.intrinsic("llvm.x86.avx2.packssdw", e.vec(16, e.i16()),
                       {values[0], values[1]});
  }

  /// Saturation commutes with the clamp that follows, which is monotone.
  Value addZeroPoint(Value halves) {
    if (addsZeroPoint())
      return halves;
    auto type = cast<VectorType>(halves.getType());
    int64_t n = type.getNumElements();
    return e.intrinsic(
        "llvm.sadd.sat.v" + std::to_string(n) + "i16", type,
        {halves, e.splat(narrow(spec.outputValues.zeroPoint, e.i16()), n)});
  }

  Value narrow(Value number, Type type) {
    return b.createOrFold<arith::TruncIOp>(type, number);
  }

  std::string packName(bool is256) const {
    bool isSigned = spec.output.getIsSigned();
    std::string name = isSigned ? "packsswb" : "packuswb";
    return is256 ? "llvm.x86.avx2." + name : "llvm.x86.sse2." + name + ".128";
  }

  /// 16 or 8 int16 as saturated bytes.
  Value toBytes(Value halves) {
    if (spec.isX86)
      return e.intrinsic(packName(false), e.vec(16, e.i8()),
                         {e.slice(halves, 0, 8), e.slice(halves, 8, 8)});
    int64_t n = cast<VectorType>(halves.getType()).getNumElements();
    StringRef name = spec.output.getIsSigned()
                         ? "llvm.aarch64.neon.sqxtn.v8i8"
                         : "llvm.aarch64.neon.sqxtun.v8i8";
    auto narrow = [&](int64_t first) {
      return e.intrinsic(name, e.vec(8, e.i8()), {e.slice(halves, first, 8)});
    };
    return n == 16 ? e.concat(narrow(0), narrow(8)) : narrow(0);
  }

  /// The bounds that saturation to bytes does not give already.
  Value clamp(Value bytes) {
    auto [hasLo, hasHi] = getClampedEnds(spec.output);
    bool isSigned = spec.output.getIsSigned();
    int64_t n = cast<VectorType>(bytes.getType()).getNumElements();
    if (hasLo) {
      Value bound = e.splat(narrow(spec.outputValues.lo, e.i8()), n);
      bytes = isSigned ? b.createOrFold<arith::MaxSIOp>(bytes, bound)
                       : b.createOrFold<arith::MaxUIOp>(bytes, bound);
    }
    if (hasHi) {
      Value bound = e.splat(narrow(spec.outputValues.hi, e.i8()), n);
      bytes = isSigned ? b.createOrFold<arith::MinSIOp>(bytes, bound)
                       : b.createOrFold<arith::MinUIOp>(bytes, bound);
    }
    return bytes;
  }

  void storeBytes(Value bytes, int64_t pixel, int64_t at) {
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

  KernelEmitter &e;
  ImplicitLocOpBuilder &b;
  const EpilogueSpec &spec;
  const EpilogueTile &tile;
  int64_t lanes;
  VectorType type;
  Epilogue form; ///< that is being written
  Value multiplier, shift;
  Values pending;
};

} // namespace

void q::kernel::emitEpilogue(KernelEmitter &e, const EpilogueSpec &spec,
                             const EpilogueTile &tile, Values accumulators) {
  EpilogueWriter(e, spec, tile).write(std::move(accumulators));
}
