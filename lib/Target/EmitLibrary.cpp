//===- EmitLibrary.cpp - LLVM dialect to object and library ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Target/EmitLibrary.h"

#include "QDialect/Conversion/Threads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/InterfaceStub/ELFObjHandler.h"
#include "llvm/InterfaceStub/IFSStub.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/RegisterTargetPassConfigCallback.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace q;

/// The whole -O3 pipeline with the target's cost model.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

/// On x86, kernels have as many accumulators as there are registers for, used
/// in an order that needs few others. The machine combiner adds products to
/// each other before it adds them to their sums, and so has accumulators
/// spilled in the innermost loops. So does the machine scheduler with the 16
/// registers of AVX2, as it begins many products at once; with 32 it hides
/// latencies instead.
static void keepOrder(llvm::TargetMachine &machine,
                      llvm::TargetPassConfig &config) {
  if (!machine.getTargetTriple().isX86())
    return;
  config.disablePass(&llvm::MachineCombinerID);
  if (!machine.getMCSubtargetInfo()->checkFeatures("+avx512f"))
    config.disablePass(&llvm::MachineSchedulerID);
}

static FailureOr<SmallVector<char, 0>> generate(llvm::Module &module,
                                                llvm::TargetMachine &machine,
                                                llvm::CodeGenFileType kind,
                                                Location loc) {
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  llvm::RegisterTargetPassConfigCallback callback(
      [](llvm::TargetMachine &target, llvm::PassManagerBase &,
         llvm::TargetPassConfig *config) { keepOrder(target, *config); });
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return emitError(loc) << "LLVM cannot emit this kind of file for "
                          << machine.getTargetTriple().str();
  passes.run(module);
  return bytes;
}

static FailureOr<LibrarySizes> measure(StringRef object, Location loc) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(object, "object"));
  if (!file)
    return emitError(loc) << "cannot read the object back: "
                          << llvm::toString(file.takeError());
  LibrarySizes sizes;
  for (const llvm::object::SectionRef &section : (*file)->sections()) {
    if (section.isText())
      sizes.text += section.getSize();
    else if (section.isData() || section.isBSS())
      sizes.data += section.getSize();
  }
  return sizes;
}

/// Writes a library without contents that stands for libgomp at link time, so
/// that a shared library for any target names it as what it needs.
static LogicalResult writeRuntimeStub(const Target &target, StringRef path,
                                      Location loc) {
  llvm::ifs::IFSStub stub;
  stub.SoName = "libgomp.so.1";
  stub.Target.Arch =
      target.isAArch64() ? llvm::ELF::EM_AARCH64 : llvm::ELF::EM_X86_64;
  stub.Target.BitWidth = llvm::ifs::IFSBitWidthType::IFS64;
  stub.Target.Endianness = llvm::ifs::IFSEndiannessType::Little;
  for (StringRef name :
       {kBarrierSymbol, kParallelSymbol, kNumThreadsSymbol, kThreadNumSymbol}) {
    llvm::ifs::IFSSymbol symbol(name.str());
    symbol.Type = llvm::ifs::IFSSymbolType::Func;
    symbol.Size = 0;
    stub.Symbols.push_back(symbol);
  }
  if (llvm::Error error = llvm::ifs::writeBinaryStub(path, stub))
    return emitError(loc) << "cannot write '" << path
                          << "': " << llvm::toString(std::move(error));
  return success();
}

