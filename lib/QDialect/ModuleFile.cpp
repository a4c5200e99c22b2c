//===- ModuleFile.cpp - Reads IR from files -------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/ModuleFile.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/SourceMgr.h"

#include <cstring>

using namespace mlir;

std::unique_ptr<llvm::MemoryBuffer> q::openModuleFile(StringRef path,
                                                      std::string *error) {
  const llvm::Align alignment(64);
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, error);
  if (!buffer || llvm::isAddrAligned(alignment, buffer->getBufferStart()))
    return buffer;
  auto aligned = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      buffer->getBufferSize(), buffer->getBufferIdentifier(), alignment);
  if (!aligned) {
    if (error)
      *error = "not enough memory to read '" + path.str() + "'";
    return nullptr;
  }
  std::memcpy(aligned->getBufferStart(), buffer->getBufferStart(),
              buffer->getBufferSize());
  return aligned;
}

OwningOpRef<ModuleOp> q::readModule(StringRef path, MLIRContext *context) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openModuleFile(path, &error);
  if (!buffer) {
    emitError(UnknownLoc::get(context)) << error;
    return nullptr;
  }
  // The blobs share the source manager, which owns the buffer.
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, ParserConfig(context));
}
