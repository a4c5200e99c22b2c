//===- LayerConstants.cpp - The integer constants of a layer --------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerConstants.h"

#include "QDialect/Numerics/FloatRequantize.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace q;
using namespace q::kernel;
using numerics::Multiplier;
using numerics::Rounding;

namespace {

/// What the accumulators of one channel may be, both ends included.
struct AccumulatorRange {
  int32_t lo, hi;

  int64_t magnitude() const {
    return std::max(std::abs(int64_t(lo)), std::abs(int64_t(hi)));
  }
};

bool fitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

/// Finds the epilogues that are proven for a layer and their constants.
class EpilogueChooser {
public:
  EpilogueChooser(ArrayRef<Multiplier> multipliers,
                  ArrayRef<AccumulatorRange> ranges, Rounding rounding,
                  StorageAttr target, bool addsZeroPoint)
      : multipliers(multipliers), ranges(ranges), rounding(rounding),
        target(target), addsZeroPoint(addsZeroPoint) {}

  bool choose(LayerConstants &constants, FloatEpilogue floats) const {
    // The integer epilogues know no ties to even; the float ones may.
    bool meetsEven = rounding == Rounding::Even && needsTiesToEven();
    if (!meetsEven && choosePow2(constants))
      return true;
    bool isExact = !meetsEven &&
                   (rounding == Rounding::Gemmlowp ? chooseGemmlowp(constants)
                                                   : chooseFixed64(constants));
    if (!isExact) {
      constants.multipliers.clear();
      constants.shifts.clear();
    }
    bool isShort = isExact && constants.epilogue == Epilogue::Fixed64 &&
                   !constants.tiesAway;
    if (floats == FloatEpilogue::Never ||
        (floats == FloatEpilogue::WhereNeeded && isShort))
      return isExact;
    bool isFloat = findFloats(constants);
    return isExact || isFloat;
  }

  /// Whether an accumulator can be the middle of two integers.
  bool needsTiesToEven() const {
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges))
      if (numerics::tieReachable(multiplier, range.lo, range.hi))
        return true;
    return false;
  }

private:
  /// M = 2^-s, a rounding shift in int32.
  bool choosePow2(LayerConstants &constants) const {
    // gemmlowp rounds twice even then.
    if (rounding == Rounding::Gemmlowp)
      return false;
    std::vector<int32_t> shifts;
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges)) {
      int32_t shift = multiplier.shift + 1;
      if (!multiplier.isPowerOfTwo() || shift < 1 || shift > 30 ||
          !fitsInt32(range.magnitude() + (int64_t(1) << (shift - 1))))
        return false;
      shifts.push_back(shift);
    }
    constants.epilogue = Epilogue::Pow2;
    constants.shifts = std::move(shifts);
    constants.tiesAway = needsTiesAway();
    return true;
  }

  /// True if every channel has a float multiplier.
  bool findFloats(LayerConstants &constants) const {
    bool hasAll = true;
    auto zeroPoint = static_cast<int32_t>(target.getZeroPoint());
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges)) {
      std::optional<float> found = numerics::findFusedMultiplier(
          multiplier, range.lo, range.hi, addsZeroPoint ? zeroPoint : 0,
          zeroPoint, static_cast<int32_t>(target.getLo()),
          static_cast<int32_t>(target.getHi()), rounding);
      hasAll &= found.has_value();
      constants.floatMultipliers.push_back(
          found.value_or(std::numeric_limits<float>::quiet_NaN()));
    }
    return hasAll;
  }

  bool chooseFixed64(LayerConstants &constants) const {
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges)) {
      int32_t m0 = multiplier.m0;
      int32_t shift = static_cast<int32_t>(multiplier.totalShift());
      // No shift, no rounding; and the kernel keeps 32 bits of the result.
      if (shift < 1 || !resultFits(multiplier, range))
        return false;
      if (shift == 63) {
        // |acc * m0| < 2^62: below one half, always 0.
        m0 = 0;
        shift = 62;
      }
      constants.multipliers.push_back(m0);
      constants.shifts.push_back(shift);
    }
    // All but unusual layers scale down, which takes fewer instructions.
    bool isHigh = *llvm::min_element(constants.shifts) >= 32;
    constants.epilogue = isHigh ? Epilogue::Fixed64 : Epilogue::Fixed64Any;
    constants.tiesAway = needsTiesAway();
    return true;
  }

  bool chooseGemmlowp(LayerConstants &constants) const {
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges)) {
      int32_t m0 = multiplier.m0, shift = multiplier.shift;
      int32_t left = std::max(0, -shift), right = std::max(0, shift);
      if (right == 32) {
        // An int32 over 2^32 is below one half, always 0.
        m0 = 0;
        shift = right = 31;
      }
      // Nothing saturates, and the rounding constant fits.
      int64_t half = right ? int64_t(1) << (right - 1) : 0;
      int64_t high = m0 ? range.magnitude() << left : 0;
      if (left > 30 || !fitsInt32(range.magnitude() << left) ||
          !fitsInt32(high + half + 1))
        return false;
      constants.multipliers.push_back(m0);
      constants.shifts.push_back(shift);
    }
    constants.epilogue = Epilogue::Gemmlowp;
    constants.tiesAway = true;
    return true;
  }

  bool resultFits(Multiplier multiplier, AccumulatorRange range) const {
    return fitsInt32(
               numerics::applyMultiplier(range.lo, multiplier, rounding)) &&
           fitsInt32(numerics::applyMultiplier(range.hi, multiplier, rounding));
  }

  bool needsTiesAway() const {
    for (auto [multiplier, range] : llvm::zip(multipliers, ranges))
      if (!numerics::addHalfIsExact(multiplier, range.lo, range.hi))
        return true;
    return false;
  }

  ArrayRef<Multiplier> multipliers;
  ArrayRef<AccumulatorRange> ranges;
  Rounding rounding;
  StorageAttr target;
  bool addsZeroPoint; ///< on the way: no residual comes in between
};

