//===- TimedLibrary.h - A network whose layers are timed --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H
#define QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace llvm::json {
class Object;
} // namespace llvm::json

namespace q {

/// A layer of a network that was compiled with counters.
struct TimedLayer {
  /// Of a layer that has candidates to be timed; see kernel::kTuningAttrName.
  std::string key, kernel;
  int64_t candidates = 0;
  /// As `qrun --bench --per-layer` tells its kernel.
  std::string description;
  /// The least time of all runs that counted.
  double nanoseconds = 0;
};

/// What the libraries of one network work on. They share it, so that none is
/// slower for the physical pages that it happened to get: in a cache that looks
/// at physical addresses those make a difference of up to a factor of two.
class NetworkMemory {
public:
  /// Makes inputs and outputs, if that was not done yet, and an arena that is
  /// large enough, as NAME_info asks; false if that is damaged.
  bool prepare(const llvm::json::Object &info);

  llvm::SmallVector<const void *> getInputs() const;
  llvm::SmallVector<void *> getOutputs();
  void *getArena() { return arena.get(); }
  /// The bytes of all outputs after a run.
  const std::vector<std::vector<char>> &getResults() const { return outputs; }

private:
  void addInput(const llvm::json::Object &tensor);

  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };
  std::vector<std::vector<char>> inputs, outputs;
  std::unique_ptr<void, Free> arena;
  size_t arenaBytes = 0;
};

/// A shared library made by this compiler with `--profile`, in this process.
class TimedLibrary {
public:
  /// Loads the library of the network `name`, which will work on `memory`; a
  /// diagnostic at `loc` if it does not have what such a library has.
  static mlir::FailureOr<std::unique_ptr<TimedLibrary>>
  open(const std::string &path, const std::string &name, NetworkMemory &memory,
       mlir::Location loc);
  ~TimedLibrary();

  mlir::ArrayRef<TimedLayer> getLayers() const { return layers; }
  /// Runs the network; takes the times if `counts`.
  mlir::LogicalResult run(bool counts);

private:
  TimedLibrary(NetworkMemory &memory, mlir::Location loc)
      : memory(memory), loc(loc) {}
  bool readInfo(const llvm::json::Object &info);

  using Function = int (*)(const void *const *, void *const *, void *);

  NetworkMemory &memory;
  mlir::Location loc;
  void *handle = nullptr;
  Function function = nullptr;
  const uint64_t *counters = nullptr;
  std::vector<TimedLayer> layers;
  std::vector<uint64_t> before;
};

} // namespace q

#endif // QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H
