//===- QMovement.td - Ops that move bits (rule N13) --------*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QMOVEMENT_TD
#define QDIALECT_QMOVEMENT_TD

include "QDialect/QOpClasses.td"

def Q_ConcatOp : Q_ShapedOp<"concat", [Q_SharesParameters]> {
  let summary = "Tensors side by side along one dimension (rule N13)";
  let description = [{
    - The inputs have the same shape outside of `axis` and, quantized, the same
      parameters as each other and the result.

    ```mlir
    %0 = q.concat %a, %b {axis = 3 : i64}
         : (tensor<1x8x8x4xf32>, tensor<1x8x8x12xf32>) -> tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Variadic<Q_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Q_SliceOp : Q_ShapedOp<"slice", [Q_SharesParameters]> {
  let summary = "A strided box of a tensor (rule N13)";
  let description = [{
    One entry per dimension: element `i` of the result is element
    `starts + i * steps` of the input. Steps may be negative, not zero.

    - Every element lies inside the input.

    ```mlir
    // The last two columns, in reverse.
    %0 = q.slice %x {starts = array<i64: 0, 7>, sizes = array<i64: 4, 2>,
           steps = array<i64: 1, -1>} : (tensor<4x8xf32>) -> tensor<4x2xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$starts,
                       DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$steps);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Q_PadOp : Q_ShapedOp<"pad", [Q_SharesParameters]> {
  let summary = "A border around a tensor (rule N13)";
  let description = [{
    `low` and `high` give the border per dimension. A constant border holds
    `value`, quantized by rule N3 where the tensor is; `edge` repeats the
    outermost element, `reflect` mirrors the tensor at it.

    - No border is negative (`q.slice` cuts); a reflected border is smaller
      than its dimension.

    ```mlir
    %0 = q.pad %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>}
         : (tensor<1x8x8x3xf32>) -> tensor<1x10x10x3xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high,
                       DefaultValuedAttr<Q_PadModeAttr,
                                         "::q::PadMode::Constant">:$mode,
                       DefaultValuedAttr<F32Attr, "0.0f">:$value);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
}

def Q_TransposeOp : Q_ShapedOp<"transpose", [Q_SharesParameters]> {
  let summary = "Dimensions in another order (rule N13)";
  let description = [{
    Dimension `i` of the result is dimension `perm[i]` of the input.

    - `perm` names each dimension once.

    ```mlir
    %0 = q.transpose %x {perm = array<i64: 0, 3, 1, 2>}
         : (tensor<1x8x8x3xf32>) -> tensor<1x3x8x8xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Q_ReshapeOp : Q_Op<"reshape", [Q_SharesParameters]> {
  let summary = "The same elements in row-major order under another shape (rule N13)";
  let description = [{
    - Operand and result have as many elements and, not quantized, the same
      element type.

    ```mlir
    %0 = q.reshape %x : (tensor<1x4x4x16xf32>) -> tensor<1x256xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Q_GatherOp : Q_ShapedOp<"gather", [Q_SharesParameters]> {
  let summary = "Slices of one dimension, by constant index (rule N13)";
  let description = [{
    The result replaces dimension `axis` by `indices`, in their order. A scalar
    index of ONNX is a gather of one index and a reshape.

    - Every index is at least 0 and below the extent.

    ```mlir
    // Swap the first two channels and drop the third.
    %0 = q.gather %x {indices = array<i64: 1, 0>, axis = 3 : i64}
         : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x2xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, DenseI64ArrayAttr:$indices,
                       I64Attr:$axis);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
}

def Q_ExpandOp : Q_Op<"expand", [Q_SharesParameters]> {
  let summary = "Broadcast to a larger shape (rule N13)";
  let description = [{
    As numpy broadcasts: trailing dimensions align, and a dimension of 1 is
    repeated.

    - Every other dimension has the extent of the result's.

    ```mlir
    %0 = q.expand %x : (tensor<16xf32>) -> tensor<1x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Q_ResizeOp : Q_Op<"resize"> {
  let summary = "Spatial resampling of `[N, H, W, C]`, nearest or linear";
  let description = [{
    `scales` are the height and width factors as the model gives them, or the
    result extent divided by the input extent where it gives sizes. Where
    `scales` is that quotient rounded to float32, the exact quotient is used.
    Coordinates outside the image are cut to its edge.

    Nearest moves bits (rule N13). Linear, quantized: the two weights of each
    axis are integers that add up to 2^11, the weighted sum is exact, and there
    is one rounding:

    ```
    acc = sum wy wx (q - Z)                        two rows, two columns
    q'  = clamp(Z' + round(acc * M), qmin', qmax')      M = S / (S' 2^22)
    ```

    - Only height and width change. Nearest keeps the quantization parameters.

    ```mlir
    %0 = q.resize %x {mode = #q<resize_mode linear>,
           coordinates = #q<coordinate_mode half_pixel>,
           scales = array<f32: 2.0, 2.0>}
         : (tensor<1x8x8x16xf32>) -> tensor<1x16x16x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_ResizeModeAttr:$mode,
                       Q_CoordinateModeAttr:$coordinates,
                       DefaultValuedAttr<Q_NearestModeAttr,
                         "::q::NearestMode::RoundPreferFloor">:$nearest,
                       DenseF32ArrayAttr:$scales);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $output)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif // QDIALECT_QMOVEMENT_TD
