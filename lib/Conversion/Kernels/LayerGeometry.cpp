//===- LayerGeometry.cpp - Extents of a layer -----------------------------===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QDialect/Conversion/WinogradPlan.h"
#include "QDialect/Int16Chains.h"

#include <algorithm>

using namespace mlir;
using namespace q::kernel;

bool LayerGeometry::gathersTaps() const {
  return groups == 1 && dilationW == 1 && kernelW > 1 &&
         q::gathersTaps(outC, kernelH, kernelW * inC);
}

template <typename OpTy> static FailureOr<LayerGeometry> readGeometry(OpTy op) {
  auto input = cast<ShapedType>(op.getInput().getType());
  auto output = cast<ShapedType>(op.getInit().getType());
  if (!input.hasStaticShape() || !output.hasStaticShape())
    return op.emitOpError("needs static shapes");
  if (op.getKernel().size() != 2 || op.getStrides().size() != 2 ||
      op.getDilations().size() != 2 || op.getPads().size() != 4)
    return op.emitOpError("kernel, strides and dilations have two entries, "
                          "pads four");
  LayerGeometry g;
  g.kernelH = op.getKernel()[0];
  g.kernelW = op.getKernel()[1];
  g.strideH = op.getStrides()[0];
  g.strideW = op.getStrides()[1];
  g.padTop = op.getPads()[0];
  g.padLeft = op.getPads()[1];
  g.padBottom = op.getPads()[2];
  g.padRight = op.getPads()[3];
  g.dilationH = op.getDilations()[0];
  g.dilationW = op.getDilations()[1];
  g.groups = op.getGroups();
  if (std::min({g.kernelH, g.kernelW, g.strideH, g.strideW, g.dilationH,
                g.dilationW, g.groups}) < 1 ||
      *std::min_element(op.getPads().begin(), op.getPads().end()) < 0)
    return op.emitOpError("kernel, strides, dilations and groups must be "
                          "positive, pads not negative");

  ArrayRef<int64_t> in = input.getShape(), out = output.getShape();
  if (in.size() == 2 && out.size() == 2) {
    g.inW = in[0];
    g.inC = in[1];
    g.outW = out[0];
    g.outC = out[1];
  } else if (in.size() == 4 && out.size() == 4) {
    g.batch = in[0];
    g.inH = in[1];
    g.inW = in[2];
    g.inC = in[3];
    g.outH = out[1];
    g.outW = out[2];
    g.outC = out[3];
    if (out[0] != g.batch)
      return op.emitOpError("input and result differ in their batch");
  } else {
    return op.emitOpError("input and result must both have rank 4, or 2");
  }
  auto extent = [](int64_t in, int64_t begin, int64_t end, int64_t kernel,
                   int64_t stride, int64_t dilation) {
    return (in + begin + end - dilation * (kernel - 1) - 1) / stride + 1;
  };
  if (g.outH != extent(g.inH, g.padTop, g.padBottom, g.kernelH, g.strideH,
                       g.dilationH) ||
      g.outW != extent(g.inW, g.padLeft, g.padRight, g.kernelW, g.strideW,
                       g.dilationW))
    return op.emitOpError("the result's height and width do not follow from "
                          "the input, the kernel and its strides");
  if (g.inC % g.groups || g.outC % g.groups)
    return op.emitOpError("groups must divide the channels");
  return g;
}

FailureOr<LayerGeometry> q::kernel::getGeometry(ConvOp op) {
  return readGeometry(op);
}

FailureOr<LayerGeometry> q::kernel::getGeometry(WinogradOp op) {
  return readGeometry(op);
}

FailureOr<LayerGeometry> q::kernel::getGeometry(DepthwiseOp op) {
  FailureOr<LayerGeometry> g = readGeometry(op);
  if (succeeded(g) && (g->groups != g->inC || g->groups != g->outC))
    return op.emitOpError("groups must equal the channels of input and result");
  return g;
}
