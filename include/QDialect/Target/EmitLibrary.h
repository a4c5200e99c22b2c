//===- EmitLibrary.h - Compiled models as files -----------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module of the LLVM dialect becomes an object, an archive, a shared library
// and a C header.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TARGET_EMITLIBRARY_H
#define QDIALECT_TARGET_EMITLIBRARY_H

#include "QDialect/OutputFile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace q {

/// A processor to compile for.
struct Target {
  /// As the user wrote it.
  std::string name;
  std::string triple;
  std::string cpu;
  std::string features;
  /// What the kernel passes call it: avx2, avxvnni, avx512vnni, neon, dotprod
  /// or i8mm.
  std::string kernels;

  bool isAArch64() const;
};

/// Reads `x86-64-v3`, `x86-64-v3+avxvnni`, `x86-64-v4+avx512vnni`, or `aarch64`
/// followed by any of `+dotprod` and `+i8mm`.
/// Anything else is a diagnostic at `loc` that lists what there is.
mlir::FailureOr<Target> parseTarget(llvm::StringRef text, mlir::Location loc);

/// The machine of a target; a diagnostic at `loc` if this build of LLVM has
/// none.
mlir::FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const Target &target, mlir::Location loc);

/// Why code for a target cannot run on this machine: what it lacks, as in `no
/// avxvnni`; empty if it can.
std::string whyCannotRunHere(const Target &target);

/// Sizes of what was emitted, in bytes.
struct LibrarySizes {
  uint64_t text = 0;
  /// Constants: weights, tables, strings.
  uint64_t data = 0;
};

/// What to write. An empty path is not written.
struct EmitPaths {
  std::string llvmIR, assembly, object, archive, shared;
};

/// Translates `module` (LLVM dialect), optimizes it and adds the files of
/// `paths` to `files`. Sizes are those of the object. Fails with a diagnostic
/// at the module.
mlir::FailureOr<LibrarySizes> emitLibrary(mlir::ModuleOp module,
                                          const Target &target,
                                          const EmitPaths &paths,
                                          OutputFiles &files);
/// The same for a set of these files alone.
mlir::FailureOr<LibrarySizes> emitLibrary(mlir::ModuleOp module,
                                          const Target &target,
                                          const EmitPaths &paths);

} // namespace q

#endif // QDIALECT_TARGET_EMITLIBRARY_H
