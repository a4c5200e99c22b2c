//===- TimedLibrary.cpp - A compiled network whose layers are timed -------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TimedLibrary.h"

#include "QDialect/Target/Ticks.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/mman.h>

using namespace mlir;
using namespace q;
namespace json = llvm::json;

/// Nanoseconds of a tick of that counter.
static double measureTick() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  uint64_t first = readTicks();
  std::chrono::duration<double, std::nano> elapsed(0);
  while (elapsed < std::chrono::milliseconds(20))
    elapsed = Clock::now() - begin;
  return elapsed.count() / static_cast<double>(readTicks() - first);
}

//===----------------------------------------------------------------------===//
// What the library says of itself
//===----------------------------------------------------------------------===//

/// Bytes of a tensor of NAME_info, 0 if its description is damaged.
static size_t getNumBytes(const json::Object &tensor) {
  const json::Array *shape = tensor.getArray("shape");
  std::optional<StringRef> type = tensor.getString("type");
  if (!shape || !type)
    return 0;
  size_t bytes = type->ends_with("8") ? 1 : type->ends_with("16") ? 2 : 4;
  for (const json::Value &extent : *shape)
    bytes *= extent.getAsInteger().value_or(0);
  return bytes;
}

/// Values as the network sees them, the same in every library: between the ends
/// of what is quantized, since that is what proofs rely on.
void NetworkMemory::addInput(const json::Object &tensor) {
  std::vector<char> bytes(getNumBytes(tensor));
  std::mt19937 random(1);
  int64_t lo = tensor.getInteger("qmin").value_or(0);
  int64_t hi = tensor.getInteger("qmax").value_or(0);
  auto next = [&] { return lo + int64_t(random() % uint64_t(hi - lo + 1)); };
  StringRef type = *tensor.getString("type");
  if (type == "float32") {
    double scale = tensor.getNumber("scale").value_or(0.0);
    int64_t zero = tensor.getInteger("zero_point").value_or(0);
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      auto value = static_cast<float>(scale * double(next() - zero));
      std::memcpy(&bytes[at], &value, sizeof value);
    }
  } else if (type.ends_with("8")) {
    for (char &byte : bytes)
      byte = static_cast<char>(next());
  }
  inputs.push_back(std::move(bytes));
}

bool NetworkMemory::prepare(const json::Object &info) {
  auto *in = info.getArray("inputs"), *out = info.getArray("outputs");
  if (!in || !out)
    return false;
  if (inputs.empty() && outputs.empty()) {
    for (const json::Value &tensor : *in) {
      if (!tensor.getAsObject() || getNumBytes(*tensor.getAsObject()) == 0)
        return false;
      addInput(*tensor.getAsObject());
    }
    for (const json::Value &tensor : *out)
      if (const json::Object *object = tensor.getAsObject())
        outputs.emplace_back(getNumBytes(*object));
  }
  // On large pages, where the system has them, neighbours are neighbours in the
  // caches.
  constexpr size_t page = size_t(1) << 21;
  auto bytes = static_cast<size_t>(
      std::max<int64_t>(info.getInteger("arena_bytes").value_or(0), 1));
  if (bytes <= arenaBytes)
    return true;
  arenaBytes = llvm::alignTo(bytes, page);
  arena.reset(std::aligned_alloc(page, arenaBytes));
  if (!arena)
    return false;
#ifdef MADV_HUGEPAGE
  madvise(arena.get(), arenaBytes, MADV_HUGEPAGE);
#endif
  std::memset(arena.get(), 0, arenaBytes);
  return true;
}

SmallVector<const void *> NetworkMemory::getInputs() const {
  return llvm::map_to_vector(
      inputs, [](const auto &bytes) -> const void * { return bytes.data(); });
}

SmallVector<void *> NetworkMemory::getOutputs() {
  return llvm::map_to_vector(
      outputs, [](auto &bytes) -> void * { return bytes.data(); });
}

bool TimedLibrary::readInfo(const json::Object &info) {
  auto *profile = info.getArray("profile");
  if (!profile || !memory.prepare(info))
    return false;
  for (const json::Value &value : *profile) {
    TimedLayer &layer = layers.emplace_back();
    const json::Object *object = value.getAsObject();
    const json::Object *tuning = object ? object->getObject("tuning") : nullptr;
    if (!tuning)
      continue;
    layer.key = tuning->getString("layer").value_or("").str();
    layer.kernel = tuning->getString("kernel").value_or("").str();
    layer.description = object->getString("kernel").value_or("").str();
    layer.candidates = tuning->getInteger("candidates").value_or(0);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Loading and running
//===----------------------------------------------------------------------===//

FailureOr<std::unique_ptr<TimedLibrary>>
TimedLibrary::open(const std::string &path, const std::string &name,
                   NetworkMemory &memory, Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc) << "cannot time '" << path << "': " << why;
  };
  std::unique_ptr<TimedLibrary> library(new TimedLibrary(memory, loc));
  library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    return fail(dlerror());
  auto find = [&](StringRef suffix) {
    return dlsym(library->handle, (name + suffix).str().c_str());
  };
  library->function = reinterpret_cast<Function>(find("_run"));
  library->counters = static_cast<const uint64_t *>(find("_profile"));
  auto *text = static_cast<const char *>(find("_info"));
  if (!library->function || !library->counters || !text)
    return fail("it lacks a symbol");
  auto info = json::parse(text);
  if (!info)
    return fail(llvm::toString(info.takeError()));
  const json::Object *root = info->getAsObject();
  if (!root || !library->readInfo(*root))
    return fail("its description is damaged");
  return library;
}

TimedLibrary::~TimedLibrary() {
  if (handle)
    dlclose(handle);
}

LogicalResult TimedLibrary::run(bool counts) {
  static const double tick = measureTick();
  before.assign(counters, counters + layers.size());
  if (int status = function(memory.getInputs().data(),
                            memory.getOutputs().data(), memory.getArena()))
    return emitError(loc) << "a network that was compiled to be timed returned "
                             "the error code "
                          << status;
  if (!counts)
    return success();
  for (auto [i, layer] : llvm::enumerate(layers)) {
    double time = tick * static_cast<double>(counters[i] - before[i]);
    if (layer.nanoseconds == 0 || time < layer.nanoseconds)
      layer.nanoseconds = time;
  }
  return success();
}
