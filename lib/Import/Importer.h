//===- Importer.h - State of an import and one node of it -------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `Importer` walks the graph; a function per ONNX op (an `OpHandler`) reads its
// node through `Node` and builds q ops in the model's NCHW layout, with a pair
// of transposes around every op that is NHWC.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_IMPORTER_H
#define QDIALECT_LIB_IMPORT_IMPORTER_H

#include "HostTensor.h"
#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/onnx_pb.h>

namespace q::onnx_import {

/// A value of the ONNX graph: a tensor known at import, or an SSA value (the
/// former becomes the latter when an op asks for it).
struct Operand {
  std::optional<HostTensor> host;
  mlir::Value value;
  /// The name that the constant bears in the model.
  std::string name;
  /// What the model calls the elements of an SSA value
  /// (onnx::TensorProto::DataType). Booleans and the few integers that a
  /// network computes at run time (indices) are whole numbers in float32.
  int32_t type = onnx::TensorProto::FLOAT;

  int32_t getType() const { return host ? host->getType() : type; }
};

class Importer;

/// One ONNX node, as its handler sees it. Every getter that can fail emits its
/// diagnostic at the node's location; the importer adds file, name and op.
class Node {
public:
  Node(Importer &importer, const onnx::NodeProto &proto, mlir::Location loc)
      : importer(importer), proto(proto), loc(loc) {}

  Importer &getImporter() const { return importer; }
  mlir::Location getLoc() const { return loc; }
  mlir::OpBuilder &builder() const;
  int64_t opset() const;
  llvm::StringRef getOpType() const { return proto.op_type(); }
  /// The op as it stands in the file, of which this node may be a part.
  llvm::StringRef getWrittenOpType() const;
  /// The name shown to people: the node's, or its op type and first output.
  std::string getName() const;
  mlir::InFlightDiagnostic error() const { return mlir::emitError(loc); }

  // Attributes. One of another type than is asked for is an error at the node,
  // which fails then, and counts as absent.
  using AttributeType = onnx::AttributeProto::AttributeType;
  const onnx::AttributeProto *attribute(llvm::StringRef name) const;
  const onnx::AttributeProto *attribute(llvm::StringRef name,
                                        AttributeType type) const;
  int64_t getInt(llvm::StringRef name, int64_t fallback) const;
  float getFloat(llvm::StringRef name, float fallback) const;
  std::string getString(llvm::StringRef name, llvm::StringRef fallback) const;
  /// The integers of a list attribute, nothing where it is absent.
  std::optional<Shape> getInts(llvm::StringRef name) const;

  // Inputs. ONNX leaves optional ones out or gives them an empty name.
  int numInputs() const { return proto.input_size(); }
  bool hasInput(int index) const;
  /// Fails if there are fewer than `count` inputs or one of them is absent.
  mlir::LogicalResult requireInputs(int count) const;
  /// The tensor of an input that is known at import, else null.
  const HostTensor *host(int index) const;
  /// The input as an SSA value of a float tensor. The input must be there, and
  /// may hold integers only where the op moves or compares elements.
  mlir::FailureOr<mlir::Value> value(int index) const;
  /// The same, with integers as whole float32 numbers.
  mlir::FailureOr<mlir::Value> numbers(int index) const;
  /// The element type of an input in the model.
  int32_t inputType(int index) const;
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> allValues() const;
  /// The input, if it is a constant that the model dequantizes: then `host` has
  /// its real numbers, and this the integers they came from.
  mlir::Value dequantizedConstant(int index) const;
  /// The static shape of an input, constant or not.
  mlir::FailureOr<Shape> shape(int index) const;
  /// The integers of an input that must be known at import; `what` names it.
  mlir::FailureOr<Shape> ints(int index, llvm::StringRef what) const;
  /// The one real number of an input that must be known at import.
  mlir::FailureOr<double> scalar(int index, llvm::StringRef what) const;
  /// The integers of attribute `name`, or of input `index` in newer opsets;
  /// nothing where neither is there.
  mlir::FailureOr<std::optional<Shape>> intsOf(llvm::StringRef name,
                                               int index) const;

  // Outputs.
  int numOutputs() const { return proto.output_size(); }
  /// Whether anything uses the output.
  bool wantsOutput(int index) const;
  mlir::LogicalResult define(int index, mlir::Value value) const {
    return define(index, value, resultType());
  }
  /// Defines a value that the model calls elements of `type`.
  mlir::LogicalResult define(int index, mlir::Value value, int32_t type) const;
  mlir::LogicalResult define(int index, HostTensor tensor) const;
  /// Defines output 0 as a dequantized constant; see dequantizedConstant().
  mlir::LogicalResult defineDequantized(mlir::Value value) const;
  /// Fails where the handler could not build the value.
  mlir::LogicalResult defineIfBuilt(mlir::Value value) const {
    return value ? define(0, value) : mlir::failure();
  }

