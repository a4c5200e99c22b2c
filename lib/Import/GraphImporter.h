//===- GraphImporter.h - One ONNX graph becoming one function -----*- C++
//-*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX is NCHW, q is NHWC. The importer keeps, for every value, how its
// elements lie; ops that do not care keep the layout they are given, so that
// transposes are only made where the network really changes its layout.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_IMPORT_GRAPHIMPORTER_H
#define QDIALECT_LIB_IMPORT_GRAPHIMPORTER_H

#include "HostTensor.h"

#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <memory>

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
} // namespace onnx

namespace q::onnx_import {

/// One step of a chain that only moves elements.
struct ViewStep {
  enum Kind { Reshape, Transpose, Slice, Gather } kind;
  /// Result shape, permutation, or gathered indices.
  Shape values = {};
  /// Slice: per dimension.
  Shape starts = {}, steps = {};
  int64_t axis = 0;
};

/// A tensor of the graph: a constant, or a value of the function.
struct GraphValue {
  enum class Layout {
    /// As ONNX has it.
    Plain,
    /// A tensor [N, C, H, W] of ONNX held as [N, H, W, C].
    ChannelsLast,
    /// A ChannelsLast tensor followed by `steps` not yet carried out: many
    /// chains of reshape, transpose and gather only reorder channels.
    Lazy
  };
  /// The shape that ONNX sees.
  Shape shape;
  Layout layout = Layout::Plain;
  mlir::Value value;
  std::shared_ptr<HostTensor> constant;
  std::vector<ViewStep> steps;

  bool isConstant() const { return constant != nullptr; }
};

class GraphImporter;

/// A node with its attributes and inputs at hand.
class Node {
public:
  Node(GraphImporter &importer, const onnx::NodeProto &proto);

  llvm::StringRef getOpType() const;
  /// The node's name, or, where it has none, that of its first output.
  std::string getName() const;
  mlir::Location getLoc() const { return loc; }
  /// An error at the node; what it says is finished by the caller.
  mlir::InFlightDiagnostic emitError() const;

  size_t getNumInputs() const;
  size_t getNumOutputs() const;
  bool hasInput(size_t index) const;
  bool hasOutput(size_t index) const;
  /// Null, after an error, where the input is missing.
  const GraphValue *getInput(size_t index) const;
  /// A constant input; null, after an error, where it is not constant.
  const HostTensor *getConstant(size_t index) const;
  mlir::FailureOr<Shape> getConstantInts(size_t index) const;
  mlir::FailureOr<double> getConstantScalar(size_t index) const;

  bool hasAttr(llvm::StringRef name) const;
  int64_t getInt(llvm::StringRef name, int64_t missing) const;
  float getFloat(llvm::StringRef name, float missing) const;
  Shape getInts(llvm::StringRef name, llvm::ArrayRef<int64_t> missing) const;
  std::string getString(llvm::StringRef name, llvm::StringRef missing) const;
  const onnx::AttributeProto *getAttr(llvm::StringRef name) const;

  GraphImporter &importer;
  const onnx::NodeProto &proto;

private:
  mlir::Location loc;
};

using Handler = mlir::LogicalResult (*)(const Node &node);

/// The handlers of each family, by op type.
void registerLayers(llvm::StringMap<Handler> &handlers);
void registerElementwise(llvm::StringMap<Handler> &handlers);
void registerMovement(llvm::StringMap<Handler> &handlers);
void registerReductions(llvm::StringMap<Handler> &handlers);

/// The result of `node` where all its inputs are constants; failure where it
/// cannot be folded (no diagnostic: the node is then imported as an op).
std::optional<HostTensor> foldNode(const Node &node);

class GraphImporter {
public:
  GraphImporter(mlir::func::FuncOp function, llvm::StringRef folder,
                int64_t opset, const ImportOptions &options);

  /// Imports the whole graph into the function. Fails after diagnostics.
  mlir::LogicalResult run(const onnx::GraphProto &graph);

  mlir::OpBuilder &getBuilder() { return builder; }
  int64_t getOpset() const { return opset; }
  llvm::StringRef getFolder() const { return folder; }
  mlir::Location getFileLoc() const { return fileLoc; }
  const GraphValue *lookup(llvm::StringRef name) const;
  /// What the first output of `node` was last defined as.
  GraphValue getResult(const Node &node) const;

  /// A q.const of `constant`.
  mlir::Value materialize(mlir::Location loc, const HostTensor &constant);
  /// `value` as ONNX has it. Null after a diagnostic.
  mlir::Value asPlain(mlir::Location loc, const GraphValue &value);
  /// A tensor of 4 dimensions held as [N, H, W, C]. Null after a diagnostic.
  mlir::Value asChannelsLast(mlir::Location loc, const GraphValue &value);

  /// Defines output `index` of `node`.
  void define(const Node &node, size_t index, GraphValue value);
  void definePlain(const Node &node, mlir::Value value, size_t index = 0);
  /// `value` is [N, H, W, C].
  void defineChannelsLast(const Node &node, mlir::Value value,
                          size_t index = 0);

  /// Applies a step that only moves elements to an input of `node`.
  mlir::LogicalResult view(const Node &node, const GraphValue &input,
                           ViewStep step, size_t output = 0);

private:
  mlir::LogicalResult addInputs(const onnx::GraphProto &graph);
  mlir::LogicalResult addInitializers(const onnx::GraphProto &graph);
  mlir::LogicalResult checkOps(const onnx::GraphProto &graph);
  mlir::LogicalResult importNode(const onnx::NodeProto &proto);
  mlir::LogicalResult addOutputs(const onnx::GraphProto &graph);
  mlir::Value applyStep(mlir::Location loc, mlir::Value value,
                        const ViewStep &step);
  mlir::Value tryChannelGather(mlir::Location loc, const GraphValue &value);

  mlir::func::FuncOp function;
  mlir::Location fileLoc;
  std::string folder;
  int64_t opset;
  ImportOptions options;
  mlir::OpBuilder builder;
  llvm::StringMap<Handler> handlers;
  llvm::StringMap<GraphValue> values;
};

/// The floats of a list attribute.
std::vector<float> readFloats(const onnx::AttributeProto &attribute);

/// The shape after a step.
Shape shapeAfter(llvm::ArrayRef<int64_t> shape, const ViewStep &step);

/// `axis` with negative ones counted from the end; failure, after an error at
/// `node`, where it is out of range.
mlir::FailureOr<int64_t> normalizeAxis(const Node &node, int64_t axis,
                                       int64_t rank);

/// The shape of a q value.
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

/// Where dimension `axis` of an ONNX tensor [N, C, H, W] is in [N, H, W, C].
inline int64_t channelsLastAxis(int64_t axis) {
  return axis == 0 ? 0 : axis == 1 ? 3 : axis - 1;
}

} // namespace q::onnx_import

#endif // QDIALECT_LIB_IMPORT_GRAPHIMPORTER_H
