// RUN: qopt %s --convert-q-to-linalg --canonicalize | FileCheck %s

!a = !quant.uniform<u8:f32, 0.5:3>
!b = !quant.uniform<u8:f32, 0.25:7>
!s = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.125}>
!bias = !quant.uniform<i32:f32:0, {0.125, 0.0625}>

// CHECK-DAG: #[[NCHW:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>

// The types of the borders survive as attributes.
// CHECK-LABEL: func @quantize(
// CHECK-SAME: tensor<4xf32> {q.type = tensor<4xf32>}
// CHECK-SAME: -> (tensor<4xi8> {q.type = tensor<4x!quant.uniform<u8:f32, 5.000000e-01:3>>})
func.func @quantize(%x: tensor<4xf32>) -> tensor<4x!a> {
  // A proven reciprocal in the place of the division; NaN to the zero point,
  // rounding half to even by adding 1.5 * 2^23 (N3).
  // CHECK-NOT: arith.divf
  // CHECK: arith.cmpf ord, %[[IN:.*]], %[[IN]]
  // CHECK-COUNT-3: arith.select
  // CHECK: %[[QUOTIENT:.*]] = arith.mulf
  // CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[QUOTIENT]]
  // CHECK-NEXT: arith.bitcast %[[SUM]] : f32 to i32
  // CHECK: arith.trunci {{.*}} : i32 to i8
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!a>
  return %0 : tensor<4x!a>
}

// Where no reciprocal is proven: divide, round half to even, NaN to the zero
// point, bounds, zero point.
// CHECK-LABEL: func @quantize_tiny
func.func @quantize_tiny(%x: tensor<4xf32>) -> tensor<4x!quant.uniform<u8:f32, 1.0e-30:3>> {
  // CHECK: %[[QUOTIENT:.*]] = arith.divf
  // CHECK-NEXT: %[[ROUNDED:.*]] = math.roundeven %[[QUOTIENT]]
  // CHECK-NEXT: arith.cmpf ord, %[[ROUNDED]], %[[ROUNDED]]
  // CHECK-COUNT-3: arith.select
  // CHECK: %[[INTEGER:.*]] = arith.fptosi
  // CHECK-NEXT: arith.addi %[[INTEGER]], %c3_i32
  // CHECK-NEXT: arith.trunci {{.*}} : i32 to i8
  %0 = q.quantize %x : tensor<4xf32> -> tensor<4x!quant.uniform<u8:f32, 1.0e-30:3>>
  return %0 : tensor<4x!quant.uniform<u8:f32, 1.0e-30:3>>
}

// A transpose in front of the border costs nothing.
// CHECK-LABEL: func @quantize_transposed
// CHECK: linalg.generic {indexing_maps = [#[[NCHW]], #{{.*}}]
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @quantize_transposed(%x: tensor<1x3x4x5xf32>) -> tensor<1x4x5x3x!a> {
  %0 = q.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x5xf32>) -> tensor<1x4x5x3xf32>
  %1 = q.quantize %0 : tensor<1x4x5x3xf32> -> tensor<1x4x5x3x!a>
  return %1 : tensor<1x4x5x3x!a>
}

// CHECK-LABEL: func @dequantize
func.func @dequantize(%x: tensor<4x!s>) -> tensor<4xf32> {
  // CHECK: arith.extsi {{.*}} : i8 to i32
  // CHECK: arith.sitofp
  // CHECK: arith.mulf
  %0 = q.dequantize %x : tensor<4x!s> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Twice as fine a scale: a multiplication by 2, no rounding.
// CHECK-LABEL: func @requantize
func.func @requantize(%x: tensor<4x!a>) -> tensor<4x!b> {
  // CHECK: %[[WIDE:.*]] = arith.extui {{.*}} : i8 to i32
  // CHECK: %[[DISTANCE:.*]] = arith.addi %[[WIDE]], %c-3_i32
  // CHECK: %[[SCALED:.*]] = arith.muli %[[DISTANCE]], %c2_i32
  // CHECK: arith.maxsi %[[SCALED]], %c-7_i32
  // CHECK: arith.minsi {{.*}}, %c248_i32
  // CHECK: arith.addi {{.*}}, %c7_i32
  // CHECK: arith.trunci {{.*}} : i32 to i8
  %0 = q.requantize %x : tensor<4x!a> -> tensor<4x!b>
  return %0 : tensor<4x!b>
}

// Equal parameters leave the bounds alone (N11).
// CHECK-LABEL: func @clamp
func.func @clamp(%x: tensor<4x!a>) -> tensor<4x!a> {
  // CHECK-NOT: arith.muli
  // CHECK: arith.maxsi {{.*}}, %c0_i32
  // CHECK: arith.minsi {{.*}}, %c12_i32
  %0 = q.clamp %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<4x!a>) -> tensor<4x!a>
  return %0 : tensor<4x!a>
}

