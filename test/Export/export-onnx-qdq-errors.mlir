// RUN: qtranslate --export-onnx-qdq %s --split-input-file --verify-diagnostics

func.func @float(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{is not quantized per tensor; run q-quantize before the export}}
  %0 = q.unary exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

!x = !quant.uniform<u8:f32, 0.5:3>

func.func @resize(%x: tensor<1x3x3x1x!x>) -> tensor<1x5x5x1x!x> {
  // expected-error@+1 {{resizes 3 to 5 with the scale 2.000000e+00, which ONNX would round otherwise}}
  %0 = q.resize %x {mode = #q<resize_mode nearest>, coordinates = #q<coordinate_mode asymmetric>, nearest = #q<nearest_mode floor>, scales = array<f32: 2.0, 2.0>} : (tensor<1x3x3x1x!x>) -> tensor<1x5x5x1x!x>
  return %0 : tensor<1x5x5x1x!x>
}

// -----

// expected-error@+1 {{has no function 'main', nor a single other one, to export}}
module {}
