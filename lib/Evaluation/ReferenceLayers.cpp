//===- ReferenceLayers.cpp - Convolutions and matrix products -------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceKernels.h"

using namespace mlir;
using namespace q;
using namespace q::eval;
using namespace q::eval::reference;

//===----------------------------------------------------------------------===//
// Layers with weights (rules N6, N8, N10, N11)
//===----------------------------------------------------------------------===//

namespace {

/// The accumulators of one layer: sum (qx - Zx)(qw - Zw[o]) + bias[o], or, with
/// the zero point folded into the bias, sum qx (qw - Zw[o]) + bias[o].
struct LayerSums {
  /// Zx, which is also what padding holds.
  int32_t inputZeroPoint;
  /// Zx, or 0 where the bias has it.
  int32_t inputOffset;
  SmallVector<int32_t> weightZeroPoints;

  /// The product of one input element and one weight of channel `o`; the
  /// factors have 17 bits at most.
  int64_t product(int32_t x, int32_t w, int64_t o) const {
    return int64_t(x - inputOffset) * (w - weightZeroPoints[o]);
  }
};

/// What becomes of the accumulators: one requantizer per output channel and,
/// behind it, perhaps the addition of a residual (rule N12).
struct LayerResults {
  SmallVector<Requantizer> channels;

  bool addsResidual = false;
  numerics::AddParams addition;
  int32_t residualZeroPoint = 0;
  int32_t zeroPoint = 0;
  IntegerBounds bounds{};

  int32_t get(int64_t accumulator, int64_t o) const {
    return channels[o](accumulator);
  }
  int32_t get(int64_t accumulator, int64_t o, int32_t residual) const {
    int64_t sum = int64_t(channels[o](accumulator)) - channels[o].zeroPoint;
    return numerics::addRequantize(sum, int64_t(residual) - residualZeroPoint,
                                   addition, zeroPoint, bounds.lo, bounds.hi);
  }
};

} // namespace

static FailureOr<LayerSums> makeSums(WeightedOpInterface op) {
  FailureOr<numerics::QuantParams> input = getTensorParams(op, op.getInput());
  if (failed(input))
    return failure();
  auto zeroPoint = static_cast<int32_t>(input->zeroPoint);
  return LayerSums{zeroPoint, op.getZeroPointFolded() ? 0 : zeroPoint,
                   getWeightZeroPoints(op)};
}

/// The residual of a convolution changes what its accumulators become: the
/// intermediate sum is clamped by its storage range only, and the clamp of the
/// op comes after the addition.
static LogicalResult addResidual(Conv2DOp op, LayerResults &results,
                                 numerics::QuantParams &target,
                                 IntegerBounds &targetBounds) {
  FailureOr<numerics::AddParams> addition = getResidualAddParams(op);
  FailureOr<numerics::QuantParams> residual =
      getTensorParams(op, op.getResidual());
  if (failed(addition) || failed(residual))
    return failure();
  results.addsResidual = true;
  results.addition = *addition;
  results.residualZeroPoint = residual->zeroPoint;
  results.zeroPoint = target.zeroPoint;
  results.bounds = targetBounds;
  target =
      getQuantParams(cast<quant::UniformQuantizedType>(*op.getIntermediate()));
  targetBounds = getIntegerBounds(target);
  return success();
}

static FailureOr<LayerResults> makeResults(WeightedOpInterface op) {
  FailureOr<SmallVector<numerics::Multiplier>> multipliers = getMultipliers(op);
  FailureOr<numerics::Rounding> rounding = getRounding(op);
  if (failed(multipliers) || failed(rounding))
    return failure();
  FailureOr<numerics::QuantParams> target =
      getTensorParams(op, op->getResult(0));
  FailureOr<IntegerBounds> bounds = getResultBounds(op);
  if (failed(target) || failed(bounds))
    return failure();
  LayerResults results;
  auto conv = dyn_cast<Conv2DOp>(op.getOperation());
  if (conv && conv.getResidual() &&
      failed(addResidual(conv, results, *target, *bounds)))
    return failure();
  for (numerics::Multiplier multiplier : *multipliers)
    results.channels.push_back({multiplier, *rounding,
                                static_cast<int32_t>(target->zeroPoint),
                                *bounds});
  return results;
}

