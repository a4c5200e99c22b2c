//===- Model.cpp - Opens models; runs IR by the evaluators ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Model.h"

#include "QDialect/Evaluation/Evaluator.h"
#include "QDialect/Import/ImportOnnx.h"
#include "QDialect/IntegerSemantics.h"
#include "QDialect/ModuleFile.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace q;
using namespace q::qrun;

SmallVector<eval::InputSpec> Model::getInputSpecs() const {
  SmallVector<eval::InputSpec> specs;
  for (const TensorInfo &input : inputs)
    specs.push_back({input.name, input.shape});
  return specs;
}

FailureOr<SmallVector<Tensor>> Model::runReal(ArrayRef<Tensor> tensors) {
  SmallVector<Tensor> converted;
  for (auto [tensor, info] : llvm::zip_equal(tensors, inputs)) {
    if (info.isFloat) {
      converted.push_back(tensor);
      continue;
    }
    Tensor integers = Tensor::integers(info.shape);
    for (auto [real, integer] : llvm::zip_equal(tensor.f(), integers.i()))
      integer = info.params ? numerics::quantize(real, *info.params)
                            : static_cast<int32_t>(real);
    converted.push_back(std::move(integers));
  }
  return run(converted);
}

Tensor q::qrun::getReal(const Tensor &tensor, const TensorInfo &info) {
  if (tensor.isFloat())
    return tensor;
  Tensor real = Tensor::floats(tensor.getShape());
  for (auto [from, to] : llvm::zip_equal(tensor.i(), real.f()))
    to = info.params ? numerics::dequantize(from, *info.params)
                     : static_cast<float>(from);
  return real;
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

namespace {

class EvaluatedModel : public Model {
public:
  static ModelOr create(OwningOpRef<ModuleOp> module, StringRef path);

  FailureOr<SmallVector<Tensor>> run(ArrayRef<Tensor> tensors) override {
    return evaluator->run(tensors);
  }
  bool isInteger() const override { return integer; }

private:
  bool integer = false;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<eval::Evaluator> evaluator;
};

} // namespace

static LogicalResult describe(TensorInfo &info, Type type, Location loc) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return emitError(loc) << "'" << info.name << "' has type " << type
                          << "; only tensors of a static shape can be run";
  info.shape = SmallVector<int64_t>(tensor.getShape());
  Type element = tensor.getElementType();
  info.isFloat = element.isF32();
  if (info.isFloat)
    return success();
  if (auto quantized = dyn_cast<quant::UniformQuantizedType>(element)) {
    info.params = getQuantParams(quantized);
    info.bits = quantized.getStorageTypeIntegralWidth();
    info.isSigned = quantized.isSigned();
    return success();
  }
  return emitError(loc) << "'" << info.name << "' has elements of " << element
                        << "; f32 and per-tensor quantized types can be run";
}

/// The type to which an argument is quantized, if that is the first thing that
/// happens to its values.
static std::optional<numerics::QuantParams> findQuantized(Value argument) {
  for (Operation *user : argument.getUsers()) {
    if (auto quantize = dyn_cast<QuantizeOp>(user))
      if (auto type = getPerTensorType(quantize.getOutput()))
        return getQuantParams(type);
    if (isa<TransposeOp, ReshapeOp, SliceOp, PadOp>(user))
      if (auto found = findQuantized(user->getResult(0)))
        return found;
  }
  return std::nullopt;
}

/// The function to run: @main, or the only one there is.
static func::FuncOp findFunction(ModuleOp module) {
  if (auto main = module.lookupSymbol<func::FuncOp>("main"))
    return main;
  auto functions = module.getOps<func::FuncOp>();
  bool isOnly =
      !functions.empty() && std::next(functions.begin()) == functions.end();
  return isOnly ? *functions.begin() : func::FuncOp();
}

ModelOr EvaluatedModel::create(OwningOpRef<ModuleOp> module, StringRef path) {
  func::FuncOp function = findFunction(*module);
  if (!function)
    return module->emitError("'")
           << path << "' has no function 'main', nor a single other one, to "
           << "run";
  auto model = std::make_unique<EvaluatedModel>();
  for (auto [spec, argument] : llvm::zip_equal(eval::getInputSpecs(function),
                                               function.getArguments())) {
    TensorInfo &info = model->inputs.emplace_back();
    info.name = spec.name;
    if (failed(describe(info, argument.getType(), function.getLoc())))
      return failure();
    if (info.isFloat)
      info.quantizedAs = findQuantized(argument);
  }
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    TensorInfo &info = model->outputs.emplace_back();
    auto name = function.getResultAttrOfType<StringAttr>(index, "q.name");
    info.name = name ? name.str() : "output" + std::to_string(index);
    if (failed(describe(info, type, function.getLoc())))
      return failure();
  }
  model->integer = eval::isQuantized(function);
  auto evaluator = model->integer ? eval::createReferenceEvaluator(function)
                                  : eval::createFloatEvaluator(function);
  if (failed(evaluator))
    return failure();
  model->module = std::move(module);
  model->evaluator = std::move(*evaluator);
  return std::unique_ptr<Model>(std::move(model));
}

ModelOr q::qrun::openModel(StringRef path, const OpenOptions &options,
                           MLIRContext &context) {
  Location loc = UnknownLoc::get(&context);
  if (!llvm::sys::fs::exists(path))
    return emitError(loc) << "cannot open '" << path
                          << "': there is no such file";
  if (path.ends_with(".so"))
    return openSharedLibrary(path, loc);
  if (path.ends_with(".a"))
    return openArchive(path, options, loc);
  OwningOpRef<ModuleOp> module;
  if (path.ends_with(".onnx"))
    module = importOnnx(path, &context, options.import);
  else if (path.ends_with(".mlir") || path.ends_with(".mlirbc"))
    module = readModule(path, &context);
  else
    return emitError(loc) << "cannot open '" << path
                          << "': known are .onnx, .mlir, .mlirbc, .so and .a";
  if (!module)
    return failure();
  return EvaluatedModel::create(std::move(module), path);
}
