//===- GraphImporter.cpp - One ONNX graph becoming one function
//-------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

static ViewStep toChannelsLast() { return {ViewStep::Transpose, {0, 2, 3, 1}}; }
static ViewStep toPlain() { return {ViewStep::Transpose, {0, 3, 1, 2}}; }

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Node::Node(GraphImporter &importer, const onnx::NodeProto &proto)
    : importer(importer), proto(proto),
      loc(UnknownLoc::get(importer.getBuilder().getContext())) {
  loc = NameLoc::get(importer.getBuilder().getStringAttr(getName()),
                     importer.getFileLoc());
}

StringRef Node::getOpType() const { return proto.op_type(); }

std::string Node::getName() const {
  if (!proto.name().empty())
    return proto.name();
  return proto.output_size() ? proto.output(0) : proto.op_type();
}

InFlightDiagnostic Node::emitError() const {
  return mlir::emitError(importer.getFileLoc())
         << "node '" << getName() << "' (" << getOpType() << "): ";
}

size_t Node::getNumInputs() const { return proto.input_size(); }
size_t Node::getNumOutputs() const { return proto.output_size(); }
bool Node::hasInput(size_t index) const {
  return index < getNumInputs() && !proto.input(index).empty();
}
bool Node::hasOutput(size_t index) const {
  return index < getNumOutputs() && !proto.output(index).empty();
}

const GraphValue *Node::getInput(size_t index) const {
  if (!hasInput(index)) {
    emitError() << "input " << index << " is missing";
    return nullptr;
  }
  const GraphValue *value = importer.lookup(proto.input(index));
  if (!value)
    emitError() << "input '" << proto.input(index)
                << "' is made by no node before it, no initializer and no "
                   "graph input; the graph is incomplete or not sorted";
  return value;
}

const HostTensor *Node::getConstant(size_t index) const {
  const GraphValue *value = getInput(index);
  if (!value)
    return nullptr;
  if (!value->isConstant()) {
    emitError() << "input " << index << " ('" << proto.input(index)
                << "') depends on the data, but must be constant; simplify the "
                   "model with constant folding first";
    return nullptr;
  }
  return value->constant.get();
}

FailureOr<Shape> Node::getConstantInts(size_t index) const {
  const HostTensor *constant = getConstant(index);
  if (!constant)
    return failure();
  if (constant->isFloat)
    return emitError() << "input " << index << " must be integers";
  return Shape(constant->ints.begin(), constant->ints.end());
}

FailureOr<double> Node::getConstantScalar(size_t index) const {
  const HostTensor *constant = getConstant(index);
  if (!constant)
    return failure();
  if (constant->size() != 1)
    return emitError() << "input " << index << " must be one number";
  return constant->at(0);
}

const onnx::AttributeProto *Node::getAttr(StringRef name) const {
  for (const onnx::AttributeProto &attribute : proto.attribute())
    if (name == attribute.name())
      return &attribute;
  return nullptr;
}
bool Node::hasAttr(StringRef name) const { return getAttr(name); }
int64_t Node::getInt(StringRef name, int64_t missing) const {
  const onnx::AttributeProto *attribute = getAttr(name);
  return attribute ? attribute->i() : missing;
}
float Node::getFloat(StringRef name, float missing) const {
  const onnx::AttributeProto *attribute = getAttr(name);
  return attribute ? attribute->f() : missing;
}
Shape Node::getInts(StringRef name, ArrayRef<int64_t> missing) const {
  const onnx::AttributeProto *attribute = getAttr(name);
  return attribute ? Shape(attribute->ints().begin(), attribute->ints().end())
                   : Shape(missing);
}
std::string Node::getString(StringRef name, StringRef missing) const {
  const onnx::AttributeProto *attribute = getAttr(name);
  return attribute ? attribute->s() : missing.str();
}