/// The storage of a value that kernels can hold: 8 bits or fewer, one scale.
bool hasByteStorage(Value value) {
  quant::UniformQuantizedType type = getPerTensorType(value);
  return type && type.getStorageTypeIntegralWidth() <= 8;
}

StorageAttr makeStorage(MLIRContext *context, quant::UniformQuantizedType type,
                        IntegerBounds bounds) {
  return StorageAttr::get(context, type.isSigned(), type.getZeroPoint(),
                          bounds.lo, bounds.hi);
}

StorageAttr makeStorage(quant::UniformQuantizedType type) {
  return makeStorage(type.getContext(), type,
                     getIntegerBounds(getQuantParams(type)));
}

/// Whether the addition of a residual can meet the middle of two integers.
bool meetsTies(const numerics::AddParams &add, Conv2DOp conv) {
  numerics::QuantParams first = getQuantParams(
      cast<quant::UniformQuantizedType>(*conv.getIntermediate()));
  numerics::QuantParams second =
      getQuantParams(getPerTensorType(conv.getResidual()));
  return numerics::addTieReachable(
      add, first.qmin - first.zeroPoint, first.qmax - first.zeroPoint,
      second.qmin - second.zeroPoint, second.qmax - second.zeroPoint);
}

/// Why a layer has no kernel, empty if nothing speaks against it.
std::string whyNot(WeightedOpInterface op) {
  if (!hasByteStorage(op.getInput()) || !hasByteStorage(op->getResult(0)))
    return "its input or result is not quantized to 8 bits or fewer";
  quant::QuantizedType weights = getQuantizedType(op.getWeights());
  if (!weights || weights.getStorageTypeIntegralWidth() > 8)
    return "its weights are not quantized to 8 bits or fewer";
  if (!op.getWeights().getDefiningOp<ConstOp>() ||
      (op.getBias() && !op.getBias().getDefiningOp<ConstOp>()))
    return "its weights or bias are no constants";
  if (llvm::any_of(getWeightZeroPoints(op), [](int32_t z) { return z != 0; }))
    return "its weights have a zero point";
  if (auto conv = dyn_cast<Conv2DOp>(op.getOperation()))
    if (conv.getResidual()) {
      auto middle = cast<quant::UniformQuantizedType>(*conv.getIntermediate());
      if (!hasByteStorage(conv.getResidual()) ||
          middle.getStorageTypeIntegralWidth() > 8)
        return "its residual is not quantized to 8 bits or fewer";
    }
  return {};
}

