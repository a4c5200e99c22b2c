//===- QBorders.td - Constants and the borders of quantization -*- tablegen -*-===//
//
// Part of the QDialect project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef QDIALECT_QBORDERS_TD
#define QDIALECT_QBORDERS_TD

include "QDialect/QOpClasses.td"

def Q_ConstOp : Q_Op<"const", [ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    The payload holds the storage values; the result type says what they mean.
    Storage of a quantized constant is a signless integer of the storage width
    rounded up to 8, 16 or 32 bits, read as unsigned where the quantized type
    is unsigned. Large payloads are `dense_resource` blobs, shared between
    passes and never copied.

    - Payload and result have the same shape.
    - A payload without a quantized result type has the result's element type.
    - A blob has exactly the bytes that the shape needs.
    - Storage values lie in the storage range. Readers check this; the verifier
      does not, as it would have to touch every weight after every pass.

    ```mlir
    %w = q.const dense<[[1, -2]]> : tensor<1x2xi8>
           as tensor<1x2x!quant.uniform<i8<-127:127>:f32, 0.5>>
    %b = q.const dense<0.5> : tensor<4xf32>
    %l = q.const dense_resource<layer7> : tensor<512x512xi8>
           as tensor<512x512x!quant.uniform<i8<-127:127>:f32, 0.0625>>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Q_Tensor:$output);
  let hasCustomAssemblyFormat = 1;
  let hasFolder = 1;
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value)>];
}

def Q_QuantizerOp : Q_Op<"quantizer", [SameOperandsAndResultType]> {
  let summary = "A place where a tensor is to be quantized";
  let description = [{
    In float this op is the identity. It says that its tensor is to be
    quantized, with which scheme, and, once calibrated, over which range of
    real numbers. `q-insert-quantizers` places it, `q-calibrate` fills in the
    range, `q-quantize` turns it into types and removes it.

    Quantizers with the same `group` share their range (rule N13).

    - `min` and `max` come together: one entry, or one per element of the
      scheme's axis; finite, and no minimum above its maximum.

    ```mlir
    // Before and after calibration.
    %1 = q.quantizer %0 <bits = 8, signed = false, symmetric = false,
           narrow = false, power_of_two = false, axis = -1>
           : tensor<1x8x8x16xf32>
    %2 = q.quantizer %0 <bits = 8, signed = false, symmetric = false,
           narrow = false, power_of_two = false, axis = -1>
           min [0.0] max [5.5] group 3 : tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input, Q_SchemeAttr:$scheme,
                       OptionalAttr<DenseF64ArrayAttr>:$min,
                       OptionalAttr<DenseF64ArrayAttr>:$max,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = [{
    $input $scheme (`min` custom<Reals>($min)^)? (`max` custom<Reals>($max)^)?
    (`group` $group^)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Q_QuantizeOp : Q_Op<"quantize"> {
  let summary = "Float to quantized (rule N3)";
  let description = [{
    In float32, in this order:

    ```
    q = clamp(round_half_even(r / S) + Z, qmin, qmax)
    ```

    NaN becomes Z, infinities saturate. Per-axis types quantize each channel
    with its own S and Z.

    - From f32 to a quantized type of the same shape.

    ```mlir
    %1 = q.quantize %0 : tensor<1x16xf32>
           -> tensor<1x16x!quant.uniform<u8:f32, 0.5:3>>
    ```
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Q_DequantizeOp : Q_Op<"dequantize"> {
  let summary = "Quantized to float (rule N1)";
  let description = [{
    `r = S (q - Z)`: the difference is exact, the product is rounded to
    float32. Per-axis types take each channel's own S and Z.

    - From a quantized type to f32 of the same shape.

    ```mlir
    %1 = q.dequantize %0 : tensor<1x16x!quant.uniform<u8:f32, 0.5:3>>
           -> tensor<1x16xf32>
    ```
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
}

def Q_RequantizeOp : Q_Op<"requantize"> {
  let summary = "From one set of quantization parameters to another (rule N10)";
  let description = [{
    ```
    q' = clamp(Z' + round((q - Z) M), qmin', qmax')      M = S / S'
    ```

    M is a fixed-point multiplier (rule N9) and `round` is that of the module's
    rounding mode. Inserted where rule N13 asks for shared parameters that
    cannot be had.

    - Operand and result are quantized per tensor and have the same shape.

    ```mlir
    %1 = q.requantize %0 : tensor<1x16x!quant.uniform<u8:f32, 0.5:3>>
           -> tensor<1x16x!quant.uniform<u8:f32, 0.25>>
    ```
  }];
  let arguments = (ins Q_Tensor:$input);
  let results = (outs Q_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // QDIALECT_QBORDERS_TD
