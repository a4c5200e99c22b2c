//===- qtranslate.cpp - ONNX to q IR and back -----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Export/ExportOnnx.h"
#include "QDialect/Import/ImportOnnx.h"

#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

int main(int argc, char **argv) {
  q::registerImportOnnx();
  q::registerExportOnnx();
  return mlir::failed(
      mlir::mlirTranslateMain(argc, argv, "Network translation tool\n"));
}
