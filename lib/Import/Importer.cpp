//===- Importer.cpp - Walks an ONNX graph ---------------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Importer.h"
#include "Constants.h"
#include "EmptyTensors.h"
#include "ExpandQOperators.h"
#include "OnnxFile.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// The op's name with its domain, where that is not ONNX's own.
static std::string getQualifiedOpType(const onnx::NodeProto &node) {
  bool standard = node.domain().empty() || node.domain() == "ai.onnx";
  return standard ? node.op_type() : node.domain() + "." + node.op_type();
}

Importer::Importer(std::shared_ptr<onnx::ModelProto> model, StringRef path,
                   MLIRContext *context, const ImportOptions &options)
    : model(std::move(model)), path(path),
      folder(llvm::sys::path::parent_path(path)), options(options),
      context(context), fileLoc(FileLineColLoc::get(context, path, 0, 0)),
      builder(context) {
  addLayerHandlers(table);
  addPoolHandlers(table);
  addElementwiseHandlers(table);
  addReductionHandlers(table);
  addShapeHandlers(table);
  addMovementHandlers(table);
  addResizeHandlers(table);
  addNormalizationHandlers(table);
  addLogicHandlers(table);
  addIndexingHandlers(table);
  addQuantizedHandlers(table);
  addSelectionHandlers(table);
}

InFlightDiagnostic Importer::error() { return mlir::emitError(fileLoc); }

OwningOpRef<ModuleOp> Importer::run() {
  if (failed(readOpset()) || failed(expandQOperators(*model, fileLoc)))
    return nullptr;
  findNeededNodes();
  if (failed(checkSupported(model->graph())))
    return nullptr;

  module = ModuleOp::create(
      NameLoc::get(builder.getStringAttr(llvm::sys::path::filename(path))));
  builder.setInsertionPointToEnd(module->getBody());
  function =
      func::FuncOp::create(builder, NameLoc::get(builder.getStringAttr("main")),
                           "main", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());

  if (failed(importInitializers()) || failed(importInputs()))
    return nullptr;
  for (auto [index, node] : llvm::enumerate(model->graph().node()))
    if (needed[index] && failed(importNode(node)))
      return nullptr;
  if (failed(importOutputs()))
    return nullptr;
  if (failed(mlir::verify(*module)))
    return nullptr;
  return std::move(module);
}

LogicalResult Importer::readOpset() {
  for (const onnx::OperatorSetIdProto &entry : model->opset_import())
    if (entry.domain().empty() || entry.domain() == "ai.onnx")
      opset = entry.version();
  if (!model->has_graph() || model->graph().output_size() == 0)
    return error() << "the model has no graph with outputs; it is not an ONNX "
                      "model or is corrupt";
  if (opset < 1)
    return error() << "the model names no opset of ONNX's own ops (ai.onnx); "
                      "models of other operator sets alone are not supported";
  return success();
}

//===----------------------------------------------------------------------===//
// What is needed
//===----------------------------------------------------------------------===//

void Importer::findNeededNodes() {
  const onnx::GraphProto &graph = model->graph();
  for (const onnx::ValueInfoProto &output : graph.output())
    neededNames.insert(output.name());
  needed.assign(graph.node_size(), false);
  for (int i = graph.node_size(); i-- > 0;) {
    const onnx::NodeProto &node = graph.node(i);
    needed[i] = llvm::any_of(node.output(), [&](const std::string &name) {
      return !name.empty() && neededNames.contains(name);
    });
    if (needed[i])
      addNeededNames(node);
  }
}

/// Which branch of an If is taken is not known yet, so all that both read is
/// needed, and all that they compute.
void Importer::addNeededNames(const onnx::NodeProto &node) {
  for (const std::string &input : node.input())
    neededNames.insert(input);
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    for (const onnx::ValueInfoProto &output : attribute.g().output())
      neededNames.insert(output.name());
    for (const onnx::NodeProto &inner : attribute.g().node()) {
      for (const std::string &output : inner.output())
        neededNames.insert(output);
      addNeededNames(inner);
    }
  }
}

