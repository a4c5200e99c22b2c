//===- ChannelClasses.h - Tensors whose channels go together ----*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_TRANSFORMS_CHANNELCLASSES_H
#define QDIALECT_LIB_TRANSFORMS_CHANNELCLASSES_H

#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace q {

/// Which channels (the last dimension) of the tensors of a function must have
/// one order, or one scale: those of the operands of an addition, of what a
/// pool reads and writes, and so on. A class is free if every op that makes or
/// reads it is a layer with constant weights, which can be permuted or scaled,
/// or does not care. On float IR.
class ChannelClasses {
public:
  enum class Change {
    /// What a depthwise convolution reads and writes has one order.
    Order,
    /// Of positive factors: each channel is a class, clamps other than at 0 and
    /// functions do care, and depthwise convolutions are layers like others.
    Scale
  };

  /// A run of channels of a tensor that is a whole class. Concatenated tensors
  /// have several.
  struct Segment {
    size_t id, extent;
  };
  using Space = llvm::SmallVector<Segment>;

  /// A convolution or matrix product with constant weights and bias.
  struct Layer {
    WeightedOpInterface op;
    Space input, output;
    bool isDepthwise; ///< output channel i reads input channel i alone
  };

  ChannelClasses(mlir::func::FuncOp function, Change change);

  /// Classes are found at [0, size()); those that are united are not free.
  size_t size() const { return parents.size(); }
  size_t find(size_t id) const;
  bool isFree(size_t id) const { return find(id) == id && !fixed[id]; }
  size_t getExtent(size_t id) const { return extents[id]; }
  static size_t getExtent(llvm::ArrayRef<Segment> space);
  llvm::ArrayRef<Layer> getLayers() const { return layers; }
  /// The classes of the channels of a value; none if nothing is known of it.
  Space getSpace(mlir::Value value) const { return spaces.lookup(value); }

private:
  Space create(size_t extent);
  Space createFor(mlir::Value value);
  Space &get(mlir::Value value);
  void fix(llvm::ArrayRef<Segment> space);
  void unite(llvm::ArrayRef<Segment> a, llvm::ArrayRef<Segment> b);
  void visit(mlir::Operation *op);
  void visitLayer(WeightedOpInterface op);
  bool visitElementwise(mlir::Operation *op);
  bool visitConcat(mlir::Operation *op);
  bool visitSlice(mlir::Operation *op);
  bool allows(mlir::Operation *op) const;
  bool isChangeable(mlir::Value constant) const;

  Change change;
  std::vector<size_t> parents, extents;
  std::vector<bool> fixed;
  llvm::DenseMap<mlir::Value, Space> spaces;
  std::vector<Layer> layers;
};

} // namespace q

#endif // QDIALECT_LIB_TRANSFORMS_CHANNELCLASSES_H