// CHECK-LABEL: func @max_unsigned
func.func @max_unsigned(%x: tensor<2x4x!a>, %y: tensor<4x!a>) -> tensor<2x4x!a> {
  // CHECK: arith.maxui {{.*}} : i8
  %0 = q.max %x, %y : (tensor<2x4x!a>, tensor<4x!a>) -> tensor<2x4x!a>
  return %0 : tensor<2x4x!a>
}

// CHECK-LABEL: func @min_signed
func.func @min_signed(%x: tensor<4x!s>, %y: tensor<4x!s>) -> tensor<4x!s> {
  // CHECK: arith.minsi {{.*}} : i8
  %0 = q.min %x, %y : (tensor<4x!s>, tensor<4x!s>) -> tensor<4x!s>
  return %0 : tensor<4x!s>
}

// One rounding, ties away from zero, all in 32 bits (N12).
// CHECK-LABEL: func @add
func.func @add(%x: tensor<4x!b>, %y: tensor<4x!b>) -> tensor<4x!a> {
  // CHECK-COUNT-2: arith.muli {{.*}} : i32
  // CHECK: %[[SUM:.*]] = arith.addi
  // CHECK: %[[SIGN:.*]] = arith.shrsi %[[SUM]], %c31_i32
  // CHECK: arith.shrsi
  // CHECK-NOT: i64
  // CHECK: return
  %0 = q.add %x, %y : (tensor<4x!b>, tensor<4x!b>) -> tensor<4x!a>
  return %0 : tensor<4x!a>
}

// No sum of these scales is halfway between two integers.
// CHECK-LABEL: func @add_without_ties
func.func @add_without_ties(%x: tensor<4x!a>, %y: tensor<4x!b>) -> tensor<4x!b> {
  // CHECK-COUNT-2: arith.muli {{.*}} : i32
  // CHECK-NOT: %c31_i32
  // CHECK: arith.shrsi
  // CHECK: return
  %0 = q.add %x, %y : (tensor<4x!a>, tensor<4x!b>) -> tensor<4x!b>
  return %0 : tensor<4x!b>
}

// A table of 256 results (N15).
// CHECK-LABEL: func @unary
func.func @unary(%x: tensor<4x!s>) -> tensor<4x!a> {
  // CHECK: %[[TABLE:.*]] = arith.constant dense<"0x{{.*}}"> : tensor<256xi8>
  // CHECK: %[[INDEX:.*]] = arith.index_castui {{.*}} : i8 to index
  // CHECK: tensor.extract %[[TABLE]][%[[INDEX]]]
  %0 = q.unary sigmoid %x : (tensor<4x!s>) -> tensor<4x!a>
  return %0 : tensor<4x!a>
}

// Padding holds the zero point; int32 sums start from the bias (N6).
// CHECK-LABEL: func @conv2d
// CHECK-SAME: %[[X:.*]]: tensor<1x4x4x3xi8>
func.func @conv2d(%x: tensor<1x4x4x3x!a>) -> tensor<1x4x4x2x!b> {
  // CHECK: linalg.fill ins(%c3_i8
  // CHECK: tensor.insert_slice %[[X]]
  // CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction"]
  // CHECK: arith.extui {{.*}} : i8 to i32
  // CHECK: arith.extsi {{.*}} : i8 to i32
  // CHECK: arith.muli
  // CHECK: arith.addi
  %w = q.const dense<1> : tensor<2x3x3x3xi8> as tensor<2x3x3x3x!w>
  %b = q.const dense<7> : tensor<2xi32> as tensor<2x!bias>
  %0 = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x3x!a>, tensor<2x3x3x3x!w>, tensor<2x!bias>) -> tensor<1x4x4x2x!b>
  return %0 : tensor<1x4x4x2x!b>
}

