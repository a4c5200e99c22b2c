//===- ExportOnnx.cpp - Walks a quantized function ------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Export/ExportOnnx.h"

#include "Exporter.h"

#include "QDialect/FloatSemantics.h"

#include "mlir/Tools/mlir-translate/Translation.h"

#include <limits>

using namespace mlir;
using namespace q;
using namespace q::onnx_export;

FailureOr<std::string> Exporter::real(Value value) {
  quant::QuantizedType type = getQuantizedType(value);
  auto known = reals.find(value);
  if (known != reals.end())
    return known->second;
  std::string name = names.lookup(value);
  if (auto constant = value.getDefiningOp<ConstOp>()) {
    auto shape = cast<RankedTensorType>(constant.getType()).getShape();
    if (!type) {
      auto floats = getConstantFloats(constant);
      if (failed(floats))
        return failure();
      return reals[value] = graph.addReals(shape, *floats);
    }
    auto integers = getConstantInts(constant);
    if (failed(integers))
      return failure();
    name = graph.addStored(type, shape, *integers);
  }
  return reals[value] = type ? graph.dequantize(name, type) : name;
}

std::string Exporter::store(const std::string &value,
                            quant::UniformQuantizedType type,
                            IntegerBounds bounds) {
  unsigned width = type.getStorageTypeIntegralWidth() <= 8 ? 8 : 16;
  numerics::StorageRange all = numerics::storageRange(width, type.isSigned());
  std::string clamped = value;
  // What the storage cuts off needs no node.
  if (bounds.lo > all.qmin || bounds.hi < all.qmax) {
    numerics::QuantParams params = getQuantParams(type);
    clamped = graph.add(
        "Clip", {value, graph.addReal(numerics::dequantize(bounds.lo, params)),
                 graph.addReal(numerics::dequantize(bounds.hi, params))});
  }
  return graph.quantize(clamped, type);
}

LogicalResult Exporter::writeFloat(Operation *op) {
  if (computesInFloat(op) && !mayComputeInFloat(op))
    return op->emitOpError("is not quantized per tensor; run q-quantize before "
                           "the export");
  FailureOr<std::string> value = writeReal(op);
  if (failed(value))
    return failure();
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op)) {
    FloatAttr low = clamped.getClampMinAttr(), high = clamped.getClampMaxAttr();
    auto bound = [&](FloatAttr attribute) {
      return attribute ? graph.addReal(attribute.getValueAsDouble())
                       : std::string();
    };
    if (low || high)
      value = graph.add("Clip", {*value, bound(low), bound(high)}).result();
    if (DenseF32ArrayAttr maxima = clamped.getChannelMaxAttr())
      value =
          graph
              .add("Min",
                   {*value, graph.addReals(maxima.size(), maxima.asArrayRef())})
              .result();
  }
  Value result = op->getResult(0);
  names[result] = *value;
  reals[result] = *value;
  return success();
}

LogicalResult Exporter::write(Operation *op) {
  if (isa<ConstOp>(op))
    return success(); // Written where it is read.
  if (!isa_and_nonnull<QDialect>(op->getDialect()) || op->getNumResults() != 1)
    return op->emitOpError("has no form in ONNX; export quantized modules of "
                           "the q dialect (qcc --emit=quantized)");
  Value result = op->getResult(0);
  if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
    auto name = real(dequantize.getInput());
    if (failed(name))
      return failure();
    names[result] = *name;
    reals[result] = *name;
    return success();
  }
  auto tensor = dyn_cast<RankedTensorType>(result.getType());
  if (tensor && tensor.getElementType().isF32())
    return writeFloat(op);
  auto type = getPerTensorType(result);
  if (!type)
    return op->emitOpError("is not quantized per tensor; run q-quantize before "
                           "the export");
  FailureOr<std::string> value = writeReal(op);
  if (failed(value))
    return failure();
  IntegerBounds bounds = getIntegerBounds(getQuantParams(type));
  if (auto clamped = dyn_cast<FusedClampOpInterface>(op)) {
    auto own = getIntegerBounds(clamped);
    if (failed(own))
      return failure();
    bounds = *own;
    auto maxima = getChannelMaxima(clamped);
    if (failed(maxima))
      return failure();
    if (!maxima->empty()) {
      auto reals = llvm::map_to_vector(*maxima, [&](int32_t q) {
        return numerics::dequantize(q, getQuantParams(type));
      });
      int64_t channels = reals.size();
      value =
          graph.add("Min", {*value, graph.addReals(channels, reals)}).result();
    }
  }
  names[result] = store(*value, type, bounds);
  return success();
}

/// The name that a model gave an argument or a result.
static std::string getName(DictionaryAttr attributes, StringRef fallback,
                           unsigned index) {
  auto name =
      attributes ? attributes.getAs<StringAttr>("q.name") : StringAttr();
  return name ? name.str() : (fallback + Twine(index)).str();
}

LogicalResult Exporter::run(llvm::raw_ostream &output) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("must have one block to be exported");
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    std::string name = getName(function.getArgAttrDict(index), "input", index);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape())
      return function.emitOpError("has an argument of type ")
             << argument.getType() << "; only static tensors can be exported";
    graph.addInput(name, type);
    names[argument] = name;
  }
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (auto name = dyn_cast<NameLoc>(op.getLoc()))
      graph.setLayer(name.getName());
    if (failed(write(&op)))
      return failure();
  }
  auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (auto [index, value] : llvm::enumerate(end.getOperands())) {
    auto type = cast<RankedTensorType>(value.getType());
    bool isConstant = value.getDefiningOp<ConstOp>() != nullptr;
    if (isConstant && getQuantizedType(value))
      return end.emitOpError("gives back a quantized constant, which is not "
                             "exported");
    FailureOr<std::string> name =
        isConstant ? real(value) : FailureOr<std::string>(names[value]);
    if (failed(name))
      return failure();
    graph.addOutput(getName(function.getResultAttrDict(index), "output", index),
                    *name, type);
  }
  if (!graph.serialize(output))
    return function.emitOpError("is too large for one ONNX file (2 GiB)");
  return success();
}

LogicalResult q::exportOnnxQdq(ModuleOp module, llvm::raw_ostream &output) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function) {
    auto functions = module.getOps<func::FuncOp>();
    if (!llvm::hasSingleElement(functions))
      return module.emitError("has no function 'main', nor a single other one, "
                              "to export");
    function = *functions.begin();
  }
  return Exporter(function).run(output);
}

void q::registerExportOnnx() {
  static TranslateFromMLIRRegistration registration(
      "export-onnx-qdq", "export a quantized q module as a QDQ ONNX model",
      [](ModuleOp module, llvm::raw_ostream &output) {
        return exportOnnxQdq(module, output);
      },
      [](DialectRegistry &registry) {
        registry.insert<QDialect, func::FuncDialect, quant::QuantDialect>();
      });
}
