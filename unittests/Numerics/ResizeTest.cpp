//===- ResizeTest.cpp - Coordinates and weights of resizing ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Numerics/Resize.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

using namespace q::numerics;

namespace {

void expectWeights(const LinearWeights &w, int64_t i0, int64_t i1, int32_t w1) {
  EXPECT_EQ(w.i0, i0);
  EXPECT_EQ(w.i1, i1);
  EXPECT_EQ(w.w1, w1);
  EXPECT_EQ(w.w0, 2048 - w1);
}

TEST(LinearWeights, DoublingByHand) {
  auto half = linearWeights(2, 4, CoordinateMode::HalfPixel);
  ASSERT_EQ(half.size(), 4u);
  expectWeights(half[0], 0, 1, 0); // -0.25, clamped
  expectWeights(half[1], 0, 1, 512);
  expectWeights(half[2], 0, 1, 1536);
  expectWeights(half[3], 1, 1, 0); // 1.25, clamped
  auto asymmetric = linearWeights(2, 4, CoordinateMode::Asymmetric);
  expectWeights(asymmetric[1], 0, 1, 1024);
  expectWeights(asymmetric[3], 1, 1, 0);
  auto corners = linearWeights(2, 4, CoordinateMode::AlignCorners);
  expectWeights(corners[1], 0, 1, 683);
  expectWeights(corners[2], 0, 1, 1365);
  expectWeights(corners[3], 1, 1, 0);
}

TEST(LinearWeights, SymmetricAboutTheCentre) {
  // 5 by 1.5 are 7 of 7.5: offset 2.5 * (1 - 7 / 7.5) = 1/6.
  auto weights = linearWeights(5, 7, CoordinateMode::HalfPixelSymmetric, 1.5);
  for (int i = 0; i < 7; ++i) {
    double x = std::clamp((i + 0.5) / 1.5 - 0.5 + 1.0 / 6, 0.0, 4.0);
    EXPECT_NEAR(weights[i].i0 + weights[i].w1 / 2048.0, x, 1.0 / 2048) << i;
    // The mirror image has the mirrored coordinate.
    const LinearWeights &m = weights[6 - i];
    EXPECT_NEAR(weights[i].i0 + weights[i].w1 / 2048.0 + m.i0 + m.w1 / 2048.0,
                4.0, 1.0 / 1024);
  }
  auto ratio = linearWeights(3, 6, CoordinateMode::HalfPixelSymmetric);
  auto half = linearWeights(3, 6, CoordinateMode::HalfPixel);
  for (int i = 0; i < 6; ++i)
    expectWeights(ratio[i], half[i].i0, half[i].i1, half[i].w1);
}

TEST(NearestIndices, TfHalfPixelForNn) {
  EXPECT_EQ(nearestIndices(4, 2, CoordinateMode::TfHalfPixelForNn,
                           NearestMode::Floor),
            (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(nearestIndices(2, 5, CoordinateMode::TfHalfPixelForNn,
                           NearestMode::Floor),
            (std::vector<int64_t>{0, 0, 1, 1, 1}));
}

TEST(LinearWeights, OneElement) {
  expectWeights(linearWeights(5, 1, CoordinateMode::AlignCorners)[0], 0, 1, 0);
  expectWeights(linearWeights(5, 1, CoordinateMode::PytorchHalfPixel)[0], 0, 1,
                0);
  expectWeights(linearWeights(5, 1, CoordinateMode::HalfPixel)[0], 2, 3, 0);
  for (auto mode :
       {CoordinateMode::HalfPixel, CoordinateMode::Asymmetric,
        CoordinateMode::AlignCorners, CoordinateMode::PytorchHalfPixel})
    for (const LinearWeights &w : linearWeights(1, 7, mode)) {
      EXPECT_EQ(w.i0, 0);
      EXPECT_EQ(w.i1, 0);
      EXPECT_EQ(w.w0 + w.w1, 2048);
    }
}

TEST(LinearWeights, NearTheRealCoordinateForAllSizes) {
  for (int64_t in = 1; in <= 40; ++in)
    for (int64_t out = 1; out <= 80; ++out)
      for (auto mode : {CoordinateMode::HalfPixel, CoordinateMode::Asymmetric,
                        CoordinateMode::AlignCorners}) {
        auto weights = linearWeights(in, out, mode);
        ASSERT_EQ(weights.size(), size_t(out));
        double previous = 0;
        for (int64_t i = 0; i < out; ++i) {
          const LinearWeights &w = weights[size_t(i)];
          ASSERT_GE(w.i0, 0);
          ASSERT_LT(w.i1, in);
          ASSERT_GE(w.w0, 0);
          ASSERT_GE(w.w1, 0);
          ASSERT_EQ(w.w0 + w.w1, 1 << linearWeightBits);
          // Interpolating x[k] = k gives the coordinate itself.
          double x = (double(w.i0) * w.w0 + double(w.i1) * w.w1) / 2048;
          double real = mode == CoordinateMode::HalfPixel
                            ? (double(i) + 0.5) * double(in) / double(out) - 0.5
                        : mode == CoordinateMode::Asymmetric || out == 1
                            ? double(i) * double(in) / double(out)
                            : double(i) * double(in - 1) / double(out - 1);
          real = std::fmin(std::fmax(real, 0.0), double(in - 1));
          ASSERT_LE(std::fabs(x - real), 0.5 / 2048 + 1e-12);
          ASSERT_GE(x, previous);
          previous = x;
        }
      }
}

TEST(NearestIndices, ByHand) {
  using V = std::vector<int64_t>;
  EXPECT_EQ(
      nearestIndices(2, 4, CoordinateMode::Asymmetric, NearestMode::Floor),
      (V{0, 0, 1, 1}));
  EXPECT_EQ(nearestIndices(2, 4, CoordinateMode::Asymmetric, NearestMode::Ceil),
            (V{0, 1, 1, 1}));
  // Coordinates 0, 0.5, 1, 1.5.
  EXPECT_EQ(nearestIndices(2, 4, CoordinateMode::Asymmetric,
                           NearestMode::RoundPreferFloor),
            (V{0, 0, 1, 1}));
  EXPECT_EQ(nearestIndices(2, 4, CoordinateMode::Asymmetric,
                           NearestMode::RoundPreferCeil),
            (V{0, 1, 1, 1}));
  EXPECT_EQ(nearestIndices(2, 4, CoordinateMode::HalfPixel,
                           NearestMode::RoundPreferFloor),
            (V{0, 0, 1, 1}));
  // A model's own scale: 3 * 1.5 = 4 outputs, not 4 / 3.
  EXPECT_EQ(
      nearestIndices(3, 4, CoordinateMode::Asymmetric, NearestMode::Floor, 1.5),
      (V{0, 0, 1, 2}));
  EXPECT_EQ(nearestIndices(4, 2, CoordinateMode::HalfPixel,
                           NearestMode::RoundPreferCeil),
            (V{1, 3}));
}

} // namespace