// CHECK-LABEL: func @max_pool
func.func @max_pool(%x: tensor<1x4x4x3x!s>) -> tensor<1x2x2x3x!s> {
  // CHECK-COUNT-4: tensor.extract_slice {{.*}} [1, 2, 2, 3] [1, 2, 2, 1]
  // CHECK-COUNT-3: arith.maxsi {{.*}} : i8
  %0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x3x!s>) -> tensor<1x2x2x3x!s>
  return %0 : tensor<1x2x2x3x!s>
}

// The softmax divides once a row, in integers.
// CHECK-LABEL: func @softmax
func.func @softmax(%x: tensor<3x8x!a>) -> tensor<3x8x!quant.uniform<u8:f32, 0.00390625>> {
  // CHECK: arith.maxui
  // CHECK: tensor.extract {{.*}} : tensor<256xi32>
  // CHECK: linalg.generic {{.*}} ins({{.*}} : tensor<3xi64>) outs({{.*}} : tensor<3xi32>)
  // CHECK: arith.divui {{.*}} : i64
  %0 = q.softmax %x {axis = 1} : (tensor<3x8x!a>) -> tensor<3x8x!quant.uniform<u8:f32, 0.00390625>>
  return %0 : tensor<3x8x!quant.uniform<u8:f32, 0.00390625>>
}

// CHECK-LABEL: func @concat
func.func @concat(%x: tensor<2x4x!a>, %y: tensor<3x4x!a>) -> tensor<5x4x!a> {
  // CHECK: tensor.empty() : tensor<5x4xi8>
  // CHECK: tensor.insert_slice {{.*}}[0, 0] [2, 4] [1, 1]
  // CHECK: tensor.insert_slice {{.*}}[2, 0] [3, 4] [1, 1]
  %0 = q.concat %x, %y {axis = 0} : (tensor<2x4x!a>, tensor<3x4x!a>) -> tensor<5x4x!a>
  return %0 : tensor<5x4x!a>
}

// Views where memory allows.
// CHECK-LABEL: func @slice
func.func @slice(%x: tensor<4x8x!a>) -> (tensor<2x4x!a>, tensor<4x4x!a>) {
  // CHECK: tensor.extract_slice {{.*}}[0, 4] [2, 4] [2, 1]
  // CHECK: linalg.generic
  %0 = q.slice %x {starts = array<i64: 0, 4>, sizes = array<i64: 2, 4>, steps = array<i64: 2, 1>} : (tensor<4x8x!a>) -> tensor<2x4x!a>
  %1 = q.slice %x {starts = array<i64: 0, 7>, sizes = array<i64: 4, 4>, steps = array<i64: 1, -2>} : (tensor<4x8x!a>) -> tensor<4x4x!a>
  return %0, %1 : tensor<2x4x!a>, tensor<4x4x!a>
}

// CHECK-LABEL: func @reshape
func.func @reshape(%x: tensor<2x6x!a>) -> tensor<3x4x!a> {
  // CHECK: tensor.collapse_shape
  // CHECK: tensor.expand_shape
  %0 = q.reshape %x : (tensor<2x6x!a>) -> tensor<3x4x!a>
  return %0 : tensor<3x4x!a>
}

// Extents of 1 change places for nothing.
// CHECK-LABEL: func @transpose_of_ones
func.func @transpose_of_ones(%x: tensor<1x6x1x2x!a>) -> tensor<6x1x1x2x!a> {
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %0 = q.transpose %x {perm = array<i64: 1, 0, 2, 3>} : (tensor<1x6x1x2x!a>) -> tensor<6x1x1x2x!a>
  return %0 : tensor<6x1x1x2x!a>
}