/// All at once, so that a user sees the whole distance to a model that works.
LogicalResult Importer::checkSupported(const onnx::GraphProto &graph) {
  std::string list;
  bool isMain = &graph == &model->graph();
  for (auto [index, node] : llvm::enumerate(graph.node())) {
    std::string opType = getQualifiedOpType(node);
    bool isUnused = isMain && !needed[index];
    if (isUnused || opType == "If" || table.contains(opType) ||
        isHostOnlyOp(opType))
      continue;
    if (!list.empty())
      list += ", ";
    list += opType + " (node '" + Node(*this, node, fileLoc).getName() + "')";
  }
  if (list.empty())
    return success();
  return error() << "unsupported ops: " << list
                 << "; replace them in the model or cut the model before them";
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

LogicalResult Importer::importInitializers() {
  for (const onnx::TensorProto &tensor : model->graph().initializer())
    if (!initializers.try_emplace(tensor.name(), &tensor).second)
      return error() << "initializer '" << tensor.name()
                     << "' is defined twice; remove one of the two";
  for (const onnx::NodeProto &node : model->graph().node())
    for (const std::string &output : node.output())
      if (initializers.contains(output))
        return error() << "node '" << Node(*this, node, fileLoc).getName()
                       << "' (" << node.op_type() << "): it makes '" << output
                       << "', which is an initializer too; give one of the "
                          "two another name";
  if (model->graph().sparse_initializer_size() > 0)
    return error() << "sparse initializers are not supported; save the model "
                      "with dense weights";
  return success();
}

Operand *Importer::lookup(StringRef name) {
  auto found = operands.find(name);
  if (found != operands.end())
    return &found->second;
  auto initializer = initializers.find(name);
  if (initializer == initializers.end())
    return nullptr;
  std::string reason;
  FailureOr<HostTensor> tensor =
      readTensor(*initializer->second, folder, model, reason);
  if (failed(tensor)) {
    mlir::emitError(fileLoc) << "initializer '" << name << "': " << reason;
    return nullptr;
  }
  Operand &operand = operands[name];
  operand.host = std::move(*tensor);
  operand.name = name.str();
  return &operand;
}

FailureOr<Value> Importer::materialize(Operand &operand, Location loc,
                                       bool asNumbers) {
  if (!asNumbers && !isFloatType(operand.getType()))
    return mlir::emitError(loc)
           << "'" << operand.name << "' has element type "
           << getTypeName(operand.getType())
           << " where the network computes with float32; cast it to float32 "
              "in the model";
  if (operand.value)
    return operand.value;
  HostTensor tensor = *operand.host;
  if (tensor.size() == 0 && !asNumbers)
    return mlir::emitError(loc) << "'" << operand.name << "' has no elements";
  constexpr int64_t limit = int64_t(1) << 24;
  for (int64_t element : tensor.getInts())
    if (element < -limit || element > limit)
      return mlir::emitError(loc)
             << "'" << operand.name << "' holds the integer " << element
             << ", which float32 cannot hold exactly; integers of the network "
                "must lie within 2^24";
  if (!tensor.isFloat())
    tensor = tensor.converted(onnx::TensorProto::FLOAT);
  // The constant stands before the op that first asks for it, so later ops
  // can share it.
  operand.value =
      createConstant(builder, NameLoc::get(builder.getStringAttr(operand.name)),
                     operand.name, tensor.getShape(), tensor.getFloats());
  return operand.value;
}

/// Erases the ops that made a value without elements. No name stands for one.
static void eraseEmpty(Value value) {
  SmallVector<Operation *> ops = {value.getDefiningOp()};
  while (!ops.empty()) {
    Operation *op = ops.pop_back_val();
    if (!op || !op->use_empty() ||
        cast<RankedTensorType>(op->getResult(0).getType()).getNumElements() > 0)
      continue;
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(ops, operand.getDefiningOp()))
        ops.push_back(operand.getDefiningOp());
    op->erase();
  }
}

