//===- KernelEpilogue.cpp - From accumulators to stored bytes -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEpilogue.h"

#include "EpilogueRequantize.h"
#include "EpilogueStore.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace q::kernel;

namespace {

/// One form of the epilogue of one tile: requantized, the residual added,
/// stored.
class EpilogueWriter {
public:
  EpilogueWriter(KernelEmitter &e, const EpilogueSpec &spec,
                 const EpilogueTile &tile, Epilogue form)
      : e(e), b(e.b), spec(spec), tile(tile), lanes(spec.traits.lanes),
        requantizer(e, spec, form),
        storer(e, spec, tile, !requantizer.addsZeroPoint()) {}

  void write(const Values &accumulators) {
    if (spec.isX86 && lanes == 16)
      return writeWide(accumulators);
    int64_t pixels = tile.outputAt.size();
    SmallVector<Values> results(pixels);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      loadConstants(v);
      for (int64_t p = 0; p < pixels; ++p)
        results[p].push_back(
            requantizer.requantize(accumulators[p * tile.vectors + v]));
    }
    if (spec.residual)
      for (int64_t p = 0; p < pixels; ++p)
        addResidual(p, results[p]);
    storer.store(results);
  }

private:
  /// Vectors of 512 bits, four at a time, from sums to stored bytes, so that
  /// their registers are free again.
  void writeWide(const Values &accumulators) {
    constexpr int64_t most = 4;
    int64_t count = accumulators.size();
    for (int64_t first = 0; first < count; first += most) {
      int64_t here = std::min(most, count - first);
      Values results;
      for (int64_t i = first; i < first + here; ++i) {
        loadConstants(i % tile.vectors);
        results.push_back(requantizer.requantize(accumulators[i]));
        if (spec.residual)
          results.back() =
              addResidual(results.back(), i / tile.vectors, i % tile.vectors);
      }
      storer.storeWide(first, results);
    }
  }

  void loadConstants(int64_t vector) {
    requantizer.loadConstants(e.add(tile.constantsAt, vector * lanes));
  }

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
        splat(sub(e.constant(0), b.createOrFold<arith::MulIOp>(
                                     numbers.storage.zeroPoint, numbers.k2)));
    Value bits = splat(numbers.shift);
    Value half = splat(b.createOrFold<arith::ShLIOp>(
        e.constant(1), sub(numbers.shift, e.constant(1))));
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
    Value sign = arith::ShRSIOp::create(b, sum, e.splat(31, lanes, e.i32()));
    sum = arith::AddIOp::create(b, sum, half);
    sum = arith::AddIOp::create(b, sum, sign);
    return arith::ShRSIOp::create(b, sum, bits);
  }

  void addResidual(int64_t pixel, Values &values) {
    bool isSigned = spec.residual.getStorage().getIsSigned();
    Values bytes;
    for (int64_t at = 0; at < tile.channels; at += tile.chunkAt(at, lanes))
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
    int64_t exist = std::min(tile.channels - at, tile.chunkAt(at, lanes));
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

  Value addResidual(Value value, int64_t pixel, int64_t vector) {
    bool isSigned = spec.residual.getStorage().getIsSigned();
    Value from = e.add(tile.residualAt[pixel], vector * lanes);
    Value other = e.load(spec.residualBuffer, from, lanes);
    return addResidual(value, e.extend(other, e.i32(), isSigned));
  }

  Value splat(Value number) { return e.splat(number, lanes); }
  Value sub(Value a, Value c) { return b.createOrFold<arith::SubIOp>(a, c); }

  KernelEmitter &e;
  ImplicitLocOpBuilder &b;
  const EpilogueSpec &spec;
  const EpilogueTile &tile;
  int64_t lanes;
  RequantizeEmitter requantizer;
  StoreEmitter storer;
};

} // namespace

bool q::kernel::isShort(const EpilogueSpec &spec) {
  return spec.form == Epilogue::Float || spec.form == Epilogue::Pow2 ||
         (spec.form == Epilogue::Fixed64 && !spec.isX86 && !spec.tiesAway);
}

void q::kernel::emitEpilogue(KernelEmitter &e, const EpilogueSpec &spec,
                             const EpilogueTile &tile,
                             const Values &accumulators) {
  auto writeAs = [&](Epilogue form) {
    EpilogueWriter(e, spec, tile, form).write(accumulators);
  };
  if (spec.form != Epilogue::Mixed)
    return writeAs(spec.form);
  // A panel whose first shift is 0 has proven float multipliers.
  Value first =
      memref::LoadOp::create(e.b, spec.shifts, ValueRange{tile.constantsAt});
  Value isFloat = arith::CmpIOp::create(
      e.b, arith::CmpIPredicate::eq, first,
      arith::ConstantOp::create(e.b, e.b.getI8IntegerAttr(0)));
  e.branch(
      isFloat, [&] { writeAs(Epilogue::Float); },
      [&] { writeAs(Epilogue::Fixed64); });
}
