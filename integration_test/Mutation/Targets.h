//===- Targets.h - What untrusted bytes are fed to --------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per kind of file that users give to the tools. The mutation test
// and the fuzzers call them.
//
//===----------------------------------------------------------------------===//

#ifndef INTEGRATION_TEST_MUTATION_TARGETS_H
#define INTEGRATION_TEST_MUTATION_TARGETS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace q::mutation {

/// What came of the bytes.
struct Verdict {
  bool accepted = false;
  /// Errors that were reported, and the first of them.
  int errors = 0;
  std::string message;

  /// Accepted without an error, or refused with one.
  bool isSound() const { return accepted ? errors == 0 : errors > 0; }
};

/// Imports the bytes as an ONNX model.
Verdict importModel(llvm::StringRef bytes);

/// Reads the bytes as IR, text or bytecode, and runs the passes from the float
/// network to loops as far as they go. A module that some pass refuses counts
/// as refused.
Verdict optimizeModule(llvm::StringRef bytes);

} // namespace q::mutation

#endif // INTEGRATION_TEST_MUTATION_TARGETS_H
