//===- KernelRunner.cpp - Compiles one-layer networks for a test ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/StorageTypes.h"
#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <dlfcn.h>

using namespace mlir;
using namespace q;
using namespace q::kernel::test;

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

KernelModule::KernelModule() {
  DialectRegistry registry;
  registry
      .insert<arith::ArithDialect, bufferization::BufferizationDialect,
              func::FuncDialect, LLVM::LLVMDialect, memref::MemRefDialect,
              quant::QuantDialect, q::QDialect, q::kernel::QKDialect,
              scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  q::kernel::registerBufferizableOpInterfaceModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  context->getDiagEngine().registerHandler(
      [this](Diagnostic &diagnostic) { errors += diagnostic.str() + "\n"; });
}

KernelModule::~KernelModule() = default;

void KernelModule::add(const LayerCase &layer, std::mt19937 &random) {
  layers.push_back(
      makeLayer(layer, "f" + std::to_string(cases.size()), random));
  cases.push_back(layer);
}

static std::string moduleText(const LayerCase &layer, const std::string &body) {
  return "module attributes {q.rounding = \"" + layer.rounding + "\"} {\n" +
         body + "}\n";
}

std::vector<uint8_t> KernelModule::evaluate(size_t i) {
  auto module = parseSourceString<ModuleOp>(
      moduleText(cases[i], layers[i].text), context.get());
  if (!module)
    return {};
  auto function = *module->getOps<func::FuncOp>().begin();
  auto evaluator = eval::createReferenceEvaluator(function);
  if (failed(evaluator))
    return {};
  auto toTensor = [](Type type, const std::vector<uint8_t> &bytes) {
    auto shaped = cast<RankedTensorType>(type);
    bool isSigned =
        cast<quant::QuantizedType>(shaped.getElementType()).isSigned();
    std::vector<int32_t> values;
    for (uint8_t byte : bytes)
      values.push_back(isSigned ? int8_t(byte) : byte);
    return eval::Tensor(shaped.getShape(), std::move(values));
  };
  SmallVector<eval::Tensor> inputs = {
      toTensor(function.getArgumentTypes()[0], layers[i].input)};
  if (cases[i].hasResidual)
    inputs.push_back(
        toTensor(function.getArgumentTypes()[1], layers[i].residual));
  auto results = (*evaluator)->run(inputs);
  if (failed(results))
    return {};
  std::vector<uint8_t> bytes;
  for (int32_t value : (*results)[0].i())
    bytes.push_back(uint8_t(value));
  return bytes;
}

/// Gives functions storage types and a buffer for their result, as the whole
/// compiler's passes do.
static void makeSignatures(ModuleOp module) {
  StorageTypeConverter types;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    Block &body = function.front();
    for (BlockArgument argument : body.getArguments())
      argument.setType(types.convertType(argument.getType()));
    Operation *terminator = body.getTerminator();
    auto last =
        terminator->getOperand(0).getDefiningOp<UnrealizedConversionCastOp>();
    if (!last)
      continue; // no kernel: the caller reports it
    Value result = last.getInputs()[0];
    auto tensor = cast<RankedTensorType>(result.getType());
    auto buffer = MemRefType::get(tensor.getShape(), tensor.getElementType());
    Value out = body.addArgument(buffer, function.getLoc());
    OpBuilder builder(terminator);
    auto write = bufferization::MaterializeInDestinationOp::create(
        builder, function.getLoc(), Type(), result, out);
    write.setRestrict(true);
    write.setWritable(true);
    func::ReturnOp::create(builder, function.getLoc());
    terminator->erase();
    last.erase();
    function.setFunctionType(
        builder.getFunctionType(body.getArgumentTypes(), {}));
    SmallVector<UnrealizedConversionCastOp> casts(
        function.getOps<UnrealizedConversionCastOp>());
    for (UnrealizedConversionCastOp cast : casts) {
      cast.getResult(0).replaceAllUsesWith(cast.getInputs()[0]);
      cast.erase();
    }
  }
}

