//===- Softmax.cpp - Integer softmax --------------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Softmax.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace q::numerics;

Result<SoftmaxParams> q::numerics::makeSoftmax(double inputScale,
                                               unsigned inputBits, int64_t n,
                                               unsigned outBits,
                                               bool outSigned) {
  char reason[96];
  if (!(inputScale > 0) || std::isinf(inputScale)) {
    std::snprintf(reason, sizeof reason,
                  "the scale %g is not a positive finite number", inputScale);
    return Failure{reason};
  }
  for (unsigned bits : {inputBits, outBits})
    if (bits < 2 || bits > 16)
      return Failure{"a width of " + std::to_string(bits) +
                     " bits is outside 2 to 16"};
  int64_t limit = int64_t(1) << (31 - outBits);
  if (n < 1 || n >= limit)
    return Failure{"a row of " + std::to_string(n) +
                   " elements is outside 1 to " + std::to_string(limit - 1)};

  SoftmaxParams params;
  params.outBits = outBits;
  params.outZeroPoint = outSigned ? -(int32_t(1) << (outBits - 1)) : 0;
  params.table.resize(size_t(1) << inputBits);
  for (size_t d = 0; d < params.table.size(); ++d)
    params.table[d] =
        uint32_t(std::round(std::exp(-double(d) * inputScale) * 0x1p31));
  return params;
}

void q::numerics::softmaxRow(const int32_t *input, int32_t *output, size_t n,
                             size_t stride, const SoftmaxParams &params) {
  int32_t max = input[0];
  for (size_t i = 1; i < n; ++i)
    max = std::max(max, input[i * stride]);
  uint64_t sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += params.table[size_t(int64_t(max) - input[i * stride])];
  uint64_t reciprocal = ((uint64_t(1) << 62) + sum / 2) / sum;
  uint64_t half = uint64_t(1) << (params.shift() - 1);
  for (size_t i = 0; i < n; ++i) {
    uint64_t e = params.table[size_t(int64_t(max) - input[i * stride])];
    uint64_t y = (e * reciprocal + half) >> params.shift();
    output[i * stride] = int32_t(std::min<uint64_t>(y, params.maxOutput())) +
                         params.outZeroPoint;
  }
}
