//===- LinalgBuilder.h - Building linalg ops on tensors ---------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The few shapes of linalg ops that the lowering of the q dialect consists of,
// and the list of its patterns.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_LIB_CONVERSION_LINALGBUILDER_H
#define QDIALECT_LIB_CONVERSION_LINALGBUILDER_H

#include "QDialect/Conversion/StorageTypes.h"
#include "QDialect/QDialect.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/Transforms/DialectConversion.h"

#include <cstdint>

namespace q {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

mlir::RankedTensorType getTensorType(mlir::Value value);

/// A new tensor with undefined contents.
mlir::Value makeEmpty(mlir::OpBuilder &b, mlir::Location loc,
                      llvm::ArrayRef<int64_t> shape, mlir::Type element);

/// A tensor of one integer.
mlir::Value makeFilled(mlir::OpBuilder &b, mlir::Location loc,
                       llvm::ArrayRef<int64_t> shape, unsigned width,
                       int64_t value);

/// A constant tensor of signless integers; the values wrap to `width`.
mlir::Value makeConstant(mlir::OpBuilder &b, mlir::Location loc,
                         llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<int64_t> values, unsigned width);

/// `value` with a border of `fill` around it; `value` itself if there is none.
mlir::Value makePadded(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value value, llvm::ArrayRef<int64_t> low,
                       llvm::ArrayRef<int64_t> high, int64_t fill);

/// The same elements under another shape.
mlir::Value makeReshaped(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value value, llvm::ArrayRef<int64_t> shape);

//===----------------------------------------------------------------------===//
// linalg.generic
//===----------------------------------------------------------------------===//

/// Emits the value of one element from those of the inputs.
using ElementBody = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange inputs)>;

/// One result element for each index of `shape`; `maps` say which element of
/// each input it meets.
mlir::Value makeElementwise(mlir::OpBuilder &b, mlir::Location loc,
                            llvm::ArrayRef<int64_t> shape, mlir::Type element,
                            mlir::ValueRange inputs,
                            llvm::ArrayRef<mlir::AffineMap> maps,
                            ElementBody body);

/// The same where all inputs have the result's shape.
mlir::Value makeElementwise(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::ValueRange inputs, mlir::Type element,
                            ElementBody body);

/// Accumulates into `init`. The last of the values that `body` gets is the
/// accumulator; the last of `maps` is its map. The iteration space has
/// `loops` dimensions; those that the last map does not use are reductions.
mlir::Value makeReduction(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::ValueRange inputs, mlir::Value init,
                          llvm::ArrayRef<mlir::AffineMap> maps,
                          ElementBody body);

/// Combines the elements of `inputs` along `axes`, which `init` and the result
/// lack; `inputMaps` are over the dimensions of `inputs[0]`.
mlir::Value makeAxisReduction(mlir::OpBuilder &b, mlir::Location loc,
                              mlir::ValueRange inputs,
                              llvm::ArrayRef<mlir::AffineMap> inputMaps,
                              mlir::Value init, llvm::ArrayRef<int64_t> axes,
                              ElementBody body);

/// The map from a tensor's dimensions to those that are not in `axes`.
mlir::AffineMap getKeptMap(mlir::MLIRContext *context, int64_t rank,
                           llvm::ArrayRef<int64_t> axes);

/// The extents of the dimensions that are not in `axes`.
llvm::SmallVector<int64_t> getKeptShape(llvm::ArrayRef<int64_t> shape,
                                        llvm::ArrayRef<int64_t> axes);

/// The map by which a tensor of shape `from` is read at indices of `to` under
/// numpy broadcasting.
mlir::AffineMap getBroadcastMap(mlir::MLIRContext *context,
                                llvm::ArrayRef<int64_t> from,
                                llvm::ArrayRef<int64_t> to);

/// The map of `rank` dimensions to dimension `dim` alone.
mlir::AffineMap getDimMap(mlir::MLIRContext *context, unsigned rank,
                          unsigned dim);

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// Constants, quantize and dequantize.
void populateBorderPatterns(const mlir::TypeConverter &converter,
                            mlir::RewritePatternSet &patterns);
void populateElementwisePatterns(const mlir::TypeConverter &converter,
                                 mlir::RewritePatternSet &patterns);
/// Convolutions, gemm and matmul.
void populateLayerPatterns(const mlir::TypeConverter &converter,
                           mlir::RewritePatternSet &patterns);
/// Pools and reductions.
void populateReductionPatterns(const mlir::TypeConverter &converter,
                               mlir::RewritePatternSet &patterns);
/// Softmax, layer normalization and local response normalization.
void populateNormalizationPatterns(const mlir::TypeConverter &converter,
                                   mlir::RewritePatternSet &patterns);
/// Ops that stay in float (QDialect/FloatSemantics.h).
void populateFloatPatterns(const mlir::TypeConverter &converter,
                           mlir::RewritePatternSet &patterns);
/// Ops that move bits, and linear resizing.
void populateMovementPatterns(const mlir::TypeConverter &converter,
                              mlir::RewritePatternSet &patterns);

} // namespace q

#endif // QDIALECT_LIB_CONVERSION_LINALGBUILDER_H
