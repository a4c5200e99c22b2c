//===- fuzz-import.cpp - libFuzzer's entry to the importer ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Targets.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  q::mutation::Verdict verdict = q::mutation::importModel(bytes);
  if (!verdict.isSound() || verdict.errors > 1)
    std::abort();
  return 0;
}