LogicalResult Importer::define(StringRef name, Operand operand, Location loc) {
  if (operand.value) {
    auto type = cast<RankedTensorType>(operand.value.getType());
    std::optional<int64_t> count = countElements(type.getShape());
    if (!count || *count > (int64_t(1) << 34))
      return mlir::emitError(loc)
             << "the result '" << name << "' would have the shape ["
             << type.getShape() << "], which is too large to compute";
    if (*count == 0) {
      operand.host = HostTensor(onnx::TensorProto::FLOAT, type.getShape(),
                                std::vector<float>());
      eraseEmpty(operand.value);
      operand.value = {};
    }
  }
  if (!operands.try_emplace(name, std::move(operand)).second)
    return mlir::emitError(loc)
           << "the name '" << name
           << "' is defined twice; give one of the two another name";
  return success();
}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

FailureOr<Shape> Importer::resolveShape(const onnx::ValueInfoProto &input) {
  auto given = options.inputShapes.find(input.name());
  if (given != options.inputShapes.end())
    return given->second;
  std::string remedy =
      "; give it with --shape=" + input.name() + ":1x3x224x224";
  const onnx::TypeProto_Tensor &type = input.type().tensor_type();
  if (!type.has_shape())
    return error() << "input '" << input.name() << "' has no shape" << remedy;
  Shape shape;
  for (auto [index, dim] : llvm::enumerate(type.shape().dim())) {
    if (dim.has_dim_value() && dim.dim_value() > 0) {
      shape.push_back(dim.dim_value());
      continue;
    }
    // A dimension is the batch if it comes first, or bears the same symbol as
    // one that does.
    bool isBatch = index == 0;
    for (const onnx::ValueInfoProto &other : model->graph().input()) {
      const auto &dims = other.type().tensor_type().shape().dim();
      isBatch |= !dim.dim_param().empty() && !dims.empty() &&
                 dims.Get(0).dim_param() == dim.dim_param();
    }
    if (!isBatch)
      return error() << "input '" << input.name()
                     << "' has the dynamic dimension " << index
                     << (dim.dim_param().empty() ? std::string()
                                                 : " '" + dim.dim_param() + "'")
                     << ", but shapes must be static" << remedy;
    shape.push_back(options.batch);
  }
  return shape;
}

/// Options about inputs must name inputs that exist.
LogicalResult Importer::checkInputOptions() {
  if (options.batch < 1)
    return error() << "the batch must be positive, but is " << options.batch
                   << "; give another";
  llvm::StringSet<> names;
  std::string list;
  for (const onnx::ValueInfoProto &input : model->graph().input()) {
    names.insert(input.name());
    list += (list.empty() ? "'" : ", '") + input.name() + "'";
  }
  auto check = [&](StringRef what, StringRef name) -> LogicalResult {
    if (names.contains(name))
      return success();
    return error() << "a " << what << " is given for the input '" << name
                   << "', which the model does not have; its inputs are "
                   << list;
  };
  for (StringRef name : options.inputShapes.keys())
    if (failed(check("shape", name)))
      return failure();
  for (StringRef name : options.inputConstants.keys())
    if (failed(check("value", name)))
      return failure();
  return success();
}

/// `--input-constant`: the input has the value of the TensorProto at `path`.
LogicalResult Importer::importConstantInput(const std::string &name,
                                            const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return error() << "the value of input '" << name << "': cannot read '"
                   << path << "': " << buffer.getError().message();
  std::string reason;
  auto tensor = parseTensor((*buffer)->getBuffer(), reason);
  FailureOr<HostTensor> host = failure();
  if (tensor)
    host = readTensor(*tensor, folder, tensor, reason);
  if (failed(host))
    return error() << "the value of input '" << name << "' in '" << path
                   << "': " << reason;
  Operand operand;
  operand.host = std::move(*host);
  operand.name = name;
  return define(name, std::move(operand), fileLoc);
}

