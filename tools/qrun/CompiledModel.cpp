//===- CompiledModel.cpp - Runs compiled models in this process -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Model.h"

#include "QDialect/Conversion/Threads.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/Path.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace mlir;
using namespace q;
using namespace q::qrun;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// What a compiled model says of itself
//===----------------------------------------------------------------------===//

static bool parseTensor(const json::Object &object, TensorInfo &info) {
  info.name = object.getString("name").value_or("").str();
  const json::Array *shape = object.getArray("shape");
  std::optional<StringRef> type = object.getString("type");
  if (!shape || !type)
    return false;
  for (const json::Value &extent : *shape) {
    std::optional<int64_t> value = extent.getAsInteger();
    if (!value || *value < 1 || *value > INT32_MAX)
      return false;
    info.shape.push_back(*value);
  }
  info.isFloat = *type == "float32";
  info.isSigned = !type->starts_with("u");
  info.bits = llvm::StringSwitch<unsigned>(*type)
                  .Cases({"int8", "uint8"}, 8)
                  .Cases({"int16", "uint16"}, 16)
                  .Cases({"int32", "uint32", "float32"}, 32)
                  .Default(0);
  auto parseParams =
      [&](const json::Object &from) -> std::optional<numerics::QuantParams> {
    auto scale = from.getNumber("scale");
    auto zeroPoint = from.getInteger("zero_point");
    auto qmin = from.getInteger("qmin"), qmax = from.getInteger("qmax");
    if (!scale || !zeroPoint || !qmin || !qmax)
      return std::nullopt;
    return numerics::QuantParams{*scale, *zeroPoint, *qmin, *qmax};
  };
  (info.isFloat ? info.quantizedAs : info.params) = parseParams(object);
  return info.bits != 0;
}

static bool parseTensors(const json::Array *array,
                         std::vector<TensorInfo> &tensors) {
  if (!array)
    return false;
  for (const json::Value &value : *array) {
    const json::Object *object = value.getAsObject();
    if (!object || !parseTensor(*object, tensors.emplace_back()))
      return false;
  }
  return true;
}

FailureOr<CompiledInfo> q::qrun::parseInfo(StringRef text, StringRef path,
                                           Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc) << "cannot run '" << path << "': " << why;
  };
  llvm::Expected<json::Value> document = json::parse(text);
  if (!document)
    return fail("its description is damaged: " +
                llvm::toString(document.takeError()));
  const json::Object *root = document->getAsObject();
  CompiledInfo info;
  if (!root || !parseTensors(root->getArray("inputs"), info.inputs) ||
      !parseTensors(root->getArray("outputs"), info.outputs))
    return fail("its description lacks inputs or outputs");
  if (root->getInteger("abi").value_or(1) != 1)
    return fail("it was made for another version of the C interface; compile "
                "it again");
  if (const json::Array *profile = root->getArray("profile"))
    for (const json::Value &value : *profile)
      if (const json::Object *layer = value.getAsObject())
        info.layers.push_back({layer->getString("name").value_or("").str(),
                               layer->getString("kernel").value_or("").str(),
                               layer->getString("why").value_or("").str(),
                               layer->getInteger("macs").value_or(0)});
  info.threads = root->getInteger("threads").value_or(1);
  info.arenaBytes = root->getInteger("arena_bytes").value_or(0);
  info.arenaAlignment =
      std::max<int64_t>(64, root->getInteger("arena_alignment").value_or(64));
  if (info.arenaBytes < 0 || info.arenaBytes > (int64_t(1) << 40) ||
      !llvm::isPowerOf2_64(info.arenaAlignment))
    return fail("its description asks for an impossible arena");
  return info;
}

