//===- EmulatedModel.cpp - Runs archives, under an emulator if need be ----===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An archive is linked with a small program (Harness.c), which runs as a child
// process, natively or under qemu, and is talked to through two pipes.
//
//===----------------------------------------------------------------------===//

#include "Model.h"

#include "Harness.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace q;
using namespace q::qrun;

namespace {

/// A folder that goes away with its contents.
class TemporaryFolder {
public:
  bool create() { return !llvm::sys::fs::createUniqueDirectory("qrun", path); }
  ~TemporaryFolder() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }
  std::string getFile(StringRef name) const {
    SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    return std::string(file);
  }

private:
  SmallString<128> path;
};

/// A child process with pipes to its standard input and output.
class Child {
public:
  Child() = default;
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;
  ~Child() {
    if (to >= 0)
      close(to);
    if (from >= 0)
      close(from);
    if (process > 0)
      waitpid(process, nullptr, 0);
  }

  bool start(ArrayRef<std::string> command) {
    int in[2], out[2];
    if (pipe(in) != 0)
      return false;
    if (pipe(out) != 0) {
      close(in[0]);
      close(in[1]);
      return false;
    }
    std::vector<char *> arguments;
    for (const std::string &argument : command)
      arguments.push_back(const_cast<char *>(argument.c_str()));
    arguments.push_back(nullptr);
    process = fork();
    if (process == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      for (int descriptor : {in[0], in[1], out[0], out[1]})
        close(descriptor);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to = in[1];
    from = out[0];
    return process > 0;
  }

  bool write(ArrayRef<char> bytes) {
    while (!bytes.empty()) {
      ssize_t done = ::write(to, bytes.data(), bytes.size());
      if (done <= 0)
        return false;
      bytes = bytes.drop_front(done);
    }
    return true;
  }
  bool read(MutableArrayRef<char> bytes) {
    while (!bytes.empty()) {
      ssize_t done = ::read(from, bytes.data(), bytes.size());
      if (done <= 0)
        return false;
      bytes = bytes.drop_front(done);
    }
    return true;
  }
  bool writeNumber(uint64_t value) {
    return write(ArrayRef(reinterpret_cast<char *>(&value), sizeof(value)));
  }
  bool readNumber(uint64_t &value) {
    return read(
        MutableArrayRef(reinterpret_cast<char *>(&value), sizeof(value)));
  }

private:
  pid_t process = -1;
  int to = -1, from = -1;
};

class EmulatedModel : public Model {
public:
  EmulatedModel(StringRef path, Location loc) : path(path), loc(loc) {}

  LogicalResult start(const OpenOptions &options);
  FailureOr<SmallVector<Tensor>> run(ArrayRef<Tensor> tensors) override;

private:
  LogicalResult link(StringRef compiler, StringRef program,
                     const FoundModel &model);
  LogicalResult fail(const Twine &why) {
    return emitError(loc) << "cannot run '" << path << "': " << why;
  }
  bool greet(const CompiledInfo &info);

  std::string path;
  Location loc;
  TemporaryFolder folder;
  Child child;
  std::vector<char> scratch;
};

} // namespace

LogicalResult EmulatedModel::link(StringRef compiler, StringRef program,
                                  const FoundModel &model) {
  auto found = llvm::sys::findProgramByName(compiler);
  if (!found)
    return fail("the compiler '" + compiler +
                "' is not installed; it links the archive with a program that "
                "runs it (Debian: gcc-aarch64-linux-gnu; or give --cc)");
  std::string source = folder.getFile("harness.c"), log = folder.getFile("log");
  std::error_code error;
  {
    llvm::raw_fd_ostream file(source, error);
    if (error)
      return fail("cannot write to the temporary folder: " + error.message());
    file << kHarness;
  }
  std::string run = "-DMODEL_RUN=" + model.name + "_run",
              info = "-DMODEL_INFO=" + model.name + "_info";
  SmallVector<StringRef> arguments = {*found, "-std=c11", "-O2",  "-static",
                                      run,    info,       source, path,
                                      "-lm",  "-o",       program};
  if (model.needsRuntime)
    arguments.append({"-lgomp", "-pthread"});
  std::optional<StringRef> redirects[] = {"", log, log};
  int status =
      llvm::sys::ExecuteAndWait(*found, arguments, std::nullopt, redirects);
  if (status == 0)
    return success();
  auto messages = llvm::MemoryBuffer::getFile(log);
  StringRef text = messages ? (*messages)->getBuffer() : "";
  return fail(compiler + " cannot link it: " + text.take_front(1000).trim());
}

