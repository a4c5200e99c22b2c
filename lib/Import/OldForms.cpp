//===- OldForms.cpp - Ops as the first opsets had them --------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Importer.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

namespace {
/// An op that had other attributes or inputs before opset `changed`.
struct OldForm {
  StringRef opType;
  int64_t changed;
};
} // namespace

static constexpr OldForm kOldForms[] = {
    {"Cast", 6},   {"Concat", 4}, {"GlobalLpPool", 2},
    {"LpPool", 2}, {"Pad", 2},    {"Reshape", 5},
    {"Split", 2},  {"Tile", 6},   {"Upsample", 7},
};

LogicalResult onnx_import::checkForm(Node &node) {
  for (const OldForm &form : kOldForms)
    if (node.getOpType() == form.opType && node.opset() < form.changed)
      return node.error() << "has the form that the op had before opset "
                          << form.changed
                          << ", which is not supported; convert the model "
                             "with onnx.version_converter";
  return success();
}
