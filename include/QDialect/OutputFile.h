//===- OutputFile.h - Files that appear whole or not at all -----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_OUTPUTFILE_H
#define QDIALECT_OUTPUTFILE_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace q {

/// A file that is written beside its path and renamed when it is complete, so
/// that nobody ever sees half of it and a failure leaves what was there before.
/// "-" is standard output; pipes and devices are written directly.
class OutputFile {
public:
  /// Null, with the reason in `error`, if the file cannot be made.
  static std::unique_ptr<OutputFile> open(llvm::StringRef path,
                                          std::string &error);
  /// Removes what has been written, unless it was kept.
  ~OutputFile();

  llvm::raw_ostream &os() { return *stream; }

  /// Fails, with the reason in `error`, if anything could not be written.
  mlir::LogicalResult flush(std::string &error);

  /// Puts the file into its place. Fails, with the reason in `error`, if
  /// anything could not be written.
  mlir::LogicalResult keep(std::string &error);

private:
  OutputFile() = default;

  std::string path;
  std::optional<llvm::sys::fs::TempFile> temporary;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
};

/// Files that belong together: they get their names when all are complete, and
/// a failure before leaves none of them.
class OutputFiles {
public:
  /// Writes a file of the set. Fails with a diagnostic at `loc`.
  mlir::LogicalResult write(llvm::StringRef path, llvm::StringRef contents,
                            mlir::Location loc);

  /// Puts all into their places. Fails with a diagnostic at `loc`.
  mlir::LogicalResult keep(mlir::Location loc);

private:
  std::vector<std::unique_ptr<OutputFile>> files;
};

/// Writes a set of one file.
mlir::LogicalResult writeFileAtomically(llvm::StringRef path,
                                        llvm::StringRef contents,
                                        mlir::Location loc);

} // namespace q

#endif // QDIALECT_OUTPUTFILE_H
