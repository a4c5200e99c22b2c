//===- FloatFunctions.h - Real functions in float32 -------------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What ops that stay in float compute. Each function is one fixed sequence of
// IEEE operations (add, subtract, multiply, divide, square root, rounding to a
// whole number, comparison), which every machine rounds alike. So the reference
// evaluator and the compiled code agree in every bit, although there is no
// library of functions in the latter.
//
// An `Emitter` does the operations: `HostFloat` on numbers, that of the code
// generator on SSA values. It has types `Value` and `Truth` and
//
//   constant(float), add, sub, mul, div, sqrt, floor, ceil, round (half even),
//   abs, neg, less, lessEqual, equal (false for NaN), select(Truth, yes, no),
//   powerOfTwo(n): 2^n for a whole n in [-126, 127],
//   exponent(x), mantissa(x): x = m 2^n, m in [1, 2), for normal x above 0.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_FLOATFUNCTIONS_H
#define QDIALECT_NUMERICS_FLOATFUNCTIONS_H

#include "QDialect/Numerics/Functions.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace q::numerics {

/// Operations on numbers. Each is a function of its own, so that no compiler
/// joins two of them with one rounding.
struct HostFloat {
  using Value = float;
  using Truth = bool;

  Value constant(float value) { return value; }
  Value add(Value a, Value b) { return a + b; }
  Value sub(Value a, Value b) { return a - b; }
  Value mul(Value a, Value b) { return a * b; }
  Value div(Value a, Value b) { return a / b; }
  Value sqrt(Value a) { return std::sqrt(a); }
  Value floor(Value a) { return std::floor(a); }
  Value ceil(Value a) { return std::ceil(a); }
  Value round(Value a) { return std::nearbyint(a); }
  Value abs(Value a) { return std::fabs(a); }
  Value neg(Value a) { return -a; }
  Truth less(Value a, Value b) { return a < b; }
  Truth lessEqual(Value a, Value b) { return a <= b; }
  Truth equal(Value a, Value b) { return a == b; }
  Value select(Truth truth, Value yes, Value no) { return truth ? yes : no; }
  Value powerOfTwo(Value n) {
    return fromBits(uint32_t(int32_t(n) + 127) << 23);
  }
  Value exponent(Value a) { return float(int32_t(toBits(a) >> 23) - 127); }
  Value mantissa(Value a) {
    return fromBits((toBits(a) & 0x7FFFFF) | 0x3F800000);
  }

private:
  static uint32_t toBits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
  }
  static float fromBits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(bits));
    return value;
  }
};

/// The functions over one emitter. Errors are relative to the real function and
/// tested over the whole domain.
template <typename Emitter> class FloatFunctions {
public:
  using Value = typename Emitter::Value;

  explicit FloatFunctions(Emitter &emit) : e(emit) {}

  /// Whether evaluate() knows the function.
  static bool isKnown(UnaryKind kind) {
    return kind != UnaryKind::Sin && kind != UnaryKind::Cos;
  }

  Value evaluate(UnaryKind kind, Value x, float alpha, float beta);

  /// The smaller and the larger operand; `a` where they do not compare.
  Value min(Value a, Value b) { return e.select(e.less(b, a), b, a); }
  Value max(Value a, Value b) { return e.select(e.less(a, b), b, a); }
  /// NaN stays NaN.
  Value clamp(Value x, float low, float high) {
    x = e.select(e.less(x, c(low)), c(low), x);
    return e.select(e.less(c(high), x), c(high), x);
  }

  /// Within 2 units in the last place; results below the normal numbers are 0.
  Value exp(Value x);
  /// Within 4 units in the last place, or 2^-24 near 1.
  Value log(Value x);
  /// 1 / (1 + exp(-x)).
  Value sigmoid(Value x) { return e.div(c(1), e.add(c(1), exp(e.neg(x)))); }
  Value tanh(Value x);
  /// Within 2e-7 of the function.
  Value erf(Value x);
  Value softplus(Value x) {
    return e.add(max(x, c(0)), log(e.add(c(1), exp(e.neg(e.abs(x))))));
  }

private:
  Value c(float value) { return e.constant(value); }
  /// c[0] x^n + ... + c[n].
  Value polynomial(Value x, std::initializer_list<float> coefficients) {
    Value sum = c(*coefficients.begin());
    for (const float *next = coefficients.begin() + 1;
         next != coefficients.end(); ++next)
      sum = e.add(e.mul(sum, x), c(*next));
    return sum;
  }
  /// exp(x) - 1 for x below 0 counts as alpha (exp(x) - 1).
  Value eluOf(Value x, Value scaled, float alpha) {
    return e.select(e.less(x, c(0)), e.mul(c(alpha), e.sub(exp(scaled), c(1))),
                    x);
  }

  Emitter &e;
};

