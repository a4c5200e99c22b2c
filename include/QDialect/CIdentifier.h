//===- CIdentifier.h - Names of models as names of C ------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CIDENTIFIER_H
#define QDIALECT_CIDENTIFIER_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace q {

/// `name` with every character that a C identifier cannot have replaced by an
/// underscore, and one in front of a digit. Never empty.
std::string getCIdentifier(llvm::StringRef name);

} // namespace q

#endif // QDIALECT_CIDENTIFIER_H
