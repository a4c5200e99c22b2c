//===- CExampleTest.cpp - The C example on every target -------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a small network for each target, links examples/c/classify.c with
// its archive by a C compiler, runs it (aarch64 under qemu), and compares its
// output with the reference evaluator.
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"

#include "QDialect/Conversion/CInterface.h"
#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/OutputFile.h"
#include "QDialect/Target/EmitLibrary.h"
#include "QDialect/Target/Header.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace mlir;
using namespace q;
using namespace q::test;

namespace {

// A layer as a kernel and as loops, an addition, pools, a table, a softmax.
const char *const kNetwork = R"mlir(
!a = !quant.uniform<u8:f32, 0.0361:131>
!b = !quant.uniform<u8:f32, 0.0214:7>
!p = !quant.uniform<u8:f32, 0.00390625>
!w = !quant.uniform<i8<-127:127>:f32, 0.0125>
func.func @main(%x: tensor<1x16x8x8xf32>) -> tensor<1x16x4x4xf32> {
  %t = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x16x8x8xf32>) -> tensor<1x8x8x16xf32>
  %0 = q.quantize %t : tensor<1x8x8x16xf32> -> tensor<1x8x8x16x!a>
  %w = q.const dense<"WEIGHTS"> : tensor<16x3x3x16xi8> as tensor<16x3x3x16x!w>
  %1 = q.conv2d %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, clamp_min = 0.0 : f32} : (tensor<1x8x8x16x!a>, tensor<16x3x3x16x!w>) -> tensor<1x8x8x16x!b>
  %2 = q.add %0, %1 : (tensor<1x8x8x16x!a>, tensor<1x8x8x16x!b>) -> tensor<1x8x8x16x!a>
  %3 = q.max_pool2d %2 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16x!a>) -> tensor<1x4x4x16x!a>
  %4 = q.avg_pool2d %2 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16x!a>) -> tensor<1x4x4x16x!b>
  %5 = q.mul %3, %4 : (tensor<1x4x4x16x!a>, tensor<1x4x4x16x!b>) -> tensor<1x4x4x16x!a>
  %6 = q.unary tanh %5 : (tensor<1x4x4x16x!a>) -> tensor<1x4x4x16x!b>
  %7 = q.softmax %6 {axis = 3} : (tensor<1x4x4x16x!b>) -> tensor<1x4x4x16x!p>
  %8 = q.dequantize %7 : tensor<1x4x4x16x!p> -> tensor<1x4x4x16xf32>
  %9 = q.transpose %8 {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x16xf32>) -> tensor<1x16x4x4xf32>
  return %9 : tensor<1x16x4x4xf32>
}
)mlir";

std::string getNetwork() {
  std::mt19937 random(3);
  std::string weights = "0x";
  for (int i = 0; i < 16 * 3 * 3 * 16; ++i) {
    auto byte = static_cast<uint8_t>(static_cast<int>(random() % 255) - 127);
    weights += "0123456789ABCDEF"[byte >> 4];
    weights += "0123456789ABCDEF"[byte & 15];
  }
  std::string text = kNetwork;
  return text.replace(text.find("WEIGHTS"), 7, weights);
}

/// Runs a program of the search path; the test fails if it does.
void execute(std::vector<std::string> command) {
  auto program = llvm::sys::findProgramByName(command[0]);
  ASSERT_TRUE(static_cast<bool>(program)) << command[0] << " is not installed";
  std::vector<StringRef> arguments(command.begin(), command.end());
  std::string error;
  int status = llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt, {},
                                         /*SecondsToWait=*/120, 0, &error);
  ASSERT_EQ(status, 0) << command[0] << ": " << error;
}

class CExample : public ::testing::TestWithParam<const char *> {};

TEST_P(CExample, ComputesWhatTheReferenceComputes) {
  MLIRContext &context = getContext();
  OwningOpRef<ModuleOp> source =
      parseSourceString<ModuleOp>(getNetwork(), &context);
  ASSERT_TRUE(source);
  FailureOr<Target> target = parseTarget(GetParam(), source->getLoc());
  ASSERT_TRUE(succeeded(target));

  OwningOpRef<ModuleOp> lowered = source->clone();
  PassManager passes(&context);
  LoweringOptions options;
  options.target = target->kernels;
  buildLowerToLLVMPipeline(passes, options);
  ASSERT_TRUE(succeeded(passes.run(*lowered)));
  auto info = llvm::json::parse(
      (*lowered)->getAttrOfType<StringAttr>(kInfoAttrName).getValue());
  ASSERT_TRUE(static_cast<bool>(info));

  SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("q-c-example", folder));
  std::string root = folder.str().str() + "/";
  EmitPaths paths;
  paths.archive = root + "libmodel.a";
  ASSERT_TRUE(succeeded(emitLibrary(*lowered, *target, paths)));
  ASSERT_TRUE(succeeded(writeFileAtomically(
      root + "model.h", makeHeader(*info->getAsObject(), "model", GetParam()),
      source->getLoc())));

  std::mt19937 random(11);
  std::vector<eval::Tensor> inputs = makeInputs(*source, Fill::Random, random);
  std::vector<float> &x = inputs[0].f();
  ASSERT_TRUE(succeeded(writeFileAtomically(
      root + "in.bin",
      StringRef(reinterpret_cast<const char *>(x.data()), x.size() * 4),
      source->getLoc())));

  bool isForeign = target->isAArch64();
  execute({isForeign ? Q_AARCH64_CC : Q_HOST_CC, "-std=c11", "-Wall", "-Wextra",
           "-Werror", "-pedantic", "-O1", "-static", "-I" + root,
           Q_EXAMPLES "/c/classify.c", paths.archive, "-o", root + "classify"});
  std::vector<std::string> run{root + "classify", root + "in.bin",
                               root + "out.bin"};
  if (isForeign)
    run.insert(run.begin(), {Q_QEMU_AARCH64, "-cpu", "max"});
  execute(run);

  auto reference = eval::createReferenceEvaluator(
      source->lookupSymbol<func::FuncOp>("main"));
  ASSERT_TRUE(succeeded(reference));
  FailureOr<SmallVector<eval::Tensor>> expected = (*reference)->run(inputs);
  ASSERT_TRUE(succeeded(expected));
  const std::vector<float> &y = (*expected)[0].f();
  auto output = llvm::MemoryBuffer::getFile(root + "out.bin");
  ASSERT_TRUE(static_cast<bool>(output));
  ASSERT_EQ((*output)->getBufferSize(), y.size() * 4);
  EXPECT_EQ(std::memcmp((*output)->getBufferStart(), y.data(), y.size() * 4),
            0);
  llvm::sys::fs::remove_directories(folder);
}

INSTANTIATE_TEST_SUITE_P(Targets, CExample,
                         ::testing::Values("x86-64-v3", "aarch64",
                                           "aarch64+dotprod",
                                           "aarch64+dotprod+i8mm"));

} // namespace