/// Folds the zero point into the bias (rule N6) and proves the accumulators
/// (rule N8). False if they may leave int32.
bool foldBias(ArrayRef<int32_t> weights, ArrayRef<int32_t> bias, bool isFolded,
              LayerConstants &constants,
              SmallVectorImpl<AccumulatorRange> &ranges) {
  size_t channels = bias.size(), count = weights.size() / channels;
  constants.weights.assign(weights.begin(), weights.end());
  numerics::FactorRange range{static_cast<int32_t>(constants.input.getLo()),
                              static_cast<int32_t>(constants.input.getHi())};
  for (size_t channel = 0; channel < channels; ++channel) {
    const int8_t *w = constants.weights.data() + channel * count;
    int64_t sum = 0;
    for (size_t i = 0; i < count; ++i)
      sum += w[i];
    int64_t folded = bias[channel];
    if (!isFolded)
      folded -= constants.input.getZeroPoint() * sum;
    numerics::AccumulatorBounds bounds =
        numerics::accumulatorBounds(w, count, range, folded);
    // Some micro-kernels shift activations by 128, up or down.
    if (!bounds.fitsInt32() || !fitsInt32(folded) ||
        !fitsInt32(folded + 128 * sum) || !fitsInt32(folded - 128 * sum))
      return false;
    constants.bias.push_back(static_cast<int32_t>(folded));
    constants.weightSums.push_back(sum);
    numerics::AccumulatorBounds &all = constants.accumulators;
    all.min = channel ? std::min(all.min, bounds.min) : bounds.min;
    all.max = channel ? std::max(all.max, bounds.max) : bounds.max;
    ranges.push_back(
        {static_cast<int32_t>(bounds.min), static_cast<int32_t>(bounds.max)});
  }
  return true;
}

} // namespace

FailureOr<std::optional<LayerConstants>>
q::kernel::getLayerConstants(WeightedOpInterface op, FloatEpilogue floats,
                             std::string &reason) {
  reason = whyNot(op);
  if (!reason.empty())
    return std::optional<LayerConstants>();

  LayerConstants constants;
  quant::UniformQuantizedType input = getPerTensorType(op.getInput());
  quant::UniformQuantizedType output = getPerTensorType(op->getResult(0));
  auto clamped = cast<FusedClampOpInterface>(op.getOperation());
  FailureOr<IntegerBounds> bounds = getIntegerBounds(clamped);
  FailureOr<SmallVector<int32_t>> channelMax = getChannelMaxima(clamped);
  FailureOr<SmallVector<Multiplier>> multipliers = getMultipliers(op);
  FailureOr<Rounding> rounding = getRounding(op);
  FailureOr<std::vector<int32_t>> weights = getConstantInts(op.getWeights());
  if (failed(bounds) || failed(channelMax) || failed(multipliers) ||
      failed(rounding) || failed(weights))
    return failure();
  std::vector<int32_t> bias(multipliers->size());
  if (op.getBias()) {
    FailureOr<std::vector<int32_t>> values = getConstantInts(op.getBias());
    if (failed(values))
      return failure();
    bias = std::move(*values);
  }
  constants.input = makeStorage(input);
  constants.output = makeStorage(op->getContext(), output, *bounds);
  constants.channelMax.assign(channelMax->begin(), channelMax->end());

  // The epilogue's target: the result, or the sum before a residual.
  StorageAttr target = constants.output;
  auto conv = dyn_cast<Conv2DOp>(op.getOperation());
  if (conv && conv.getResidual()) {
    FailureOr<numerics::AddParams> add = getResidualAddParams(conv);
    if (failed(add))
      return failure();
    if (add->wide) {
      reason = "its residual addition needs int64";
      return std::optional<LayerConstants>();
    }
    target =
        makeStorage(cast<quant::UniformQuantizedType>(*conv.getIntermediate()));
    if (*rounding == Rounding::Even && meetsTies(*add, conv)) {
      reason = "its residual addition meets ties, which go to even";
      return std::optional<LayerConstants>();
    }
    constants.residual =
        ResidualAttr::get(op->getContext(), target,
                          makeStorage(getPerTensorType(conv.getResidual())),
                          add->k1, add->k2, add->shift);
  }

  SmallVector<AccumulatorRange> ranges;
  if (!foldBias(*weights, bias, op.getZeroPointFolded(), constants, ranges)) {
    reason = "its accumulators may leave int32";
    return std::optional<LayerConstants>();
  }
  EpilogueChooser chooser(*multipliers, ranges, *rounding, target,
                          /*addsZeroPoint=*/!constants.residual);
  if (!chooser.choose(constants, floats)) {
    bool meetsEven = *rounding == Rounding::Even && chooser.needsTiesToEven();
    reason = meetsEven ? "it meets ties, which go to even"
                       : "its multipliers are too large";
    return std::optional<LayerConstants>();
  }
  return std::optional<LayerConstants>(std::move(constants));
}
