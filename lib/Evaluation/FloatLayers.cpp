//===- FloatLayers.cpp - Layers with weights and matrix products in float -===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Convolutions, fully connected layers and matrix products run in oneDNN on the
// tensors as they are, channels last. Bias is oneDNN's; the residual and the
// clamp follow in one pass.
//
//===----------------------------------------------------------------------===//

#include "FloatDnnl.h"
#include "FloatLoops.h"

using namespace mlir;
using namespace q;
using namespace q::eval;

std::shared_ptr<DnnlContext> q::eval::createDnnlContext() {
  std::string message;
  auto context = std::make_shared<DnnlContext>();
  bool works = runDnnl(
      [&] {
        context->engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
        context->stream = dnnl::stream(context->engine);
      },
      message);
  return works ? context : nullptr;
}

void DnnlWeights::initialize(DnnlContext &context,
                             const dnnl::memory::desc &plain,
                             const dnnl::memory::desc &wanted,
                             const Tensor *constant) {
  this->plain = plain;
  memory = dnnl::memory(wanted, context.engine);
  isConstant = constant != nullptr;
  if (isConstant)
    reorder(context, *constant);
}

void DnnlWeights::reorder(DnnlContext &context, const Tensor &source) {
  dnnl::memory from = getMemory(context, plain, source);
  dnnl::reorder(from, memory).execute(context.stream, from, memory);
  context.stream.wait();
}

dnnl::memory &DnnlWeights::get(DnnlContext &context, const Tensor &current) {
  if (!isConstant)
    reorder(context, current);
  return memory;
}

namespace {

/// A layer of oneDNN with input, weights and perhaps a bias.
class LayerKernel : public FloatKernel {
public:
  LayerKernel(WeightedOpInterface op, KernelContext &context)
      : dnnl(context.dnnl), constantWeights(context.constants[1]),
        hasBias(op.getBias() != nullptr),
        hasResidual(op->getNumOperands() > (hasBias ? 3u : 2u)),
        bounds(cast<FusedClampOpInterface>(op.getOperation())) {}

  /// Calls `describe`, which fills in the protected members below by oneDNN.
  template <typename Describe>
  static KernelOr create(std::unique_ptr<LayerKernel> kernel, Operation *op,
                         Describe describe) {
    std::string message;
    if (!runDnnl([&] { describe(*kernel); }, message))
      return op->emitError("'")
             << op->getName() << "' cannot be set up in oneDNN: " << message;
    return std::unique_ptr<FloatKernel>(std::move(kernel));
  }

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    std::string message;
    bool works = runDnnl([&] { execute(operands, output); }, message);
    if (!works)
      return failure();
    std::vector<float> &y = output.f();
    if (hasResidual) {
      const std::vector<float> &residual = operands[hasBias ? 3 : 2]->f();
      for (size_t i = 0; i < y.size(); ++i)
        y[i] += residual[i];
    }
    bounds.apply(y);
    return success();
  }

  /// Takes over a primitive and the layouts it works on.
  template <typename Primitive>
  void setPrimitive(const typename Primitive::primitive_desc &desc,
                    const dnnl::memory::desc &plainWeights) {
    primitive = Primitive(desc);
    source = desc.src_desc();
    result = desc.dst_desc();
    if (hasBias)
      bias = desc.bias_desc();
    weights.initialize(*dnnl, plainWeights, desc.weights_desc(),
                       constantWeights);
  }
  dnnl::engine &getEngine() { return dnnl->engine; }
  bool withBias() const { return hasBias; }

private:
  void execute(ArrayRef<const Tensor *> operands, Tensor &output) {
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, getMemory(*dnnl, source, *operands[0])},
        {DNNL_ARG_WEIGHTS, weights.get(*dnnl, *operands[1])},
        {DNNL_ARG_DST, getMemory(*dnnl, result, output)}};
    if (hasBias)
      arguments[DNNL_ARG_BIAS] = getMemory(*dnnl, bias, *operands[2]);
    primitive.execute(dnnl->stream, arguments);
    dnnl->stream.wait();
  }

  std::shared_ptr<DnnlContext> dnnl;
  const Tensor *constantWeights;
  bool hasBias, hasResidual;
  ClampBounds bounds;
  dnnl::primitive primitive;
  dnnl::memory::desc source, result, bias;
  DnnlWeights weights;
};

