//===- ComputeInStripes.cpp - Layers row by row, to save memory -----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StripePlan.h"

#include "QDialect/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

namespace q {
#define GEN_PASS_DEF_COMPUTEINSTRIPES
#include "QDialect/Transforms/Passes.h.inc"
} // namespace q

using namespace mlir;
using namespace q;

static int64_t getHeight(Value value) {
  return cast<RankedTensorType>(value.getType()).getDimSize(1);
}

static RankedTensorType withHeight(Value value, int64_t height) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = height;
  return type.clone(shape);
}

static Value takeRows(OpBuilder &b, Location loc, Value image, RowRange rows) {
  if (rows.size() == getHeight(image))
    return image;
  RankedTensorType type = withHeight(image, rows.size());
  return SliceOp::create(b, loc, type, image,
                         ArrayRef<int64_t>{0, rows.begin, 0, 0},
                         type.getShape(), ArrayRef<int64_t>{1, 1, 1, 1});
}

/// Rows `rows` of what layer `index` computes.
static Value computeRows(OpBuilder &b, ArrayRef<Operation *> layers,
                         size_t index, RowRange rows) {
  Operation *layer = layers[index];
  Location loc = layer->getLoc();
  int64_t height = getHeight(layer->getOperand(0));
  RowRange wanted = getInputRows(layer, rows);
  RowRange inside{std::max<int64_t>(wanted.begin, 0),
                  std::min(wanted.end, height)};
  Value input = index == 0 ? takeRows(b, loc, layer->getOperand(0), inside)
                           : computeRows(b, layers, index - 1, inside);
  Value residual;
  if (auto conv = dyn_cast<Conv2DOp>(layer); conv && conv.getResidual())
    residual = takeRows(b, loc, conv.getResidual(), rows);
  Operation *copy = b.clone(*layer);
  copy->setOperand(0, input);
  copy->getResult(0).setType(withHeight(layer->getResult(0), rows.size()));
  auto setPads = [&](auto op) {
    SmallVector<int64_t> pads(op.getPads());
    pads[0] = inside.begin - wanted.begin;
    pads[2] = wanted.end - inside.end;
    op.setPads(pads);
  };
  if (auto pool = dyn_cast<MaxPool2DOp>(copy)) {
    setPads(pool);
    return pool.getOutput();
  }
  auto conv = cast<Conv2DOp>(copy);
  setPads(conv);
  if (residual)
    conv.getResidualMutable().assign(residual);
  return conv.getOutput();
}

static void rewrite(const Stripes &stripes) {
  Operation *last = stripes.layers.back();
  OpBuilder b(last);
  Value result = last->getResult(0);
  int64_t height = getHeight(result);
  SmallVector<Value> parts;
  for (int64_t begin = 0; begin < height; begin += stripes.rows) {
    b.setInsertionPoint(last);
    parts.push_back(
        computeRows(b, stripes.layers, stripes.layers.size() - 1,
                    {begin, std::min(begin + stripes.rows, height)}));
  }
  b.setInsertionPoint(last);
  auto whole = ConcatOp::create(b, last->getLoc(), result.getType(), parts,
                                /*axis=*/1);
  result.replaceAllUsesWith(whole.getOutput());
  for (Operation *layer : llvm::reverse(stripes.layers))
    layer->erase();
}

namespace {

struct ComputeInStripesPass
    : q::impl::ComputeInStripesBase<ComputeInStripesPass> {
  using ComputeInStripesBase::ComputeInStripesBase;

  void runOnOperation() override {
    if (getOperation().isExternal() ||
        !llvm::hasSingleElement(getOperation().getBody()))
      return;
    StripePlan plan = planStripes(getOperation());
    for (const Stripes &stripes : plan.stripes)
      rewrite(stripes);
    numStripes += plan.stripes.size();
    bytesBefore = plan.bytesBefore;
    bytesAfter = plan.bytesAfter;
  }
};

} // namespace
