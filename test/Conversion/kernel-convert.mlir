// What becomes of quantized layers: which op, micro-kernel, epilogue and tile,
// and what stays for the structured lowering.
// RUN: qopt %s --convert-q-to-kernels --split-input-file | FileCheck %s
// RUN: qopt %s --convert-q-to-kernels=target=dotprod --split-input-file \
// RUN:   | FileCheck %s --check-prefix=DOT
// RUN: qopt %s --convert-q-to-kernels=target=avx512vnni --split-input-file \
// RUN:   | FileCheck %s --check-prefix=VNNI
// RUN: qopt %s --convert-q-to-kernels=fixed-point=true --split-input-file \
// RUN:   | FileCheck %s --check-prefix=FIXED

!x = tensor<3x4x!quant.uniform<u8:f32, 0.5:3>>
!w = tensor<8x4x!quant.uniform<i8<-127:127>:f32, 0.25>>
!b = tensor<8x!quant.uniform<i32:f32, 0.125>>
!y = tensor<3x8x!quant.uniform<u8:f32, 3.0:10>>

// The bias takes the zero point's cross-term: 5 - 3 * 4.
// CHECK-LABEL: func @gemm
// CHECK-SAME: (%[[X:.*]]: tensor<3x4x!quant
// CHECK: %[[IN:.*]] = builtin.unrealized_conversion_cast %[[X]]
// CHECK-DAG: %[[BIAS:.*]] = arith.constant dense<-7> : tensor<8xi32>
// CHECK-DAG: %[[WEIGHTS:.*]] = arith.constant dense<1> : tensor<32xi8>
// CHECK-DAG: %[[INIT:.*]] = tensor.empty() : tensor<3x8xi8>
// CHECK: qk.conv %[[IN]] weights %[[WEIGHTS]] bias %[[BIAS]] multipliers %{{.*}} into %[[INIT]]
// CHECK-SAME: epilogue = #qk.epilogue<float>
// CHECK-SAME: input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>
// CHECK-SAME: micro_kernel = #qk.micro_kernel<pmaddwd>
// The dot product sees x - 128: 5 - 3 * 4 + 128 * 4.
// DOT-LABEL: func @gemm
// DOT: dense<505> : tensor<8xi32>
// DOT: qk.conv
// DOT-SAME: micro_kernel = #qk.micro_kernel<sdot>
// FIXED-LABEL: func @gemm
// FIXED: qk.conv {{.*}} multipliers {{.*}} shifts
// FIXED-SAME: epilogue = #qk.epilogue<fixed64>
func.func @gemm(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<8x4xi8> as !w
  %b = q.const dense<5> : tensor<8xi32> as !b
  %y = q.gemm %x, %w bias %b : (!x, !w, !b) -> !y
  return %y : !y
}

// -----

!x = tensor<1x6x6x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x3x3x1x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x6x6x16x!quant.uniform<u8:f32, 1.0>>

// Powers of two need no multiplier; ReLU6 becomes the bounds; negative sums may
// be ties.
// CHECK-LABEL: func @depthwise
// CHECK: qk.depthwise
// CHECK-SAME: shifts
// CHECK-SAME: epilogue = #qk.epilogue<pow2>
// CHECK-SAME: output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 6>
// CHECK-SAME: ties_away
func.func @depthwise(%x: !x) -> !y {
  %w = q.const dense<-1> : tensor<16x3x3x1xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 16 : i64,
         clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x6x6x8x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x1x1x2x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x6x6x8x!quant.uniform<u8:f32, 1.0>>

// Four groups of two output channels have no kernel.
// CHECK-LABEL: func @small_groups
// CHECK: q.conv2d
// CHECK-NOT: qk.conv
func.func @small_groups(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<8x1x1x2xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>, groups = 4 : i64} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x2x2x16x!quant.uniform<i8:f32, 0.5:-128>>
!w = tensor<8x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!b = tensor<8x!quant.uniform<i32:f32, 0.125>>
!y = tensor<1x2x2x8x!quant.uniform<u8:f32, 3.0>>

// A proof chooses vpmaddubsw. It sees x + 128, and the zero point is -128, so
// both cross-terms of the bias meet: 5 + 128 * 16 - 128 * 16.
// CHECK-LABEL: func @chain
// CHECK-DAG: dense<5> : tensor<8xi32>
// CHECK: qk.conv
// CHECK-SAME: chain = #qk.chain<length = 4, amax = 255, pair_sum = 2, chain_sum = 8>
// CHECK-SAME: micro_kernel = #qk.micro_kernel<pmaddubsw>
// DOT-LABEL: func @chain
// DOT-NOT: chain =
// VNNI-LABEL: func @chain
// VNNI-NOT: chain =
// VNNI: micro_kernel = #qk.micro_kernel<vpdpbusd>
// DOT: micro_kernel = #qk.micro_kernel<sdot>
func.func @chain(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<8x1x1x16xi8> as !w
  %b = q.const dense<5> : tensor<8xi32> as !b
  %y = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>,
         int16_chain = {amax = 255 : i64, length = 4 : i64, pairs = 64 : i64,
                        unsafe_pairs = 0 : i64, pair_sum = 2 : i64, chain_sum = 8 : i64}}
       : (!x, !w, !b) -> !y
  return %y : !y
}

