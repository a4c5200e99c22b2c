// Which layers are computed in stripes, and that every row comes from the rows
// that its window covers.
// RUN: qopt %s --pass-pipeline='builtin.module(func.func(q-compute-in-stripes))' --split-input-file | FileCheck %s

!x = tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5>>
!e = tensor<1x8x8x96x!quant.uniform<u8:f32, 0.5:3>>
!p = tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5:7>>
!we = tensor<96x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!wd = tensor<96x3x3x1x!quant.uniform<i8<-127:127>:f32, 0.25>>
!wp = tensor<16x1x1x96x!quant.uniform<i8<-127:127>:f32, 0.25>>

// An inverted residual. The first stripe has the padding above, the last that
// below, and the residual is cut like the result.
// CHECK-LABEL: func @inverted_residual
// CHECK-SAME: (%[[ARG:.*]]: tensor<1x8x8x16xf32>)
// CHECK: %[[X:.*]] = q.quantize
// CHECK: %[[X0:.*]] = q.slice %[[X]] {sizes = array<i64: 1, [[R:[0-9]+]], 8, 16>, starts = array<i64: 0, 0, 0, 0>
// CHECK: %[[E0:.*]] = q.conv2d %[[X0]], {{.*}} -> tensor<1x[[R]]x8x96x
// CHECK: %[[D0:.*]] = q.conv2d %[[E0]], {{.*}}pads = array<i64: 1, 1, 0, 1>{{.*}} -> tensor<1x[[S:[0-9]+]]x8x96x
// CHECK: %[[R0:.*]] = q.slice %[[X]] {sizes = array<i64: 1, [[S]], 8, 16>, starts = array<i64: 0, 0, 0, 0>
// CHECK: %[[P0:.*]] = q.conv2d %[[D0]], {{.*}} residual %[[R0]] {{.*}} -> tensor<1x[[S]]x8x16x
// CHECK: q.conv2d {{.*}}pads = array<i64: 0, 1, 1, 1>
// CHECK: %[[P:.*]] = q.concat %[[P0]], {{.*}} {axis = 1 : i64}
// CHECK: q.dequantize %[[P]]
func.func @inverted_residual(%arg: tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32> {
  %we = q.const dense<1> : tensor<96x1x1x16xi8> as !we
  %wd = q.const dense<1> : tensor<96x3x3x1xi8> as !wd
  %wp = q.const dense<1> : tensor<16x1x1x96xi8> as !wp
  %x = q.quantize %arg : tensor<1x8x8x16xf32> -> !x
  %e = q.conv2d %x, %we {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !we) -> !e
  %d = q.conv2d %e, %wd {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
         dilations = array<i64: 1, 1>, groups = 96 : i64} : (!e, !wd) -> !e
  %p = q.conv2d %d, %wp residual %x {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>,
         intermediate = !quant.uniform<u8:f32, 0.5:7>} : (!e, !wp, !x) -> !p
  %y = q.dequantize %p : !p -> tensor<1x8x8x16xf32>
  return %y : tensor<1x8x8x16xf32>
}

// -----

// A max pool is a layer like the others: its first window begins in the padding
// above, and a stripe of one row looks at three rows of the convolution. Where
// the last window ends inside of the image there is none below.
// CHECK-LABEL: func @pool
// CHECK: %[[C0:.*]] = q.conv2d {{.*}} -> tensor<1x[[R:[0-9]+]]x16x32x
// CHECK: %[[P0:.*]] = q.max_pool2d %[[C0]] {{.*}}pads = array<i64: 1, 1, 0, 0>{{.*}} -> tensor<1x[[S:[0-9]+]]x8x32x
// CHECK: %[[C1:.*]] = q.conv2d
// CHECK: %[[P1:.*]] = q.max_pool2d %[[C1]] {{.*}}pads = array<i64: 0, 1, 0, 0>
// CHECK: q.concat %[[P0]], %[[P1]]
func.func @pool(%arg: tensor<1x16x16x8xf32>) -> tensor<1x8x8x32xf32> {
  %w = q.const dense<1> : tensor<32x1x1x8xi8> as tensor<32x1x1x8x!quant.uniform<i8<-127:127>:f32, 0.25>>
  %x = q.quantize %arg : tensor<1x16x16x8xf32> -> tensor<1x16x16x8x!quant.uniform<u8:f32, 0.5>>
  %c = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>}
       : (tensor<1x16x16x8x!quant.uniform<u8:f32, 0.5>>, tensor<32x1x1x8x!quant.uniform<i8<-127:127>:f32, 0.25>>)
         -> tensor<1x16x16x32x!quant.uniform<u8:f32, 0.5:3>>
  %p = q.max_pool2d %c {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>,
         pads = array<i64: 1, 1, 0, 0>, dilations = array<i64: 1, 1>}
       : (tensor<1x16x16x32x!quant.uniform<u8:f32, 0.5:3>>) -> tensor<1x8x8x32x!quant.uniform<u8:f32, 0.5:3>>
  %y = q.dequantize %p : tensor<1x8x8x32x!quant.uniform<u8:f32, 0.5:3>> -> tensor<1x8x8x32xf32>
  return %y : tensor<1x8x8x32xf32>
}

// -----

!x = tensor<1x8x8x16x!quant.uniform<u8:f32, 0.5>>
!y = tensor<1x8x8x8x!quant.uniform<u8:f32, 0.5>>
!w = tensor<16x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!v = tensor<8x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>

// What two layers use is there as a whole anyway.
// CHECK-LABEL: func @used_twice
// CHECK-NOT: q.slice
// CHECK-NOT: q.concat
func.func @used_twice(%arg: tensor<1x8x8x16xf32>) -> (tensor<1x8x8x8xf32>, tensor<1x8x8x16xf32>) {
  %w = q.const dense<1> : tensor<16x1x1x16xi8> as !w
  %v = q.const dense<1> : tensor<8x1x1x16xi8> as !v
  %x = q.quantize %arg : tensor<1x8x8x16xf32> -> !x
  %a = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !x
  %b = q.conv2d %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !v) -> !y
  %c = q.dequantize %b : !y -> tensor<1x8x8x8xf32>
  %d = q.dequantize %a : !x -> tensor<1x8x8x16xf32>
  return %c, %d : tensor<1x8x8x8xf32>, tensor<1x8x8x16xf32>
}

// -----

!x = tensor<2x8x8x16x!quant.uniform<u8:f32, 0.5>>
!e = tensor<2x8x8x96x!quant.uniform<u8:f32, 0.5>>
!w = tensor<96x1x1x16x!quant.uniform<i8<-127:127>:f32, 0.25>>
!v = tensor<16x1x1x96x!quant.uniform<i8<-127:127>:f32, 0.25>>

// Rows of a batch do not lie side by side.
// CHECK-LABEL: func @batch
// CHECK-NOT: q.slice
func.func @batch(%arg: tensor<2x8x8x16xf32>) -> tensor<2x8x8x16xf32> {
  %w = q.const dense<1> : tensor<96x1x1x16xi8> as !w
  %v = q.const dense<1> : tensor<16x1x1x96xi8> as !v
  %x = q.quantize %arg : tensor<2x8x8x16xf32> -> !x
  %a = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!x, !w) -> !e
  %b = q.conv2d %a, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
         dilations = array<i64: 1, 1>} : (!e, !v) -> !x
  %y = q.dequantize %b : !x -> tensor<2x8x8x16xf32>
  return %y : tensor<2x8x8x16xf32>
}
