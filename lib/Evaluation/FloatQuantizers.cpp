//===- FloatQuantizers.cpp - Quantizers in float --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"

#include "QDialect/Schemes.h"

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

class IdentityKernel : public FloatKernel {
public:
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    output = *operands[0];
    return success();
  }
  bool isIdentity() const override { return true; }
};

/// Rules N3 and N1, there and back.
class SimulateKernel : public FloatKernel {
public:
  SimulateKernel(QuantizerOp op, ArrayRef<numerics::QuantParams> params)
      : params(params) {
    int64_t axis = op.getScheme().getAxis();
    if (axis >= 0)
      inner = Tensor::count(getShape(op.getInput()).drop_front(axis + 1));
  }

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const std::vector<float> &x = operands[0]->f();
    size_t run = params.size() == 1 ? x.size() : inner;
    for (size_t i = 0; i < x.size(); i += run)
      numerics::simulate(params[i / run % params.size()], &x[i], &output.f()[i],
                         run);
    return success();
  }

private:
  SmallVector<numerics::QuantParams> params;
  /// Elements of one channel that lie side by side.
  int64_t inner = 1;
};

} // namespace

static KernelOr createQuantizer(QuantizerOp op, KernelContext &context) {
  if (context.quantizers == QuantizerMode::Identity)
    return std::unique_ptr<FloatKernel>(std::make_unique<IdentityKernel>());
  auto params = chooseParams(op);
  if (failed(params))
    return failure();
  return std::unique_ptr<FloatKernel>(
      std::make_unique<SimulateKernel>(op, *params));
}

void q::eval::addQuantizerKernels(KernelTable &table) {
  table.add<QuantizerOp>(createQuantizer);
}
