//===- import-check.cpp - Runs ONNX backend tests in float ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// usage: import-check MODULES TEST_DIR...
//
// For every folder with a model.onnx and a test_data_set_0: imports the model,
// runs the float evaluator on the inputs and compares with the outputs. Prints
// one line per folder, its fields separated by tabs:
//
//   OUTCOME DIR OPS OPSET FILES REASON
//
// where the outcome is
//
//   float    the float inputs were data, the others (axes, shapes, indices,
//            tensors without elements) constants
//   known    the first inputs were data, the model needs the others to be known
//   folded   the test has no float input; the import computed it
//   refused  the model was refused, for REASON
//   wrong    the result was another, as REASON says
//
// OPS are the kinds of the nodes, FILES the inputs that were data. Into the
// folder MODULES goes the imported module of every test that passes, called
// after its number: 0.mlir, 1.mlir ...
//
//===----------------------------------------------------------------------===//

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/Import/ImportOnnx.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/APFloat.h"
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
  q::eval::Tensor toFloats() const;
};
} // namespace

/// `count` little-endian elements of type `Raw`.
template <typename Raw>
static std::vector<float> fromRaw(const std::string &bytes, int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count && (i + 1) * sizeof(Raw) <= bytes.size(); ++i) {
    Raw value;
    std::memcpy(&value, bytes.data() + i * sizeof(Raw), sizeof(Raw));
    values[i] = static_cast<float>(value);
  }
  return values;
}

/// `count` elements of 4 bits, two in a byte, the lower half first.
static std::vector<float> fromNibbles(const onnx::TensorProto &proto,
                                      int64_t count, bool isSigned) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) {
    size_t at = i / 2;
    int byte = 0;
    if (at < proto.raw_data().size())
      byte = static_cast<unsigned char>(proto.raw_data()[at]);
    else if (at < static_cast<size_t>(proto.int32_data_size()))
      byte = proto.int32_data(static_cast<int>(at));
    int nibble = byte >> (4 * (i % 2)) & 15;
    values[i] =
        static_cast<float>(isSigned && nibble > 7 ? nibble - 16 : nibble);
  }
  return values;
}

q::eval::Tensor TestTensor::toFloats() const {
  using onnx::TensorProto;
  SmallVector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  // What is not a tensor (a sequence, say) parses as one without sense.
  int64_t count = 1;
  for (int64_t extent : shape)
    count = extent < 0 || count > (int64_t(1) << 28) ? 0 : count * extent;
  if (count == 0)
    return q::eval::Tensor(shape, std::vector<float>());
  // Types that older versions of ONNX's library do not name.
  constexpr int32_t uint4 = 21, int4 = 22;
  if (proto.data_type() == uint4 || proto.data_type() == int4)
    return q::eval::Tensor(
        shape, fromNibbles(proto, count, proto.data_type() == int4));
  const std::string &raw = proto.raw_data();
  std::vector<float> values(count);
  if (!proto.has_raw_data()) {
    if (isFloat())
      values.assign(proto.float_data().begin(), proto.float_data().end());
    else if (proto.data_type() == TensorProto::INT64)
      values.assign(proto.int64_data().begin(), proto.int64_data().end());
    else
      values.assign(proto.int32_data().begin(), proto.int32_data().end());
    values.resize(count);
    return q::eval::Tensor(shape, std::move(values));
  }
  std::vector<float> halves = fromRaw<uint16_t>(raw, count);
  switch (proto.data_type()) {
  case TensorProto::FLOAT:
    values = fromRaw<float>(raw, count);
    break;
  case TensorProto::INT64:
    values = fromRaw<int64_t>(raw, count);
    break;
  case TensorProto::INT32:
    values = fromRaw<int32_t>(raw, count);
    break;
  case TensorProto::DOUBLE:
    values = fromRaw<double>(raw, count);
    break;
  case TensorProto::FLOAT16:
    for (auto [value, bits] : llvm::zip(values, halves))
      value = llvm::APFloat(llvm::APFloat::IEEEhalf(),
                            llvm::APInt(16, static_cast<uint16_t>(bits)))
                  .convertToFloat();
    break;
  case TensorProto::BFLOAT16:
    for (auto [value, bits] : llvm::zip(values, halves))
      value = llvm::APFloat(llvm::APFloat::BFloat(),
                            llvm::APInt(16, static_cast<uint16_t>(bits)))
                  .convertToFloat();
    break;
  case TensorProto::INT16:
    values = fromRaw<int16_t>(raw, count);
    break;
  case TensorProto::UINT16:
    values = halves;
    break;
  case TensorProto::UINT32:
    values = fromRaw<uint32_t>(raw, count);
    break;
  case TensorProto::UINT64:
    values = fromRaw<uint64_t>(raw, count);
    break;
  case TensorProto::INT8:
    values = fromRaw<int8_t>(raw, count);
    break;
  case TensorProto::UINT8:
  case TensorProto::BOOL:
    values = fromRaw<uint8_t>(raw, count);
    break;
  default:
    // Not a number, which equals nothing.
    values.assign(count, std::nanf(""));
  }
  return q::eval::Tensor(shape, std::move(values));
}

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