/// `[N, H, W, C]` as oneDNN orders its dimensions: N, C, H, W.
dnnl::memory::desc getActivationDesc(ArrayRef<int64_t> shape) {
  return getDesc(
      {shape[0], shape[3], shape[1], shape[2]},
      {shape[1] * shape[2] * shape[3], 1, shape[2] * shape[3], shape[3]});
}

/// Weights `[O, KH, KW, I]` with a leading dimension of groups.
struct ConvWeights {
  Shape extents;
  dnnl::memory::desc plain;
  ConvWeights(ArrayRef<int64_t> shape, int64_t groups) {
    int64_t outputs = shape[0] / groups, h = shape[1], w = shape[2],
            inputs = shape[3];
    int64_t stride = h * w * inputs;
    extents = {groups, outputs, inputs, h, w};
    plain = getDesc(extents, {outputs * stride, stride, 1, w * inputs, inputs});
  }
};

} // namespace

static KernelOr createConv(Conv2DOp op, KernelContext &context) {
  return LayerKernel::create(
      std::make_unique<LayerKernel>(op, context), op, [&](LayerKernel &kernel) {
        using Conv = dnnl::convolution_forward;
        ConvWeights weights(getShape(op.getWeights()), op.getGroups());
        // Without groups oneDNN wants the dimension left out.
        bool grouped = op.getGroups() > 1;
        ArrayRef<int64_t> extents(weights.extents);
        dnnl::memory::desc plain =
            grouped ? weights.plain
                    : weights.plain.reshape(
                          {extents[1], extents[2], extents[3], extents[4]});
        ArrayRef<int64_t> s = op.getStrides(), p = op.getPads(),
                          d = op.getDilations();
        dnnl::memory::dims strides{s[0], s[1]}, dilations{d[0] - 1, d[1] - 1};
        dnnl::memory::dims begin{p[0], p[1]}, end{p[2], p[3]};
        auto kind = dnnl::prop_kind::forward_inference;
        auto algorithm = dnnl::algorithm::convolution_direct;
        auto x = getActivationDesc(getShape(op.getInput()));
        auto w = getAnyDesc(grouped ? extents : extents.drop_front());
        auto y = getActivationDesc(getShape(op.getOutput()));
        auto b = getDesc({getShape(op.getWeights())[0]}, {1});
        Conv::desc desc = kernel.withBias()
                              ? Conv::desc(kind, algorithm, x, w, b, y, strides,
                                           dilations, begin, end)
                              : Conv::desc(kind, algorithm, x, w, y, strides,
                                           dilations, begin, end);
        kernel.setPrimitive<Conv>(
            Conv::primitive_desc(desc, kernel.getEngine()), plain);
      });
}

static KernelOr createConvTranspose(ConvTranspose2DOp op,
                                    KernelContext &context) {
  return LayerKernel::create(
      std::make_unique<LayerKernel>(op, context), op, [&](LayerKernel &kernel) {
        using Deconv = dnnl::deconvolution_forward;
        ConvWeights weights(getShape(op.getWeights()), op.getGroups());
        ArrayRef<int64_t> s = op.getStrides(), p = op.getPads(),
                          d = op.getDilations(), o = op.getOutputPadding();
        dnnl::memory::dims strides{s[0], s[1]}, dilations{d[0] - 1, d[1] - 1};
        // Output padding is a border that is cut off less.
        dnnl::memory::dims begin{p[0], p[1]}, end{p[2] - o[0], p[3] - o[1]};
        auto kind = dnnl::prop_kind::forward_inference;
        auto algorithm = dnnl::algorithm::deconvolution_direct;
        auto x = getActivationDesc(getShape(op.getInput()));
        auto w = getAnyDesc(weights.extents);
        auto y = getActivationDesc(getShape(op.getOutput()));
        auto b = getDesc({getShape(op.getWeights())[0]}, {1});
        Deconv::desc desc = kernel.withBias()
                                ? Deconv::desc(kind, algorithm, x, w, b, y,
                                               strides, dilations, begin, end)
                                : Deconv::desc(kind, algorithm, x, w, y,
                                               strides, dilations, begin, end);
        kernel.setPrimitive<Deconv>(
            Deconv::primitive_desc(desc, kernel.getEngine()), weights.plain);
      });
}