static void collectSymbols(const llvm::object::ObjectFile &object,
                           llvm::StringSet<> &names,
                           llvm::StringSet<> &undefined) {
  auto add = [&](const llvm::object::SymbolRef &symbol) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<StringRef> name = symbol.getName();
    bool isDefined = flags && !(*flags & llvm::object::SymbolRef::SF_Undefined);
    if (name && flags)
      (isDefined ? names : undefined).insert(*name);
    llvm::consumeError(flags.takeError());
    llvm::consumeError(name.takeError());
  };
  for (const auto &symbol : object.symbols())
    add(symbol);
  if (auto *elf = dyn_cast<llvm::object::ELFObjectFileBase>(&object))
    for (const auto &symbol : elf->getDynamicSymbolIterators())
      add(symbol);
}

FailureOr<FoundModel> q::qrun::findModel(StringRef path, Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc) << "cannot run '" << path << "': " << why;
  };
  auto binary = llvm::object::createBinary(path);
  if (!binary)
    return fail(llvm::toString(binary.takeError()));
  FoundModel model;
  llvm::StringSet<> names, undefined;
  auto visit = [&](const llvm::object::ObjectFile &object) {
    model.isAArch64 = object.getArch() == llvm::Triple::aarch64;
    collectSymbols(object, names, undefined);
  };
  if (auto *object = dyn_cast<llvm::object::ObjectFile>(binary->getBinary()))
    visit(*object);
  if (auto *archive = dyn_cast<llvm::object::Archive>(binary->getBinary())) {
    llvm::Error error = llvm::Error::success();
    for (const auto &child : archive->children(error)) {
      auto member = child.getAsBinary();
      if (!member) {
        llvm::consumeError(member.takeError());
        continue;
      }
      if (auto *object = dyn_cast<llvm::object::ObjectFile>(member->get()))
        visit(*object);
    }
    if (error)
      return fail(llvm::toString(std::move(error)));
  }
  model.needsRuntime = undefined.contains(kParallelSymbol);
  std::string &found = model.name;
  for (const auto &entry : names) {
    StringRef name = entry.getKey();
    if (!name.consume_back("_run") || !names.contains((name + "_info").str()))
      continue;
    if (!found.empty())
      return fail("it holds more than one model ('" + found + "' and '" + name +
                  "')");
    found = name.str();
  }
  if (found.empty())
    return fail("it holds no NAME_run with a NAME_info, so it is no model "
                "compiled by qcc");
  return model;
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

size_t q::qrun::getNumBytes(const TensorInfo &info) {
  return info.getNumElements() * (info.bits / 8);
}

void q::qrun::packTensor(const Tensor &tensor, const TensorInfo &info,
                         char *bytes) {
  if (info.isFloat) {
    std::memcpy(bytes, tensor.f().data(), getNumBytes(info));
    return;
  }
  // Little endian: the low bytes are the narrower integer, signed or not.
  unsigned size = info.bits / 8;
  for (int32_t value : tensor.i()) {
    std::memcpy(bytes, &value, size);
    bytes += size;
  }
}

Tensor q::qrun::unpackTensor(const char *bytes, const TensorInfo &info) {
  if (info.isFloat) {
    Tensor tensor = Tensor::floats(info.shape);
    std::memcpy(tensor.f().data(), bytes, getNumBytes(info));
    return tensor;
  }
  Tensor tensor = Tensor::integers(info.shape);
  unsigned size = info.bits / 8;
  for (int32_t &value : tensor.i()) {
    uint32_t raw = 0;
    std::memcpy(&raw, bytes, size);
    value = info.isSigned ? llvm::SignExtend32(raw, info.bits)
                          : static_cast<int32_t>(raw);
    bytes += size;
  }
  return tensor;
}

//===----------------------------------------------------------------------===//
// Shared libraries
//===----------------------------------------------------------------------===//

namespace {

/// Memory of a given alignment, with a border that must not change.
class GuardedBuffer {
public:
  GuardedBuffer(size_t size, size_t alignment)
      : size(size), memory(size + alignment + kBorder) {
    auto address = reinterpret_cast<uintptr_t>(memory.data());
    begin = memory.data() + (llvm::alignTo(address, alignment) - address);
    std::memset(begin + size, kPattern, kBorder);
  }
  char *data() { return begin; }
  bool isIntact() const {
    return llvm::all_of(ArrayRef(begin + size, kBorder),
                        [](char c) { return c == kPattern; });
  }

private:
  static constexpr size_t kBorder = 64;
  static constexpr char kPattern = 0x5a;
  size_t size;
  std::vector<char> memory;
  char *begin;
};

class SharedLibraryModel : public Model {
public:
  using Function = int (*)(const void *const *, void *const *, void *);

