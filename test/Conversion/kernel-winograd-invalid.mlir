// What is refused of Winograd layers.
// RUN: qopt %s --split-input-file --verify-diagnostics

func.func @proof(%x: memref<1x7x7x16xi8>, %w: memref<2304xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<1x7x7x16xi8>) {
  qk.winograd %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    // expected-error @+1 {{accumulators of [0, 33554432] do not lie in [-33554432, 33554431], where Winograd is exact}}
    winograd_proof = #qk.winograd_proof<acc_min = 0, acc_max = 33554432, cycles = 1, direct_cycles = 2>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 2, 16>}
    : (memref<1x7x7x16xi8>, memref<2304xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  return
}

// -----

func.func @no_proof(%x: memref<1x7x7x16xi8>, %w: memref<2304xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<1x7x7x16xi8>) {
  // expected-error @+1 {{a winograd_proof belongs to every qk.winograd, and to no other layer}}
  qk.winograd %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 2, 16>}
    : (memref<1x7x7x16xi8>, memref<2304xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  return
}

// -----

func.func @channels(%x: memref<1x7x7x24xi8>, %w: memref<3456xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<1x7x7x16xi8>) {
  // expected-error @+1 {{has no kernel: its input channels are no multiple of 16, or its output channels fewer}}
  qk.winograd %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    winograd_proof = #qk.winograd_proof<acc_min = 0, acc_max = 1, cycles = 1, direct_cycles = 2>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 2, 8>}
    : (memref<1x7x7x24xi8>, memref<3456xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  return
}

// -----

func.func @tile(%x: memref<1x7x7x48xi8>, %w: memref<6912xi8>, %b: memref<16xi32>, %m: memref<16xf32>, %y: memref<1x7x7x16xi8>) {
  // expected-error @+1 {{tile must be a number of rows and a multiple of 16 that divides the input channels}}
  qk.winograd %x weights %w bias %b multipliers %m into %y {
    kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    winograd_proof = #qk.winograd_proof<acc_min = 0, acc_max = 1, cycles = 1, direct_cycles = 2>,
    input_storage = #qk.storage<signed = false, zero_point = 3, lo = 0, hi = 255>,
    output_storage = #qk.storage<signed = false, zero_point = 0, lo = 0, hi = 255>,
    micro_kernel = #qk.micro_kernel<pmaddwd>, epilogue = #qk.epilogue<float>, tile = array<i64: 2, 32>}
    : (memref<1x7x7x48xi8>, memref<6912xi8>, memref<16xi32>, memref<16xf32>, memref<1x7x7x16xi8>) -> ()
  return
}
