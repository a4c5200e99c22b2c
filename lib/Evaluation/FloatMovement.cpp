//===- FloatMovement.cpp - Ops that move elements, in float ---------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Slices, pads, gathers, expansions and nearest resizes all read, in every
// dimension, the input index that a list gives for the output index: one kernel
// serves them.
//
//===----------------------------------------------------------------------===//

#include "FloatKernel.h"
#include "FloatLoops.h"

#include "QDialect/IntegerSemantics.h"

#include <cmath>

using namespace mlir;
using namespace q;
using namespace q::eval;

namespace {

class IdentityKernel : public FloatKernel {
public:
  explicit IdentityKernel(QuantizerOp) {}
  explicit IdentityKernel(DequantizeOp) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    output = *operands[0];
    return success();
  }
  bool isIdentity() const override { return true; }
};

/// A copy: of the same elements under another shape, or for the evaluator to
/// round to quantized numbers.
class CopyKernel : public FloatKernel {
public:
  explicit CopyKernel(ReshapeOp) {}
  explicit CopyKernel(QuantizeOp) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    llvm::copy(operands[0]->f(), output.f().begin());
    return success();
  }
};

/// The input index of every output index of one dimension; -1 reads the fill
/// value.
using IndexList = std::vector<int64_t>;

IndexList getIota(int64_t extent, int64_t start = 0, int64_t step = 1) {
  IndexList list(extent);
  for (int64_t i = 0; i < extent; ++i)
    list[i] = start + i * step;
  return list;
}

class IndexKernel : public FloatKernel {
public:
  IndexKernel(ArrayRef<int64_t> inputShape, std::vector<IndexList> lists,
              float fill = 0.0f)
      : lists(std::move(lists)), strides(getStrides(inputShape)), fill(fill) {
    // Trailing dimensions that are taken whole move as blocks.
    block = 1;
    while (!this->lists.empty()) {
      int64_t extent = inputShape[this->lists.size() - 1];
      if (this->lists.back() != getIota(extent))
        break;
      block *= extent;
      this->lists.pop_back();
    }
  }

  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    float *result = output.f().data();
    copy(0, operands[0]->f().data(), result);
    return success();
  }

private:
  /// Writes everything below dimension `d`; `input` is null within a border.
  void copy(size_t d, const float *input, float *&result) const {
    if (d == lists.size()) {
      if (input)
        std::copy_n(input, block, result);
      else
        std::fill_n(result, block, fill);
      result += block;
      return;
    }
    for (int64_t index : lists[d])
      copy(d + 1, input && index >= 0 ? input + index * strides[d] : nullptr,
           result);
  }

  std::vector<IndexList> lists;
  Shape strides;
  float fill;
  int64_t block;
};

class TransposeKernel : public FloatKernel {
public:
  explicit TransposeKernel(TransposeOp op)
      : loop(getShape(op.getOutput()),
             {getStrides(getShape(op.getOutput())), getPermuted(op)}) {}
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const float *x = operands[0]->f().data();
    float *y = output.f().data();
    const int64_t row = loop.getRow(), step = loop.getStep()[1];
    loop.forEachRow([&](auto offsets) {
      for (int64_t i = 0; i < row; ++i)
        y[offsets[0] + i] = x[offsets[1] + i * step];
    });
    return success();
  }

private:
  static Shape getPermuted(TransposeOp op) {
    Shape strides = getStrides(getShape(op.getInput())), permuted;
    for (int64_t dim : op.getPerm())
      permuted.push_back(strides[dim]);
    return permuted;
  }

  StridedLoop<2> loop;
};

class ConcatKernel : public FloatKernel {
public:
  explicit ConcatKernel(ConcatOp op) {
    size_t axis = op.getAxis();
    outer = Tensor::count(getShape(op.getOutput()).take_front(axis));
    for (Value input : op.getInputs())
      blocks.push_back(Tensor::count(getShape(input).drop_front(axis)));
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    float *y = output.f().data();
    for (int64_t o = 0; o < outer; ++o)
      for (auto [operand, block] : llvm::zip_equal(operands, blocks))
        y = std::copy_n(operand->f().data() + o * block, block, y);
    return success();
  }

private:
  int64_t outer;
  Shape blocks;
};

/// Linear interpolation of one axis: between elements i0 and i1, by how much.
struct Interpolation {
  int64_t i0, i1;
  float weight;
};

