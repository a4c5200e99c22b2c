//===- Exporter.h - State of one export -------------------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op is written in float: its operands dequantized, its result clamped
// and quantized. NHWC ops have a transpose on either side.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EXPORT_EXPORTER_H
#define QDIALECT_LIB_EXPORT_EXPORTER_H

#include "GraphWriter.h"

#include "QDialect/IntegerSemantics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace q::onnx_export {

class Exporter {
public:
  explicit Exporter(mlir::func::FuncOp function) : function(function) {}

  mlir::LogicalResult run(llvm::raw_ostream &output);

private:
  mlir::LogicalResult write(mlir::Operation *op);
  /// The float form of a quantized op, without clamp and quantization; the
  /// result's name, or a diagnostic at the op.
  mlir::FailureOr<std::string> writeReal(mlir::Operation *op);
  mlir::FailureOr<std::string> writeMovement(mlir::Operation *op);
  mlir::FailureOr<std::string> writeUnary(UnaryOp op);
  mlir::FailureOr<std::string> writeReduce(ReduceOp op);
  mlir::FailureOr<std::string> writeResize(ResizeOp op);
  std::string writeLrn(LrnOp op);
  std::string writeCompare(CompareOp op);
  std::string writeSelect(SelectOp op);
  std::string writeArgReduce(ArgReduceOp op);
  /// An op on floats: one that moves them, or a float island.
  mlir::LogicalResult writeFloat(mlir::Operation *op);
  template <typename OpTy> std::string writePool(OpTy op, bool isAverage);

  mlir::FailureOr<std::string> writeConv(Conv2DOp op);
  mlir::FailureOr<std::string> writeConvTranspose(ConvTranspose2DOp op);
  mlir::FailureOr<std::string> writeGemm(GemmOp op);
  /// Weights with their dimensions, read under `shape`, in the order `perm`,
  /// dequantized; `axis` is where output channels come to lie.
  mlir::FailureOr<std::string> writeWeights(WeightedOpInterface op,
                                            llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<int64_t> perm,
                                            llvm::ArrayRef<int64_t> finalShape,
                                            int64_t axis);
  /// The bias without the cross-terms of zero points, dequantized; empty where
  /// there is none.
  mlir::FailureOr<std::string> writeBias(WeightedOpInterface op);

  /// The value as float32, dequantized where it is integers.
  mlir::FailureOr<std::string> real(mlir::Value value);
  /// Clamps reals to the integers [lo, hi] of `type` and quantizes them.
  std::string store(const std::string &value,
                    mlir::quant::UniformQuantizedType type,
                    IntegerBounds bounds);

  mlir::func::FuncOp function;
  GraphWriter graph;
  /// The names of values: of integers where they are quantized.
  llvm::DenseMap<mlir::Value, std::string> names;
  /// The names of quantized values as reals.
  llvm::DenseMap<mlir::Value, std::string> reals;
};

} // namespace q::onnx_export

#endif // QDIALECT_LIB_EXPORT_EXPORTER_H
