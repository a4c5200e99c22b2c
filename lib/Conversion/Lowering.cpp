//===- Lowering.cpp - From quantized q to the LLVM dialect ----------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The order of the lowering passes.
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/Lowering.h"

#include "QDialect/Conversion/KernelDialect.h"
#include "QDialect/Conversion/KernelPasses.h"
#include "QDialect/Conversion/Passes.h"
#include "QDialect/QDialect.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace q;

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Tensors to buffers.
static void addBufferization(OpPassManager &pm) {
  pm.addPass(createOutputsToArguments());
  pm.addPass(createWriteInPlace());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  options.bufferAlignment = 64;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  addCleanup(pm);
  // Folds self copies, which only the removal of common subexpressions has
  // made visible; left alone they would become calls of a library.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createExpandCopies());
}

void q::buildLowerToLinalgPipeline(OpPassManager &pm,
                                   const LoweringOptions &options) {
  if (options.kernels) {
    kernel::ConvertQToKernelsOptions kernels;
    kernels.target = options.target;
    kernels.winograd = options.winograd;
    kernels.tuned = options.tuned;
    kernels.candidate = options.candidate;
    pm.addPass(kernel::createConvertQToKernels(kernels));
  }
  pm.addPass(createConvertQToLinalg());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void q::buildLowerToLoopsPipeline(OpPassManager &pm,
                                  const LoweringOptions &options) {
  buildLowerToLinalgPipeline(pm, options);
  addBufferization(pm);
  if (options.profile) {
    kernel::ProfileLayersOptions profile;
    profile.target = options.target;
    pm.addPass(kernel::createProfileLayers(profile));
  }
  if (options.threads != 1) {
    kernel::SplitThreadsOptions threads;
    threads.threads = options.threads;
    threads.threadWork = options.threadWork;
    pm.addPass(kernel::createSplitThreads(threads));
  }
  // Kernels bring scratch buffers, which the plan has to see.
  pm.addPass(kernel::createLowerKernels());
  pm.addPass(createPlanArena());
  kernel::VectorizeLoopsOptions vectorize;
  vectorize.target = options.target;
  pm.addPass(kernel::createVectorizeLoops(vectorize));
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  addCleanup(pm);
}

void q::buildLowerToLLVMPipeline(OpPassManager &pm,
                                 const LoweringOptions &options) {
  buildLowerToLoopsPipeline(pm, options);
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  ConvertFuncToLLVMPassOptions func;
  func.useBarePtrCallConv = true;
  pm.addPass(createConvertFuncToLLVMPass(func));
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
  EmitCInterfaceOptions interface;
  interface.name = options.name;
  pm.addPass(createEmitCInterface(interface));
  pm.addPass(createFlattenGlobals());
}

void q::registerLoweringDialects(DialectRegistry &registry) {
  registry.insert<QDialect, kernel::QKDialect, quant::QuantDialect,
                  affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, func::FuncDialect,
                  LLVM::LLVMDialect, linalg::LinalgDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect>();
  kernel::registerBufferizableOpInterfaceModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  linalg::registerTilingInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  vector::registerBufferizableOpInterfaceExternalModels(registry);
  // What convert-to-llvm asks the dialects for.
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  index::registerConvertIndexToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
}

void q::registerLowering() {
  registerQConversionPasses();
  kernel::registerQKernelPasses();
  PassPipelineRegistration<LoweringOptions>(
      "q-lower-to-loops", "Lower quantized q IR to loops over buffers",
      buildLowerToLoopsPipeline);
  PassPipelineRegistration<LoweringOptions>(
      "q-lower-to-llvm",
      "Lower quantized q IR to the LLVM dialect with a C interface",
      buildLowerToLLVMPipeline);
}
