//===- CommandLine.h - What the tools' command lines share ------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_SUPPORT_COMMANDLINE_H
#define QDIALECT_TOOLS_SUPPORT_COMMANDLINE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/CommandLine.h"

#include <string>

namespace q {

/// Takes every option that exists by now out of `--help`. Called first in main,
/// these are the hundreds that LLVM's libraries declare for their own tools.
void hideLibraryOptions();

/// Parses the command line as LLVM does, but fails with one line on stderr,
/// `TOOL: error: what is wrong; see TOOL --help`.
mlir::LogicalResult parseCommandLine(int argc, const char *const *argv,
                                     llvm::StringRef overview);

/// An option that has a meaning only where others are given.
struct OptionRule {
  const llvm::cl::Option &option;
  bool applies;
  /// What gives it a meaning, e.g. `--bench=N`.
  llvm::StringRef companion;
};

/// The first rule that the command line breaks in words, or nothing:
/// `--seed goes with --random=N`.
std::string findMisplacedOption(llvm::ArrayRef<OptionRule> rules);

} // namespace q

#endif // QDIALECT_TOOLS_SUPPORT_COMMANDLINE_H
