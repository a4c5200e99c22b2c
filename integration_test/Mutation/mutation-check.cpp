//===- mutation-check.cpp - Damaged files end in one message --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: mutation-check CASES SEED FAILURES FILE...
//
// Takes the models out of the files, damages CASES copies of them (flips,
// cuts, splices, repeats) and gives each to the importer or, if it is IR, to
// the passes. A case must end within 10 seconds and 4 GiB, in success or in a
// refusal with a message. Those that do not are written to the folder FAILURES
// and named. A FILE is
//
//   x.test   ONNX models in text form, in split-file sections
//   x.mlir   modules, in sections between // -----
//   else     a binary ONNX model
//
// Modules are damaged as text and as bytecode. With CASES = 0, FILEs are cases
// themselves: x.onnx and x.mlir as they are. With CASES = seeds, the undamaged
// models go into the folder, for a fuzzer to start from.
//
//===----------------------------------------------------------------------===//

#include "Targets.h"

#include "QDialect/QDialect.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <google/protobuf/text_format.h>
#include <onnx/onnx_pb.h>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using q::mutation::Verdict;

namespace {

/// A whole model and what reads it.
struct Seed {
  std::string name, bytes;
  bool isModule;
};

class Mutator {
public:
  Mutator(uint64_t seed, const std::vector<Seed> &seeds)
      : random(seed), seeds(seeds) {}

  /// A damaged copy of some seed.
  Seed next() {
    Seed result = seeds[below(seeds.size())];
    for (int64_t i = below(4) + 1; i > 0; --i)
      damage(result);
    return result;
  }

private:
  int64_t below(size_t count) {
    return std::uniform_int_distribution<int64_t>(0,
                                                  int64_t(count) - 1)(random);
  }

  void damage(Seed &seed) {
    std::string &bytes = seed.bytes;
    if (bytes.empty())
      return;
    size_t at = below(bytes.size());
    size_t length = std::min<size_t>(below(16) + 1, bytes.size() - at);
    switch (below(7)) {
    case 0: // one bit
      bytes[at] ^= char(1 << below(8));
      break;
    case 1: // one byte, often an extreme
      bytes[at] = "\x00\x01\x7f\x80\xff\x2d\x39"[below(7)];
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.erase(at, length);
      break;
    case 4: // repeat a piece
      bytes.insert(below(bytes.size()), bytes.substr(at, length));
      break;
    case 5: { // a piece of another file of the kind
      const Seed &other = seeds[below(seeds.size())];
      if (other.isModule != seed.isModule || other.bytes.empty())
        return;
      size_t from = below(other.bytes.size());
      bytes.replace(at, length, other.bytes.substr(from, length));
      break;
    }
    default: // in text, another number
      while (at < bytes.size() && !llvm::isDigit(bytes[at]))
        ++at;
      static const char *numbers[] = {"0",  "-1",     "1",
                                      "65", "999999", "1152921504606846976"};
      if (at < bytes.size())
        bytes.replace(at, 1, numbers[below(std::size(numbers))]);
    }
  }

  std::mt19937_64 random;
  const std::vector<Seed> &seeds;
};

} // namespace

/// The bytecode of a module, empty where it does not parse.
static std::string toBytecode(StringRef text) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<q::QDialect, func::FuncDialect, quant::QuantDialect>();
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) {});
  auto module = parseSourceString<ModuleOp>(text, &context);
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (module && failed(writeBytecodeToFile(*module, stream)))
    bytes.clear();
  return bytes;
}

static void addSeeds(StringRef path, StringRef contents,
                     std::vector<Seed> &seeds) {
  std::string name = path.str();
  SmallVector<StringRef> parts;
  if (path.ends_with(".test")) {
    contents.split(parts, "//--- ");
    for (StringRef part : ArrayRef(parts).drop_front()) {
      auto [file, text] = part.split('\n');
      onnx::ModelProto model;
      google::protobuf::LogSilencer silencer;
      if (google::protobuf::TextFormat::ParseFromString(text.str(), &model))
        seeds.push_back(
            {name + ":" + file.str(), model.SerializeAsString(), false});
    }
  } else if (path.ends_with(".mlir")) {
    contents.split(parts, "// -----");
    for (auto [index, part] : llvm::enumerate(parts)) {
      std::string section = name + ":" + std::to_string(index);
      seeds.push_back({section, part.str(), true});
      if (std::string bytes = toBytecode(part); !bytes.empty())
        seeds.push_back({section + ":bytecode", bytes, true});
    }
  } else {
    seeds.push_back({name, contents.str(), false});
  }
}

