//===- CompiledModel.cpp - Compiles IR in a test and runs it --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompiledModel.h"

#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Conversion/StorageTypes.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/Target/EmitLibrary.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace mlir;
using namespace q;
using namespace q::test;
using eval::Tensor;

MLIRContext &q::test::getContext() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registerLoweringDialects(registry);
    return new MLIRContext(registry);
  }();
  return *context;
}

static func::FuncOp getMain(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

CompiledModel::CompiledModel(const std::string &text,
                             const ModelSettings &settings) {
  MLIRContext &context = getContext();
  source = parseSourceString<ModuleOp>(text, &context);
  if (!source) {
    ADD_FAILURE() << "cannot parse\n" << text;
    return;
  }
  OwningOpRef<ModuleOp> lowered = source->clone();
  PassManager passes(&context);
  LoweringOptions options;
  options.kernels = settings.kernels;
  options.winograd = settings.winograd;
  options.threads = settings.threads;
  options.threadWork = 1;
  buildLowerToLLVMPipeline(passes, options);
  if (failed(passes.run(*lowered))) {
    ADD_FAILURE() << "cannot lower\n" << text;
    return;
  }
  SmallString<128> name;
  llvm::sys::fs::createTemporaryFile("q_lowering", "so", name);
  path = name.str().str();
  FailureOr<Target> target = parseTarget("x86-64-v3", source->getLoc());
  EmitPaths paths;
  paths.shared = path;
  if (failed(target) || failed(emitLibrary(*lowered, *target, paths))) {
    ADD_FAILURE() << "cannot emit\n" << text;
    return;
  }
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    ADD_FAILURE() << dlerror();
    return;
  }
  entry = reinterpret_cast<decltype(entry)>(dlsym(library, "model_run"));
  EXPECT_NE(entry, nullptr);
}

CompiledModel::~CompiledModel() {
  if (library)
    dlclose(library);
  if (!path.empty())
    llvm::sys::fs::remove(path);
}

std::string CompiledModel::getInfo() const {
  return static_cast<const char *>(dlsym(library, "model_info"));
}

std::vector<std::string> CompiledModel::getUndefinedSymbols() const {
  std::vector<std::string> names;
  auto file = llvm::object::ObjectFile::createObjectFile(path);
  if (!file)
    return {"unreadable: " + llvm::toString(file.takeError())};
  auto *elf = cast<llvm::object::ELFObjectFileBase>(file->getBinary());
  for (const llvm::object::ELFSymbolRef &symbol :
       elf->getDynamicSymbolIterators()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (flags && name && (*flags & llvm::object::SymbolRef::SF_Undefined))
      names.push_back(name->str());
  }
  return names;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Bytes of an element as the C interface has it.
static unsigned getElementBytes(Type element) {
  if (auto quantized = dyn_cast<quant::QuantizedType>(element))
    return getStorageInteger(quantized).getWidth() / 8;
  return element.getIntOrFloatBitWidth() / 8;
}

static std::vector<char> pack(const Tensor &tensor, RankedTensorType type) {
  unsigned bytes = getElementBytes(type.getElementType());
  std::vector<char> packed(bytes * tensor.getNumElements());
  for (int64_t i = 0; i < tensor.getNumElements(); ++i)
    if (tensor.isFloat())
      std::memcpy(&packed[i * bytes], &tensor.f()[i], bytes);
    else // Little endian: the low bytes come first.
      std::memcpy(&packed[i * bytes], &tensor.i()[i], bytes);
  return packed;
}

static Tensor unpack(const char *packed, RankedTensorType type) {
  Type element = type.getElementType();
  unsigned bytes = getElementBytes(element);
  if (isa<FloatType>(element)) {
    Tensor tensor = Tensor::floats(type.getShape());
    std::memcpy(tensor.f().data(), packed, tensor.getNumElements() * bytes);
    return tensor;
  }
  Tensor tensor = Tensor::integers(type.getShape());
  bool isSigned = cast<quant::QuantizedType>(element).isSigned();
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    int32_t value = 0;
    std::memcpy(&value, packed + i * bytes, bytes);
    unsigned unused = 32 - 8 * bytes;
    if (isSigned)
      value = static_cast<int32_t>(static_cast<uint32_t>(value) << unused) >>
              unused;
    tensor.i()[i] = value;
  }
  return tensor;
}

