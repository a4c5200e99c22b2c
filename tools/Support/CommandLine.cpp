//===- CommandLine.cpp - What the tools' command lines share --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support/CommandLine.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

void q::hideLibraryOptions() {
  // The parser keeps every category that it has seen.
  static cl::OptionCategory none("none");
  cl::HideUnrelatedOptions(none);
}

/// LLVM's message without the name of the tool, its path, and what it says on
/// further lines, but for the option that it guesses was meant.
static std::string makeOneLine(StringRef message, StringRef tool) {
  auto [first, rest] = message.split('\n');
  first.consume_front((tool + ": ").str());
  size_t guess = rest.find("Did you mean '");
  first = first.split(".  Try:").first.rtrim('!');
  std::string line = first.str();
  if (guess != StringRef::npos)
    line += "; did you mean " +
            rest.substr(guess).split("mean ").second.split('?').first.str() +
            "?";
  else
    line += "; see " + tool.str() + " --help";
  return line;
}

mlir::LogicalResult q::parseCommandLine(int argc, const char *const *argv,
                                        StringRef overview) {
  std::string message;
  raw_string_ostream stream(message);
  if (cl::ParseCommandLineOptions(argc, argv, overview, &stream))
    return success();
  // What is wrong with the value of an option LLVM has said already.
  if (message.empty())
    return failure();
  StringRef tool = sys::path::filename(argv[0]);
  errs() << tool << ": error: " << makeOneLine(message, tool) << "\n";
  return failure();
}

std::string q::findMisplacedOption(ArrayRef<OptionRule> rules) {
  for (const OptionRule &rule : rules)
    if (rule.option.getNumOccurrences() > 0 && !rule.applies)
      return ("--" + rule.option.ArgStr + " goes with " + rule.companion).str();
  return {};
}
