// RUN: qtranslate --export-onnx-qdq %s --split-input-file --verify-diagnostics

func.func @float(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{is not quantized per tensor; run q-quantize before the export}}
  %0 = q.unary exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

!x = !quant.uniform<u8:f32, 0.5:3>

func.func @lrn(%x: tensor<1x4x!x>) -> tensor<1x4x!x> {
  // expected-error@+1 {{is not exported to ONNX; replace it in the model, or keep the module as q IR}}
  %0 = q.lrn %x {size = 3 : i64, alpha = 1.0e-4 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<1x4x!x>) -> tensor<1x4x!x>
  return %0 : tensor<1x4x!x>
}

// -----

// expected-error@+1 {{has no function 'main', nor a single other one, to export}}
module {}
