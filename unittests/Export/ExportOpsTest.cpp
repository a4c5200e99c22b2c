//===- ExportOpsTest.cpp - Every op that a quantized module may hold ------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The ops of the dialect are counted here, so that a new one cannot be
// forgotten: it is exported, or named among those that no quantized module has.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Export/ExportOnnx.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <map>
#include <set>
#include <string>

using namespace mlir;

namespace {

/// Ops that stand in float networks alone, for which there is no float form.
const std::set<std::string> kFloatOnly = {"q.batch_norm", "q.pow",
                                          "q.quantizer"};

struct Case {
  /// Arguments and result of a function, and the one op in it.
  const char *arguments, *op, *result;
};

/// !a and !b are quantized; `%x`, `%y` and `%z` the arguments.
const std::multimap<std::string, Case> kCases = {
    {"q.const",
     {"%x: tensor<2x!a>",
      "%0 = q.const dense<[1, 2]> : tensor<2xi8> as tensor<2x!b> %1 = q.add "
      "%x, %0 : (tensor<2x!a>, tensor<2x!b>) -> tensor<2x!b>",
      "%1 : tensor<2x!b>"}},
    {"q.quantize",
     {"%x: tensor<4xf32>", "%0 = q.quantize %x : tensor<4xf32> -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.dequantize",
     {"%x: tensor<4x!a>",
      "%0 = q.dequantize %x : tensor<4x!a> -> tensor<4xf32>",
      "%0 : tensor<4xf32>"}},
    {"q.requantize",
     {"%x: tensor<4x!a>", "%0 = q.requantize %x : tensor<4x!a> -> tensor<4x!b>",
      "%0 : tensor<4x!b>"}},
    {"q.conv2d",
     {"%x: tensor<1x4x4x2x!a>",
      "%w = q.const dense<1> : tensor<3x2x2x2xi8> as tensor<3x2x2x2x!w> %0 = "
      "q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, "
      "0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x2x!a>, "
      "tensor<3x2x2x2x!w>) -> tensor<1x3x3x3x!b>",
      "%0 : tensor<1x3x3x3x!b>"}},
    {"q.conv_transpose2d",
     {"%x: tensor<1x4x4x2x!a>",
      "%w = q.const dense<1> : tensor<3x2x2x2xi8> as tensor<3x2x2x2x!w> %0 = "
      "q.conv_transpose2d %x, %w {strides = array<i64: 2, 2>, pads = "
      "array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = "
      "array<i64: 0, 0>} : (tensor<1x4x4x2x!a>, tensor<3x2x2x2x!w>) -> "
      "tensor<1x8x8x3x!b>",
      "%0 : tensor<1x8x8x3x!b>"}},
    {"q.gemm",
     {"%x: tensor<1x4x!a>",
      "%w = q.const dense<1> : tensor<3x4xi8> as tensor<3x4x!w> %0 = q.gemm "
      "%x, %w : (tensor<1x4x!a>, tensor<3x4x!w>) -> tensor<1x3x!b>",
      "%0 : tensor<1x3x!b>"}},
    {"q.matmul",
     {"%x: tensor<2x4x!a>, %y: tensor<4x3x!a>",
      "%0 = q.matmul %x, %y : (tensor<2x4x!a>, tensor<4x3x!a>) -> "
      "tensor<2x3x!b>",
      "%0 : tensor<2x3x!b>"}},
    {"q.add",
     {"%x: tensor<4x!a>, %y: tensor<4x!b>",
      "%0 = q.add %x, %y {clamp_min = 0.0 : f32} : (tensor<4x!a>, "
      "tensor<4x!b>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.add",
     {"%x: tensor<2x2x!a>, %y: tensor<2x2x!b>",
      "%0 = q.add %x, %y {channel_max = array<f32: 0.5, 1.0>} : "
      "(tensor<2x2x!a>, tensor<2x2x!b>) -> tensor<2x2x!a>",
      "%0 : tensor<2x2x!a>"}},
    {"q.add",
     {"%x: tensor<2x2xf32>, %y: tensor<2x2xf32>",
      "%0 = q.add %x, %y {channel_max = array<f32: 0.5, 1.0>} : "
      "(tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>",
      "%0 : tensor<2x2xf32>"}},
    {"q.sub",
     {"%x: tensor<4x!a>, %y: tensor<4x!b>",
      "%0 = q.sub %x, %y : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.mul",
     {"%x: tensor<4x!a>, %y: tensor<4x!b>",
      "%0 = q.mul %x, %y : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.div",
     {"%x: tensor<4x!a>, %y: tensor<4x!b>",
      "%0 = q.div %x, %y : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.min",
     {"%x: tensor<4x!a>, %y: tensor<4x!a>",
      "%0 = q.min %x, %y : (tensor<4x!a>, tensor<4x!a>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.max",
     {"%x: tensor<4x!a>, %y: tensor<4x!a>",
      "%0 = q.max %x, %y : (tensor<4x!a>, tensor<4x!a>) -> tensor<4x!a>",
      "%0 : tensor<4x!a>"}},
    {"q.clamp",
     {"%x: tensor<4x!a>",
      "%0 = q.clamp %x {clamp_max = 6.0 : f32} : (tensor<4x!a>) -> "
      "tensor<4x!b>",
      "%0 : tensor<4x!b>"}},
    {"q.clamp",
     {"%x: tensor<4xf32>",
      "%0 = q.clamp %x {clamp_max = 6.0 : f32} : (tensor<4xf32>) -> "
      "tensor<4xf32>",
      "%0 : tensor<4xf32>"}},
    {"q.prelu",
     {"%x: tensor<4x!a>, %y: tensor<4x!b>",
      "%0 = q.prelu %x, %y : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!b>",
      "%0 : tensor<4x!b>"}},
    {"q.unary",
     {"%x: tensor<4x!a>",
      "%0 = q.unary gelu_tanh %x : (tensor<4x!a>) -> tensor<4x!b>",
      "%0 : tensor<4x!b>"}},
    {"q.max_pool2d",
     {"%x: tensor<1x4x4x2x!a>",
      "%0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: "
      "2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
      "(tensor<1x4x4x2x!a>) -> tensor<1x2x2x2x!a>",
      "%0 : tensor<1x2x2x2x!a>"}},
    {"q.avg_pool2d",
     {"%x: tensor<1x4x4x2x!a>",
      "%0 = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: "
      "2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : "
      "(tensor<1x4x4x2x!a>) -> tensor<1x2x2x2x!b>",
      "%0 : tensor<1x2x2x2x!b>"}},
    {"q.reduce",
     {"%x: tensor<1x4x!a>",
      "%0 = q.reduce mean %x {axes = array<i64: 1>} : (tensor<1x4x!a>) -> "
      "tensor<1x!b>",
      "%0 : tensor<1x!b>"}},
    {"q.softmax",
     {"%x: tensor<1x4x!a>",
      "%0 = q.softmax %x {axis = 1 : i64} : (tensor<1x4x!a>) -> tensor<1x4x!s>",
      "%0 : tensor<1x4x!s>"}},
    {"q.softmax",
     {"%x: tensor<1x4xf32>",
      "%0 = q.softmax %x {axis = 1 : i64, log} : (tensor<1x4xf32>) -> "
      "tensor<1x4xf32>",
      "%0 : tensor<1x4xf32>"}},
    {"q.lrn",
     {"%x: tensor<1x2x2x4x!a>",
      "%0 = q.lrn %x {size = 3 : i64, alpha = 1.0 : f32, beta = 0.75 : f32, "
      "bias = 1.0 : f32} : (tensor<1x2x2x4x!a>) -> tensor<1x2x2x4x!b>",
      "%0 : tensor<1x2x2x4x!b>"}},
    {"q.layer_norm",
     {"%x: tensor<2x4x!a>",
      "%s = q.const dense<1.0> : tensor<4xf32> %0 = "
      "q.layer_norm %x, %s {axis = 1 : i64, epsilon = 0.1 : f32} : "
      "(tensor<2x4x!a>, tensor<4xf32>) -> tensor<2x4x!b>",
      "%0 : tensor<2x4x!b>"}},
    {"q.resize",
     {"%x: tensor<1x2x2x4x!a>",
      "%0 = q.resize %x {mode = #q<resize_mode linear>, coordinates = "
      "#q<coordinate_mode half_pixel>, scales = array<f32: 2.0, 2.0>} : "
      "(tensor<1x2x2x4x!a>) -> tensor<1x4x4x4x!b>",
      "%0 : tensor<1x4x4x4x!b>"}},
    {"q.concat",
     {"%x: tensor<2x!a>, %y: tensor<3x!a>",
      "%0 = q.concat %x, %y {axis = 0 : i64} : (tensor<2x!a>, tensor<3x!a>) -> "
      "tensor<5x!a>",
      "%0 : tensor<5x!a>"}},
    {"q.slice",
     {"%x: tensor<4x!a>",
      "%0 = q.slice %x {starts = array<i64: 3>, sizes = array<i64: 2>, steps = "
      "array<i64: -2>} : (tensor<4x!a>) -> tensor<2x!a>",
      "%0 : tensor<2x!a>"}},
    {"q.pad",
     {"%x: tensor<4x!a>",
      "%0 = q.pad %x {low = array<i64: 1>, high = array<i64: 0>} : "
      "(tensor<4x!a>) -> tensor<5x!a>",
      "%0 : tensor<5x!a>"}},
    {"q.transpose",
     {"%x: tensor<2x3x!a>",
      "%0 = q.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3x!a>) -> "
      "tensor<3x2x!a>",
      "%0 : tensor<3x2x!a>"}},
    {"q.transpose",
     {"%x: tensor<2x3xf32>",
      "%0 = q.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> "
      "tensor<3x2xf32>",
      "%0 : tensor<3x2xf32>"}},
    {"q.reshape",
     {"%x: tensor<2x3x!a>",
      "%0 = q.reshape %x : (tensor<2x3x!a>) -> tensor<6x!a>",
      "%0 : tensor<6x!a>"}},
    {"q.gather",
     {"%x: tensor<4x!a>",
      "%0 = q.gather %x {indices = array<i64: 3, 3, 0>, axis = 0 : i64} : "
      "(tensor<4x!a>) -> tensor<3x!a>",
      "%0 : tensor<3x!a>"}},
    {"q.expand",
     {"%x: tensor<1x3x!a>",
      "%0 = q.expand %x : (tensor<1x3x!a>) -> tensor<2x3x!a>",
      "%0 : tensor<2x3x!a>"}},
    {"q.compare",
     {"%x: tensor<4xf32>, %y: tensor<4xf32>",
      "%0 = q.compare less %x, %y : (tensor<4xf32>, tensor<4xf32>) -> "
      "tensor<4xf32>",
      "%0 : tensor<4xf32>"}},
    {"q.select",
     {"%x: tensor<4xf32>, %y: tensor<4xf32>",
      "%0 = q.select %x, %y, %x : (tensor<4xf32>, tensor<4xf32>, "
      "tensor<4xf32>) -> tensor<4xf32>",
      "%0 : tensor<4xf32>"}},
    {"q.arg_reduce",
     {"%x: tensor<2x4xf32>",
      "%0 = q.arg_reduce max %x {axis = 1 : i64} : (tensor<2x4xf32>) -> "
      "tensor<2x1xf32>",
      "%0 : tensor<2x1xf32>"}},
};

std::string makeModule(const Case &test) {
  std::string result = test.result;
  return "!a = !quant.uniform<u8:f32, 0.5:3>\n"
         "!b = !quant.uniform<i8:f32, 0.25:-2>\n"
         "!s = !quant.uniform<u8:f32, 0.00390625>\n"
         "!w = !quant.uniform<i8<-127:127>:f32, 0.125>\n"
         "module attributes {q.float_islands} {\n"
         "func.func @main(" +
         std::string(test.arguments) + ") -> " +
         result.substr(result.find(':') + 1) + " {\n" + test.op + "\nreturn " +
         result + "\n}\n}\n";
}

class ExportOps : public testing::Test {
protected:
  ExportOps() {
    context.loadDialect<q::QDialect, func::FuncDialect, quant::QuantDialect>();
  }
  MLIRContext context;
};

TEST_F(ExportOps, EveryOpIsExportedOrFloatOnly) {
  size_t count = 0;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "q")
      continue;
    ++count;
    std::string op = name.getStringRef().str();
    EXPECT_NE(kCases.count(op) > 0, kFloatOnly.count(op) > 0)
        << op << " must have a case here, or be named as float only";
  }
  EXPECT_GT(count, 30u);
}

TEST_F(ExportOps, EveryCaseIsWritten) {
  for (const auto &[name, test] : kCases) {
    auto module = parseSourceString<ModuleOp>(makeModule(test), &context);
    ASSERT_TRUE(module) << name << "\n" << makeModule(test);
    bool holdsOp = false;
    module->walk([&, op = name](Operation *inner) {
      holdsOp |= inner->getName().getStringRef() == op;
    });
    EXPECT_TRUE(holdsOp) << name;
    std::string text;
    llvm::raw_string_ostream stream(text);
    EXPECT_TRUE(succeeded(q::exportOnnxQdq(*module, stream))) << name;
    EXPECT_FALSE(text.empty()) << name;
  }
}

} // namespace