/// Tells the child all sizes.
bool EmulatedModel::greet(const CompiledInfo &info) {
  bool works = child.writeNumber(info.arenaBytes) &&
               child.writeNumber(info.arenaAlignment);
  for (const auto *tensors : {&inputs, &outputs}) {
    works = works && child.writeNumber(tensors->size());
    for (const TensorInfo &tensor : *tensors)
      works = works && child.writeNumber(getNumBytes(tensor));
  }
  return works;
}

/// The C compiler of this machine: `cc`, or one that is there without that
/// name.
static StringRef findHostCompiler() {
  for (StringRef name : {"cc", "clang-22", "clang", "gcc"})
    if (llvm::sys::findProgramByName(name))
      return name;
  return "cc";
}

LogicalResult EmulatedModel::start(const OpenOptions &options) {
  FailureOr<FoundModel> model = findModel(path, loc);
  if (failed(model))
    return failure();
  bool isAArch64 = model->isAArch64;
#if defined(__aarch64__)
  bool isForeign = !isAArch64;
#else
  bool isForeign = isAArch64;
#endif
  std::string compiler = options.compiler, runner = options.runner;
  if (compiler.empty())
    compiler = isForeign && isAArch64 ? StringRef("aarch64-linux-gnu-gcc")
                                      : findHostCompiler();
  if (runner.empty() && isForeign)
    runner = "qemu-aarch64 -cpu max";
  if (!folder.create())
    return fail("cannot make a temporary folder");
  std::string program = folder.getFile("model");
  if (failed(link(compiler, program, *model)))
    return failure();

  SmallVector<StringRef> words;
  StringRef(runner).split(words, ' ', -1, /*KeepEmpty=*/false);
  if (!words.empty() && !llvm::sys::findProgramByName(words.front()))
    return fail("the emulator '" + words.front() +
                "' is not installed (Debian: qemu-user; or give --runner)");
  std::vector<std::string> command(words.begin(), words.end());
  command.push_back(program);
  // A child that ends is an error of write(), not the end of this process.
  std::signal(SIGPIPE, SIG_IGN);
  uint64_t length = 0;
  if (!child.start(command) || !child.readNumber(length) || length > (1u << 28))
    return fail("the program that holds it does not start");
  std::string text(length, '\0');
  if (!child.read(MutableArrayRef(text.data(), text.size())))
    return fail("the program that holds it ended at once");
  FailureOr<CompiledInfo> info = parseInfo(text, path, loc);
  if (failed(info))
    return failure();
  threads = info->threads;
  inputs = info->inputs;
  outputs = info->outputs;
  if (!greet(*info))
    return fail("the program that holds it ended at once");
  return success();
}

FailureOr<SmallVector<Tensor>> EmulatedModel::run(ArrayRef<Tensor> tensors) {
  for (auto [tensor, info] : llvm::zip_equal(tensors, inputs)) {
    scratch.resize(getNumBytes(info));
    packTensor(tensor, info, scratch.data());
    if (!child.write(scratch))
      return fail("it ended during a run");
  }
  uint64_t status = 0, time = 0;
  if (!child.readNumber(status) || !child.readNumber(time))
    return fail("it crashed, or wrote beyond the end of its arena or of an "
                "output; this is a bug of the compiler");
  if (status != 0)
    return fail("it returned the error code " + Twine(status));
  SmallVector<Tensor> results;
  for (const TensorInfo &info : outputs) {
    scratch.resize(getNumBytes(info));
    if (!child.read(scratch))
      return fail("it ended during a run");
    results.push_back(unpackTensor(scratch.data(), info));
  }
  return results;
}

ModelOr q::qrun::openArchive(StringRef path, const OpenOptions &options,
                             Location loc) {
  auto model = std::make_unique<EmulatedModel>(path, loc);
  if (failed(model->start(options)))
    return failure();
  return std::unique_ptr<Model>(std::move(model));
}
