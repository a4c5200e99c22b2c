//===- ProgressLine.h - How far long work has come --------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TOOLS_SUPPORT_PROGRESSLINE_H
#define QDIALECT_TOOLS_SUPPORT_PROGRESSLINE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace q {

/// Shows on a terminal what is being done, and how far it has come; silent
/// elsewhere. The line disappears with the object.
class ProgressLine {
public:
  /// Shows `what` at once.
  explicit ProgressLine(llvm::StringRef what);
  ~ProgressLine();
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;

  void update(int64_t done, int64_t all);

  /// Erases what a line shows, so that something else can be printed.
  static void erase();

private:
  std::string what;
  int64_t lastPercent = -1;
};

} // namespace q

#endif // QDIALECT_TOOLS_SUPPORT_PROGRESSLINE_H