  const onnx::NodeProto &getProto() const { return proto; }

private:
  /// What the model calls the elements of the op's results.
  int32_t resultType() const;

  Importer &importer;
  const onnx::NodeProto &proto;
  mlir::Location loc;
};

using OpHandler = mlir::LogicalResult (*)(Node &node);
using OpTable = llvm::StringMap<OpHandler>;

/// The groups of handlers; each adds its ops to the table.
void addLayerHandlers(OpTable &table);
void addPoolHandlers(OpTable &table);
void addElementwiseHandlers(OpTable &table);
void addReductionHandlers(OpTable &table);
void addShapeHandlers(OpTable &table);
void addMovementHandlers(OpTable &table);
void addResizeHandlers(OpTable &table);
void addNormalizationHandlers(OpTable &table);
void addLogicHandlers(OpTable &table);
void addIndexingHandlers(OpTable &table);
void addQuantizedHandlers(OpTable &table);
void addSelectionHandlers(OpTable &table);

/// Computes the node on the host where all its inputs are known and the op is
/// one that shape arithmetic uses. Gives false where it is not such a node.
mlir::FailureOr<bool> tryEvaluateOnHost(Node &node);

/// Fails where the node has a form that its op had in an early opset only.
mlir::LogicalResult checkForm(Node &node);

/// Whether an op exists in shape arithmetic only: on the host, never at run
/// time.
bool isHostOnlyOp(llvm::StringRef opType);

/// Imports one graph.
class Importer {
public:
  Importer(std::shared_ptr<onnx::ModelProto> model, llvm::StringRef path,
           mlir::MLIRContext *context, const ImportOptions &options);

  mlir::OwningOpRef<mlir::ModuleOp> run();

  mlir::OpBuilder &getBuilder() { return builder; }
  int64_t getOpset() const { return opset; }
  /// The folder in which external data is looked for.
  llvm::StringRef getFolder() const { return folder; }
  std::shared_ptr<void> getModel() const { return model; }
  /// Whether a needed node or an output of the model uses the value `name`.
  bool isNeeded(llvm::StringRef name) const {
    return neededNames.contains(name);
  }

  /// The value called `name`, null where there is none yet.
  Operand *lookup(llvm::StringRef name);
  /// The SSA form of an operand, made once. Integers are refused, or become
  /// whole float32 numbers with `asNumbers`.
  mlir::FailureOr<mlir::Value> materialize(Operand &operand, mlir::Location loc,
                                           bool asNumbers);
  mlir::LogicalResult define(llvm::StringRef name, Operand operand,
                             mlir::Location loc);

private:
  mlir::InFlightDiagnostic error();
  mlir::LogicalResult readOpset();
  /// Marks the nodes that outputs depend on, in `needed`.
  void findNeededNodes();
  void addNeededNames(const onnx::NodeProto &node);
  mlir::LogicalResult checkSupported(const onnx::GraphProto &graph);
  mlir::LogicalResult importInitializers();
  mlir::LogicalResult importInputs();
  mlir::LogicalResult checkInputOptions();
  mlir::LogicalResult importConstantInput(const std::string &name,
                                          const std::string &path);
  mlir::LogicalResult importInput(const onnx::ValueInfoProto &input);
  mlir::FailureOr<Shape> resolveShape(const onnx::ValueInfoProto &input);
  /// The quantized type of an input of integers: what the node that reads it
  /// says. Null for any other input, and where no node says it.
  mlir::FailureOr<mlir::Type>
  readIntegerInput(const onnx::ValueInfoProto &input);
  mlir::LogicalResult importNode(const onnx::NodeProto &proto);
  /// Calls `build` and makes one error of those that it reports, which names
  /// the file, the node and its op. Fails if `build` does, or reports any.
  mlir::LogicalResult
  explainErrors(const Node &node,
                llvm::function_ref<mlir::LogicalResult()> build);
  mlir::LogicalResult buildNode(Node &node);
  mlir::LogicalResult importIf(Node &node);
  mlir::LogicalResult importOutputs();

  std::shared_ptr<onnx::ModelProto> model;
  std::string path, folder;
  const ImportOptions &options;
  mlir::MLIRContext *context;
  mlir::Location fileLoc;
  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  int64_t opset = 0;
  /// How many branches the node that is imported lies in.
  int depth = 0;
  OpTable table;
  llvm::StringMap<Operand> operands;
  /// Initializers, read when a node first asks for them.
  llvm::StringMap<const onnx::TensorProto *> initializers;
  std::vector<bool> needed;
  llvm::StringSet<> neededNames;
};

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_IMPORTER_H
