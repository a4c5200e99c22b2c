//===- GraphWriter.h - Writes the nodes of an ONNX graph --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EXPORT_GRAPHWRITER_H
#define QDIALECT_LIB_EXPORT_GRAPHWRITER_H

#include "QDialect/QDialect.h"

#include <onnx/onnx_pb.h>

namespace q::onnx_export {

/// The nodes and constants of one graph. Values are names.
class GraphWriter {
public:
  GraphWriter();

  /// Attributes of one node.
  class Node {
  public:
    explicit Node(onnx::NodeProto &proto) : proto(proto) {}
    Node &integer(llvm::StringRef name, int64_t value);
    Node &integers(llvm::StringRef name, llvm::ArrayRef<int64_t> values);
    Node &real(llvm::StringRef name, float value);
    Node &text(llvm::StringRef name, llvm::StringRef value);
    /// The name of its result.
    std::string result() const { return proto.output(0); }
    operator std::string() const { return result(); }

  private:
    onnx::AttributeProto &add(llvm::StringRef name,
                              onnx::AttributeProto::AttributeType type);
    onnx::NodeProto &proto;
  };

  /// A node with one result, called `output` if that is given.
  Node add(llvm::StringRef opType, llvm::ArrayRef<std::string> inputs,
           llvm::StringRef output = "");
  /// Nodes from here on belong to this layer.
  void setLayer(llvm::StringRef name) { layer = name.str(); }

  std::string addReals(llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<float> values);
  std::string addReal(float value) { return addReals({}, value); }
  std::string addIndices(llvm::ArrayRef<int64_t> values);
  /// Integers of the storage type of `type`.
  std::string addStored(mlir::quant::QuantizedType type,
                        llvm::ArrayRef<int64_t> shape,
                        llvm::ArrayRef<int32_t> values);

  /// The integers `value` of type `type` as reals, and reals as integers.
  std::string dequantize(const std::string &value,
                         mlir::quant::QuantizedType type);
  std::string quantize(const std::string &value,
                       mlir::quant::QuantizedType type);
  std::string transpose(const std::string &value, llvm::ArrayRef<int64_t> perm);

  void addInput(const std::string &name, mlir::RankedTensorType type);
  void addOutput(const std::string &name, const std::string &value,
                 mlir::RankedTensorType type);

  bool serialize(llvm::raw_ostream &output) const;

private:
  std::string fresh() { return "q." + std::to_string(++count); }
  /// Scale and zero point as inputs of a node.
  std::pair<std::string, std::string>
  addParameters(mlir::quant::QuantizedType type);
  std::string addBorder(llvm::StringRef opType, const std::string &value,
                        mlir::quant::QuantizedType type);

  onnx::ModelProto model;
  onnx::GraphProto &graph;
  std::string layer;
  int64_t count = 0;
};

/// The ONNX type of the integers of `type`: the narrowest of 8, 16 and 32 bits.
int32_t getStorageType(mlir::quant::QuantizedType type);

} // namespace q::onnx_export

#endif // QDIALECT_LIB_EXPORT_GRAPHWRITER_H
