//===- ExpandCopies.cpp - Copies of buffers as loops ----------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace q {
#define GEN_PASS_DEF_EXPANDCOPIES
#include "QDialect/Conversion/Passes.h.inc"
} // namespace q

using namespace mlir;

namespace {

class ExpandCopiesPass : public q::impl::ExpandCopiesBase<ExpandCopiesPass> {
public:
  void runOnOperation() override {
    getOperation()->walk([](memref::CopyOp copy) {
      OpBuilder b(copy);
      linalg::CopyOp::create(b, copy.getLoc(), copy.getSource(),
                             copy.getTarget());
      copy.erase();
    });
  }
};

} // namespace
