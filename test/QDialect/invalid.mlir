// RUN: qopt %s -split-input-file -verify-diagnostics

// Quantized types, whatever op they are on.

func.func @zero_point_range(%x: tensor<4xf32>) {
  // expected-error @below {{zero point 256 is outside of its storage range [0, 255] (rule N1)}}
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 0.5:256>>
  return
}

// -----

func.func @expressed_type(%x: tensor<4x!quant.uniform<u8:f16, 0.5>>) {
  // expected-error @below {{has a quantized type that expresses 'f16', but only f32 is defined}}
  %0 = q.dequantize %x : tensor<4x!quant.uniform<u8:f16, 0.5>> -> tensor<4xf32>
  return
}

// -----

func.func @storage_width(%x: tensor<4xf32>) {
  // expected-error @below {{has a quantized type of 24 bits; 2 to 16, and 32 for biases, are defined (rule N2)}}
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!quant.uniform<i24:f32, 0.5>>
  return
}

// -----

func.func @per_axis_count(%x: tensor<4x3xf32>) {
  // expected-error @below {{has 2 per-axis scales for the 3 elements of dimension 1}}
  %0 = q.quantize %x : tensor<4x3xf32> -> tensor<4x3x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
  return
}

// -----

func.func @per_axis_dimension(%x: tensor<4xf32>) {
  // expected-error @below {{has per-axis scales along dimension 1 of a tensor of rank 1}}
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
  return
}

// -----

func.func @per_axis_zero_point(%x: tensor<2xf32>) {
  // expected-error @below {{zero point -129 is outside of its storage range [-128, 127]}}
  %0 = q.quantize %x : tensor<2xf32> -> tensor<2x!quant.uniform<i8:f32:0, {0.5:1, 0.25:-129}>>
  return
}

// -----

func.func @any_quantized(%x: tensor<4x!quant.any<i8:f32>>) {
  // expected-error @below {{only uniform per-tensor and per-axis types are defined}}
  %0 = q.dequantize %x : tensor<4x!quant.any<i8:f32>> -> tensor<4xf32>
  return
}

// -----

// Constants.

