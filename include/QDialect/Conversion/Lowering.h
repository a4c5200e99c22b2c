//===- Lowering.h - From quantized q to the LLVM dialect --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_CONVERSION_LOWERING_H
#define QDIALECT_CONVERSION_LOWERING_H

#include "QDialect/Conversion/Threads.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace q {

struct LoweringOptions : public mlir::PassPipelineOptions<LoweringOptions> {
  Option<std::string> name{
      *this, "name",
      llvm::cl::desc("Name of the model, the prefix of the C symbols"),
      llvm::cl::init("model")};
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("Instructions of the kernels: avx2, avxvnni, "
                     "avx512vnni, neon, dotprod or i8mm"),
      llvm::cl::init("avx2")};
  Option<bool> kernels{
      *this, "kernels",
      llvm::cl::desc("Give convolutions and matrix products kernels; without, "
                     "they become plain loops"),
      llvm::cl::init(true)};
  Option<bool> profile{
      *this, "profile",
      llvm::cl::desc("Count the time of each layer (q-profile-layers)"),
      llvm::cl::init(false)};
  Option<std::string> winograd{
      *this, "winograd",
      llvm::cl::desc("Winograd for 3x3 layers where it is proven exact: auto "
                     "(if it is expected to be faster), always or off"),
      llvm::cl::init("auto")};
  Option<int64_t> threads{
      *this, "threads",
      llvm::cl::desc("Threads that share the layers (q-split-threads)"),
      llvm::cl::init(1)};
  Option<int64_t> threadWork{
      *this, "thread-work",
      llvm::cl::desc("Core cycles that a part of a layer must be expected to "
                     "take to be worth a thread"),
      llvm::cl::init(kThreadWork)};
};

/// Quantized q IR to kernels and linalg on tensors.
void buildLowerToLinalgPipeline(mlir::OpPassManager &pm,
                                const LoweringOptions &options);

/// Quantized q IR to bufferized loops, the arena planned: everything that does
/// not know LLVM.
void buildLowerToLoopsPipeline(mlir::OpPassManager &pm,
                               const LoweringOptions &options);

/// Quantized q IR to the LLVM dialect with the C interface of CInterface.h. The
/// module must have one public function; it needs the extensions of
/// registerLoweringDialects().
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm,
                              const LoweringOptions &options);

/// The dialects and the bufferization models that the pipelines rely on.
void registerLoweringDialects(mlir::DialectRegistry &registry);

/// Makes the passes and the pipelines `q-lower-to-loops` and `q-lower-to-llvm`
/// known to command lines.
void registerLowering();

} // namespace q

#endif // QDIALECT_CONVERSION_LOWERING_H
