//===- DenseInput.cpp - What a dense kernel multiplies --------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DenseInput.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace q::kernel;

/// Input bytes in the form that the micro-kernel multiplies. Rows from
/// which taps are gathered stay bytes; they are widened on the way.
Value DenseInput::convert(Value bytes) {
  if (plan.traits.activationBits == 16)
    return g.gathersTaps()
               ? bytes
               : e.extend(bytes, e.i16(), spec.inputStorage.getIsSigned());
  if (spec.activationOffset == 0)
    return bytes;
  int64_t n = cast<VectorType>(bytes.getType()).getNumElements();
  return arith::AddIOp::create(e.b, bytes,
                               e.splat(spec.activationOffset, n, e.i8()));
}

void DenseInput::copy(Value from, Value to, int64_t length) {
  int64_t most = plan.traits.isX86
                     ? 32 * plan.traits.lanes / plan.traits.activationBits
                     : 16;
  e.forPieces(length, most, [&](Value at, int64_t lanes) {
    Value bytes = e.load(buffers.input, e.add(from, at), lanes);
    e.store(convert(bytes), rows, e.add(to, at));
  });
}

/// `count` pixels, `step` input pixels apart.
void DenseInput::copyPixels(Value from, Value to, int64_t count, int64_t step) {
  int64_t stride = buffers.inputStrides.pixel * step;
  if (stride == g.inC && blocking.scratchPixel == g.inC)
    return copy(from, to, count * g.inC);
  e.loop(count, [&](Value pixel) {
    copy(e.add(from, e.mul(pixel, stride)),
         e.add(to, e.mul(pixel, blocking.scratchPixel)), g.inC);
  });
}

/// How many input columns a scratch row holds.
int64_t DenseInput::copiedColumns() const {
  if (blocking.skipsColumns)
    return g.outW;
  return std::min(g.inW, blocking.scratchColumns - g.padLeft);
}

void DenseInput::begin() {
  int64_t rowPitch = blocking.rowPitch();
  int64_t left = g.padLeft * blocking.scratchPixel;
  int64_t right = (g.padLeft + copiedColumns()) * blocking.scratchPixel;
  if (blocking.skipsColumns || (left == 0 && right == rowPitch))
    return;
  e.loop(blocking.scratchRows, [&](Value row) {
    Value at = e.mul(row, rowPitch);
    e.fill(rows, at, left, padValue());
    e.fill(rows, e.add(at, right), rowPitch - right, padValue());
  });
}

void DenseInput::fillRows(Value image, Value y) {
  int64_t step = g.kernelH == 1 ? g.strideH : 1;
  int64_t lastRow = (g.outH - blocking.blockRows) * g.strideH - g.padTop +
                    (blocking.scratchRows - 1) * step;
  bool isInside = g.padTop == 0 && lastRow < g.inH;
  Value first = e.add(e.mul(y, g.strideH), -g.padTop);
  int64_t columns = copiedColumns();
  e.loop(blocking.scratchRows, [&](Value row) {
    Value inRow = e.add(first, e.mul(row, step));
    Value to =
        e.add(e.mul(row, blocking.rowPitch()),
              blocking.skipsColumns ? 0 : g.padLeft * blocking.scratchPixel);
    auto copyRow = [&]() {
      Value from = e.add(e.mul(image, buffers.inputStrides.image),
                         e.mul(inRow, buffers.inputStrides.row));
      copyPixels(from, to, columns, blocking.skipsColumns ? g.strideW : 1);
    };
    if (isInside)
      return copyRow();
    // Unsigned, so that rows above the image are beyond its end.
    Value exists = e.b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult,
                                                   inRow, e.index(g.inH));
    e.branch(exists, copyRow, [&]() {
      e.fill(rows, to, columns * blocking.scratchPixel, padValue());
    });
  });
}

/// Each row of a pixel's taps in one piece. What it reads and writes too much
/// is overwritten by the next one, or is the slack at the end.
void DenseInput::gatherTaps() {
  int64_t length = g.kernelW * g.inC;
  auto lanes = static_cast<int64_t>(llvm::PowerOf2Ceil(length));
  static_assert(kScratchSlack >= 16, "the most that a piece is too long");
  e.loop(blocking.blockRows, [&](Value row) {
    Value fromRow = e.mul(row, g.strideH * blocking.rowPitch());
    Value toRow = e.mul(row, g.outW * plan.tapsPitch());
    e.loop(g.outW, [&](Value x) {
      Value from = e.add(fromRow, e.mul(x, g.strideW * g.inC));
      Value to = e.add(toRow, e.mul(x, plan.tapsPitch()));
      for (int64_t ky = 0; ky < g.kernelH; ++ky) {
        int64_t at = ky * g.dilationH * blocking.rowPitch();
        Value taps = e.load(rows, e.add(from, at), lanes);
        if (plan.traits.activationBits == 16)
          taps = e.extend(taps, e.i16(), spec.inputStorage.getIsSigned());
        e.store(taps, buffers.scratch, e.add(to, ky * length));
      }
    });
  });
}

void DenseInput::pairPixels(Value from, int64_t length) {
  emitPairedPixels(e, buffers.scratch, blocking.pairedAt, from, length,
                   pixelPitch());
}

/// Of a block of pixels: all pairs, or those that even pixels begin if no
/// tile begins at another one.
void DenseInput::pairBlock() {
  const RowSplit &split = blocking.split;
  bool allEven = split.sizeA % 2 == 0 && !split.overlaps &&
                 (split.countB <= 1 || split.sizeB % 2 == 0);
  int64_t step = allEven ? 2 : 1;
  e.loop(ceilDiv(blocking.blockPixels, step), [&](Value iv) {
    pairPixels(e.mul(iv, step * blocking.scratchPixel), blocking.scratchPixel);
  });
}

int64_t DenseInput::pixelPitch() const {
  if (g.gathersTaps())
    return plan.tapsPitch();
  if (blocking.readsInput)
    return buffers.inputStrides.pixel;
  return blocking.isFlat || blocking.skipsColumns
             ? blocking.scratchPixel
             : g.strideW * blocking.scratchPixel;
}

void DenseInput::bringRows(Value image, Value y) {
  fillRows(image, y);
  if (g.gathersTaps())
    gatherTaps();
  if (blocking.hasPairs)
    pairPixels(e.index(0), blocking.scratchRows * blocking.rowPitch());
}

void DenseInput::bringPixels(Value start, int64_t count) {
  copyPixels(start, e.index(0), count, 1);
  if (blocking.hasPairs)
    pairBlock();
}
