//===- FlattenGlobals.cpp - One-dimensional, shared LLVM globals ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/xxhash.h"

namespace q {
#define GEN_PASS_DEF_FLATTENGLOBALS
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;

/// The innermost element of nested arrays, and how many there are.
static std::pair<Type, uint64_t> getFlat(Type type) {
  uint64_t count = 1;
  while (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
    count *= array.getNumElements();
    type = array.getElementType();
  }
  return {type, count};
}

static void flatten(LLVM::GlobalOp global) {
  auto array = dyn_cast<LLVM::LLVMArrayType>(global.getGlobalType());
  if (!array || !isa<LLVM::LLVMArrayType>(array.getElementType()))
    return;
  auto [element, count] = getFlat(array);
  Attribute value = global.getValueAttr();
  auto elements = dyn_cast_if_present<ElementsAttr>(value);
  if (!elements || elements.getNumElements() != static_cast<int64_t>(count))
    return;
  ShapedType type =
      elements.getShapedType().clone({static_cast<int64_t>(count)});
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    value = dense.reshape(type);
  else if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    value = DenseResourceElementsAttr::get(type, resource.getRawHandle());
  else
    return;
  global.setValueAttr(value);
  global.setGlobalType(LLVM::LLVMArrayType::get(element, count));
}

/// The bytes of a constant, where they lie in one piece.
static ArrayRef<char> getBytes(Attribute value) {
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(value))
    return dense.getRawData();
  if (auto resource = dyn_cast_if_present<DenseResourceElementsAttr>(value))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return blob->getData();
  return {};
}

namespace {

class FlattenGlobalsPass
    : public q::impl::FlattenGlobalsBase<FlattenGlobalsPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto global : module.getOps<LLVM::GlobalOp>())
      flatten(global);
    shareEqualGlobals(module);
  }

private:
  static bool isSame(LLVM::GlobalOp lhs, LLVM::GlobalOp rhs) {
    // A splat has one element's bytes, whatever the type; equal types and
    // equally many bytes make equal contents.
    return lhs.getGlobalType() == rhs.getGlobalType() &&
           getBytes(lhs.getValueAttr()) == getBytes(rhs.getValueAttr());
  }

  static void shareEqualGlobals(ModuleOp module) {
    llvm::DenseMap<uint64_t, SmallVector<LLVM::GlobalOp>> seen;
    llvm::DenseMap<StringAttr, LLVM::GlobalOp> replaced;
    SmallVector<LLVM::GlobalOp> dead;
    for (auto global : module.getOps<LLVM::GlobalOp>()) {
      ArrayRef<char> bytes = getBytes(global.getValueAttr());
      bool isLocal = global.getLinkage() == LLVM::Linkage::Private ||
                     global.getLinkage() == LLVM::Linkage::Internal;
      if (!global.getConstant() || !isLocal || bytes.empty())
        continue;
      auto &candidates = seen[llvm::xxh3_64bits(ArrayRef<uint8_t>(
          reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()))];
      auto *equal = llvm::find_if(candidates, [&](LLVM::GlobalOp other) {
        return isSame(global, other);
      });
      if (equal == candidates.end()) {
        candidates.push_back(global);
        continue;
      }
      equal->setAlignment(std::max(equal->getAlignment().value_or(1),
                                   global.getAlignment().value_or(1)));
      replaced[global.getSymNameAttr()] = *equal;
      dead.push_back(global);
    }
    if (dead.empty())
      return;
    module.walk([&](LLVM::AddressOfOp address) {
      auto it = replaced.find(address.getGlobalNameAttr().getAttr());
      if (it != replaced.end())
        address.setGlobalName(it->second.getSymName());
    });
    for (LLVM::GlobalOp global : dead)
      global.erase();
  }
};

} // namespace
