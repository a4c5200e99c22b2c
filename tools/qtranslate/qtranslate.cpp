//===- qtranslate.cpp - Other formats to q IR -----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Import/ImportOnnx.h"

#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

int main(int argc, char **argv) {
  q::registerImportOnnx();
  return mlir::failed(
      mlir::mlirTranslateMain(argc, argv, "Network translation tool\n"));
}
