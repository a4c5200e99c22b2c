//===- ProgressLine.cpp - How far long work has come ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support/ProgressLine.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace q;

static bool isTerminal() {
  return llvm::sys::Process::StandardErrIsDisplayed();
}

ProgressLine::ProgressLine(llvm::StringRef what) : what(what) {
  if (isTerminal())
    llvm::errs() << "\r" << what << " ...";
}

ProgressLine::~ProgressLine() { erase(); }

void ProgressLine::update(int64_t done, int64_t all) {
  int64_t percent = all > 0 ? 100 * done / all : 100;
  if (!isTerminal() || percent == lastPercent)
    return;
  lastPercent = percent;
  llvm::errs() << "\r" << what << ": " << done << " of " << all << " ("
               << percent << " %)";
}

void ProgressLine::erase() {
  if (isTerminal())
    llvm::errs() << "\r\033[K";
}
