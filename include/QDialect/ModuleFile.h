//===- ModuleFile.h - Reads IR from files -----------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_MODULEFILE_H
#define QDIALECT_MODULEFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace q {

/// Opens a file of MLIR text or bytecode; "-" is standard input. Null, with the
/// reason in `error`, if it cannot be read.
///
/// MLIR's reader of bytecode trusts it and crashes on damaged files, so
/// bytecode is read in a process of its own, with the dialects of `registry`,
/// and what it writes anew is the result.
///
/// Bytecode with weights can only be read from memory that is aligned as its
/// blobs are, to 64 bytes. A plain buffer is so by chance (a mapped file is, a
/// small file or a pipe is not), so this one always is.
std::unique_ptr<llvm::MemoryBuffer>
openModuleFile(llvm::StringRef path, const mlir::DialectRegistry &registry,
               std::string *error);

/// The same for bytes that are in memory already, in `buffer` or a copy of it.
std::unique_ptr<llvm::MemoryBuffer>
prepareModuleBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer,
                    const mlir::DialectRegistry &registry, std::string *error);

/// Reads a module of MLIR text or bytecode. Null, with a diagnostic, if the
/// file cannot be opened or parsed. Blobs of bytecode keep the buffer alive.
mlir::OwningOpRef<mlir::ModuleOp> readModule(llvm::StringRef path,
                                             mlir::MLIRContext *context);

} // namespace q

#endif // QDIALECT_MODULEFILE_H