  SharedLibraryModel(void *library, Function function, const uint64_t *ticks,
                     CompiledInfo info, StringRef path, Location loc)
      : library(library), function(function), ticks(ticks), path(path),
        loc(loc), arena(info.arenaBytes, info.arenaAlignment) {
    if (ticks)
      layers = std::move(info.layers);
    threads = info.threads;
    inputs = std::move(info.inputs);
    outputs = std::move(info.outputs);
    for (const TensorInfo &input : inputs)
      inputBuffers.emplace_back(getNumBytes(input), 64);
    for (const TensorInfo &output : outputs)
      outputBuffers.emplace_back(getNumBytes(output), 64);
  }
  ~SharedLibraryModel() override { dlclose(library); }

  const uint64_t *getLayerTicks() const override { return ticks; }

  FailureOr<SmallVector<Tensor>> run(ArrayRef<Tensor> tensors) override {
    SmallVector<const void *> in;
    SmallVector<void *> out;
    for (auto [tensor, info, buffer] :
         llvm::zip_equal(tensors, inputs, inputBuffers)) {
      packTensor(tensor, info, buffer.data());
      in.push_back(buffer.data());
    }
    for (GuardedBuffer &buffer : outputBuffers)
      out.push_back(buffer.data());
    int status = function(in.data(), out.data(), arena.data());
    if (status != 0)
      return emitError(loc)
             << "'" << path << "' returned the error code " << status;
    bool isIntact = arena.isIntact();
    for (const GuardedBuffer &buffer : outputBuffers)
      isIntact &= buffer.isIntact();
    if (!isIntact)
      return emitError(loc) << "'" << path << "' wrote beyond the end of its "
                            << "arena or of an output; this is a bug of the "
                            << "compiler";
    SmallVector<Tensor> results;
    for (auto [info, buffer] : llvm::zip_equal(outputs, outputBuffers))
      results.push_back(unpackTensor(buffer.data(), info));
    return results;
  }

private:
  void *library;
  Function function;
  const uint64_t *ticks;
  std::string path;
  Location loc;
  GuardedBuffer arena;
  std::vector<GuardedBuffer> inputBuffers, outputBuffers;
};

} // namespace

ModelOr q::qrun::openSharedLibrary(StringRef path, Location loc) {
  FailureOr<FoundModel> found = findModel(path, loc);
  if (failed(found))
    return failure();
  const std::string &name = found->name;
  if (found->isAArch64)
    return emitError(loc) << "cannot run '" << path
                          << "': it is for aarch64; give the archive (.a) "
                             "beside it, which is run under an emulator";
  // Without a slash dlopen would search the system's folders.
  SmallString<128> full(path);
  llvm::sys::path::remove_dots(full);
  if (!StringRef(full).contains('/'))
    full = (Twine("./") + path).str();
  void *library = dlopen(full.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return emitError(loc) << "cannot load '" << path
                          << "': " << StringRef(dlerror());
  auto *run = reinterpret_cast<SharedLibraryModel::Function>(
      dlsym(library, (name + "_run").c_str()));
  auto *text =
      static_cast<const char *>(dlsym(library, (name + "_info").c_str()));
  auto close = llvm::scope_exit([&] { dlclose(library); });
  if (!run || !text)
    return emitError(loc) << "cannot run '" << path << "': '" << name
                          << "_run' or '" << name << "_info' is hidden";
  FailureOr<CompiledInfo> info = parseInfo(text, path, loc);
  if (failed(info))
    return failure();
  close.release();
  auto *ticks = static_cast<const uint64_t *>(
      dlsym(library, (name + "_profile").c_str()));
  return std::unique_ptr<Model>(std::make_unique<SharedLibraryModel>(
      library, run, ticks, std::move(*info), path, loc));
}