// A quotient of floats, tried for all pairs of 8-bit operands.
// CHECK-LABEL: func @div
func.func @div(%x: tensor<4x8x!a>, %y: tensor<8x!a>) -> tensor<4x8x!a> {
  // CHECK: %[[ZERO:.*]] = arith.cmpi eq
  // CHECK: arith.select %[[ZERO]]
  // CHECK: arith.divf
  // CHECK-NOT: i64
  // CHECK: return
  %0 = q.div %x, %y : (tensor<4x8x!a>, tensor<8x!a>) -> tensor<4x8x!a>
  return %0 : tensor<4x8x!a>
}

// Of wider operands, a rounded quotient of integers; a division by zero
// saturates.
// CHECK-LABEL: func @div_wide
func.func @div_wide(%x: tensor<4x8x!quant.uniform<i16:f32, 0.5>>, %y: tensor<8x!a>) -> tensor<4x8x!a> {
  // CHECK: %[[ZERO:.*]] = arith.cmpi eq
  // CHECK: arith.divui {{.*}} : i64
  // CHECK: %[[SATURATED:.*]] = arith.shli
  // CHECK: arith.select %[[ZERO]], %[[SATURATED]]
  %0 = q.div %x, %y : (tensor<4x8x!quant.uniform<i16:f32, 0.5>>, tensor<8x!a>) -> tensor<4x8x!a>
  return %0 : tensor<4x8x!a>
}

// Two sums, one root and one division a row; no float is left.
// CHECK-LABEL: func @layer_norm
func.func @layer_norm(%x: tensor<4x8x!a>) -> tensor<4x8x!a> {
  // CHECK-COUNT-2: iterator_types = ["parallel", "reduction"]
  // CHECK: math.ctlz
  // CHECK: scf.for
  // CHECK: arith.divui
  // CHECK-NOT: f32
  // CHECK: return
  %g = q.const dense<1.5> : tensor<8xf32>
  %0 = q.layer_norm %x, %g {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<4x8x!a>, tensor<8xf32>) -> tensor<4x8x!a>
  return %0 : tensor<4x8x!a>
}

// The window of 4 channels has one before the middle and two after it.
// CHECK-LABEL: func @lrn
func.func @lrn(%x: tensor<1x2x2x8x!a>) -> tensor<1x2x2x8x!a> {
  // CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 1] [1, 2, 2, 8] {{.*}} into tensor<1x2x2x11xi8>
  // CHECK-COUNT-3: tensor.extract_slice
  // CHECK: linalg.generic {{.*}} ins({{.*}}, %arg0, {{.*}}, {{.*}} :
  // CHECK-COUNT-4: arith.muli {{.*}} : i32
  // CHECK-NOT: math.ctlz
  // CHECK: tensor.extract {{.*}} : tensor<{{[0-9]*}}xi64>
  %0 = q.lrn %x {size = 4 : i64, alpha = 0.0001 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<1x2x2x8x!a>) -> tensor<1x2x2x8x!a>
  return %0 : tensor<1x2x2x8x!a>
}

// So many octaves are counted, not compared with; the window is all channels.
// CHECK-LABEL: func @lrn_octaves
func.func @lrn_octaves(%x: tensor<1x2x2x3x!a>) -> tensor<1x2x2x3x!a> {
  // CHECK: tensor.insert_slice {{.*}} into tensor<1x2x2x7xi8>
  // CHECK: math.ctlz
  %0 = q.lrn %x {size = 99 : i64, alpha = 0.02 : f32, beta = 0.75 : f32, bias = 0.0 : f32} : (tensor<1x2x2x3x!a>) -> tensor<1x2x2x3x!a>
  return %0 : tensor<1x2x2x3x!a>
}

// Bounds of channels: a minimum with a constant.
// CHECK-LABEL: func @channel_bounds
func.func @channel_bounds(%x: tensor<3x2x!s>, %y: tensor<3x2x!s>) -> tensor<3x2x!s> {
  // CHECK: %[[BOUNDS:.*]] = arith.constant dense<[5, -2]> : tensor<2xi8>
  // CHECK: linalg.generic
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[BOUNDS]] : tensor<3x2xi8>, tensor<2xi8>)
  // CHECK: arith.minsi {{.*}} : i8
  %0 = q.add %x, %y {channel_max = array<f32: 2.6, -1.0>} : (tensor<3x2x!s>, tensor<3x2x!s>) -> tensor<3x2x!s>
  return %0 : tensor<3x2x!s>
}
