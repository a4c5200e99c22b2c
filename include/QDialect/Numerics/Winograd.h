//===- Winograd.h - Exact integer Winograd convolution ----------*- C++ -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution of three taps and stride 1 as fewer, wider multiplications, in
// integers. For a tile of m outputs
//
//   scale * y = A ((G g) * (B d))      elementwise, summed over channels
//
// with integer matrices, in two dimensions on both sides. The transformed
// operands fit int16, and everything behind their products is linear, so it may
// wrap in int32: what comes out is scale^2 * y modulo 2^32, from which y
// follows if it lies in a range that a proof can check (rule N8).
//
// Tiles of 4 and of 3 outputs interpolate at the points 0, 1, -1, 2, -2,
// infinity, of which the latter leave out -2. They share G, so they may be
// mixed in one layer and even in one tile: 14 = 4 + 4 + 3 + 3. Tiles of 2
// outputs have a G of their own and a much weaker condition.
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_NUMERICS_WINOGRAD_H
#define QDIALECT_NUMERICS_WINOGRAD_H

#include "QDialect/Numerics/AccumulatorProof.h"

#include <array>
#include <optional>

namespace q::numerics {

/// The matrices of one dimension. Rows and columns that a form has not are 0.
struct WinogradForm {
  /// Outputs of a tile, 2 to 4. It reads two inputs more.
  unsigned outputs;
  /// Where the transformed operands meet. The form of 3 outputs leaves out
  /// number 4 of its 6.
  unsigned positions;
  int weights[6][3]; ///< G
  int data[6][6];    ///< B, of `outputs` + 2 columns
  int inverse[4][6]; ///< A, of `outputs` rows
  int scale;         ///< 24 or 2

  unsigned inputs() const { return outputs + 2; }
};

/// The form of 2, 3 or 4 outputs.
const WinogradForm &getWinogradForm(unsigned outputs);

/// The largest magnitude that B d B^T takes over all d of a range, in a tile of
/// `rows` times `columns` outputs.
int64_t winogradDataBound(const WinogradForm &rows, const WinogradForm &columns,
                          FactorRange range);

/// The largest magnitude that G g G^T takes over all weights of at most maxAbs.
int64_t winogradWeightBound(const WinogradForm &form, int maxAbs);

/// True if for every tile that mixes the form with those of the same G both
/// operands fit int16, and the sum of two of their products, which vpmaddwd
/// forms, fits int32. It does for all 8-bit activations and weights.
bool winogradOperandsFit(const WinogradForm &form, FactorRange range,
                         int maxAbsWeight);

/// The accumulators, both ends included, that come back exactly: [-2^25, 2^25)
/// for 4 and 3 outputs, [-2^29, 2^29) for 2.
FactorRange winogradLimit(const WinogradForm &form);

/// True if every accumulator within the bounds (of all terms, the bias among
/// them) comes back exactly. Where the zero point is folded into the bias, the
/// products are those of the raw activations.
bool isWinogradExact(const WinogradForm &form, const AccumulatorBounds &bounds);

/// The centred form: a constant c such that bias + c, taken off again behind
/// the inverse transform, makes the layer exact; the nearest to 0. None if the
/// bounds are further apart than the limits.
std::optional<int64_t> winogradCentre(const WinogradForm &form,
                                      const AccumulatorBounds &bounds);

/// The accumulator y + bias from the wrapped sum of the inverse transform:
/// scale^2 = 4^k f with f odd, so a multiplication by f^-1 modulo 2^32 leaves
/// 4^k y modulo 2^32, and an arithmetic shift the accumulator.
int32_t winogradRecover(const WinogradForm &form, uint32_t sum, int32_t bias);

/// f^-1 modulo 2^32 and 2k of winogradRecover().
struct WinogradRecovery {
  uint32_t factor;
  unsigned shift;
};
WinogradRecovery getWinogradRecovery(const WinogradForm &form);

/// One tile, by the definition: what every faster form must equal. `data` is
/// [rows.inputs(), columns.inputs(), channels], `weights` [3, 3, channels]; the
/// result is [rows.outputs, columns.outputs]. Operands are cut to int16 and
/// sums to int32, as the instructions do, so that the result is wrong where the
/// conditions above fail.
std::vector<int32_t> winogradTile(const WinogradForm &rows,
                                  const WinogradForm &columns,
                                  const std::vector<int32_t> &data,
                                  const std::vector<int8_t> &weights,
                                  size_t channels, int32_t bias);

} // namespace q::numerics

#endif // QDIALECT_NUMERICS_WINOGRAD_H
