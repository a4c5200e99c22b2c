//===- OutputFile.cpp - Files that appear whole or not at all -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/OutputFile.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"

using namespace mlir;
using namespace q;
namespace fs = llvm::sys::fs;

std::unique_ptr<OutputFile> OutputFile::open(StringRef path,
                                             std::string &error) {
  std::unique_ptr<OutputFile> file(new OutputFile);
  file->path = path.str();
  fs::file_status status;
  bool exists = !fs::status(path, status);
  // Nothing may be renamed over /dev/null.
  if (path == "-" || (exists && !fs::is_regular_file(status))) {
    std::error_code code;
    file->stream = std::make_unique<llvm::raw_fd_ostream>(path, code);
    if (!code)
      return file;
    file->stream->clear_error();
    error = "cannot write '" + path.str() + "': " + code.message();
    return nullptr;
  }
  auto temporary = fs::TempFile::create(path + ".%%%%%%.tmp");
  if (!temporary) {
    error = "cannot write '" + path.str() +
            "': " + llvm::toString(temporary.takeError());
    return nullptr;
  }
  file->temporary.emplace(std::move(*temporary));
  file->stream = std::make_unique<llvm::raw_fd_ostream>(file->temporary->FD,
                                                        /*shouldClose=*/false);
  return file;
}

OutputFile::~OutputFile() {
  if (stream) {
    stream->flush();
    stream->clear_error();
  }
  if (temporary)
    llvm::consumeError(temporary->discard());
}

LogicalResult OutputFile::flush(std::string &error) {
  stream->flush();
  if (!stream->has_error())
    return success();
  error = "cannot write '" + path + "': " + stream->error().message();
  stream->clear_error();
  return failure();
}

LogicalResult OutputFile::keep(std::string &error) {
  if (failed(flush(error)))
    return failure();
  if (!temporary)
    return success();
  if (llvm::Error reason = temporary->keep(path)) {
    error = "cannot write '" + path + "': " + llvm::toString(std::move(reason));
    return failure();
  }
  temporary.reset();
  return success();
}

LogicalResult OutputFiles::write(StringRef path, StringRef contents,
                                 Location loc) {
  std::string error;
  std::unique_ptr<OutputFile> file = OutputFile::open(path, error);
  if (!file)
    return emitError(loc) << error;
  file->os() << contents;
  if (failed(file->flush(error)))
    return emitError(loc) << error;
  files.push_back(std::move(file));
  return success();
}

LogicalResult OutputFiles::keep(Location loc) {
  std::string error;
  for (std::unique_ptr<OutputFile> &file : files)
    if (failed(file->keep(error)))
      return emitError(loc) << error;
  files.clear();
  return success();
}

LogicalResult q::writeFileAtomically(StringRef path, StringRef contents,
                                     Location loc) {
  OutputFiles files;
  return failure(failed(files.write(path, contents, loc)) ||
                 failed(files.keep(loc)));
}
