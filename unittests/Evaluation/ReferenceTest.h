//===- ReferenceTest.h - Runs IR text in the reference evaluator ----------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef UNITTESTS_EVALUATION_REFERENCETEST_H
#define UNITTESTS_EVALUATION_REFERENCETEST_H

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <random>

namespace q::eval {

using Ints = std::vector<int32_t>;

/// num / den to the nearest integer, ties away from zero: what every rounding
/// of the contract is compared with. den > 0.
inline int64_t roundRatio(__int128 num, __int128 den) {
  __int128 magnitude = num < 0 ? -num : num;
  __int128 rounded = (2 * magnitude + den) / (2 * den);
  return static_cast<int64_t>(num < 0 ? -rounded : rounded);
}

inline int64_t clampTo(int64_t value, int64_t lo, int64_t hi) {
  return value < lo ? lo : value > hi ? hi : value;
}

class ReferenceTest : public ::testing::Test {
protected:
  ReferenceTest() {
    context.loadDialect<q::QDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
    context.getDiagEngine().registerHandler(
        [this](mlir::Diagnostic &diagnostic) {
          diagnostics += diagnostic.str() + "\n";
        });
  }

  /// Parses a module whose first function is what is evaluated.
  std::unique_ptr<Evaluator> create(llvm::StringRef ir) {
    diagnostics.clear();
    module = mlir::parseSourceString<mlir::ModuleOp>(ir, &context);
    if (!module) {
      ADD_FAILURE() << "does not parse: " << diagnostics;
      return nullptr;
    }
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    auto evaluator = createReferenceEvaluator(function);
    return failed(evaluator) ? nullptr : std::move(*evaluator);
  }

  /// All results, or none if anything failed; `diagnostics` says why.
  llvm::SmallVector<Tensor> evaluateAll(llvm::StringRef ir,
                                        llvm::ArrayRef<Tensor> inputs) {
    std::unique_ptr<Evaluator> evaluator = create(ir);
    if (!evaluator)
      return {};
    auto results = evaluator->run(inputs);
    return failed(results) ? llvm::SmallVector<Tensor>() : *results;
  }

  /// The integers of the one result.
  Ints evaluate(llvm::StringRef ir, llvm::ArrayRef<Tensor> inputs) {
    auto results = evaluateAll(ir, inputs);
    if (results.size() != 1 || results[0].isFloat()) {
      ADD_FAILURE() << "no integer result: " << diagnostics;
      return {};
    }
    return results[0].i();
  }

  /// Expects evaluation to fail with a diagnostic that contains `part`.
  void expectError(llvm::StringRef ir, llvm::ArrayRef<Tensor> inputs,
                   llvm::StringRef part) {
    EXPECT_TRUE(evaluateAll(ir, inputs).empty());
    EXPECT_NE(diagnostics.find(part.str()), std::string::npos) << diagnostics;
  }

  /// Uniform integers of [lo, hi], the same in every run.
  Ints random(int64_t count, int32_t lo, int32_t hi) {
    Ints values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(lo +
                       static_cast<int32_t>(
                           engine() % (static_cast<uint64_t>(hi - lo) + 1)));
    return values;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string diagnostics;
  std::mt19937_64 engine;
};

/// `dense<...>` text of integers in row-major order, nested as `shape` says.
inline std::string dense(llvm::ArrayRef<int64_t> shape, const int32_t *&next) {
  if (shape.empty())
    return std::to_string(*next++);
  std::string text = "[";
  for (int64_t i = 0; i < shape[0]; ++i)
    text += (i ? "," : "") + dense(shape.drop_front(), next);
  return text + "]";
}
inline std::string dense(llvm::ArrayRef<int64_t> shape, const Ints &values) {
  const int32_t *next = values.data();
  return "dense<" + dense(shape, next) + ">";
}

} // namespace q::eval

#endif // UNITTESTS_EVALUATION_REFERENCETEST_H