/// Scratch on the stack, so that a benchmark may call a thousand times.
static void makeAllocasOfAllocs(ModuleOp module) {
  SmallVector<memref::AllocOp> allocs;
  module.walk([&](memref::AllocOp op) { allocs.push_back(op); });
  for (memref::AllocOp op : allocs) {
    OpBuilder builder(op);
    auto local = memref::AllocaOp::create(builder, op.getLoc(), op.getType(),
                                          builder.getI64IntegerAttr(64));
    op.replaceAllUsesWith(local.getResult());
    op.erase();
  }
}

static LogicalResult lowerToLLVM(ModuleOp module) {
  PassManager buffers(module->getContext());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  buffers.addPass(bufferization::createOneShotBufferizePass(options));
  buffers.addPass(createCanonicalizerPass());
  buffers.addPass(createCSEPass());
  buffers.addPass(q::kernel::createLowerKernels());
  if (failed(buffers.run(module)))
    return failure();
  makeAllocasOfAllocs(module);

  PassManager passes(module->getContext());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createArithToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions bare;
  bare.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(bare));
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  return passes.run(module);
}

namespace {
struct Machine {
  const char *triple, *cpu, *features;
};
} // namespace

static Machine getMachine(StringRef target) {
  if (target == "avx2")
    return {"x86_64-unknown-linux-gnu", "x86-64-v3", ""};
  if (target == "avxvnni")
    return {"x86_64-unknown-linux-gnu", "x86-64-v3", "+avxvnni"};
  if (target == "avx512vnni")
    return {"x86_64-unknown-linux-gnu", "x86-64-v4", "+avx512vnni"};
  if (target == "dotprod")
    return {"aarch64-unknown-linux-gnu", "generic", "+neon,+dotprod"};
  if (target == "i8mm")
    return {"aarch64-unknown-linux-gnu", "generic", "+neon,+dotprod,+i8mm"};
  return {"aarch64-unknown-linux-gnu", "generic", "+neon"};
}

