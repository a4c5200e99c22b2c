//===- ExportOps.cpp - Ops without weights as ONNX ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Exporter.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_export;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// The ONNX op of the same name and attributes, empty where there is none.
static StringRef getOpType(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Abs:
    return "Abs";
  case UnaryKind::Neg:
    return "Neg";
  case UnaryKind::Exp:
    return "Exp";
  case UnaryKind::Log:
    return "Log";
  case UnaryKind::Sqrt:
    return "Sqrt";
  case UnaryKind::Reciprocal:
    return "Reciprocal";
  case UnaryKind::Sigmoid:
    return "Sigmoid";
  case UnaryKind::Tanh:
    return "Tanh";
  case UnaryKind::Erf:
    return "Erf";
  case UnaryKind::Gelu:
  case UnaryKind::GeluTanh:
    return "Gelu";
  case UnaryKind::Elu:
    return "Elu";
  case UnaryKind::Selu:
    return "Selu";
  case UnaryKind::Celu:
    return "Celu";
  case UnaryKind::LeakyRelu:
    return "LeakyRelu";
  case UnaryKind::HardSigmoid:
    return "HardSigmoid";
  case UnaryKind::HardSwish:
    return "HardSwish";
  case UnaryKind::Mish:
    return "Mish";
  case UnaryKind::Softplus:
    return "Softplus";
  case UnaryKind::Softsign:
    return "Softsign";
  case UnaryKind::ThresholdedRelu:
    return "ThresholdedRelu";
  case UnaryKind::Floor:
    return "Floor";
  case UnaryKind::Ceil:
    return "Ceil";
  case UnaryKind::Round:
    return "Round";
  case UnaryKind::Sign:
    return "Sign";
  case UnaryKind::Sin:
    return "Sin";
  case UnaryKind::Cos:
    return "Cos";
  default:
    return "";
  }
}

FailureOr<std::string> Exporter::writeUnary(UnaryOp op) {
  auto input = real(op.getInput());
  if (failed(input))
    return failure();
  UnaryKind kind = op.getKind();
  switch (kind) {
  case UnaryKind::Square:
    return graph.add("Mul", {*input, *input}).result();
  case UnaryKind::Rsqrt:
    return graph.add("Reciprocal", {graph.add("Sqrt", {*input})}).result();
  case UnaryKind::Silu:
    return graph.add("Mul", {*input, graph.add("Sigmoid", {*input})}).result();
  default:
    break;
  }
  StringRef opType = getOpType(kind);
  if (opType.empty())
    return op.emitOpError("computes '")
           << stringifyUnaryKind(kind) << "', which is not exported to ONNX";
  auto node = graph.add(opType, {*input});
  float alpha = op.getAlpha().convertToFloat();
  float beta = op.getBeta().convertToFloat();
  switch (kind) {
  case UnaryKind::GeluTanh:
    node.text("approximate", "tanh");
    break;
  case UnaryKind::Selu:
    node.real("alpha", alpha).real("gamma", beta);
    break;
  case UnaryKind::HardSigmoid:
    node.real("alpha", alpha).real("beta", beta);
    break;
  case UnaryKind::Elu:
  case UnaryKind::Celu:
  case UnaryKind::LeakyRelu:
  case UnaryKind::ThresholdedRelu:
    node.real("alpha", alpha);
    break;
  default:
    break;
  }
  return node.result();
}

//===----------------------------------------------------------------------===//
// Windows and reductions
//===----------------------------------------------------------------------===//

template <typename OpTy>
std::string Exporter::writePool(OpTy op, bool isAverage) {
  std::string input = *real(op.getInput());
  auto node = graph.add(isAverage ? "AveragePool" : "MaxPool",
                        {graph.transpose(input, {0, 3, 1, 2})});
  node.integers("kernel_shape", op.getKernel())
      .integers("strides", op.getStrides())
      .integers("pads", op.getPads())
      .integers("dilations", op.getDilations());
  if constexpr (std::is_same_v<OpTy, AvgPool2DOp>)
    node.integer("count_include_pad", op.getCountIncludePad());
  return graph.transpose(node, {0, 2, 3, 1});
}

