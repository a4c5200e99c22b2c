//===- KernelReasons.cpp - Why a layer has the kernel it has --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelReasons.h"

#include "QDialect/Int16Chains.h"
#include "QDialect/QDialect.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace q;
using namespace q::kernel;

std::string kernel::explainWords(Operation *layer) {
  auto weighted = dyn_cast<WeightedOpInterface>(layer);
  std::optional<Int16Chain> chain;
  if (weighted)
    chain = getInt16Chain(weighted);
  if (!chain || chain->proof.unsafePairs == 0)
    return "";
  return ("vpmaddubsw: " + Twine(chain->proof.unsafePairs) + " of " +
          Twine(chain->proof.pairs) + " pairs of weights reach up to " +
          Twine(chain->amax) + " x " + Twine(chain->proof.pairSum) +
          ", beyond 32767")
      .str();
}

/// A proof as the IR has it, without what is as long as the layer.
static std::string printProof(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  StringRef proof = text;
  proof.consume_front("#qk.");
  size_t list = proof.find(", counts");
  if (list == StringRef::npos)
    return proof.str();
  return (proof.take_front(list) + ">").str();
}

std::string kernel::explainKernel(Operation *kernel) {
  std::string result;
  auto add = [&](const Twine &reason) {
    result += (result.empty() ? "" : "; ") + reason.str();
  };
  static constexpr StringRef proofs[] = {"chain", "panel_chains",
                                         "signed_chain", "winograd_proof"};
  for (StringRef name : proofs)
    if (Attribute proof = kernel->getAttr(name))
      add(printProof(proof));
  for (StringRef name : {StringRef(kWhyWordsAttrName), StringRef("why_direct")})
    if (auto reason = kernel->getAttrOfType<StringAttr>(name))
      add("not " + reason.getValue());
  return result;
}