// -----

!x = tensor<3x4x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x4x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<3x8x!quant.uniform<u8:f32, 3.0>>

// One pair that is not safe is one too many.
// VNNI-LABEL: func @no_chain
// VNNI: micro_kernel = #qk.micro_kernel<vpdpbusd>
// CHECK-LABEL: func @no_chain
// CHECK-NOT: chain =
// CHECK: micro_kernel = #qk.micro_kernel<pmaddwd>
func.func @no_chain(%x: !x) -> !y {
  %w = q.const dense<127> : tensor<8x4xi8> as !w
  %y = q.gemm %x, %w {int16_chain = {amax = 255 : i64, length = 0 : i64, pairs = 16 : i64,
                        unsafe_pairs = 16 : i64, pair_sum = 254 : i64, chain_sum = 254 : i64}}
       : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x4x4x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<32x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x4x4x32x!quant.uniform<u8:f32, 3.0>>

// Vectors of 512 bits where panels of 16 channels fit the output, ...
// VNNI-LABEL: func @wide
// VNNI: micro_kernel = #qk.micro_kernel<vpdpbusd512>
// VNNI-SAME: tile = array<i64: 14, 2>
func.func @wide(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<32x1x1x16xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x4x4x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<24x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x4x4x24x!quant.uniform<u8:f32, 3.0>>

// ... and of 256 bits where a quarter of them would be computed twice.
// VNNI-LABEL: func @half
// VNNI: micro_kernel = #qk.micro_kernel<vpdpbusd>
func.func @half(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<24x1x1x16xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
}

// -----

// Many narrow weights for some pixels stand side by side: half a byte for each of
// 64 * 256, or a quarter.
!x = tensor<16x256x!quant.uniform<u8:f32, 0.5:3>>
!w = tensor<64x256x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<16x64x!quant.uniform<u8:f32, 3.0:10>>
// CHECK-LABEL: func @packed_weights
// CHECK-DAG: tensor<8192xi8>
// CHECK-DAG: tensor<4096xi8>
// CHECK-DAG: qk.conv {{.*}}weight_bits = 4 : i64} : (tensor<16x256xi8>, tensor<8192xi8>
// CHECK-DAG: qk.conv {{.*}}weight_bits = 2 : i64} : (tensor<16x256xi8>, tensor<4096xi8>
// CHECK-DAG: qk.conv {{.*}} : (tensor<16x256xi8>, tensor<16384xi8>
func.func @packed_weights(%x: !x) -> (!y, !y, !y) {
  %w4 = q.const dense<7> : tensor<64x256xi8> as !w
  %w2 = q.const dense<-2> : tensor<64x256xi8> as !w
  %w8 = q.const dense<8> : tensor<64x256xi8> as !w
  %y4 = q.gemm %x, %w4 : (!x, !w) -> !y
  %y2 = q.gemm %x, %w2 : (!x, !w) -> !y
  %y8 = q.gemm %x, %w8 : (!x, !w) -> !y
  return %y4, %y2, %y8 : !y, !y, !y
}

// -----

!x = tensor<3x4x!quant.uniform<u8:f32, 0.5:3>>
!w = tensor<10x4x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<3x10x!quant.uniform<u8:f32, 1.0:100>>

// Bounds of channels, as they are stored: two panels of 8 channels, the second
// of which reaches back; 255 holds everything.
// CHECK-LABEL: func @bounds
// CHECK: %[[BOUNDS:.*]] = arith.constant dense<[90, 101, 102, 103, 104, 105, 106, 107, 102, 103, 104, 105, 106, 107, -1, 110]> : tensor<16xi8>
// CHECK: qk.conv {{.*}} bounds %[[BOUNDS]] into
func.func @bounds(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<10x4xi8> as !w
  %y = q.gemm %x, %w {channel_max = array<f32: -10.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 500.0, 10.0>} : (!x, !w) -> !y
  return %y : !y
}