namespace {

/// Where along one axis the input element lies that an output position meets
/// with a tap of the filter; -1 in the padding.
struct Axis {
  bool isTransposed;
  int64_t extent, taps, stride, pad, dilation;

  int64_t at(int64_t position, int64_t tap) const {
    if (!isTransposed) {
      int64_t input = position * stride - pad + tap * dilation;
      return input >= 0 && input < extent ? input : -1;
    }
    // The element `input` of a transposed convolution contributes to the
    // position input * stride - pad + tap * dilation.
    int64_t scaled = position + pad - tap * dilation;
    if (scaled < 0 || scaled % stride != 0 || scaled / stride >= extent)
      return -1;
    return scaled / stride;
  }
};

} // namespace

template <typename ConvOp>
static Axis makeAxis(ConvOp op, int axis, bool isTransposed) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto weights = cast<RankedTensorType>(op.getWeights().getType());
  return {isTransposed,
          input.getDimSize(axis + 1),
          weights.getDimSize(axis + 1),
          op.getStrides()[axis],
          op.getPads()[axis],
          op.getDilations()[axis]};
}

/// The accumulator of one output element: batch `n`, position (y, x), channel
/// `o`.
static int64_t accumulate(const LayerSums &sums, const Tensor &input,
                          const Tensor &weights, int64_t bias, const Axis &rows,
                          const Axis &columns, int64_t groups, int64_t n,
                          int64_t y, int64_t x, int64_t o) {
  int64_t channels = weights.getShape()[3];
  int64_t group = o / (weights.getShape()[0] / groups);
  const int32_t *w = &weights.i()[o * rows.taps * columns.taps * channels];
  int64_t sum = bias;
  for (int64_t ky = 0; ky < rows.taps; ++ky) {
    for (int64_t kx = 0; kx < columns.taps; ++kx, w += channels) {
      int64_t iy = rows.at(y, ky), ix = columns.at(x, kx);
      if (iy < 0 || ix < 0) {
        for (int64_t c = 0; c < channels; ++c)
          sum += sums.product(sums.inputZeroPoint, w[c], o);
        continue;
      }
      int64_t pixel = (n * rows.extent + iy) * columns.extent + ix;
      const int32_t *q =
          &input.i()[pixel * input.getShape()[3] + group * channels];
      for (int64_t c = 0; c < channels; ++c)
        sum += sums.product(q[c], w[c], o);
    }
  }
  return sum;
}

template <typename ConvOp>
static FailureOr<Kernel> prepareConvolution(ConvOp op, bool isTransposed,
                                            bool hasResidual) {
  FailureOr<LayerSums> sums = makeSums(op);
  FailureOr<LayerResults> results = makeResults(op);
  if (failed(sums) || failed(results))
    return failure();
  Axis rows = makeAxis(op, 0, isTransposed);
  Axis columns = makeAxis(op, 1, isTransposed);
  int64_t groups = op.getGroups();
  bool hasBias = static_cast<bool>(op.getBias());
  return Kernel([=, sums = *sums, results = *results](
                    Operands operands, Tensor &output) -> LogicalResult {
    const Tensor &input = *operands[0], &weights = *operands[1];
    const Tensor *bias = hasBias ? operands[2] : nullptr;
    const Tensor *residual = hasResidual ? operands.back() : nullptr;
    int64_t next = 0;
    for (int64_t n = 0; n < output.getShape()[0]; ++n)
      for (int64_t y = 0; y < output.getShape()[1]; ++y)
        for (int64_t x = 0; x < output.getShape()[2]; ++x)
          for (int64_t o = 0; o < output.getShape()[3]; ++o, ++next) {
            int64_t sum =
                accumulate(sums, input, weights, bias ? bias->i()[o] : 0, rows,
                           columns, groups, n, y, x, o);
            if (failed(checkAccumulator(op, sum)))
              return failure();
            output.i()[next] = residual
                                   ? results.get(sum, o, residual->i()[next])
                                   : results.get(sum, o);
          }
    return success();
  });
}

