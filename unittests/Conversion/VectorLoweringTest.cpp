//===- VectorLoweringTest.cpp - Vectors, tables and tiles of odd sizes ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every remainder of vectors and tiles of elementwise ops, against the
// reference evaluator.
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"
#include "LoweringText.h"

#include "gtest/gtest.h"

using namespace q::test;

namespace {

std::string tensor(const std::string &shape, const std::string &type) {
  return "tensor<" + shape + "x" + type + ">";
}

TEST(VectorLowering, TablesOfAllKindsAndLengths) {
  // 64 + 32 + 16 + 8 + 4 + 3 elements, and all 256 bytes.
  for (const char *shape : {"127", "256", "5"})
    for (const char *kind : {"sigmoid", "hard_swish", "gelu", "abs"})
      for (const char *from : {"!a", "!s"}) {
        std::string in = tensor(shape, from), out = tensor(shape, "!c");
        expectSameBits(main("(%x: " + in + ") -> " + out,
                            std::string("%0 = q.unary ") + kind + " %x : (" +
                                in + ") -> " + out + "\nreturn %0 : " + out));
      }
}

/// A transpose of a u8 tensor.
std::string transpose(const std::string &from, const std::string &perm,
                      const std::string &to) {
  return main("(%x: " + tensor(from, "!a") + ") -> " + tensor(to, "!a"),
              "%0 = q.transpose %x {perm = array<i64: " + perm + ">} : (" +
                  tensor(from, "!a") + ") -> " + tensor(to, "!a") +
                  "\nreturn %0 : " + tensor(to, "!a"));
}

TEST(VectorLowering, SquareTiles) {
  expectSameBits(transpose("1x7x7x32", "0, 3, 1, 2", "1x32x7x7"));
  expectSameBits(transpose("33x18", "1, 0", "18x33"));
  expectSameBits(transpose("17x9", "1, 0", "9x17"));
  expectSameBits(transpose("5x6", "1, 0", "6x5"));
  expectSameBits(transpose("2x16x3x20", "0, 3, 2, 1", "2x20x3x16"));
}

TEST(VectorLowering, ShortRows) {
  for (const char *rows : {"2", "3", "4"}) {
    std::string n = rows;
    expectSameBits(transpose("1x" + n + "x5x9", "0, 2, 3, 1", "1x5x9x" + n));
    expectSameBits(transpose("1x5x9x" + n, "0, 3, 1, 2", "1x" + n + "x5x9"));
    expectSameBits(transpose("3x37x" + n, "0, 2, 1", "3x" + n + "x37"));
    expectSameBits(transpose(n + "x" + n, "1, 0", n + "x" + n));
  }
}

TEST(VectorLowering, QuantizePlanes) {
  for (const char *channels : {"1", "3", "4", "5", "20"}) {
    std::string c = channels;
    std::string in = "tensor<2x" + c + "x7x5xf32>";
    std::string between = "tensor<2x7x5x" + c + "xf32>";
    std::string out = "tensor<2x7x5x" + c + "x!a>";
    expectSameBits(main("(%x: " + in + ") -> " + out,
                        "%0 = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} "
                        ": (" +
                            in + ") -> " + between + "\n%1 = q.quantize %0 : " +
                            between + " -> " + out + "\nreturn %1 : " + out));
  }
}

TEST(VectorLowering, BroadcastOperands) {
  const char *shapes[] = {"1x3x5x37", "37",       "1x1x1x37",
                          "1x3x5x1",  "1x3x1x37", "1x1x1x1"};
  for (const char *op : {"q.add", "q.mul", "q.max"})
    for (const char *rhs : shapes) {
      std::string x = tensor("1x3x5x37", "!a"), y = tensor(rhs, "!a");
      expectSameBits(main("(%x: " + x + ", %y: " + y + ") -> " + x,
                          std::string("%0 = ") + op + " %x, %y : (" + x + ", " +
                              y + ") -> " + x + "\nreturn %0 : " + x));
    }
}

TEST(VectorLowering, Steps) {
  for (const char *step : {"2", "3", "4", "5", "-1", "-2", "-4"})
    for (int64_t count : {1, 7, 39}) {
      int64_t s = std::stoi(step), start = s < 0 ? 199 : 0;
      std::string n = std::to_string(count), x = tensor("3x5x200", "!a"),
                  y = tensor("2x5x" + n, "!a");
      expectSameBits(
          main("(%x: " + x + ") -> " + y,
               "%0 = q.slice %x {starts = array<i64: 2, 0, " +
                   std::to_string(start) + ">, sizes = array<i64: 2, 5, " + n +
                   ">, steps = array<i64: -2, 1, " + step + ">} : (" + x +
                   ") -> " + y + "\nreturn %0 : " + y));
    }
}

TEST(VectorLowering, GathersOfChannels) {
  // More places than blocks are worth, rows that end within a block, and short
  // ones.
  for (int64_t channels : {12, 16, 37, 64, 1000})
    for (int64_t count : {16, 41, 128}) {
      std::string indices;
      for (int64_t i = 0; i < count; ++i)
        indices += (i ? ", " : "") + std::to_string((i * 37 + 5) % channels);
      std::string x = tensor("1x3x2x" + std::to_string(channels), "!a"),
                  y = tensor("1x3x2x" + std::to_string(count), "!a");
      expectSameBits(main("(%x: " + x + ") -> " + y,
                          "%0 = q.gather %x {indices = array<i64: " + indices +
                              ">, axis = 3 : i64} : (" + x + ") -> " + y +
                              "\nreturn %0 : " + y));
    }
}

TEST(VectorLowering, PairsOfCoordinates) {
  for (const char *pair : {"2", "4", "8"})
    for (const char *rows : {"3", "50"}) {
      std::string p = pair, n = rows, x = tensor(n + "x16", "!a"),
                  half = tensor(n + "x" + p, "!a"),
                  one = tensor(n + "x1", "!b"), sum = tensor(n + "x" + p, "!c");
      expectSameBits(main(
          "(%x: " + x + ", %y: " + one + ") -> " + tensor(n + "x16", "!c"),
          "%0 = q.slice %x {starts = array<i64: 0, 0>, sizes = array<i64: " +
              n + ", " + p + ">, steps = array<i64: 1, 1>} : (" + x + ") -> " +
              half + "\n%1 = q.mul %0, %y : (" + half + ", " + one + ") -> " +
              sum + "\n%2 = q.pad %1 {low = array<i64: 0, 3>, high = " +
              "array<i64: 0, " + std::to_string(13 - std::stoi(p)) + ">} : (" +
              sum + ") -> " + tensor(n + "x16", "!c") +
              "\nreturn %2 : " + tensor(n + "x16", "!c")));
    }
}

} // namespace