FailureOr<std::string> Exporter::writeReduce(ReduceOp op) {
  StringRef opType = op.getKind() == ReduceKind::Sum    ? "ReduceSum"
                     : op.getKind() == ReduceKind::Mean ? "ReduceMean"
                     : op.getKind() == ReduceKind::Max  ? "ReduceMax"
                                                        : "ReduceMin";
  return graph
      .add(opType, {*real(op.getInput()), graph.addIndices(op.getAxes())})
      .integer("keepdims", op.getKeepDims())
      .result();
}

FailureOr<std::string> Exporter::writeResize(ResizeOp op) {
  std::string input = graph.transpose(*real(op.getInput()), {0, 3, 1, 2});
  ArrayRef<float> scales = op.getScales();
  ArrayRef<int64_t> from = shapeOf(op.getInput()), to = shapeOf(op.getOutput());
  bool isRatio = true;
  for (int d : {0, 1})
    isRatio &= scales[d] == static_cast<float>(double(to[d + 1]) / from[d + 1]);
  for (int d : {0, 1})
    if (!isRatio && static_cast<int64_t>(from[d + 1] * scales[d]) != to[d + 1])
      return op.emitOpError("resizes ")
             << from[d + 1] << " to " << to[d + 1] << " with the scale "
             << scales[d] << ", which ONNX would round otherwise";
  // Sizes say what their quotient, rounded, could not.
  SmallVector<std::string> inputs = {input, ""};
  if (isRatio)
    inputs.append({"", graph.addIndices({to[0], to[3], to[1], to[2]})});
  else
    inputs.push_back(graph.addReals({4}, {1.0f, 1.0f, scales[0], scales[1]}));
  auto node = graph.add("Resize", inputs);
  node.text("mode", stringifyResizeMode(op.getMode()))
      .text("coordinate_transformation_mode",
            stringifyCoordinateMode(op.getCoordinates()))
      .text("nearest_mode", stringifyNearestMode(op.getNearest()));
  return graph.transpose(node, {0, 2, 3, 1});
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

/// ONNX normalizes over dimension 1, the dialect over the last one.
std::string Exporter::writeLrn(LrnOp op) {
  int64_t rank = shapeOf(op.getInput()).size();
  SmallVector<int64_t> forward = {0}, backward = {0};
  if (rank > 1)
    forward.push_back(rank - 1);
  for (int64_t d = 1; d + 1 < rank; ++d) {
    forward.push_back(d);
    backward.push_back(d + 1);
  }
  if (rank > 1)
    backward.push_back(1);
  auto node =
      graph.add("LRN", {graph.transpose(*real(op.getInput()), forward)});
  node.integer("size", op.getSize())
      .real("alpha", op.getAlpha().convertToFloat())
      .real("beta", op.getBeta().convertToFloat())
      .real("bias", op.getBias().convertToFloat());
  return graph.transpose(node, backward);
}

//===----------------------------------------------------------------------===//
// Ops that only float islands hold
//===----------------------------------------------------------------------===//

/// A number for a truth or an index.
static std::string toFloat(GraphWriter &graph, const std::string &value) {
  return graph.add("Cast", {value})
      .integer("to", onnx::TensorProto::FLOAT)
      .result();
}

std::string Exporter::writeCompare(CompareOp op) {
  StringRef opType = op.getKind() == CompareKind::Equal  ? "Equal"
                     : op.getKind() == CompareKind::Less ? "Less"
                                                         : "LessOrEqual";
  return toFloat(graph,
                 graph.add(opType, {*real(op.getLhs()), *real(op.getRhs())}));
}

std::string Exporter::writeSelect(SelectOp op) {
  auto condition = graph.add("Cast", {*real(op.getCondition())});
  condition.integer("to", onnx::TensorProto::BOOL);
  return graph.add("Where", {condition, *real(op.getYes()), *real(op.getNo())});
}

std::string Exporter::writeArgReduce(ArgReduceOp op) {
  auto node = graph.add(op.getKind() == ReduceKind::Max ? "ArgMax" : "ArgMin",
                        {*real(op.getInput())});
  node.integer("axis", op.getAxis())
      .integer("keepdims", 1)
      .integer("select_last_index", op.getLast());
  return toFloat(graph, node);
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

FailureOr<std::string> Exporter::writeMovement(Operation *op) {
  std::string input = *real(op->getOperand(0));
  if (isa<ReshapeOp>(op))
    return graph
        .add("Reshape", {input, graph.addIndices(shapeOf(op->getResult(0)))})
        .result();
  if (isa<ExpandOp>(op))
    return graph
        .add("Expand", {input, graph.addIndices(shapeOf(op->getResult(0)))})
        .result();
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return graph.transpose(input, transpose.getPerm());
  if (auto gather = dyn_cast<GatherOp>(op))
    return graph.add("Gather", {input, graph.addIndices(gather.getIndices())})
        .integer("axis", gather.getAxis())
        .result();
  if (auto slice = dyn_cast<SliceOp>(op)) {
    SmallVector<int64_t> ends, axes;
    for (auto [d, start] : llvm::enumerate(slice.getStarts())) {
      int64_t end = start + slice.getSizes()[d] * slice.getSteps()[d];
      // Below 0 an end counts from behind.
      ends.push_back(end < 0 ? std::numeric_limits<int32_t>::min() : end);
      axes.push_back(d);
    }
    return graph
        .add("Slice", {input, graph.addIndices(slice.getStarts()),
                       graph.addIndices(ends), graph.addIndices(axes),
                       graph.addIndices(slice.getSteps())})
        .result();
  }
  if (auto pad = dyn_cast<PadOp>(op)) {
    SmallVector<int64_t> pads(pad.getLow());
    llvm::append_range(pads, pad.getHigh());
    return graph
        .add("Pad", {input, graph.addIndices(pads),
                     graph.addReal(pad.getValue().convertToFloat())})
        .text("mode", stringifyPadMode(pad.getMode()))
        .result();
  }
  if (auto concat = dyn_cast<ConcatOp>(op)) {
    SmallVector<std::string> inputs;
    for (Value value : concat.getInputs())
      inputs.push_back(*real(value));
    return graph.add("Concat", inputs)
        .integer("axis", concat.getAxis())
        .result();
  }
  return op->emitOpError("is not exported to ONNX; replace it in the model, or "
                         "keep the module as q IR");
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

FailureOr<std::string> Exporter::writeReal(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return writeConv(conv);
  if (auto conv = dyn_cast<ConvTranspose2DOp>(op))
    return writeConvTranspose(conv);
  if (auto gemm = dyn_cast<GemmOp>(op))
    return writeGemm(gemm);
  // From here on operands are plain; once written, they cannot fail again.
  SmallVector<std::string> inputs;
  for (Value operand : op->getOperands()) {
    auto name = real(operand);
    if (failed(name))
      return failure();
    inputs.push_back(*name);
  }
  if (isa<QuantizeOp, RequantizeOp, ClampOp>(op))
    return inputs.front();
  if (isa<AddOp>(op))
    return graph.add("Add", inputs).result();
  if (isa<SubOp>(op))
    return graph.add("Sub", inputs).result();
  if (isa<MulOp>(op))
    return graph.add("Mul", inputs).result();
  if (isa<DivOp>(op))
    return graph.add("Div", inputs).result();
  if (isa<MinOp>(op))
    return graph.add("Min", inputs).result();
  if (isa<MaxOp>(op))
    return graph.add("Max", inputs).result();
  if (isa<MatMulOp>(op))
    return graph.add("MatMul", inputs).result();
  if (isa<PReluOp>(op))
    return graph.add("PRelu", inputs).result();
  if (auto unary = dyn_cast<UnaryOp>(op))
    return writeUnary(unary);
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return graph.add(softmax.getLog() ? "LogSoftmax" : "Softmax", inputs)
        .integer("axis", softmax.getAxis())
        .result();
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return graph.add("LayerNormalization", inputs)
        .integer("axis", norm.getAxis())
        .real("epsilon", norm.getEpsilon().convertToFloat())
        .result();
  if (auto lrn = dyn_cast<LrnOp>(op))
    return writeLrn(lrn);
  if (auto compare = dyn_cast<CompareOp>(op))
    return writeCompare(compare);
  if (auto select = dyn_cast<SelectOp>(op))
    return writeSelect(select);
  if (auto reduce = dyn_cast<ArgReduceOp>(op))
    return writeArgReduce(reduce);
  if (auto pool = dyn_cast<MaxPool2DOp>(op))
    return writePool(pool, /*isAverage=*/false);
  if (auto pool = dyn_cast<AvgPool2DOp>(op))
    return writePool(pool, /*isAverage=*/true);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return writeReduce(reduce);
  if (auto resize = dyn_cast<ResizeOp>(op))
    return writeResize(resize);
  return writeMovement(op);
}