/// How exact an expected output is: narrow floats were rounded.
static double getTolerance(int32_t type) {
  if (type == onnx::TensorProto::FLOAT16)
    return 1e-3;
  return type == onnx::TensorProto::BFLOAT16 ? 1e-2 : 1e-4;
}

/// Rows that hold nothing but -1 stand for rows that ONNX leaves out, where the
/// number of rows depends on the data (NonMaxSuppression).
static q::eval::Tensor withoutUnusedRows(const q::eval::Tensor &tensor) {
  int64_t columns = tensor.getShape().back();
  std::vector<float> kept;
  for (int64_t i = 0; i < tensor.getNumElements(); i += columns) {
    ArrayRef<float> row = ArrayRef(tensor.f()).slice(i, columns);
    if (llvm::any_of(row, [](float value) { return value != -1.0f; }))
      kept.insert(kept.end(), row.begin(), row.end());
  }
  int64_t rows = kept.size() / columns;
  return q::eval::Tensor({rows, columns}, std::move(kept));
}

/// Whether every element is within ONNX's own tolerance.
static bool isWithinTolerance(ArrayRef<float> actual,
                              ArrayRef<float> expected) {
  for (auto [a, b] : llvm::zip_equal(actual, expected))
    if (std::isfinite(b) && std::abs(double(a) - b) > 1e-3 * std::abs(b) + 1e-7)
      return false;
  return true;
}

/// What differs, empty where nothing does.
static std::string compare(const q::eval::Tensor &given,
                           const TestTensor &test) {
  q::eval::Tensor expected = test.toFloats(), actual = given;
  if (test.proto.name() == "selected_indices")
    actual = withoutUnusedRows(given);
  if (actual.getShape() != expected.getShape() ||
      actual.f().size() != expected.f().size())
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
  if (worst <= getTolerance(test.proto.data_type()) * largest + 1e-7 ||
      isWithinTolerance(actual.f(), expected.f()))
    return "";
  return "differs by " + std::to_string(worst) + " of " +
         std::to_string(largest);
}

namespace {
/// What came of a test.
struct Outcome {
  std::string word, reason, files;
  OwningOpRef<ModuleOp> module;
};
} // namespace

