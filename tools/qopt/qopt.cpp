//===- qopt.cpp - Runs passes and pipelines on IR
//--------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Lowering.h"
#include "QDialect/Pipelines/Pipelines.h"
#include "QDialect/QDialect.h"
#include "QDialect/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<q::QDialect>();
  q::registerLoweringDialects(registry);
  mlir::registerAllPasses();
  q::registerQuantizePipelines();
  q::registerLowering();
  q::registerQTransformsPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Quantization compiler pass driver\n", registry));
}
