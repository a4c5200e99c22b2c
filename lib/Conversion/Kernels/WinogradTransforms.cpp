//===- WinogradTransforms.cpp - One dimension of the transforms -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WinogradTransforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace q::kernel;

namespace {

/// Arithmetic on vectors of integers that wrap.
struct Words {
  KernelEmitter &e;

  Value add(Value a, Value c) { return arith::AddIOp::create(e.b, a, c); }
  Value sub(Value a, Value c) { return arith::SubIOp::create(e.b, a, c); }
  Value times(Value a, int64_t factor) {
    auto type = cast<VectorType>(a.getType());
    return arith::MulIOp::create(
        e.b, a, e.splat(factor, type.getNumElements(), type.getElementType()));
  }
};

} // namespace

Values q::kernel::emitWeightTransform(KernelEmitter &e, const Values &taps) {
  Words w{e};
  Value outer = w.times(w.add(taps[0], taps[2]), -4);
  Value middle = w.times(taps[1], 4);
  Value even = w.add(taps[0], w.times(taps[2], 4));
  Value odd = w.times(taps[1], 2);
  return {w.times(taps[0], 6), w.sub(outer, middle), w.add(outer, middle),
          w.add(even, odd),    w.sub(even, odd),     w.times(taps[2], 12)};
}

Values q::kernel::emitDataTransform(KernelEmitter &e, int64_t outputs,
                                    const Values &d) {
  Words w{e};
  Value odd = w.sub(d[3], d[1]), even = w.sub(d[4], d[2]);
  Value twice = w.times(odd, 2), middle = w.sub(d[0], d[2]);
  if (outputs == 3) {
    Value first = w.times(w.add(w.times(middle, 2), odd), 2);
    Value second = w.times(w.sub(odd, w.add(d[1], d[2])), 3);
    Value third = w.add(w.sub(d[3], w.times(d[2], 3)), w.times(d[1], 2));
    return {first, second, third, w.times(odd, 4), Value(), w.sub(even, twice)};
  }
  Value a = w.sub(d[4], w.times(d[2], 4)), b = w.sub(d[3], w.times(d[1], 4));
  Value last = w.sub(w.sub(d[5], d[3]), w.times(odd, 4));
  return {w.add(w.times(middle, 4), even),
          w.add(a, b),
          w.sub(a, b),
          w.add(even, twice),
          w.sub(even, twice),
          last};
}

Values q::kernel::emitInverseTransform(KernelEmitter &e, int64_t outputs,
                                       const Values &m) {
  Words w{e};
  Value sum = w.add(m[1], m[2]), difference = w.sub(m[1], m[2]);
  if (outputs == 3)
    return {w.add(w.add(m[0], sum), m[3]), w.add(difference, w.times(m[3], 2)),
            w.add(w.add(sum, w.times(m[3], 4)), w.times(m[5], 2))};
  Value farSum = w.add(m[3], m[4]), farDifference = w.sub(m[3], m[4]);
  return {
      w.add(w.add(m[0], sum), farSum),
      w.add(difference, w.times(farDifference, 2)),
      w.add(sum, w.times(farSum, 4)),
      w.add(w.add(difference, w.times(farDifference, 8)), w.times(m[5], 2))};
}
