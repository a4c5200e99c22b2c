//===- ImportShapes.cpp - ONNX ops that change shapes ---------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reshapes in all their forms, and broadcasts. Known tensors are changed on the
// host, so that shape arithmetic leaves nothing behind.
//
//===----------------------------------------------------------------------===//

#include "Build.h"

using namespace mlir;
using namespace q;
using namespace q::onnx_import;

/// Defines the node's output as its first input under another shape.
static LogicalResult defineReshaped(Node &node, ArrayRef<int64_t> shape) {
  if (const HostTensor *tensor = node.host(0))
    return node.define(0, tensor->reshaped(shape));
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeReshape(node, *data, shape));
}

static LogicalResult importReshape(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0),
                   target = node.ints(1, "the new shape");
  if (failed(input) || failed(target))
    return failure();
  bool allowZero = node.getInt("allowzero", 0);
  std::optional<size_t> unknown;
  Shape shape(*target);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && !allowZero) {
      if (d >= input->size())
        return node.error() << "the new shape [" << ArrayRef<int64_t>(*target)
                            << "] copies dimension " << d
                            << ", which the input does not have";
      shape[d] = (*input)[d];
    } else if (shape[d] == -1 && !unknown) {
      unknown = d;
      shape[d] = 1;
    }
  }
  int64_t count = countElements(*input).value_or(0);
  std::optional<int64_t> given = countElements(shape);
  if (unknown && given && *given > 0 && count % *given == 0) {
    shape[*unknown] = count / *given;
    given = count;
  }
  if (given != count)
    return node.error() << "the input [" << ArrayRef<int64_t>(*input)
                        << "] cannot be reshaped to ["
                        << ArrayRef<int64_t>(*target)
                        << "]; if the model was exported for another batch "
                           "size, import it with that one";
  return defineReshaped(node, shape);
}

static LogicalResult importFlatten(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  if (failed(input))
    return failure();
  int64_t rank = input->size(), given = node.getInt("axis", 1);
  int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis > rank)
    return node.error() << "axis " << given
                        << " does not exist in a tensor of rank " << rank;
  int64_t rows = 1, columns = 1;
  for (int64_t d = 0; d < rank; ++d)
    (d < axis ? rows : columns) *= (*input)[d];
  return defineReshaped(node, {rows, columns});
}

static LogicalResult importSqueeze(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("axes", 1);
  if (failed(input) || failed(given))
    return failure();
  Shape axes;
  if (*given) {
    FailureOr<Shape> normal = normalizeAxes(node, **given, input->size());
    if (failed(normal))
      return failure();
    axes = *normal;
  }
  Shape shape;
  for (auto [d, extent] : llvm::enumerate(*input)) {
    bool squeezed = *given ? llvm::is_contained(axes, int64_t(d)) : extent == 1;
    if (squeezed && extent != 1)
      return node.error() << "dimension " << d << " has the extent " << extent
                          << " and cannot be squeezed";
    if (!squeezed)
      shape.push_back(extent);
  }
  return defineReshaped(node, shape);
}

static LogicalResult importUnsqueeze(Node &node) {
  FailureOr<Shape> input = node.shape(0);
  FailureOr<std::optional<Shape>> given = node.intsOf("axes", 1);
  if (failed(input) || failed(given))
    return failure();
  if (!*given)
    return node.error() << "axes are missing";
  FailureOr<Shape> axes =
      normalizeAxes(node, **given, input->size() + (*given)->size());
  if (failed(axes))
    return failure();
  Shape shape(*input);
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, 1);
  return defineReshaped(node, shape);
}

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

/// Refuses shapes that a hostile file could use to take all memory.
static LogicalResult checkComputedSize(Node &node, ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = countElements(shape);
  if (!count || *count > kMaxComputedElements)
    return node.error() << "the constant of shape [" << shape
                        << "] that it makes is too large";
  return success();
}

static LogicalResult importExpand(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0),
                   target = node.ints(1, "the new shape");
  if (failed(input) || failed(target))
    return failure();
  std::optional<Shape> shape = broadcastShapes(*input, *target);
  if (!shape || llvm::any_of(*shape, [](int64_t e) { return e < 0; }))
    return node.error() << "the input [" << ArrayRef<int64_t>(*input)
                        << "] does not broadcast to ["
                        << ArrayRef<int64_t>(*target) << "]";
  if (const HostTensor *tensor = node.host(0)) {
    if (failed(checkComputedSize(node, *shape)))
      return failure();
    Shape strides = getBroadcastStrides(*input, *shape);
    return node.define(0,
                       tensor->gathered(*shape, makeIndexMap(*shape, strides)));
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  return node.defineIfBuilt(makeExpand(node, *data, *shape));
}

