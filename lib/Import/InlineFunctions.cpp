//===- InlineFunctions.cpp - Calls of model-local functions ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InlineFunctions.h"

#include "llvm/ADT/StringMap.h"

#include <onnx/onnx_pb.h>

using namespace q::onnx_import;

namespace {

using Names = llvm::StringMap<std::string>;

class Inliner {
public:
  Inliner(onnx::ModelProto &model, std::string &error)
      : model(model), error(error) {
    for (const onnx::FunctionProto &function : model.functions())
      functions[getKey(function.domain(), function.name())] = &function;
  }

  bool run() {
    if (functions.empty())
      return true;
    onnx::GraphProto &graph = *model.mutable_graph();
    google::protobuf::RepeatedPtrField<onnx::NodeProto> calls;
    calls.Swap(graph.mutable_node());
    for (const onnx::NodeProto &node : calls)
      if (!add(node, graph, /*depth=*/0))
        return false;
    return true;
  }

private:
  static std::string getKey(const std::string &domain,
                            const std::string &name) {
    return domain + ":" + name;
  }

  /// Adds `node` to `graph`, or the nodes of the function that it calls.
  bool add(const onnx::NodeProto &node, onnx::GraphProto &graph, int depth) {
    auto found = functions.find(getKey(node.domain(), node.op_type()));
    if (found == functions.end()) {
      *graph.add_node() = node;
      return checkSize(graph);
    }
    const onnx::FunctionProto &function = *found->second;
    constexpr int deepest = 64;
    if (depth == deepest) {
      error = "function '" + function.name() +
              "' is called more than 64 deep; a function must not call itself";
      return false;
    }
    if (node.input_size() > function.input_size() ||
        node.output_size() > function.output_size())
      return fail(node, "has more inputs or outputs than its function");
    std::string prefix = getName(node) + "/";
    Names names;
    for (int i = 0; i < function.input_size(); ++i)
      names[function.input(i)] = i < node.input_size() ? node.input(i) : "";
    for (int i = 0; i < function.output_size(); ++i)
      names[function.output(i)] =
          i < node.output_size() && !node.output(i).empty()
              ? node.output(i)
              : prefix + function.output(i);
    for (const onnx::NodeProto &inner : function.node()) {
      onnx::NodeProto copy = inner;
      copy.set_name(prefix + getName(inner));
      resolveAttributes(copy, node);
      rename(copy, names, prefix);
      if (!add(copy, graph, depth + 1))
        return false;
    }
    return true;
  }

  /// Short functions that call each other twice grow without bounds.
  bool checkSize(const onnx::GraphProto &graph) {
    constexpr int most = 1 << 20;
    if (graph.node_size() <= most)
      return true;
    error = "the model has more than 2^20 nodes once its functions are "
            "inlined";
    return false;
  }

  static std::string getName(const onnx::NodeProto &node) {
    if (!node.name().empty())
      return node.name();
    return node.op_type() +
           (node.output_size() ? ":" + node.output(0) : std::string());
  }

  bool fail(const onnx::NodeProto &node, const std::string &reason) {
    error = "node '" + getName(node) + "' (" + node.op_type() + "): " + reason;
    return false;
  }

  /// Attributes that refer to those of the call take their values; those that
  /// the call leaves out disappear, which gives the op's default.
  static void resolveAttributes(onnx::NodeProto &node,
                                const onnx::NodeProto &call) {
    auto *attributes = node.mutable_attribute();
    for (int i = attributes->size(); i-- > 0;) {
      onnx::AttributeProto &attribute = *attributes->Mutable(i);
      if (attribute.ref_attr_name().empty()) {
        if (attribute.has_g())
          for (onnx::NodeProto &inner : *attribute.mutable_g()->mutable_node())
            resolveAttributes(inner, call);
        continue;
      }
      std::string name = attribute.name();
      const onnx::AttributeProto *value = nullptr;
      for (const onnx::AttributeProto &given : call.attribute())
        if (given.name() == attribute.ref_attr_name())
          value = &given;
      if (value) {
        attribute = *value;
        attribute.set_name(name);
      } else {
        attributes->DeleteSubrange(i, 1);
      }
    }
  }

  /// Gives values the names that they have outside of the function.
  static void rename(onnx::NodeProto &node, Names &names,
                     const std::string &prefix) {
    auto replace = [&](std::string &name) {
      if (name.empty())
        return;
      auto [entry, isNew] = names.try_emplace(name, prefix + name);
      name = entry->second;
    };
    for (std::string &name : *node.mutable_input())
      replace(name);
    for (std::string &name : *node.mutable_output())
      replace(name);
    for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (!attribute.has_g())
        continue;
      onnx::GraphProto &graph = *attribute.mutable_g();
      for (onnx::TensorProto &tensor : *graph.mutable_initializer())
        replace(*tensor.mutable_name());
      for (onnx::NodeProto &inner : *graph.mutable_node())
        rename(inner, names, prefix);
      for (onnx::ValueInfoProto &output : *graph.mutable_output())
        replace(*output.mutable_name());
    }
  }

  onnx::ModelProto &model;
  std::string &error;
  llvm::StringMap<const onnx::FunctionProto *> functions;
};

} // namespace

bool q::onnx_import::inlineFunctions(onnx::ModelProto &model,
                                     std::string &error) {
  return Inliner(model, error).run();
}