/// An argument of the function.
LogicalResult Importer::importInput(const onnx::ValueInfoProto &input) {
  const std::string &name = input.name();
  if (!input.type().has_tensor_type())
    return error() << "input '" << name
                   << "' is not a tensor, and only tensors are supported; cut "
                      "the model behind it";
  int32_t dtype = input.type().tensor_type().elem_type();
  FailureOr<Type> integers = readIntegerInput(input);
  if (failed(integers))
    return failure();
  if (dtype != onnx::TensorProto::FLOAT && !*integers)
    return error() << "input '" << name << "' has element type "
                   << getTypeName(dtype)
                   << ", but only float32 is supported; export the model "
                      "in float32, or make the input a constant with "
                      "--input-constant="
                   << name << "=FILE.pb";
  FailureOr<Shape> shape = resolveShape(input);
  if (failed(shape))
    return failure();
  std::optional<int64_t> count = countElements(*shape);
  if (!count || *count > (int64_t(1) << 34))
    return error() << "input '" << name << "' has the shape ["
                   << ArrayRef<int64_t>(*shape)
                   << "], which is negative or too large";
  auto type = RankedTensorType::get(*shape, *integers ? *integers
                                                      : builder.getF32Type());
  unsigned index = function.getNumArguments();
  if (failed(function.insertArgument(
          index, type,
          builder.getDictionaryAttr(
              builder.getNamedAttr("q.name", builder.getStringAttr(name))),
          NameLoc::get(builder.getStringAttr(name)))))
    return error() << "input '" << name << "' cannot be added";
  Operand operand;
  operand.value = function.getArgument(index);
  operand.name = name;
  // There is only one tensor without elements.
  if (*count == 0 && dtype == onnx::TensorProto::FLOAT) {
    operand.value = {};
    operand.host = HostTensor(dtype, *shape, std::vector<float>());
  }
  return define(name, std::move(operand), fileLoc);
}

LogicalResult Importer::importInputs() {
  if (failed(checkInputOptions()))
    return failure();
  for (const onnx::ValueInfoProto &input : model->graph().input()) {
    // Up to IR version 3, initializers had to be inputs as well.
    if (initializers.contains(input.name()))
      continue;
    auto constant = options.inputConstants.find(input.name());
    if (failed(constant == options.inputConstants.end()
                   ? importInput(input)
                   : importConstantInput(input.name(), constant->second)))
      return failure();
  }
  return success();
}

LogicalResult Importer::importOutputs() {
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  for (const onnx::ValueInfoProto &output : model->graph().output()) {
    Operand *operand = lookup(output.name());
    if (!operand && initializers.contains(output.name()))
      return failure(); // lookup said what is wrong with it
    if (!operand)
      return error() << "output '" << output.name()
                     << "' is made by no node (the model is incomplete)";
    FailureOr<Value> value = materialize(*operand, fileLoc, /*asNumbers=*/true);
    if (failed(value))
      return failure();
    results.push_back(*value);
    attributes.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr("q.name", builder.getStringAttr(output.name()))));
  }
  func::ReturnOp::create(builder, function.getLoc(), results);
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(), ValueRange(results).getTypes()));
  function.setAllResultAttrs(attributes);
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult Importer::buildNode(Node &node) {
  for (const std::string &input : node.getProto().input())
    if (!input.empty() && !lookup(input)) {
      if (initializers.contains(input))
        return failure(); // lookup said what is wrong with it
      return node.error() << "its input '" << input
                          << "' is made by no earlier node, input or "
                             "initializer (the model is incomplete or cyclic)";
    }
  if (node.getOpType() == "If")
    return importIf(node);
  if (failed(checkForm(node)))
    return failure();
  for (auto evaluate : {tryComputeEmpty, tryEvaluateOnHost}) {
    FailureOr<bool> evaluated = evaluate(node);
    if (failed(evaluated))
      return failure();
    if (*evaluated)
      return success();
  }
  auto handler = table.find(node.getOpType());
  if (handler == table.end())
    return node.error() << "this op is supported in shape arithmetic only, but "
                           "its inputs depend on the input data; simplify the "
                           "model with fixed shapes first";
  return handler->second(node);
}