class LinearResizeKernel : public FloatKernel {
public:
  explicit LinearResizeKernel(ResizeOp op)
      : in(getShape(op.getInput())), out(getShape(op.getOutput())) {
    for (unsigned axis = 0; axis < 2; ++axis)
      for (int64_t i = 0; i < out[axis + 1]; ++i)
        lists[axis].push_back(
            interpolate(getCoordinate(op.getCoordinates(), i, in[axis + 1],
                                      out[axis + 1], op.getScales()[axis]),
                        in[axis + 1]));
  }
  LogicalResult forward(ArrayRef<const Tensor *> operands,
                        Tensor &output) override {
    const float *x = operands[0]->f().data();
    float *result = output.f().data();
    int64_t channels = in[3];
    for (int64_t n = 0; n < out[0]; ++n)
      for (const Interpolation &v : lists[0]) {
        const float *top = x + (n * in[1] + v.i0) * in[2] * channels;
        const float *bottom = x + (n * in[1] + v.i1) * in[2] * channels;
        for (const Interpolation &h : lists[1]) {
          int64_t left = h.i0 * channels, right = h.i1 * channels;
          for (int64_t c = 0; c < channels; ++c) {
            float t =
                top[left + c] + (top[right + c] - top[left + c]) * h.weight;
            float b = bottom[left + c] +
                      (bottom[right + c] - bottom[left + c]) * h.weight;
            *result++ = t + (b - t) * v.weight;
          }
        }
      }
    return success();
  }

private:
  /// ONNX Resize, coordinate_transformation_mode.
  static double getCoordinate(CoordinateMode mode, int64_t i, int64_t in,
                              int64_t out, double scale) {
    double center = (i + 0.5) / scale;
    switch (mode) {
    case CoordinateMode::HalfPixel:
      return center - 0.5;
    case CoordinateMode::PytorchHalfPixel:
      return out > 1 ? center - 0.5 : 0.0;
    case CoordinateMode::Asymmetric:
      return i / scale;
    case CoordinateMode::AlignCorners:
      return out > 1 ? double(i) * (in - 1) / (out - 1) : 0.0;
    case CoordinateMode::HalfPixelSymmetric:
      return in / 2.0 * (1.0 - out / (scale * in)) + center - 0.5;
    case CoordinateMode::TfHalfPixelForNn:
      return center;
    }
    return center;
  }
  static Interpolation interpolate(double coordinate, int64_t extent) {
    double x = std::clamp(coordinate, 0.0, double(extent - 1));
    int64_t i0 = std::floor(x);
    return {i0, std::min(i0 + 1, extent - 1), float(x - i0)};
  }

  Shape in, out;
  std::vector<Interpolation> lists[2];
};

} // namespace

//===----------------------------------------------------------------------===//
// Index lists of the ops
//===----------------------------------------------------------------------===//

static std::unique_ptr<FloatKernel>
makeIndexKernel(ArrayRef<int64_t> shape, std::vector<IndexList> lists,
                float fill = 0.0f) {
  return std::make_unique<IndexKernel>(shape, std::move(lists), fill);
}

static KernelOr createSlice(SliceOp op, KernelContext &) {
  std::vector<IndexList> lists;
  for (auto [start, size, step] :
       llvm::zip_equal(op.getStarts(), op.getSizes(), op.getSteps()))
    lists.push_back(getIota(size, start, step));
  return makeIndexKernel(getShape(op.getInput()), std::move(lists));
}

/// The input index that position `i`, counted from the input's first element,
/// shows under a padding mode.
static int64_t getPaddedIndex(PadMode mode, int64_t i, int64_t extent) {
  if (i >= 0 && i < extent)
    return i;
  switch (mode) {
  case PadMode::Constant:
    return -1;
  case PadMode::Edge:
    return i < 0 ? 0 : extent - 1;
  case PadMode::Reflect:
    return i < 0 ? -i : 2 * (extent - 1) - i;
  }
  return -1;
}

static KernelOr createPad(PadOp op, KernelContext &) {
  std::vector<IndexList> lists;
  for (auto [extent, low, high] :
       llvm::zip_equal(getShape(op.getInput()), op.getLow(), op.getHigh())) {
    IndexList list;
    for (int64_t i = -low; i < extent + high; ++i)
      list.push_back(getPaddedIndex(op.getMode(), i, extent));
    lists.push_back(std::move(list));
  }
  return makeIndexKernel(getShape(op.getInput()), std::move(lists),
                         op.getValue().convertToFloat());
}

static KernelOr createGather(GatherOp op, KernelContext &) {
  std::vector<IndexList> lists;
  for (int64_t extent : getShape(op.getInput()))
    lists.push_back(getIota(extent));
  lists[op.getAxis()].assign(op.getIndices().begin(), op.getIndices().end());
  return makeIndexKernel(getShape(op.getInput()), std::move(lists));
}

static KernelOr createExpand(ExpandOp op, KernelContext &) {
  ArrayRef<int64_t> in = getShape(op.getInput()),
                    out = getShape(op.getOutput());
  Shape padded(out.size() - in.size(), 1);
  padded.append(in.begin(), in.end());
  std::vector<IndexList> lists;
  for (auto [from, to] : llvm::zip_equal(padded, out))
    lists.push_back(from == to ? getIota(to) : IndexList(to, 0));
  return makeIndexKernel(padded, std::move(lists));
}

static KernelOr createResize(ResizeOp op, KernelContext &) {
  ArrayRef<int64_t> shape = getShape(op.getInput());
  if (op.getMode() == ResizeMode::Linear)
    return std::unique_ptr<FloatKernel>(
        std::make_unique<LinearResizeKernel>(op));
  FailureOr<std::vector<int64_t>> rows = getNearestIndices(op, 0);
  FailureOr<std::vector<int64_t>> columns = getNearestIndices(op, 1);
  if (failed(rows) || failed(columns))
    return failure();
  return makeIndexKernel(shape, {getIota(shape[0]), std::move(*rows),
                                 std::move(*columns), getIota(shape[3])});
}

void q::eval::addMovementKernels(KernelTable &table) {
  table.add<QuantizerOp, IdentityKernel>();
  table.add<DequantizeOp, IdentityKernel>();
  table.add<QuantizeOp, CopyKernel>();
  table.add<ReshapeOp, CopyKernel>();
  table.add<TransposeOp, TransposeKernel>();
  table.add<ConcatOp, ConcatKernel>();
  table.add<SliceOp>(createSlice);
  table.add<PadOp>(createPad);
  table.add<GatherOp>(createGather);
  table.add<ExpandOp>(createExpand);
  table.add<ResizeOp>(createResize);
}
