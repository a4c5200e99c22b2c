// What the kernel dialect and its passes refuse.
// RUN: qopt %s --lower-kernels --split-input-file --verify-diagnostics

func.func @weights(%x: memref<4x16xi8>, %w: memref<255xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{weights must have 256 elements for this tile, but has 255}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<255xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @shifts(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xi32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{the epilogue fixed64 needs shifts}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<fixed64>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xi32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @extent(%x: memref<1x4x4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<1x4x3x16xi8>) {
  // expected-error @+1 {{the result's height and width do not follow from the input, the kernel and its strides}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<1x4x4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<1x4x3x16xi8>) -> ()
  return
}

// -----

func.func @layout(%x: memref<4x16xi8, strided<[32, 2]>>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{needs buffers with static strides and contiguous channels}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8, strided<[32, 2]>>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

// expected-error @+1 {{bounds [0, 300] do not lie in the 8-bit range [0, 255]}}
func.func private @storage() attributes {a = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 300>}

// -----

func.func @chainless(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{one of chain and panel_chains goes with the micro-kernel pmaddubsw, none with the others}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

// expected-error @+1 {{a chain may leave int16: 255 * 129 is more than 32768}}
func.func private @chain() attributes {a = #qk.chain<length = 2, amax = 255, pair_sum = 100, chain_sum = 129>}

// -----

// expected-error @+1 {{chains have a length of 1, 2, 4 or 8, not 3}}
func.func private @length() attributes {a = #qk.chain<length = 3, amax = 255, pair_sum = 1, chain_sum = 3>}

// -----

// expected-error @+1 {{a chain of length 2 may leave int16: its sums reach 32769}}
func.func private @reach() attributes {a = #qk.panel_chains<lengths = [2, 0], reach = [32769, 0], counts = [1, 0]>}

// -----

// expected-error @+1 {{lengths of chains must fall, from 8 at most to 0}}
func.func private @rising() attributes {a = #qk.panel_chains<lengths = [1, 2], reach = [1, 1], counts = [1, 1]>}

// -----

// expected-error @+1 {{each length has a reach, and each panel a count}}
func.func private @missing() attributes {a = #qk.panel_chains<lengths = [2, 1], reach = [1], counts = [1, 1]>}

// -----

func.func @steps(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %t: memref<6xi16>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{panel 0 has 3 steps in its chains instead of 4}}
  qk.conv %x weights %w bias %b multipliers %m chains %t into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddubsw>, epilogue = #qk.epilogue<float>,
    panel_chains = #qk.panel_chains<lengths = [2, 1], reach = [30000, 20000], counts = [1, 1]>,
    tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<6xi16>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @signedChainless(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{a signed_chain and the micro-kernels smull and smull_lanes go together}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<smull>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

// expected-error @+1 {{a chain may leave int16: its sums lie in [-32512, 32768]}}
func.func private @signedChain() attributes {a = #qk.signed_chain<length = 2, lo = -128, hi = 127, sum_min = -32512, sum_max = 32768>}

// -----

// expected-error @+1 {{chains have a length of 1, 2, 4 or 8, not 16}}
func.func private @signedLength() attributes {a = #qk.signed_chain<length = 16, lo = -128, hi = 127, sum_min = 0, sum_max = 1>}

// -----

// expected-error @+1 {{activations lie in [-128, 127], and no lower end is above the upper one}}
func.func private @signedRange() attributes {a = #qk.signed_chain<length = 2, lo = 0, hi = 255, sum_min = 0, sum_max = 1>}

// -----

func.func @weightBits(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{weight_bits must be 4 or 2, and of a qk.conv}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>, weight_bits = 3 : i64}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

// 16 x 16 weights of half a byte.
func.func @packedLength(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{weights must have 128 elements for this tile, but has 256}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>, weight_bits = 4 : i64}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @entries(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{tile must have two entries}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @pixels(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{tile must hold at least one pixel, and a multiple of 8 channels up to 128}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 0, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @wide(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{tile is wider than the 16 output channels}}
  qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 1, 4>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<4x16xi8>) -> ()
  return
}

// -----

func.func @tensors(%x: tensor<4x16xi8>, %w: tensor<256xi8>, %b: tensor<16xi32>, %m: tensor<16xf32>, %y: tensor<4x16xi8>) -> tensor<4x16xi8> {
  // expected-error @+1 {{is lowered on buffers: bufferize it first}}
  %0 = qk.conv %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (tensor<4x16xi8>, tensor<256xi8>, tensor<16xi32>, tensor<16xf32>, tensor<4x16xi8>) -> tensor<4x16xi8>
  return %0 : tensor<4x16xi8>
}

// -----

// expected-error @+1 {{amax lies in [0, 255], and chain_sum is not smaller than pair_sum}}
func.func private @amax() attributes {a = #qk.chain<length = 2, amax = 256, pair_sum = 100, chain_sum = 100>}

// -----

// expected-error @+1 {{counts of chains cannot be negative}}
func.func private @negative() attributes {a = #qk.panel_chains<lengths = [2, 1], reach = [1, 1], counts = [1, -1]>}

// -----

func.func @bounds(%x: memref<4x16xi8>, %w: memref<256xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %c: memref<8xi8>, %y: memref<4x16xi8>) {
  // expected-error @+1 {{bounds must have 16 elements for this tile, but has 8}}
  qk.conv %x weights %w bias %b multipliers %m bounds %c into %y {
    kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 4, 2>}
    : (memref<4x16xi8>, memref<256xi8>, memref<16xi32>, memref<16xf32>, memref<8xi8>, memref<4x16xi8>) -> ()
  return
}
