//===- IntegerSemantics.h - What a quantized op computes --------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The integer constants of a quantized op, derived from its types and
// attributes: multipliers, clamp bounds, tables, weights. The reference
// evaluator and the code generators take them from here and from nowhere else,
// so that they cannot disagree.
//
// Every function that can fail emits a diagnostic at the op, with a remedy.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_INTEGERSEMANTICS_H
#define QDIALECT_INTEGERSEMANTICS_H

#include "QDialect/Numerics/AddParams.h"
#include "QDialect/Numerics/Divide.h"
#include "QDialect/Numerics/LayerNorm.h"
#include "QDialect/Numerics/Lrn.h"
#include "QDialect/Numerics/Multiplier.h"
#include "QDialect/Numerics/QuantParams.h"
#include "QDialect/Numerics/Requantize.h"
#include "QDialect/Numerics/Resize.h"
#include "QDialect/Numerics/Softmax.h"
#include "QDialect/QDialect.h"

#include <vector>

namespace q {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// The quantized element type of a tensor type or value, null if it has none.
mlir::quant::QuantizedType getQuantizedType(mlir::Type type);
mlir::quant::QuantizedType getQuantizedType(mlir::Value value);

/// The same where it is per tensor, null otherwise.
mlir::quant::UniformQuantizedType getPerTensorType(mlir::Type type);
mlir::quant::UniformQuantizedType getPerTensorType(mlir::Value value);

/// Scale, zero point and storage range of a per-tensor type (rule N1).
numerics::QuantParams getQuantParams(mlir::quant::UniformQuantizedType type);

/// The parameters of each of `channels` channels. A per-tensor type gives all
/// of them the same; a per-axis type must have `channels` scales, which the
/// verifier has checked if that is the extent of its axis.
llvm::SmallVector<numerics::QuantParams>
getPerChannelParams(mlir::quant::QuantizedType type, int64_t channels);

/// The parameters of an operand or result that must be quantized per tensor,
/// or a diagnostic at `op`.
mlir::FailureOr<numerics::QuantParams> getTensorParams(mlir::Operation *op,
                                                       mlir::Value value);

/// The largest |q - Z| of a storage value.
int64_t getMaxDistance(const numerics::QuantParams &params);

//===----------------------------------------------------------------------===//
// Bounds and multipliers
//===----------------------------------------------------------------------===//

/// The rounding mode of rule N10 from the module attribute `q.rounding`; a
/// diagnostic at `op` if the attribute names none of the three.
mlir::FailureOr<numerics::Rounding> getRounding(mlir::Operation *op);

/// The integers that a result may take, both ends included.
struct IntegerBounds {
  int32_t lo;
  int32_t hi;
};

/// The storage range of `params`.
IntegerBounds getIntegerBounds(const numerics::QuantParams &params);
/// Rule N11: the storage range cut to the quantized (N3) real bounds; a null
/// bound does not cut.
IntegerBounds getIntegerBounds(mlir::FloatAttr clampMin,
                               mlir::FloatAttr clampMax,
                               const numerics::QuantParams &params);
/// The bounds of an op whose result is quantized per tensor; those of single
/// channels aside.
mlir::FailureOr<IntegerBounds> getIntegerBounds(FusedClampOpInterface op);
/// The upper bound of each channel of such an op, at most that of them all;
/// empty if it has none.
mlir::FailureOr<llvm::SmallVector<int32_t>>
getChannelMaxima(FusedClampOpInterface op);

/// The multiplier for `real` (rule N9), or a diagnostic at `op`. In the mode
/// `pow2` it must be a power of two; `isAverage` lifts that, as the divisor of
/// an average is whatever it is: such a product is rounded as in `single`.
mlir::FailureOr<numerics::Multiplier>
getMultiplier(mlir::Operation *op, double real, bool isAverage = false);

/// M[o] = Sx Sw[o] / Sy for every output channel of a layer. Sy is the scale of
/// the result, or, of a convolution that adds a residual, of `intermediate`.
mlir::FailureOr<llvm::SmallVector<numerics::Multiplier>>
getMultipliers(WeightedOpInterface op);

/// The zero point of each output channel's weights: all 0, except in models
/// that were quantized elsewhere (rule N6).
llvm::SmallVector<int32_t> getWeightZeroPoints(WeightedOpInterface op);

/// M = S / S' of a requantize or of a clamp between unlike types.
mlir::FailureOr<numerics::Multiplier> getMultiplier(RequantizeOp op);
mlir::FailureOr<numerics::Multiplier> getMultiplier(ClampOp op);
/// M = Sa Sb / Sy.
mlir::FailureOr<numerics::Multiplier> getMultiplier(MatMulOp op);
mlir::FailureOr<numerics::Multiplier> getMultiplier(MulOp op);

/// The multiplier of a position of the pool that averages over `count`
/// elements (rule N14); see getAverageCount().
mlir::FailureOr<numerics::Multiplier> getMultiplier(AvgPool2DOp op,
                                                    int64_t count);
/// How many elements output position (y, x) averages over: those inside the
/// image or, with `count_include_pad`, inside the padded image. The count is
/// separable, and few rows and columns differ from the inner ones.
int64_t getAverageCount(AvgPool2DOp op, int64_t y, int64_t x);

/// The multiplier of a reduction `sum` (S / Sy) or `mean` (S / (Sy * count)).
mlir::FailureOr<numerics::Multiplier> getMultiplier(ReduceOp op);

/// The two multipliers of a PReLU: S / Sy for q >= Z, S Sslope / Sy for the
/// product (q - Z) (slope - Zslope) below.
struct PReluMultipliers {
  numerics::Multiplier positive;
  numerics::Multiplier negative;
};
mlir::FailureOr<PReluMultipliers> getMultipliers(PReluOp op);

//===----------------------------------------------------------------------===//
// Other constants
//===----------------------------------------------------------------------===//

/// Rule N12. Of sub, k2 is negative.
mlir::FailureOr<numerics::AddParams> getAddParams(AddOp op);
mlir::FailureOr<numerics::AddParams> getAddParams(SubOp op);
/// Of a convolution with a residual: operand 1 is the intermediate sum, operand
/// 2 the residual.
mlir::FailureOr<numerics::AddParams> getResidualAddParams(Conv2DOp op);

/// The constants of a quotient.
mlir::FailureOr<numerics::DivideParams> getDivideParams(DivOp op);

/// Rule N15: entry i is the result for storage value qmin + i of the input.
mlir::FailureOr<std::vector<int32_t>> getTable(UnaryOp op);

/// The constants of the integer softmax. Its result type is fixed (scale
/// 2^-bits, the lowest storage value as zero point); the logarithm has no
/// integer form.
mlir::FailureOr<numerics::SoftmaxParams> getSoftmaxParams(SoftmaxOp op);

/// The constants of local response normalization over windows of
/// `op.getSize()` channels.
mlir::FailureOr<numerics::LrnParams> getLrnParams(LrnOp op);

/// The constants of the integer layer normalization of rows that hold the
/// dimensions from the axis on. Scale and shift must be float constants.
mlir::FailureOr<numerics::LayerNormParams> getLayerNormParams(LayerNormOp op);

/// The storage value of a constant border (rule N3).
mlir::FailureOr<int32_t> getPadValue(PadOp op);

/// The input indices or weights along the height (axis 0) or width (axis 1).
std::vector<int64_t> getNearestIndices(ResizeOp op, unsigned axis);
std::vector<numerics::LinearWeights> getLinearWeights(ResizeOp op,
                                                      unsigned axis);
/// M = S / (Sy 2^22) of a linear resize: the two weights are not divided out.
mlir::FailureOr<numerics::Multiplier> getMultiplier(ResizeOp op);

//===----------------------------------------------------------------------===//
// Payloads of constants
//===----------------------------------------------------------------------===//

/// The elements of a `q.const` of integers in row-major order, splats expanded,
/// resource blobs read, unsigned storage taken as unsigned. A diagnostic at the
/// constant (or, if `value` is none, where it is defined) if its blob is
/// missing or if a value is outside of the storage range of its type.
mlir::FailureOr<std::vector<int32_t>> getConstantInts(mlir::Value value);

/// The same for `f32`. Quantized constants are not dequantized.
mlir::FailureOr<std::vector<float>> getConstantFloats(mlir::Value value);

} // namespace q

#endif // QDIALECT_INTEGERSEMANTICS_H
