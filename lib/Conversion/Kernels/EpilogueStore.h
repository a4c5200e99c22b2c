//===- EpilogueStore.h - From integers to stored bytes ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUESTORE_H
#define QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUESTORE_H

#include "KernelEpilogue.h"

namespace q::kernel {

/// Narrows requantized vectors to bytes, clamps them (rule N11) and stores
/// them where `tile` says.
class StoreEmitter {
public:
  /// `addsZeroPoint`: whether the vectors are still without it.
  StoreEmitter(KernelEmitter &e, const EpilogueSpec &spec,
               const EpilogueTile &tile, bool addsZeroPoint)
      : e(e), b(e.b), spec(spec), tile(tile), addsZeroPoint(addsZeroPoint),
        lanes(spec.traits.lanes) {}

  /// Stores `tile.vectors` vectors for each pixel.
  void store(llvm::ArrayRef<Values> results);

  /// With vectors of 512 bits: stores up to four, from the one of index `first`
  /// in the tile on.
  void storeWide(int64_t first, const Values &results);

private:
  /// Bytes [at, at + 8) of all pixels, which share packs by four.
  void storeEights(llvm::ArrayRef<Values> results, int64_t at);
  /// int32 accumulators of a chunk as int16, saturated, in natural order.
  Value toHalves(llvm::ArrayRef<Value> values);
  /// Saturation commutes with the clamp that follows, which is monotone.
  Value addZeroPoint(Value halves);
  Value narrow(Value number, Type type);
  std::string packName(bool is256) const;
  /// 16 or 8 int16 as saturated bytes.
  Value toBytes(Value halves);
  /// The bounds that saturation to bytes does not give already.
  Value clamp(Value bytes);
  /// The upper bounds of single channels, if the layer has them: those of
  /// `count` from `channel` on, which `bytes` holds once or several times.
  Value boundChannels(Value bytes, int64_t channel, int64_t count);
  void storeBytes(Value bytes, int64_t pixel, int64_t at);

  KernelEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  const EpilogueSpec &spec;
  const EpilogueTile &tile;
  bool addsZeroPoint;
  int64_t lanes;
};

} // namespace q::kernel

#endif // QDIALECT_LIB_CONVERSION_KERNELS_EPILOGUESTORE_H
