//===- Int16Chains.cpp - What is proven of int16 partial sums -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Int16Chains.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q;

constexpr StringRef kAttribute = "int16_chain";

bool q::gathersTaps(int64_t outputs, int64_t rows, int64_t row) {
  // A row is brought with one load and one store.
  constexpr int64_t longest = 16, group = 4, manyOutputs = 24;
  return outputs >= manyOutputs && rows > 1 && row <= longest &&
         8 * llvm::alignTo(rows * row, group) <=
             7 * rows * llvm::alignTo(row, group);
}

numerics::WeightRuns q::getWeightRuns(WeightedOpInterface layer) {
  auto shape = cast<RankedTensorType>(layer.getWeights().getType()).getShape();
  auto conv = dyn_cast<Conv2DOp>(layer.getOperation());
  if (!conv)
    return {1, static_cast<size_t>(shape.back())};
  size_t rows = shape[1], columns = shape[2], depth = shape[3];
  if (columns > 1 && (conv.getGroups() > 1 || conv.getDilations()[1] > 1))
    return {rows * columns, depth};
  if (columns > 1 && gathersTaps(shape[0], shape[1], shape[2] * shape[3]))
    return {1, rows * columns * depth};
  return {rows, columns * depth};
}

void q::setInt16Chain(WeightedOpInterface layer, const Int16Chain &chain) {
  Builder b(layer.getContext());
  NamedAttrList values;
  auto set = [&](StringRef name, int64_t value) {
    values.set(name, b.getI64IntegerAttr(value));
  };
  set("amax", chain.amax);
  set("length", chain.proof.length);
  set("pairs", chain.proof.pairs);
  set("unsafe_pairs", chain.proof.unsafePairs);
  set("pair_sum", chain.proof.pairSum);
  set("chain_sum", chain.proof.chainSum);
  if (!chain.channelAmax.empty())
    values.set("channel_amax", b.getDenseI32ArrayAttr(chain.channelAmax));
  layer->setAttr(kAttribute, values.getDictionary(layer.getContext()));
}

std::optional<Int16Chain> q::getInt16Chain(WeightedOpInterface layer) {
  auto values = layer->getAttrOfType<DictionaryAttr>(kAttribute);
  if (!values)
    return std::nullopt;
  bool isWhole = true;
  auto get = [&](StringRef name) -> int64_t {
    auto value = values.getAs<IntegerAttr>(name);
    isWhole &= bool(value);
    return value ? value.getInt() : 0;
  };
  Int16Chain chain;
  chain.amax = get("amax");
  chain.proof.length = static_cast<unsigned>(get("length"));
  chain.proof.pairs = get("pairs");
  chain.proof.unsafePairs = get("unsafe_pairs");
  chain.proof.pairSum = get("pair_sum");
  chain.proof.chainSum = get("chain_sum");
  if (auto channels = values.getAs<DenseI32ArrayAttr>("channel_amax"))
    chain.channelAmax = llvm::to_vector(channels.asArrayRef());
  int64_t inputs =
      cast<RankedTensorType>(layer.getInput().getType()).getShape().back();
  bool fits =
      chain.channelAmax.empty() || int64_t(chain.channelAmax.size()) == inputs;
  if (!isWhole || !fits)
    return std::nullopt;
  return chain;
}
