//===- import-check.cpp - Runs ONNX backend tests in float ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: import-check TEST_DIR...
//
// For every folder with a model.onnx and a test_data_set_0: imports the model,
// runs the float evaluator on the inputs and compares with the outputs. Prints
// one line per folder: PASS, or FAIL and what went wrong. Integer inputs (axes,
// shapes) become constants; where a model needs more of its inputs to be known,
// all but the first do.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/Import/ImportOnnx.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <onnx/onnx_pb.h>

using namespace mlir;

namespace {
/// A tensor of a test: its proto, and its values where they are floats.
struct TestTensor {
  onnx::TensorProto proto;
  std::string path;
  bool isFloat() const { return proto.data_type() == onnx::TensorProto::FLOAT; }
  q::eval::Tensor toFloats() const {
    SmallVector<int64_t> shape(proto.dims().begin(), proto.dims().end());
    std::vector<float> values(q::eval::Tensor::count(shape));
    if (proto.has_raw_data())
      std::memcpy(values.data(), proto.raw_data().data(),
                  std::min(values.size() * 4, proto.raw_data().size()));
    else
      std::copy(proto.float_data().begin(), proto.float_data().end(),
                values.begin());
    return q::eval::Tensor(shape, std::move(values));
  }
};
} // namespace

/// input_0.pb, input_1.pb ... of a test.
static std::vector<TestTensor> readTensors(const std::string &folder,
                                           const std::string &kind) {
  std::vector<TestTensor> tensors;
  for (int i = 0;; ++i) {
    TestTensor tensor;
    tensor.path =
        folder + "/test_data_set_0/" + kind + "_" + std::to_string(i) + ".pb";
    auto buffer = llvm::MemoryBuffer::getFile(tensor.path);
    if (!buffer || !tensor.proto.ParseFromString((*buffer)->getBuffer().str()))
      return tensors;
    tensors.push_back(std::move(tensor));
  }
}

/// What differs, empty where nothing does.
static std::string compare(const q::eval::Tensor &actual,
                           const q::eval::Tensor &expected) {
  if (actual.getShape() != expected.getShape())
    return "has shape [" +
           llvm::join(
               llvm::map_range(actual.getShape(),
                               [](int64_t e) { return std::to_string(e); }),
               ", ") +
           "]";
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < expected.getNumElements(); ++i) {
    double a = actual.f()[i], b = expected.f()[i];
    if (std::isnan(a) != std::isnan(b) || std::isinf(a) != std::isinf(b))
      return "is " + std::to_string(a) + " instead of " + std::to_string(b);
    if (!std::isfinite(b))
      continue;
    largest = std::max(largest, std::abs(b));
    worst = std::max(worst, std::abs(a - b));
  }
  if (worst <= 1e-4 * largest + 1e-7)
    return "";
  return "differs by " + std::to_string(worst) + " of " +
         std::to_string(largest);
}

/// Runs one test; the reason why it fails, empty where it passes. `known`
/// inputs and those after it are constants.
static std::string run(const std::string &folder, size_t known,
                       MLIRContext &context) {
  std::string model = folder + "/model.onnx", messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      messages += diagnostic.str() + "; ";
    return success();
  });
  std::vector<TestTensor> inputs = readTensors(folder, "input");
  std::vector<TestTensor> outputs = readTensors(folder, "output");
  onnx::ModelProto proto;
  auto buffer = llvm::MemoryBuffer::getFile(model);
  if (!buffer || !proto.ParseFromString((*buffer)->getBuffer().str()))
    return "cannot read the model";
  q::ImportOptions options;
  std::vector<q::eval::Tensor> data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (static_cast<int>(i) >= proto.graph().input_size())
      return "has more inputs than the model";
    std::string name = proto.graph().input(i).name();
    if (i < known && inputs[i].isFloat()) {
      data.push_back(inputs[i].toFloats());
      options.inputShapes[name] = SmallVector<int64_t>(
          inputs[i].proto.dims().begin(), inputs[i].proto.dims().end());
    } else {
      options.inputConstants[name] = inputs[i].path;
    }
  }
  OwningOpRef<ModuleOp> module = q::importOnnx(model, &context, options);
  if (!module)
    return messages;
  auto function = *module->getOps<func::FuncOp>().begin();
  auto evaluator = q::eval::createFloatEvaluator(function);
  if (failed(evaluator))
    return messages;
  auto results = (*evaluator)->run(data);
  if (failed(results))
    return messages;
  for (auto [index, result] : llvm::enumerate(*results)) {
    if (index >= outputs.size() || !outputs[index].isFloat())
      return "output " + std::to_string(index) + " is not float";
    std::string difference = compare(result, outputs[index].toFloats());
    if (!difference.empty())
      return "output " + std::to_string(index) + " " + difference;
  }
  return "";
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    MLIRContext context(MLIRContext::Threading::DISABLED);
    std::string reason = run(argv[i], 1000, context);
    if (!reason.empty() && run(argv[i], 1, context).empty())
      reason.clear();
    llvm::outs() << (reason.empty() ? "PASS " : "FAIL ") << argv[i]
                 << (reason.empty() ? "" : ": " + reason) << "\n";
    llvm::outs().flush();
  }
  return 0;
}
