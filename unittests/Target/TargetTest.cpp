//===- TargetTest.cpp - Targets, headers, files ---------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/CIdentifier.h"
#include "QDialect/OutputFile.h"
#include "QDialect/Target/EmitLibrary.h"
#include "QDialect/Target/Header.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

#include "gtest/gtest.h"

#include <dlfcn.h>

using namespace mlir;

namespace {

class TargetTest : public ::testing::Test {
protected:
  TargetTest() : loc(UnknownLoc::get(&context)) {
    context.loadDialect<LLVM::LLVMDialect>();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("q-target", folder));
  }
  ~TargetTest() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) { return (folder + "/" + name).str(); }

  MLIRContext context;
  Location loc;
  std::string message;
  llvm::SmallString<128> folder;
};

TEST_F(TargetTest, KnowsItsTargets) {
  EXPECT_EQ(q::parseTarget("x86-64-v3", loc)->kernels, "avx2");
  EXPECT_EQ(q::parseTarget("x86-64-v3+avxvnni", loc)->kernels, "avxvnni");
  auto v4 = q::parseTarget("x86-64-v4+avx512vnni", loc);
  EXPECT_EQ(v4->kernels, "avx512vnni");
  EXPECT_EQ(v4->cpu, "x86-64-v4");
  EXPECT_EQ(v4->features, "+avx512vnni");
  EXPECT_EQ(q::parseTarget("aarch64", loc)->kernels, "neon");
  EXPECT_EQ(q::parseTarget("aarch64+dotprod", loc)->kernels, "dotprod");
  auto both = q::parseTarget("aarch64+i8mm+dotprod", loc);
  EXPECT_EQ(both->kernels, "i8mm");
  EXPECT_EQ(both->features, "+neon,+i8mm,+dotprod");
  for (const char *name : {"x86-64-v3", "x86-64-v3+avxvnni",
                           "x86-64-v4+avx512vnni", "aarch64+dotprod"}) {
    auto machine = q::createTargetMachine(*q::parseTarget(name, loc), loc);
    ASSERT_TRUE(succeeded(machine));
    EXPECT_TRUE(*machine);
  }
}

TEST_F(TargetTest, RefusesOthersByName) {
  for (const char *name : {"riscv64", "aarch64+sve", "x86-64-v3+vnni", ""}) {
    EXPECT_TRUE(failed(q::parseTarget(name, loc)));
    EXPECT_NE(message.find("unknown target '" + std::string(name) + "'"),
              std::string::npos);
    EXPECT_NE(message.find("aarch64+dotprod"), std::string::npos);
  }
}

TEST(Header, MakesIdentifiers) {
  EXPECT_EQ(q::getCIdentifier("resnet8"), "resnet8");
  EXPECT_EQ(q::getCIdentifier("squeezenet1.1-int8"), "squeezenet1_1_int8");
  EXPECT_EQ(q::getCIdentifier("8bit"), "_8bit");
  EXPECT_EQ(q::getCIdentifier(""), "_");
}

TEST(Header, DescribesInputsAndOutputs) {
  auto info = llvm::json::parse(R"({"arena_bytes": 640, "arena_alignment": 32,
    "inputs": [{"name": "x*/y", "shape": [1, 3, 4], "type": "float32"}],
    "outputs": [{"name": "p", "shape": [1, 10], "type": "uint8",
                 "scale": 0.00390625, "zero_point": 3}]})");
  ASSERT_TRUE(static_cast<bool>(info));
  std::string text = q::makeHeader(*info->getAsObject(), "net", "x86-64-v3");
  for (const char *line :
       {"#define NET_ARENA_SIZE 640", "#define NET_ARENA_ALIGNMENT 32",
        "#define NET_INPUT_0_SHAPE {1, 3, 4}", "#define NET_INPUT_0_SIZE 12",
        "#define NET_INPUT_0_TYPE float", "#define NET_OUTPUT_0_TYPE uint8_t",
        "#define NET_OUTPUT_0_SCALE 0.00390625",
        "#define NET_OUTPUT_0_ZERO_POINT 3", "/* 'x_/y': float[1, 3, 4]",
        "int net_run(const void *const *inputs, void *const *outputs, void "
        "*arena);"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(TargetTest, WritesWholeFilesOrNone) {
  ASSERT_TRUE(succeeded(q::writeFileAtomically(path("a"), "one", loc)));
  ASSERT_TRUE(succeeded(q::writeFileAtomically(path("a"), "two", loc)));
  auto buffer = llvm::MemoryBuffer::getFile(path("a"));
  ASSERT_TRUE(static_cast<bool>(buffer));
  EXPECT_EQ((*buffer)->getBuffer(), "two");
  EXPECT_TRUE(failed(q::writeFileAtomically(path("no/a"), "x", loc)));
  EXPECT_NE(message.find("cannot write"), std::string::npos);
  // What is not kept never was.
  std::string error;
  {
    auto file = q::OutputFile::open(path("a"), error);
    ASSERT_TRUE(file) << error;
    file->os() << "three";
  }
  buffer = llvm::MemoryBuffer::getFile(path("a"));
  ASSERT_TRUE(static_cast<bool>(buffer));
  EXPECT_EQ((*buffer)->getBuffer(), "two");
  // Nothing but the one file is left.
  std::error_code code;
  int count = 0;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end;
       it.increment(code))
    ++count;
  EXPECT_EQ(count, 1);
}

TEST_F(TargetTest, EmitsALibraryThatRuns) {
  auto module = parseSourceString<ModuleOp>(R"(
    llvm.func @answer_run(%in: !llvm.ptr, %out: !llvm.ptr, %arena: !llvm.ptr)
        -> i32 {
      %0 = llvm.mlir.constant(42 : i32) : i32
      llvm.return %0 : i32
    })",
                                            &context);
  ASSERT_TRUE(module);
  q::EmitPaths paths;
  paths.shared = path("libanswer.so");
  paths.archive = path("libanswer.a");
  paths.assembly = path("answer.s");
  auto target = q::parseTarget("x86-64-v3", loc);
  auto sizes = q::emitLibrary(*module, *target, paths);
  ASSERT_TRUE(succeeded(sizes)) << message;
  EXPECT_GT(sizes->text, 0u);
  EXPECT_TRUE(llvm::sys::fs::exists(paths.archive));
  EXPECT_TRUE(llvm::sys::fs::exists(paths.assembly));
  void *library = dlopen(paths.shared.c_str(), RTLD_NOW);
  ASSERT_TRUE(library) << dlerror();
  using Run = int (*)(const void *const *, void *const *, void *);
  auto run = reinterpret_cast<Run>(dlsym(library, "answer_run"));
  ASSERT_TRUE(run);
  EXPECT_EQ(run(nullptr, nullptr, nullptr), 42);
  dlclose(library);

  // The same module for the other architecture.
  paths.shared = path("libanswer64.so");
  EXPECT_TRUE(succeeded(
      q::emitLibrary(*module, *q::parseTarget("aarch64", loc), paths)))
      << message;
}

} // namespace