static bool emitObject(ModuleOp module, StringRef target,
                       const std::string &path, std::string &errors) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  Machine machine = getMachine(target);
  llvm::Triple triple(machine.triple);
  const llvm::Target *found =
      llvm::TargetRegistry::lookupTarget(triple, errors);
  if (!found)
    return false;
  std::unique_ptr<llvm::TargetMachine> tm(found->createTargetMachine(
      triple, machine.cpu, machine.features, {}, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, llvmContext);
  if (!llvmModule)
    return false;
  llvmModule->setTargetTriple(triple);
  llvmModule->setDataLayout(tm->createDataLayout());
  for (llvm::Function &function : *llvmModule) {
    function.addFnAttr("target-cpu", machine.cpu);
    if (*machine.features)
      function.addFnAttr("target-features", machine.features);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(tm.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(*llvmModule, modules);
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  llvm::legacy::PassManager codegen;
  if (error || tm->addPassesToEmitFile(codegen, out, nullptr,
                                       llvm::CodeGenFileType::ObjectFile)) {
    errors += "cannot emit " + path + "\n";
    return false;
  }
  codegen.run(*llvmModule);
  return true;
}

std::optional<std::string> KernelModule::compile(const std::string &target,
                                                 const std::string &directory) {
  OwningOpRef<ModuleOp> all = ModuleOp::create(UnknownLoc::get(context.get()));
  withoutKernel.clear();
  kernelIR.clear();
  for (size_t i = 0; i < cases.size(); ++i) {
    auto module = parseSourceString<ModuleOp>(
        moduleText(cases[i], layers[i].text), context.get());
    if (!module)
      return std::nullopt;
    PassManager passes(context.get());
    q::kernel::ConvertQToKernelsOptions options;
    options.target = target;
    options.fixedPoint = cases[i].fixedPoint;
    passes.addNestedPass<func::FuncOp>(createProveInt16Chains());
    options.winograd = cases[i].winograd;
    options.kernel = cases[i].kernel;
    passes.addPass(q::kernel::createConvertQToKernels(options));
    passes.addPass(createCanonicalizerPass());
    if (failed(passes.run(*module)))
      return std::nullopt;
    auto function = *module->getOps<func::FuncOp>().begin();
    bool hasKernel = false;
    function.walk([&](Operation *op) {
      if (isa<q::kernel::ConvOp, q::kernel::DepthwiseOp, q::kernel::WinogradOp>(
              op)) {
        hasKernel = true;
        llvm::raw_string_ostream stream(kernelIR);
        op->print(stream, OpPrintingFlags().elideLargeElementsAttrs(8));
        stream << "\n";
      }
    });
    if (!hasKernel) {
      withoutKernel.push_back(i);
      continue;
    }
    function->remove();
    all->push_back(function);
  }
  makeSignatures(*all);
  std::string path = directory + "/" + target + ".o";
  if (failed(lowerToLLVM(*all)) || !emitObject(*all, target, path, errors))
    return std::nullopt;
  return path;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Bytes on both sides of a result that must stay as they are.
constexpr size_t kGuard = 64;
constexpr uint8_t kGuardByte = 0xa5;

static RunResult splitGuards(const uint8_t *bytes, size_t size) {
  RunResult result;
  result.output.assign(bytes + kGuard, bytes + kGuard + size);
  result.guardsIntact = true;
  for (size_t i = 0; i < kGuard; ++i)
    if (bytes[i] != kGuardByte || bytes[kGuard + size + i] != kGuardByte)
      result.guardsIntact = false;
  return result;
}

static std::vector<RunResult> runNative(const KernelModule &module,
                                        const std::string &object) {
  LoadedLibrary library(object);
  if (!library.isValid())
    return {};
  std::vector<RunResult> results;
  for (size_t i = 0; i < module.size(); ++i) {
    const Layer &layer = module.getLayer(i);
    size_t size = module.getCase(i).outputSize();
    std::vector<uint8_t> bytes(size + 2 * kGuard, kGuardByte);
    void *f = library.find("f" + std::to_string(i));
    if (!f)
      return {};
    if (layer.residual.empty())
      reinterpret_cast<void (*)(const void *, void *)>(f)(
          layer.input.data(), bytes.data() + kGuard);
    else
      reinterpret_cast<void (*)(const void *, const void *, void *)>(f)(
          layer.input.data(), layer.residual.data(), bytes.data() + kGuard);
    results.push_back(splitGuards(bytes.data(), size));
  }
  return results;
}

/// A C program that reads each layer's data from a file, calls it, and writes
/// the result with its guards.
static std::string driverText(const KernelModule &module) {
  std::string text = "#include <stdio.h>\n#include <stdlib.h>\n"
                     "#include <string.h>\n"
                     "static FILE *in, *out;\n"
                     "static void *take(size_t n) { void *p = malloc(n ? n : "
                     "1); if (fread(p, 1, n, in) != n) exit(2); return p; }\n";
  std::string body;
  for (size_t i = 0; i < module.size(); ++i) {
    const Layer &layer = module.getLayer(i);
    bool hasResidual = !layer.residual.empty();
    size_t size = module.getCase(i).outputSize() + 2 * kGuard;
    text += llvm::formatv("void f{0}(const void *, {1}void *);\n", i,
                          hasResidual ? "const void *, " : "")
                .str();
    body +=
        llvm::formatv("{{ void *x = take({0}); void *r = take({1}); char *y = "
                      "malloc({2}); memset(y, {3}, {2}); f{4}(x, {5}y + {6}); "
                      "fwrite(y, 1, {2}, out); free(x); free(r); free(y); }\n",
                      layer.input.size(), layer.residual.size(), size,
                      int(kGuardByte), i, hasResidual ? "r, " : "", kGuard)
            .str();
  }
  return text +
         "int main(int c, char **v) { in = fopen(v[1], \"rb\"); out = "
         "fopen(v[2], \"wb\"); if (!in || !out) return 1;\n" +
         body + "return fclose(out) != 0; }\n";
}

static bool writeFile(const std::string &path, StringRef text) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  out << text;
  out.close();
  return !error && !out.has_error();
}

constexpr const char *kCrossCompiler = "aarch64-linux-gnu-gcc";
constexpr const char *kEmulator = "qemu-aarch64";

static bool execute(StringRef program, ArrayRef<StringRef> arguments) {
  auto path = llvm::sys::findProgramByName(program);
  if (!path)
    return false;
  SmallVector<StringRef> all = {*path};
  all.append(arguments.begin(), arguments.end());
  return llvm::sys::ExecuteAndWait(*path, all) == 0;
}

static std::vector<RunResult> runEmulated(const KernelModule &module,
                                          const std::string &object,
                                          const std::string &directory) {
  std::string source = directory + "/driver.c", program = directory + "/driver",
              in = directory + "/in", out = directory + "/out", data;
  for (size_t i = 0; i < module.size(); ++i) {
    const Layer &layer = module.getLayer(i);
    data.append(layer.input.begin(), layer.input.end());
    data.append(layer.residual.begin(), layer.residual.end());
  }
  if (!writeFile(source, driverText(module)) || !writeFile(in, data) ||
      !execute(kCrossCompiler,
               {"-O1", "-static", "-o", program, source, object}) ||
      !execute(kEmulator, {"-cpu", "max", program, in, out}))
    return {};
  auto buffer = llvm::MemoryBuffer::getFile(out);
  if (!buffer)
    return {};
  const auto *next =
      reinterpret_cast<const uint8_t *>((*buffer)->getBufferStart());
  const auto *end =
      reinterpret_cast<const uint8_t *>((*buffer)->getBufferEnd());
  std::vector<RunResult> results;
  for (size_t i = 0; i < module.size(); ++i) {
    size_t size = module.getCase(i).outputSize();
    if (size_t(end - next) < size + 2 * kGuard)
      return {};
    results.push_back(splitGuards(next, size));
    next += size + 2 * kGuard;
  }
  return results;
}

static bool isX86(StringRef target) { return target.starts_with("avx"); }

std::string q::kernel::test::whyCannotRun(const std::string &target) {
  if (isX86(target)) {
#if defined(__x86_64__)
    if (target == "avx2" && __builtin_cpu_supports("avx2"))
      return {};
    if (target == "avxvnni" && __builtin_cpu_supports("avxvnni"))
      return {};
    if (target == "avx512vnni" && __builtin_cpu_supports("avx512vnni") &&
        __builtin_cpu_supports("x86-64-v4"))
      return {};
#endif
    return "this machine has no " + target;
  }
  for (const char *program : {kCrossCompiler, kEmulator})
    if (!llvm::sys::findProgramByName(program))
      return std::string(program) + " is not installed";
  return {};
}

std::vector<RunResult> q::kernel::test::runAll(const KernelModule &module,
                                               const std::string &target,
                                               const std::string &object,
                                               const std::string &directory) {
  return isX86(target) ? runNative(module, object)
                       : runEmulated(module, object, directory);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

LoadedLibrary::LoadedLibrary(const std::string &object) {
  auto linker = llvm::sys::findProgramByName(Q_HOST_CC);
  if (!linker)
    return;
  std::string library = object + ".so";
  StringRef arguments[] = {*linker, "-shared", "-o", library, object};
  if (llvm::sys::ExecuteAndWait(*linker, arguments) == 0)
    handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
}

LoadedLibrary::~LoadedLibrary() {
  if (handle)
    dlclose(handle);
}

void *LoadedLibrary::find(const std::string &name) const {
  return dlsym(handle, name.c_str());
}

int64_t q::kernel::test::codeBytes(const std::string &path) {
  auto object = llvm::object::ObjectFile::createObjectFile(path);
  if (!object) {
    llvm::consumeError(object.takeError());
    return 0;
  }
  int64_t bytes = 0;
  for (const llvm::object::SectionRef &section :
       object->getBinary()->sections())
    if (section.isText())
      bytes += int64_t(section.getSize());
  return bytes;
}

ScratchDirectory::ScratchDirectory() {
  llvm::SmallString<128> directory;
  if (!llvm::sys::fs::createUniqueDirectory("qkernels", directory))
    path = directory.str().str();
}

ScratchDirectory::~ScratchDirectory() {
  if (!path.empty())
    llvm::sys::fs::remove_directories(path);
}
