//===- KernelLayer.cpp - One layer as quantized IR ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"
#include "QDialect/Int16Chains.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using llvm::ArrayRef;
using namespace q::kernel::test;

std::string LayerCase::describe() const {
  return llvm::formatv(
             "{0}x{1}x{2}x{3} -> {4}, {5}x{6} kernel, strides {7}x{8}, "
             "dilations {9}x{10}, pads {11} {12} {13} {14}, groups {15}, "
             "signed {16} {17}, zero {18} {19}, shift {20}",
             batch, h, w, ic, oc, kh, kw, strideH, strideW, dilationH,
             dilationW, top, left, bottom, right, groups, inputSigned,
             outputSigned, inputZero, outputZero, multiplierShift)
             .str() +
         llvm::formatv(
             ", pow2 {0}, {1}, fixed {2}, clamp {3}, folded {4}, "
             "residual {5}, gemm {6}, extreme {7}, chain {8}, spread {9}, "
             "bounds {10}",
             isPow2, rounding, fixedPoint, hasClamp, isFolded, hasResidual,
             isGemm, isExtreme, chain, spread, hasChannelMax)
             .str();
}

int64_t LayerCase::runLength() const {
  if (kw > 1 && (groups > 1 || dilationW > 1))
    return ic / groups;
  return (kw > 1 && q::gathersTaps(oc, kh, kw * ic) ? kh : 1) * kw * ic /
         groups;
}

static std::string nested(ArrayRef<int64_t> shape, const int32_t *&next) {
  if (shape.empty())
    return std::to_string(*next++);
  std::string text = "[";
  for (int64_t i = 0; i < shape[0]; ++i)
    text += (i ? "," : "") + nested(shape.drop_front(), next);
  return text + "]";
}

static std::string dense(ArrayRef<int64_t> shape,
                         const std::vector<int32_t> &values) {
  const int32_t *next = values.data();
  return "dense<" + nested(shape, next) + ">";
}

/// A scale that float32 holds exactly, in a form that parses back to it.
static std::string scaleText(double scale) {
  return llvm::formatv("{0:e20}", double(float(scale))).str();
}

