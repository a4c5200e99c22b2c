//===- LoweringText.h - Quantized IR for tests of the lowering --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_UNITTESTS_CONVERSION_LOWERINGTEXT_H
#define QDIALECT_UNITTESTS_CONVERSION_LOWERINGTEXT_H

#include <cstdint>
#include <random>
#include <string>

namespace q::test {

/// Types of many scales and zero points, under short names.
inline const char *const kTypes = R"mlir(
!f = !quant.uniform<u8:f32, 0.5:3>
!a = !quant.uniform<u8:f32, 0.0361:131>
!b = !quant.uniform<u8:f32, 0.0214:7>
!c = !quant.uniform<u8:f32, 0.0523:90>
!s = !quant.uniform<i8:f32, 0.0471>
!i = !quant.uniform<i8:f32, 0.0361:-5>
!n = !quant.uniform<u4:f32, 0.61:5>
!h = !quant.uniform<i16:f32, 0.00031>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.0125, 0.0061, 0.0093, 0.021}>
!bias = !quant.uniform<i32:f32:0, {0.00045125, 0.00022021, 0.00033573, 0.0007581}>
)mlir";

/// A module whose function `main` has that body.
inline std::string main(const std::string &signature, const std::string &body,
                        const std::string &rounding = "single") {
  return std::string(kTypes) + "module attributes {q.rounding = \"" + rounding +
         "\"} {\nfunc.func @main" + signature + " {\n" + body + "\n}\n}\n";
}

/// A dense attribute of `count` integers of `bytes` bytes in [lo, hi].
inline std::string dense(int64_t count, unsigned bytes, int64_t lo, int64_t hi,
                         unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text = "dense<\"0x";
  for (int64_t i = 0; i < count; ++i) {
    auto value = static_cast<uint64_t>(
        lo + static_cast<int64_t>(random() % uint64_t(hi - lo + 1)));
    for (unsigned byte = 0; byte < bytes; ++byte)
      for (int shift : {4, 0})
        text += "0123456789ABCDEF"[value >> (8 * byte + shift) & 15];
  }
  return text + "\">";
}

} // namespace q::test

#endif // QDIALECT_UNITTESTS_CONVERSION_LOWERINGTEXT_H