std::vector<Tensor> CompiledModel::run(ArrayRef<Tensor> inputs) const {
  func::FuncOp main = getMain(*source);
  std::vector<std::vector<char>> storage;
  std::vector<const void *> in;
  std::vector<void *> out;
  for (auto [tensor, type] : llvm::zip_equal(inputs, main.getArgumentTypes())) {
    storage.push_back(pack(tensor, cast<RankedTensorType>(type)));
    in.push_back(storage.back().data());
  }
  std::vector<std::vector<char>> results;
  for (Type type : main.getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    // Not zero, so that an element that is never written shows.
    results.emplace_back(tensor.getNumElements() *
                             getElementBytes(tensor.getElementType()),
                         0x5a);
    out.push_back(results.back().data());
  }
  auto info = llvm::json::parse(getInfo());
  if (!info) {
    ADD_FAILURE() << llvm::toString(info.takeError());
    return {};
  }
  size_t size = info->getAsObject()->getInteger("arena_bytes").value_or(0);
  void *arena = std::aligned_alloc(64, (size + 64) / 64 * 64);
  std::memset(arena, 0xa5, size);
  EXPECT_EQ(entry(in.data(), out.data(), arena), 0);
  std::free(arena);
  std::vector<Tensor> tensors;
  for (auto [bytes, type] : llvm::zip_equal(results, main.getResultTypes()))
    tensors.push_back(unpack(bytes.data(), cast<RankedTensorType>(type)));
  return tensors;
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

static Tensor makeInput(RankedTensorType type, Fill fill,
                        std::mt19937 &random) {
  int64_t count = type.getNumElements();
  if (isa<FloatType>(type.getElementType())) {
    Tensor tensor = Tensor::floats(type.getShape());
    const float special[] = {NAN,   INFINITY, -INFINITY, 0.25f, -0.25f, 0.75f,
                             1e30f, -1e30f,   0.0f,      -0.0f, 1e-40f, 2.5f};
    for (int64_t i = 0; i < count; ++i)
      switch (fill) {
      case Fill::Random:
        tensor.f()[i] = (static_cast<int>(random() % 20001) - 10000) / 200.0f;
        break;
      case Fill::Lowest:
        tensor.f()[i] = -1e6f;
        break;
      case Fill::Highest:
        tensor.f()[i] = 1e6f;
        break;
      case Fill::Alternating:
        tensor.f()[i] = i % 2 ? 1e6f : -1e6f;
        break;
      case Fill::Special:
        tensor.f()[i] = special[i % (sizeof special / sizeof *special)];
        break;
      }
    return tensor;
  }
  auto quantized = cast<quant::QuantizedType>(type.getElementType());
  int64_t lo = quantized.getStorageTypeMin();
  int64_t hi = quantized.getStorageTypeMax();
  Tensor tensor = Tensor::integers(type.getShape());
  for (int64_t i = 0; i < count; ++i)
    switch (fill) {
    case Fill::Random:
      tensor.i()[i] = static_cast<int32_t>(
          lo + static_cast<int64_t>(random() % (uint64_t(hi - lo) + 1)));
      break;
    case Fill::Lowest:
      tensor.i()[i] = static_cast<int32_t>(lo);
      break;
    case Fill::Highest:
      tensor.i()[i] = static_cast<int32_t>(hi);
      break;
    case Fill::Alternating:
      tensor.i()[i] = static_cast<int32_t>(i % 2 ? hi : lo);
      break;
    case Fill::Special:
      // Every value in turn.
      tensor.i()[i] = static_cast<int32_t>(lo + i % (hi - lo + 1));
      break;
    }
  return tensor;
}

std::vector<Tensor> q::test::makeInputs(ModuleOp module, Fill fill,
                                        std::mt19937 &random) {
  std::vector<Tensor> inputs;
  for (Type type : getMain(module).getArgumentTypes())
    inputs.push_back(makeInput(cast<RankedTensorType>(type), fill, random));
  return inputs;
}

static void expectEqual(const Tensor &expected, const Tensor &actual,
                        size_t number, const std::string &text) {
  int64_t differences = 0;
  std::string first;
  for (int64_t i = 0; i < expected.getNumElements(); ++i) {
    bool same;
    std::string values;
    if (expected.isFloat()) {
      // Bits, so that the signs of zeros count; one NaN is like another.
      same = std::memcmp(&expected.f()[i], &actual.f()[i], 4) == 0 ||
             (std::isnan(expected.f()[i]) && std::isnan(actual.f()[i]));
      values = std::to_string(expected.f()[i]) + " but got " +
               std::to_string(actual.f()[i]);
    } else {
      same = expected.i()[i] == actual.i()[i];
      values = std::to_string(expected.i()[i]) + " but got " +
               std::to_string(actual.i()[i]);
    }
    if (!same && differences++ == 0)
      first = "element " + std::to_string(i) + " should be " + values;
  }
  EXPECT_EQ(differences, 0)
      << "of " << expected.getNumElements() << " elements of result " << number
      << "; " << first << "\n"
      << text;
}

void q::test::expectSameBits(const std::string &text, bool kernels) {
  for (int64_t threads : {1, 3})
    expectSameBits(text, ModelSettings{kernels, threads});
}

void q::test::expectSameBits(const std::string &text,
                             const ModelSettings &settings) {
  CompiledModel model(text, settings);
  if (!model.ok())
    return;
  auto reference = eval::createReferenceEvaluator(getMain(model.getSource()));
  if (failed(reference)) {
    ADD_FAILURE() << "the reference evaluator refuses\n" << text;
    return;
  }
  std::mt19937 random(7);
  SmallVector<Fill> fills = {Fill::Random, Fill::Alternating};
  // Threads change which elements are computed, not how.
  if (settings.threads == 1)
    llvm::append_values(fills, Fill::Random, Fill::Random, Fill::Lowest,
                        Fill::Highest, Fill::Special);
  for (Fill fill : fills) {
    std::vector<Tensor> inputs = makeInputs(model.getSource(), fill, random);
    FailureOr<SmallVector<Tensor>> expected = (*reference)->run(inputs);
    if (failed(expected)) {
      ADD_FAILURE() << "the reference evaluator fails\n" << text;
      return;
    }
    std::vector<Tensor> actual = model.run(inputs);
    ASSERT_EQ(expected->size(), actual.size());
    for (size_t i = 0; i < actual.size(); ++i)
      expectEqual((*expected)[i], actual[i], i, text);
    if (::testing::Test::HasFailure())
      return;
  }
}