/// A tile is a broadcast of new dimensions in front of the tiled ones.
static LogicalResult importTile(Node &node) {
  if (failed(node.requireInputs(2)))
    return failure();
  FailureOr<Shape> input = node.shape(0), repeats = node.ints(1, "repeats");
  if (failed(input) || failed(repeats))
    return failure();
  if (repeats->size() != input->size())
    return node.error() << "repeats must have one entry for each of the "
                        << input->size() << " dimensions";
  Shape split, expanded, result;
  for (auto [extent, repeat] : llvm::zip_equal(*input, *repeats)) {
    if (repeat < 0 || repeat > kMaxComputedElements)
      return node.error() << "repeats must not be negative or huge, but one is "
                          << repeat;
    if (repeat != 1) {
      split.push_back(1);
      expanded.push_back(repeat);
    }
    split.push_back(extent);
    expanded.push_back(extent);
    result.push_back(extent * repeat);
  }
  if (const HostTensor *tensor = node.host(0)) {
    if (failed(checkComputedSize(node, result)))
      return failure();
    Shape strides = getBroadcastStrides(split, expanded);
    return node.define(
        0, tensor->gathered(result, makeIndexMap(expanded, strides)));
  }
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  Value tiled = makeExpand(node, makeReshape(node, *data, split), expanded);
  return node.defineIfBuilt(tiled ? makeReshape(node, tiled, result) : tiled);
}

//===----------------------------------------------------------------------===//
// Blocks to channels and back
//===----------------------------------------------------------------------===//

namespace {
/// The input `[N, C, H, W]` of an op that moves blocks.
struct BlockInput {
  Value data;
  Shape shape;
  int64_t block;
};
} // namespace

static FailureOr<BlockInput> readBlockInput(Node &node) {
  FailureOr<Value> data = node.value(0);
  if (failed(data))
    return failure();
  BlockInput input{*data, Shape(shapeOf(*data)), node.getInt("blocksize", 0)};
  if (input.shape.size() != 4 || input.block < 1 || input.block > (1 << 15))
    return node.error() << "needs an input [N, C, H, W] and a positive "
                           "blocksize";
  return input;
}

static LogicalResult importDepthToSpace(Node &node) {
  FailureOr<BlockInput> input = readBlockInput(node);
  if (failed(input))
    return failure();
  auto &[data, in, b] = *input;
  if (in[1] % (b * b))
    return node.error() << in[1] << " channels are not a multiple of " << b
                        << " squared";
  int64_t depth = in[1] / (b * b);
  std::string mode = node.getString("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return node.error() << "mode '" << mode << "' is unknown";
  bool depthFirst = mode == "DCR";
  Shape split = depthFirst ? Shape{in[0], b, b, depth, in[2], in[3]}
                           : Shape{in[0], depth, b, b, in[2], in[3]};
  Shape perm = depthFirst ? Shape{0, 3, 4, 1, 5, 2} : Shape{0, 1, 4, 2, 5, 3};
  Value blocks = makeTranspose(node, makeReshape(node, data, split), perm);
  if (!blocks)
    return failure();
  return node.defineIfBuilt(
      makeReshape(node, blocks, {in[0], depth, in[2] * b, in[3] * b}));
}

static LogicalResult importSpaceToDepth(Node &node) {
  FailureOr<BlockInput> input = readBlockInput(node);
  if (failed(input))
    return failure();
  auto &[data, in, b] = *input;
  if (in[2] % b || in[3] % b)
    return node.error() << "height " << in[2] << " and width " << in[3]
                        << " must be multiples of the block size " << b;
  Value blocks = makeTranspose(
      node, makeReshape(node, data, {in[0], in[1], in[2] / b, b, in[3] / b, b}),
      {0, 3, 5, 1, 2, 4});
  if (!blocks)
    return failure();
  return node.defineIfBuilt(
      makeReshape(node, blocks, {in[0], in[1] * b * b, in[2] / b, in[3] / b}));
}

void onnx_import::addShapeHandlers(OpTable &table) {
  table["Reshape"] = importReshape;
  table["Flatten"] = importFlatten;
  table["Squeeze"] = importSqueeze;
  table["Unsqueeze"] = importUnsqueeze;
  table["Expand"] = importExpand;
  table["Tile"] = importTile;
  table["DepthToSpace"] = importDepthToSpace;
  table["SpaceToDepth"] = importSpaceToDepth;
}
