//===- EpilogueCode.cpp - What an epilogue's code depends on --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEpilogue.h"

#include <algorithm>

using namespace mlir;
using namespace q::kernel;

/// The bounds of the storage type itself.
static std::pair<int64_t, int64_t> getByteRange(StorageAttr storage) {
  return storage.getIsSigned() ? std::make_pair(-128, 127)
                               : std::make_pair(0, 255);
}

std::pair<bool, bool> q::kernel::getClampedEnds(StorageAttr storage) {
  auto [min, max] = getByteRange(storage);
  return {storage.getLo() > min, storage.getHi() < max};
}

/// Whether a sum of rule N12 is negative and halfway between two results that
/// are different ones after the clamp. There are at most 2^16 sums.
static bool hasTiesBelowZero(ResidualAttr residual, StorageAttr output) {
  StorageAttr first = residual.getIntermediate(),
              second = residual.getStorage();
  int64_t shift = residual.getShift();
  int64_t half = int64_t(1) << (shift - 1), mask = 2 * half - 1;
  auto finish = [&](int64_t rounded) {
    return std::clamp(rounded + output.getZeroPoint(), output.getLo(),
                      output.getHi());
  };
  for (int64_t a = first.getLo(); a <= first.getHi(); ++a)
    for (int64_t c = second.getLo(); c <= second.getHi(); ++c) {
      int64_t sum = (a - first.getZeroPoint()) * residual.getK1() +
                    (c - second.getZeroPoint()) * residual.getK2();
      int64_t upward = (sum + half) >> shift;
      if (sum < 0 && (sum & mask) == half &&
          finish(upward) != finish(upward - 1))
        return true;
    }
  return false;
}

StorageAttr q::kernel::getCodeStorage(StorageAttr storage) {
  auto [min, max] = getByteRange(storage);
  auto [hasLo, hasHi] = getClampedEnds(storage);
  return StorageAttr::get(storage.getContext(), storage.getIsSigned(),
                          /*zeroPoint=*/0, min + hasLo, max - hasHi);
}

ResidualAttr q::kernel::getCodeResidual(ResidualAttr residual,
                                        StorageAttr output) {
  auto whole = [](StorageAttr storage) {
    auto [min, max] = getByteRange(storage);
    return StorageAttr::get(storage.getContext(), storage.getIsSigned(),
                            /*zeroPoint=*/0, min, max);
  };
  CodeShift shift = residual.getShift() == 0             ? CodeShift::None
                    : hasTiesBelowZero(residual, output) ? CodeShift::TiesAway
                                                         : CodeShift::Upward;
  return ResidualAttr::get(residual.getContext(),
                           whole(residual.getIntermediate()),
                           whole(residual.getStorage()), /*k1=*/0, /*k2=*/0,
                           static_cast<int64_t>(shift));
}
