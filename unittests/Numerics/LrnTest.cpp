//===- LrnTest.cpp - Integer local response normalization -----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Lrn.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

struct Shape {
  double alpha, beta, bias;
  int64_t size;
  double inputScale, outputScale;
};

TEST(Lrn, ErrorBoundOverTheWholeDomain) {
  const Shape shapes[] = {
      {1e-4, 0.75, 1, 5, 0.1, 0.1},   {1e-4, 0.75, 2, 5, 1.5, 1.0},
      {1e-4, 0.75, 1, 5, 1e-4, 1e-4}, {1, 0.75, 1, 5, 1.0, 0.05},
      {1, 0.5, 1e-6, 3, 0.02, 0.01},  {1, 0.5, 0, 1, 0.02, 0.01},
      {0, 0.75, 2, 5, 0.1, 0.1},      {2, 1, 1, 7, 3.0, 0.01},
      {1e-4, 0, 1, 5, 0.1, 0.1},      {1e-30, 0.75, 1, 5, 1e-6, 1e-6},
      {5, 2, 0.5, 9, 0.3, 0.001},
  };
  double worst = 0;
  for (const Shape &s : shapes) {
    auto params = makeLrn(s.alpha, s.beta, s.bias, s.size, s.inputScale,
                          s.outputScale, 255);
    ASSERT_TRUE(params) << params.reason();
    for (int64_t ss = 0; ss <= s.size * 255 * 255; ss += ss < 5000 ? 1 : 97) {
      int64_t limit = std::min<int64_t>(255, int64_t(std::sqrt(double(ss))));
      for (int64_t d : {limit, -limit, limit / 2, int64_t(limit > 0)}) {
        double x = s.inputScale * double(d);
        double y =
            x * std::pow(s.bias + s.alpha / double(s.size) * s.inputScale *
                                      s.inputScale * double(ss),
                         -s.beta);
        if (d == 0)
          y = 0;
        double steps = y / s.outputScale;
        int32_t q = lrnElement(d, ss, *params, 0, INT32_MIN, INT32_MAX);
        double bound =
            0.5 + s.beta * (s.beta + 2) * 0x1p-15 * std::fabs(steps) + 0x1p-6;
        ASSERT_LE(std::fabs(q - steps), bound) << "ss " << ss << " d " << d;
        worst = std::max(worst, std::fabs(q - steps));
      }
    }
  }
  EXPECT_GT(worst, 0.49); // The test does look at roundings.
}

TEST(Lrn, ClampsAndShifts) {
  auto params = makeLrn(0, 1, 1, 5, 1.0, 1.0, 255);
  ASSERT_TRUE(params);
  EXPECT_EQ(lrnElement(7, 49, *params, 100, 0, 255), 107);
  EXPECT_EQ(lrnElement(-120, 14400, *params, 100, 0, 255), 0);
  EXPECT_EQ(lrnElement(200, 40000, *params, 100, 0, 255), 255);
  EXPECT_EQ(lrnElement(0, 0, *params, 100, 0, 255), 100);
}

TEST(Lrn, TablesAreSmallAndDecreasing) {
  auto params = makeLrn(1e-4, 0.75, 1, 5, 0.1, 0.1, 255);
  ASSERT_TRUE(params);
  EXPECT_LE(params->table.size(), 200u);
  EXPECT_TRUE(std::is_sorted(params->table.rbegin(), params->table.rend()));
}

TEST(Lrn, Refusals) {
  EXPECT_FALSE(makeLrn(-1, 0.75, 1, 5, 0.1, 0.1, 255));
  EXPECT_FALSE(makeLrn(0, 0.75, 0, 5, 0.1, 0.1, 255));
  EXPECT_FALSE(makeLrn(1, -0.75, 1, 5, 0.1, 0.1, 255));
  EXPECT_FALSE(makeLrn(1, 0.75, 1, 0, 0.1, 0.1, 255));
  EXPECT_FALSE(makeLrn(1, 0.75, 1, 5, 0, 0.1, 255));
  EXPECT_FALSE(makeLrn(1, 0.75, 1, 5, 0.1, 1e-12, 255));
  EXPECT_FALSE(makeLrn(std::nan(""), 0.75, 1, 5, 0.1, 0.1, 255));
  EXPECT_FALSE(makeLrn(1, 0.75, 1, int64_t(1) << 40, 0.1, 0.1, 255));
}

} // namespace
