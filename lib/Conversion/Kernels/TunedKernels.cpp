//===- TunedKernels.cpp - Kernels that were timed -------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/TunedKernels.h"

#include "QDialect/OutputFile.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace q::kernel;
namespace json = llvm::json;

constexpr int64_t kVersion = 1;

static bool parseEntry(const json::Value &value, TunedKernel &kernel) {
  const json::Object *entry = value.getAsObject();
  if (!entry)
    return false;
  auto name = entry->getString("kernel");
  auto time = entry->getInteger("nanoseconds");
  auto defaultTime = entry->getInteger("default_nanoseconds");
  if (!name || !time || !defaultTime || *time < 0 || *defaultTime < 0)
    return false;
  kernel = {name->str(), *time, *defaultTime};
  return true;
}

FailureOr<TunedKernels> TunedKernels::read(StringRef path, Location loc) {
  auto fail = [&](const Twine &why) -> InFlightDiagnostic {
    return emitError(loc) << "cannot read the tuned kernels of '" << path
                          << "': " << why;
  };
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(buffer.getError().message());
  auto document = json::parse((*buffer)->getBuffer());
  if (!document)
    return fail(llvm::toString(document.takeError()));
  const json::Object *root = document->getAsObject();
  if (!root || root->getInteger("version") != kVersion)
    return fail("it has no \"version\": " + Twine(kVersion) +
                "; make it anew with qcc --tune");
  const json::Object *all = root->getObject("targets");
  if (!all)
    return fail("it has no \"targets\"");
  TunedKernels result;
  for (const auto &[target, value] : *all) {
    const json::Object *layers = value.getAsObject();
    if (!layers)
      return fail("the target '" + Twine(StringRef(target)) +
                  "' is no object of layers");
    auto &to = result.targets[StringRef(target).str()];
    for (const auto &[layer, entry] : *layers)
      if (!parseEntry(entry, to[StringRef(layer).str()]))
        return fail("the entry '" + Twine(StringRef(layer)) +
                    "' lacks \"kernel\", \"nanoseconds\" or "
                    "\"default_nanoseconds\"");
  }
  return result;
}

LogicalResult TunedKernels::write(StringRef path, Location loc) const {
  json::Object all;
  for (const auto &[target, layers] : targets) {
    json::Object entries;
    for (const auto &[layer, kernel] : layers)
      entries[layer] =
          json::Object{{"kernel", kernel.kernel},
                       {"nanoseconds", kernel.nanoseconds},
                       {"default_nanoseconds", kernel.defaultNanoseconds}};
    all[target] = std::move(entries);
  }
  // Objects are printed in the order of their keys.
  json::Value root =
      json::Object{{"version", kVersion}, {"targets", std::move(all)}};
  return writeFileAtomically(path, llvm::formatv("{0:2}\n", root).str(), loc);
}

const TunedKernel *TunedKernels::find(StringRef target, StringRef layer) const {
  auto of = targets.find(target.str());
  if (of == targets.end())
    return nullptr;
  auto found = of->second.find(layer.str());
  return found == of->second.end() ? nullptr : &found->second;
}

void TunedKernels::set(StringRef target, StringRef layer, TunedKernel kernel) {
  targets[target.str()][layer.str()] = std::move(kernel);
}
