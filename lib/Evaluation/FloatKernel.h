//===- FloatKernel.h - What the float evaluator runs for an op --*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One object per op of the function, made once by the factory that the table
// holds for the op's name. An object keeps what its op needs to run; what a
// backward pass needs beyond that would be a second method here.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_EVALUATION_FLOATKERNEL_H
#define QDIALECT_LIB_EVALUATION_FLOATKERNEL_H

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/QDialect.h"
#include "QDialect/Shapes.h"

#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>

namespace q::eval {

/// The engine of oneDNN and what belongs to it; see FloatDnnl.h.
struct DnnlContext;

class FloatKernel {
public:
  virtual ~FloatKernel() = default;

  /// Computes the op's result from its operands. `output` has the shape of the
  /// result and any contents. Failure, which only oneDNN knows, has no message.
  virtual mlir::LogicalResult forward(llvm::ArrayRef<const Tensor *> operands,
                                      Tensor &output) = 0;

  /// Whether the result is the first operand, so that nothing has to run.
  virtual bool isIdentity() const { return false; }
};

/// What a factory may use beside the op.
struct KernelContext {
  std::shared_ptr<DnnlContext> dnnl;
  /// The operands that are constant, null for the others.
  llvm::SmallVector<const Tensor *> constants;
  QuantizerMode quantizers;
};

using KernelOr = mlir::FailureOr<std::unique_ptr<FloatKernel>>;

/// Factories by op name. A factory fails with a diagnostic at its op.
class KernelTable {
public:
  template <typename OpTy> void add(KernelOr (*create)(OpTy, KernelContext &)) {
    factories[OpTy::getOperationName()] = [create](mlir::Operation *op,
                                                   KernelContext &context) {
      return create(mlir::cast<OpTy>(op), context);
    };
  }
  /// An op whose kernel is made from the op alone: KernelTy(op).
  template <typename OpTy, typename KernelTy> void add() {
    factories[OpTy::getOperationName()] = [](mlir::Operation *op,
                                             KernelContext &) -> KernelOr {
      return std::unique_ptr<FloatKernel>(
          std::make_unique<KernelTy>(mlir::cast<OpTy>(op)));
    };
  }

  KernelOr create(mlir::Operation *op, KernelContext &context) const;

private:
  llvm::StringMap<std::function<KernelOr(mlir::Operation *, KernelContext &)>>
      factories;
};

/// The ops by family; each in the file of that name.
void addLayerKernels(KernelTable &table);
void addElementwiseKernels(KernelTable &table);
void addPoolKernels(KernelTable &table);
void addNormalizationKernels(KernelTable &table);
void addMovementKernels(KernelTable &table);
void addQuantizerKernels(KernelTable &table);

/// A new engine of oneDNN, or null if there is none.
std::shared_ptr<DnnlContext> createDnnlContext();

/// The real bounds of an op with a fused clamp (rule N11).
struct ClampBounds {
  float low, high;
  /// Of each channel, the last dimension; none if empty.
  std::vector<float> channelHigh;
  explicit ClampBounds(FusedClampOpInterface op);
  bool isTrivial() const;
  void apply(llvm::MutableArrayRef<float> values) const;
};

} // namespace q::eval

#endif // QDIALECT_LIB_EVALUATION_FLOATKERNEL_H