static FailureOr<Kernel> prepareConv2D(Conv2DOp op) {
  return prepareConvolution(
      op, /*isTransposed=*/false,
      /*hasResidual=*/static_cast<bool>(op.getResidual()));
}

static FailureOr<Kernel> prepareConvTranspose2D(ConvTranspose2DOp op) {
  return prepareConvolution(op, /*isTransposed=*/true, /*hasResidual=*/false);
}

static FailureOr<Kernel> prepareGemm(GemmOp op) {
  FailureOr<LayerSums> sums = makeSums(op);
  FailureOr<LayerResults> results = makeResults(op);
  if (failed(sums) || failed(results))
    return failure();
  bool hasBias = static_cast<bool>(op.getBias());
  return Kernel([=, sums = *sums, results = *results](
                    Operands operands, Tensor &output) -> LogicalResult {
    const std::vector<int32_t> &x = operands[0]->i(), &w = operands[1]->i();
    int64_t rows = output.getShape()[0], columns = output.getShape()[1];
    int64_t depth = operands[0]->getShape()[1];
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t n = 0; n < columns; ++n) {
        int64_t sum = hasBias ? operands[2]->i()[n] : 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += sums.product(x[m * depth + k], w[n * depth + k], n);
        if (failed(checkAccumulator(op, sum)))
          return failure();
        output.i()[m * columns + n] = results.get(sum, n);
      }
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Products of activations
//===----------------------------------------------------------------------===//

static FailureOr<Kernel> prepareMatMul(MatMulOp op) {
  FailureOr<Requantizer> requantize = makeRequantizer(op, getMultiplier(op));
  if (failed(requantize))
    return failure();
  int64_t lhsZeroPoint = getTensorParams(op, op.getLhs())->zeroPoint;
  int64_t rhsZeroPoint = getTensorParams(op, op.getRhs())->zeroPoint;
  return Kernel([=, requantize = *requantize](Operands operands,
                                              Tensor &output) -> LogicalResult {
    const Tensor &lhs = *operands[0], &rhs = *operands[1];
    Index lhsShape = lhs.getShape(), rhsShape = rhs.getShape();
    int64_t rows = lhsShape[lhsShape.size() - 2], depth = lhsShape.back();
    int64_t columns = rhsShape.back();
    Index batch = output.getShape().drop_back(2);
    // Strides of whole matrices.
    SmallVector<int64_t> lhsStrides =
        getBroadcastStrides(lhsShape.drop_back(2), batch);
    SmallVector<int64_t> rhsStrides =
        getBroadcastStrides(rhsShape.drop_back(2), batch);
    LogicalResult status = success();
    int64_t next = 0;
    forEachIndex(batch, [&](Index index) {
      const int32_t *a =
          lhs.i().data() + getOffset(index, lhsStrides) * rows * depth;
      const int32_t *b =
          rhs.i().data() + getOffset(index, rhsStrides) * depth * columns;
      for (int64_t m = 0; m < rows; ++m)
        for (int64_t n = 0; n < columns && succeeded(status); ++n) {
          int64_t sum = 0;
          for (int64_t k = 0; k < depth; ++k)
            sum += (a[m * depth + k] - lhsZeroPoint) *
                   (b[k * columns + n] - rhsZeroPoint);
          status = checkAccumulator(op, sum);
          output.i()[next++] = requantize(sum);
        }
    });
    return status;
  });
}

void reference::addLayerKernels(KernelTable &table) {
  addKernel(table, prepareConv2D);
  addKernel(table, prepareConvTranspose2D);
  addKernel(table, prepareGemm);
  addKernel(table, prepareMatMul);
}