FailureOr<int64_t> q::onnx_import::normalizeAxis(const Node &node, int64_t axis,
                                                 int64_t rank) {
  if (axis < -rank || axis >= rank)
    return node.emitError() << "axis " << axis
                            << " is out of range for a tensor of rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

//===----------------------------------------------------------------------===//
// Values and their layouts
//===----------------------------------------------------------------------===//

const GraphValue *GraphImporter::lookup(StringRef name) const {
  auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

GraphValue GraphImporter::getResult(const Node &node) const {
  return *lookup(node.proto.output(0));
}

Value GraphImporter::materialize(Location loc, const HostTensor &constant) {
  Type element = constant.isFloat ? Type(builder.getF32Type())
                                  : Type(builder.getI64Type());
  auto type = RankedTensorType::get(constant.shape, element);
  ElementsAttr value;
  if (!constant.isFloat) {
    value = DenseElementsAttr::get(type, ArrayRef<int64_t>(constant.ints));
  } else if (constant.size() <= 32) {
    value = DenseElementsAttr::get(type, ArrayRef<float>(constant.floats));
  } else {
    // Blobs are neither uniqued nor hashed, so large weights cost no time.
    value = DenseResourceElementsAttr::get(
        type, "weights",
        HeapAsmResourceBlob::allocateAndCopyInferAlign(
            ArrayRef<float>(constant.floats)));
  }
  return ConstOp::create(builder, loc, value);
}

Shape q::onnx_import::shapeAfter(ArrayRef<int64_t> shape,
                                 const ViewStep &step) {
  Shape result(shape);
  switch (step.kind) {
  case ViewStep::Reshape:
    return step.values;
  case ViewStep::Transpose:
    for (auto [to, from] : llvm::enumerate(step.values))
      result[to] = shape[from];
    return result;
  case ViewStep::Slice:
    return step.values;
  case ViewStep::Gather:
    result[step.axis] = step.values.size();
    return result;
  }
  return result;
}

static NamedAttribute ints(OpBuilder &builder, StringRef name,
                           ArrayRef<int64_t> values) {
  return builder.getNamedAttr(name, builder.getDenseI64ArrayAttr(values));
}

static Value resultOf(Operation *op) { return op ? op->getResult(0) : Value(); }

Value GraphImporter::applyStep(Location loc, Value value,
                               const ViewStep &step) {
  switch (step.kind) {
  case ViewStep::Reshape: {
    if (shapeOf(value) == ArrayRef<int64_t>(step.values))
      return value;
    auto type = RankedTensorType::get(
        step.values, cast<RankedTensorType>(value.getType()).getElementType());
    return ReshapeOp::create(builder, loc, type, value);
  }
  case ViewStep::Transpose:
    return builder.createOrFold<TransposeOp>(
        loc,
        RankedTensorType::get(
            shapeAfter(shapeOf(value), step),
            cast<RankedTensorType>(value.getType()).getElementType()),
        value, step.values);
  case ViewStep::Slice:
    return resultOf(tryCreate<SliceOp>(builder, loc, value,
                                       {ints(builder, "starts", step.starts),
                                        ints(builder, "sizes", step.values),
                                        ints(builder, "steps", step.steps)}));
  case ViewStep::Gather:
    return resultOf(tryCreate<GatherOp>(
        builder, loc, value,
        {ints(builder, "indices", step.values),
         builder.getNamedAttr("axis", builder.getI64IntegerAttr(step.axis))}));
  }
  return {};
}

/// The elements of a host tensor after a step.
static HostTensor applyToHost(const HostTensor &tensor, const ViewStep &step) {
  Shape shape = shapeAfter(tensor.shape, step);
  if (step.kind == ViewStep::Reshape)
    return tensor.reshaped(shape);
  if (step.kind == ViewStep::Transpose)
    return tensor.transposed(step.values);
  Shape strides = stridesOf(tensor.shape), newStrides = stridesOf(shape);
  return tensor.gather(shape, [&](int64_t index) {
    int64_t source = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t coordinate = index / newStrides[d];
      index %= newStrides[d];
      if (step.kind == ViewStep::Slice)
        coordinate = step.starts[d] + coordinate * step.steps[d];
      else if (static_cast<int64_t>(d) == step.axis)
        coordinate = step.values[coordinate];
      source += coordinate * strides[d];
    }
    return source;
  });
}

/// Where a chain of steps over [N, C, H, W] gives [N, C', H, W] and only picks
/// channels, one gather along the channels of the NHWC value does it. Channel
/// shuffles, splits and group reorderings are such chains.
Value GraphImporter::tryChannelGather(Location loc, const GraphValue &value) {
  ArrayRef<int64_t> source = shapeOf(value.value);
  int64_t height = source[1], width = source[2], channels = source[3];
  if (value.shape.size() != 4 || value.shape[0] != source[0] ||
      value.shape[2] != height || value.shape[3] != width)
    return {};
  HostTensor index;
  index.shape = {source[0], channels, height, width};
  index.ints.resize(source[0] * channels * height * width);
  for (size_t i = 0; i < index.ints.size(); ++i)
    index.ints[i] = i;
  for (const ViewStep &step : value.steps)
    index = applyToHost(index, step);
  int64_t area = height * width, count = value.shape[1];
  Shape picked(count);
  for (int64_t c = 0; c < count; ++c)
    picked[c] = index.ints[c * area] / area % channels;
  for (int64_t i = 0, e = index.ints.size(); i < e; ++i) {
    int64_t n = i / (count * area), c = i / area % count, pixel = i % area;
    if (index.ints[i] != (n * channels + picked[c]) * area + pixel)
      return {};
  }
  bool regular = count > 0;
  int64_t stride = count > 1 ? picked[1] - picked[0] : 1;
  for (int64_t c = 1; c < count; ++c)
    regular &= picked[c] - picked[c - 1] == stride;
  if (regular && stride != 0) {
    ViewStep step{ViewStep::Slice,
                  {source[0], height, width, count},
                  {0, 0, 0, picked[0]},
                  {1, 1, 1, stride}};
    if (picked[0] == 0 && stride == 1 && count == channels)
      return value.value;
    return applyStep(loc, value.value, step);
  }
  ViewStep step{ViewStep::Gather, picked, {}, {}, 3};
  return applyStep(loc, value.value, step);
}

Value GraphImporter::asPlain(Location loc, const GraphValue &value) {
  if (value.isConstant())
    return materialize(loc, *value.constant);
  if (value.layout == GraphValue::Layout::Plain)
    return value.value;
  ArrayRef<int64_t> source = shapeOf(value.value);
  // With one pixel both layouts have the same order of elements.
  if (source[1] == 1 && source[2] == 1) {
    bool reshapesOnly = llvm::all_of(value.steps, [](const ViewStep &step) {
      return step.kind == ViewStep::Reshape;
    });
    if (reshapesOnly)
      return applyStep(loc, value.value, {ViewStep::Reshape, value.shape});
  }
  if (value.layout == GraphValue::Layout::Lazy)
    if (Value gathered = tryChannelGather(loc, value))
      return applyStep(loc, gathered, toPlain());
  Value result = applyStep(loc, value.value, toPlain());
  for (const ViewStep &step : value.steps)
    if (result)
      result = applyStep(loc, result, step);
  return result;
}

Value GraphImporter::asChannelsLast(Location loc, const GraphValue &value) {
  if (value.shape.size() != 4) {
    emitError(loc) << "needs a tensor of 4 dimensions, but has "
                   << value.shape.size();
    return {};
  }
  if (value.isConstant())
    return materialize(loc, value.constant->transposed({0, 2, 3, 1}));
  if (value.layout == GraphValue::Layout::ChannelsLast)
    return value.value;
  if (value.layout == GraphValue::Layout::Lazy)
    if (Value gathered = tryChannelGather(loc, value))
      return gathered;
  Value plain = asPlain(loc, value);
  if (!plain)
    return {};
  ArrayRef<int64_t> shape = value.shape;
  if (shape[1] == 1 || (shape[2] == 1 && shape[3] == 1))
    return applyStep(
        loc, plain,
        {ViewStep::Reshape, {shape[0], shape[2], shape[3], shape[1]}});
  return applyStep(loc, plain, toChannelsLast());
}

void GraphImporter::define(const Node &node, size_t index, GraphValue value) {
  if (node.hasOutput(index))
    values[node.proto.output(index)] = std::move(value);
}

void GraphImporter::definePlain(const Node &node, Value value, size_t index) {
  GraphValue result;
  result.shape = Shape(shapeOf(value));
  result.value = value;
  define(node, index, std::move(result));
}

void GraphImporter::defineChannelsLast(const Node &node, Value value,
                                       size_t index) {
  GraphValue result;
  ArrayRef<int64_t> shape = shapeOf(value);
  result.shape = {shape[0], shape[3], shape[1], shape[2]};
  result.layout = GraphValue::Layout::ChannelsLast;
  result.value = value;
  define(node, index, std::move(result));
}

LogicalResult GraphImporter::view(const Node &node, const GraphValue &input,
                                  ViewStep step, size_t output) {
  GraphValue result;
  result.shape = shapeAfter(input.shape, step);
  if (input.isConstant()) {
    result.constant =
        std::make_shared<HostTensor>(applyToHost(*input.constant, step));
    define(node, output, std::move(result));
    return success();
  }
  result.value = input.value;
  if (input.layout == GraphValue::Layout::Plain) {
    result.value = applyStep(node.getLoc(), input.value, step);
    if (!result.value)
      return failure();
    define(node, output, std::move(result));
    return success();
  }
  bool picks = step.kind == ViewStep::Slice || step.kind == ViewStep::Gather;
  if (input.layout == GraphValue::Layout::ChannelsLast && picks) {
    auto reordered = [](ArrayRef<int64_t> values) -> Shape {
      return {values[0], values[2], values[3], values[1]};
    };
    if (step.kind == ViewStep::Slice) {
      step.values = reordered(step.values);
      step.starts = reordered(step.starts);
      step.steps = reordered(step.steps);
    } else {
      step.axis = channelsLastAxis(step.axis);
    }
    result.value = applyStep(node.getLoc(), input.value, step);
    result.layout = GraphValue::Layout::ChannelsLast;
    if (!result.value)
      return failure();
    define(node, output, std::move(result));
    return success();
  }
  result.layout = GraphValue::Layout::Lazy;
  result.steps = input.steps;
  result.steps.push_back(std::move(step));
  // The common case needs no chain: an NHWC value transposed to NHWC.
  if (result.steps.size() == 1 && result.steps[0].kind == ViewStep::Transpose &&
      result.steps[0].values == toChannelsLast().values) {
    result.layout = GraphValue::Layout::Plain;
    result.steps.clear();
  }
  define(node, output, std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

GraphImporter::GraphImporter(func::FuncOp function, StringRef folder,
                             int64_t opset, const ImportOptions &options)
    : function(function), fileLoc(function.getLoc()), folder(folder),
      opset(opset), options(options), builder(function.getContext()) {
  registerLayers(handlers);
  registerElementwise(handlers);
  registerMovement(handlers);
  registerReductions(handlers);
}

LogicalResult GraphImporter::addInitializers(const onnx::GraphProto &graph) {
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    llvm::Expected<HostTensor> constant = readTensor(tensor, folder);
    if (!constant)
      return emitError(getFileLoc()) << "initializer '" << tensor.name() << "' "
                                     << llvm::toString(constant.takeError());
    GraphValue value;
    value.shape = constant->shape;
    value.constant = std::make_shared<HostTensor>(std::move(*constant));
    values[tensor.name()] = std::move(value);
  }
  return success();
}

LogicalResult GraphImporter::addInputs(const onnx::GraphProto &graph) {
  SmallVector<Type> types;
  SmallVector<const onnx::ValueInfoProto *> inputs;
  for (const onnx::ValueInfoProto &input : graph.input()) {
    // IR version 3 lists initializers as inputs, too.
    if (lookup(input.name()))
      continue;
    const auto &type = input.type().tensor_type();
    auto fail = [&]() {
      return emitError(getFileLoc()) << "input '" << input.name() << "' ";
    };
    if (!input.type().has_tensor_type() || !type.has_shape())
      return fail() << "has no tensor shape";
    if (type.elem_type() != onnx::TensorProto::FLOAT)
      return fail() << "has element type " << type.elem_type()
                    << " of ONNX; only float32 inputs are supported";
    Shape shape;
    for (const auto &[index, dimension] : llvm::enumerate(type.shape().dim())) {
      if (dimension.has_dim_value() && dimension.dim_value() > 0) {
        shape.push_back(dimension.dim_value());
        continue;
      }
      if (index != 0)
        return fail() << "has the symbolic dimension " << index << " ('"
                      << dimension.dim_param()
                      << "'); only the first, the batch, may be symbolic: "
                         "export the model with a fixed shape";
      shape.push_back(options.batch);
    }
    llvm::Expected<int64_t> count = countElements(shape);
    if (!count)
      return fail() << llvm::toString(count.takeError());
    types.push_back(RankedTensorType::get(shape, builder.getF32Type()));
    inputs.push_back(&input);
  }
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  for (auto [input, type] : llvm::zip_equal(inputs, types)) {
    Location loc =
        NameLoc::get(builder.getStringAttr(input->name()), getFileLoc());
    GraphValue value;
    value.value = entry->addArgument(type, loc);
    value.shape = Shape(shapeOf(value.value));
    values[input->name()] = std::move(value);
  }
  function.setFunctionType(builder.getFunctionType(types, {}));
  for (auto [index, input] : llvm::enumerate(inputs))
    function.setArgAttr(index, "q.name", builder.getStringAttr(input->name()));
  return success();
}

/// All ops that nobody can import are named at once: a user wants to know how
/// far a model is from working.
LogicalResult GraphImporter::checkOps(const onnx::GraphProto &graph) {
  static const char *folded[] = {"Shape",   "Constant", "ConstantOfShape",
                                 "Range",   "Equal",    "Where",
                                 "Not",     "Size",     "Mod",
                                 "Greater", "Less",     "And",
                                 "Or",      "NonZero"};
  LogicalResult result = success();
  for (const onnx::NodeProto &proto : graph.node()) {
    Node node(*this, proto);
    bool standard = proto.domain().empty() || proto.domain() == "ai.onnx";
    if (standard && (handlers.count(proto.op_type()) ||
                     llvm::is_contained(folded, proto.op_type())))
      continue;
    std::string name =
        standard ? proto.op_type() : proto.domain() + "." + proto.op_type();
    emitError(getFileLoc())
        << "node '" << node.getName() << "': op " << name
        << " is not supported; replace it in the model by supported ops, or "
           "cut the model before it";
    result = failure();
  }
  return result;
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &proto) {
  Node node(*this, proto);
  if (std::optional<HostTensor> folded = foldNode(node)) {
    GraphValue value;
    value.shape = folded->shape;
    value.constant = std::make_shared<HostTensor>(std::move(*folded));
    define(node, 0, std::move(value));
    return success();
  }
  Handler handler = handlers.lookup(proto.op_type());
  if (!handler) {
    for (size_t i = 0; i < node.getNumInputs(); ++i)
      if (node.hasInput(i) && !node.getInput(i))
        return failure();
    return node.emitError() << "its inputs depend on the data; only constant "
                               "shape arithmetic is supported";
  }
  // Results are verified as they are made; the diagnostics carry this location,
  // which names the node.
  if (failed(handler(node)))
    return emitError(getFileLoc()) << "cannot import node '" << node.getName()
                                   << "' (" << node.getOpType() << ")";
  return success();
}

LogicalResult GraphImporter::addOutputs(const onnx::GraphProto &graph) {
  SmallVector<Value> results;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    const GraphValue *value = lookup(output.name());
    if (!value)
      return emitError(getFileLoc())
             << "output '" << output.name() << "' is made by no node";
    Location loc =
        NameLoc::get(builder.getStringAttr(output.name()), getFileLoc());
    Value plain = asPlain(loc, *value);
    if (!plain)
      return failure();
    results.push_back(plain);
  }
  if (results.empty())
    return emitError(getFileLoc()) << "the graph has no outputs";
  func::ReturnOp::create(builder, getFileLoc(), results);
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [index, output] : llvm::enumerate(graph.output()))
    function.setResultAttr(index, "q.name",
                           builder.getStringAttr(output.name()));
  return success();
}

LogicalResult GraphImporter::run(const onnx::GraphProto &graph) {
  if (failed(checkOps(graph)) || failed(addInitializers(graph)) ||
      failed(addInputs(graph)))
    return failure();
  for (const onnx::NodeProto &proto : graph.node())
    if (failed(importNode(proto)))
      return failure();
  return addOutputs(graph);
}