/// Imports the branch that the condition takes, whose values are visible to it
/// like all those before.
LogicalResult Importer::importIf(Node &node) {
  const HostTensor *condition = node.host(0);
  if (!condition || condition->size() != 1)
    return node.error() << "its condition depends on the input data; only an "
                           "If whose condition is known can be compiled: "
                           "export the model without control flow";
  bool taken = condition->getReal(0) != 0;
  const onnx::AttributeProto *attribute =
      node.attribute(taken ? "then_branch" : "else_branch");
  if (!attribute || attribute->g().output_size() < node.numOutputs())
    return node.error() << "has no " << (taken ? "then" : "else")
                        << "_branch with " << node.numOutputs() << " outputs";
  const onnx::GraphProto &branch = attribute->g();
  for (const onnx::TensorProto &tensor : branch.initializer())
    initializers[tensor.name()] = &tensor;
  if (failed(checkSupported(branch)))
    return failure();
  for (const onnx::NodeProto &inner : branch.node())
    if (failed(importNode(inner)))
      return failure();
  for (int i = 0; i < node.numOutputs(); ++i) {
    if (!node.wantsOutput(i))
      continue;
    Operand *result = lookup(branch.output(i).name());
    if (!result)
      return node.error() << "output '" << branch.output(i).name()
                          << "' of its branch is made by no node";
    Operand copy = *result;
    const std::string &name = node.getProto().output(i);
    copy.name = name;
    if (failed(define(name, std::move(copy), node.getLoc())))
      return failure();
  }
  return success();
}

LogicalResult Importer::importNode(const onnx::NodeProto &proto) {
  constexpr int deepest = 32;
  if (depth == deepest)
    return error() << "the graph has more than 32 levels of branches; "
                      "export it without control flow";
  llvm::SaveAndRestore nesting(depth, depth + 1);
  std::string name = Node(*this, proto, fileLoc).getName();
  Node node(*this, proto, NameLoc::get(builder.getStringAttr(name)));
  return explainErrors(node, [&] { return buildNode(node); });
}

LogicalResult
Importer::explainErrors(const Node &node,
                        llvm::function_ref<LogicalResult()> build) {
  // Handlers and verifiers say what is wrong; here they learn where.
  std::string messages;
  SmallVector<std::pair<DiagnosticSeverity, std::string>> remarks;
  LogicalResult result = failure();
  {
    ScopedDiagnosticHandler collector(context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() != DiagnosticSeverity::Error) {
        remarks.emplace_back(diagnostic.getSeverity(), diagnostic.str());
        return success();
      }
      std::string message = diagnostic.str();
      if (StringRef(messages).contains(message))
        return success();
      messages += (messages.empty() ? "" : ", and ") + message;
      return success();
    });
    result = build();
  }
  std::string place =
      ("node '" + node.getName() + "' (" + node.getWrittenOpType() + "): ")
          .str();
  for (const auto &[severity, text] : remarks) {
    bool isWarning = severity == DiagnosticSeverity::Warning;
    (isWarning ? mlir::emitWarning(fileLoc) : mlir::emitRemark(fileLoc))
        << place << text;
  }
  if (failed(result) || !messages.empty())
    return error() << place
                   << (messages.empty() ? "cannot be imported" : messages);
  return success();
}
