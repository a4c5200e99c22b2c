// RUN: qopt %s -split-input-file -verify-diagnostics

// What shape inference says when shapes and attributes do not fit.

func.func @conv_rank(%x: tensor<4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: input and weights must have 4 dimensions, but have 3 and 4}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_groups(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: 3 groups do not divide 4 input and 6 output channels}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 3 : i64} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x3xf32>) {
  // expected-error @+2 {{conv2d: weights take 3 channels a group, but the input has 4}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x3xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_bias(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+2 {{conv2d: the bias must have shape [6], but has [5]}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>, tensor<5xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_attributes(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: a window has 2 extents, strides and dilations and 4 pads}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_strides(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: extents, strides and dilations must be positive}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 0, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_pads(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: pads must not be negative}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: -1, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_window(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv2d: a window that spans 6 does not fit into a padded input of 5}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 0>, dilations = array<i64: 5, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_residual(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>, %b: tensor<1x3x3x5xf32>) {
  // expected-error @+2 {{conv2d: the residual must have shape [1, 3, 3, 6]}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w residual %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>, tensor<1x3x3x5xf32>) -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @conv_result(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{are incompatible with return type(s) of operation}}
  // expected-error @+1 {{'q.conv2d' op failed to infer returned types}}
  %0 = q.conv2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x3x3x7xf32>
  return
}

// -----

func.func @conv_transpose_attributes(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv_transpose2d: needs 2 strides, dilations and output paddings and 4 pads}}
  // expected-error @+1 {{'q.conv_transpose2d' op failed to infer returned types}}
  %0 = q.conv_transpose2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x5x5x6xf32>
  return
}

// -----

func.func @conv_transpose_strides(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv_transpose2d: strides and dilations must be positive, output paddings not negative}}
  // expected-error @+1 {{'q.conv_transpose2d' op failed to infer returned types}}
  %0 = q.conv_transpose2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, -1>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x5x5x6xf32>
  return
}

// -----

func.func @conv_transpose_pads(%x: tensor<1x4x4x4xf32>, %w: tensor<6x2x2x4xf32>) {
  // expected-error @+2 {{conv_transpose2d: the pads leave no output}}
  // expected-error @+1 {{'q.conv_transpose2d' op failed to infer returned types}}
  %0 = q.conv_transpose2d %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 3, 0, 3, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x4x4x4xf32>, tensor<6x2x2x4xf32>) -> tensor<1x5x5x6xf32>
  return
}

// -----