/// Runs one case in a process of its own; the reason why it is no sound end,
/// empty where it is.
static std::string runCase(const Seed &seed, bool verbose, int64_t &accepted) {
  pid_t child = fork();
  if (child < 0)
    return "cannot fork";
  if (child == 0) {
    rlimit core = {0, 0};
#if !LLVM_ADDRESS_SANITIZER_BUILD
    rlimit memory = {rlim_t(4) << 30, rlim_t(4) << 30};
    setrlimit(RLIMIT_AS, &memory);
#endif
    setrlimit(RLIMIT_CORE, &core);
    rlimit time = {10, 11};
    setrlimit(RLIMIT_CPU, &time);
    if (!verbose && !std::freopen("/dev/null", "w", stderr))
      _exit(4);
    Verdict verdict = seed.isModule ? q::mutation::optimizeModule(seed.bytes)
                                    : q::mutation::importModel(seed.bytes);
    if (verbose)
      llvm::errs() << (verdict.accepted ? "accepted" : verdict.message) << "\n";
    // An import says one thing; passes may name several ops.
    bool isOne = verdict.errors <= 1 || seed.isModule;
    _exit(!verdict.isSound() ? 3 : isOne ? (verdict.accepted ? 0 : 1) : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    return std::string("ended by signal ") + strsignal(WTERMSIG(status));
  switch (WEXITSTATUS(status)) {
  case 0:
    ++accepted;
    return "";
  case 1:
    return "";
  case 2:
    return "reported more than one error";
  case 3:
    return "failed without a message, or reported an error and went on";
  default:
    return "ended with exit code " + std::to_string(WEXITSTATUS(status));
  }
}

int main(int argc, char **argv) {
  int64_t cases = 0;
  uint64_t number = 0;
  bool writesSeeds = argc > 1 && StringRef(argv[1]) == "seeds";
  if (argc < 5 ||
      (!writesSeeds && StringRef(argv[1]).getAsInteger(10, cases)) ||
      StringRef(argv[2]).getAsInteger(10, number)) {
    llvm::errs() << "usage: mutation-check CASES SEED FAILURES FILE...\n";
    return 1;
  }
  std::string folder = argv[3];
  std::vector<Seed> seeds;
  for (int i = 4; i < argc; ++i) {
    auto buffer = llvm::MemoryBuffer::getFile(argv[i]);
    if (!buffer) {
      llvm::errs() << argv[i] << ": " << buffer.getError().message() << "\n";
      return 1;
    }
    StringRef path = argv[i], contents = (*buffer)->getBuffer();
    if (cases == 0 && !writesSeeds)
      seeds.push_back({path.str(), contents.str(), path.ends_with(".mlir")});
    else
      addSeeds(path, contents, seeds);
  }
  std::error_code error = llvm::sys::fs::create_directories(folder);
  auto write = [&](StringRef kind, int64_t index, const Seed &seed) {
    std::string path = folder + "/" + kind.str() + std::to_string(index) +
                       (seed.isModule ? ".mlir" : ".onnx");
    if (!error)
      llvm::raw_fd_ostream(path, error) << seed.bytes;
    return path;
  };
  if (writesSeeds) {
    for (auto [index, seed] : llvm::enumerate(seeds))
      write("seed", index, seed);
    llvm::outs() << seeds.size() << " models\n";
    return error ? 1 : 0;
  }
  int64_t failures = 0, accepted = 0;
  auto check = [&](const Seed &seed, int64_t index) {
    std::string reason = runCase(seed, cases == 0, accepted);
    if (reason.empty())
      return;
    ++failures;
    std::string path = cases > 0 ? write("case", index, seed) : seed.name;
    llvm::outs() << path << " (from " << seed.name << ") " << reason << "\n";
    llvm::outs().flush();
  };
  if (cases == 0)
    for (auto [index, seed] : llvm::enumerate(seeds))
      check(seed, index);
  Mutator mutator(number, seeds);
  for (int64_t i = 0; i < cases; ++i)
    check(mutator.next(), i);
  int64_t all = cases == 0 ? seeds.size() : cases;
  llvm::outs() << all << " cases from " << seeds.size()
               << " models: " << accepted << " accepted, "
               << all - accepted - failures << " refused, " << failures
               << " without a sound end\n";
  // Damage that leaves nothing valid, or nothing invalid, tests nothing.
  bool isMixed = cases < 100 || (accepted > 0 && accepted + failures < all);
  return failures || seeds.empty() || !isMixed ? 1 : 0;
}