func.func @const_shape() {
  // expected-error @below {{has a payload of shape [2] for a result of shape [1, 2]}}
  %0 = q.const dense<1> : tensor<2xi8> as tensor<1x2x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @const_storage() {
  // expected-error @below {{stored in signless integers of its width rounded up to 8, 16 or 32 bits}}
  %0 = q.const dense<1> : tensor<2xi16> as tensor<2x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @const_unsigned_storage() {
  // expected-error @below {{has a payload of 'ui8'}}
  %0 = q.const dense<1> : tensor<2xui8> as tensor<2x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

func.func @const_element_type() {
  // expected-error @below {{has a payload of 'i32' for a result of 'f32'}}
  %0 = q.const dense<1> : tensor<2xi32> as tensor<2xf32>
  return
}

// -----

func.func @const_blob_size() {
  // expected-error @below {{has a resource of 3 bytes, but 'tensor<2x2xi8>' needs 4}}
  %0 = q.const dense_resource<short> : tensor<2x2xi8> as tensor<2x2x!quant.uniform<i8:f32, 0.5>>
  return
}
{-# dialect_resources: { builtin: { short: "0x01000000010203" } } #-}

// -----

// Borders.

func.func @quantize_types(%x: tensor<4xi32>) {
  // expected-error @below {{must turn f32 into a quantized type}}
  %0 = q.quantize %x : tensor<4xi32> -> tensor<4x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @quantize_shape(%x: tensor<4xf32>) {
  // expected-error @below {{must not change the shape}}
  %0 = q.quantize %x : tensor<4xf32> -> tensor<2x2x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @dequantize_types(%x: tensor<4xf32>) {
  // expected-error @below {{must turn a quantized type into f32}}
  %0 = q.dequantize %x : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @requantize_types(%x: tensor<2x!quant.uniform<i8:f32:0, {0.5, 0.25}>>) {
  // expected-error @below {{must turn one per-tensor quantized type into another}}
  %0 = q.requantize %x : tensor<2x!quant.uniform<i8:f32:0, {0.5, 0.25}>> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @scheme_bits(%x: tensor<4xf32>) {
  // expected-error @+1 {{bits must be 2 to 16, or 32 for a bias, but is 17}}
  %0 = q.quantizer %x <bits = 17, signed = false, symmetric = false, narrow = false, power_of_two = false, axis = -1> : tensor<4xf32>
  return
}

// -----

func.func @scheme_power_of_two(%x: tensor<4xf32>) {
  // expected-error @+1 {{a power-of-two scheme must be symmetric (rule N5)}}
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = false, power_of_two = true, axis = -1> : tensor<4xf32>
  return
}

// -----

func.func @scheme_narrow(%x: tensor<4xf32>) {
  // expected-error @+1 {{a narrow range needs signed storage (rule N2)}}
  %0 = q.quantizer %x <bits = 8, signed = false, symmetric = false, narrow = true, power_of_two = false, axis = -1> : tensor<4xf32>
  return
}

// -----

func.func @scheme_axis(%x: tensor<4xf32>) {
  // expected-error @+1 {{axis must be a dimension, or -1 for one scale per tensor, but is -2}}
  %0 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -2> : tensor<4xf32>
  return
}

// -----

func.func @quantizer_axis(%x: tensor<4xf32>) {
  // expected-error @below {{has scheme axis 1 for a tensor of rank 1}}
  %0 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = 1> : tensor<4xf32>
  return
}

// -----

func.func @quantizer_half_a_range(%x: tensor<4xf32>) {
  // expected-error @below {{must have both a minimum and a maximum, or neither}}
  %0 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [0.0] : tensor<4xf32>
  return
}

// -----

func.func @quantizer_range_count(%x: tensor<4xf32>) {
  // expected-error @below {{must have 1 minima and maxima, but has 2 and 1}}
  %0 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [0.0, 1.0] max [2.0] : tensor<4xf32>
  return
}

// -----

func.func @quantizer_range_order(%x: tensor<4xf32>) {
  // expected-error @below {{has an invalid range [3.000000e+00, 2.000000e+00]}}
  %0 = q.quantizer %x <bits = 8, signed = true, symmetric = true, narrow = false, power_of_two = false, axis = -1> min [3.0] max [2.0] : tensor<4xf32>
  return
}

// -----

// Layers: types.

func.func @conv_mixes(%x: tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>, %w: tensor<1x1x1x1xf32>) {
  // expected-error @below {{must have input, weights and result all float or all quantized}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
  return
}

// -----

func.func @gemm_folded_float(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{folds a zero point, but is not quantized}}
  %0 = q.gemm %x, %w {zero_point_folded} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @gemm_quantized_bias_in_float(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3x!quant.uniform<i32:f32, 0.5>>) {
  // expected-error @below {{has a quantized bias but is float}}
  %0 = q.gemm %x, %w bias %b : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3x!quant.uniform<i32:f32, 0.5>>) -> tensor<1x3xf32>
  return
}

// -----

!x = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!w = tensor<3x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
func.func @gemm_weights_axis(%x: !x, %w: !w) {
  // expected-error @below {{has weights quantized along dimension 1, but output channels are dimension 0}}
  %0 = q.gemm %x, %w : (!x, !w) -> tensor<1x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!x = tensor<2x2x!quant.uniform<u8:f32:0, {0.5, 0.5}>>
!w = tensor<3x2x!quant.uniform<i8:f32, 0.5>>
func.func @gemm_input_per_axis(%x: !x, %w: !w) {
  // expected-error @below {{must have an input and a result that are quantized per tensor; only weights and bias may be per axis}}
  %0 = q.gemm %x, %w : (!x, !w) -> tensor<2x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!x = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!w = tensor<3x2x!quant.uniform<i8:f32, 0.5>>
func.func @gemm_float_bias(%x: !x, %w: !w, %b: tensor<3xf32>) {
  // expected-error @below {{is quantized, so its bias must be quantized to int32 (rule N7)}}
  %0 = q.gemm %x, %w bias %b : (!x, !w, tensor<3xf32>) -> tensor<1x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!x = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!w = tensor<3x2x!quant.uniform<i8:f32, 0.5>>
!b = tensor<3x!quant.uniform<i32:f32, 0.5>>
func.func @gemm_bias_scale(%x: !x, %w: !w, %b: !b) {
  // expected-error @below {{has a bias of scale 5.000000e-01 where input and weights have scales of product 2.500000e-01 (rule N7)}}
  %0 = q.gemm %x, %w bias %b : (!x, !w, !b) -> tensor<1x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!x = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!w = tensor<3x2x!quant.uniform<i8:f32, 0.5>>
!b = tensor<3x!quant.uniform<i32:f32, 0.25:1>>
func.func @gemm_bias_zero_point(%x: !x, %w: !w, %b: !b) {
  // expected-error @below {{has a bias with zero point 1, but it must be 0 (rule N7)}}
  %0 = q.gemm %x, %w bias %b : (!x, !w, !b) -> tensor<1x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!x = tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>
!w = tensor<1x1x1x1x!quant.uniform<i8:f32, 0.5>>
func.func @conv_residual_without_intermediate(%x: !x, %w: !w) {
  // expected-error @below {{adds a residual, so it must state the 'intermediate' type of its sum before it}}
  %0 = q.conv2d %x, %w residual %x {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (!x, !w, !x) -> !x
  return
}

// -----

!x = tensor<1x2x2x1xf32>
!w = tensor<1x1x1x1xf32>
func.func @conv_intermediate_without_residual(%x: !x, %w: !w) {
  // expected-error @below {{has an 'intermediate' type without a quantized residual}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, intermediate = !quant.uniform<i8:f32, 0.5>} : (!x, !w) -> !x
  return
}

// -----

!x = tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>
!w = tensor<1x1x1x1x!quant.uniform<i8:f32, 0.5>>
func.func @conv_intermediate_type(%x: !x, %w: !w) {
  // expected-error @below {{must have a uniform quantized 'intermediate' type}}
  %0 = q.conv2d %x, %w residual %x {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, intermediate = i8} : (!x, !w, !x) -> !x
  return
}

// -----

!x = tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>
!w = tensor<1x1x1x1x!quant.uniform<i8:f32, 0.5>>
func.func @conv_intermediate_zero_point(%x: !x, %w: !w) {
  // expected-error @below {{zero point 200 is outside of its storage range}}
  %0 = q.conv2d %x, %w residual %x {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, intermediate = !quant.uniform<i8:f32, 0.5:200>} : (!x, !w, !x) -> !x
  return
}

// -----

!x = tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>
!w = tensor<1x1x1x1x!quant.uniform<i8:f32, 0.5>>
func.func @conv_float_residual(%x: !x, %w: !w, %r: tensor<1x2x2x1xf32>) {
  // expected-error @below {{is quantized, so its residual must be quantized per tensor}}
  %0 = q.conv2d %x, %w residual %r {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, intermediate = !quant.uniform<i8:f32, 0.5>} : (!x, !w, tensor<1x2x2x1xf32>) -> !x
  return
}

// -----

!x = tensor<1x2x2x1xf32>
!w = tensor<1x1x1x1xf32>
!r = tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>
func.func @conv_quantized_residual_in_float(%x: !x, %w: !w, %r: !r) {
  // expected-error @below {{adds a quantized residual but is float}}
  %0 = q.conv2d %x, %w residual %r {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (!x, !w, !r) -> !x
  return
}

// -----

// Bounds.

func.func @empty_clamp(%x: tensor<4xf32>) {
  // expected-error @below {{clamps to an empty range [6.000000e+00, 0.000000e+00]}}
  %0 = q.clamp %x {clamp_min = 6.0 : f32, clamp_max = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @channel_max_count(%x: tensor<1x3xf32>, %w: tensor<2x3xf32>) {
  // expected-error @below {{has 3 values of 'channel_max' for 2 channels}}
  %0 = q.gemm %x, %w {channel_max = array<f32: 1.0, 2.0, 3.0>} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @channel_max_scalar(%x: tensor<f32>) {
  // expected-error @below {{has 1 values of 'channel_max' for 0 channels}}
  %0 = q.add %x, %x {channel_max = array<f32: 1.0>} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @channel_max_infinite(%x: tensor<1x3xf32>, %w: tensor<2x3xf32>) {
  // expected-error @below {{bounds channel 1 by a number that is not finite; the largest one that its type can hold bounds nothing}}
  %0 = q.gemm %x, %w {channel_max = array<f32: 1.0, 0x7F800000>} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @channel_max_below_minimum(%x: tensor<1x3xf32>, %w: tensor<2x3xf32>) {
  // expected-error @below {{clamps channel 0 to an empty range [0.000000e+00, -1.000000e+00]}}
  %0 = q.gemm %x, %w {clamp_min = 0.0 : f32, channel_max = array<f32: -1.0, 2.0>} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @nan_clamp(%x: tensor<4xf32>) {
  // expected-error @below {{has a clamp bound that is not a number}}
  %0 = q.add %x, %x {clamp_min = 0x7FC00000 : f32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// One arithmetic per op.

func.func @add_mixes(%x: tensor<4xf32>, %y: tensor<4x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{must have operands and result all float or all quantized; put q.quantize or q.dequantize between}}
  %0 = q.add %x, %y : (tensor<4xf32>, tensor<4x!quant.uniform<u8:f32, 0.5>>) -> tensor<4xf32>
  return
}

// -----

!x = tensor<2x!quant.uniform<u8:f32:0, {0.5, 0.25}>>
func.func @unary_per_axis(%x: !x) {
  // expected-error @below {{must be quantized per tensor, but one type is}}
  %0 = q.unary tanh %x : (!x) -> !x
  return
}

// -----

!x = tensor<2x!quant.uniform<i32:f32, 0.5>>
func.func @add_of_accumulators(%x: !x) {
  // expected-error @below {{computes with at most 16 bits, but one type is '!quant.uniform<i32:f32, 5.000000e-01>'; put a q.requantize between}}
  %0 = q.add %x, %x : (!x, !x) -> !x
  return
}

// -----

!x = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!w = tensor<3x2x!quant.uniform<i32:f32, 0.5>>
func.func @gemm_wide_weights(%x: !x, %w: !w) {
  // expected-error @below {{computes with at most 16 bits beside its bias, but one type is}}
  %0 = q.gemm %x, %w : (!x, !w) -> tensor<1x3x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

func.func @mean_mixes(%x: tensor<4x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{must have operands and result all float or all quantized}}
  %0 = q.reduce mean %x {axes = array<i64: 0>} : (tensor<4x!quant.uniform<u8:f32, 0.5>>) -> tensor<f32>
  return
}

// -----

// Shared parameters (N13).

!a = tensor<1x2x!quant.uniform<u8:f32, 0.5>>
!b = tensor<1x2x!quant.uniform<u8:f32, 0.25>>
func.func @concat_parameters(%a: !a, %b: !b) {
  // expected-error @below {{differs from '!quant.uniform<u8:f32, 5.000000e-01>'; insert a q.requantize}}
  %0 = q.concat %a, %b {axis = 1 : i64} : (!a, !b) -> tensor<1x4x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

!a = tensor<2x!quant.uniform<u8:f32:0, {0.5, 0.25}>>
func.func @reshape_per_axis(%a: !a) {
  // expected-error @below {{moves bits, so its quantized types must be per tensor}}
  %0 = q.reshape %a : (!a) -> !a
  return
}

// -----

func.func @max_mixes(%x: tensor<4xf32>, %y: tensor<4x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{mixes quantized and other operands or results}}
  %0 = q.max %x, %y : (tensor<4xf32>, tensor<4x!quant.uniform<u8:f32, 0.5>>) -> tensor<4xf32>
  return
}

// -----

func.func @reduce_max_parameters(%x: tensor<4x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{must share their quantization parameters (rule N13)}}
  %0 = q.reduce max %x {axes = array<i64: 0>} : (tensor<4x!quant.uniform<u8:f32, 0.5>>) -> tensor<!quant.uniform<u8:f32, 0.25>>
  return
}

// -----

func.func @nearest_parameters(%x: tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{must share their quantization parameters (rule N13)}}
  %0 = q.resize %x {mode = #q<resize_mode nearest>, coordinates = #q<coordinate_mode asymmetric>, scales = array<f32: 2.0, 1.0>} : (tensor<1x2x2x1x!quant.uniform<u8:f32, 0.5>>) -> tensor<1x4x2x1x!quant.uniform<u8:f32, 0.25>>
  return
}

// -----

// Pools, reductions, normalizations.

func.func @pool_of_padding(%x: tensor<1x4x4x1xf32>) {
  // expected-error @below {{pads by 2 a window that spans 2: some windows would see padding only}}
  %0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>) -> tensor<1x5x3x1xf32>
  return
}

// -----

func.func @reduce_nothing(%x: tensor<4xf32>) {
  // expected-error @below {{needs at least one axis}}
  %0 = q.reduce sum %x {axes = array<i64>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @reduce_order(%x: tensor<4x4xf32>) {
  // expected-error @below {{needs axes in ascending order without repetition}}
  %0 = q.reduce sum %x {axes = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @softmax_axis(%x: tensor<4x4xf32>) {
  // expected-error @below {{has axis 2 for a tensor of rank 2}}
  %0 = q.softmax %x {axis = 2 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @lrn_size(%x: tensor<1x4x4x2xf32>) {
  // expected-error @below {{normalizes over 0 channels}}
  %0 = q.lrn %x {size = 0 : i64, alpha = 1.0 : f32, beta = 1.0 : f32, bias = 1.0 : f32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return
}

// -----

func.func @layer_norm_axis(%x: tensor<4x4xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{has axis 2 for a tensor of rank 2}}
  %0 = q.layer_norm %x, %s {axis = 2 : i64, epsilon = 0.1 : f32} : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @layer_norm_scale(%x: tensor<4x4xf32>, %s: tensor<3xf32>) {
  // expected-error @below {{has a parameter of shape [3] for rows of shape [4]}}
  %0 = q.layer_norm %x, %s {axis = 1 : i64, epsilon = 0.1 : f32} : (tensor<4x4xf32>, tensor<3xf32>) -> tensor<4x4xf32>
  return
}

// -----

!x = tensor<4x4x!quant.uniform<u8:f32, 0.5>>
func.func @layer_norm_mixes(%x: !x, %s: tensor<4xf32>) {
  // expected-error @below {{must have input and result both float or both quantized}}
  %0 = q.layer_norm %x, %s {axis = 1 : i64, epsilon = 0.1 : f32} : (!x, tensor<4xf32>) -> tensor<4x4xf32>
  return
}

// -----

!x = tensor<4x4x!quant.uniform<u8:f32, 0.5>>
!s = tensor<4x!quant.uniform<u8:f32, 0.5>>
func.func @layer_norm_quantized_scale(%x: !x, %s: !s) {
  // expected-error @below {{takes its scale and shift in float}}
  %0 = q.layer_norm %x, %s {axis = 1 : i64, epsilon = 0.1 : f32} : (!x, !s) -> !x
  return
}

// -----

func.func @batch_norm_parameters(%x: tensor<1x2x2x3xf32>, %p: tensor<2xf32>) {
  // expected-error @below {{needs parameters of shape [3], but one has type 'tensor<2xf32>'}}
  %0 = q.batch_norm %x scale %p shift %p mean %p variance %p {epsilon = 0.1 : f32} : (tensor<1x2x2x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x3xf32>
  return
}

// -----

func.func @batch_norm_quantized(%x: tensor<1x2x2x2x!quant.uniform<u8:f32, 0.5>>, %p: tensor<2xf32>) {
  // expected-error @below {{is defined in float only; run q-fold-batch-norm before quantizing}}
  %0 = q.batch_norm %x scale %p shift %p mean %p variance %p {epsilon = 0.1 : f32} : (tensor<1x2x2x2x!quant.uniform<u8:f32, 0.5>>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  return
}

// -----

// Data movement.

func.func @reshape_count(%x: tensor<4xf32>) {
  // expected-error @below {{turns 4 elements into 6}}
  %0 = q.reshape %x : (tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @reshape_element_type(%x: tensor<4xf32>) {
  // expected-error @below {{turns 'f32' into 'i32'}}
  %0 = q.reshape %x : (tensor<4xf32>) -> tensor<4xi32>
  return
}

// -----

func.func @expand_shape(%x: tensor<2x4xf32>) {
  // expected-error @below {{cannot expand [2, 4] to [3, 4]}}
  %0 = q.expand %x : (tensor<2x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @resize_channels(%x: tensor<1x2x2x1xf32>) {
  // expected-error @below {{must resize the height and width of [N, H, W, C]}}
  %0 = q.resize %x {mode = #q<resize_mode nearest>, coordinates = #q<coordinate_mode asymmetric>, scales = array<f32: 2.0, 1.0>} : (tensor<1x2x2x1xf32>) -> tensor<1x4x2x2xf32>
  return
}

// -----

func.func @resize_scale(%x: tensor<1x2x2x1xf32>) {
  // expected-error @below {{needs a positive scale for height and width}}
  %0 = q.resize %x {mode = #q<resize_mode nearest>, coordinates = #q<coordinate_mode asymmetric>, scales = array<f32: -2.0, 1.0>} : (tensor<1x2x2x1xf32>) -> tensor<1x4x2x1xf32>
  return
}

// -----

func.func @arg_reduce_kind(%x: tensor<2x3xf32>) {
  // expected-error @below {{finds the index of a maximum or minimum, but its kind is mean}}
  %0 = q.arg_reduce mean %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @arg_reduce_extent(%x: tensor<16777217xf32>) {
  // expected-error @below {{has 16777217 elements along its axis, but float32 holds indices below 2^24 exactly}}
  %0 = q.arg_reduce max %x {axis = 0 : i64} : (tensor<16777217xf32>) -> tensor<1xf32>
  return
}

// -----

// Sizes that passes compute with stay far from overflow.
func.func @huge_tensor(%x: tensor<1152921504606846976x2xf32>) {
  // expected-error @below {{which has more than 2^34 elements}}
  %0 = q.clamp %x {clamp_min = 0.0 : f32} : (tensor<1152921504606846976x2xf32>) -> tensor<1152921504606846976x2xf32>
  return
}

// -----

!u = !quant.uniform<i8:f32, 1.0>
func.func @many_channels(%x: tensor<1x1x!u>, %w: tensor<17179869184x1x!u>, %b: tensor<17179869184x!quant.uniform<i32:f32, 2.0>>) {
  // expected-error @below {{has a bias of scale 2.000000e+00 where input and weights have scales of product 1.000000e+00}}
  %0 = q.gemm %x, %w bias %b : (tensor<1x1x!u>, tensor<17179869184x1x!u>, tensor<17179869184x!quant.uniform<i32:f32, 2.0>>) -> tensor<1x17179869184x!u>
  return
}