/// Runs one test; the word is empty where it passes. `known` inputs and those
/// after it are constants.
static Outcome run(const std::string &folder, size_t known,
                   const onnx::ModelProto &proto, MLIRContext &context) {
  Outcome outcome{"refused", "", "", {}};
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      outcome.reason +=
          (outcome.reason.empty() ? "" : " AND ") + diagnostic.str();
    return success();
  });
  std::vector<TestTensor> inputs = readTensors(folder, "input");
  std::vector<TestTensor> outputs = readTensors(folder, "output");
  q::ImportOptions options;
  std::vector<q::eval::Tensor> data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (static_cast<int>(i) >= proto.graph().input_size()) {
      outcome.reason = "has more inputs than the model";
      return outcome;
    }
    std::string name = proto.graph().input(i).name();
    bool isEmpty = llvm::is_contained(inputs[i].proto.dims(), 0);
    if (i < known && inputs[i].isFloat() && !isEmpty) {
      data.push_back(inputs[i].toFloats());
      outcome.files += (outcome.files.empty() ? "" : ",") + inputs[i].path;
      options.inputShapes[name] = SmallVector<int64_t>(
          inputs[i].proto.dims().begin(), inputs[i].proto.dims().end());
    } else {
      options.inputConstants[name] = inputs[i].path;
    }
  }
  outcome.module = q::importOnnx(folder + "/model.onnx", &context, options);
  if (!outcome.module)
    return outcome;
  auto function = *outcome.module->getOps<func::FuncOp>().begin();
  auto evaluator = q::eval::createFloatEvaluator(function);
  if (failed(evaluator))
    return outcome;
  auto results = (*evaluator)->run(data);
  if (failed(results))
    return outcome;
  outcome.word.clear();
  for (auto [index, result] : llvm::enumerate(*results)) {
    std::string difference = index < outputs.size()
                                 ? compare(result, outputs[index])
                                 : "is more than the test has";
    if (difference.empty())
      continue;
    outcome.word = "wrong";
    outcome.reason = "output " + std::to_string(index) + " " + difference;
  }
  return outcome;
}

/// Runs one test in the ways that the head of this file lists.
static Outcome check(const std::string &folder, const onnx::ModelProto &proto,
                     MLIRContext &context) {
  std::vector<TestTensor> inputs = readTensors(folder, "input");
  bool hasFloat =
      llvm::any_of(inputs, [](auto &tensor) { return tensor.isFloat(); });
  Outcome outcome = run(folder, 1000, proto, context);
  if (outcome.word.empty())
    outcome.word = hasFloat ? "float" : "folded";
  if (outcome.word != "refused" || !hasFloat)
    return outcome;
  for (size_t known = inputs.size(); known-- > 1;) {
    Outcome next = run(folder, known, proto, context);
    if (next.word == "wrong")
      return next;
    if (next.word.empty()) {
      next.word = "known";
      return next;
    }
  }
  return outcome;
}

/// The kinds of the nodes, each once.
static std::string listOps(const onnx::ModelProto &proto) {
  std::vector<std::string> ops;
  for (const onnx::NodeProto &node : proto.graph().node())
    if (!llvm::is_contained(ops, node.op_type()))
      ops.push_back(node.op_type());
  return llvm::join(ops, ",");
}

/// The version of ONNX's own ops.
static int64_t getOpset(const onnx::ModelProto &proto) {
  int64_t opset = 0;
  for (const onnx::OperatorSetIdProto &entry : proto.opset_import())
    if (entry.domain().empty() || entry.domain() == "ai.onnx")
      opset = entry.version();
  return opset;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    llvm::errs() << "usage: import-check MODULES TEST_DIR...\n";
    return 1;
  }
  for (int i = 2; i < argc; ++i) {
    std::string folder = argv[i];
    MLIRContext context(MLIRContext::Threading::DISABLED);
    onnx::ModelProto proto;
    auto buffer = llvm::MemoryBuffer::getFile(folder + "/model.onnx");
    Outcome outcome{"refused", "cannot read the model", "", {}};
    if (buffer && proto.ParseFromString((*buffer)->getBuffer().str()))
      outcome = check(folder, proto, context);
    if (outcome.word == "float" || outcome.word == "known") {
      std::error_code error;
      llvm::raw_fd_ostream file(
          std::string(argv[1]) + "/" + std::to_string(i - 2) + ".mlir", error);
      outcome.module->print(file);
    }
    llvm::outs() << outcome.word << "\t" << folder << "\t" << listOps(proto)
                 << "\t" << getOpset(proto) << "\t" << outcome.files << "\t"
                 << outcome.reason << "\n";
    llvm::outs().flush();
  }
  return 0;
}