static KernelOr createGemm(GemmOp op, KernelContext &context) {
  return LayerKernel::create(
      std::make_unique<LayerKernel>(op, context), op, [&](LayerKernel &kernel) {
        using Product = dnnl::inner_product_forward;
        auto plain = [](Value value) {
          return getDesc(getShape(value), getStrides(getShape(value)));
        };
        auto kind = dnnl::prop_kind::forward_inference;
        auto x = plain(op.getInput()), y = plain(op.getOutput());
        auto w = getAnyDesc(getShape(op.getWeights()));
        auto b = getDesc({getShape(op.getWeights())[0]}, {1});
        Product::desc desc = kernel.withBias() ? Product::desc(kind, x, w, b, y)
                                               : Product::desc(kind, x, w, y);
        kernel.setPrimitive<Product>(
            Product::primitive_desc(desc, kernel.getEngine()),
            plain(op.getWeights()));
      });
}

namespace {

class MatMulKernel : public FloatKernel {
public:
  MatMulKernel(MatMulOp op, std::shared_ptr<DnnlContext> context)
      : dnnl(std::move(context)),
        bounds(cast<FusedClampOpInterface>(op.getOperation())) {
    size_t rank = getShape(op.getOutput()).size();
    lhs = getPadded(getShape(op.getLhs()), rank);
    rhs = getPadded(getShape(op.getRhs()), rank);
    result = getPadded(getShape(op.getOutput()), rank);
    primitive = dnnl::matmul(dnnl::matmul::primitive_desc(
        dnnl::matmul::desc(lhs, rhs, result), dnnl->engine));
  }

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    std::string message;
    bool works = runDnnl(
        [&] {
          primitive.execute(
              dnnl->stream,
              {{DNNL_ARG_SRC, getMemory(*dnnl, lhs, *operands[0])},
               {DNNL_ARG_WEIGHTS, getMemory(*dnnl, rhs, *operands[1])},
               {DNNL_ARG_DST, getMemory(*dnnl, result, output)}});
          dnnl->stream.wait();
        },
        message);
    bounds.apply(output.f());
    return success(works);
  }

private:
  /// The layout with leading dimensions of 1 up to `rank`.
  static dnnl::memory::desc getPadded(ArrayRef<int64_t> shape, size_t rank) {
    Shape padded(rank - shape.size(), 1);
    padded.append(shape.begin(), shape.end());
    return getDesc(padded, getStrides(padded));
  }

  std::shared_ptr<DnnlContext> dnnl;
  ClampBounds bounds;
  dnnl::memory::desc lhs, rhs, result;
  dnnl::matmul primitive;
};

} // namespace

static KernelOr createMatMul(MatMulOp op, KernelContext &context) {
  std::unique_ptr<FloatKernel> kernel;
  std::string message;
  if (!runDnnl(
          [&] { kernel = std::make_unique<MatMulKernel>(op, context.dnnl); },
          message))
    return op->emitError("'")
           << op->getName() << "' cannot be set up in oneDNN: " << message;
  return kernel;
}

void q::eval::addLayerKernels(KernelTable &table) {
  table.add<Conv2DOp>(createConv);
  table.add<ConvTranspose2DOp>(createConvTranspose);
  table.add<GemmOp>(createGemm);
  table.add<MatMulOp>(createMatMul);
}
