//===- TimedLibrary.h - A compiled network whose layers are timed -*- C++ -*-=//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H
#define QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

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
  /// The least time of all runs that counted.
  double nanoseconds = 0;
};

/// A shared library made by this compiler with `--profile`, in this process,
/// with inputs of its own.
class TimedLibrary {
public:
  /// Loads the library of the network `name`; a diagnostic at `loc` if it does
  /// not have what such a library has.
  static mlir::FailureOr<std::unique_ptr<TimedLibrary>>
  open(const std::string &path, const std::string &name, mlir::Location loc);
  ~TimedLibrary();

  mlir::ArrayRef<TimedLayer> getLayers() const { return layers; }
  /// The bytes of all outputs after a run.
  const std::vector<std::vector<char>> &getOutputs() const { return outputs; }
  /// Runs the network; takes the times if `counts`.
  mlir::LogicalResult run(bool counts);

private:
  explicit TimedLibrary(mlir::Location loc) : loc(loc) {}
  bool readInfo(const llvm::json::Object &info);
  void makeInput(const llvm::json::Object &tensor);

  using Function = int (*)(const void *const *, void *const *, void *);

  mlir::Location loc;
  void *handle = nullptr;
  Function function = nullptr;
  const uint64_t *counters = nullptr;
  std::vector<TimedLayer> layers;
  std::vector<uint64_t> before;
  std::vector<std::vector<char>> inputs, outputs;
  std::vector<char> arena;
  size_t arenaAlignment = 64;
};

} // namespace q

#endif // QDIALECT_TOOLS_QCC_TIMEDLIBRARY_H
