//===- TargetMachine.cpp - Processors to compile for ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Target/EmitLibrary.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace q;

bool Target::isAArch64() const {
  return StringRef(triple).starts_with("aarch64");
}

FailureOr<Target> q::parseTarget(StringRef text, Location loc) {
  Target target;
  target.name = text.str();
  SmallVector<StringRef> parts;
  text.split(parts, '+');
  if (text == "x86-64-v3" || text == "x86-64-v3+avxvnni" ||
      text == "x86-64-v4+avx512vnni") {
    target.triple = "x86_64-unknown-linux-gnu";
    target.cpu = parts.front().str();
    target.kernels = parts.size() == 1 ? "avx2" : parts.back().str();
    if (parts.size() > 1)
      target.features = "+" + parts.back().str();
    return target;
  }
  bool known = parts.front() == "aarch64";
  target.triple = "aarch64-unknown-linux-gnu";
  target.cpu = "generic";
  target.features = "+neon";
  target.kernels = "neon";
  for (StringRef feature : ArrayRef(parts).drop_front()) {
    known &= feature == "dotprod" || feature == "i8mm";
    target.features += ",+" + feature.str();
    // i8mm comes with the dot products of later cores.
    if (target.kernels != "i8mm")
      target.kernels = feature.str();
  }
  if (!known)
    return emitError(loc) << "unknown target '" << text
                          << "'; there are x86-64-v3, x86-64-v3+avxvnni, "
                             "x86-64-v4+avx512vnni, aarch64, aarch64+dotprod "
                             "and aarch64+dotprod+i8mm";
  return target;
}

FailureOr<std::unique_ptr<llvm::TargetMachine>>
q::createTargetMachine(const Target &target, Location loc) {
  // Only these two: Debian's LLVM holds all of its targets.
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
  std::string error;
  llvm::Triple triple(target.triple);
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return emitError(loc) << "LLVM has no target for " << target.triple << ": "
                          << error;
  llvm::TargetOptions options;
  // Functions and constants that nobody calls are left out by the linker.
  options.FunctionSections = true;
  options.DataSections = true;
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

std::string q::whyCannotRunHere(const Target &target) {
  llvm::Triple here(llvm::sys::getProcessTriple()), there(target.triple);
  if (here.getArch() != there.getArch() || here.getOS() != there.getOS())
    return "it is " + (here.getArchName() + "-" +
                       llvm::Triple::getOSTypeName(here.getOS()))
                          .str();
  SmallVector<StringRef> needed;
  if (StringRef(target.cpu).starts_with("x86-64-v"))
    needed = {"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"};
  if (target.cpu == "x86-64-v4")
    needed.append({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  SmallVector<StringRef> features;
  StringRef(target.features).split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    needed.push_back(feature.ltrim('+'));
  llvm::StringMap<bool> has = llvm::sys::getHostCPUFeatures();
  for (StringRef feature : needed)
    if (!has.lookup(feature))
      return ("it has no " + feature).str();
  return {};
}