/// exp(x) = 2^n exp(r) with r in [-ln 2 / 2, ln 2 / 2], whose series is cut
/// where its terms are below half a unit. ln 2 has two parts, of which the
/// first is exact in 12 bits, so that n times it is.
template <typename Emitter>
typename Emitter::Value FloatFunctions<Emitter>::exp(Value x) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float lowest = -87.3f, highest = 88.72284f;
  Value inside = clamp(x, lowest, highest);
  // NaN takes no part in what follows.
  inside = e.select(e.equal(x, x), inside, c(0));
  Value n = e.round(e.mul(inside, c(1.44269504f)));
  Value r = e.sub(inside, e.mul(n, c(0.693359375f)));
  r = e.sub(r, e.mul(n, c(-2.12194440e-4f)));
  Value y = polynomial(r, {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                           1.0f / 6, 0.5f, 1.0f, 1.0f});
  // 2^n may be above the largest power, so it comes in two halves.
  Value half = e.floor(e.mul(n, c(0.5f)));
  y = e.mul(e.mul(y, e.powerOfTwo(half)), e.powerOfTwo(e.sub(n, half)));
  y = e.select(e.less(x, c(lowest)), c(0), y);
  y = e.select(e.less(c(highest), x), c(infinity), y);
  return e.select(e.equal(x, x), y, x);
}

/// log(m 2^n) = n ln 2 + log m with m around 1, and log m = 2 artanh(t) for
/// t = (m - 1) / (m + 1).
template <typename Emitter>
typename Emitter::Value FloatFunctions<Emitter>::log(Value x) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  // Numbers below the normal ones are brought among them.
  auto isSmall = e.less(x, c(0x1p-126f));
  Value normal = e.select(isSmall, e.mul(x, c(0x1p23f)), x);
  auto isUsable = e.less(c(0), x);
  normal = e.select(isUsable, normal, c(1));
  Value n = e.exponent(normal), m = e.mantissa(normal);
  n = e.select(isSmall, e.sub(n, c(23)), n);
  auto isHigh = e.less(c(1.41421356f), m);
  m = e.select(isHigh, e.mul(m, c(0.5f)), m);
  n = e.select(isHigh, e.add(n, c(1)), n);
  Value t = e.div(e.sub(m, c(1)), e.add(m, c(1)));
  Value square = e.mul(t, t);
  Value series = polynomial(square, {2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3});
  Value logM = e.add(e.mul(e.mul(t, square), series), e.mul(c(2), t));
  Value y = e.add(e.add(logM, e.mul(n, c(-2.12194440e-4f))),
                  e.mul(n, c(0.693359375f)));
  y = e.select(e.equal(x, c(infinity)), x, y);
  y = e.select(e.equal(x, c(0)), c(-infinity), y);
  y = e.select(e.less(x, c(0)), c(std::numeric_limits<float>::quiet_NaN()), y);
  return e.select(e.equal(x, x), y, x);
}

/// 1 - 2 / (exp(2 |x|) + 1), and the series where that cancels.
template <typename Emitter>
typename Emitter::Value FloatFunctions<Emitter>::tanh(Value x) {
  Value size = e.abs(x);
  Value far = e.sub(c(1), e.div(c(2), e.add(exp(e.mul(c(2), size)), c(1))));
  far = e.select(e.less(x, c(0)), e.neg(far), far);
  Value square = e.mul(x, x);
  Value near = e.mul(x, polynomial(square, {62.0f / 2835, -17.0f / 315,
                                            2.0f / 15, -1.0f / 3, 1.0f}));
  return e.select(e.less(size, c(0.25f)), near, far);
}

