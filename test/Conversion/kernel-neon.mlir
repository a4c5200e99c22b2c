// Which instructions a dense layer takes on NEON, and why they are exact.
// RUN: qopt %s --convert-q-to-kernels=target=neon --split-input-file \
// RUN:   | FileCheck %s
// RUN: qopt %s --convert-q-to-kernels=target=i8mm --split-input-file \
// RUN:   | FileCheck %s --check-prefix=I8MM

!x = tensor<1x2x2x32x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x1x1x32x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x2x2x8x!quant.uniform<u8:f32, 3.0>>

// Two products of any such weights fit: 2 * 128 * 127. The micro-kernel sees
// x - 128, whose cross-term is 128 * 32 * 127. SQDMULH and SRSHL requantize in
// fewer instructions than float32 would.
// CHECK-LABEL: func @any
// CHECK-DAG: dense<520192> : tensor<8xi32>
// CHECK: qk.conv
// CHECK-SAME: epilogue = #qk.epilogue<fixed64>
// CHECK-SAME: micro_kernel = #qk.micro_kernel<smull>
// CHECK-SAME: signed_chain = #qk.signed_chain<length = 2, lo = -128, hi = 127, sum_min = -32512, sum_max = 32258>
// CHECK-SAME: tile = array<i64: 3, 2>
// USMMLA multiplies unsigned activations as they are.
// I8MM-LABEL: func @any
// I8MM: qk.conv
// I8MM-NOT: signed_chain
// I8MM-SAME: micro_kernel = #qk.micro_kernel<usmmla>
func.func @any(%x: !x) -> !y {
  %w = q.const dense<127> : tensor<8x1x1x32xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x2x2x32x!quant.uniform<i8:f32, 0.5>>
!w = tensor<8x1x1x32x!quant.uniform<i8:f32, 0.25>>
!y = tensor<1x2x2x8x!quant.uniform<u8:f32, 3.0>>

// -128 * -128 twice does not fit, once does.
// CHECK-LABEL: func @lowest
// CHECK: signed_chain = #qk.signed_chain<length = 1, lo = -128, hi = 127, sum_min = -16256, sum_max = 16384>
// I8MM-LABEL: func @lowest
// I8MM: micro_kernel = #qk.micro_kernel<smmla>
func.func @lowest(%x: !x) -> !y {
  %w = q.const dense<-128> : tensor<8x1x1x32xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x2x2x64x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x1x1x64x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x2x2x8x!quant.uniform<u8:f32, 3.0>>

// Clamped activations prove longer chains: 0 to 140 are -70 to 70 once they are
// centred, and four weights of 100 may meet, which takes two pixels a tile. The
// bias gives 70 * 64 * 100 back.
// CHECK-LABEL: func @clamped
// CHECK-DAG: dense<448000> : tensor<8xi32>
// CHECK: signed_chain = #qk.signed_chain<length = 4, lo = -70, hi = 70, sum_min = -28000, sum_max = 28000>
// CHECK-SAME: tile = array<i64: 2, 2>
func.func @clamped(%x: !x) -> !y {
  %w = q.const dense<100> : tensor<8x1x1x64xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>,
         int16_chain = {amax = 140 : i64, length = 2 : i64, pairs = 128 : i64,
                        unsafe_pairs = 0 : i64, pair_sum = 126 : i64, chain_sum = 252 : i64}}
       : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x4x4x1x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x3x3x1x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x2x2x8x!quant.uniform<u8:f32, 3.0>>

// Rows of three products would leave most of a step empty.
// CHECK-LABEL: func @short
// CHECK: micro_kernel = #qk.micro_kernel<smlal>
// I8MM-LABEL: func @short
// I8MM: micro_kernel = #qk.micro_kernel<usdot>
func.func @short(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<8x3x3x1xi8> as !w
  %y = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x64x!quant.uniform<u8:f32, 0.5>>
!w = tensor<8x64x!quant.uniform<i8<-127:127>:f32, 0.25>>
!y = tensor<1x8x!quant.uniform<u8:f32, 3.0>>

// One pixel has no partner for USMMLA.
// I8MM-LABEL: func @single
// I8MM: micro_kernel = #qk.micro_kernel<usdot>
func.func @single(%x: !x) -> !y {
  %w = q.const dense<1> : tensor<8x64xi8> as !w
  %y = q.gemm %x, %w : (!x, !w) -> !y
  return %y : !y
}

// -----

!x = tensor<1x6x6x16x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x3x3x1x!quant.uniform<i8:f32, 0.25>>
!y = tensor<1x4x4x16x!quant.uniform<u8:f32, 3.0>>

// The products of a column of a window meet in int16: two of any weights but
// -128, which take SMLAL, or all three of smaller ones.
// CHECK-LABEL: func @columns
// CHECK: qk.depthwise
// CHECK-SAME: micro_kernel = #qk.micro_kernel<smull_lanes>
// CHECK-SAME: signed_chain = #qk.signed_chain<length = 2, lo = -128, hi = 127, sum_min = -32512, sum_max = 32258>
// CHECK: qk.depthwise
// CHECK-SAME: signed_chain = #qk.signed_chain<length = 4, lo = -128, hi = 127, sum_min = -32640, sum_max = 32385>
// CHECK: qk.depthwise
// CHECK-SAME: micro_kernel = #qk.micro_kernel<smlal>
// I8MM-LABEL: func @columns
// I8MM: qk.depthwise
// I8MM-SAME: micro_kernel = #qk.micro_kernel<usdot>
func.func @columns(%x: !x) -> (!y, !y, !y) {
  %w0 = q.const dense<127> : tensor<16x3x3x1xi8> as !w
  %w1 = q.const dense<85> : tensor<16x3x3x1xi8> as !w
  %w2 = q.const dense<-128> : tensor<16x3x3x1xi8> as !w
  %y0 = q.conv2d %x, %w0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
          dilations = array<i64: 1, 1>, groups = 16 : i64} : (!x, !w) -> !y
  %y1 = q.conv2d %x, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
          dilations = array<i64: 1, 1>, groups = 16 : i64} : (!x, !w) -> !y
  %y2 = q.conv2d %x, %w2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
          dilations = array<i64: 1, 1>, groups = 16 : i64} : (!x, !w) -> !y
  return %y0, %y1, %y2 : !y, !y, !y
}