Layer q::kernel::test::makeLayer(const LayerCase &c, const std::string &name,
                                 std::mt19937 &random) {
  auto below = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
  std::vector<double> scales;
  for (int64_t o = 0; o < c.oc; ++o)
    scales.push_back(c.isPow2 ? std::ldexp(1.0, -c.multiplierShift)
                              : std::ldexp(0.5 + double(below(1000)) / 1000,
                                           -c.multiplierShift));
  auto perAxis = [&](const char *storage) {
    std::string text = std::string("!quant.uniform<") + storage + ":f32:0, {";
    for (int64_t o = 0; o < c.oc; ++o)
      text += (o ? "," : "") + scaleText(scales[o]);
    return text + "}>";
  };
  auto tensor = [](ArrayRef<int64_t> shape, const std::string &element) {
    std::string text = "tensor<";
    for (int64_t extent : shape)
      text += std::to_string(extent) + "x";
    return text + element + ">";
  };
  auto uniform = [](bool isSigned, int64_t zero, const char *scale) {
    return llvm::formatv("!quant.uniform<{0}:f32, {1}:{2}>",
                         isSigned ? "i8" : "u8", scale, zero)
        .str();
  };

  int64_t depth = c.ic / c.groups;
  std::vector<int64_t> wShape = {c.oc, c.kh, c.kw, depth};
  if (c.isGemm)
    wShape = {c.oc, depth};
  std::vector<int32_t> weights, bias;
  // A lane of a chain holds 2 * chain weights, whose sum is 128 at most.
  int64_t limit = c.chain <= 1 ? c.maxWeight : 64 / c.chain;
  std::exponential_distribution<double> magnitude(c.spread > 0 ? 1 / c.spread
                                                               : 1);
  for (int64_t i = 0; i < c.oc * c.kh * c.kw * depth; ++i) {
    if (c.spread > 0) {
      auto weight = int32_t(std::min(magnitude(random), double(c.maxWeight)));
      weights.push_back(below(2) ? weight : -weight);
      continue;
    }
    int64_t weight = c.isExtreme ? (below(8) ? limit : -limit)
                                 : below(2 * limit + 1) - limit;
    // With -128 most extremes are negative: those are the larger ones.
    weights.push_back(
        int32_t(limit > 127 ? std::min<int64_t>(-weight, 127) : weight));
    if (c.chain != 1 || i % c.runLength() % 2 == 0)
      continue;
    int32_t first = weights[i - 1], &second = weights[i];
    if (first > 0)
      second = std::min(second, 128 - first);
    if (first < 0)
      second = std::max(second, -128 - first);
  }
  for (int64_t o = 0; o < c.oc; ++o)
    bias.push_back(int32_t(below(20001) - 10000));

  std::string x = tensor(c.isGemm ? ArrayRef<int64_t>{c.w, c.ic}
                                  : ArrayRef<int64_t>{c.batch, c.h, c.w, c.ic},
                         uniform(c.inputSigned, c.inputZero, "1.0"));
  std::vector<int64_t> yShape = {c.batch, c.oh(), c.ow(), c.oc};
  if (c.isGemm)
    yShape = {c.w, c.oc};
  std::string y = tensor(yShape, uniform(c.outputSigned, c.outputZero, "1.0"));
  std::string r = tensor(yShape, uniform(!c.outputSigned, 5, "0.75"));
  std::string wType =
      tensor(wShape, perAxis(c.maxWeight > 127 ? "i8" : "i8<-127:127>"));
  std::string bType = tensor({c.oc}, perAxis("i32"));

  Layer layer;
  std::string attributes, operands = "%x, %w bias %b",
                          types = x + ", " + wType + ", " + bType;
  std::string arguments = "%x: " + x;
  if (!c.isGemm)
    attributes = llvm::formatv(
        "strides = array<i64: {0}, {1}>, pads = array<i64: {2}, {3}, {4}, "
        "{5}>, dilations = array<i64: {6}, {7}>, groups = {8} : i64",
        c.strideH, c.strideW, c.top, c.left, c.bottom, c.right, c.dilationH,
        c.dilationW, c.groups);
  auto attribute = [&](const std::string &text) {
    attributes += (attributes.empty() ? "" : ", ") + text;
  };
  if (c.hasClamp) {
    attribute("clamp_min = 0.0 : f32");
    attribute("clamp_max = 60.0 : f32");
  }
  if (c.hasChannelMax) {
    // Some above the other bound, without it some below zero.
    std::string maxima;
    for (int64_t o = 0; o < c.oc; ++o)
      maxima += (o ? ", " : "") +
                std::to_string(below(90) - (c.hasClamp ? 0 : 20)) + ".0";
    attribute("channel_max = array<f32: " + maxima + ">");
  }
  if (c.isFolded)
    attribute("zero_point_folded");
  if (c.hasResidual) {
    arguments += ", %r: " + r;
    operands += " residual %r";
    types += ", " + r;
    attribute("intermediate = " +
              uniform(c.outputSigned, 7, c.isPow2 ? "2.0" : "1.5"));
  }
  layer.text = "func.func @" + name + "(" + arguments + ") -> " + y +
               " {\n  %w = q.const " + dense(wShape, weights) + " : " +
               tensor(wShape, "i8") + " as " + wType + "\n  %b = q.const " +
               dense({c.oc}, bias) + " : " + tensor({c.oc}, "i32") + " as " +
               bType + "\n  %y = q." + (c.isGemm ? "gemm " : "conv2d ") +
               operands + " {" + attributes + "} : (" + types + ") -> " + y +
               "\n  return %y : " + y + "\n}\n";

  int lo = c.inputSigned ? -128 : 0;
  for (int64_t i = 0; i < c.inputSize(); ++i)
    layer.input.push_back(
        uint8_t(lo + (c.isExtreme ? (below(8) ? 255 : 0) : below(256))));
  if (c.hasResidual)
    for (int64_t i = 0; i < c.outputSize(); ++i)
      layer.residual.push_back(uint8_t(below(256)));
  return layer;
}
