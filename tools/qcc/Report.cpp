//===- Report.cpp - What was compiled, as JSON ----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compile.h"

#include "QDialect/CIdentifier.h"
#include "QDialect/LayerName.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Quantizers.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace q;

static llvm::json::Array toJson(ArrayRef<int64_t> values) {
  llvm::json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

int64_t q::countWeightBytes(ModuleOp quantized) {
  int64_t bytes = 0;
  quantized.walk([&](WeightedOpInterface op) {
    auto type = cast<RankedTensorType>(op.getWeights().getType());
    auto element = dyn_cast<quant::QuantizedType>(type.getElementType());
    if (element)
      bytes += type.getNumElements() *
               ((element.getStorageTypeIntegralWidth() + 7) / 8);
  });
  return bytes;
}

/// One entry per op that is not a constant, in program order.
static llvm::json::Array describeLayers(ModuleOp quantized) {
  llvm::json::Array layers;
  quantized.walk([&](Operation *op) {
    if (!isa_and_nonnull<QDialect>(op->getDialect()) || isa<ConstOp>(op))
      return;
    llvm::json::Object layer;
    layer["name"] = getLayerName(op->getLoc()).str();
    layer["op"] = op->getName().stripDialect();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    layer["shape"] = toJson(type.getShape());
    if (auto element =
            dyn_cast<quant::UniformQuantizedType>(type.getElementType())) {
      layer["bits"] = element.getStorageTypeIntegralWidth();
      layer["scale"] = element.getScale();
      layer["zero_point"] = element.getZeroPoint();
    }
    if (auto weighted = dyn_cast<WeightedOpInterface>(op)) {
      auto weights = cast<RankedTensorType>(weighted.getWeights().getType());
      layer["weights"] = toJson(weights.getShape());
      if (auto element =
              dyn_cast<quant::QuantizedType>(weights.getElementType()))
        layer["weight_bits"] = element.getStorageTypeIntegralWidth();
      // Every output element takes as many products as a channel has weights.
      layer["macs"] = type.getNumElements() * weights.getNumElements() /
                      weights.getDimSize(0);
      if (auto groups = op->getAttrOfType<IntegerAttr>("groups"))
        layer["groups"] = groups.getInt();
      if (auto strides = op->getAttrOfType<DenseI64ArrayAttr>("strides"))
        layer["strides"] = toJson(strides.asArrayRef());
    }
    if (auto range = op->getAttrOfType<DenseI64ArrayAttr>("acc_range"))
      layer["acc_range"] = toJson(range.asArrayRef());
    layers.push_back(std::move(layer));
  });
  return layers;
}

std::string q::makeReport(const CompileOptions &options,
                          const Compilation &compilation) {
  llvm::json::Object report(compilation.info);
  ModuleOp quantized = *compilation.quantized;
  report["name"] = options.name;
  report["symbol"] = getCIdentifier(options.name);
  report["model"] = options.model;
  report["target"] = options.target;
  report["rounding"] = getRoundingName(quantized).str();
  report["text_bytes"] = compilation.sizes.text;
  report["data_bytes"] = compilation.sizes.data;
  report["weight_bytes"] = countWeightBytes(quantized);
  llvm::json::Object seconds;
  for (const auto &[stage, time] : compilation.times)
    seconds[stage] = time;
  report["seconds"] = std::move(seconds);
  report["layers"] = describeLayers(quantized);
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report))).str();
}