/// 1 - (a1 t + ... + a5 t^5) exp(-x^2), t = 1 / (1 + p x): formula 7.1.26 of
/// Abramowitz and Stegun, Handbook of Mathematical Functions.
template <typename Emitter>
typename Emitter::Value FloatFunctions<Emitter>::erf(Value x) {
  Value size = e.abs(x);
  Value t = e.div(c(1), e.add(c(1), e.mul(c(0.3275911f), size)));
  Value series =
      e.mul(t, polynomial(t, {1.061405429f, -1.453152027f, 1.421413741f,
                              -0.284496736f, 0.254829592f}));
  Value y = e.sub(c(1), e.mul(series, exp(e.neg(e.mul(size, size)))));
  return e.select(e.less(x, c(0)), e.neg(y), y);
}

template <typename Emitter>
typename Emitter::Value FloatFunctions<Emitter>::evaluate(UnaryKind kind,
                                                          Value x, float alpha,
                                                          float beta) {
  switch (kind) {
  case UnaryKind::Abs:
    return e.abs(x);
  case UnaryKind::Neg:
    return e.neg(x);
  case UnaryKind::Exp:
    return exp(x);
  case UnaryKind::Log:
    return log(x);
  case UnaryKind::Sqrt:
    return e.sqrt(x);
  case UnaryKind::Rsqrt:
    return e.div(c(1), e.sqrt(x));
  case UnaryKind::Reciprocal:
    return e.div(c(1), x);
  case UnaryKind::Sigmoid:
    return sigmoid(x);
  case UnaryKind::Tanh:
    return tanh(x);
  case UnaryKind::Erf:
    return erf(x);
  case UnaryKind::Gelu:
    return e.mul(e.mul(c(0.5f), x), e.add(c(1), erf(e.mul(x, c(0.70710678f)))));
  case UnaryKind::GeluTanh: {
    Value cube = e.mul(c(0.044715f), e.mul(x, e.mul(x, x)));
    return e.mul(x, sigmoid(e.mul(c(1.59576912f), e.add(x, cube))));
  }
  case UnaryKind::Elu:
    return eluOf(x, x, alpha);
  case UnaryKind::Selu:
    return e.mul(c(beta), eluOf(x, x, alpha));
  case UnaryKind::Celu: {
    Value below = e.mul(c(alpha), e.sub(exp(e.div(x, c(alpha))), c(1)));
    return e.add(max(x, c(0)), min(below, c(0)));
  }
  case UnaryKind::LeakyRelu:
    return e.select(e.less(x, c(0)), e.mul(c(alpha), x), x);
  case UnaryKind::HardSigmoid:
    return clamp(e.add(e.mul(c(alpha), x), c(beta)), 0, 1);
  case UnaryKind::HardSwish:
    return e.mul(x, clamp(e.add(e.mul(x, c(1.0f / 6)), c(0.5f)), 0, 1));
  case UnaryKind::Silu:
    return e.mul(x, sigmoid(x));
  case UnaryKind::Mish:
    return e.mul(x, tanh(softplus(x)));
  case UnaryKind::Softplus:
    return softplus(x);
  case UnaryKind::Softsign:
    return e.div(x, e.add(c(1), e.abs(x)));
  case UnaryKind::ThresholdedRelu:
    return e.select(e.less(c(alpha), x), x, c(0));
  case UnaryKind::Relu:
    return max(x, c(0));
  case UnaryKind::Floor:
    return e.floor(x);
  case UnaryKind::Ceil:
    return e.ceil(x);
  case UnaryKind::Round:
    return e.round(x);
  case UnaryKind::Sign:
    return e.select(e.less(c(0), x), c(1),
                    e.select(e.less(x, c(0)), c(-1), c(0)));
  case UnaryKind::Square:
    return e.mul(x, x);
  case UnaryKind::Sin:
  case UnaryKind::Cos:
    break; // isKnown() says so.
  }
  return c(std::numeric_limits<float>::quiet_NaN());
}

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_FLOATFUNCTIONS_H
