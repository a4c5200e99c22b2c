//===- FloatTest.h - Runs IR text in the float evaluator --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef UNITTESTS_EVALUATION_FLOATTEST_H
#define UNITTESTS_EVALUATION_FLOATTEST_H

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/QDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

namespace q::eval {

using Floats = std::vector<float>;

/// A context whose diagnostics are collected.
class ContextTest : public ::testing::Test {
protected:
  ContextTest() {
    context.loadDialect<q::QDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
    context.getDiagEngine().registerHandler(
        [this](mlir::Diagnostic &d) { diagnostics += d.str() + "\n"; });
  }
  mlir::Location getLoc() { return mlir::UnknownLoc::get(&context); }

  /// Expects a diagnostic that contains `part`.
  void expectDiagnostic(llvm::StringRef part) {
    EXPECT_NE(diagnostics.find(part.str()), std::string::npos) << diagnostics;
  }

  /// Parses a module and returns its first function.
  mlir::func::FuncOp parse(llvm::StringRef ir) {
    diagnostics.clear();
    module = mlir::parseSourceString<mlir::ModuleOp>(ir, &context);
    if (!module) {
      ADD_FAILURE() << "does not parse: " << diagnostics;
      return {};
    }
    return *module->getOps<mlir::func::FuncOp>().begin();
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string diagnostics;
};

class FloatTest : public ContextTest {
protected:
  std::unique_ptr<Evaluator>
  create(llvm::StringRef ir, QuantizerMode mode = QuantizerMode::Identity) {
    mlir::func::FuncOp function = parse(ir);
    if (!function)
      return nullptr;
    auto evaluator = createFloatEvaluator(function, mode);
    return failed(evaluator) ? nullptr : std::move(*evaluator);
  }

  /// Runs a function whose one op is written as `op`, with %0, %1 ... of the
  /// given types as arguments and `result` as its result.
  Tensor apply(const std::string &op, const std::vector<std::string> &types,
               const std::string &result, llvm::ArrayRef<Tensor> inputs) {
    std::string arguments, list;
    for (size_t i = 0; i < types.size(); ++i) {
      std::string comma = i ? ", " : "";
      arguments +=
          comma + "%" + std::to_string(i) + ": tensor<" + types[i] + "xf32>";
      list += comma + "tensor<" + types[i] + "xf32>";
    }
    std::string to = "tensor<" + result + "xf32>";
    return run("func.func @f(" + arguments + ") -> " + to + " { %y = " + op +
                   " : (" + list + ") -> " + to + " return %y : " + to + " }",
               inputs);
  }

  /// The one result of running `ir`.
  Tensor run(const std::string &ir, llvm::ArrayRef<Tensor> inputs) {
    std::unique_ptr<Evaluator> evaluator = create(ir);
    if (!evaluator) {
      ADD_FAILURE() << diagnostics << ir;
      return Tensor::floats({});
    }
    // Twice: the second run works on memory that the first one gave back.
    auto first = evaluator->run(inputs), second = evaluator->run(inputs);
    if (failed(first) || failed(second) || first->size() != 1) {
      ADD_FAILURE() << diagnostics << ir;
      return Tensor::floats({});
    }
    const Floats &a = first->front().f(), &b = second->front().f();
    EXPECT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0)
        << ir;
    return first->front();
  }

  static void expectNear(const Tensor &tensor, const Floats &expected,
                         float tolerance = 1e-5f) {
    ASSERT_EQ(tensor.f().size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      if (std::isnan(expected[i]) || std::isinf(expected[i])) {
        EXPECT_EQ(std::isnan(expected[i]), std::isnan(tensor.f()[i])) << i;
        continue;
      }
      EXPECT_NEAR(tensor.f()[i], expected[i],
                  tolerance * (1 + std::fabs(expected[i])))
          << "element " << i;
    }
  }

  /// Values in [-1, 1], the same in every run.
  Tensor random(llvm::ArrayRef<int64_t> shape) {
    Tensor tensor = Tensor::floats(shape);
    for (float &value : tensor.f())
      value = int64_t(engine() % 2001 - 1000) / 1000.0f;
    return tensor;
  }

  std::mt19937 engine;
};

/// "2x3x4"
inline std::string text(llvm::ArrayRef<int64_t> shape) {
  std::string result;
  for (int64_t extent : shape)
    result += (result.empty() ? "" : "x") + std::to_string(extent);
  return result;
}

/// "array<i64: 2, 3>"
inline std::string array(llvm::ArrayRef<int64_t> values) {
  std::string result = "array<i64: ";
  for (size_t i = 0; i < values.size(); ++i)
    result += (i ? ", " : "") + std::to_string(values[i]);
  return result + ">";
}

} // namespace q::eval

#endif // UNITTESTS_EVALUATION_FLOATTEST_H
