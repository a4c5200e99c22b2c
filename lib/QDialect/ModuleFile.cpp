//===- ModuleFile.cpp - Reads IR from files -------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/ModuleFile.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/SourceMgr.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace mlir;

/// What the child of laundering does: parses the bytecode and writes it anew to
/// `output`, or the reason why it cannot. Gives its exit code.
static int rewriteBytecode(const llvm::MemoryBuffer &buffer,
                           const DialectRegistry &registry, int output) {
  llvm::raw_fd_ostream stream(output, /*shouldClose=*/true);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  // Whether such ops are welcome is for the reader of the result to say.
  context.allowUnregisteredDialects();
  std::string message;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
  });
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(buffer.getMemBufferRef(),
                                       /*RequiresNullTerminator=*/false),
      llvm::SMLoc());
  auto module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (module && succeeded(writeBytecodeToFile(*module, stream)))
    return 0;
  stream << message;
  return 1;
}

/// Reads `input` to its end.
static std::string readAll(int input) {
  std::string bytes;
  std::vector<char> chunk(1 << 20);
  while (true) {
    ssize_t count = ::read(input, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return bytes;
    bytes.append(chunk.data(), count);
  }
}

/// The same module in bytecode that MLIR itself has just written, or null with
/// the reason in `error`. MLIR's reader trusts bytecode, so the file's own
/// bytes are read in a process that may crash.
static std::unique_ptr<llvm::MemoryBuffer>
launderBytecode(const llvm::MemoryBuffer &buffer,
                const DialectRegistry &registry, std::string *error) {
  std::string name = buffer.getBufferIdentifier().str();
  int ends[2];
  pid_t child = pipe(ends) ? -1 : fork();
  if (child < 0) {
    *error = "cannot start the process that reads '" + name + "'";
    return nullptr;
  }
  if (child == 0) {
    ::close(ends[0]);
    rlimit core = {0, 0};
    setrlimit(RLIMIT_CORE, &core);
#if !LLVM_ADDRESS_SANITIZER_BUILD
    // Damaged sizes may ask for any amount of memory.
    rlim_t bytes = (rlim_t(4) << 30) + 4 * buffer.getBufferSize();
    rlimit memory = {bytes, bytes};
    setrlimit(RLIMIT_AS, &memory);
#endif
    // And damaged lists may have no end. Sound bytecode is read at hundreds of
    // megabytes a second.
    rlim_t seconds = 1 + (buffer.getBufferSize() >> 23);
    rlimit time = {seconds, seconds};
    setrlimit(RLIMIT_CPU, &time);
    for (int signal :
         {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGXCPU})
      std::signal(signal, SIG_DFL);
    int null = ::open("/dev/null", O_WRONLY);
    if (null >= 0)
      dup2(null, STDERR_FILENO);
    _exit(rewriteBytecode(buffer, registry, ends[1]));
  }
  ::close(ends[1]);
  std::string bytes = readAll(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  bool isWhole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (isWhole)
    return llvm::MemoryBuffer::getMemBufferCopy(bytes, name);
  *error = "'" + name +
           "' is damaged bytecode; write it again, or keep it as "
           "text";
  if (WIFEXITED(status) && !bytes.empty())
    *error += " (" + bytes + ")";
  return nullptr;
}

/// The buffer itself, or a copy at an address that suits every blob; null if
/// there is no memory for it.
static std::unique_ptr<llvm::MemoryBuffer>
align(std::unique_ptr<llvm::MemoryBuffer> buffer) {
  const llvm::Align alignment(64);
  if (llvm::isAddrAligned(alignment, buffer->getBufferStart()))
    return buffer;
  auto aligned = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      buffer->getBufferSize(), buffer->getBufferIdentifier(), alignment);
  if (aligned)
    std::memcpy(aligned->getBufferStart(), buffer->getBufferStart(),
                buffer->getBufferSize());
  return aligned;
}

std::unique_ptr<llvm::MemoryBuffer>
q::prepareModuleBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer,
                       const DialectRegistry &registry, std::string *error) {
  std::string name = buffer->getBufferIdentifier().str();
  // The child reads blobs too, so it gets aligned bytes as well.
  buffer = align(std::move(buffer));
  if (buffer && isBytecode(buffer->getMemBufferRef())) {
    buffer = launderBytecode(*buffer, registry, error);
    if (!buffer)
      return nullptr;
    buffer = align(std::move(buffer));
  }
  if (!buffer)
    *error = "not enough memory to read '" + name + "'";
  return buffer;
}

std::unique_ptr<llvm::MemoryBuffer>
q::openModuleFile(StringRef path, const DialectRegistry &registry,
                  std::string *error) {
  if (path.ends_with(".onnx")) {
    *error = "'" + path.str() +
             "' is no IR; import it first: qtranslate --import-onnx";
    return nullptr;
  }
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, error);
  return buffer ? prepareModuleBuffer(std::move(buffer), registry, error)
                : nullptr;
}

OwningOpRef<ModuleOp> q::readModule(StringRef path, MLIRContext *context) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      openModuleFile(path, context->getDialectRegistry(), &error);
  if (!buffer) {
    emitError(UnknownLoc::get(context)) << error;
    return nullptr;
  }
  // The blobs share the source manager, which owns the buffer.
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, ParserConfig(context));
}
