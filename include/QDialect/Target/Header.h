//===- Header.h - The C header of a compiled model --------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_TARGET_HEADER_H
#define QDIALECT_TARGET_HEADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace q {

/// The text of `<symbol>.h`: the entry point, and for every input and output
/// its index, shape, type, layout, scale and zero point. `info` is what the
/// library says of itself in `<symbol>_info`; `target` is named in a comment.
std::string makeHeader(const llvm::json::Object &info, llvm::StringRef symbol,
                       llvm::StringRef target);

} // namespace q

#endif // QDIALECT_TARGET_HEADER_H
