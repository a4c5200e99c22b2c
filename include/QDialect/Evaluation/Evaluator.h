//===- Evaluator.h - Running a q function on data ---------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The two evaluators behind one interface: the float evaluator, fast enough to
// calibrate with, and the integer reference evaluator, slow and obvious, which
// is what quantized IR means.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_EVALUATION_EVALUATOR_H
#define QDIALECT_EVALUATION_EVALUATOR_H

#include "QDialect/Evaluation/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace q::eval {

class DataSource;

/// Called once per op result during a run, in program order.
using Observer =
    llvm::function_ref<void(mlir::Value value, const Tensor &tensor)>;

/// A function of q ops made ready to run. Constants are read and kernels built
/// once, when the evaluator is created; it must not outlive the function.
class Evaluator {
public:
  virtual ~Evaluator() = default;

  /// Runs on one set of inputs, one tensor per function argument: float for
  /// float arguments, storage integers for quantized ones. Fails with a
  /// diagnostic at the function where an input does not fit its argument.
  virtual mlir::FailureOr<llvm::SmallVector<Tensor>>
  run(llvm::ArrayRef<Tensor> inputs, Observer observer) = 0;
  mlir::FailureOr<llvm::SmallVector<Tensor>>
  run(llvm::ArrayRef<Tensor> inputs) {
    return run(inputs, [](mlir::Value, const Tensor &) {});
  }
};

/// What the float evaluator makes of a `q.quantizer`.
enum class QuantizerMode {
  /// Nothing: the network is the float one.
  Identity,
  /// Rounds to what its parameters can represent and back to float (rules N1
  /// and N3), so that the network is nearly the integer one. All quantizers
  /// must be calibrated.
  Simulate,
};

/// The float evaluator (oneDNN). Fails with a diagnostic at the first op that
/// has no float form, e.g. a quantized one.
mlir::FailureOr<std::unique_ptr<Evaluator>>
createFloatEvaluator(mlir::func::FuncOp function,
                     QuantizerMode quantizers = QuantizerMode::Identity);

/// Runs the float network on all samples, in their order, and shows every value
/// to `observer`.
mlir::LogicalResult observeFloats(mlir::func::FuncOp function, DataSource &data,
                                  Observer observer);

/// The integer reference evaluator: the numeric contract (rules N1-N15). Takes
/// quantized IR, whose borders may be float. Fails with a diagnostic at the
/// first op that has no integer form.
mlir::FailureOr<std::unique_ptr<Evaluator>>
createReferenceEvaluator(mlir::func::FuncOp function);

/// Whether `function` computes in integers, so that it is the reference
/// evaluator that runs it: some op works on a quantized type, and none computes
/// floats. A model that arrives quantized, with float ops between quantize and
/// dequantize, is run by the float evaluator, literally.
bool isQuantized(mlir::func::FuncOp function);

} // namespace q::eval

#endif // QDIALECT_EVALUATION_EVALUATOR_H