func.func @gemm_depth(%x: tensor<1x3xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+2 {{gemm: input [1, 3] and weights [4, 2] must be [M, K] and [N, K]}}
  // expected-error @+1 {{'q.gemm' op failed to infer returned types}}
  %0 = q.gemm %x, %w : (tensor<1x3xf32>, tensor<4x2xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @matmul_depth(%x: tensor<1x3xf32>, %w: tensor<2x4xf32>) {
  // expected-error @+2 {{matmul: operands [1, 3] and [2, 4] must be [..., M, K] and [..., K, N]}}
  // expected-error @+1 {{'q.matmul' op failed to infer returned types}}
  %0 = q.matmul %x, %w : (tensor<1x3xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @matmul_batch(%x: tensor<2x1x3xf32>, %w: tensor<3x3x4xf32>) {
  // expected-error @+2 {{matmul: shapes [2] and [3] do not broadcast}}
  // expected-error @+1 {{'q.matmul' op failed to infer returned types}}
  %0 = q.matmul %x, %w : (tensor<2x1x3xf32>, tensor<3x3x4xf32>) -> tensor<2x1x4xf32>
  return
}

// -----

func.func @add_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{add: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.add' op failed to infer returned types}}
  %0 = q.add %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @sub_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{sub: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.sub' op failed to infer returned types}}
  %0 = q.sub %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @mul_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{mul: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.mul' op failed to infer returned types}}
  %0 = q.mul %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @div_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{div: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.div' op failed to infer returned types}}
  %0 = q.div %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pow_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{pow: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.pow' op failed to infer returned types}}
  %0 = q.pow %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @min_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{min: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.min' op failed to infer returned types}}
  %0 = q.min %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @max_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{max: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.max' op failed to infer returned types}}
  %0 = q.max %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @prelu_slope(%x: tensor<2x1xf32>, %w: tensor<3xf32>) {
  // expected-error @+2 {{prelu: the slope [3] must broadcast to the input [2, 1]}}
  // expected-error @+1 {{'q.prelu' op failed to infer returned types}}
  %0 = q.prelu %x, %w : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @max_pool2d_rank(%x: tensor<4x4x1xf32>) {
  // expected-error @+2 {{max_pool2d: the input must be [N, H, W, C]}}
  // expected-error @+1 {{'q.max_pool2d' op failed to infer returned types}}
  %0 = q.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<4x4x1xf32>) -> tensor<3x3x1xf32>
  return
}

// -----

func.func @avg_pool2d_rank(%x: tensor<4x4x1xf32>) {
  // expected-error @+2 {{avg_pool2d: the input must be [N, H, W, C]}}
  // expected-error @+1 {{'q.avg_pool2d' op failed to infer returned types}}
  %0 = q.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<4x4x1xf32>) -> tensor<3x3x1xf32>
  return
}

// -----

func.func @reduce_axis(%x: tensor<4x4xf32>) {
  // expected-error @+2 {{reduce: axis 2 of a tensor of rank 2}}
  // expected-error @+1 {{'q.reduce' op failed to infer returned types}}
  %0 = q.reduce sum %x {axes = array<i64: 2>} : (tensor<4x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<4x4xf32>) {
  // expected-error @+2 {{concat: axis -1 of tensors of rank 2}}
  // expected-error @+1 {{'q.concat' op failed to infer returned types}}
  %0 = q.concat %x {axis = -1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @concat_shapes(%x: tensor<4x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+2 {{concat: [3, 4] does not match [4, 4] outside of axis 1}}
  // expected-error @+1 {{'q.concat' op failed to infer returned types}}
  %0 = q.concat %x, %w {axis = 1 : i64} : (tensor<4x4xf32>, tensor<3x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @slice_rank(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{slice: needs a start, size and step for each of the 2 dimensions}}
  // expected-error @+1 {{'q.slice' op failed to infer returned types}}
  %0 = q.slice %x {starts = array<i64: 0>, sizes = array<i64: 4>, steps = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @slice_range(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{slice: elements 7 to 8 of dimension 1 with 8 elements}}
  // expected-error @+1 {{'q.slice' op failed to infer returned types}}
  %0 = q.slice %x {starts = array<i64: 0, 7>, sizes = array<i64: 4, 2>, steps = array<i64: 1, 1>} : (tensor<4x8xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @slice_step(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{slice: elements 7 to 7 of dimension 1 with 8 elements}}
  // expected-error @+1 {{'q.slice' op failed to infer returned types}}
  %0 = q.slice %x {starts = array<i64: 0, 7>, sizes = array<i64: 4, 2>, steps = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @pad_rank(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{pad: needs a low and a high border for each of the 2 dimensions}}
  // expected-error @+1 {{'q.pad' op failed to infer returned types}}
  %0 = q.pad %x {low = array<i64: 0>, high = array<i64: 0, 2>} : (tensor<4x8xf32>) -> tensor<4x10xf32>
  return
}

// -----

func.func @pad_negative(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{pad: borders must not be negative; use q.slice to cut}}
  // expected-error @+1 {{'q.pad' op failed to infer returned types}}
  %0 = q.pad %x {low = array<i64: 0, -2>, high = array<i64: 0, 4>} : (tensor<4x8xf32>) -> tensor<4x10xf32>
  return
}

// -----

func.func @pad_reflect(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{pad: cannot reflect 8 elements of 8}}
  // expected-error @+1 {{'q.pad' op failed to infer returned types}}
  %0 = q.pad %x {low = array<i64: 0, 8>, high = array<i64: 0, 0>, mode = #q<pad_mode reflect>} : (tensor<4x8xf32>) -> tensor<4x10xf32>
  return
}

// -----

func.func @transpose_order(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{transpose: [0, 0] is not an order of 2 dimensions}}
  // expected-error @+1 {{'q.transpose' op failed to infer returned types}}
  %0 = q.transpose %x {perm = array<i64: 0, 0>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @gather_axis(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{gather: needs indices and an axis within 2 dimensions}}
  // expected-error @+1 {{'q.gather' op failed to infer returned types}}
  %0 = q.gather %x {indices = array<i64: 0>, axis = 2 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @gather_index(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{gather: index 8 of dimension 1 with 8 elements}}
  // expected-error @+1 {{'q.gather' op failed to infer returned types}}
  %0 = q.gather %x {indices = array<i64: 0, 8>, axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @compare_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{compare: shapes [2, 3] and [2] do not broadcast}}
  // expected-error @+1 {{'q.compare' op failed to infer returned types}}
  %0 = q.compare less %x, %w : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @select_shapes(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{select: shapes [2] and [2, 3] do not broadcast}}
  // expected-error @+1 {{'q.select' op failed to infer returned types}}
  %0 = q.select %w, %x, %x : (tensor<2xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @arg_reduce_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'q.arg_reduce' op has axis 2 for a tensor of rank 2}}
  %0 = q.arg_reduce max %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
