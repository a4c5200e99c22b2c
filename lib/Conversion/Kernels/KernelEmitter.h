//===- KernelEmitter.h - Small words for writing loops ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The nests, micro-kernels and epilogues are written with these words: index
// arithmetic that folds, loops that vanish when they run once, vectors at
// offsets of flat buffers, and target intrinsics.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_KERNELEMITTER_H
#define QDIALECT_LIB_CONVERSION_KERNELS_KERNELEMITTER_H

#include "QDialect/Conversion/KernelPlan.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace q::kernel {

using mlir::Type;
using mlir::Value;
using Values = llvm::SmallVector<Value>;

class KernelEmitter {
public:
  explicit KernelEmitter(mlir::ImplicitLocOpBuilder &builder) : b(builder) {}

  mlir::ImplicitLocOpBuilder &b;

  //===--- Scalars
  //---------------------------------------------------------===//

  Value index(int64_t value);
  /// The low 32 bits of `value` as an i32.
  Value constant(int64_t value);
  Value add(Value a, Value c);
  Value add(Value a, int64_t c);
  Value mul(Value a, int64_t c);
  Value min(Value a, int64_t c);
  Value max(Value a, int64_t c);

  //===--- Vectors
  //---------------------------------------------------------===//

  mlir::VectorType vec(int64_t lanes, Type element);
  Type i8() { return b.getI8Type(); }
  Type i16() { return b.getI16Type(); }
  Type i32() { return b.getI32Type(); }
  Type i64() { return b.getI64Type(); }

  /// A vector of `lanes` elements from a flat buffer.
  Value load(Value buffer, Value offset, int64_t lanes);
  /// A vector of the elements that lie at `places` from there. What is before
  /// the lowest or beyond the highest one is not touched; all between is
  /// loaded.
  Value loadPlaces(Value buffer, Value offset, llvm::ArrayRef<int64_t> places);
  void store(Value vector, Value buffer, Value offset);
  /// Brings the cache line of an element near, which need not exist.
  void prefetch(Value buffer, Value offset);
  /// A vector constant with equal lanes.
  Value splat(int64_t value, int64_t lanes, Type element);
  /// A vector whose lanes are all `scalar`.
  Value splat(Value scalar, int64_t lanes);
  Value extend(Value vector, Type element, bool isSigned);
  Value shuffle(Value a, Value c, llvm::ArrayRef<int64_t> lanes);
  Value shuffle(Value vector, llvm::ArrayRef<int64_t> lanes);
  /// Lanes [first, first + count) of a vector.
  Value slice(Value vector, int64_t first, int64_t count);
  Value concat(Value a, Value c);
  /// The lanes of vectors of one length, one after the other; more lanes, of no
  /// meaning, may follow.
  Value concat(Values vectors);
  Value bitcast(Value vector, int64_t lanes, Type element);
  Value intrinsic(llvm::StringRef name, Type result, mlir::ValueRange operands);
  /// sum[i] + a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1] modulo 2^32 for vectors of
  /// i32 and twice as many i16: vpmaddwd and an addition, or vpdpwssd.
  Value addPairs(MicroKernel kernel, Value sum, Value a, Value b);
  /// sum + a * c for vectors of eight signed bytes, in i16: SMLAL, or SMULL
  /// without a sum.
  Value addByteProducts(Value sum, Value a, Value c);
  /// SDOT or USDOT: sum[i] + the sum of four products of bytes, for vectors of
  /// four i32 and sixteen i8.
  Value addDotProducts(MicroKernel kernel, Value sum, Value activations,
                       Value weights);

  //===--- Loops
  //-----------------------------------------------------------===//

  /// Runs `body` for 0 <= iv < count. A loop of one iteration is no loop.
  void loop(int64_t count, llvm::function_ref<void(Value)> body);
  /// The same for from <= iv < to, which need not be known.
  void loop(Value from, Value to, llvm::function_ref<void(Value)> body);
  /// The same with values carried from one iteration to the next.
  Values loop(int64_t count, Values initial,
              llvm::function_ref<Values(Value, Values)> body);
  /// The same for a count that only the generated code knows.
  Values loop(Value count, Values initial,
              llvm::function_ref<Values(Value, Values)> body);
  /// Runs one of two bodies; a known condition leaves one of them.
  void branch(Value condition, llvm::function_ref<void()> thenBody,
              llvm::function_ref<void()> elseBody);
  /// The same where both bodies give new values of the types of `values`.
  Values branch(Value condition, mlir::ValueRange values,
                llvm::function_ref<Values()> thenBody,
                llvm::function_ref<Values()> elseBody);

  //===--- Copies
  //----------------------------------------------------------===//

  /// Calls `piece(offset, lanes)` for pieces of a power of two up to `lanes`
  /// that cover [0, length); the last one may reach back over its neighbour.
  void forPieces(int64_t length, int64_t lanes,
                 llvm::function_ref<void(Value, int64_t)> piece);
  /// Sets `length` elements to `value`.
  void fill(Value buffer, Value offset, int64_t length, int64_t value);
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_KERNELEMITTER_H
