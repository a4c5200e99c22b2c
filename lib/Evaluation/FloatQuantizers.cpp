//===- FloatQuantizers.cpp - Quantizers in float --------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"

#include "QDialect/IntegerSemantics.h"
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
  /// Parameters of each channel along `axis`, or of all elements if it is -1.
  SimulateKernel(ArrayRef<int64_t> shape, int64_t axis,
                 ArrayRef<numerics::QuantParams> params)
      : params(params) {
    if (axis >= 0)
      inner = Tensor::count(shape.drop_front(axis + 1));
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
  return std::unique_ptr<FloatKernel>(std::make_unique<SimulateKernel>(
      getShape(op.getInput()), op.getScheme().getAxis(), *params));
}

/// The result is held as the real numbers that it means.
static KernelOr createQuantize(QuantizeOp op, KernelContext &) {
  quant::QuantizedType type = getQuantizedType(op.getOutput());
  ArrayRef<int64_t> shape = getShape(op.getInput());
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  int64_t axis = perAxis ? perAxis.getQuantizedDimension() : -1;
  return std::unique_ptr<FloatKernel>(std::make_unique<SimulateKernel>(
      shape, axis, getPerChannelParams(type, perAxis ? shape[axis] : 1)));
}

static KernelOr createDequantize(DequantizeOp, KernelContext &) {
  return std::unique_ptr<FloatKernel>(std::make_unique<IdentityKernel>());
}

void q::eval::addQuantizerKernels(KernelTable &table) {
  table.add<QuantizerOp>(createQuantizer);
  table.add<QuantizeOp>(createQuantize);
  table.add<DequantizeOp>(createDequantize);
}