/// Links one object into a shared library that depends on nothing, or with
/// `needsRuntime` on an OpenMP runtime.
static LogicalResult link(const Target &target, StringRef object,
                          StringRef path, bool needsRuntime, OutputFiles &files,
                          Location loc) {
  auto linker =
      llvm::sys::findProgramByName("ld.lld", {"/usr/lib/llvm-22/bin"});
  if (!linker)
    linker = llvm::sys::findProgramByName("ld.lld");
  if (!linker)
    linker = llvm::sys::findProgramByName("ld.lld-22");
  if (!linker)
    return emitError(loc)
           << "cannot make a shared library: ld.lld is not installed; install "
              "lld-22, or use the archive";
  SmallString<128> input, output, runtime;
  if (llvm::sys::fs::createTemporaryFile("q", "o", input))
    return emitError(loc) << "cannot make a temporary file";
  llvm::FileRemover removeInput(input);
  if (llvm::sys::fs::createTemporaryFile("q", "so", output))
    return emitError(loc) << "cannot make a temporary file";
  llvm::FileRemover removeOutput(output);
  if (failed(writeFileAtomically(input, object, loc)))
    return failure();
  llvm::FileRemover removeRuntime;
  if (needsRuntime) {
    if (llvm::sys::fs::createTemporaryFile("q", "so", runtime))
      return emitError(loc) << "cannot make a temporary file";
    removeRuntime.setFile(runtime);
    if (failed(writeRuntimeStub(target, runtime, loc)))
      return failure();
  }
  StringRef emulation = target.isAArch64() ? "aarch64linux" : "elf_x86_64";
  StringRef name = llvm::sys::path::filename(path);
  SmallVector<StringRef> arguments = {*linker,
                                      "-shared",
                                      "-m",
                                      emulation,
                                      "-o",
                                      output,
                                      input,
                                      "-soname",
                                      name,
                                      "--gc-sections",
                                      "-z",
                                      "noexecstack",
                                      "--build-id=none",
                                      "-O2"};
  if (needsRuntime)
    arguments.push_back(runtime);
  std::string error;
  int status = llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, {},
                                         /*SecondsToWait=*/0, 0, &error);
  if (status)
    return emitError(loc) << "ld.lld failed on '" << path << "' " << error;
  auto linked = llvm::MemoryBuffer::getFile(output);
  if (!linked)
    return emitError(loc) << "cannot read what ld.lld made of '" << path
                          << "': " << linked.getError().message();
  return files.write(path, (*linked)->getBuffer(), loc);
}

FailureOr<LibrarySizes> q::emitLibrary(ModuleOp module, const Target &target,
                                       const EmitPaths &paths) {
  OutputFiles files;
  auto sizes = emitLibrary(module, target, paths, files);
  if (failed(sizes) || failed(files.keep(module.getLoc())))
    return failure();
  return sizes;
}

FailureOr<LibrarySizes> q::emitLibrary(ModuleOp module, const Target &target,
                                       const EmitPaths &paths,
                                       OutputFiles &files) {
  Location loc = module.getLoc();
  auto machine = createTargetMachine(target, loc);
  if (failed(machine))
    return failure();
  MLIRContext *context = module.getContext();
  // Both have to be known before translation, which lays out types.
  module->setAttr(
      LLVM::LLVMDialect::getDataLayoutAttrName(),
      StringAttr::get(
          context, (*machine)->createDataLayout().getStringRepresentation()));
  module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(),
                  StringAttr::get(context, target.triple));
  DialectRegistry registry;
  registerAllToLLVMIRTranslations(registry);
  context->appendDialectRegistry(registry);
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> translated =
      translateModuleToLLVMIR(module, llvmContext, "model");
  if (!translated)
    return failure();
  for (llvm::Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  bool needsRuntime = translated->getFunction(kParallelSymbol) != nullptr;
  optimize(*translated, **machine);

  auto write = [&](const std::string &path, StringRef contents) {
    return path.empty() ? success() : files.write(path, contents, loc);
  };
  if (!paths.llvmIR.empty()) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    translated->print(stream, nullptr);
    if (failed(write(paths.llvmIR, text)))
      return failure();
  }
  // Code generation changes the module, so the assembly is made of a copy.
  if (!paths.assembly.empty()) {
    auto copy = llvm::CloneModule(*translated);
    auto assembly =
        generate(*copy, **machine, llvm::CodeGenFileType::AssemblyFile, loc);
    if (failed(assembly) ||
        failed(write(paths.assembly,
                     StringRef(assembly->data(), assembly->size()))))
      return failure();
  }
  auto object =
      generate(*translated, **machine, llvm::CodeGenFileType::ObjectFile, loc);
  if (failed(object))
    return failure();
  StringRef bytes(object->data(), object->size());
  if (failed(write(paths.object, bytes)))
    return failure();
  if (!paths.archive.empty()) {
    std::string member = llvm::sys::path::stem(paths.archive).str() + ".o";
    std::vector<llvm::NewArchiveMember> members;
    members.emplace_back(llvm::MemoryBufferRef(bytes, member));
    auto archive = llvm::writeArchiveToBuffer(
        members, llvm::SymtabWritingMode::NormalSymtab,
        llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
    if (!archive)
      return emitError(loc) << "cannot make an archive: "
                            << llvm::toString(archive.takeError());
    if (failed(write(paths.archive, (*archive)->getBuffer())))
      return failure();
  }
  if (!paths.shared.empty() &&
      failed(link(target, bytes, paths.shared, needsRuntime, files, loc)))
    return failure();
  return measure(bytes, loc);
}
